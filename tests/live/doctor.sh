#!/usr/bin/env bash
# `doctor -i` beside a real nginx: on mirrors made by tc (whole, of one direction, double, over VXLAN on a port that is not
# known as one), with segmentation offloads on and off, on an interface that is idle, down, or not ours to capture on.
# PROOF=1: all of these.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/live/net.sh
net_test "doctor" "$@"
rc=0
check() { # check STATUS WHAT FILE…
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
        return
    fi
    echo "not ok - $2"
    rc=1
    shift 2
    cat "$@" | head -n 30 | cut -c1-300 | sed 's/^/#   /'
}

net_up
mkdir "$work/www"
head -c 400000 /dev/zero >"$work/www/big"
cat >"$work/site" <<NGINX
server { listen 80; root $work/www; location /small { return 200 "answered\n"; } }
NGINX
net_nginx "$work/site"
net_wait 80
# The mirror port: what leaves `span` comes in at `tap`.
ip -n srv link add span type veth peer name tap
ip -n srv link set span up
ip -n srv link set tap up
ip netns exec srv sh -c 'echo 1 >/proc/sys/net/ipv6/conf/span/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/tap/disable_ipv6' 2>/dev/null || true
mirror() { # mirror DIRECTION DEVICE [TIMES]
    local twice=""
    [ "${3:-1}" = 1 ] || twice="pipe action mirred egress mirror dev $2"
    # shellcheck disable=SC2086
    srv tc filter add dev vs "$1" protocol all prio 1 u32 match u32 0 0 action mirred egress mirror dev "$2" $twice
}
unmirror() {
    srv tc qdisc del dev vs clsact 2>/dev/null
    srv tc qdisc add dev vs clsact
}
ask() { # ask PATH: a new connection every few milliseconds
    ip netns exec cli python3 -c 'import socket, sys, time
while True:
    try: # filters that are taken away may take a packet along
        with socket.create_connection(("10.77.0.1", 80), timeout=0.1) as c:
            c.sendall(b"GET /" + sys.argv[1].encode() + b" HTTP/1.0\r\nHost: api.example\r\n\r\n")
            while c.recv(1 << 20):
                pass
    except OSError:
        pass
    time.sleep(0.004)' "$1" </dev/null >/dev/null 2>&1 &
    ASKING=$!
}
doctor() { # doctor SECONDS IF… : JSON in $work/json
    local seconds=$1 words=() name
    shift
    for name; do words+=(-i "$name"); done
    ip netns exec srv timeout 20 "$work/spanwise" doctor "${words[@]}" --seconds "$seconds" --format json --secret "$work/secret" \
        </dev/null >"$work/json" 2>"$work/stderr"
    CODE=$?
}
says() { # says PYTHON: of the sources `s` and the ids of the first one's findings `f`
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1])); s = d["sources"]; f = {x["id"]: x for x in s[0]["findings"]}
sys.exit(not ('"$1"'))' "$work/json"
}

unmirror
ask small
mirror ingress span
mirror egress span
doctor 0.5 tap vs
[ $CODE -eq 0 ] && says 'len(s) == 2 and [x["source"] for x in s] == ["tap", "vs"] and s[0]["verdict"] == s[1]["verdict"] == "good" and not f and s[1]["kernel_dropped"] == 0 and 0.6 < s[0]["packets"] / s[1]["packets"] < 1.6 and min(x["requests"] for x in s) > 10'
check $? "nothing wrong on the server's own interface, nor on a whole mirror of it; looked at at once, each for itself" "$work/json" "$work/stderr"

