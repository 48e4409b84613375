#!/usr/bin/env python3
# kinds: opt
"""One long HTTP/2 connection, of an encoder that indexes whatever it sends, so that the HPACK table fills and turns over, and of
h2load to nghttpd through a relay that writes it down: captured from every n-th packet on, no request has a path that was
not its own, no answer is another's. What share of the requests sent since is found is printed. 240 requests and 15 beginnings; PROOF=1: 600, every packet."""
import random
import shutil
import struct
import subprocess

import h2
from lib import PROOF, Capture, check, finish, folder, packets, skip
from peers import Tap, free_port, wait_for

REQUESTS = 600 if PROOF else 240
here = folder()


def conversation():
    """A capture of it, as bytes."""
    www, dice = here / "www", random.Random(11)
    www.mkdir()
    names = []
    for i in range(40):
        name = "%s-%d" % ("".join(dice.choice("abcdefghijklmnop") for _ in range(dice.randrange(4, 40))), i)
        (www / name).write_bytes(b"x" * (i * 53))
        names.append(name)
    port = free_port()
    server = subprocess.Popen(["nghttpd", "--no-tls", "-d", str(www), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        tap = Tap(port)
        uris = here / "uris"
        uris.write_text("".join("http://127.0.0.1:%d/%s\n" % (tap.port, dice.choice(names)) for _ in range(REQUESTS)))
        subprocess.run(["h2load", "-n", str(REQUESTS), "-c", "1", "-m", "6", "-i", str(uris), "-H", "authorization: Bearer abcdefghijklmnop", "-H",
                        "accept: application/json, text/plain;q=0.9, */*;q=0.1"], stdout=subprocess.DEVNULL, check=True, timeout=60)
        turns = tap.done()
    finally:
        server.kill()
        server.wait()
    cap = Capture()
    cap.talk(*turns, port=8080, mss=500)
    return cap.bytes()


STATIC = {(b":method", b"GET"): 2, (b":scheme", b"http"): 6, (b":status", b"200"): 8}  # RFC 7541 appendix A


class Table:
    """An HPACK encoder that puts every field into its table, paths and credentials as well (RFC 7541), without Huffman codes."""

    def __init__(self):
        self.fields = []

    def block(self, fields):
        out = b""
        for field in fields:
            if field in STATIC:
                out += bytes([0x80 | STATIC[field]])
                continue
            if field in self.fields:
                out += self.number(0x80, 7, 62 + self.fields.index(field))
                continue
            out += b"\x40" + b"".join(self.number(0, 7, len(text)) + text for text in field)
            self.fields.insert(0, field)
            while sum(len(n) + len(v) + 32 for n, v in self.fields) > 4096:
                self.fields.pop()
        return out

    @staticmethod
    def number(first, bits, n):
        most = (1 << bits) - 1
        if n < most:
            return bytes([first | n])
        out, n = [first | most], n - most
        while n > 127:
            out.append(n & 127 | 128)
            n >>= 7
        return bytes(out + [n])


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def indexed():
    """The same of a client and a server that index all they can: what was sent before is referred to for long."""
    dice, client, server = random.Random(5), Table(), Table()
    paths = [b"/api/%s/%d" % (bytes(dice.choice(b"abcdefghijklmnop") for _ in range(dice.randrange(4, 30))), i) for i in range(150)]
    turns, open_streams = [(">", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)), ("<", frame(4, 0, 0)), (">", frame(4, 1, 0)), ("<", frame(4, 1, 0))], []
    sent = {}
    for n in range(REQUESTS):
        stream, path = 2 * n + 1, paths[int(150 * dice.random() ** 2)]
        fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"api.example"), (b":path", path),
                  (b"authorization", b"Bearer token%08d" % (n // 25 % 7)), (b"accept", b"application/json")]
        turns.append((">", frame(1, 5, stream, client.block(fields))))
        sent[stream] = path.decode()
        open_streams.append(stream)
        while open_streams and (dice.random() < 0.6 or len(open_streams) > 6):
            ends = open_streams.pop(dice.randrange(len(open_streams)))
            body = b"%d:%s" % (ends, b"z" * (ends % 300))
            head = [(b":status", b"200"), (b"content-length", b"%d" % len(body)), (b"etag", b'"%d"' % (ends % 9))]
            turns.append(("<", frame(1, 4, ends, server.block(head)) + frame(0, 1, ends, body)))
    cap = Capture()
    cap.talk(*turns, port=8080, mss=500)
    return cap.bytes(), sent


def late(name, capture, least):
    head, all_of_them = packets(capture)
    whole = h2.exchanges(head, all_of_them)
    truth = {(x["client"], x["stream"]): x for x in whole}
    check(len(truth) == len(whole) == REQUESTS, name + ", from the beginning: every request", len(whole))
    step = 1 if PROOF else len(all_of_them) // 15
    faults, tally, possible = [], {"paths": 0, "pairs": 0}, 0
    for first in range(1, len(all_of_them), step):
        rest = all_of_them[first:]
        begun = int.from_bytes(rest[0][:4], "little") + int.from_bytes(rest[0][4:8], "little") / 1e6
        faults += ["from packet %d on: %s" % (first, f) for f in h2.judge(h2.exchanges(head, rest), truth, tally)]
        possible += sum(x["ts"] >= begun for x in whole)
    share = tally["paths"] / possible
    check(not faults, "%s, begun at every %d. of %d packets: no wrong path, pair or body" % (name, step, len(all_of_them)), *faults)
    print("# of the requests sent since %.3f are found with their path, %.3f with their answer" % (share, tally["pairs"] / possible))
    check(share > least, "%s: %.3f of the requests sent since are found with their path" % (name, share))
    return whole


capture, sent = indexed()
whole = late("all fields indexed", capture, 0.3)
check({x["stream"]: x["target"] for x in whole} == sent, "all fields indexed, from the beginning: the paths that were sent")
if shutil.which("nghttpd") and shutil.which("h2load"):
    late("h2load and nghttpd", conversation(), 0.8)
else:
    skip("a long connection of h2load to nghttpd", "they are not here")
finish()
