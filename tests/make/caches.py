#!/usr/bin/env python3
"""Talks to a real Redis or memcached in all the ways there are, and last of all asks it what it counted itself:
caches.py redis|memcached HOST PORT."""
import socket
import struct
import sys
import time

SECRET = "canary-Rq7WbT2xKc9Ld4Vm"


class Peer:
    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=10)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)


class Redis(Peer):
    @staticmethod
    def resp(*words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)

    def answer(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind in b"$=!":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind in b"*~%>|":
            n = int(rest) * (2 if kind in b"%|" else 1)
            return None if n < 0 else [self.answer() for _ in range(n)]
        return rest

    def do(self, *words):
        self.send(self.resp(*words))
        return self.answer()

    def all(self, *commands):
        """Pipelined."""
        self.send(b"".join(self.resp(*c) for c in commands))
        return [self.answer() for _ in commands]


def redis(host, port):
    r = Redis(host, port)
    r.do("CLIENT", "SETNAME", SECRET)
    r.do("AUTH", SECRET)
    for i in range(8):
        r.do("SET", "user:%d:profile" % i, SECRET * (i + 1), "EX", 100 + i)
    for i in range(12):
        r.do("GET", "user:%d:profile" % i)
    r.do("SETEX", "session:" + SECRET, 1800, SECRET)
    r.do("GET", "session:" + SECRET)
    r.all(*[("GET", "page:%d" % i) for i in range(10)])
    r.do("MGET", "user:1:profile", "user:100:profile", "user:2:profile")
    r.do("SET", "page:3", "x" * 9000)  # larger than a segment
    r.do("GET", "page:3")
    r.do("PSETEX", "page:4", 5, "gone soon")
    time.sleep(0.05)
    r.do("GET", "page:4")
    r.do("SET", "page:4", "again", "PX", 90000)
    r.all(("MULTI",), ("GET", "page:4"), ("MGET", "page:4", "page:5"), ("INCR", "n:1"), ("EXEC",))
    r.do("MULTI"), r.do("GET", "page:4"), r.do("DISCARD")
    r.all(("HSET", "h:1", "a", "1"), ("HGETALL", "h:1"), ("HGET", "h:1", "a"), ("HGETALL", "h:2"), ("LPUSH", "l:1", "a", "b"), ("LRANGE", "l:1", 0, -1),
          ("LLEN", "l:2"), ("SADD", "s:1", "a"), ("SMEMBERS", "s:1"), ("ZADD", "z:1", 1, "a"), ("ZCARD", "z:1"))
    r.all(("EXISTS", "page:3", "page:9", "page:3"), ("TTL", "page:4"), ("TTL", "page:9"), ("TYPE", "l:1"), ("STRLEN", "page:4"), ("GET", "h:1"))
    r.all(("GETSET", "page:4", "b"), ("SET", "page:8", "c", "GET"), ("GETDEL", "page:8"), ("GETEX", "page:4", "EX", 50), ("DEL", "page:3", "page:9"), ("KEYS", "*"))
    s = Redis(host, port)
    s.do("SUBSCRIBE", "news")
    for i in range(3):
        r.do("PUBLISH", "news", SECRET)
        s.answer()
    s.do("UNSUBSCRIBE", "news")
    s.do("GET", "page:4")
    t = Redis(host, port)
    t.do("HELLO", 3)
    t.do("CLIENT", "TRACKING", "ON")
    t.do("GET", "user:1:profile")
    r.do("SET", "user:1:profile", "new")  # pushed to t
    t.answer()
    t.do("HGETALL", "h:1")
    b = Redis(host, port)
    b.send(b.resp("BLPOP", "queue:1", 5))
    time.sleep(0.1)
    r.do("RPUSH", "queue:1", "job")
    b.answer()
    q = Redis(host, port)
    q.send(q.resp("CLIENT", "REPLY", "OFF") + q.resp("SET", "off:1", "1") + q.resp("CLIENT", "REPLY", "ON"))
    q.answer()
    q.do("GET", "off:1")
    q.send(b"PING\r\nGET page:4\r\nGET page:77\r\n")
    for _ in range(3):
        q.answer()
    r.do("INFO", "stats")


class Memcached(Peer):
    def lines(self, command, *ends):
        """Until a line that is one of `ends`, or, without them, one line."""
        self.send(command)
        while True:
            line = self.file.readline()
            word = line.split()[0] if line.split() else b""
            if word in (b"VALUE", b"VA"):
                self.file.read(int(line.split()[3 if word == b"VALUE" else 1]) + 2)
            if (not ends and word != b"VALUE") or word in ends or word.endswith(b"ERROR"):
                return line

    def get(self, *keys):
        return self.lines(b"get " + b" ".join(keys) + b"\r\n", b"END")

    def set(self, key, ttl, value):
        return self.lines(b"set %s 0 %d %d\r\n%s\r\n" % (key, ttl, len(value), value))

    @staticmethod
    def ask(op, key=b"", extras=b"", value=b"", opaque=0):
        n = len(key) + len(extras) + len(value)
        return struct.pack("!BBHBBHIIQ", 0x80, op, len(key), len(extras), 0, 0, n, opaque, 0) + extras + key + value

    def told(self):
        head = struct.unpack("!BBHBBHIIQ", self.file.read(24))
        self.file.read(head[6])
        return head

    def do(self, *what, **more):
        self.send(self.ask(*what, **more))
        return self.told()


def memcached(host, port):
    m = Memcached(host, port)
    for i in range(10):
        m.set(b"item:%d:v2" % i, 60, SECRET.encode() * (i + 1))
    for i in range(15):
        m.get(b"item:%d:v2" % i)
    m.get(*[b"item:%d:v2" % i for i in range(5, 20)])
    m.lines(b"gets item:1:v2 item:99:v2\r\n", b"END")
    m.send(b"set q:1 0 0 1 noreply\r\na\r\nset q:2 0 0 2 noreply\r\nab\r\n")
    m.get(b"q:1", b"q:2", b"q:3")
    m.set(b"big:1", 0, b"x" * 9000)
    m.get(b"big:1")
    for line in (b"set n:1 0 0 1\r\n5", b"incr n:1 2", b"incr n:2 2", b"delete n:1", b"delete n:1", b"touch q:1 100", b"touch q:9 100",
                 b"add q:1 0 0 1\r\nz", b"version"):
        m.lines(line + b"\r\n")
    m.lines(b"ms mm:1 3 T90\r\nabc\r\n"), m.lines(b"mg mm:1 v\r\n"), m.lines(b"mg mm:2 v\r\n"), m.lines(b"mg mm:1 t\r\n")
    m.lines(b"".join(b"mg mm:%d v q k\r\n" % i for i in range(4)) + b"mn\r\n", b"MN")
    m.lines(b"".join(b"mg mm:%d v q O%d\r\n" % (i, i) for i in range(4)) + b"mn\r\n", b"MN")
    b = Memcached(host, port)
    for i in range(5):
        b.do(1, b"bin:%d" % i, struct.pack("!II", 0, 50), b"v" * i)
    for i in range(7):
        b.do(0, b"bin:%d" % i)
    b.send(b"".join(b.ask(0x0D, b"bin:%d" % i, opaque=i) for i in range(3, 8)) + b.ask(0x0A, opaque=99))
    while b.told()[1] != 0x0A:
        pass
    b.send(b.ask(0x11, b"bq:1", bytes(8), b"x") + b.ask(0x11, b"bq:2", bytes(8), b"x") + b.ask(0x0A))
    b.told()
    b.do(4, b"bq:1"), b.do(5, b"cn:1", struct.pack("!QQI", 1, 10, 0)), b.do(0x1C, b"cn:1", struct.pack("!I", 100))
    m.lines(b"stats\r\n", b"END")


if __name__ == "__main__":
    {"redis": redis, "memcached": memcached}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
