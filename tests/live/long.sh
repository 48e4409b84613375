#!/usr/bin/env bash
# A long live capture beside a real nginx: MINUTES of it (default 40; `make proof` runs it). What the process holds beyond
# what it accounts for stays within 8 MiB, neither grows in the last quarter, and nginx counts the requests that we do.
# Not part of `make check`: tests/run takes live.sh alone.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/live/net.sh
net_test "long live capture" "$@"
net_up
net_addresses 10 40
cat >"$work/site" <<NGINX
server {
    listen 80;
    location / { add_header Cache-Control max-age=60; return 200 "\$request_uri is \$request_length long and answered at \$msec\n"; }
    location /none { return 404; }
    location /made { return 201 "made\n"; }
}
server {
    listen 127.0.0.1:81;
    location / { stub_status; }
}
NGINX
cat >"$work/load.lua" <<'LUA'
local n = 0
local threads = 0
function setup(thread)
    threads = threads + 1
    thread:set("first", threads)
end
function init() math.randomseed(first) end
function delay() return math.random(20, 180) end
function request()
    n = n + 1
    local headers = {Host = "live.example", Authorization = "Bearer token-" .. n % 20}
    if n % 11 == 0 then return wrk.format("POST", "/made/" .. math.random(500), headers, "body of " .. n) end
    if n % 13 == 0 then return wrk.format("GET", "/none/" .. n % 5, headers) end
    return wrk.format("GET", "/items/" .. math.random(800) .. "?page=" .. n % 3, headers)
end
LUA
net_nginx "$work/site"
net_wait 80
ip netns exec srv "$work/spanwise" capture -q -i vs -f "tcp port 80" -d "$work/out/long.db" --secret tests/pcap/secret </dev/null >"$work/stdout" 2>"$work/stderr" &
CAPTURE=$!
for _ in $(seq 100); do
    [ "$(srv cat /proc/net/packet | wc -l)" -gt 1 ] && break
    sleep 0.1
done
sleep 1
handled() { srv curl -s http://127.0.0.1:81/ | awk 'NR == 3 {print $3}'; }
before=$(handled)
minutes=${MINUTES:-40}
cli timeout $((minutes * 60 + 60)) wrk -t2 -c"${CONNECTIONS:-24}" -d"$((minutes * 60))s" -s "$work/load.lua" http://10.77.0.1:80/ </dev/null >"$work/wrk" 2>&1 &
LOAD=$!
python3 tests/live/memory.py "$CAPTURE" "$work/out/long.db" "$((minutes * 60))"
rc=$?
wait "$LOAD"
sleep 1
after=$(handled)
net_end "$CAPTURE" TERM
[ "$NET_CODE" -eq 0 ] && [ ! -s "$work/stderr" ]
code=$?
[ $code -eq 0 ] || rc=1
echo "$([ $code -eq 0 ] && echo ok || echo not ok) - a signal ends it in order (exit $NET_CODE)"
"$work/spanwise" report "$work/out/long.db" --format json | python3 -c '
import json, sys
nginx = int(sys.argv[1])
d = json.load(sys.stdin)
ours, lost = d["totals"]["exchanges"], (d["capture"]["kernel_dropped"] or 0) + (d["capture"]["interface_dropped"] or 0)
good = ours == nginx or lost and 0 < nginx - ours <= lost
print("%s - nginx counts %d requests, we %d exchanges (%d packets dropped)" % ("ok" if good else "not ok", nginx, ours, lost))
sys.exit(not good)' $((after - before - 1))
[ $? -eq 0 ] || rc=1
net_end "$NET_NGINX"
exit $rc
