#!/usr/bin/env python3
"""TLS without keys: who spoke with whom, the name asked for, protocols, JA4 and sizes of real clients (curl, openssl s_client,
Python) with real servers, held against a reader of hellos written here on its own; why it was not read; sums that a
restart continues and that no flood makes lose anything."""
import hashlib
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import threading

from lib import SECRET, Capture, answer, check, finish, folder, good, parsed, request
from peers import Tap

socket.setdefaulttimeout(20)
here = folder()
pem, keys = here / "server.pem", here / "all.keys"
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(here / "k"),
                "-out", str(here / "c"), "-days", "9", "-subj", "/CN=api.example"], check=True, capture_output=True)
pem.write_bytes((here / "k").read_bytes() + (here / "c").read_bytes())


# ---- real peers, what they say taken down between them ----

def serve(listener, version, body):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["http/1.1"])
    raw, _ = listener.accept()
    try:
        with context.wrap_socket(raw, server_side=True) as s:
            s.recv(65536)
            s.sendall(answer(200, body))
    except OSError:
        raw.close()


def python_client(port, name, offered):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.keylog_filename = str(keys)
    if offered:
        context.set_alpn_protocols(offered)
    with socket.create_connection(("127.0.0.1", port)) as raw, context.wrap_socket(raw, server_hostname=name) as s:
        s.sendall(request("GET", "/"))
        while s.recv(65536):
            pass


def program(port, words, stdin=b""):
    subprocess.run([w.replace("PORT", str(port)) for w in words], input=stdin, capture_output=True, timeout=20,
                   env=dict(os.environ, SSLKEYLOGFILE=str(keys)))


def conversation(version, client, body=b"x" * 5000):
    back = socket.create_server(("127.0.0.1", 0))
    server, tap = threading.Thread(target=serve, args=(back, version, body)), Tap(back.getsockname()[1])
    server.start()
    client(tap.port)
    server.join(25)
    back.close()
    return tap.done()


# ---- hellos, read here on their own ----

def vector(b, at, width):
    n = int.from_bytes(b[at:at + width], "big")
    return b[at + width:at + width + n], at + width + n


def message(data):
    """The first handshake message of a stream of records."""
    out = b""
    while data[:1] == b"\x16":
        n = struct.unpack(">H", data[3:5])[0]
        out, data = out + data[5:5 + n], data[5 + n:]
    return out[4:4 + int.from_bytes(out[1:4], "big")]


def grease(v):
    return v & 0x0F0F == 0x0A0A and v >> 8 == v & 255


def words(b):
    return [v for (v,) in struct.iter_unpack(">H", b) if not grease(v)]


