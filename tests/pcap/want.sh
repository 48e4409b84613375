#!/usr/bin/env bash
# want.sh [NAME…]: writes tests/pcap/NAME.want again (default: all). Read the difference before you commit it.
# want.sh --print NAME: prints what NAME.want should hold.
set -euo pipefail
cd "$(dirname "$0")/../.."
spanwise=${SPANWISE:-./spanwise}

produce() {
    local db rc=0
    case $1 in
    demo)
        db=$(mktemp -u)
        "$spanwise" capture -q -r tests/pcap/demo.pcap.zst -d "$db" --secret tests/pcap/secret || rc=$?
        if [ $rc -eq 0 ]; then
            "$spanwise" report "$db" --format json | python3 tests/pcap/summary.py || rc=$?
        fi
        rm -f "$db" "$db-wal" "$db-shm"
        ;;
    *) "$spanwise" log -q -r "tests/pcap/$1.pcap" --secret tests/pcap/secret --format jsonl || rc=$? ;;
    esac
    return $rc
}

if [ "${1:-}" = --print ]; then
    produce "$2"
    exit
fi
if [ $# -eq 0 ]; then
    set -- demo
    for file in tests/pcap/*.pcap; do
        name=${file##*/}
        set -- "$@" "${name%.pcap}"
    done
fi
for name; do
    produce "$name" >"tests/pcap/$name.want.new"
    mv "tests/pcap/$name.want.new" "tests/pcap/$name.want"
    git --no-pager diff --stat -- "tests/pcap/$name.want"
done
