#!/usr/bin/env python3
# kinds: opt
"""L-1: what an exchange's time is made of, from packets whose times are known: the tap stands anywhere between client and server, the
round trip is 40 ms, the server needs 100 ms, the answer passes in 200 ms. Each within 1 ms, also where bytes are sent again, with
many exchanges on a connection, and over IPv4 as written by hand."""
import json

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
finish()