def short(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def hello(data):
    m = message(data)
    version, at = struct.unpack(">H", m[:2])[0], 34
    _, at = vector(m, at, 1)
    ciphers, at = vector(m, at, 2)
    _, at = vector(m, at, 1)
    block, _ = vector(m, at, 2)
    found, at = [], 0
    while at < len(block):
        body, end = vector(block, at + 2, 2)
        found.append((struct.unpack(">H", block[at:at + 2])[0], body))
        at = end
    found = [f for f in found if not grease(f[0])]
    by = dict(found)
    alpn, at = [], 2
    while at < len(by.get(16, b"")):
        one, at = vector(by[16], at, 1)
        alpn.append(one.decode())
    if 43 in by:
        version = max(words(by[43][1:]))
    ciphers = words(ciphers)
    name = by[0][5:].decode() if 0 in by else None
    hexed = lambda l: ",".join("%04x" % v for v in l)
    kinds = hexed(sorted(t for t, _ in found if t not in (0, 16)))
    signatures = hexed(words(by[13][2:])) if 13 in by else ""
    letters = alpn[0][0] + alpn[0][-1] if alpn else "00"
    ja4 = "t%s%s%02d%02d%s_%s_%s" % ({0x304: "13", 0x303: "12"}[version], "d" if 0 in by else "i", len(ciphers), len(found), letters,
                                    short(hexed(sorted(ciphers))), short(kinds + ("_" + signatures if signatures else "")))
    return {"server_name": name, "alpn": alpn, "ja4": ja4}


def side(turns, way):
    return b"".join(d for w, d in turns if w == way)


V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
CLIENTS = {
    "Python, TLS 1.3": (V13, lambda p: python_client(p, "api.example", ["h2", "http/1.1"])),
    "Python, TLS 1.2, no ALPN": (V12, lambda p: python_client(p, "Other.example", [])),
    "curl, TLS 1.3": (V13, lambda p: program(p, ["curl", "-sk", "--resolve", "shop.example:PORT:127.0.0.1", "https://shop.example:PORT/"])),
    "curl, TLS 1.2, to an address": (V12, lambda p: program(p, ["curl", "-sk", "--tls-max", "1.2", "https://127.0.0.1:PORT/"])),
    "openssl s_client, TLS 1.3": (V13, lambda p: program(p, ["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:PORT", "-servername", "s.example", "-alpn",
                                                            "http/1.1", "-keylogfile", str(keys)], request("GET", "/"))),
    "openssl s_client, TLS 1.2": (V12, lambda p: program(p, ["openssl", "s_client", "-quiet", "-tls1_2", "-noservername", "-connect", "127.0.0.1:PORT", "-cipher",
                                                            "ECDHE-ECDSA-AES128-SHA256", "-keylogfile", str(keys)], request("GET", "/"))),
}
talks = {name: conversation(version, client) for name, (version, client) in CLIENTS.items()}


def rows(capture, name, *options):
    path = capture.write(here / (name + ".pcap"))
    good("capture", "-q", "-r", path, "-d", here / (name + ".db"), "--secret", SECRET, *options)
    return parsed(good("report", here / (name + ".db"), "--format", "json"))


# Each client thrice, cut into segments in three ways, from two addresses.
many = Capture()
for name, turns in talks.items():
    for i, mss in enumerate((1, 37, 1400) if "1.3" in name else (700, 1400, 1400)):
        many.talk(*turns, port=443, mss=mss, client="10.0.1.%d" % (i % 2))
report = rows(many, "many")
for name, turns in talks.items():
    want = hello(side(turns, ">"))
    want["server_name"] = want["server_name"] and want["server_name"].lower()
    got = [r for r in report["opaque"] if r["ja4"] == want["ja4"] and r["server_name"] == want["server_name"] and r["client"] == "10.0.1.0"]
    want.update(client="10.0.1.0", server="10.0.0.1:443", reason="no_keys", version="1.3" if CLIENTS[name][0] == V13 else "1.2", connections=2,
                bytes_client=2 * len(side(turns, ">")), bytes_server=2 * len(side(turns, "<")))
    seen = {k: got[0].get(k) for k in want} if len(got) == 1 else got
    check(seen == want, name + ": as read here", seen, want)
    check(len(got) == 1 and got[0]["cipher"].startswith("TLS_") and got[0]["open_s"] > 0 and
          abs(got[0]["rate_server"] - got[0]["bytes_server"] / got[0]["open_s"]) < 0.01 * got[0]["rate_server"], "rate and cipher", got)

# ---- why ----

turns = talks["Python, TLS 1.3"]
none, log = here / "none.keys", keys
none.write_text("# nothing\n")
cap = Capture()
cap.talk(*turns, port=443)
check([r["reason"] for r in rows(cap, "none", "--keys", none)["opaque"]] == ["no_entry"], "a key log that has no entry")
r = rows(cap, "read", "--keys", log)
check(r["opaque"] == [] and r["totals"]["exchanges"] == 1 and not r["capture"]["flows_opaque"], "with its keys it is read and has no row", r["opaque"])
late = Capture()
late.talk(*turns, port=443)
late.packets = late.packets[1 + next(i for i, p in enumerate(late.packets) if len(p[1]) > 54):]
late.talk((">", b"CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n"), ("<", b"HTTP/1.1 200 OK\r\n\r\n"), *turns, port=3128)
r = rows(late, "late")
by = {x["server"]: (x["reason"], x["server_name"], x["bytes_server"]) for x in r["opaque"]}
received = len(side(turns, "<"))
check(by == {"10.0.0.1:443": ("start_missed", None, received), "10.0.0.1:3128": ("no_keys", "api.example", received)},
      "without the client's hello; inside CONNECT", by, r["capture"]["flows_opaque"])

# ---- sums ----

check(len(report["opaque"]) == 2 * len(talks) and sum(r["connections"] for r in report["opaque"]) == 3 * len(talks) == report["capture"]["flows_opaque"]["tls"],
      "a row for each client and kind of hello", [(r["client"], r["ja4"], r["connections"]) for r in report["opaque"]])
text = good("report", here / "many.db")
check("WHAT WAS NOT READ" in text and "shop.example:443" in text and "18 connections: no key log was given" in text, "in the text", text[-1500:])
markdown = good("report", here / "many.db", "--format", "markdown")
check("## What was not read" in markdown and "shop.example:443" in markdown, "in Markdown", markdown[-900:])
table = good("report", here / "many.db", "--format", "csv")
check("table,client,server,reason,server_name" in table and table.count("\nopaque,") == 2 * len(talks), "as CSV", table[-900:])

# A restart goes on where the rows stood: two halves are the whole.
half = next(i for i, p in enumerate(many.packets) if i > len(many.packets) // 2 and p[1][47] == 2)  # a SYN
for part, packets in (("a", many.packets[:half]), ("b", many.packets[half:])):
    c = Capture()
    c.packets = packets
    c.write(here / (part + ".pcap"))
    good("capture", "-q", "-r", here / (part + ".pcap"), "-d", here / "halves.db", "--secret", SECRET, "--append")
halves = parsed(good("report", here / "halves.db", "--format", "json"))["opaque"]
total = lambda rows, what: sum(r[what] for r in rows)
check(total(halves, "connections") == 18 and all(total(halves, w) == total(report["opaque"], w) for w in ("bytes_client", "bytes_server")) and
      len([r for r in halves if r["ja4"]]) == len(report["opaque"]), "two halves are the whole", len(halves))

# A flood of clients: what finds no room is summed up, and nothing is lost.
flood, start = Capture(), talks["curl, TLS 1.2, to an address"]
for i in range(3000):
    flood.talk(*start[:2], port=443, client="10.%d.%d.9" % (2 + i // 250, i % 250))
r = rows(flood, "flood", "--memory", "16M")
one = sum(len(d) for _, d in start[:2])
check(total(r["opaque"], "connections") == 3000 and total(r["opaque"], "bytes_client") + total(r["opaque"], "bytes_server") == 3000 * one,
      "a flood: every octet is counted", total(r["opaque"], "connections"))
other = [x for x in r["opaque"] if x["reason"] == "other"]
check(len(r["opaque"]) < 200 and len(other) == 1 and other[0]["client"] is None and other[0]["connections"] > 2500, "in a table that is bounded", len(r["opaque"]), other)

# ---- what is no TLS ----

postgres = [(">", struct.pack(">II", 60, 196608) + b"user\0app\0database\0shop\0\0"), ("<", b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")]
postgres += [(">", b"Q\0\0\0\x1eSELECT * FROM item WHERE id=7\0"), ("<", b"T\0\0\0\x20" + bytes(900) + b"Z\0\0\0\x05I")] * 30
ssh = [("<", b"SSH-2.0-OpenSSH_9.2\r\n"), (">", b"SSH-2.0-OpenSSH_9.2\r\n"), (">", bytes(1200)), ("<", bytes(2400))]
cap = Capture()
for _ in range(3):
    cap.talk(*postgres, port=5432)
cap.talk(*ssh, port=22)
cap.talk((">", b"GE"), port=8080)  # it ends before it is clear what it is
r = rows(cap, "foreign")
by = {x["server"]: (x["reason"], x["connections"], x["bytes_client"], x["bytes_server"]) for x in r["opaque"]}
size = lambda turns, way: len(side(turns, way))
check(by == {"10.0.0.1:5432": ("not_recognised", 3, 3 * size(postgres, ">"), 3 * size(postgres, "<")), "10.0.0.1:22": ("not_decoded", 1, size(ssh, ">"), size(ssh, "<")),
             "10.0.0.1:8080": ("not_recognised", 1, 2, 0)}, "databases, SSH and fragments have rows", by, r["capture"]["flows_opaque"])
check(all(x["open_s"] > 0 and x["rate_server"] > 0 and not x["ja4"] for x in r["opaque"] if x["connections"] == 3), "with times and rates", r["opaque"])
text = good("report", here / "foreign.db")
check("4 connections: of no language that is read here" in text and "1 connection: of a language that is known by name" in text, "in the text", text[-1500:])

# What is told of a connection is taken back when it turns out to be read: HTTP that was joined inside a long answer.
cap = Capture()
turns = [(">", request("GET", "/long")), ("<", answer(200, b"x" * 40000)), (">", request("GET", "/next")), ("<", answer(200, b"seen"))]
cap.talk(*turns, port=8080)
late = Capture()
late.packets = cap.packets[8:]
late.packets = [(now + i * 2_000_000, frame, wire) for i, (now, frame, wire) in enumerate(late.packets)]
r = rows(late, "joined")
check(r["opaque"] == [] and r["totals"]["exchanges"] == 1 and not r["capture"]["flows_opaque"], "joined inside a message, read later: no row", r["opaque"], r["totals"]["exchanges"])
# Where it never turns out, its rows have all of it, although it was told of in parts.
late.packets = late.packets[:-9]
r = rows(late, "never")
sent = sum(len(frame) - 54 for _, frame, _ in late.packets)
check([(x["reason"], x["connections"], x["bytes_client"] + x["bytes_server"]) for x in r["opaque"]] == [("not_recognised", 1, sent)], "never read: all of it", r["opaque"], sent)
finish()
