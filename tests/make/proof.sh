#!/usr/bin/env bash
# The long runs: kill -9 fifty times, a minute of live load, ten minutes of each fuzzer, valgrind where it is installed.
# Hours. PROOF_FUZZ=seconds shortens the fuzzing.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
export PROOF=1
passed=0 failed=0
step() {
    local name=$1
    shift
    echo "== $name"
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "== $name FAILED"
    fi
}
step build make --no-print-directory -s -j"$(nproc)" BUILD=build/opt all
export SPANWISE=$PWD/build/opt/spanwise KIND=opt
step "built by clang" make --no-print-directory -s -j"$(nproc)" CC=clang BUILD=build/clang CFLAGS=-O0 all
step "built without the faces" make --no-print-directory -s -j"$(nproc)" BUILD=build/lean NO_TUI=1 NO_WEB=1 CFLAGS=-O0 all
step "undefined behaviour that clang sees" timeout 900 bash tests/make/undefined.sh
step lint env CPPCHECK=1 bash tests/run lint
step "capture alone" make --no-print-directory -s -j"$(nproc)" unit-capture
step "kill -9" timeout 900 python3 tests/e2e/kill.py
step "windows" timeout 900 python3 tests/e2e/windows.py
step "templates, 100 shuffles" timeout 900 python3 tests/e2e/templates.py
step live timeout 900 bash tests/live/live.sh
step "HAR in a browser's network panel" timeout 300 python3 tests/web/run_har.py
step "TLS by version, suite and time" timeout 900 python3 tests/e2e/tlsmatrix.py
step "key logs, rotated" timeout 300 python3 tests/e2e/keylog.py
step "doctor, live" timeout 300 bash tests/live/doctor.sh
step "hops of real servers" timeout 300 bash tests/live/hops.sh
step "hops" timeout 900 python3 tests/e2e/hops.py
step "backends" timeout 900 python3 tests/e2e/backends.py
step "chatty" timeout 900 python3 tests/e2e/chatty.py
step "a backend that saturates" timeout 900 bash tests/live/saturation.sh
step "live, forty minutes" timeout 2700 bash tests/live/long.sh
make --no-print-directory -s BUILD=build/opt build/opt/tests/test_learning
step "planted parts" timeout 600 build/opt/tests/test_learning
step "planted keys" timeout 900 python3 tests/e2e/keys.py
step "planted APIs" timeout 900 python3 tests/e2e/planted.py
step "planted systems" timeout 900 python3 tests/e2e/systems.py
step "replicas and schedules" timeout 900 python3 tests/e2e/replicas.py
step "advice" timeout 900 python3 tests/e2e/advice.py
step "writes" timeout 900 python3 tests/e2e/writes.py
step "bodies" timeout 900 python3 tests/e2e/bodies.py
step "coverage" timeout 900 python3 tests/e2e/coverage.py
step "damaged input" timeout 900 python3 tests/e2e/badinput.py
step "packets missing, one at a time" timeout 1800 python3 tests/e2e/drops.py
step "kill -9 amid caches" timeout 900 python3 tests/e2e/killcaches.py
step "floods of caches, streams and fields" timeout 1800 python3 tests/e2e/floods.py
make --no-print-directory -s BUILD=build/opt build/opt/tests/test_flood
step "floods of ten million" env FLOOD=10000000 timeout 1800 build/opt/tests/test_flood
step "sampling" timeout 900 python3 tests/e2e/sampling.py
make --no-print-directory -s BUILD=build/opt build/opt/tests/test_sampling
step "sampling, T-8" timeout 900 build/opt/tests/test_sampling
step "packets missing, 100 seeds" timeout 1800 python3 tests/e2e/lossy.py
step "a long HTTP/2 connection begun at every packet" timeout 1800 python3 tests/e2e/h2long.py
step "HTTP/2 begun at every packet, and with packets missing" timeout 900 python3 tests/e2e/h2.py
step "HPACK beside nghttp2" sh -c 'make --no-print-directory -s build/opt/tests/test_hpack && timeout 300 build/opt/tests/test_hpack'
for script in tests/oracle/*.py; do
    step "$script" timeout 1800 python3 "$script"
done
step "policies in front of real products" timeout 3600 python3 tests/policy/timed.py
step "policy files" timeout 900 python3 tests/policy/run_files.py
step "policies kept and not" timeout 900 python3 tests/policy/run_verify.py
step "limit_conn" timeout 900 python3 tests/policy/run_conn.py
if command -v valgrind >/dev/null; then
    step valgrind timeout 900 valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
        "$SPANWISE" capture -q -r tests/pcap/demo.pcap.zst --secret tests/pcap/secret -d build/valgrind.db --fresh
fi
step fuzz make --no-print-directory fuzz SECONDS="${PROOF_FUZZ:-600}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
