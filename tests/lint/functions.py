#!/usr/bin/env python3
"""Length of functions: none over 100 lines; those over 70 are named. And the length of files, as a hint."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAIL, HINT, FILE_HINT = 100, 70, 600


def functions(lines):
    """(name, first line, length) of each; the house's format puts both braces of a body into column 0."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            head = "".join(lines[max(0, start - 6):start - 1])
            names = re.findall(r"(\w+)\s*\(", head.rsplit("}", 1)[-1].rsplit(";", 1)[-1])
            yield (names[0] if names else "?"), start, number - start + 1
            start = None


def main():
    failed = False
    count = 0
    for path in sorted(ROOT.glob("**/*.c")):
        name = path.relative_to(ROOT)
        if name.parts[0] in ("build", "node_modules"):
            continue
        lines = path.read_text(errors="replace").splitlines()
        if len(lines) > FILE_HINT and name.parts[0] != "tests":
            print("# hint: %s has %d lines: a second noun?" % (name, len(lines)))
        for function, start, length in functions(lines):
            count += 1
            if length > FAIL and name.parts[0] != "tests":
                print("not ok - %s:%d: %s has %d lines" % (name, start, function, length))
                failed = True
            elif length > HINT:
                print("# hint: %s:%d: %s has %d lines" % (name, start, function, length))
    if not failed:
        print("ok - %d functions, none over %d lines" % (count, FAIL))
    return failed


if __name__ == "__main__":
    sys.exit(main())
