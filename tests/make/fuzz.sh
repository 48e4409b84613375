#!/usr/bin/env bash
# Runs every fuzzer of build/fuzz for so many seconds, from its corpus. New inputs go to build/fuzz/found/NAME; those worth
# keeping are copied to tests/fuzz/corpus/NAME by hand. Ends with `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-60}
passed=0 failed=0
for source in tests/fuzz/fuzz_*.c; do
    name=${source##*/fuzz_}
    name=${name%.c}
    mkdir -p "build/fuzz/found/$name"
    echo "fuzz_$name: $seconds s"
    if timeout -k 10 $((seconds + 120)) "build/fuzz/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="build/fuzz/found/$name-" -print_final_stats=1 \
        "build/fuzz/found/$name" $([ -d "tests/fuzz/corpus/$name" ] && echo "tests/fuzz/corpus/$name") >"build/fuzz/$name.log" 2>&1 </dev/null; then
        grep -E 'number_of_executed_units|new_units_added' "build/fuzz/$name.log"
        passed=$((passed + 1))
    else
        tail -n 30 "build/fuzz/$name.log"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
