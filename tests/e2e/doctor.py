#!/usr/bin/env python3
# kinds: opt
"""`doctor -r`: good captures spoilt by program, each in one way: what is wrong is found, with the right numbers, and nothing
else is. The text must be that of tests/e2e/doctor.want (WANT=1 writes it anew; read the difference)."""
import json
import os
import pathlib
import random
import re
import struct

from lib import PCAP, ROOT, SECRET, Capture, answer, block, check, finish, folder, packets, request, run, stored

here = folder()
WANT = pathlib.Path(__file__).with_suffix(".want")
texts = []


def write(name, head, records):
    path = here / (name + ".pcap")
    path.write_bytes(head + b"".join(records))
    return path


def remade(record, frame, wire=None):
    """The record with another frame."""
    return record[:8] + struct.pack("<II", len(frame), wire or len(frame)) + frame


def timed(record, us):
    return struct.pack("<II", us // 1_000_000, us % 1_000_000) + record[8:]


def time_of(record):
    seconds, us = struct.unpack_from("<II", record)
    return seconds * 1_000_000 + us


def doctor(name, path, found, *options, says=(), **evidence):
    """found: {id: severity}; evidence: of the first finding. Returns the source's object."""
    code, out, err = run("doctor", "-r", path, "--format", "json", "--secret", SECRET, *options)
    source = json.loads(out)["sources"][0] if code == 0 and not err else {"findings": []}
    got = {f["id"]: f["severity"] for f in source["findings"]}
    check(got == found, "%s: %s" % (name, ", ".join(found) or "nothing wrong"), "exit %s" % code, err, json.dumps(source["findings"], indent=1))
    first = source["findings"][0] if source["findings"] else {"evidence": {}, "do": []}
    for key, value in evidence.items():
        check(first["evidence"].get(key) == value, "%s: %s is %s" % (name, key, value), first)
    for f in source["findings"]:
        check(f["do"] or f["id"] == "not_decoded", "%s: %s comes with what to do" % (name, f["id"]), f)
    code, text, err = run("doctor", "-r", path.name, "--secret", SECRET, *options, cwd=path.parent)
    check(code == 0 and all(line in " ".join(text.split()) for line in says) and len(text.splitlines()) <= 24 + 8 * (len(found) > 2) and all(len(line) <= 100 for line in text.splitlines()),
          "%s: one screen of text says so" % name, text, err)
    texts.append("== %s\n%s" % (name, text))
    return source


HEAD, GOOD = packets(stored("keepalive"))
DEMO = packets(stored("demo"))[1]

# Nothing wrong, with the counts.
seen = doctor("good", write("good", HEAD, GOOD), {}, says=["nothing wrong", "214 packets", "0 cut", "0 bytes missing", "0 dropped here"])
check((seen["verdict"], seen["packets"], seen["requests"], seen["answers"], seen["coverage"]) == ("good", 214, 15, 15, 1), "good: counted", seen)
doctor("good, in tags and VXLAN", PCAP / "vxlan.pcap", {}, says=["inside: 120 vxlan"])
doctor("HTTP/2", PCAP / "h2.pcap", {}, says=["276 h2"])

# Directions.
servers = {struct.unpack_from(">H", r, 16 + 36)[0] for r in GOOD if r[16 + 47] == 2}
UNTOLD = {"not_decoded": "note"}  # one of the four connections is HTTP/0.9: its answer alone is nothing that can be told
for name, keep, word, more in (("requests alone", lambda r: struct.unpack_from(">H", r, 16 + 36)[0] in servers, "requests alone are seen", {}),
                               ("answers alone", lambda r: struct.unpack_from(">H", r, 16 + 34)[0] in servers, "answers alone are seen", UNTOLD)):
    doctor(name, write(name.replace(" ", "-"), HEAD, filter(keep, GOOD)), {"one_way": "problem", "loss": "problem", **more}, says=[word], flows_oneway=4, flows=4)
tagged = [remade(r, r[16:28] + struct.pack(">HH", 0x8100, 10 if struct.unpack_from(">H", r, 16 + 34)[0] in servers else 20) + r[28:]) for r in GOOD]
split = write("split", HEAD, tagged)
doctor("two VLANs", split, {"split_vlans": "problem", "loss": "problem", **UNTOLD}, says=["--merge-vlans"], flows_split=8)
doctor("two VLANs, merged", split, {}, "--merge-vlans")

# Copies, cuts, losses.
double = [copy for r in GOOD for copy in (r, timed(r, time_of(r) + 1))]
double.sort(key=time_of)
doctor("twice", write("twice", HEAD, double), {"duplicates": "warning"}, says=["214 of 428 packets came twice"], duplicates=214, packets=428)
cut = [remade(r, r[16:16 + 96], len(r) - 16) if len(r) > 112 else r for r in GOOD]
lost = sum(len(r) - 112 for r in GOOD if len(r) > 112)
seen = doctor("cut at 96", write("cut", HEAD, cut), {"snaplen": "problem"}, says=["-s 0", "96 bytes kept"], snaplen=96, cut_packets=sum(len(r) > 112 for r in GOOD), cut_bytes=lost)
check(seen["verdict"] == "little", "cut: most of it is missing", seen["verdict"])
for share, severity in ((0.04, "warning"), (0.2, "problem")):
    dice = random.Random(5)
    kept = [r for r in DEMO if dice.random() >= share]
    size = [sum(len(r) - 16 - 14 - 20 - (r[16 + 46] >> 4) * 4 for r in some if len(r) - 30 >= struct.unpack_from(">H", r, 32)[0]) for some in (kept, DEMO)]
    seen = doctor("%g %% lost" % (100 * share), write("lost", HEAD, kept), {"loss": severity})
    check(abs(seen["coverage"] - size[0] / size[1]) < .01 and seen["verdict"] == "partial", "%g %% lost: coverage is right within a point" % (100 * share), seen["coverage"], size[0] / size[1])

# What is inside.
doctor("TLS", PCAP / "tls.pcap", {"tls": "problem"}, says=["3 flows, 100 % TLS without keys: tap behind the terminator or give --keys", "SSLKEYLOGFILE"], tls=3)
(here / "other.keys").write_text("CLIENT_RANDOM %s %s\n" % ("ab" * 32, "cd" * 48))
doctor("TLS, other keys", PCAP / "tls.pcap", {"tls": "problem"}, "--keys", here / "other.keys", says=["TLS with other keys"])


def mixed():
    c = Capture()
    c.now += 7
    for i in range(9):
        c.talk((">", request("GET", "/%d" % i)), ("<", answer(200, b"x" * 100)))
    c.talk(("<", b"SSH-2.0-OpenSSH_9.2\r\n"), (">", b"SSH-2.0-OpenSSH_9.2\r\n"), port=22)
    return c


doctor("a few others", mixed().write(here / "mixed.pcap"), {"not_decoded": "note"}, says=["1 ssh"], not_decoded=1, flows=10)
c = Capture()
for i in range(3):
    c.talk((">", bytes([3, 0, 0, i]) * 40), ("<", bytes([7, 1, 2, i]) * 40), port=5000)
doctor("no HTTP", c.write(here / "none.pcap"), {"not_decoded": "problem"}, says=["is this the right port?"])
c = Capture()
for i in range(30):
    c.packet(b"\xff" * 6 + b"\x02\0\0\0\0\1\x08\x06" + bytes(28))
doctor("an ordinary port", c.write(here / "arp.pcap"), {"not_mirrored": "problem"}, says=["promiscuous"], group_frames=30, frames=30)
c = Capture()
for i in range(9):
    c.talk((">", request("GET", "/%d" % i)), ("<", answer(200, b"x" * 100)))
statistics = struct.pack("<III", 0, 0, 0) + struct.pack("<HHQ", 5, 8, 3) + struct.pack("<HHQ", 7, 8, 41)
(here / "dropped.pcapng").write_bytes(c.pcapng(after=block(5, statistics)))
seen = doctor("dropped by who captured", here / "dropped.pcapng", {"drops": "warning"}, says=["41 packets were dropped by the kernel and 3 by the interface", "dumpcap -B"], kernel_dropped=41, interface_dropped=3)
db = here / "dropped.db"
code, out, err = run("capture", "-q", "-r", here / "dropped.pcapng", "-d", db, "--fresh", "--secret", SECRET)
told = json.loads(run("report", db, "--format", "json")[1])["capture"]
check(code == 0 and (told["kernel_dropped"], told["interface_dropped"]) == (41, 3), "dropped by who captured: in the report", told, err)
doctor("no packets", PCAP / "empty.pcap", {"no_packets": "problem"})


def udp(port, payload, sport=40000):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(payload), 7, 0, 64, 17, 0) + bytes([10, 0, 0, 1, 10, 0, 0, 2])
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + head + struct.pack(">HHHH", sport, port, 8 + len(payload), 0) + payload


