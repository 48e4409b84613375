#!/usr/bin/env bash
# Every capture here gives what its .want says.
set -uo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rc=0
for file in tests/pcap/*.pcap tests/pcap/demo.pcap.zst; do
    name=${file##*/}
    name=${name%.zst}
    name=${name%.pcap}
    if ! timeout 60 bash tests/pcap/want.sh --print "$name" >"$work/out" 2>"$work/err"; then
        echo "not ok - $name: failed"
        head -n 5 "$work/err" | sed 's/^/#   /'
        rc=1
    elif diff -u "tests/pcap/$name.want" "$work/out" >"$work/diff"; then
        echo "ok - $name"
    else
        echo "not ok - $name: differs (make want NAME=$name)"
        head -n 20 "$work/diff" | cut -c1-300 | sed 's/^/#   /'
        rc=1
    fi
done
exit $rc