unmirror
mirror ingress span
doctor 0.5 tap
says '"one_way" in f and f["one_way"]["severity"] == "problem" and f["one_way"]["evidence"]["answers"] == 0 and "requests alone" in f["one_way"]["do"][0] and s[0]["verdict"] == "little"'
check $? "a mirror of what comes in: requests alone, and it says what to do" "$work/json" "$work/stderr"
if [ -n "${PROOF:-}" ]; then
    unmirror
    mirror egress span
    doctor 0.5 tap
    says '"one_way" in f and f["one_way"]["evidence"]["requests"] == 0 and "answers alone" in f["one_way"]["do"][0]'
    check $? "a mirror of what goes out: answers alone" "$work/json" "$work/stderr"

    unmirror
    mirror ingress span 2
    mirror egress span 2
    doctor 0.5 tap
    says '"duplicates" in f and f["duplicates"]["severity"] == "warning" and abs(f["duplicates"]["evidence"]["duplicates"] * 2 - s[0]["packets"]) <= 4 and s[0]["verdict"] == "good" and "one_way" not in f'
    check $? "a double mirror: half of the packets are copies" "$work/json" "$work/stderr"

    # Over VXLAN, on a port of its own.
    unmirror
    ip -n srv addr add 10.98.0.1/24 dev span
    ip -n srv neigh add 10.98.0.2 lladdr 02:00:00:00:98:02 dev span
    if ip -n srv link add vx type vxlan id 4242 local 10.98.0.1 remote 10.98.0.2 dstport 5999 dev span noudpcsum nolearning 2>/dev/null; then
        ip -n srv link set vx up
        mirror ingress vx
        mirror egress vx
        doctor 0.5 tap
        says '"vxlan_port" in f and f["vxlan_port"]["evidence"]["port"] == 5999 and s[0]["verdict"] != "good" and "5999" in f["vxlan_port"]["do"][0]'
        check $? "a mirror in VXLAN on port 5999: it names the port" "$work/json" "$work/stderr"
        ip netns exec srv timeout 20 "$work/spanwise" doctor -i tap --seconds 0.5 --vxlan-ports 5999 --format json --secret "$work/secret" </dev/null >"$work/json" 2>"$work/stderr"
        says 's[0]["verdict"] == "good" and s[0]["encapsulations"]["vxlan"] > 10 and s[0]["requests"] > 10 and "vxlan_port" not in f'
        check $? "and with what it advises it is read" "$work/json" "$work/stderr"
    else
        echo "ok - a mirror in VXLAN # SKIP no vxlan in this kernel"
    fi
fi
unmirror
kill "$ASKING" 2>/dev/null
wait "$ASKING" 2>/dev/null

# Offloads: off (net_up), then on.
ask big
if [ -n "${PROOF:-}" ]; then
    doctor 0.5 vs
    says '"super_packets" not in f and s[0]["large_packets"] == 0 and s[0]["requests"] > 10'
    check $? "offloads off: no packet is larger than a frame" "$work/json" "$work/stderr"
fi
srv python3 tests/live/offload.py on vs
cli python3 tests/live/offload.py on vc
doctor 0.5 vs
says 'f["super_packets"]["severity"] == "note" and f["super_packets"]["evidence"]["largest"] > 2000 and "harmless" in f["super_packets"]["means"] and s[0]["verdict"] == "good" and s[0]["coverage"] > .99'
check $? "offloads on: super-packets, and that they do no harm" "$work/json" "$work/stderr"
ip netns exec srv "$work/spanwise" doctor -q -i vs --seconds 20 --secret "$work/secret" </dev/null >"$work/text" 2>"$work/stderr" &
sleep 0.7
kill -TERM $!
wait $!
[ $? -eq 0 ] && grep -q 'exchanges' "$work/text" && [ ! -s "$work/stderr" ] && [ "$(wc -l <"$work/text")" -le 24 ]
check $? "SIGTERM ends it early: what was seen is told, on one screen" "$work/text" "$work/stderr"
kill "$ASKING" 2>/dev/null
wait "$ASKING" 2>/dev/null

ip -n srv link set tap down
sleep 0.3 # what is under way ends
doctor 0.2 tap vs
[ $CODE -eq 1 ] && says '"interface_down" in f and "ip link set tap up" in f["interface_down"]["do"][0] and s[1]["findings"][0]["id"] == "no_packets"'
check $? "an interface that is down beside one that is idle: what is wrong with each, exit 1" "$work/json" "$work/stderr"
doctor 0.2 nosuch
[ $CODE -eq 2 ] && [ ! -s "$work/json" ] && grep -q 'no interface nosuch' "$work/stderr"
check $? "no such interface: exit 2, one line" "$work/stderr"
if [ "${NET_UID:-0}" -eq 0 ]; then
    ip netns exec srv setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all "$work/spanwise" doctor -i vs --seconds 0.2 --format json \
        --secret "$work/secret" </dev/null >"$work/json" 2>"$work/stderr"
    [ $? -eq 1 ] && says 'list(f) == ["no_permission"] and "setcap" in f["no_permission"]["do"][1]'
    check $? "without permission: a finding with what to do, exit 1" "$work/json" "$work/stderr"
fi
net_end "$NET_NGINX"
exit $rc
