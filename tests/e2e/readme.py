#!/usr/bin/env python3
"""README.md shows what the program prints: every line of its sample stands in the demo's report, in that order."""
import re

from lib import PCAP, ROOT, SECRET, check, finish, folder, good

here = folder()
sample = re.search(r"```text\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1).splitlines()
good("capture", "-q", "-r", PCAP / "demo.pcap.gz", "-d", here / "demo.db", "--secret", SECRET)
printed = iter(good("report", here / "demo.db", "--format", "text").splitlines())
missing = [line for line in sample if line and not any(line == shown for shown in printed)][:1]
check(len(sample) > 10 and not missing, "the sample of README.md is what `make demo` prints", "first line that is not:", *missing)
finish()
