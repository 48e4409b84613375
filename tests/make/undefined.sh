#!/usr/bin/env bash
# Unit tests and the inputs of fuzzing once more, built by clang with its checks of undefined behaviour, which see what
# gcc's do not: pointers reckoned from none, members that are less aligned than their type says.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
build=build/undefined all=build/undefined/tests/all
make --no-print-directory CC=clang BUILD=$build CFLAGS="-O1 -g0 -fsanitize=undefined -fsanitize-trap=undefined" unit replay >$build.log 2>&1 || {
    tail -20 $build.log
    echo "not ok - built"
    exit 1
}
failed=0
for source in tests/unit/test_*.c tests/fuzz/fuzz_*.c; do
    name=${source##*/} name=${name%.c} inputs=()
    case $name in fuzz_*) inputs=("tests/fuzz/corpus/${name#fuzz_}") name=replay_${name#fuzz_} ;; esac
    $all "$name" "${inputs[@]}" >$build.log 2>&1
    if [ $? -ne 0 ]; then
        grep -E -B 2 'Illegal instruction|ERROR' $build.log | head -20
        echo "not ok - $name, built by clang"
        failed=1
    fi
done
[ $failed -eq 0 ] && echo "ok - nothing undefined in unit tests and the inputs of fuzzing"
