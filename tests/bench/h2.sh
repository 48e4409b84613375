#!/usr/bin/env bash
# HTTP/2 as h2load makes it: REQUESTS requests (default 300000) to nghttpd over ten connections of twenty streams in a network
# namespace, captured by tcpdump, and what `capture` and `log` then cost: exchanges a CPU second, user and system, all threads,
# ROUNDS runs (default 5), the least and the median. The capture stays in build/bench.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
file=build/bench/h2load.pcap
for tool in unshare nghttpd h2load tcpdump; do
    command -v "$tool" >/dev/null || { echo "bench: no $tool here, HTTP/2 is not measured" >&2; exit 0; }
done
mkdir -p build/bench
if [ -z "${BENCH_INSIDE:-}" ] && [ ! -s "$file" ]; then
    BENCH_INSIDE=1 unshare -n bash "$0"
fi
if [ -n "${BENCH_INSIDE:-}" ]; then
    ip link set lo up
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/www"
    for i in $(seq 200); do
        head -c $((64 + i * 7)) /dev/zero | tr '\0' x >"$work/www/item$i"
        echo "http://127.0.0.1:8080/item$i"
    done >"$work/uris"
    nghttpd --no-tls -d "$work/www" 8080 >/dev/null 2>&1 &
    server=$!
    tcpdump -q -i lo -s 0 -B 262144 -w "$file.part" tcp port 8080 2>"$work/tcpdump" &
    dump=$!
    sleep 1
    h2load -n "${REQUESTS:-300000}" -c 10 -m 20 -i "$work/uris" -H 'authorization: Bearer abcdefghijklmnop' -H 'accept: application/json' >"$work/load"
    sleep 1
    kill -INT "$dump"
    wait "$dump" || true
    kill "$server"
    grep -E 'requests:|dropped' "$work/load" "$work/tcpdump" | sed 's/^[^:]*://' >&2
    mv "$file.part" "$file"
    exit 0
fi
exec python3 tests/bench/h2.py "${ROUNDS:-5}" "${SPANWISE:-./spanwise}" "$file"
