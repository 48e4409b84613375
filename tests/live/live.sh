#!/usr/bin/env bash
# Live capture beside a real nginx under wrk: nothing of what nginx logged is missing (or no more than the capture says it
# lost), a signal ends it in order, capabilities instead of root suffice. PROOF=1: a minute of load and more kills.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/live/net.sh
net_test "live" "$@"
rc=0
check() { # check STATUS WHAT [FILE with details]
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
    else
        echo "not ok - $2"
        rc=1
        [ -z "${3:-}" ] || head -n 12 "$3" | cut -c1-300 | sed 's/^/#   /'
    fi
}

net_up
net_addresses 10 13
cat >"$work/site" <<NGINX
log_format live '\$msec \$remote_addr:\$remote_port \$status \$request_method \$request_uri';
access_log $work/access.log live;
server {
    listen 80;
    location / { add_header Cache-Control max-age=60; return 200 "\$request_uri is \$request_length long and answered\n"; }
    location /none { return 404; }
    location /made { return 201 "made\n"; }
}
NGINX
cat >"$work/load.lua" <<'LUA'
local n = 0
local pause = tonumber(os.getenv("PAUSE") or "0")
if pause > 0 then
    function delay() return pause end
end
function request()
    n = n + 1
    local headers = {Host = "live.example", Authorization = "Bearer token-" .. n % 5}
    if n % 11 == 0 then return wrk.format("POST", "/made?n=" .. n % 7, headers, "body of " .. n) end
    if n % 13 == 0 then return wrk.format("GET", "/none/" .. n % 5, headers) end
    return wrk.format("GET", "/items/" .. n % 97, headers)
end
LUA
net_nginx "$work/site"
net_wait 80

# start DB [PREFIX…]: capture on vs into out/DB; ready when it answers for the interface.
start() {
    local db=$work/out/$1
    shift
    ip netns exec srv "$@" "$work/spanwise" capture -q -i vs -d "$db" --secret "$work/secret" </dev/null >"$work/stdout" 2>"$work/stderr" &
    CAPTURE=$!
    for _ in $(seq 100); do
        # A packet socket bound in that namespace: the ring is there.
        if [ "$(srv cat /proc/net/packet | wc -l)" -gt 1 ]; then
            sleep 0.5
            return 0
        fi
        kill -0 "$CAPTURE" 2>/dev/null || break
        sleep 0.1
    done
    return 1
}

load() { # load SECONDS CONNECTIONS PAUSE_MS
    cli env PAUSE="$3" timeout $(($1 + 20)) wrk -t1 -c"$2" -d"$1s" -s "$work/load.lua" http://10.77.0.1:80/ </dev/null >"$work/wrk" 2>&1
}

# compare DB [SECONDS]: every line of nginx's log has its exchange; with SECONDS only lines logged before that time.
compare() {
    python3 tests/live/compare.py "$work/spanwise" "$work/out/$1" "$work/access.log" "${@:2}" >"$work/compare" 2>&1
}

fresh_log() { : >"$work/access.log"; }

# 1. Full load.
seconds=5 connections=8
[ -z "${PROOF:-}" ] || { seconds=60 connections=32; }
fresh_log
start live.db
check $? "capture -i starts" "$work/stderr"
load $seconds $connections 0
sleep 0.7
net_end "$CAPTURE" TERM
check "$NET_CODE" "SIGTERM: exit 0 (got $NET_CODE)" "$work/stderr"
test ! -s "$work/stdout" -a ! -s "$work/stderr"
check $? "nothing on stdout and stderr with -q" "$work/stderr"
compare live.db
check $? "full load: $(head -n 1 "$work/compare")" "$work/compare"
head -c 20 "$work/out/live.db" | tail -c 2 | od -An -tu1 | grep -q '1 *1'
check $? "the DB has left WAL mode"
test ! -e "$work/out/live.db-wal" -a ! -e "$work/out/live.db-shm"
check $? "no -wal, no -shm"

