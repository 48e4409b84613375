#!/usr/bin/env bash
# A key log that curl writes while nginx is asked over TLS and `capture -i` looks on: not there at first, then growing, moved
# away and made anew, cut, and at last one that the user which the capture became may not read.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/live/net.sh
net_test "keys, live" "$@"
umask 022
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key" -out "$work/crt" -days 9 -subj /CN=api.example 2>/dev/null
net_up
cat >"$work/site" <<NGINX
server { listen 443 ssl http2; ssl_certificate $work/crt; ssl_certificate_key $work/key; location / { return 200 "\$request_uri\n"; } }
NGINX
net_nginx "$work/site"
net_wait 443
log=$work/out/keys
ask() { # ask PATH: one connection
    cli env SSLKEYLOGFILE="$log" curl -sk -o /dev/null "https://10.77.0.1/$1"
    sleep 0.2
}
ip netns exec srv "$work/spanwise" capture -i vs -d "$work/out/db" --secret "$work/secret" --keys "$log" </dev/null >"$work/stdout" 2>"$work/stderr" &
CAPTURE=$!
for _ in $(seq 100); do
    [ "$(srv cat /proc/net/packet | wc -l)" -gt 1 ] && break
    sleep 0.1
done
sleep 0.3
ask 0
ask 1
mv "$log" "$log.1"
ask 2
: >"$log"
ask 3
cp "$log" "$log.2" && : >"$log"
kill -HUP "$CAPTURE"
ask 4
want="/0 /1 /2 /3 /4"
if [ "${NET_UID:-0}" -eq 0 ]; then
    (umask 077 && : >"$log.new")
    mv "$log.new" "$log"
    ask 5 # its secrets are nobody's business
fi
sleep 0.3
net_end "$CAPTURE" TERM
got=$("$work/spanwise" log "$work/out/db" --format tsv --secret "$work/secret" | awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } $at["status"] == 200 { print $at["target"] }' | xargs)
[ "$NET_CODE" -eq 0 ] && [ "$got" = "$want" ]
rc=$?
echo "$([ $rc -eq 0 ] && echo ok || echo not ok) - a log that comes later, grows, is moved away, cut: all is read ($got), exit $NET_CODE"
grep -q 'is not there yet' "$work/stderr"
said=$?
echo "$([ $said -eq 0 ] && echo ok || echo not ok) - it says that it waits"
if [ "${NET_UID:-0}" -eq 0 ]; then
    grep -q 'cannot be read (Permission denied)' "$work/stderr"
    denied=$?
    echo "$([ $denied -eq 0 ] && echo ok || echo not ok) - one that may not be read is said"
else
    denied=0
fi
[ $rc -eq 0 ] && [ $said -eq 0 ] && [ $denied -eq 0 ] || sed 's/^/#   /' "$work/stderr"
net_end "$NET_NGINX"
[ $rc -eq 0 ] && [ $said -eq 0 ] && [ $denied -eq 0 ]
