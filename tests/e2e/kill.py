#!/usr/bin/env python3
# kinds: opt
"""kill -9 at any moment: the DB opens, is whole, and lacks at most the last two seconds. Five times; with PROOF=1 fifty."""
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from lib import BINARY, EPOCH, PROOF, ROOT, SECRET, check, finish, folder, good, parsed, record, run

here = folder()
RATES, LACK = (800, 30, 5), 2.0
SLACK = 0.35  # of a busy machine: the feeder's step, and what is on its way through the pipe
rounds = 50 if PROOF else 5
r = random.Random()
worst = 0.0
bad = []
for n in range(rounds):
    db, journal = here / ("k%d.db" % n), here / ("j%d" % n)
    feeder = subprocess.Popen([sys.executable, str(ROOT / "tests/e2e/feed.py"), str(RATES[n % 3]), "20", str(journal)],
                              stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    p = subprocess.Popen([BINARY, "capture", "-q", "--records", "-", "-d", str(db), "--secret", SECRET], stdin=feeder.stdout,
                         stderr=subprocess.PIPE, cwd=here)
    feeder.stdout.close()
    time.sleep(r.uniform(2.5, 5.5))
    if p.poll() is not None:
        bad.append("round %d: ended by itself, %s" % (n, p.stderr.read().decode()))
    killed = time.monotonic()
    p.send_signal(signal.SIGKILL)
    p.wait()
    feeder.kill()
    feeder.wait()
    # A second copy is opened by hand, so that each sees the file as the kill left it.
    for path in here.glob("k%d.db*" % n):
        shutil.copy(path, here / ("copy" + path.name[len("k%d" % n):]))
    try:
        with sqlite3.connect(here / "copy.db") as c:
            state = c.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as e:
        state = str(e)
    code, out, err = run("report", db, "--format", "json")
    kept = parsed(out).get("totals", {}).get("exchanges", -1)
    lines = [line.split() for line in journal.read_text().splitlines() if line.count(" ") == 1]
    reached = [float(at) for at, count in lines if int(count) > max(kept, 0)]
    lacks = killed - reached[0] if reached and reached[0] < killed else 0.0
    worst = max(worst, lacks)
    if state != "ok" or code != 0 or lacks > LACK + SLACK:
        bad.append("round %d, %d records/s: integrity %s, report exit %s, %d kept of %s, lacks %.2f s %s" % (n, RATES[n % 3], state, code, kept, lines[-1][1] if lines else 0, lacks, err))
    if n == 0:
        more = "".join(record(i, EPOCH + 600 + i * 0.01) for i in range(100))
        code, out, err = run("capture", "-q", "--records", "-", "-d", db, "--secret", SECRET, "--append", stdin=more)
        now = parsed(good("report", db, "--format", "json")).get("totals", {}).get("exchanges")
        check(code == 0 and now == kept + 100, "the killed audit can be continued", code, err, "%s + 100 -> %s" % (kept, now))
    for path in list(here.glob("k%d.db*" % n)) + list(here.glob("copy.db*")):
        path.unlink()
check(not bad, "%d times kill -9: opens, whole, lacks at most %.2f s" % (rounds, worst), *bad)
finish()
