#!/usr/bin/env python3
# kinds: san
"""Mirrors as they are: packets that come twice change nothing and are counted, retransmissions are none of them; the two
directions of a connection on two VLANs are told, and joined on demand."""
import random
import struct
import sys

from lib import PCAP, PROOF, ROOT, SECRET, Capture, answer, check, finish, folder, good, parsed, request, run

sys.path.insert(0, str(ROOT / "tests" / "make"))
from rewrap import read  # noqa: E402

here = folder()


def write(name, packets):
    """packets: (microseconds, frame)."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    out += [struct.pack("<IIII", t // 1_000_000, t % 1_000_000, len(f), len(f)) + f for t, f in packets]
    path = here / (name + ".pcap")
    path.write_bytes(b"".join(out))
    return path


def log(path, *options):
    return good("log", "-r", path, "--secret", SECRET, *options)


def capture(path, *options):
    """(the report's part about the capture, its first lines)."""
    db = path.with_suffix(".db")
    good("capture", "-q", "-r", path, "-d", db, "--fresh", "--secret", SECRET, *options)
    return parsed(good("report", db, "--format", "json"))["capture"], "\n".join(good("report", db).splitlines()[:8])


def numbered(frame, n, hop=64):
    """With IP identification n."""
    return frame[:18] + struct.pack(">H", n) + frame[20:22] + bytes([hop]) + frame[23:]


def talk():
    c = Capture()
    for i in range(4):
        c.talk(*[turn for k in range(12) for turn in ((">", request("GET", "/a/%d" % k)), ("<", answer(200, b"x" * (700 * k))))])
    return [(t, numbered(f, 1 + i)) for i, (t, f, _) in enumerate(c.packets)]


once = talk()
plain = log(write("once", once))
check(plain.count("\n") == 48, "there is something to compare with", plain[:300])

# Copies: at once, after a few packets, after the second side of a router, in bursts.
rng = random.Random(3)
for name, late, hop in (("at once", lambda: 1, 64), ("a few packets later", lambda: rng.randrange(1, 20_000), 64), ("from behind a router", lambda: rng.randrange(1, 3000), 63)):
    both = sorted(once + [(t + late(), numbered(f, f[18] << 8 | f[19], hop)) for t, f in once], key=lambda p: p[0])
    path = write("twice", both)
    told, text = capture(path)
    check(log(path) == plain, "copies %s: the same exchanges, round trips and all" % name)
    check((told["duplicates"], told["retransmitted"], told["packets"], told["flows"]) == (len(once), 0, 2 * len(once), 4), "copies %s: each is counted as what it is" % name, told)
    check("came twice" in text, "copies %s: the report says so" % name, text)
told, _ = capture(path, "--keep-duplicates")
check(told["duplicates"] == 0 and told["retransmitted"] > 0, "--keep-duplicates leaves them in", told)

# Without an identification time alone tells; a retransmission comes later or is numbered anew.
bare = [(t, numbered(f, 0)) for t, f in once]
told, _ = capture(write("bare", sorted(bare + [(t + 300, f) for t, f in bare], key=lambda p: p[0])))
check((told["duplicates"], told["retransmitted"]) == (len(once), 0), "atomic datagrams: copies are told by time", told)
data = [p for p in once if len(p[1]) > 54]
for name, again in (("numbered anew", lambda i, t, f: (t + 300, numbered(f, 40000 + i))), ("later", lambda i, t, f: (t + 200_000, numbered(f, 0)))):
    first = [(t, numbered(f, 0)) if name == "later" else (t, f) for t, f in once]
    sent = sorted(first + [again(i, *p) for i, p in enumerate(data)], key=lambda p: p[0])
    told, _ = capture(write("again", sent))
    seen = [told["duplicates"], told["retransmitted"]]
    check(seen[0] == 0 and (seen[1] == len(data) or name == "later"), "retransmissions, %s, are no copies" % name, seen, len(data))

# One direction on VLAN 10, the other on VLAN 20.
asymmetric = [(t, f[:12] + struct.pack(">HH", 0x8100, 10 if f[34:36] == b"\0\x50" else 20) + f[12:]) for t, f in once]
path = write("asymmetric", asymmetric)
told, text = capture(path)
check(told["flows"] == 8 and told["flows_oneway"] == 8 and told["flows_split"] == 8, "two VLANs: kept apart, and seen to belong together", told)
check("one direction" in text and "--merge-vlans" in text, "two VLANs: the report says what to do", text)
told, text = capture(path, "--merge-vlans")
check(told["flows"] == 4 and told["flows_oneway"] == told["flows_split"] == 0 and "--merge-vlans" not in text, "--merge-vlans: one connection each", told)
check(log(path, "--merge-vlans") == plain, "--merge-vlans: the same exchanges as without tags")
other = [(t, f[:12] + struct.pack(">HH", 0x8100, 10) + f[12:]) for t, f in once] + [(t + 400, f[:12] + struct.pack(">HH", 0x8100, 20) + f[12:]) for t, f in once]
told, _ = capture(write("tenants", sorted(other, key=lambda p: p[0])))
check(told["flows"] == 8 and told["flows_split"] == 0 and told["duplicates"] == 0, "the same addresses on two VLANs, both directions: two connections", told)

# Real traffic, doubled by the maker of the captures.
a, b = (log(PCAP / (n + ".pcap")) for n in ("doubled", "chunked"))
check(a and a == b, "doubled: the records of chunked, round trips and all")
finish()
