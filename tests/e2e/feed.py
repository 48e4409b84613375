#!/usr/bin/env python3
"""feed.py RATE SECONDS JOURNAL: exchange records on stdout at so many a second, their times running 20 times
as fast as the clock (records wait two seconds of their own time for earlier ones). After each write
JOURNAL gets a line: seconds (monotonic), records written so far."""
import os
import sys
import time

from lib import EPOCH, record

rate, seconds, journal = float(sys.argv[1]), float(sys.argv[2]), open(sys.argv[3], "w", buffering=1)
began, sent = time.monotonic(), 0
while time.monotonic() - began < seconds:
    due = int((time.monotonic() - began) * rate)
    if due > sent:
        text = "".join(record(n, EPOCH + n / rate * 20) for n in range(sent, due))
        try:
            os.write(1, text.encode())
        except BrokenPipeError:
            break
        sent = due
        journal.write("%.6f %d\n" % (time.monotonic(), sent))
    time.sleep(0.02)
