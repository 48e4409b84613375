#!/usr/bin/env python3
"""compare.py SPANWISE DB ACCESS_LOG [none-lost | TIME]: every line of nginx's log has its exchange in the DB.

Lines missing are allowed up to what the capture says it lost (packets dropped by the kernel, connections sampled away);
`none-lost` allows no loss at all; TIME (Unix seconds) looks only at lines logged before it, for captures that were killed.
The first line printed says what was found."""
import collections
import json
import sqlite3
import subprocess
import sys

binary, db, access = sys.argv[1:4]
how = sys.argv[4] if len(sys.argv) > 4 else ""
before = float(how) if how and how != "none-lost" else float("inf")


def spanwise(*words):
    p = subprocess.run([binary, *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    return p.returncode, p.stdout, p.stderr


code, out, err = spanwise("report", db, "--format", "json")
if code != 0:
    print("report: exit %d: %s" % (code, err.strip()))
    sys.exit(1)
report = json.loads(out)
capture, totals = report["capture"], report["totals"]
logged = [line.split() for line in open(access)]
logged = [x for x in logged if len(x) == 5 and float(x[0]) < before]
lost = (capture["kernel_dropped"] or 0) + (capture["interface_dropped"] or 0)
sampled = (capture.get("sampling_rate") or 1) < 1
wrong = []

# By method, by status: each at least as many as nginx has (an exchange may be under way when nginx writes nothing).
seen = totals["exchanges"] - totals["orphan_responses"]
missing = max(0, len(logged) - seen)
for what, column, have in (("method", 3, totals["methods"]), ("status", 2, totals["statuses"])):
    for name, count in collections.Counter(x[column] for x in logged).items():
        got = have.get(name, 0)
        if got < count and name != "499":
            missing = max(missing, count - got)
            wrong.append("%s %s: nginx %d, here %d" % (what, name, count, got))
if before == float("inf"):
    surplus = seen - len(logged)
    if surplus > 64:
        wrong.append("%d exchanges more than nginx logged" % surplus)
        missing = max(missing, surplus)

# One by one, where all exchanges can be read back (the DB keeps so many records and lets the oldest go).
code, out, err = spanwise("log", db, "--format", "jsonl")
exact = code == 0 and out.count("\n") >= totals["exchanges"]
if exact:
    have = collections.Counter()
    for line in out.splitlines():
        x = json.loads(line)
        have[(x.get("client") or "").removesuffix(":0"), x.get("method"), (x.get("target") or "").split("?")[0]] += 1
    with_port = any(":" in (k[0] or "") for k in have)
    want = collections.Counter((x[1] if with_port else x[1].rsplit(":", 1)[0], x[3], x[4].split("?")[0]) for x in logged)
    gone = sum((want - have).values())
    if gone > missing:
        wrong += ["missing: %s %s %s (%d)" % (*k, n) for k, n in list((want - have).items())[:5]]
        missing = gone

with sqlite3.connect("file:%s?mode=ro" % db, uri=True) as c:
    state = c.execute("PRAGMA integrity_check").fetchone()[0]
if state != "ok":
    wrong.append("integrity_check: " + state)
allowed = 0 if how == "none-lost" else lost
fine = state == "ok" and logged and (missing <= allowed or (sampled and how != "none-lost"))
if how == "none-lost" and lost:
    fine = False
print("%d lines, %d exchanges, %d missing, %d packets dropped%s, %d packets in all%s" % (
    len(logged), totals["exchanges"], missing, lost, ", sampled" if sampled else "", capture["packets"] or 0,
    "" if exact else " (compared by counts)"))
print("\n".join(wrong))
sys.exit(0 if fine else 1)
