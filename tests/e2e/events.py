#!/usr/bin/env python3
"""Server-sent events of a real server: straight, behind nginx by HTTP/1 and HTTP/2, and with gzip, read by curl, what went over
the wire taken down between them: events and their sizes as they were sent, gaps by the clock, streams that are taken up
again; in records, in the report, and the same from records and after a restart. WebSockets over HTTP/2 and permessage-deflate
in one context, by a writer of its own."""
import http.server
import socket
import struct
import subprocess
import threading
import time
import zlib

from lib import EPOCH, SECRET, Capture, check, finish, folder, good, parsed, skip
from peers import NGINX, Tap, nginx_before

socket.setdefaulttimeout(20)
here = folder()
TEXTS = ["data: event %d\nid: %d\n\n" % (i, i) + (": keep-alive\n\n" if i % 5 == 0 else "") for i in range(12)]
PAUSES = {4: 0.1, 8: 0.6}
OCTETS = sum(len("data: event %d" % i) + len("id: %d" % i) for i in range(12))


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i, text in enumerate(TEXTS):
            time.sleep(PAUSES.get(i, 0.004))
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text.encode()))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


def curl(port, path, *options):
    tap = Tap(port)
    subprocess.run(["curl", "-sN", "-m", "15", "-o", "/dev/null", *options, "http://127.0.0.1:%d%s" % (tap.port, path)], timeout=20)
    return tap.done(), tap.times[0]


def talk(cap, turns, times):
    """A connection of which each packet has the time at which it was seen."""
    first = len(cap.packets)
    cap.now = EPOCH * 1_000_000 + int((times[0] - began) * 1e6) - 3000
    cap.talk(*turns, mss=65000)
    now = 0
    for i in range(first + 3, len(cap.packets)):
        at = times[min(i - first - 3, len(turns) - 1)]
        now = max(now + 10, EPOCH * 1_000_000 + int((at - began) * 1e6))
        cap.packets[i] = (now, *cap.packets[i][1:])


backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=backend.serve_forever, daemon=True).start()
began = time.monotonic()
ways = {"/straight": (backend.server_port, ()), "/resumed": (backend.server_port, ("-H", "Last-Event-ID: 7"))}
process = None
if NGINX:
    process, h1, h2 = nginx_before(here, backend.server_port, "gzip on; gzip_types text/event-stream; gzip_min_length 0; proxy_http_version 1.1; proxy_buffering off;")
    ways.update({"/nginx": (h1, ()), "/nginx-gzip": (h1, ("--compressed",)), "/h2": (h2, ("--http2-prior-knowledge",)),
                 "/h2-gzip": (h2, ("--http2-prior-knowledge", "--compressed"))})
else:
    skip("behind nginx", "there is none")
talks, threads = {}, []
for path, (to, options) in ways.items():
    t = threading.Thread(target=lambda p=path, a=to, o=options: talks.__setitem__(p, curl(a, p, *o)))
    t.start()
    threads.append(t)
for t in threads:
    t.join(30)
if process:
    process.terminate()
    process.wait(10)


# ---- WebSockets over HTTP/2, by hand ----

def frame(kind, flags, stream, body=b""):
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def block(*fields):
    return b"".join(b"\x10" + bytes([len(n)]) + n + bytes([len(v)]) + v for n, v in fields)


