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

# What no other command needs is loaded by serve alone, which says so where it is missing.
name=$(grep -ao 'libmicrohttpd\.so[.0-9]*' "$work/usr/bin/spanwise" | head -n 1)
mkdir "$work/none" && : >"$work/none/${name:-none}"
said=$(LD_LIBRARY_PATH=$work/none "$work/usr/bin/spanwise" serve --wait "$work/x.db" --listen 127.0.0.1:0 2>&1)
if [ $? = 1 ] && [[ $said == *"the web report needs libmicrohttpd: "*"$name"* ]] && ! ldd "$work/usr/bin/spanwise" | grep -q microhttpd; then
    echo "ok - libmicrohttpd is loaded when it is needed"
else
    echo "not ok - libmicrohttpd is loaded when it is needed: $said"
    exit 1
fi

# The manual page: every option of every command, in words that troff takes without a warning.
page=$work/usr/share/man/man1/spanwise.1
failed=0
for name in capture top serve report policy verify whatif log doctor; do
    "$work/usr/bin/spanwise" help "$name" | sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p' | sed 's/-/\\-/g' >"$work/options"
    sed -n "/^\.SS $name\$/,/^\.S[SH] /p" "$page" >"$work/section"
    missing=$(while read -r option; do grep -qF -- "$option" "$work/section" || echo "$option"; done <"$work/options")
    if [ ! -s "$work/options" ] || [ -n "$missing" ]; then
        failed=1
        echo "not ok - the manual page has the options of $name:" $missing
    fi
done
[ "$failed" = 1 ] || echo "ok - the manual page has every option"
if ! command -v groff >/dev/null; then
    echo "ok - the manual page is good troff # SKIP no groff"
elif said=$(groff -man -ww -z "$page" 2>&1) && [ -z "$said" ]; then
    echo "ok - the manual page is good troff"
else
    echo "not ok - the manual page is good troff: $said"
    failed=1
fi
exit "$failed"
