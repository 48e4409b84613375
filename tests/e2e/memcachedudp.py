#!/usr/bin/env python3
# kinds: opt san
"""memcached over UDP. A real server is asked in lines, meta commands and binary, small and in answers of many datagrams; what passed is
written as captures: as it was, in tunnels, in IP fragments, turned around, twice, with datagrams missing. Hits and misses are those of
the server's own stats; what is missing is counted, and tells nothing wrong."""
import json
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

from lib import PROOF, ROOT, SECRET, Capture, audit, check, finish, folder, good, parsed, skip

sys.path.insert(0, str(ROOT / "tests" / "make"))
from caches import SECRET as CANARY, Memcached  # noqa: E402

here = folder()
CLIENT, SERVER, PORT = "10.0.0.2", "10.0.0.1", 7012


# Frames.
def address(text):
    return bytes(map(int, text.split(".")))


def datagram(data, source, target, sport, dport, number, mtu=1 << 16):
    """IP packets of one datagram: fragments where it is larger than mtu."""
    udp = struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data
    step = (mtu - 20) // 8 * 8
    out = []
    for at in range(0, len(udp), step):
        part = udp[at:at + step]
        flags = at // 8 | (0x2000 if at + len(part) < len(udp) else 0)
        out.append(struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(part), number & 0xFFFF, flags, 64, 17, 0) + address(source) + address(target) + part)
    return out


ETHERNET = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0"


def vxlan(packet):
    inner = struct.pack(">II", 0x08000000, 77 << 8) + ETHERNET + packet
    return datagram(inner, "10.9.0.1", "10.9.0.2", 50000, 4789, 9)[0]


def made(name, passed, mtu=1 << 16, wrap=lambda p: p, port=PORT, step=1000):
    """passed: (way, number of the client's port, octets)."""
    c = Capture()
    for n, (way, who, data) in enumerate(passed):
        ends = (CLIENT, SERVER, who, port) if way == ">" else (SERVER, CLIENT, port, who)
        for packet in datagram(data, *ends, n + 1, mtu):
            c.packet(ETHERNET + wrap(packet), step=step)
    return c.write(here / (name + ".pcap"))


def number(text, name):
    found = re.findall(name.encode() + rb" (\d+)", text)
    return int(found[-1]) if found else None


# What passes between a client and a real server.
class Udp:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.passed, self.id, self.who = [], 0, 40001

    def ask(self, body, ends=1, id=None):
        """`ends` datagrams' worth of whole messages are waited for."""
        self.id = (self.id + 1) & 0xFFFF if id is None else id
        data = struct.pack(">HHHH", self.id, 0, 1, 0) + body
        self.passed.append((">", self.who, data))
        self.socket.send(data)
        while ends:
            self.socket.settimeout(5)
            got = self.socket.recv(65536)
            self.passed.append(("<", self.who, got))
            seq, total = struct.unpack(">HH", got[2:6])
            ends -= seq + 1 == total
        return self.passed[-1][2][8:]


