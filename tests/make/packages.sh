#!/bin/sh
# Installs the Debian packages that are missing for `build`, `demo` or `check`; says which. Where nothing is missing
# it does nothing and needs no network. `a|b` is satisfied by either, and `a|/path` by a program that did not come as that
# package; the first is what gets installed.
# A file tests/*/packages or web/packages (one name a line) adds to `check` or to all.
set -eu
cd "$(dirname "$0")/../.."

build="gcc make pkg-config libc6-dev libpcap-dev libsqlite3-dev libncurses-dev libmicrohttpd-dev libxxhash-dev libzstd-dev
liblz4-dev zlib1g-dev libbrotli-dev libssl-dev libcap-ng-dev libcjson-dev"
check="git python3 tmux libcmocka-dev clang llvm libclang-rt-14-dev|libclang-rt-dev clang-format cppcheck
nginx-light|nginx-full|nginx-extras|nginx-core wrk nghttp2-client nghttp2-server libnghttp2-dev curl tcpdump iproute2 openssl libcap2-bin util-linux zstd brotli"

names() { # the names in a file, without comments
    sed 's/#.*//' "$1"
}

want=$build
[ ! -f web/packages ] || want="$want $(names web/packages)"
case "${1:-}" in
build | demo) ;;
check)
    want="$want $check"
    for file in tests/*/packages; do
        [ ! -f "$file" ] || want="$want $(names "$file")"
    done
    ;;
*)
    echo "usage: $0 build|demo|check" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "packages: no dpkg here, nothing is installed; needed (by their Debian names):" $want >&2
    exit 0
fi

installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p')
has() {
    printf '%s\n' "$installed" | grep -qx -- "$1"
}
missing=
for entry in $want; do
    found=
    for name in $(printf '%s' "$entry" | tr '|' ' '); do
        if has "$name" || { [ "$name" != "${name#/}" ] && [ -x "$name" ]; }; then
            found=yes
            break
        fi
    done
    [ -n "$found" ] || missing="$missing ${entry%%|*}"
done
[ -n "$missing" ] || exit 0

echo "packages: installing$missing" >&2
if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1; then
    root="sudo"
else
    echo "packages: neither root nor sudo: install these, then try again" >&2
    exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
fetch() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >"$log" 2>&1 </dev/null
}
# The lists may be absent or old: fetch them and try again.
if ! fetch; then
    if ! $root apt-get update >"$log" 2>&1 </dev/null || ! fetch; then
        cat "$log" >&2
        echo "packages: installing failed" >&2
        exit 1
    fi
fi
