#!/usr/bin/env python3
# kinds: opt
"""L-1: what an exchange's time is made of, from packets whose times are known: the tap stands anywhere between client and server, the
round trip is 40 ms, the server needs 100 ms, the answer passes in 200 ms. Each within 1 ms, also where bytes are sent again, with
many exchanges on a connection, and over IPv4 as written by hand."""
import json
import struct

from lib import SECRET, Capture, answer, check, finish, folder, good, parsed, request

here = folder()
MS = 1000
RTT, SERVER, UPLOAD, TRANSFER = 40 * MS, 100 * MS, 30 * MS, 200 * MS


class Wire(Capture):
    """Packets as a tap sees them that is `before` (us, one way) from the client."""
    def __init__(self, before):
        super().__init__()
        self.before, self.sent = before, []

    def at(self, when, *segment, data=b""):
        self.sent.append((when, len(self.sent), segment, data))

    def from_client(self, when, *rest, data=b""):
        self.at(when + self.before, *rest, data=data)

    def from_server(self, when, *rest, data=b""):
        self.at(when + RTT // 2 - self.before, *rest, data=data)

    def play(self):
        for when, _, segment, data in sorted(self.sent, key=lambda x: x[:2]):
            self.now = when
            self.segment(*segment, data)
        self.sent = []


def conversation(w, start, port, exchanges, again=False):
    """Requests of two segments 30 ms apart; answers of 21 segments 10 ms apart. `again`: each answer's first segment is sent twice."""
    c, s = ("10.0.0.2", "10.0.0.1", port, 80), ("10.0.0.1", "10.0.0.2", 80, port)
    way, cseq, sseq, now = RTT // 2, 1001, 5001, start
    w.from_client(now, *c, 1000, 0, 2)
    w.from_server(now + way, *s, 5000, 1001, 18)
    now += RTT
    w.from_client(now, *c, cseq, sseq, 16)
    for i in range(exchanges):
        ask = request("PUT", "/things/%d" % i, body=b"x" * 900)
        w.from_client(now, *c, cseq, sseq, 24, data=ask[:400])
        w.from_client(now + UPLOAD, *c, cseq + 400, sseq, 24, data=ask[400:])
        cseq += len(ask)
        w.from_server(now + UPLOAD + way, *s, sseq, cseq, 16)         # acknowledged at once, answered later
        first = now + UPLOAD + way + SERVER
        said = answer(200, b"y" * (21 * 1000 - 100))
        parts = [said[k * 1000:(k + 1) * 1000 if k < 20 else None] for k in range(21)]
        for k, part in enumerate(parts):
            w.from_server(first + k * TRANSFER // 20, *s, sseq, cseq, 24, data=part)
            if again and k == 0:
                w.from_server(first + 3 * MS, *s, sseq, cseq, 24, data=part)
            sseq += len(part)
            w.from_client(first + k * TRANSFER // 20 + way, *c, cseq, sseq, 16)
        now = first + TRANSFER + way + 50 * MS
    return now


for before in (0, 5 * MS, 15 * MS, 20 * MS):
    for again in (False, True):
        w = Wire(before)
        for port in range(5):
            conversation(w, w.now + port * 7 * MS, 50000 + port, 6, again)
        w.play()
        pcap = w.write(here / "wire.pcap")
        rows = [json.loads(line) for line in good("log", "-r", pcap, "--secret", SECRET, "--format", "jsonl").splitlines()]
        want = {"rtt_client_s": 2 * before / 1e6, "rtt_server_s": (RTT - 2 * before) / 1e6, "request_s": UPLOAD / 1e6, "server": SERVER / 1e6,
                "transfer": TRANSFER / 1e6, "total": (UPLOAD + RTT + SERVER + TRANSFER) / 1e6}
        wrong = []
        for x in rows:
            x["server"] = x["ttfb_s"] - x["rtt_server_s"]
            x["transfer"] = x["duration_s"] - x["request_s"] - x["ttfb_s"]
            x["total"] = x["duration_s"] + x["rtt_client_s"]
            wrong += ["%s: %.6f, not %.6f" % (k, x[k], v) for k, v in want.items() if abs(x[k] - v) > .001]
        check(len(rows) == 30 and not wrong, "tap %d ms from the client%s: every part within 1 ms" % (before // MS, ", with bytes sent again" if again else ""),
              len(rows), *wrong)
        good("capture", "-q", "-r", pcap, "-d", here / "wire.db", "--secret", SECRET, "--fresh")
        e = parsed(good("report", here / "wire.db", "--format", "json"))["endpoints"][0]
        # histograms are 1/64 wide
        check(abs(e["server_time"]["total"] / 30 - SERVER / 1e6) < .001 and abs(e["server_time"]["p50"] - SERVER / 1e6) < .1 / 64 + .001,
              "and so in the report", e["server_time"])


# What holds an answer up: the client's window, loss, the server. Connections made by hand; every pause has one cause.
class Held(Capture):
    def __init__(self, before, window, scale=None):
        super().__init__()
        self.before, self.window, self.list, self.scale = before, window, [], scale

    def send(self, server, when, seq, ack, flags, data=b"", window=None, seen=True):
        """A segment as it passes the tap; when: as it leaves its sender."""
        options = b"" if self.scale is None or not flags & 2 else b"\x02\x04\x03\xe8\x01\x03\x03" + bytes([self.scale])
        shift = 0 if self.scale is None or flags & 2 else self.scale
        when += RTT // 2 - self.before if server else self.before
        if seen:
            self.list.append((when, len(self.list), server, seq, ack, flags, options, (self.window if window is None else window) >> shift, data))

    def write(self, path):
        for when, _, server, seq, ack, flags, options, window, data in sorted(self.list):
            ports, ips = (80, 50000) if server else (50000, 80), (b"\x0a\0\0\1", b"\x0a\0\0\2")
            tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, (20 + len(options)) // 4 << 4, flags, window, 0, 0) + options + data
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ips[not server] + ips[server]
            self.now = when
            self.packet(b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + tcp)
        return super().write(path)


def held(before, window, steps, scale=None):
    """One exchange. steps: (pause before it, what: octets, "lost N" after the tap, "unseen N" before it, "again" what was lost, or "open W")."""
    w, way, ask = Held(before, window, scale), RTT // 2, request("GET", "/big")
    now = w.now
    w.send(False, now, 1000, 0, 2)
    w.send(True, now + way, 5000, 1001, 18)
    now += RTT
    w.send(False, now, 1001, 5001, 16)
    w.send(False, now, 1001, 5001, 24, ask)
    now, ack, seq, lost = now + way + SERVER, 1001 + len(ask), 5001, None
    size = sum(int(str(what).split()[-1]) for _, what in steps if str(what).split()[0] not in ("again", "open"))
    said = answer(200, b"z" * (size - len(answer(200, b"z" * (size - 50))) + size - 50))
    said, first, got = said[:size], now, 5001
    for pause, what in steps:
        now += pause
        kind, n = (what.split() + ["0"])[:2] if isinstance(what, str) else ("data", what)
        n = int(n)
        if kind == "open":
            w.send(False, now - way, ack, got, 16, window=n)            # comes to the server now
            continue
        if kind == "again":
            at, part = lost
            w.send(True, now, at, ack, 24, part)
            lost, got = None, seq
        else:
            part = said[seq - 5001:seq - 5001 + n]
            w.send(True, now, seq, ack, 24, part, seen=kind != "unseen")
            if kind in ("lost", "unseen"):
                lost = seq, part
            seq += n
            if not lost:
                got = seq
        w.send(False, now + way, ack, got, 16, window=0 if kind == "data" and w.window == 0 else None)
    return w, (now - first) / 1e6


def pieces(x):
    window, loss = x.get("transfer_window_s", 0), x.get("transfer_loss_s", 0)
    return window, loss, x["duration_s"] - x["request_s"] - x["ttfb_s"] - window - loss


FOUR = [(0, 1000)] + [(100, 1000)] * 3
CASES = {
    "a window of four segments": (4000, FOUR + 4 * ([(RTT - 300, 1000)] + [(100, 1000)] * 3), None, lambda t: (4 * (RTT - 300) / 1e6, 0)),
    "the same, scaled": (4096, [(0, 1024)] + [(100, 1024)] * 3 + 4 * ([(RTT - 300, 1024)] + [(100, 1024)] * 3), 5, lambda t: (4 * (RTT - 300) / 1e6, 0)),
    "a server that takes its time": (60000, [(0, 1000)] + [(50 * MS, 1000)] * 6, None, lambda t: (0, 0)),
    "a wide window, and a server that waits for what it sends": (60000, FOUR + [(RTT - 300, 1000)] + [(100, 1000)] * 3, None, lambda t: (0, 0)),
    "a segment lost on the client's side": (60000, FOUR + [(100, "lost 1000"), (100, 1000), (200 * MS, "again"), (RTT, 1000), (100, 1000)], None,
                                            lambda t: (0, (200 * MS + RTT) / 1e6)),
    "a segment lost before the tap": (60000, FOUR + [(100, "unseen 1000"), (100, 1000), (200 * MS, "again"), (RTT, 1000), (100, 1000)], None,
                                      lambda t: (0, (200 * MS + RTT) / 1e6)),
    "loss, then a server that takes its time": (60000, FOUR + [(100, "lost 1000"), (100, 1000), (200 * MS, "again"), (RTT + 300 * MS, 1000), (100, 1000)], None,
                                                lambda t: (0, (200 * MS + RTT) / 1e6)),
    "a window, then a server that takes its time": (4000, FOUR + [(RTT + 300 * MS, 1000)] + [(100, 1000)] * 3, None, lambda t: (RTT / 1e6, 0)),
}
for name, (window, steps, scale, want) in CASES.items():
    wrong = []
    for before in (0, 5 * MS, 20 * MS):
        w, transfer = held(before, window, steps, scale)
        pcap = w.write(here / "held.pcap")
        rows = [json.loads(line) for line in good("log", "-r", pcap, "--secret", SECRET, "--format", "jsonl").splitlines()]
        got = pieces(rows[0]) if len(rows) == 1 and rows[0]["end"] == "complete" else None
        w_s, l_s = want(transfer)
        if not got or any(abs(a - b) > .0015 for a, b in zip(got, (w_s, l_s, transfer - w_s - l_s))):
            wrong.append("tap at %d ms: window, loss, server %s, not %s" % (before // MS, got or rows, (w_s, l_s, transfer - w_s - l_s)))
    check(not wrong, "%s is what holds it up" % name, *wrong)

finish()
