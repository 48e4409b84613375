#!/usr/bin/env bash
# syntax.sh COMPILER FLAGS… <files, one a line: what the compiler says of them, without making anything. clang starts itself
# anew for every file, which is nine tenths of the time it takes; so it is asked how it would (-###), and started that way
# with many files at once.
set -euo pipefail
files=$(mktemp)
trap 'rm -f "$files"' EXIT
cat >"$files"
share=$(($(wc -l <"$files") / $(nproc) + 1))
inner=$("$@" -fsyntax-only -x c /dev/null '-###' 2>&1 | tail -n 1)
case $inner in
*'"-cc1"'*'"/dev/null"'*)
    eval "words=(${inner/ \"\/dev\/null\"/})"
    xargs -P 0 -n "$share" "${words[@]}" <"$files"
    ;;
*) xargs -P 0 -n "$share" "$@" -fsyntax-only <"$files" ;;
esac
