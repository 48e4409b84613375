#!/usr/bin/env python3
# kinds: san
"""Capacity as people read it: what a saturated backend is said to be, in every format; what is refused, with the reason; nothing without records."""
import json
import sqlite3
import sys

from lib import EPOCH, ROOT, check, finish, folder, good

sys.path.insert(0, str(ROOT / "tests" / "oracle"))
import usl  # noqa: E402


def audit(name, calls, *options):
    records, db = folder() / (name + ".jsonl"), folder() / (name + ".db")
    records.write_text("".join(c.record() + "\n" for c in sorted(calls, key=lambda c: c.at)))
    good("capture", "-q", "--records", records, "-d", db, "--fresh", *options)
    return db


def report(db, *options):
    return json.loads(good("report", db, "--format", "json", *options))


calls = usl.closed(7, 10, .05, .002, 45, 240)
full = audit("full", calls)
text = good("report", full)
check("CAPACITY" in text and "beyond which throughput falls: limit how many are let in at once" in text, "text: the knee, and what to do", text)
check("1. " in text and "too many at once for the backend" in text.split("2. ")[0], "text: it hurts there first", text)
check("WHEN IT IS ASKED FOR" not in text, "text: no demand by hour where there is one hour")
markdown = good("report", full, "--format", "markdown")
check("## Capacity" in markdown and "| http&#58;//a.test at 10.9.9.1:80 |" in markdown, "markdown", markdown)
tables = {line.split(",")[0] for line in good("report", full, "--format", "csv").splitlines()}
check({"capacity", "capacity.curve", "capacity_source", "demand", "demand_by_hour", "demand_by_hour_of_week"} <= tables, "csv", tables)
row = report(full)["capacity"][0]
check(row["with_caching"] == {"headroom": None, "reason": "nothing_advised", "load_left": None}, "nothing is advised, and that is said", row["with_caching"])
window = report(full, "--from", EPOCH - EPOCH % 3600, "--to", EPOCH - EPOCH % 3600 + 3600)["capacity"][0]
check(window["usl"]["knee"] == row["usl"]["knee"] and window["with_caching"]["reason"] == "window", "in a window", window["usl"], window["with_caching"])

short = audit("short", [c for c in calls if c.over < usl.EPOCH + 60_000_000])
text, row = good("report", short), report(short)["capacity"][0]
check(row["usl"]["reason"] == "few_windows" and row["headroom"] is None and row["headroom_reason"] == "few_windows" and row["usl"]["knee"] is None,
      "a minute is refused", row)
check("no saturation seen up to" in text and "seconds can be used, 120 are needed" in text and "too many at once" not in text, "text: why", text)

lossy = sqlite3.connect(folder() / "full.db")
lossy.execute("UPDATE capture SET from_records = 0, stream_bytes = 970, gap_bytes = 30")
lossy.commit()
lossy.close()
text, r = good("report", full), report(full)
check(r["capacity_source"]["verdict"] == "low_coverage" and r["capacity"][0]["headroom_reason"] == "low_coverage" and r["capacity"][0]["headroom"] is None,
      "a capture with holes says nothing of what is free", r["capacity_source"])
check("not all of the traffic was seen" in text, "text: so does the text")

none = audit("none", calls[:500], "--exchanges", "none")
r = report(none)
check(r["capacity"] is None and r["capacity_source"] is None and "CAPACITY" not in good("report", none), "without records nothing is known")
check(r["demand"]["requests"] == 500, "but the demand is", r["demand"])
finish()
