#!/usr/bin/env bash
# Makes the captures of tests/pcap from real servers and clients in network namespaces: `tests/make/demo.sh demo` the large
# one (four minutes), `tests/make/demo.sh NAME…` small ones, without a name all. The files differ from run to run in times,
# ports and sequence numbers: after a new capture comes a new NAME.want (make want NAME=…), read by a person.
# Needs unshare, ip, nginx, curl, wrk, tcpdump, openssl, python3, redis-server, memcached; see tests/live/net.sh for what it does to the machine: nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/live/net.sh
net_enter "$@"
out=$PWD/tests/pcap
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
net_up
net_addresses 10 70
net_networks 78.1 78.2 78.3

record() { # record FILE [FILTER…]: tcpdump on the server's side
    rm -f "$work/tcpdump"
    ip netns exec srv tcpdump --immediate-mode -i vs -s 262144 -B 32768 -U -Z root -w "$@" 2>"$work/tcpdump" </dev/null &
    RECORD=$!
    for _ in $(seq 50); do
        grep -qs listening "$work/tcpdump" && return 0
        sleep 0.1
    done
    cat "$work/tcpdump" >&2
    return 1
}
recorded() {
    sleep 0.5
    net_end "$RECORD"
    grep -q '^0 packets dropped by kernel' "$work/tcpdump" || { cat "$work/tcpdump"; echo "packets were dropped: take it again"; } >&2
}
peer() { cli timeout 20 python3 tests/make/peers.py "$1" 10.77.0.1 "$2"; }
get() { cli timeout 20 curl -s -o /dev/null --resolve '*:80:10.77.0.1' --resolve '*:8081:10.77.0.1' "$@" || true; }

