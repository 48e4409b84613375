#!/usr/bin/env python3
# kinds: san
"""One capture in every encapsulation and link layer, also nested, gives the same exchanges; cut anywhere it does no harm."""
import random
import struct
import sys

from lib import PCAP, PROOF, ROOT, SECRET, check, finish, folder, parsed, run

sys.path.insert(0, str(ROOT / "tests" / "make"))
from rewrap import read  # noqa: E402
from wraps import ETHERNET, LINKS  # noqa: E402

here = folder()
def pcap(link, frames):
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
    for sec, usec, frame, wire in frames:
        out.append(struct.pack("<IIII", sec, usec, len(frame), wire) + frame)
    return b"".join(out)


def exchanges(link, frames, name):
    path = here / "w.pcap"
    path.write_bytes(pcap(link, frames))
    code, out, err = run("log", "-r", path, "--secret", SECRET, "--format", "jsonl")
    return out if code == 0 else "exit %s of %s: %s" % (code, name, err)


source = [(s, u, f) for s, u, wire, f in read(str(PCAP / "keepalive.pcap"))]
plain = exchanges(1, [(s, u, f, len(f)) for s, u, f in source], "plain")
check(plain.count("\n") > 10, "there is something to compare with", plain)
differ = []
for name, wrap in ETHERNET.items():
    got = exchanges(1, [(s, u, wrap(f), len(wrap(f))) for s, u, f in source], name)
    differ += [name] if got != plain else []
check(not differ, "%d encapsulations: the same exchanges" % len(ETHERNET), differ)
differ = [name for name, (link, wrap) in LINKS.items() if exchanges(link, [(s, u, wrap(f), len(wrap(f))) for s, u, f in source], name) != plain]
check(not differ, "%d link layers: the same exchanges" % len(LINKS), differ)
rng = random.Random(5)
WHOLE = ("vlan", "mpls-ethernet", "gre, key and sequence", "erspan I", "erspan II", "erspan III", "vxlan", "vxlan-gpe", "geneve", "tzsp")  # carry any frame
differ = []
for _ in range(60 if PROOF else 12):
    names = [rng.choice(list(ETHERNET))] + [rng.choice(WHOLE) for _ in range(rng.randint(1, 3))]
    frames = []
    for s, u, f in source:
        for name in names:
            f = ETHERNET[name](f)
        frames.append((s, u, f, len(f)))
    differ += [names] if exchanges(1, frames, str(names)) != plain else []
check(not differ, "nested: the same exchanges", differ[:3])

# Cut at every byte: no crash, and nothing read that is not there (the sanitised build tells).
trouble, harmed = [], {}  # frames by link layer: one run for each
for name, (link, wrap) in [*((n, (1, w)) for n, w in ETHERNET.items()), *LINKS.items()]:
    frame = wrap(max((f for _, _, f in source), key=len)[:160])
    frames = harmed.setdefault(link, [])
    frames += [(1_700_000_000, i, frame[:i], len(frame)) for i in range(len(frame))]
    frames += [(1_700_000_001, i, bytes(b ^ (rng.getrandbits(8) if rng.random() < 0.05 else 0) for b in frame), len(frame)) for i in range(200)]
for link, frames in harmed.items():
    got = exchanges(link, frames, "link layer %d" % link)
    trouble += [got[:200]] if got.startswith("exit") else []
check(not trouble, "cut at every byte and damaged: no harm", *trouble[:2])

db = here / "c.db"
(here / "w.pcap").write_bytes(pcap(1, [(s, u, ETHERNET["geneve"](ETHERNET["gre"](f)), 2000) for s, u, f in source]))
run("capture", "-q", "-r", here / "w.pcap", "-d", db, "--secret", SECRET)
kinds = parsed(run("report", db, "--format", "json")[1])["capture"]["encapsulations"]
check(kinds == {"gre": len(source), "geneve": len(source)}, "each is counted by its name", kinds)
finish()
