#!/usr/bin/env python3
# kinds: opt
"""What comes slowly through a pipe is in the DB within two seconds, exchanges and packets, whatever waits for more of its
like; and in the end the same is there as from a file. kill -9 after three seconds of each."""
import json
import os
import signal
import subprocess
import threading
import time

from lib import BINARY, EPOCH, PROOF, SECRET, Capture, answer, check, finish, folder, good, packets, parsed, record, request

here = folder()
LACK, SLACK = 2.0, 0.35  # as in kill.py
SECONDS = 30 if PROOF else 2.8
RATE = 25


def traffic(n):
    """n requests, each with its answer, on connections that stay: nothing else is on the wire."""
    cap = Capture()
    for i in range(n):
        cap.talk((">", request("GET", "/items/%d" % (i % 5))), ("<", answer(200, b"x" * 40)), close=False)
        cap.now += 120_000
    return packets(cap.bytes())


class Feed(threading.Thread):
    """Pieces into a descriptor at a rate (0: at once), with the time at which each was written; then silence."""

    def __init__(self, place, pieces, rate):
        super().__init__(daemon=True)
        self.place, self.pieces, self.rate, self.at, self.stop = place, pieces, rate, [], False

    def run(self):
        fd = os.open(self.place, os.O_WRONLY) if isinstance(self.place, str) else self.place
        try:
            for piece in self.pieces:
                if self.stop:
                    break
                os.write(fd, piece)
                self.at.append(time.monotonic())
                if self.rate:
                    time.sleep(1 / self.rate)
            while not self.stop:
                time.sleep(0.05)
        except BrokenPipeError:
            pass
        os.close(fd)


def start(name, how, pieces, rate, fifo):
    db, place = here / (name + ".db"), here / (name + ".fifo")
    if fifo:
        os.mkfifo(place)
    words = [BINARY, "capture", "-q", how, str(place) if fifo else "-", "-d", str(db), "--secret", SECRET]
    p = subprocess.Popen(words, stdin=subprocess.DEVNULL if fifo else subprocess.PIPE, stderr=subprocess.PIPE, cwd=here)
    feed = Feed(str(place) if fifo else os.dup(p.stdin.fileno()), pieces, rate)
    feed.start()
    if p.stdin:
        p.stdin.close()
    return name, p, feed, db


def lacking(feed, killed, kept):
    """Seconds that the DB lacks, with so many pieces kept."""
    return killed - feed.at[kept] if kept < len(feed.at) else 0.0


head, slow = traffic(400)
lines = [record(i, EPOCH + i / RATE).encode() for i in range(1000)]
close = [record(i, EPOCH + i / 1e4).encode() for i in range(1000)]
runs = [start("stdin", "-r", [head] + slow, RATE, False), start("fifo", "-r", [head] + slow, RATE, True),
        start("atonce", "-r", [head + b"".join(slow)], 0, False), start("lines", "--records", lines, RATE, True),
        start("lines-atonce", "--records", [b"".join(close)], 0, False)]
time.sleep(SECONDS)
for name, p, feed, db in runs:
    alive = p.poll() is None
    killed = time.monotonic()
    p.send_signal(signal.SIGKILL)
    p.wait()
    feed.stop = True
    report = parsed(good("report", db, "--format", "json")) if db.exists() else {}
    seen, exchanges = report.get("capture", {}).get("packets") or 0, report.get("totals", {}).get("exchanges") or 0
    if name == "atonce":
        check(alive and seen == len(slow) and exchanges == 400, "packets at once, then silence: all are there", seen, exchanges)
    elif name == "lines-atonce":
        check(alive and exchanges == len(close), "records at once, then silence: all are there", exchanges)
    elif name == "lines":
        lacks = lacking(feed, killed, exchanges)
        check(alive and lacks <= LACK + SLACK, "%d records a second: lacks %.2f s" % (RATE, lacks), len(feed.at), exchanges)
    else:
        lacks = max(lacking(feed, killed, seen + 1), lacking(feed, killed, exchanges * 5 + 1))  # 3 to open, 1 asks, 1 answers
        check(alive and lacks <= LACK + SLACK, "%d packets a second through %s: lacks %.2f s" % (RATE, name, lacks), len(feed.at), seen, exchanges)
    p.stderr.close()

# What a pipe gives in bursts is what a file gives.
(here / "whole.pcap").write_bytes(head + b"".join(slow))
good("capture", "-q", "-r", here / "whole.pcap", "-d", here / "whole.db", "--secret", SECRET)
name, p, feed, db = start("bursts", "-r", [head] + [b"".join(slow[i:i + 667]) for i in range(0, len(slow), 667)], 5, False)
while len(feed.at) < len(feed.pieces):
    time.sleep(0.02)
feed.stop = True
code = p.wait(timeout=30)
one, two = (json.loads(good("report", f, "--format", "json")) for f in (here / "whole.db", db))
one["capture"].pop("sources"), two["capture"].pop("sources")
one["capture"].pop("memory_peak_bytes"), two["capture"].pop("memory_peak_bytes")
check(code == 0 and one == two, "in bursts through a pipe: the report of the file", code, p.stderr.read())
finish()