def talk(port):
    u, m, ask = Udp(port), Memcached("127.0.0.1", port), Memcached.ask
    for i in range(12):
        u.ask(b"set item:%d:v2 0 60 %d\r\n%s\r\n" % (i, len(CANARY) + i, CANARY.encode() + b"x" * i))
    m.set(b"big:1", 0, b"y" * 9000)
    m.set(b"big:2", 0, b"z" * 30000)
    for i in range(20):
        u.ask(b"get item:%d:v2\r\n" % i)
    for i in range(4):
        u.ask(b"get big:%d\r\n" % i)
    u.ask(b"get " + b" ".join(b"item:%d:v2" % i for i in range(9, 16)) + b"\r\n", 4)
    u.ask(b"get item:1:v2 big:1 item:2:v2 big:2 item:77:v2\r\n", 5)
    u.ask(b"get item:1:v2\r\nget item:88:v2\r\n", 2)
    u.ask(b"gat 100 item:3:v2\r\n")
    u.ask(b"set q:1 0 0 1 noreply\r\na\r\n", 0)
    u.ask(b"get q:1\r\n")
    for line in (b"incr q:1 1", b"delete item:11:v2", b"delete item:11:v2", b"touch item:1:v2 50", b"version", b"bogus"):
        u.ask(line + b"\r\n")
    u.ask(b"ms mm:1 3 T90\r\nabc\r\n"), u.ask(b"mg mm:1 v\r\n"), u.ask(b"mg mm:2 v\r\n"), u.ask(b"mg big:1 v\r\n")
    u.ask(b"mg mm:1 v q k\r\nmg mm:2 v q k\r\nmn\r\n", 2)
    u.ask(ask(1, b"bin:1", struct.pack("!II", 0, 50), b"v")), u.ask(ask(0, b"bin:1")), u.ask(ask(0, b"bin:2")), u.ask(ask(0, b"big:2"))
    u.ask(ask(0x0D, b"bin:1", opaque=1) + ask(0x0D, b"bin:3", opaque=2) + ask(0x0A, opaque=3), 2)
    for i in range(6):  # a client that knows one number
        u.ask(b"get item:%d:v2 item:90:v2\r\n" % i, 2, id=0)
    return u.passed, u.ask(b"stats\r\n")


