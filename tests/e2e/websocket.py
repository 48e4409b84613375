#!/usr/bin/env python3
# kinds: san
"""A WebSocket in the records: messages, frames, sizes and how long it was open, as a writer of its own counted them; content
is nowhere; the endpoint sums them up, from records, too."""
import json
import random
import struct

from lib import Capture, SECRET, check, finish, folder, good

here = folder()
random.seed(6455)
SECRETS = b"never-kept"


def frame(role, first, n):
    length = bytes([n]) if n < 126 else b"\x7e" + struct.pack(">H", n) if n < 65536 else b"\x7f" + struct.pack(">Q", n)
    body = (SECRETS * (n // len(SECRETS) + 1))[:n]
    if role == 0:
        return bytes([first, length[0] | 0x80]) + length[1:] + b"\0\0\0\0" + body
    return bytes([first]) + length + body


def conversation():
    """Frames of both sides in turn, and what they come to."""
    want = {name: [0, 0] for name in ("messages", "message_bytes", "frames", "compressed", "control")}
    turns = []
    for _ in range(60):
        role = random.randrange(2)
        parts, out = random.choice([1, 1, 2, 4]), b""
        compressed = random.random() < .3
        for part in range(parts):
            n = random.choice([0, 1, 125, 126, 700, 65535, 66000]) if part == 0 else random.randrange(200)
            first = (0x80 if part == parts - 1 else 0) | (random.choice([1, 2]) if part == 0 else 0) | (0x40 if compressed and part == 0 else 0)
            out += frame(role, first, n)
            want["frames"][role] += 1
            want["message_bytes"][role] += n
            if random.random() < .2:
                out += frame(role, random.choice([0x89, 0x8a]), random.randrange(126))
                want["control"][role] += 1
        want["messages"][role] += 1
        want["compressed"][role] += compressed
        turns.append(("><"[role], out))
    turns += [(">", frame(0, 0x88, 2)), ("<", frame(1, 0x88, 2))]
    want["control"] = [n + 1 for n in want["control"]]
    return turns, want


capture, wants = Capture(), []
for n in range(4):
    turns, want = conversation()
    wants.append(want)
    ask = b"GET /live/%d HTTP/1.1\r\nHost: ws.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" % n
    capture.talk((">", ask), ("<", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), *turns,
                 mss=random.choice([7, 536, 1400]) if n else 1400)
capture.write(here / "ws.pcap")
records = good("log", "-q", "-r", here / "ws.pcap", "--secret", SECRET, "--format", "jsonl")
lines = [json.loads(line) for line in records.splitlines()]
check(len(lines) == 4 and all(x["status"] == 101 and x["end"] == "complete" for x in lines), "each is one whole exchange", lines)
for x, want in zip(sorted(lines, key=lambda x: x["target"]), wants):
    got = x["websocket"]
    check({k: got[k] for k in want} == want and got["whole"] and got["closed"], "counts of " + x["target"], got, want)
    check(10 * x["duration_s"] < got["duration_s"], "opened at once, open for long", x["duration_s"], got["duration_s"])
check(SECRETS.decode() not in records, "no content is in the records")


def told(db):
    return {e["route"]: e["websocket"] for e in json.loads(good("report", db, "--format", "json"))["endpoints"]}


total = {"opened": 4, "open_s": round(sum(x["websocket"]["duration_s"] for x in lines), 6), "whole": True}
for role, name in enumerate(("client", "server")):
    total["messages_" + name] = sum(w["messages"][role] for w in wants)
    total["bytes_" + name] = sum(w["message_bytes"][role] for w in wants)
good("capture", "-q", "-r", here / "ws.pcap", "-d", here / "ws.db", "--secret", SECRET)
check(told(here / "ws.db") == {"/live/{int}": total}, "the endpoint sums them up", told(here / "ws.db"), total)
(here / "records").write_text(records)
good("capture", "-q", "--records", here / "records", "-d", here / "records.db", "--secret", SECRET)
check(told(here / "records.db") == told(here / "ws.db"), "the records give the same")
plain = Capture()
plain.now = capture.now + 1_000_000
plain.talk((">", b"GET /live/0 HTTP/1.1\r\nHost: ws.test\r\n\r\n"), ("<", b"HTTP/1.1 426 Upgrade\r\nContent-Length: 0\r\n\r\n"))
plain.write(here / "plain.pcap")
good("capture", "-q", "-r", here / "plain.pcap", "-d", here / "ws.db", "--secret", SECRET, "--append")
check(told(here / "ws.db") == {"/live/{int}": total}, "an audit that goes on keeps them", told(here / "ws.db"))
finish()