def message(deflate, text, mask):
    body = text if deflate is None else (deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    first = 0x81 if deflate is None else 0xC1
    length = bytes([len(body) | (0x80 if mask else 0)]) if len(body) < 126 else bytes([126 | (0x80 if mask else 0)]) + struct.pack(">H", len(body))
    key = b"\x0a\x0b\x0c\x0d"
    masked = bytes(b ^ key[i % 4] for i, b in enumerate(body)) if mask else body
    return bytes([first]) + length + (key if mask else b"") + masked, len(body)


ask = block((b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"http"), (b":authority", b"ws.test"), (b":path", b"/chat/9"))
sides, sizes, packers = {">": b"", "<": b""}, {">": 0, "<": 0}, {w: zlib.compressobj(6, zlib.DEFLATED, -15) for w in "><"}
for i in range(40):  # one context a direction: later messages refer to earlier ones
    for way in "><":
        wire, n = message(packers[way], b"the same words again and again, number %d" % i, way == ">")
        sides[way] += wire
        sizes[way] += n
socket_turns = [(">", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(1, 4, 1, ask)),
                ("<", frame(4, 0, 0, struct.pack(">HI", 8, 1)) + frame(1, 4, 1, block((b":status", b"200"))))]
for at in range(0, 4000, 333):
    for way in "><":
        if sides[way][at:at + 333]:
            socket_turns.append((way, frame(0, 0, 1, sides[way][at:at + 333])))
socket_turns += [(">", frame(0, 1, 1, b"\x88\x80abcd")), ("<", frame(0, 1, 1, b"\x88\0"))]

# ---- what is made of it ----

cap = Capture()
for path, (turns, times) in talks.items():
    talk(cap, turns, times)
cap.now = max(now for now, _, _ in cap.packets) + 1000
cap.talk(*socket_turns, port=80)
cap.packets.sort(key=lambda p: p[0])
path = cap.write(here / "events.pcap")
log = good("log", "-r", path, "--format", "jsonl", "--secret", SECRET)
lines = {x["target"]: x for x in map(parsed, log.splitlines())}
for name in ways:
    x = lines.get(name, {})
    got = x.get("events") or {}
    check((got.get("events"), got.get("bytes"), got.get("gaps"), got.get("whole"), got.get("resumed")) == (12, OCTETS, 11, True, name == "/resumed"),
          "%s: events, octets, gaps" % name, x)
    check(got and 0.2 < got["gap_max_s"] <= got["gap_s"] <= got["duration_s"] and abs(got["gap_mean_s"] - got["gap_s"] / 11) < 1e-5 and
          x["proto"] == ("h2" if "h2" in name else "http/1.1") and (x.get("encoding") == "gzip") == ("gzip" in name), "gaps by the clock", got, x)
w = lines["/chat/9"].get("websocket") or {}
check(w.get("messages") == [40, 40] and w["compressed"] == [40, 40] and w["message_bytes"] == [sizes[">"], sizes["<"]] and w["control"] == [1, 1] and
      w["closed"] and w["whole"] and lines["/chat/9"]["method"] == "CONNECT" and lines["/chat/9"]["upgrade"] == "websocket", "a WebSocket over HTTP/2", w)

options = ("--secret", SECRET, "--strict-templates")
good("capture", "-q", "-r", path, "-d", here / "a.db", *options)
(here / "log").write_text(log)
good("capture", "-q", "--records", here / "log", "-d", here / "b.db", *options)


def ends(db):
    report = parsed(good("report", here / db, "--format", "json"))
    return {e["route"]: (e["events"], e["websocket"]) for e in report["endpoints"]}


direct = ends("a.db")
check(direct == ends("b.db") and len(direct) == len(ways) + 1, "the same from records", direct)
straight = direct["/straight"][0]
check(straight == {"streams": 1, "open_s": lines["/straight"]["events"]["duration_s"], "events": 12, "bytes": OCTETS,
                   "gap_mean_s": straight["gap_mean_s"], "gap_max_s": lines["/straight"]["events"]["gap_max_s"], "resumed": 0, "whole": True} and
      abs(straight["gap_mean_s"] - lines["/straight"]["events"]["gap_s"] / 11) < 1e-9, "in the report", straight)
check(direct["/resumed"][0]["resumed"] == 1 and direct["/chat/{int}"][1]["messages_server"] == 40 if "/chat/{int}" in direct else
      direct["/chat/9"][1]["messages_server"] == 40, "resumed streams, messages", direct)

# Streams that say how long they are, in both versions; what stays open is bound to its connection, in HTTP/2 as well.
body = b"id: 1\ndata: one\n\ndata: two\n\n: no event\n\nevent: x\ndata:\n\n"
known = Capture()
known.talk((">", b"GET /told HTTP/1.1\r\nHost: a.test\r\n\r\n"),
           ("<", b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(body) + body),
           (">", b"GET /told HTTP/1.1\r\nHost: a.test\r\n\r\n"), ("<", b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n"))
get = block((b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a.test"), (b":path", b"/told2"))
head = block((b":status", b"200"), (b"content-type", b"text/event-stream"), (b"content-length", b"%d" % len(body)))
known.talk((">", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(1, 5, 1, get)), ("<", frame(4, 0, 0) + frame(1, 4, 1, head) + frame(0, 0, 1, body[:30])),
           ("<", frame(0, 1, 1, body[30:])))
for i in range(12):
    known.talk(*socket_turns, port=80)
knew = known.write(here / "known.pcap")
told = [x.get("events") or {} for x in map(parsed, good("log", "-r", knew, "--format", "jsonl", "--secret", SECRET).splitlines()) if x["target"].startswith("/told")]
check([x.get("events") for x in told] == [3, None, 3] and told[0]["whole"] and told[2]["bytes"] == told[0]["bytes"], "event streams that say how long they are", told)
good("capture", "-q", "-r", knew, "-d", here / "known.db", *options)
tied = {e["route"]: e["statelessness"] for e in parsed(good("report", here / "known.db", "--format", "json"))["endpoints"]}
ten = {e["signal"]: (e["state"], e["n"]) for e in tied["/chat/{int}"]["evidence"]}["S10"]
check(ten == ("tied", 12) and all({e["signal"]: e["state"] for e in tied[r]["evidence"]}["S10"] == "tied" for r in ("/told", "/told2")), "state bound to connections", ten, list(tied))
later = Capture()
later.packets = [(now + 86_400_000_000, f, wire) for now, f, wire in cap.packets]
good("capture", "-q", "-r", later.write(here / "later.pcap"), "-d", here / "a.db", "--append", *options)
twice = ends("a.db")
check(all((twice[r][0] or {}).get("events", 0) == 2 * (e[0] or {}).get("events", 0) and (twice[r][1] or {}).get("opened") == (2 if e[1] else None)
          for r, e in direct.items()), "a restart goes on", twice)
text = good("report", here / "a.db")
check("WHAT STAYS OPEN" in text and " events " in text and " websocket " in text and "resumed" in text, "in the text", text[-3000:])
markdown = good("report", here / "a.db", "--format", "markdown")
check("## What stays open" in markdown and "| events |" in markdown and "| websocket |" in markdown, "in Markdown", markdown[-2500:])
finish()
