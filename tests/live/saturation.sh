#!/usr/bin/env bash
# U-1 on the wire: nginx in front of an origin that saturates, wrk at rising concurrency, captured live. The knee and the
# most throughput must be those of the origin within 10 %, and the backend be ranked first with what it costs. Five minutes;
# SECONDS_EACH shortens the steps (120 seconds in all are needed).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/live/net.sh
net_test "saturation" "$@"
each=${SECONDS_EACH:-13}
rc=0

net_up
cat >"$work/site" <<NGINX
log_format took '\$msec \$status \$request_time';
access_log $work/access.log took;
upstream origin { server 127.0.0.1:9000; keepalive 64; }
server {
    listen 80;
    location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }
}
NGINX
echo 'local n = 0
function request() n = n + 1; return wrk.format("GET", "/reports/" .. n, {Host = "slow.example"}) end' >"$work/load.lua"

# saturate NAME KNEE LIMIT ALONE ORIGIN…: the steps of concurrency against that origin, and what the report says of it.
saturate() {
    local name=$1 knee=$2 limit=$3 alone=$4 origin capture n
    shift 4
    ip netns exec srv python3 tests/live/slow.py 9000 "$@" </dev/null 2>"$work/origin.err" &
    origin=$!
    for n in $(seq 50); do
        srv timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/9000" 2>/dev/null && break
        sleep 0.1
    done
    : >"$work/access.log"
    ip netns exec srv "$work/spanwise" capture -q -i vs -d "$work/out/$name.db" --secret "$work/secret" </dev/null >"$work/stdout" 2>"$work/stderr" &
    capture=$!
    sleep 1.5
    for n in 1 2 4 6 9 13 18 24 30 36 42; do
        cli timeout $((each + 20)) wrk -t1 "-c$n" "-d${each}s" --timeout 10s -s "$work/load.lua" http://10.77.0.1:80/ </dev/null >"$work/wrk" 2>&1
    done
    sleep 1.5
    net_end "$capture" TERM
    net_end "$origin" TERM
    if python3 tests/live/saturated.py "$work/spanwise" "$work/out/$name.db" "$work/access.log" "$knee" "$limit" "$alone" >"$work/said" 2>&1; then
        echo "ok - $name: $(head -n 1 "$work/said")"
    else
        echo "not ok - $name: $(head -n 1 "$work/said")"
        rc=1
        sed 1d "$work/said" "$work/stderr" "$work/origin.err" | head -n 12 | cut -c1-300 | sed 's/^/#   /'
    fi
}

net_nginx "$work/site"
net_wait 80
saturate law 21.8 73.9 0.1 law 10 0.05 0.002
saturate workers 0 50 0 workers 4 0.08
net_end "$NET_NGINX" TERM
exit $rc
