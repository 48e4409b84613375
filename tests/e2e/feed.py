#!/usr/bin/env python3
"""feed.py RATE SECONDS JOURNAL: exchange records on stdout at so many a second, at the times of the clock. After each write
JOURNAL gets a line: seconds (monotonic), records written so far."""
import os
import sys
import time

from lib import record

rate, seconds, journal = float(sys.argv[1]), float(sys.argv[2]), open(sys.argv[3], "w", buffering=1)
began, sent = time.monotonic(), 0
while time.monotonic() - began < seconds:
    due = int((time.monotonic() - began) * rate)
    if due > sent:
        now = time.time()
        text = "".join(record(n, now + (n - sent) * 1e-5) for n in range(sent, due))
        try:
            os.write(1, text.encode())
        except BrokenPipeError:
            break
        sent = due
        journal.write("%.6f %d\n" % (time.monotonic(), sent))
    time.sleep(0.02)