c = mixed()
for i in range(20):
    c.packet(udp(443, b"\xc3\0\0\0\1" + bytes(1195)))
doctor("HTTP/3 beside", c.write(here / "quic.pcap"), {"not_decoded": "note", "quic": "note"}, says=["HTTP/3 is not decoded"])

# Encapsulations.
odd = [remade(r, udp(5555, b"\x08\0\0\0\0\0\x2a\0" + r[16:])) for r in GOOD]
path = write("vxlan", HEAD, odd)
doctor("VXLAN on port 5555", path, {"vxlan_port": "problem"}, says=["--vxlan-ports 4789,8472,5555"], packets=214, port=5555)
doctor("VXLAN on port 5555, told so", path, {}, "--vxlan-ports", "5555")
for name, ether, advice, reason in (("MACsec", 0x88E5, "802.1AE", "MACsec"), ("a service chain", 0x894F, "service chain", "NSH service chain")):
    spoilt = [remade(r, r[16:28] + struct.pack(">H", ether) + r[30:]) for r in GOOD]
    doctor(name, write("ether", HEAD, spoilt), {"no_http": "problem", "encapsulation": "problem"}, says=[advice, "214 of 214 packets could not be read", reason])
spoilt = [remade(r, r[16:16 + 23] + b"\x32" + r[16 + 24:]) for r in GOOD]
doctor("IPsec", write("ipsec", HEAD, spoilt), {"no_http": "problem", "encapsulation": "problem"}, says=["gateway that ends the tunnel"])
doctor("an unknown link", write("link", HEAD[:20] + struct.pack("<I", 147), GOOD), {"no_http": "problem", "encapsulation": "problem"}, says=["LINKTYPE 147"])

