#!/usr/bin/env bash
# Who calls whom beside real servers: nginx in front passes requests with traceparent on to two nginx behind it, one of them slow. What
# the report says of calls, shares of time and servers is what their own logs say.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/live/net.sh
net_test "hops" "$@"
mkdir "$work/front" "$work/fast" "$work/slow"
net_up
net_addresses 10 21
cat >"$work/front/site" <<NGINX
log_format times '\$request_time \$upstream_response_time \$upstream_addr \$status';
access_log $work/front/access.log times;
upstream origin { server 10.77.0.20:8080; server 10.77.0.21:8080; keepalive 16; }
server {
    listen 80;
    location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }
}
NGINX
net_nginx "$work/front/site"
front=$NET_NGINX
origin() { # origin NAME ADDRESS LIMIT: an nginx on the client's side, so that the wire between sees both hops
    cat >"$work/$1/nginx.conf" <<NGINX
user root root; daemon off; master_process off; pid $work/$1/pid; error_log $work/$1/error.log crit; events { worker_connections 256; }
http {
    access_log $work/$1/access.log; keepalive_requests 1000000; client_body_temp_path $work/$1/b; proxy_temp_path $work/$1/p;
    fastcgi_temp_path $work/$1/f; uwsgi_temp_path $work/$1/u; scgi_temp_path $work/$1/s; limit_req_zone \$server_port zone=z:1m rate=25r/s;
    server { listen $2:8080; $3 root $work/$1; try_files /thing =404; }
}
NGINX
    echo "a thing" >"$work/$1/thing" # a file: what is merely returned is not delayed
    ip netns exec cli nginx -p "$work/$1" -c "$work/$1/nginx.conf" -e "$work/$1/error.log" </dev/null >/dev/null 2>&1 &
    NET_ORIGIN=$!
}
origin fast 10.77.0.20 ""
one=$NET_ORIGIN
origin slow 10.77.0.21 "limit_req zone=z burst=1000;"
two=$NET_ORIGIN
cat >"$work/load.lua" <<'LUA'
local n = 0
function request()
    n = n + 1
    local trace = string.format("00-%08x%08x%08x%08x-%08x%08x-01", math.random(1, 2^31 - 1), n, n % 7, 5, n, 1)
    return wrk.format("GET", "/items/" .. n % 97, {Host = "shop.example", traceparent = trace})
end
LUA
net_wait 80
for i in $(seq 50); do
    cli timeout 2 bash -c 'exec 3<>/dev/tcp/10.77.0.20/8080 4<>/dev/tcp/10.77.0.21/8080' 2>/dev/null && break
    sleep 0.1
done
: >"$work/front/access.log"
: >"$work/fast/access.log"
: >"$work/slow/access.log"
ip netns exec srv "$work/spanwise" capture -q -i vs -d "$work/out/hops.db" --secret "$work/secret" </dev/null >"$work/stdout" 2>&1 &
capture=$!
for _ in $(seq 100); do
    [ "$(srv cat /proc/net/packet | wc -l)" -gt 1 ] && break # its packet socket is there
    sleep 0.1
done
sleep 0.5
cli timeout 20 wrk -t1 -c4 -d3s -s "$work/load.lua" http://10.77.0.1:80/ </dev/null >"$work/wrk" 2>&1
sleep 0.7
net_end "$capture" TERM
for pid in "$front" "$one" "$two"; do
    net_end "$pid"
done
"$work/spanwise" report "$work/out/hops.db" --format json >"$work/report.json" || cat "$work/stdout"
python3 - "$work" <<'PY'
import json
import sys

work, rc = sys.argv[1], 0
r = json.load(open(work + "/report.json"))


def check(holds, what, *details):
    global rc
    print("%s - %s" % ("ok" if holds else "not ok", what))
    if not holds:
        rc = 1
        for d in details:
            print("#   " + str(d)[:300])


front = [line.split() for line in open(work + "/front/access.log")]
at = {"10.77.0.20:8080": sum(1 for _ in open(work + "/fast/access.log")), "10.77.0.21:8080": sum(1 for _ in open(work + "/slow/access.log"))}
share = sum(float(x[1]) for x in front) / sum(float(x[0]) for x in front)
edges = [d for d in r["dependencies"] or [] if d["caller"] == "http://shop.example"]
check(len(edges) == 1 and edges[0]["callee"] == "http://origin" and edges[0]["relayed"], "the front calls the origin", r["dependencies"], r["hops"])
d = edges[0] if edges else {}
# those under way when wrk stops are cut, and nginx logs them or not
check(abs(d.get("caller_requests", 0) - len(front)) <= 8 and abs(d.get("calls", 0) - sum(at.values())) <= 8, "as often as their logs say",
      d.get("caller_requests"), len(front), d.get("calls"), at)
# nginx's clock stands still while it waits for the CPU, which is the front's own time on the wire
check(share - .2 < d.get("time_share", 0) < share + .01, "for %.3f of its time, which its log says, too" % share, d.get("time_share"))
check(d.get("ambiguous", 1) == d.get("by_time", 1) == 0, "of which none is doubtful", d)
group = next((g for g in r["backends"] or [] if g["service"] == "http://origin"), {"servers": []})
seen = {s["server"]: s for s in group["servers"]}
check(seen.keys() == at.keys() and all(abs(seen[k]["requests"] - at[k]) <= 8 for k in at), "each server answered what its log says",
      {k: s["requests"] for k, s in seen.items()}, at)
check([k for k, s in seen.items() if (s["beside_peers"] or {}).get("slow")] == ["10.77.0.21:8080"], "the slow one is named", group)
check(any(b["kind"] == "slow_server" and "10.77.0.21:8080" in b["target"] for b in r["bottlenecks"]), "and stands among the bottlenecks")
sys.exit(rc)
PY
