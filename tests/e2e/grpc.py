#!/usr/bin/env python3
# kinds: san
"""gRPC in the report: a service with more methods than a route may have literals is not templated, a failed call is an error
of its endpoint, paths that the server does not know are; the records give the same, and so does an audit that goes on."""
import json
import struct

from lib import Capture, SECRET, check, check_tsv, finish, folder, run

here = folder()
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
METHODS = 40


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def fields(*pairs):
    return b"".join(b"\x10" + bytes([len(n)]) + n.encode() + bytes([len(v)]) + v.encode() for n, v in pairs)


def call(stream, path, status):
    ask = fields((":method", "POST"), (":scheme", "http"), (":authority", "shop.test"), (":path", path),
                 ("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "2S"))
    head = fields((":status", "200"), ("content-type", "application/grpc"))
    message = b"\0\0\0\0\3abc"
    request = frame(1, 4, stream, ask) + frame(0, 1, stream, message)
    if status:
        return request, frame(1, 5, stream, head + fields(("grpc-status", str(status))))
    return request, frame(1, 4, stream, head) + frame(0, 0, stream, message) + frame(1, 5, stream, fields(("grpc-status", "0")))


def talk(capture, calls):
    turns = [(">", PREFACE + frame(4, 0, 0)), ("<", frame(4, 0, 0) + frame(4, 1, 0))]
    for n, (path, status) in enumerate(calls):
        request, reply = call(2 * n + 1, path, status)
        turns += [(">", request), ("<", reply)]
    capture.talk(*turns, port=50051)


def endpoints(db):
    rc, out, err = run("report", db, "--format", "json", "--top", "200")
    check(rc == 0, "report of %s" % db.name, err)
    return {(e["method"], e["route"]): (e["requests"], e["errors"], e["operation"]) for e in json.loads(out)["endpoints"]}


calls = [("/shop.Cart/Method%s%s" % (chr(65 + n // 26), chr(97 + n % 26)), 13 if n % 4 == 0 else 0) for n in range(METHODS)]
first, second = Capture(), Capture()
talk(first, calls[:25])
second.now = first.now + 1_000_000
second.port = 41000
talk(second, calls[25:] + calls + [("/shop.Cart/no%d" % n, 12) for n in range(50)])
both = Capture()
both.packets = first.packets + second.packets
for name, capture in (("first", first), ("second", second), ("both", both)):
    capture.write(here / (name + ".pcap"))

check_tsv(here / "first.pcap")
rc, _, err = run("capture", "-q", "-r", here / "both.pcap", "-d", here / "both.db", "--secret", SECRET)
check(rc == 0, "capture", err)
told = endpoints(here / "both.db")
literal = {route: v for (_, route), v in told.items() if route in dict(calls)}
check(len(literal) == METHODS, "every method is an endpoint of its own", sorted(told))
check(all(v[:2] == (2, 2 if dict(calls)[route] else 0) for route, v in literal.items()), "a failed call is an error", literal)
check(all(v[2] == ("/".join(route.split("/")[1:]) if route in literal else None) for (_, route), v in told.items()),
      "methods have their name as operation, the rest none", told)
rc, text, err = run("report", here / "both.db", "--format", "text")
check(rc == 0 and "/shop.Cart/Method" in text and "#shop.Cart" not in text, "which is not said twice", err)
check(len(told) < METHODS + 40, "what the server does not know is templated", sorted(told))

rc, records, err = run("log", "-q", "-r", here / "both.pcap", "--secret", SECRET, "--format", "jsonl")
lines = [json.loads(line) for line in records.splitlines()]
one = lines[0]
check(one["grpc_status"] == 13 and one["operation"] == "shop.Cart/MethodAa" and one["proto"] == "h2" and one["stream"] == 1,
      "a record says status and method", one)
check(one["grpc"] == {"kind": "unary", "messages": [1, 0], "message_bytes": [3, 0], "compressed": [0, 0], "whole": True,
                      "timeout_s": 2.0}, "and how it streamed", one["grpc"])
(here / "records").write_text(records)
rc, _, err = run("capture", "-q", "--records", here / "records", "-d", here / "records.db", "--secret", SECRET)
check(rc == 0, "the records are read", err)
check(endpoints(here / "records.db") == told, "they give the same endpoints")

for name, more in (("first", ()), ("second", ("--append",))):
    rc, _, err = run("capture", "-q", "-r", here / (name + ".pcap"), "-d", here / "parts.db", "--secret", SECRET, *more)
    check(rc == 0, "capture of the %s part" % name, err)
check(endpoints(here / "parts.db") == told, "an audit that goes on, too")
finish()
