#!/usr/bin/env bash
# make install puts a program that runs where PREFIX and DESTDIR say, and nothing elsewhere.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
if [ "${KIND:-opt}" != opt ]; then
    echo "ok - install # SKIP of the optimised build only"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if make -s --no-print-directory BUILD=build/opt install PREFIX=/usr DESTDIR="$work" >"$work/log" 2>&1 && "$work/usr/bin/spanwise" --version | grep -q '^spanwise '; then
    echo "ok - install"
else
    echo "not ok - install"
    head -n 5 "$work/log" | sed 's/^/#   /'
    exit 1
fi
