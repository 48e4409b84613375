#!/usr/bin/env python3
"""README.md shows what the program prints: its sample is the demo's report with the tables shortened. `readme.py --write`
writes the sample again."""
import re
import sys

from lib import PCAP, ROOT, SECRET, check, finish, folder, good

ROWS = 5  # of each table
README = ROOT / "README.md"


def shortened(report):
    """Everything of a section but the rows of its table after the first ones."""
    out, rows = [], None
    for line in report.splitlines():
        if not line:
            rows = None
        elif rows is not None:
            rows += 1
        if re.match(r"  (endpoint|client) ", line):
            rows = 0
        if rows is None or rows <= ROWS:
            out.append(line)
    return "\n".join(out).strip("\n") + "\n"


here = folder()
good("capture", "-q", "-r", PCAP / "demo.pcap.zst", "-d", here / "demo.db", "--secret", SECRET)
wanted = shortened(good("report", here / "demo.db", "--format", "text"))
before, sample, after = re.fullmatch(r"(.*?```text\n)(.*?)(```.*)", README.read_text(), re.S).groups()
if "--write" in sys.argv:
    README.write_text(before + wanted + after)
    sys.exit(0)
differ = [line for line in wanted.splitlines() if line not in sample.splitlines()]
check(len(sample) > 500 and sample == wanted, "the sample of README.md is what `make demo` prints (else: tests/e2e/readme.py --write)", *differ[:2])
finish()
