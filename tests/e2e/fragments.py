#!/usr/bin/env python3
# kinds: san
"""IP fragments, of both versions, shuffled, doubled, inside tunnels and around them, give the same exchanges as the whole
packets; what overlaps or lacks a piece gives none, and is counted."""
import random
import struct
import sys

from lib import PROOF, ROOT, SECRET, Capture, answer, check, finish, folder, good, parsed, request

sys.path.insert(0, str(ROOT / "tests" / "make"))
from wraps import ETHERNET  # noqa: E402

here = folder()
rng = random.Random(11)


def write(name, packets):
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    out += [struct.pack("<IIII", t // 1_000_000, t % 1_000_000, len(f), w) + f for t, f, w in packets]
    path = here / (name + ".pcap")
    path.write_bytes(b"".join(out))
    return path


def log(name, packets, *options):
    return good("log", "-r", write(name, packets), "--secret", SECRET, *options)


def capture(name, packets, *options):
    db = here / (name + ".db")
    good("capture", "-q", "-r", write(name, packets), "-d", db, "--fresh", "--secret", SECRET, *options)
    return parsed(good("report", db, "--format", "json"))["capture"]


def cuts(payload, size):
    return [(at, payload[at:at + size], at + size >= len(payload)) for at in range(0, len(payload), size)]


def fragments4(frame, n, size):
    """The frame's IPv4 packet, numbered n, in pieces of `size` bytes."""
    ip, payload = frame[14:34], frame[34:14 + struct.unpack_from(">H", frame, 16)[0]]
    return [frame[:14] + ip[:2] + struct.pack(">HHH", 20 + len(p), n, at // 8 | (0 if last else 0x2000)) + ip[8:] + p for at, p, last in cuts(payload, size)]


def six(frame):
    """The same as IPv6, addresses mapped to some."""
    payload = frame[34:14 + struct.unpack_from(">H", frame, 16)[0]]
    a, b = (b"\x20\x01\x0d\xb8" + bytes(8) + frame[at:at + 4] for at in (26, 30))
    return frame[:12] + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(payload), frame[23], 64) + a + b + payload


def fragments6(frame, n, size):
    ip, payload = frame[14:54], frame[54:]
    return [frame[:14] + ip[:4] + struct.pack(">HB", 8 + len(p), 44) + ip[7:] + struct.pack(">BBHI", ip[6], 0, at | (not last), n) + p
            for at, p, last in cuts(payload, size)]


def broken(packets, how, size, shuffled=True, twice=False):
    out = []
    for i, (t, f) in enumerate(packets):
        pieces = how(f, i + 1, size) * (2 if twice else 1)
        if shuffled:
            rng.shuffle(pieces)
        out += [(t, p, len(p)) for p in pieces]
    return out


c = Capture()
for i in range(3):
    c.talk(*[turn for k in range(8) for turn in ((">", request("POST", "/a/%d" % k, body=b"b" * (90 * k))), ("<", answer(200, rng.randbytes(700 * k))))])
plain4 = [(t, f) for t, f, _ in c.packets]
plain6 = [(t, six(f)) for t, f in plain4]
want4, want6 = (log("plain", [(t, f, len(f)) for t, f in p]) for p in (plain4, plain6))
check(want4.count("\n") == 24 and want6.count("\n") == 24, "there is something to compare with")
for size in (8, 16, 24, 104, 1000):
    check(log("v4", broken(plain4, fragments4, size)) == want4 and log("v6", broken(plain6, fragments6, size)) == want6, "IPv4 and IPv6 in pieces of %d bytes, in any order: the same exchanges" % size)
check(log("twice", broken(plain4, fragments4, 104, twice=True)) == want4, "each piece twice: the same exchanges")
told = capture("counted", broken(plain4, fragments4, 104))
check(told["unparsed_packets"] == 0 and told["flows"] == 3, "pieces that make packets are none that could not be read", told)
wrong = [name for name in ("vlan", "mpls", "gre", "vxlan", "geneve", "6in4", "ipip", "erspan II", "tzsp") if name in ETHERNET
         and log("in", [(t, ETHERNET[name](f), w + 200) for t, f, w in broken(plain4, fragments4, 104)]) != want4]
check(not wrong, "fragments inside tunnels: the same exchanges", wrong)
wrong = []
for name in ("gre", "vxlan", "geneve", "IP in IP", "tzsp", "gtp-u", "l2tp", "teredo"):
    outer = [(t, ETHERNET[name](f)) for t, f in plain4] if name in ETHERNET else []
    if outer and all(f[12:14] == b"\x08\0" for _, f in outer) and log("around", broken(outer, fragments4, 104)) != want4:
        wrong.append(name)
check(not wrong, "tunnels whose packets are fragmented: the same exchanges", wrong)
both = [(t, ETHERNET["vxlan"](p)) for t, p, _ in broken(plain4, fragments4, 104, shuffled=False)]
check(log("both", broken(both, fragments4, 48)) == want4, "fragments of tunnelled fragments: the same exchanges")
whole = broken(plain4, fragments4, 104, shuffled=False)
check(log("cut", [(t, f[:96], w) for t, f, w in whole]).count("\n") > 0, "cut by the snap length: no harm")


def other_next(pieces):
    """Next headers of all pieces but the first are another's, which nobody looks at."""
    return [p if not struct.unpack_from(">H", p, 56)[0] & 0xFFF8 else p[:54] + b"\x11" + p[55:] for p in pieces]


check(log("next", [(t, p, len(p)) for i, (t, f) in enumerate(plain6) for p in other_next(fragments6(f, i + 1, 104))]) == want6, "IPv6: the first piece says what is inside")

# One packet, harmed in every way: nothing is made of it.
t, f = max(plain4, key=lambda p: len(p[1]))
before, after = [(a, b, len(b)) for a, b in plain4 if a < t], [(a, b, len(b)) for a, b in plain4 if a > t]
pieces = fragments4(f, 9, 104)


def shifted(p, by):
    return p[:20] + struct.pack(">H", struct.unpack_from(">H", p, 20)[0] + by) + p[22:]


harm = {"a piece lacks": pieces[:3] + pieces[4:], "the last lacks": pieces[:-1], "two differ": pieces[:4] + [pieces[3][:-8] + b"XXXXXXXX"] + pieces[4:],
        "two overlap": pieces[:4] + [shifted(pieces[3], -1)] + pieces[4:], "beyond the end": pieces + [shifted(pieces[-2], 40)][:0] + [shifted(pieces[3], 8000)],
        "two ends": pieces[:2] + [pieces[2][:20] + bytes([pieces[2][20] & 0xDF]) + pieces[2][21:]] + pieces[3:]}
for name, some in harm.items():
    told = capture("harm", sorted(before + [(t, p, len(p)) for p in some] + after, key=lambda p: p[0]))
    expected = name == "beyond the end"  # what comes after the whole is another packet's
    check((told["gaps"] == 0) == expected and told["unparsed_packets"] >= 1, "%s: no packet is made, the pieces are counted" % name, told)

# A flood of beginnings.
flood = []
for i in range(60_000 if PROOF else 12_000):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + 1024, i & 0xFFFF, 0x2000 | rng.randrange(0, 900) * 8, 64, 6, 0, rng.randbytes(4), b"\x0a\0\0\1")
    flood.append((plain4[0][0] + i, f[:14] + head + bytes(1024), 1058))
told = capture("flood", sorted(flood + [(a, b, len(b)) for a, b in plain4], key=lambda p: p[0]), "--memory", "16M")
check(told["unparsed_packets"] == len(flood) and told["memory_peak_bytes"] <= 16 << 20 and told["flows"] == 3, "a flood of first pieces: bounded, counted, and the rest is read", told)
finish()
