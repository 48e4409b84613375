#!/usr/bin/env python3
# kinds: opt
"""What fills tables without end, each beside --memory 16M: keys of caches, requests of memcached over UDP, connections, streams of HTTP/2,
header fields, fragments, open event streams. The process stays within --memory and 32 MiB, and what came is counted to the last.
With PROOF=1 forty times as much, and 64M as well."""
import random
import struct
import subprocess
import sys
import zlib

from lib import BINARY, PROOF, SECRET, Capture, check, finish, folder, good, parsed

here = folder()
TIMES = 40 if PROOF else 1
CEILINGS = (16, 64) if PROOF else (16,)
r = random.Random(1)
ETHERNET = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0"


def address(i):
    return struct.pack(">I", 0x0A000002 + i)


SERVER = struct.pack(">I", 0xC0A80001)


class Flood:
    """Frames, made fast."""
    def __init__(self):
        self.out, self.now, self.packets = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)], 1_700_000_000_000_000, 0

    def ip(self, source, target, protocol, body, flags=0x4000, number=0):
        self.packets += 1
        self.now += 20
        frame = ETHERNET + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), number & 0xFFFF, flags, 64, protocol, 0) + source + target + body
        self.out.append(struct.pack("<IIII", self.now // 1_000_000, self.now % 1_000_000, len(frame), len(frame)) + frame)

    def tcp(self, way, client, sport, port, seq, ack, flags, data=b""):
        ends = (client, SERVER, sport, port) if way == ">" else (SERVER, client, port, sport)
        self.ip(ends[0], ends[1], 6, struct.pack(">HHIIBBHHH", ends[2], ends[3], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 65000, 0, 0) + data)

    def udp(self, way, client, sport, port, data, **more):
        ends = (client, SERVER, sport, port) if way == ">" else (SERVER, client, port, sport)
        self.ip(ends[0], ends[1], 17, struct.pack(">HHHH", ends[2], ends[3], 8 + len(data), 0) + data, **more)

    def open(self, client, sport, port):
        self.tcp(">", client, sport, port, 0, 0, 2)
        self.tcp("<", client, sport, port, 0, 1, 18)


def keys():
    """One connection to Redis: each key once, of many patterns."""
    f, seq = Flood(), [1, 1]
    n = 5000 * TIMES
    f.open(address(0), 4000, 6379)
    for i in range(n):
        key = b"%s:%d:%s" % (bytes(r.choices(b"abcdefghijklmnopqrstuvwxyz", k=6)), i, bytes(r.choices(b"abcdefghijklmnopqrstuvwxyz", k=5)))
        ask = b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key)
        f.tcp(">", address(0), 4000, 6379, seq[0], seq[1], 24, ask)
        seq[0] += len(ask)
        f.tcp("<", address(0), 4000, 6379, seq[1], seq[0], 24, b"$1\r\nx\r\n" if i % 2 else b"$-1\r\n")
        seq[1] += 7 if i % 2 else 5

    def counted(report):
        row = report["redis"][0]
        return (row["commands"], row["hits"], row["misses"], row["by_command"][0]["lookups"]), (n, n // 2, n // 2, n)
    return f, counted


def commands():
    """Commands of Redis that wait for answers, more than there is memory for, on many connections."""
    f, connections, each = Flood(), 300 * TIMES, 40
    for c in range(connections):
        f.open(address(c), 4000, 6379)
        ask = b"".join(b"*2\r\n$3\r\nGET\r\n$20\r\nkey:%016d\r\n" % i for i in range(each))
        f.tcp(">", address(c), 4000, 6379, 1, 1, 24, ask[:1300])
        f.tcp(">", address(c), 4000, 6379, 1301, 1, 24, ask[1300:])

    def counted(report):  # a connection without memory for its state is one that is not read; one that finds no place for a
        # command is read on when the client has all its answers: never here
        whole = each * (connections - report["capture"]["flows_opaque"].get("redis", 0))
        seen, unread = sum(row["commands"] for row in report["redis"]), report["capture"].get("heads_unread", 0)
        return (seen > 1000, seen == whole or 0 < unread <= whole - seen), (True, True)
    return f, counted


def datagrams():
    """Requests of memcached over UDP that have no answer, or the half of one."""
    f, n = Flood(), 5000 * TIMES
    for i in range(n):
        who = (address(i // 1000), 20000 + i % 1000, 11211)
        f.udp(">", *who, struct.pack(">HHHH", i & 0xFFFF, 0, 1, 0) + b"get key:%d\r\n" % i)
        if i % 2:
            f.udp("<", *who, struct.pack(">HHHH", i & 0xFFFF, 1, 3, 0) + bytes(1200))
    return f, lambda report: ((report["memcached"][0]["commands"], report["memcached"][0]["untold"], report["capture"]["memcached_udp"]["datagrams"]), (n, n, n + n // 2))


def flows():
    """Connections that send one request and stay."""
    f, n = Flood(), 5000 * TIMES
    for i in range(n):
        f.open(address(i), 30000, 80)
        f.tcp(">", address(i), 30000, 80, 1, 1, 24, b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
    return f, lambda report: ((report["capture"]["flows"], report["totals"]["exchanges"], report["totals"]["unanswered"]), (n, n, n))


def unknown():
    """Connections in no language that is known here."""
    f, n = Flood(), 5000 * TIMES
    for i in range(n):
        f.open(address(i), 30000, 5432)
        f.tcp(">", address(i), 30000, 5432, 1, 1, 24, b"\0\0\0\x08\x04\xd2\x16\x2f")
    return f, lambda report: ((report["capture"]["flows"], report["capture"]["flows_opaque"].get("unknown"), sum(x["connections"] for x in report["opaque"])), (n, n, n))


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + (bytes([len(value)]) if len(value) < 127 else b"\x7f" + bytes([len(value) - 127])) + value


def frame(kind, flags, stream, body=b""):
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def streams():
    """HTTP/2: as many streams as there may be, on each of many connections, none of them answered."""
    f, connections = Flood(), 15 * TIMES
    each = 1000
    for c in range(connections):
        f.open(address(c), 30000, 80)
        data = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
        data += b"".join(frame(1, 5, 2 * k + 1, literal(b":method", b"GET") + literal(b":scheme", b"http") + literal(b":authority", b"a") + literal(b":path", b"/%d" % k)) for k in range(each))
        for at in range(0, len(data), 1000):  # heads are cut by segments, so that they need memory of their own
            f.tcp(">", address(c), 30000, 80, 1 + at, 1, 24, data[at:at + 1000])
    n = connections * each

    def counted(report):  # a connection without memory for its state is one that is not read
        whole = n - each * report["capture"]["flows_opaque"].get("h2", 0)
        unread = report["capture"].get("heads_unread", 0)  # by one that found memory for that, and for no stream
        return (report["totals"]["exchanges"] + unread, report["totals"]["protocols"].get("h2"), whole >= 3 * each), (whole, whole - unread, True)
    return f, counted


def fields():
    """Heads of 250 fields, on all connections at once: each is read, or counted as one that was not."""
    f, n = Flood(), 150 * TIMES
    head = [b"GET /h HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-Name-%d-%d: %s\r\n" % (i, k, b"v" * 60) for k in range(240)) + b"\r\n" for i in range(n)]
    for i in range(n):
        f.open(address(i), 30000, 80)
    for at in range(0, max(map(len, head)), 1400):
        for i in range(n):
            if head[i][at:at + 1400]:
                f.tcp(">", address(i), 30000, 80, 1 + at, 1, 24, head[i][at:at + 1400])
    return f, lambda report: ((report["capture"]["flows"] >= n, report["totals"]["exchanges"] + report["capture"].get("heads_unread", 0), report["totals"]["exchanges"] > 9), (True, n, True))  # connections that gave way come again


def fragments():
    """First pieces of datagrams whose rest never comes."""
    f, n = Flood(), 5000 * TIMES
    for i in range(n):
        f.ip(address(i // 60000), SERVER, 6, bytes(1400), flags=0x2000, number=i)
    return f, lambda report: ((report["capture"]["packets"], report["capture"]["unparsed_packets"]), (n, n))


def events():
    """Event streams, plain and coded, that never end."""
    f, n = Flood(), 1250 * TIMES
    plain = b"data: something\n\n" * 20
    for i in range(n):
        f.open(address(i), 30000, 80)
        ask = b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n"
        f.tcp(">", address(i), 30000, 80, 1, 1, 24, ask)
        z = zlib.compressobj(6, zlib.DEFLATED, 31)
        body = z.compress(plain) + z.flush(zlib.Z_SYNC_FLUSH) if i % 2 else plain
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + (b"Content-Encoding: gzip\r\n" if i % 2 else b"") + b"\r\n"
        f.tcp("<", address(i), 30000, 80, 1, 1 + len(ask), 24, head + body)

    def counted(report):
        streams = sum(e["events"]["streams"] for e in report["endpoints"] if e["events"])
        return (report["totals"]["exchanges"], streams), (n, n)
    return f, counted


# The most that is resident is asked for by a small process: a child's figure begins with its parent's.
WATCH = "import os, sys; p = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]); _, s, u = os.wait4(p, 0); print(u.ru_maxrss if s == 0 else -1)"


def capture(path, ceiling):
    """(most that was resident, KiB; stderr)"""
    words = ["capture", "-q", "-r", path, "-d", here / "f.db", "--fresh", "--secret", SECRET, "--memory", "%dM" % ceiling]
    p = subprocess.run([sys.executable, "-c", WATCH, BINARY, *map(str, words)], capture_output=True, text=True, cwd=here)
    return int(p.stdout or -1), p.stderr


ALL = (keys, commands, datagrams, flows, unknown, streams, fields, fragments, events)
for flood in [f for f in ALL if not sys.argv[1:] or f.__name__ in sys.argv[1:]]:
    f, counted = flood()
    path = here / "flood.pcap"
    path.write_bytes(b"".join(f.out))
    for ceiling in CEILINGS:
        peak, err = capture(path, ceiling)
        got, want = counted(parsed(good("report", here / "f.db", "--format", "json")))
        check(0 < peak <= (ceiling + 32) << 10, "%s: %d packets in %d MiB of %d + 32" % (flood.__name__, f.packets, peak >> 10, ceiling), peak, err)
        check(got == want, "%s: all is counted" % flood.__name__, got, want)
    path.unlink()
finish()
