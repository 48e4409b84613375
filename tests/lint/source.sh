#!/usr/bin/env bash
# Format, headers that compile alone, cppcheck, scripts that parse. What is not installed is skipped and said.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
rc=0
say() { # say STATUS TEXT…
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
    else
        echo "not ok - $2"
        rc=1
    fi
}
mapfile -t code < <(git ls-files -co --exclude-standard '*.c' '*.h')
mapfile -t program < <(printf '%s\n' "${code[@]}" | grep -v '^tests/')
mapfile -t headers < <(printf '%s\n' "${code[@]}" | grep '\.h$')

if command -v clang-format >/dev/null; then
    clang-format --dry-run -Werror "${code[@]}" 2>&1 | grep -oE '^[^:]+:[0-9]+' | sort -u -t: -k1,1
    say "${PIPESTATUS[0]}" "format of ${#code[@]} files (make format)"
else
    echo "ok - format # SKIP no clang-format"
fi

# A header that its own .c file includes before all else compiles alone, or that file would not; the others are tried.
alone=()
for header in "${headers[@]}"; do
    own=${header%.h}.c
    [ -f "$own" ] && [ "$(grep -m 1 '^#include' "$own")" = "#include \"$header\"" ] || alone+=("$header")
done
eval "flags=($(make -s --no-print-directory print-CPPFLAGS))"
"${CC:-cc}" -std=gnu11 -fsyntax-only -Wall -Wextra -Werror "${flags[@]}" -x c "${alone[@]}"
say $? "${#headers[@]} headers compile alone (${#alone[@]} have no file of theirs that begins with them)"

if [ -z "${CPPCHECK:-}${PROOF:-}" ]; then
    echo "ok - cppcheck # SKIP half a minute: make lint, or PROOF=1"
elif command -v cppcheck >/dev/null; then
    mapfile -t units < <(printf '%s\n' "${program[@]}" | grep '\.c$')
    timeout 150 cppcheck -q -j2 --std=c11 --enable=warning --inline-suppr --error-exitcode=1 --library=posix \
        --suppress=missingIncludeSystem --suppress=unknownMacro --suppress=invalidFunctionArg --suppress=memleak --suppress=deallocret --suppress=arrayIndexThenCheck --suppress=negativeIndex:analysis/store/schema.c --suppress=incorrectLogicOperator:analysis/store/schema.c -D_GNU_SOURCE -DSPANWISE_VERSION='"0"' -I. "${units[@]}" 2>&1 | head -n 40
    say "${PIPESTATUS[0]}" "cppcheck of ${#units[@]} files"
else
    echo "ok - cppcheck # SKIP not installed"
fi

bad=0
while read -r script; do
    bash -n "$script" || bad=1
done < <(git ls-files -co --exclude-standard '*.sh' .ci/run tests/run)
git ls-files -co --exclude-standard '*.py' | python3 -c 'import ast, sys; [ast.parse(open(name.strip()).read(), name.strip()) for name in sys.stdin]' || bad=1
say $bad "scripts parse"
exit $rc