site() { # the nginx of the demo: a front with static files, gzip, a limiter and an application behind it
    mkdir -p "$work/www/static"
    printf '<html><title>shop</title><link rel=stylesheet href=/static/app.css>%s</html>\n' "$(seq -s ' ' 60)" >"$work/www/index.html"
    for n in $(seq 60); do echo ".c$n { margin: ${n}px }"; done >"$work/www/static/app.css"
    echo '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="4"/></svg>' >"$work/www/static/logo.svg"
    seq 4000 >"$work/www/big.txt"
    for n in a b c; do echo "{\"name\": \"$n\", \"list\": [1, 2, 3]}" >"$work/www/$n.json"; done
    cat >"$work/site" <<NGINX
log_format truth '\$status \$request_method \$server_port \$request_uri';
access_log $work/access.log truth;
limit_req_zone \$binary_remote_addr zone=login:1m rate=2r/s;
limit_req_status 429;
gzip on; gzip_types application/json text/css; gzip_min_length 600; gzip_proxied any;
keepalive_timeout 20s;
server {
    listen 80; root $work/www;
    location = /old-home { return 301 /; }
    location /static/ { add_header Cache-Control "public, max-age=86400"; }
    location /api/v1/ { proxy_pass http://127.0.0.1:8000; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location ~ ^/api/v1/(events|export) { proxy_pass http://127.0.0.1:8000; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
    location /api/v1/login { limit_req zone=login burst=3 nodelay; proxy_pass http://127.0.0.1:8000; }
    location = /nothing { return 204; }
    location /slow/ { limit_rate 4k; alias $work/www/; }
    location /up { return 201; client_max_body_size 1m; }
}
NGINX
    cat >>"$work/site" <<NGINX
server {
    listen 8082 http2; root $work/www;
    location /slow/ { limit_rate 4k; alias $work/www/; }
    location /up { return 201; client_max_body_size 1m; }
}
NGINX
    if [ -f "$work/tls.key" ]; then
        echo "server { listen 443 ssl; ssl_certificate $work/tls.pem; ssl_certificate_key $work/tls.key; root $work/www; }" >>"$work/site"
    fi
    net_nginx "$work/site"
    net_wait 80
}

demo() {
    local seconds=${DEMO_SECONDS:-240} origin packets
    site
    ip netns exec srv python3 tests/make/origin.py 8000 </dev/null >"$work/origin.log" 2>&1 &
    origin=$!
    sleep 0.5
    record "$work/demo.pcap" tcp port 80
    : >"$work/access.log"
    cli timeout $((seconds + 90)) python3 tests/make/drive.py "$seconds" "$work" </dev/null
    recorded
    net_end "$origin"
    net_end "$NET_NGINX"
    python3 tests/make/rewrap.py plain "$work/demo.pcap" "$out/demo.pcap.zst"
    # What nginx itself answered: requests by status and by method, for a check that does not rest on our own decoder.
    { awk '{ print "status", $1 }' "$work/access.log"; awk '{ print "method", $2 }' "$work/access.log"; } | sort | uniq -c |
        awk '{ print $2, $3, $1 }' >"$out/demo.nginx"
    ls -l "$out/demo.pcap.zst"
    cat "$out/demo.nginx"
}

small() { # small NAME: the function of that name between record and recorded
    record "$work/$1.pcap" tcp
    "take_$1"
    recorded
    python3 tests/make/rewrap.py plain "$work/$1.pcap" "$out/$1.pcap"
    ls -l "$out/$1.pcap"
}
api=http://api.shop.example
take_keepalive() {
    get $api/a.json -o /dev/null $api/b.json -o /dev/null $api/a.json -o /dev/null $api/missing -H 'Authorization: Bearer demo-token-keepalive'
    peer pipeline 80
    peer pipeline 8081
    peer split 8081
}
take_chunked() {
    get http://peers.example:8081/trailers
    get --compressed $api/static/app.css
    head -c 3000 "$work/www/big.txt" | get -T - $api/up
    peer trailers 8081
}
take_heads() {
    local etag
    get -I $api/a.json
    etag=$(cli curl -s -I --resolve '*:80:10.77.0.1' $api/a.json | tr -d '\r' | sed -n 's/^ETag: //p')
    get -H "If-None-Match: $etag" $api/a.json
    get $api/nothing
    get $api/old-home
    get -H 'Expect: 100-continue' -d "$(seq -s , 900)" http://peers.example:8081/expect --expect100-timeout 0.1
    get -H 'Expect: 100-continue' -d 'x=1' $api/up
    get http://peers.example:8081/hints
    get -0 http://peers.example:8081/close
    get -r 0-99 $api/big.txt
    get -X OPTIONS $api/a.json
}
take_upload() {
    get -H 'Content-Type: application/json' -d @"$work/www/big.txt" $api/up
    get -X PUT -d '{"a": 1}' $api/up/17 -o /dev/null -X PUT $api/up/18
    get -F "file=@$work/www/a.json" -F note=hello $api/up
}
take_abort() {
    peer leave 80
    get --max-time 0.6 $api/slow/big.txt
    get http://peers.example:8081/reset
    get http://peers.example:8081/silent
    get $api/a.json
}
take_upgrade() {
    peer ws 8081
    get http://peers.example:8081/after
}
h2get() { cli timeout 20 curl -s -o /dev/null --http2-prior-knowledge "$@" || true; }
take_h2() {
    local n nghttpd uri=$work/uris
    mkdir -p "$work/www/h2"
    for n in $(seq 24); do seq "$((n * 12))" >"$work/www/h2/$n.txt"; done
    seq -s ' ' 4000 >"$work/form"
    ip netns exec srv nghttpd --no-tls --trailer 'x-sum: 5' -d "$work/www" 8083 </dev/null >/dev/null 2>&1 &
    nghttpd=$!
    net_wait 8083
    for n in $(seq 90); do echo "http://10.77.0.1:8082/h2/$((n * 7 % 24 + 1)).txt?n=$n"; done >"$uri.nginx"
    for n in $(seq 60); do echo "http://10.77.0.1:8083/h2/$((n * 5 % 24 + 1)).txt?n=$n"; done >"$uri.nghttpd"
    cli timeout 20 h2load -c 2 -m 6 -n 180 -i "$uri.nginx" >/dev/null
    cli timeout 20 h2load -c 1 -m 4 -n 60 -i "$uri.nghttpd" >/dev/null
    cli timeout 20 nghttp -n $(head -n 20 "$uri.nghttpd") >/dev/null
    cli timeout 20 nghttp -n -H 'cookie: theme=dark' -H 'cookie: sid=made-up-session-1' $(head -n 9 "$uri.nginx") >/dev/null
    for n in 3 9 15; do
        h2get -H 'Authorization: Bearer demo-token-h2' "http://10.77.0.1:8082/h2/$n.txt"
    done
    h2get http://10.77.0.1:8082/h2/missing
    h2get -I http://10.77.0.1:8082/h2/1.txt
    h2get -d @"$work/form" http://10.77.0.1:8082/up
    h2get --max-time 0.6 http://10.77.0.1:8082/slow/big.txt
    net_end "$nghttpd"
}
# A port of their own, so that they are told by content.
take_redis() {
    ip netns exec srv redis-server --port 7001 --bind 10.77.0.1 --protected-mode no --save '' --appendonly no </dev/null >/dev/null 2>&1 &
    local server=$!
    net_wait 7001
    cli timeout 20 redis-benchmark -h 10.77.0.1 -p 7001 -n 64 -P 16 -c 2 -r 20 -t set,get -q >/dev/null
    cli timeout 20 python3 tests/make/caches.py redis 10.77.0.1 7001
    net_end "$server"
}
take_memcached() {
    ip netns exec srv memcached -u root -l 10.77.0.1 -p 7002 -U 0 </dev/null >/dev/null 2>&1 &
    local server=$!
    net_wait 7002
    cli timeout 20 python3 tests/make/caches.py memcached 10.77.0.1 7002
    net_end "$server"
}
take_tls() {
    cli timeout 20 curl -sk -o /dev/null -o /dev/null https://10.77.0.1/a.json https://10.77.0.1/b.json
    cli timeout 20 curl -sk --tls-max 1.2 -o /dev/null https://10.77.0.1/c.json
    cli timeout 20 curl -sk -o /dev/null https://10.77.0.1/a.json
}

derived() { # captures made of others
    local r="python3 tests/make/rewrap.py"
    $r vlan "$out/heads.pcap" "$out/vlan.pcap"
    $r qinq "$out/keepalive.pcap" "$out/qinq.pcap"
    $r vxlan "$out/heads.pcap" "$out/vxlan.pcap"
    $r oneway "$out/keepalive.pcap" "$out/oneway.pcap"
    $r dup "$out/chunked.pcap" "$out/doubled.pcap"
    $r cut400 "$out/upload.pcap" "$out/snaplen.pcap"
    head -c 24 "$out/heads.pcap" >"$out/empty.pcap"
}

SMALL="keepalive chunked heads upload abort upgrade h2 redis memcached tls"
names=${*:-demo $SMALL}
case " $names " in
*" demo "*) demo ;;
esac
if [ "$names" != demo ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=demo \
        -keyout "$work/tls.key" -out "$work/tls.pem" 2>/dev/null
    site
    ip netns exec srv python3 tests/make/peers.py serve 8081 </dev/null >"$work/peers.log" 2>&1 &
    peers=$!
    net_wait 8081
    for name in $names; do
        [ "$name" = demo ] || small "$name"
    done
    net_end "$peers"
    net_end "$NET_NGINX"
    derived
fi
