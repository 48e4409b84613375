#!/usr/bin/env bash
# make bench: CPU seconds of an offline audit beside the floor (libpcap, decode, hash), as pairs in turn. ROUNDS=5 pairs;
# the captures come from the generator $SPANWISE_BENCH_GEN (default ../shared/bench/gen.py) and stay in
# $SPANWISE_BENCH_DIR (default build/bench): 0.9 GB and 0.7 GB. Captures named as arguments are measured instead.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
dir=${SPANWISE_BENCH_DIR:-build/bench}
generator=${SPANWISE_BENCH_GEN:-../shared/bench/gen.py}
mkdir -p "$dir" build/bench
cc -O3 -o build/bench/floor tests/bench/floor.c -lpcap
captures=("$@")
if [ ${#captures[@]} -eq 0 ]; then
    for preset in medium tiny-request; do
        if [ ! -s "$dir/$preset.pcap" ]; then
            if [ ! -f "$generator" ]; then
                echo "bench: $dir/$preset.pcap is missing, and so is the generator $generator; name captures as arguments" >&2
                exit 1
            fi
            echo "bench: making $dir/$preset.pcap" >&2
            timeout 600 python3 "$generator" --preset "$preset" -o "$dir/$preset.part" -t "$dir/$preset.json" >&2
            mv "$dir/$preset.part" "$dir/$preset.pcap"
        fi
        captures+=("$dir/$preset.pcap")
    done
fi
python3 tests/bench/pairs.py "${ROUNDS:-5}" "${SPANWISE:-./spanwise}" build/bench/floor "${captures[@]}"
