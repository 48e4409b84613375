#!/usr/bin/env python3
# kinds: opt
"""The first screen is the answer: at most five findings, each what is, what was seen, what to do, one sentence each; in text and in
Markdown the same ones, in the order of the JSON report."""
import json
import re

from lib import PCAP, SECRET, check, finish, folder, good

db = folder() / "f.db"
good("capture", "-q", "-r", PCAP / "demo.pcap.zst", "-d", db, "--secret", SECRET)
listed = json.loads(good("report", db, "--format", "json"))["recommendations"]
text, marked = good("report", db), good("report", db, "--format", "markdown")
marked_first = marked.split("## What to do first\n", 1)[1].split("\n## ", 1)[0]
screen = text.splitlines()
first = text.split("WHAT TO DO FIRST\n", 1)[1].split("  and where nothing", 1)[0]
findings = re.split(r"^  \d\. ", first, flags=re.M)[1:]
check(0 < len(findings) == min(5, len(listed)), "as many findings as there is advice, five at most", len(findings), len(listed))
for i, (f, r) in enumerate(zip(findings, listed)):
    what, seen, do = [" ".join(p.split()) for p in re.split(r"\n     (?:Seen|Do): ", f)]
    check(what.startswith(r["target"] + " ") and what.endswith("."), "finding %d says what is" % (i + 1), f)
    check(seen.startswith(r["why"]) and do.startswith(r["action"]) and seen[-1] == do[-1] == ".", "what was seen, and what to do", f, r)
check(all(len(line) <= 120 for line in first.splitlines()), "no line of them is longer than the screen is wide", first)
check(screen.index("WHAT TO DO FIRST") < 10 and "1. GET" in screen[screen.index("WHAT TO DO FIRST") + 1], "they come first", screen[:10])
check(len(re.findall(r"^\d\. ", marked_first, re.M)) == len(findings) == marked_first.count("   - Seen: ") == marked_first.count("   - Do: "), "Markdown has the same",
      marked[:800])
check("a day" in first and "Seen:" in first, "what is saved is said by the day", first)
finish()
