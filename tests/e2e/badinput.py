#!/usr/bin/env python3
# kinds: san
"""Input that is no capture, or a damaged one: one clear line, the right exit code, nothing lost that could be read."""
import gzip
import os
import shutil
import struct

from lib import PCAP, PROOF, SECRET, Capture, answer, check, finish, folder, good, parsed, request, run

here = folder()
serial = 0


def capture(source, *options, **more):
    global serial
    serial += 1
    db = here / ("b%d.db" % serial)
    code, out, err = run("capture", "-q", "-r", source, "-d", db, "--secret", SECRET, *options, **more)
    return code, out, err, db


def refused(what, source, codes=(3,), **more):
    code, out, err, db = capture(source, **more)
    check(code in codes and not out and err.count("\n") == 1, "%s: exit %s, one line" % (what, " or ".join(map(str, codes))), "exit %s" % code, err)


def exchanges(db):
    return parsed(good("report", db, "--format", "json")).get("totals", {}).get("exchanges")


def put(name, data):
    (here / name).write_bytes(data)
    return here / name


refused("empty file", put("empty", b""))
refused("text file", put("text", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20))
refused("four bytes of a capture", put("four", b"\xd4\xc3\xb2\xa1"))
refused("gzip of text", put("text.gz", gzip.compress(b"hello" * 100)))
refused("gzip magic alone", put("magic.gz", b"\x1f\x8b"))
refused("directory", here)
refused("missing file", here / "none.pcap")
refused("empty stdin", "-", stdin=b"")
refused("random bytes", put("random", os.urandom(4096)))
secret = put("unreadable.pcap", (PCAP / "heads.pcap").read_bytes())
os.chmod(secret, 0)
if os.getuid() == 0:
    nobody = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
    (here / "nobody").mkdir()
    os.chmod(here / "nobody", 0o777)
    os.chmod(here / "home", 0o777)
    code, out, err = run("capture", "-q", "-r", secret, "-d", here / "nobody" / "x.db", prefix=nobody)
    check(code == 3 and err.count("\n") == 1, "unreadable file: exit 3, one line", code, err)
else:
    refused("unreadable file", secret)

whole = (PCAP / "heads.pcap").read_bytes()
code, out, err, db = capture(put("none.pcap", whole[:24]))
check(code == 0 and err == "spanwise: The capture holds no packets.\n" and exchanges(db) == 0, "a capture without packets is an audit of zeros, and said to be one", code, err)
first = struct.unpack_from("<I", whole, 32)[0]
refused("cut in the first packet", put("cut0.pcap", whole[:24 + 16 + first - 1]))
refused("absurd length of the first record", put("absurd0.pcap", whole[:32] + b"\xff\xff\xff\x7f" + whole[36:]))

ends, at = [], 24
while at < len(whole):
    at += 16 + struct.unpack_from("<I", whole, at + 8)[0]
    ends.append(at)
