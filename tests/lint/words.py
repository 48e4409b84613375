#!/usr/bin/env python3
"""What has no place here: numbers of a tracker, talk about who wrote it, paths outside the repository; one word of gcc."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "an issue number": r"\b[Ii]ssue #?\d+|(?<![\w&/#'\"])#\d{1,4}\b(?![-\w.;])",
    "a folder outside": r"\.\./shared|/work/",
    "talk of a work session": r"\b(this|previous|next|last|earlier|later|our|my|agent|working|parallel) sessions?\b(?! (cookie|id|token|key|ticket))",
    "talk of helpers": r"\b(sub-?agents?|language model|prompted|as an AI)\b",
    "what the compiler may drop (base/prefetch.h)": r"__builtin_prefetch",
}
ALLOWED = {".ci/run": {"a folder outside"}, "base/prefetch.h": {"what the compiler may drop (base/prefetch.h)"}, "tests/lint/words.py": set(FORBIDDEN),
           "tests/bench/bench.sh": {"a folder outside"}}


def files():
    """Tracked and new files that people read."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.split("\n"):
        if re.search(r"(\.(md|c|h|def|sh|py|1|mk|conf|html|js|css)|Makefile|\.ci/run|tests/run)$", name):
            yield name


def main():
    failed = False
    count = 0
    for name in files():
        path = ROOT / name
        if not path.is_file():
            continue
        count += 1
        minified = ".min." in name
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for what, pattern in FORBIDDEN.items():
                if what in ALLOWED.get(name, ()) or minified:
                    continue
                if what == "an issue number" and not name.endswith((".md", ".c", ".h", ".def")):
                    continue
                if what.startswith("what the compiler") and not name.endswith((".c", ".h")):
                    continue
                if re.search(pattern, line):
                    print("not ok - %s:%d: %s" % (name, number, what))
                    failed = True
    if not failed:
        print("ok - words of %d files" % count)
    return failed


if __name__ == "__main__":
    sys.exit(main())
