#!/usr/bin/env python3
"""memory.py PID DB SECONDS: looks every five seconds at what the process holds (its anonymous pages; the ring of the
interface and the program's own file are not its doing) and at what the audit in DB accounts for, for so many seconds."""
import sqlite3
import sys
import time

pid, db, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
MIB = 1 << 20


def held():
    for line in open("/proc/%d/status" % pid):
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def accounted():
    con = sqlite3.connect("file:%s?mode=ro" % db, uri=True, timeout=5)
    try:
        row = con.execute("SELECT memory_peak_bytes FROM capture").fetchone()
    finally:
        con.close()
    return row[0] if row else None


began, rows = time.monotonic(), []
while time.monotonic() - began < seconds:
    time.sleep(5)
    try:
        own = accounted()
    except sqlite3.Error:
        continue
    if own is not None:
        rows.append((time.monotonic() - began, held(), own))
for at, rss, own in rows[:: max(1, len(rows) // 20)]:
    print("# %5.0f s  holds %6.2f MiB  accounts for %6.2f MiB  beyond %+6.2f" % (at, rss / MIB, own / MIB, (rss - own) / MIB))
beyond = max(rss - own for _, rss, own in rows)
late = [r for r in rows if r[0] >= seconds * 0.75]
grown = [max(r[i] for r in late) - late[0][i] for i in (1, 2)]
bad = 0
for good, what in ((beyond <= 8 * MIB, "at most %.2f MiB are held beyond what is accounted for" % (beyond / MIB)),
                   (max(grown) <= MIB // 4, "in the last quarter %.2f MiB more are held, %.2f accounted for" % (grown[0] / MIB, grown[1] / MIB))):
    print(("ok - " if good else "not ok - ") + what)
    bad |= not good
sys.exit(bad)