bad = []
total = exchanges(capture(PCAP / "heads.pcap")[3])
last = 0
CUTS = 24 if PROOF else 8
for n in sorted({(len(whole) - 60) * i // CUTS + 60 for i in range(CUTS + 1)} | {ends[3], ends[3] - 1, ends[3] + 1, ends[3] + 15, ends[3] + 16, ends[3] + 17}):
    if n < ends[0]:
        continue
    code, out, err, db = capture(put("cut.pcap", whole[:n]))
    lines = 0 if n in ends else 1
    got = exchanges(db) if code == 0 else None
    if code != 0 or err.count("cut.pcap: ") != lines or got is None or got < last:
        bad.append("%d bytes: exit %s, %s exchanges, %s" % (n, code, got, err))
    last = max(last, got or 0)
check(not bad and last <= total, "cut at any length: what was read is kept, the damage is named, exit 0", *bad)

code, out, err, db = capture(put("absurd.pcap", whole[:ends[5]] + struct.pack("<IIII", 1, 1, 0x7fffffff, 60) + whole[ends[5]:]))
check(code == 0 and err.count("\n") == 1 and exchanges(db), "absurd length of a later record: the rest up to it, one line", code, err)
packed = gzip.compress(whole)
code, out, err, db = capture(put("cut.pcap.gz", packed[:len(packed) // 2]))
check(code == 0 and err.count("\n") == 1 and exchanges(db), "gzip cut in the middle: the same", code, err)
damaged = bytearray(packed)
for i in range(len(packed) // 2, len(packed) // 2 + 40):
    damaged[i] ^= 0x55
code, out, err, db = capture(put("damaged.pcap.gz", bytes(damaged)))
check(code == 0 and err.count("\n") == 1, "gzip damaged in the middle: the same", code, err)
code, out, err, db = capture(put("noise.pcap", whole + os.urandom(3000)))
check(code == 0 and exchanges(db) is not None and exchanges(db) >= total, "noise behind the last packet", code, err)

odd = Capture(link=147)
odd.talk((">", request("GET", "/")), ("<", answer(200)))
code, out, err, db = capture(odd.write(here / "link.pcap"))
report = parsed(good("report", db, "--format", "json")) if code == 0 else {}
check((code == 0 and report["capture"]["unparsed_packets"] == len(odd.packets)) or (code == 3 and err.count("\n") == 1),
      "unknown link type: counted, or refused by name", code, err, report.get("capture"))
cap = Capture()
r = __import__("random").Random(7)
for _ in range(300):
    cap.packet(bytes(r.getrandbits(8) for _ in range(r.choice((0, 1, 13, 14, 33, 34, 53, 54, 80, 1500)))))
for _ in range(300):
    frame = bytearray(b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0\x45" + bytes(r.getrandbits(8) for _ in range(80)))
    frame[23] = 6
    cap.packet(bytes(frame))
code, out, err, db = capture(cap.write(here / "frames.pcap"))
check(code == 0 and "no HTTP" in err, "600 frames of noise", code, err)

code, out, err = run("capture", "-q", "-r", PCAP / "heads.pcap", "-r", here / "none-such.pcap", "-d", here / "two.db")
check(code in (1, 3) and err.count("\n") == 1, "one of two files missing: one line", code, err)
code, out, err = run("log", "-r", here / "text")
check(code == 3 and not out and err.count("\n") == 1, "log of a text file: exit 3, one line", code, err)
code, out, err = run("report", here / "text")
check(code in (1, 3) and not out and err.count("\n") == 1, "report of a text file: one line", code, err)
for words in (["capture", "-q", "-i", "none-such0", "-d", here / "i.db"], ["log", "-i", "none-such0"], ["doctor", "-i", "none-such0"]):
    code, out, err = run(*words)
    if "unknown command" in err:
        continue
    check(code in (1, 2) and not out and err.count("\n") == 1 and "none-such0" in err, "%s -i none-such0: exit 1 or 2, one line" % words[0], code, err)
check(not (here / "i.db").exists(), "and no DB is left behind")

# Where the DB cannot be.
demo = PCAP / "demo.pcap.zst"
for what, place in (("in a folder that is not there", here / "no" / "such" / "x.db"), ("that is a folder", here)):
    code, out, err = run("capture", "-q", "-r", PCAP / "heads.pcap", "-d", place)
    check(code == 1 and err.count("\n") == 1 and str(place) in err, "a DB %s: exit 1, one line" % what, code, err)
if os.getuid() == 0 and shutil.which("unshare"):
    full = here / "full"
    full.mkdir()
    script = ('mount -t tmpfs -o size=160k tmpfs "$1" && "$2" capture -q -r "$3" -d "$1/x.db" --secret "$4"; rc=$?; '
              'cp "$1"/x.db* "$5"/ 2>/dev/null; exit $rc')
    (here / "kept").mkdir()
    from lib import BINARY
    import subprocess
    p = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(full), BINARY, str(demo), SECRET, str(here / "kept")],
                       capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    check(p.returncode == 1 and p.stderr.count("\n") == 1 and "full" in p.stderr.lower(), "disk full: exit 1, one line that says so", p.returncode, p.stderr)
    import sqlite3
    kept = here / "kept" / "x.db"
    good_db = kept.exists() and kept.stat().st_size > 0
    state = "no DB"
    if good_db:
        with sqlite3.connect(kept) as db3:
            state = db3.execute("PRAGMA integrity_check").fetchone()[0]
    check(state in ("ok", "no DB"), "disk full: the DB stays valid", state)
else:
    check(True, "disk full # SKIP needs root")
finish()