# Times.
near = list(GOOD)
for i in range(20, 200, 20):
    near[i], near[i + 1] = near[i + 1], near[i]
back = sum(time_of(b) < time_of(a) for a, b in zip(near, near[1:]))
doctor("a little out of order", write("near", HEAD, near), {"time_order": "note"}, says=["reordercap"], packets_back=back, packets=214)
far = GOOD[100:] + GOOD[:100]
doctor("far out of order", write("far", HEAD, far), {"time_order": "warning", **UNTOLD}, packets_back=1)
doctor("of 1970", write("1970", HEAD, [timed(r, i * 1000 + 7) for i, r in enumerate(GOOD)]), {"clock": "warning"}, says=["before the year 2000"], before_2000=214)
doctor("of tomorrow", write("tomorrow", HEAD, [timed(r, time_of(r) + 3_000_000_000_000_000 - 1_000_000_000_000_000) for r in GOOD]), {"clock": "warning"}, says=["more than a day from now"])
doctor("whole seconds", write("seconds", HEAD, [timed(r, time_of(r) // 1_000_000 * 1_000_000) for r in GOOD]), {"clock": "warning"}, says=["whole seconds"])
doctor("bits of a time gone bad", write("astray", HEAD, [timed(r, time_of(r) + 40_000_000_000_000 * (i == 100)) for i, r in enumerate(GOOD)]),
       {"clock": "warning"}, says=["1 time was", "sha256sum"], mistimed=1)
run("capture", "-q", "-r", here / "astray.pcap", "-d", here / "astray.db")
check(json.loads(run("report", here / "astray.db", "--format", "json")[1])["capture"]["mistimed_packets"] == 1, "and its audit as well")
doctor("a pause", write("pause", HEAD, [timed(r, time_of(r) + 7_200_000_000 * (i >= 150)) for i, r in enumerate(DEMO[:300])]),
       {"clock": "note"}, says=["pauses of an hour"], pauses=1)

# Begun late; merged before the capture.
bare = [r for r in GOOD if not r[16 + 47] & 2]
doctor("begun late", write("late", HEAD, bare), {"midstream": "warning", **UNTOLD}, says=["4 of 4 flows had begun"], flows_midstream=4)
c = Capture()
c.talk((">", request("GET", "/big")), ("<", answer(200, b"x" * 60000)), mss=20000)
doctor("super-packets", c.write(here / "super.pcap"), {"super_packets": "note"}, says=["harmless", "gro off"], large_packets=3)

# Files, options, exit codes.
text = "\n".join(texts)
if os.environ.get("WANT"):
    WANT.write_text(text)
if not check(WANT.exists() and text == WANT.read_text(), "the texts are those of doctor.want"):
    (pathlib.Path("/tmp") / "doctor.got").write_text(text)
a = run("doctor", "-r", here / "twice.pcap", "-r", here / "good.pcap", "--format", "json", "--secret", SECRET)
both = json.loads(a[1])["sources"]
check([s["source"].split("/")[-1] for s in both] == ["twice.pcap", "good.pcap"] and [len(s["findings"]) for s in both] == [1, 0], "two files: each for itself", a)
check(a == run("doctor", "-r", here / "twice.pcap", "-r", here / "good.pcap", "--format", "json", "--secret", SECRET), "the same twice")
code, out, err = run("doctor", "-r", "-", "--secret", SECRET, stdin=HEAD + b"".join(GOOD))
check(code == 0 and out.startswith("standard input: nothing wrong"), "from a pipe", out, err)
code, out, err = run("doctor", "-r", "-", "--secret", SECRET, stdin=HEAD + b"".join(GOOD)[:-7])
check(code == 0 and "damaged:" in out and err.count("\n") == 1, "damaged at its end: said, exit 0", out, err)
check(out.startswith("standard input: 1 warning") and "a capture that breaks off" in out, "damaged at its end: it stands in the headline", out)
source = json.loads(run("doctor", "-r", "-", "--format", "json", "--secret", SECRET, stdin=HEAD + b"".join(GOOD)[:-7])[1])["sources"][0]
check(source["verdict"] == "partial" and [f["id"] for f in source["findings"]] == ["damaged"], "damaged at its end: it is a finding", source["findings"])
(here / "broken.pcap").write_bytes(HEAD + b"".join(GOOD)[:-7])
check("note: The capture breaks off before its end" in run("report", here / "broken.pcap")[1], "damaged at its end: the report names it")
few = GOOD[:60]
code, out, err = run("doctor", "-r", "-", "--secret", SECRET, stdin=HEAD + b"".join(few[:31] + few[30:]))
check(code == 0 and "come twice" not in out and "1 copies of packets" in out.replace("\n         ", " "), "one packet of 61 comes twice: that proves nothing", out)
(here / "text").write_text("no capture\n" * 9)
for words, want in ((("-r", here / "text"), 3), (("-r", here / "missing"), 3), ((), 2), (("-r", here / "good.pcap", "-i", "lo"), 2), (("x.pcap",), 2),
                    (("-r", here / "good.pcap", "--format", "papyrus"), 2), (("-i", "lo", "--seconds", "never"), 2)):
    code, out, err = run("doctor", *words)
    check(code == want and not out and err.count("\n") == 1, "doctor %s: exit %d, one line" % (" ".join(map(str, words))[-30:], want), code, out, err)

# What can be found stands in the documents, and the other way round.
named = set(re.findall(r'^CHECK\(\w+, "(\w+)"', (ROOT / "capture" / "mirror.def").read_text(), re.M))
told = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "DOCTOR.md").read_text(), re.M))
check(named and named == told, "docs/DOCTOR.md has a line for each", named ^ told)
finish()
