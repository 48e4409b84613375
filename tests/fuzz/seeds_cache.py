#!/usr/bin/env python3
"""Writes the seed corpora of fuzz_redis, fuzz_memcached and fuzz_memcachedudp: small, made from nothing.

    python3 tests/fuzz/seeds_cache.py      writes tests/fuzz/corpus/{redis,memcached,memcachedudp}/
"""
import os
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def write(target, name, how, *steps):
    """steps: (role, bytes) or (role, number of octets lost)."""
    os.makedirs(os.path.join(HERE, target), exist_ok=True)
    out = bytes([how])
    for role, data in steps:
        if isinstance(data, int):
            out += bytes([role, 255, data - 1])
        else:
            out += bytes([role | 2]) + struct.pack("!H", len(data)) + data
    with open(os.path.join(HERE, target, name), "wb") as f:
        f.write(out)


def resp(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


GET, SET = resp(b"GET", b"user:12"), resp(b"SET", b"user:12", b"value", b"EX", b"60")
C, S = 0, 1
write("redis", "plain", 1, (C, SET), (S, b"+OK\r\n"), (C, GET), (S, b"$5\r\nvalue\r\n"), (C, GET), (S, b"$-1\r\n"))
write("redis", "piped", 1, (C, GET * 4), (S, b"$1\r\na\r\n$-1\r\n_\r\n"), (S, b"-WRONGTYPE x\r\n"))
write("redis", "multi", 1, (C, resp(b"MULTI") + GET + resp(b"MGET", b"a", b"b") + resp(b"EXEC")),
      (S, b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\nx\r\n*2\r\n$1\r\ny\r\n$-1\r\n"))
write("redis", "aborted", 1, (C, resp(b"MULTI") + GET + resp(b"EXEC") + resp(b"MULTI") + GET + resp(b"DISCARD")),
      (S, b"+OK\r\n+QUEUED\r\n*-1\r\n+OK\r\n+QUEUED\r\n+OK\r\n"))
write("redis", "subscribed", 1, (C, resp(b"SUBSCRIBE", b"a", b"b")),
      (S, b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"),
      (S, b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"), (C, resp(b"UNSUBSCRIBE")),
      (S, b"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n"), (C, GET), (S, b"$0\r\n\r\n"))
write("redis", "resp3", 1, (C, resp(b"HELLO", b"3", b"AUTH", b"u", b"p")), (S, b"%1\r\n$5\r\nproto\r\n:3\r\n"),
      (C, GET), (S, b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n|1\r\n+k\r\n,1.5\r\n$1\r\nv\r\n"), (C, resp(b"SMEMBERS", b"s")), (S, b"~1\r\n#t\r\n"))
write("redis", "mute", 1, (C, resp(b"CLIENT", b"REPLY", b"OFF") + GET + resp(b"CLIENT", b"REPLY", b"ON")), (S, b"+OK\r\n"),
      (C, resp(b"CLIENT", b"REPLY", b"SKIP") + GET + GET), (S, b"$1\r\na\r\n"))
write("redis", "inline", 1, (C, b"PING\r\nGET a:1\r\n\r\n"), (S, b"+PONG\r\n$-1\r\n"))
write("redis", "many", 1, (C, resp(b"DEL", *[b"k:%d" % i for i in range(140)])), (S, b":7\r\n"))
write("redis", "lost", 1, (C, resp(b"SET", b"a", b"b" * 90)), (S, b"+OK\r\n"), (C, b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$90\r\nbbb"), (C, 60),
      (C, b"b" * 27 + b"\r\n"), (S, b"+OK\r\n"), (S, 9), (C, GET), (S, b"$1\r\na\r\n"))
write("redis", "late", 0, *[step for i in range(10) for step in ((C, GET), (S, b"$1\r\na\r\n"))])
write("redis", "unanswered", 17, *[(C, GET * 10)] * 8)
write("redis", "monitor", 1, (C, resp(b"MONITOR")), (S, b"+OK\r\n+1.2 [0 x] \"get\"\r\n"), (C, GET))
write("redis", "short-of-memory", 5, (C, GET * 300))

LINE = b"set user:1 0 60 5\r\nvalue\r\n"
write("memcached", "plain", 1, (C, LINE), (S, b"STORED\r\n"), (C, b"get user:1 user:2\r\n"), (S, b"VALUE user:1 0 5\r\nvalue\r\nEND\r\n"))
write("memcached", "noreply", 1, (C, b"set a 0 0 1 noreply\r\nx\r\nget a\r\n"), (S, b"VALUE a 0 1\r\nx\r\nEND\r\n"))
write("memcached", "others", 1, (C, b"incr n 1\r\n"), (S, b"5\r\n"), (C, b"delete a\r\n"), (S, b"NOT_FOUND\r\n"), (C, b"touch a 5\r\n"), (S, b"TOUCHED\r\n"),
      (C, b"stats\r\n"), (S, b"STAT a b\r\nEND\r\n"), (C, b"gat 9 a b\r\n"), (S, b"END\r\n"), (C, b"nonsense\r\n"), (S, b"ERROR\r\n"))
write("memcached", "meta", 1, (C, b"ms a 1 T9 F1\r\nx\r\nmg a v k Oab q\r\nmg b v q\r\nmn\r\n"), (S, b"HD\r\nVA 1 ka Oab\r\nx\r\nMN\r\n"),
      (C, b"mg a v q\r\nmg a v q\r\nmn\r\n"), (S, b"VA 1\r\nx\r\nMN\r\n"), (C, b"md a q\r\nma n\r\nmn\r\n"), (S, b"NF\r\nMN\r\n"))
write("memcached", "lost", 1, (C, b"set a 0 0 90\r\nxxx"), (C, 60), (C, b"x" * 27 + b"\r\n"), (S, b"STORED\r\n"), (S, 5), (C, LINE), (S, b"STORED\r\n"))
write("memcached", "late", 0, *[step for i in range(10) for step in ((C, LINE), (S, b"STORED\r\n"))])


def ask(op, key=b"", extras=b"", value=b"", opaque=0):
    return struct.pack("!BBHBBHIIQ", 0x80, op, len(key), len(extras), 0, 0, len(key) + len(extras) + len(value), opaque, 0) + extras + key + value


def told(op, status=0, key=b"", extras=b"", value=b"", opaque=0):
    return struct.pack("!BBHBBHIIQ", 0x81, op, len(key), len(extras), 0, status, len(key) + len(extras) + len(value), opaque, 0) + extras + key + value


write("memcached", "binary", 33, (C, ask(1, b"a", bytes(8), b"x")), (S, told(1)), (C, ask(0, b"a")), (S, told(0, 0, b"", bytes(4), b"x")), (C, ask(0, b"b")), (S, told(0, 1, value=b"Not found")))
write("memcached", "quiet", 33, (C, ask(13, b"a", opaque=1) + ask(13, b"b", opaque=2) + ask(10)), (S, told(13, 0, b"b", bytes(4), b"x", 2) + told(10)))
write("memcached", "blurred", 33, (C, ask(9, b"a") + ask(9, b"b") + ask(10)), (S, told(9, 0, b"", bytes(4), b"x") + told(10)))
write("memcached", "stat", 33, (C, ask(16)), (S, told(16, 0, b"pid", b"", b"1") + told(16)))


# memcached over UDP: (flags, number of the request, octets), an answer as (flags, number, seq, total, octets).
def over_udp(name, how, *steps):
    os.makedirs(os.path.join(HERE, "memcachedudp"), exist_ok=True)
    out = bytes([how])
    for step in steps:
        flags, number, *numbers, data = step
        frame = struct.pack("!HHHH", number, *(numbers or (0, 1)), 0) + data
        out += bytes([flags | 16]) + struct.pack("!H", len(frame)) + frame
    with open(os.path.join(HERE, "memcachedudp", name), "wb") as f:
        f.write(out)


VALUE = b"VALUE big 0 300\r\n" + b"x" * 300 + b"\r\nEND\r\n"
PARTS = [VALUE[at:at + 100] for at in range(0, len(VALUE), 100)]
over_udp("plain", 1, (0, 1, b"set a 0 60 1\r\nb\r\n"), (1, 1, b"STORED\r\n"), (0, 2, b"get a\r\n"), (1, 2, b"VALUE a 0 1\r\nb\r\nEND\r\n"), (0, 3, b"get b\r\n"), (1, 3, b"END\r\n"))
over_udp("parts", 0, (0, 1, b"get big\r\n"), *[(1, 1, i, len(PARTS), PARTS[i]) for i in (2, 0, 3, 1)])
over_udp("missing", 0, (0, 1, b"get big\r\n"), *[(1, 1, i, len(PARTS), PARTS[i]) for i in (0, 3)], (8, 2, b"get a\r\n"), (1, 2, b"END\r\n"))
over_udp("several", 0, (0, 7, b"get a big c d\r\n"), (1, 7, b"VALUE c 0 1\r\nc\r\n"), (1, 7, b"VALUE a 0 1\r\na\r\n"), (1, 7, b"END\r\n"),
         *[(1, 7, i, len(PARTS), PARTS[i].replace(b"END\r\n", b"")) for i in range(len(PARTS))], (32, 8, b"version\r\n"), (1, 8, b"VERSION 1\r\n"))
over_udp("commands", 0, (0, 7, b"mg a v q k\r\nmg b v q k\r\nmn\r\n"), (1, 7, b"VA 1 kb\r\nx\r\n"), (1, 7, b"MN\r\n"), (8, 7, b"get a\r\nget b\r\n"), (1, 7, b"END\r\n"), (1, 7, b"END\r\n"))
over_udp("binary", 1, (0, 1, ask(0, b"a", opaque=5)), (1, 1, told(0, value=b"v", extras=bytes(4), opaque=5)),
         (0, 2, ask(0x0D, b"a", opaque=1) + ask(0x0D, b"b", opaque=2) + ask(0x0A, opaque=3)), (1, 2, told(0x0D, key=b"b", value=b"w", extras=bytes(4), opaque=2)), (1, 2, told(0x0A, opaque=3)))
over_udp("reused", 0, (0, 0, b"get a\r\n"), (0, 0, b"get b\r\n"), (1, 0, b"END\r\n"), (3, 0, b"END\r\n"), (2, 0, b"set a 0 0 1 noreply\r\nx\r\n"), (4, 5, b"get k\r\n"))
over_udp("crowd", 4, *[(2 * (i & 1), i, b"get a\r\n") for i in range(60)], *[(1, i, b"END\r\n") for i in range(40)])
