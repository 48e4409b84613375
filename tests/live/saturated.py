#!/usr/bin/env python3
"""saturated.py SPANWISE DB ACCESS_LOG KNEE LIMIT ALONE: the report beside what was planted (U-1 within 10 %, 8.8 within 5 %). KNEE 0: throughput
only levels off. ALONE: what a request takes with nothing beside it, seconds; 0: not held. The log's last field is nginx's $request_time."""
import json
import subprocess
import sys

binary, database, log, knee, limit, alone = sys.argv[1:4] + [float(x) for x in sys.argv[4:7]]
report = json.loads(subprocess.run([binary, "report", database, "--format", "json"], check=True, capture_output=True).stdout)
row = max(report["capacity"], key=lambda r: r["exchanges"])
law, first, wrong = row["usl"], report["bottlenecks"][0], []


def near(what, want, got, within):
    if got is None or abs(got - want) > within * want:
        wrong.append("%s: wanted %.4g, got %s" % (what, want, got))


times = [float(line.split()[-1]) for line in open(log) if line.strip()]
if law["reason"]:
    wrong.append("refused: %s, %s" % (law["reason"], row["seconds"]))
else:
    near("most throughput", limit, law["max_throughput"], .1)
    if knee:
        near("knee", knee, law["knee"], .1)
        if not law["knee_seen"]:
            wrong.append("no fall was seen beyond the knee")
    elif law["knee_seen"]:
        wrong.append("a fall was seen, where throughput levels off: %s" % law["knee"])
    if first["kind"] != "saturation":
        wrong.append("first of the bottlenecks is %s at %s" % (first["kind"], first["target"]))
    elif alone:
        near("cost", (sum(times) - alone * len(times)) * 3600 / report["capture"]["duration_s"], first["seconds_per_hour"], .05)
    if row["headroom"] is None or row["headroom"] > .05:
        wrong.append("headroom %s at a backend that was overloaded" % row["headroom"])
if abs(row["exchanges"] - len(times)) > 1 + report["capture"]["kernel_dropped"]:
    wrong.append("nginx answered %d, %d were seen" % (len(times), row["exchanges"]))
print("knee %s, at most %s/s (%s to %s), %s of %s seconds, %s s/h, headroom %s" % (
    law["knee"] and round(law["knee"], 1), law["max_throughput"] and round(law["max_throughput"], 1), law["low"] and round(law["low"], 1),
    law["high"] and round(law["high"], 1), row["seconds"]["usable"], row["seconds"]["with_answers"], round(first["seconds_per_hour"]), row["headroom"]))
for line in wrong:
    print(line)
sys.exit(bool(wrong))