# 2. A moderate load: here nothing may be lost.
fresh_log
start calm.db
load 3 8 4
sleep 0.7
net_end "$CAPTURE" INT
# A shell's background job is started with SIGINT ignored; a program that leaves it so is ended by TERM.
[ "$NET_CODE" -eq 0 ]
check $? "SIGINT: exit 0 (got $NET_CODE)" "$work/stderr"
compare calm.db none-lost
check $? "moderate load: $(head -n 1 "$work/compare")" "$work/compare"

# 3. The same DB goes on where it ended.
first=$(wc -l <"$work/access.log")
start calm.db
check $? "capture -i on a DB that holds an audit" "$work/stderr"
load 1 4 10
sleep 0.7
net_end "$CAPTURE" TERM
compare calm.db none-lost
check $? "continued ($first lines, then more): $(head -n 1 "$work/compare")" "$work/compare"

# 4. An idle link: the signal ends it all the same.
start idle.db
sleep 1
at=$SECONDS
net_end "$CAPTURE" TERM
[ "$NET_CODE" -eq 0 ] && [ $((SECONDS - at)) -le 3 ]
check $? "idle link: SIGTERM ends it within 3 s (exit $NET_CODE, $((SECONDS - at)) s)" "$work/stderr"

# 5. kill -9 in the middle: the DB opens and lacks at most two seconds.
rounds=3
[ -z "${PROOF:-}" ] || rounds=12
for n in $(seq $rounds); do
    fresh_log
    start "kill$n.db"
    case $((n % 3)) in
    0) load 5 1 50 & ;; # 20 a second
    1) load 5 4 4 & ;;  # 800 a second
    2) load 5 1 7 & ;;  # 130 a second
    esac
    loader=$!
    sleep "3.$((RANDOM % 10))"
    now=$(date +%s.%N)
    net_end "$CAPTURE" KILL
    wait "$loader"
    compare "kill$n.db" "$(python3 -c "print($now - 2.35)")"
    check $? "kill -9 under load: $(head -n 1 "$work/compare")" "$work/compare"
done

# 6. Held up (stopped by a signal again and again), it handles packets late: what can be given up is, one step for every
# five seconds of it, and the report says so. Packets wait in the ring meanwhile: none is lost.
fresh_log
start late.db
load 9 1 8 &
loader=$!
for _ in 1 2 3 4; do
    kill -STOP "$CAPTURE"
    sleep 1.9
    kill -CONT "$CAPTURE"
    sleep 0.1
done
wait "$loader"
sleep 0.7
net_end "$CAPTURE" TERM
compare late.db none-lost
check $? "held up for 8 s: $(head -n 1 "$work/compare")" "$work/compare"
"$work/spanwise" report "$work/out/late.db" --format json >"$work/late.json"
python3 -c 'import json, sys
c = json.load(open(sys.argv[1]))["capture"]
sys.exit(not ([(d["step"], d["times"]) for d in c["degraded"]] == [("bodies", 1)] and 0 < c["degraded"][0]["seconds"] < 10 and c["skipped"] == {"packets": 0, "flows": 0}))' "$work/late.json"
check $? "it looks into no bodies then, once, and says for how long" "$work/late.json"
"$work/spanwise" report "$work/out/late.db" | grep -c 'did not keep up: bodies were not looked into for' >/dev/null
check $? "the text says it"
start late.db
sleep 0.3
net_end "$CAPTURE" TERM
"$work/spanwise" report "$work/out/late.db" --format json | grep -c '"step":"bodies","times":1' >/dev/null
check $? "and still does when the audit went on"