def live():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(["memcached", "-u", "root", "-l", "127.0.0.1", "-p", str(port), "-U", str(port), "-t", "1"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        passed, _ = talk(port)
        m = Memcached("127.0.0.1", port)
        m.send(b"stats\r\n")
        time.sleep(0.2)
        return passed, m.socket.recv(1 << 16)
    finally:
        server.terminate()
        server.wait()


def row(report):
    return (report.get("memcached") or [{}])[0]


def brief(report):
    r = row(report)
    return {k: r.get(k) for k in ("commands", "answered", "hits", "misses", "untold", "writes", "deletes", "value_bytes", "patterns", "by_command")}


def without_times(x):
    drop = ("slow", "latency", "latency_total_s", "first", "last", "fill", "fill_total_s", "age_at_hit", "fills", "ttl")
    if isinstance(x, dict):
        return {k: without_times(v) for k, v in x.items() if k not in drop}
    return [without_times(v) for v in x] if isinstance(x, list) else x


if not shutil.which("memcached"):
    skip("memcached over UDP", "memcached is not here")
    finish()
passed, stats = live()
report = parsed(audit(made("plain", passed), "plain"))
r, whole = row(report), brief(report)
get = [sum(c[k] for c in r.get("by_command", []) if c["command"] in ("get", "mg")) for k in ("hits", "misses", "untold")]
check(get == [number(stats, "get_hits"), number(stats, "get_misses"), 0], "hits and misses are those of stats", get, number(stats, "get_hits"), number(stats, "get_misses"), r)
sets = sum(c["commands"] for c in r.get("by_command", []) if c["command"] in ("set", "ms"))
check(sets == number(stats, "cmd_set") - 2, "so are the sets, but for two over TCP", sets, number(stats, "cmd_set"))
check(r.get("server") == "%s:%d" % (SERVER, PORT) and "item:{int}:v2" in [p["pattern"] for p in r["patterns"]], "server and patterns", r.get("server"))
udp = report["capture"].get("memcached_udp")
check(udp == {"datagrams": len(passed) - 1, "lost": 0, "stray": 1}, "each datagram is counted; what is no command is not known, its answer no answer", udp, len(passed))


# The same in other frames.
for name, more in {"vxlan": {"wrap": vxlan}, "fragments": {"mtu": 576}, "fragments in vxlan": {"mtu": 576, "wrap": vxlan}, "another port": {"port": 53}, "fast": {"step": 3}}.items():
    again = parsed(audit(made("again", passed, **more), "again", "--fresh"))
    check(without_times(brief(again)) == without_times(whole), name + ": the same", without_times(brief(again)), without_times(whole))
records = good("log", "-r", here / "plain.pcap", "--secret", SECRET, "--format", "jsonl")
(here / "records").write_text(records)
good("capture", "-q", "--records", here / "records", "-d", here / "records.db", "--fresh", "--secret", SECRET)
again = parsed(good("report", here / "records.db", "--format", "json"))
check(again.get("memcached") == report.get("memcached"), "records give the same as packets")
texts = [records] + [good("report", here / "plain.db", "--format", f) for f in ("json", "text", "markdown", "csv", "html")] + [(here / "plain.db").read_bytes().decode("latin-1")]
check(not any(CANARY in t for t in texts), "no key or value is in any output")


# Turned around, twice, with some missing. A request is told by its own octets: they differ, but for those of one number.
def asks(path):
    lines = [json.loads(x) for x in good("log", "-r", path, "--secret", SECRET, "--format", "jsonl").splitlines()]
    return {(x["ts"], x["method"], *[k[1] for k in x["cache"].get("keys", [])]): (x["cache"]["hits"], x["cache"]["misses"], x["cache"].get("keys"))
            for x in lines if "answered" in x["cache"]["is"]}


def groups():
    """Each request with what came back."""
    out = []
    for at, one in enumerate(passed):
        out.append([(at, one)]) if one[0] == ">" else out[-1].append((at, one))
    return out


def changed(name, order, dup=1, hold=0):
    """A capture of the datagrams numbered `order`, each at the time it had."""
    c = Capture()
    for place, at in enumerate(order):
        way, who, data = passed[at]
        ends = (CLIENT, SERVER, who, PORT) if way == ">" else (SERVER, CLIENT, PORT, who)
        for k in range(dup):
            c.now = 1_700_000_000_000_000 + at * 10_000 + (place - at if hold else 0) + k * 100
            for packet in datagram(data, *ends, at + 1):
                c.packet(ETHERNET + packet)
    return c.write(here / (name + ".pcap"))


truth = asks(changed("base", range(len(passed))))
check(len(truth) > 60, "what is told", len(truth))
twice = parsed(audit(changed("twice", range(len(passed)), dup=2), "twice"))
check(without_times(brief(twice)) == without_times(whole) and twice["capture"]["duplicates"] == len(passed) - 1, "each datagram twice: the same, and counted", twice["capture"]["duplicates"])
seeds = range(40 if PROOF else 4)
wrong, share = [], []
for seed in seeds:
    rng = random.Random(seed)
    order = []
    for g in groups():
        answers = [at for at, _ in g[1:]]
        rng.shuffle(answers)
        order += [g[0][0], *answers]
    c = Capture()
    for place, at in enumerate(order):  # an answer's datagrams in any order, at the times they come
        way, who, data = passed[at]
        c.now = 1_700_000_000_000_000 + (at if way == ">" else place) * 10_000
        for packet in datagram(data, *((CLIENT, SERVER, who, PORT) if way == ">" else (SERVER, CLIENT, PORT, who)), at + 1):
            c.packet(ETHERNET + packet)
    got = asks(c.write(here / "shuffled.pcap"))
    wrong += [(seed, k, v, truth.get(k)) for k, v in got.items() if truth.get(k) != v]
    share.append(len(got))
check(not wrong, "answers' datagrams in any order: none is told wrong (%s of %d told)" % (min(share), len(truth)), *wrong[:5])
check(min(share) > len(truth) * 0.85, "most is told all the same", share)
wrong, share, lost = [], [], 0
for seed in seeds:
    rng = random.Random(seed)
    kept = [at for at in range(len(passed)) if rng.random() > 0.05]
    path = changed("lossy", kept)
    got = asks(path)
    # A value that was a message of its own is missed by the client as well: hits that turn to misses are no mistake.
    wrong += [(seed, k, v, truth.get(k)) for k, v in got.items() if truth.get(k) != v and not (k in truth and k[1] in ("get", "mg") and v[0] <= truth[k][0] and sum(v[:2]) == sum(truth[k][:2]))]
    share.append(len(got))
    capture = parsed(audit(path, "lossy", "--fresh"))["capture"]["memcached_udp"]
    lost += capture["lost"]
check(not wrong, "5 %% of the datagrams missing, %d times: none is told wrong (%d to %d of %d told)" % (len(share), min(share), max(share), len(truth)), *wrong[:5])
check(lost > 0, "what is missing of answers is counted", lost)
finish()
