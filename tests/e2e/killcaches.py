#!/usr/bin/env python3
# kinds: opt
"""kill -9 in the middle of Redis and memcached, over TCP and UDP: the DB opens, is whole, lacks at most the last two seconds of
commands, and its rows of caches agree with each other; the audit can be continued. With PROOF=1 thirty times."""
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import threading
import time

from lib import BINARY, EPOCH, PROOF, SECRET, Capture, check, finish, folder, good, parsed, run

here = folder()
LACK, SLACK = 2.0, 0.35  # seconds; of a busy machine
rounds = 30 if PROOF else 1
r = random.Random(5)


class Talk:
    """One connection to a cache, a packet at a time; memcached's third is over UDP."""
    def __init__(self, capture, port, who):
        self.capture, self.port, self.who, self.seq = capture, port, who, [1, 1]
        if port != 11213:
            capture.segment("10.0.0.2", "10.0.0.1", who, port, 0, 0, 2)
            capture.segment("10.0.0.1", "10.0.0.2", port, who, 0, 1, 18)

    def datagram(self, way, number, data):
        ends = ("10.0.0.2", "10.0.0.1", self.who, self.port)
        source, target, sport, dport = ends if way else (ends[1], ends[0], ends[3], ends[2])
        body = struct.pack(">HHHH", number & 0xFFFF, 0, 1, 0) + data
        udp = struct.pack(">HHHH", sport, dport, 8 + len(body), 0) + body
        ip = lambda text: bytes(map(int, text.split(".")))
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0) + ip(source) + ip(target)
        self.capture.packet(b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + head + udp, step=20)

    def command(self, n):
        key, write = b"user:%d:v1" % (n % 500), n % 5 == 0
        if self.port == 6379:
            ask = b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$2\r\nab\r\n" % (len(key), key) if write else b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key)
            told = b"+OK\r\n" if write else b"$2\r\nab\r\n" if n % 3 else b"$-1\r\n"
        else:
            ask = b"set %s 0 60 2\r\nab\r\n" % key if write else b"get %s\r\n" % key
            told = b"STORED\r\n" if write else b"VALUE %s 0 2\r\nab\r\nEND\r\n" % key if n % 3 else b"END\r\n"
        if self.port == 11213:
            self.datagram(True, n, ask)
            self.datagram(False, n, told)
            return
        self.capture.segment("10.0.0.2", "10.0.0.1", self.who, self.port, self.seq[0], self.seq[1], 24, ask)
        self.seq[0] += len(ask)
        self.capture.segment("10.0.0.1", "10.0.0.2", self.port, self.who, self.seq[1], self.seq[0], 24, told)
        self.seq[1] += len(told)


def feed(pipe, journal, rate, since):
    """Commands of three caches in turn, as fast as told, until nobody reads."""
    capture = Capture()
    talks = [Talk(capture, port, 40000 + i) for i, port in enumerate((6379, 11211, 11213))]
    sent, started = 0, time.monotonic()
    try:
        pipe.write(capture.bytes()[:24])
        while time.monotonic() - started < 20:
            due = int((time.monotonic() - started) * rate)
            capture.now = max(capture.now, int((EPOCH + since + time.monotonic() - started) * 1e6))
            for n in range(sent, due):
                talks[n % 3].command(n)
            sent = max(due, sent)
            pipe.write(capture.bytes()[24:])
            pipe.flush()
            capture.packets.clear()
            journal.append((time.monotonic(), sent))
            time.sleep(0.02)
    except (BrokenPipeError, ValueError, OSError):
        pass


def servers(report):
    return [s for name in ("redis", "memcached") for s in report.get(name) or []]


def contradictions(report):
    """What the rows of one cache say of each other."""
    out = []
    for s in servers(report):
        commands, patterns = s["by_command"], s["patterns"]
        out += [(s["server"], "commands", s["commands"], sum(c["commands"] for c in commands))] if s["commands"] != sum(c["commands"] for c in commands) else []
        for what in ("hits", "misses", "untold", "lookups"):
            if s[what] != sum(c[what] for c in commands) or s[what] != sum(p[what] for p in patterns):
                out.append((s["server"], what, s[what], [c[what] for c in commands], [p[what] for p in patterns]))
        if s["hits"] + s["misses"] + s["untold"] != s["lookups"] or s["answered"] > s["commands"] or (s["latency"] or {}).get("n") != s["answered"]:
            out.append((s["server"], s["hits"], s["misses"], s["untold"], s["lookups"], s["answered"], s["latency"]))
    return out


worst, bad = 0.0, []
for n in range(rounds):
    db, journal, rate = here / ("k%d.db" % n), [], (3000, 300, 20)[n % 3]
    p = subprocess.Popen([BINARY, "capture", "-q", "-r", "-", "-d", str(db), "--secret", SECRET], stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here)
    feeder = threading.Thread(target=feed, args=(p.stdin, journal, rate, 0), daemon=True)
    feeder.start()
    time.sleep(r.uniform(2.3, 4.5))
    early = p.poll()
    killed = time.monotonic()
    p.send_signal(signal.SIGKILL)
    p.wait()
    feeder.join(5)
    for path in here.glob("k%d.db*" % n):  # a second copy is opened by hand
        shutil.copy(path, here / ("copy" + path.name[len("k%d" % n):]))
    try:
        with sqlite3.connect(here / "copy.db") as c:
            state = c.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as e:
        state = str(e)
    code, out, err = run("report", db, "--format", "json")
    report = parsed(out)
    kept = sum(s["commands"] for s in servers(report))
    reached = [at for at, count in journal if count > kept]
    lacks = killed - reached[0] if reached and reached[0] < killed else 0.0
    worst = max(worst, lacks)
    wrong = contradictions(report)
    if early is not None or state != "ok" or code != 0 or lacks > LACK + SLACK or wrong or len(servers(report)) != 3:
        bad.append("round %d, %d commands/s: ended %s, integrity %s, report exit %s, %d kept of %s, lacks %.2f s, %s %s" % (n, rate, early, state, code, kept, journal[-1:], lacks, wrong, err))
    if n == 0:
        more = Capture()
        more.now += 600_000_000
        talks = [Talk(more, port, 41000 + i) for i, port in enumerate((6379, 11211, 11213))]
        for i in range(300):
            talks[i % 3].command(i)
        more.write(here / "more.pcap")
        good("capture", "-q", "-r", here / "more.pcap", "-d", db, "--secret", SECRET, "--append")
        again = parsed(good("report", db, "--format", "json"))
        now = sum(s["commands"] for s in servers(again))
        check(now == kept + 300 and not contradictions(again), "the killed audit can be continued", "%s + 300 -> %s" % (kept, now), *contradictions(again))
    for path in list(here.glob("k%d.db*" % n)) + list(here.glob("copy.db*")):
        path.unlink()
check(not bad, "%d times kill -9: opens, whole, caches agree, lacks at most %.2f s" % (rounds, worst), *bad)
finish()