# 7. Not root: cap_net_raw is enough.
if [ "${NET_UID:-0}" -eq 0 ]; then
    fresh_log
    start ambient.db setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all,+net_raw --ambient-caps=-all,+net_raw --no-new-privs
    check $? "as nobody with cap_net_raw in the ambient set" "$work/stderr"
    load 1 4 10
    sleep 0.7
    net_end "$CAPTURE" TERM
    compare ambient.db none-lost
    check $? "exit $NET_CODE, $(head -n 1 "$work/compare")" "$work/compare"

    if setcap cap_net_raw+ep "$work/spanwise" 2>/dev/null; then
        fresh_log
        start filecap.db setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all
        check $? "as nobody with setcap cap_net_raw+ep" "$work/stderr"
        load 1 4 10
        sleep 0.7
        net_end "$CAPTURE" TERM
        setcap -r "$work/spanwise"
        compare filecap.db none-lost
        check $? "exit $NET_CODE, $(head -n 1 "$work/compare")" "$work/compare"
    else
        echo "ok - setcap # SKIP no file capabilities in this file system"
    fi

    ip netns exec srv setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all "$work/spanwise" capture -q -i vs \
        -d "$work/out/no.db" --secret "$work/secret" </dev/null >"$work/stdout" 2>"$work/stderr"
    [ $? -eq 1 ] && [ "$(wc -l <"$work/stderr")" -eq 1 ] && grep -qi 'cap_net_raw\|root\|permission' "$work/stderr"
    check $? "as nobody without it: exit 1, one line that says what is needed" "$work/stderr"

    ip netns exec srv "$work/spanwise" capture -q -i vs -d "$work/out/face.db" --secret "$work/secret" --serve 127.0.0.1:8931 </dev/null >"$work/stdout" 2>"$work/stderr" &
    face=$!
    for _ in $(seq 50); do
        answers=$(ip netns exec srv curl -fs http://127.0.0.1:8931/healthz 2>/dev/null) && break
        sleep 0.1
    done
    users=$(ps -o user= -p "$face" --ppid "$face" | xargs)
    kill -INT "$face"
    timeout 10 tail --pid="$face" -f /dev/null
    wait "$face"
    code=$?
    [ $code -eq 0 ] && [ "$answers" = ok ] && [ "$users" = "nobody nobody" ] && ! pgrep -f "$work/out/face.db" >/dev/null
    check $? "capture --serve: it answers, two processes run as $users, SIGINT ends both (exit $code)" "$work/stderr"

    mkdir -m 700 "$work/closed"
    timeout 10 ip netns exec srv "$work/spanwise" capture -q -i vs -d "$work/closed/x.db" --secret "$work/secret" </dev/null >"$work/stdout" 2>"$work/stderr"
    code=$?
    [ $code -eq 1 ] && [ "$(wc -l <"$work/stderr")" -eq 1 ] && grep -q 'nobody\|65534' "$work/stderr"
    check $? "a folder that the user it becomes may not write: exit 1 (got $code), one line that says who may not" "$work/stderr"
else
    echo "ok - capabilities # SKIP needs root"
fi

# 8. The list of interfaces, and an interface that goes away.
ip netns exec srv timeout 20 "$work/spanwise" capture </dev/null >"$work/stdout" 2>"$work/stderr"
code=$?
[ $code -eq 0 ] && grep -q '\bvs\b' "$work/stdout"
check $? "capture without a source lists the interfaces (exit $code)" "$work/stdout"
fresh_log
start gone.db
load 1 2 10
ip -n srv link del vs
for _ in $(seq 50); do
    kill -0 "$CAPTURE" 2>/dev/null || break
    sleep 0.1
done
net_end "$CAPTURE" TERM
[ "$NET_CODE" -eq 1 ] && [ "$(wc -l <"$work/stderr")" -eq 1 ]
check $? "the interface goes away: exit 1 (got $NET_CODE), one line" "$work/stderr"
compare gone.db none-lost
check $? "and what was seen is kept: $(head -n 1 "$work/compare")" "$work/compare"
net_end "$NET_NGINX"
exit $rc
