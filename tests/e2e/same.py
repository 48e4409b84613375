#!/usr/bin/env python3
# kinds: san
"""The same traffic gives the same report, whichever way it comes in."""
import gzip
import json
import struct
import subprocess

from lib import PCAP, SECRET, audit, check, finish, folder, good, parsed, run

DEMO = PCAP / "demo.pcap.zst"
here = folder()
plain = subprocess.run(["zstd", "-dcq", str(DEMO)], stdout=subprocess.PIPE, check=True).stdout


def split(data, parts):
    """A pcap as several, cut between records."""
    at, records = 24, []
    while at + 16 <= len(data):
        n = struct.unpack_from("<I", data, at + 8)[0]
        records.append(data[at:at + 16 + n])
        at += 16 + n
    size = len(records) // parts + 1
    return [data[:24] + b"".join(records[i:i + size]) for i in range(0, len(records), size)]


def sections(text, *leave):
    report = parsed(text)
    return {k: v for k, v in report.items() if k not in leave}


def differences(a, b, path=""):
    """Where two documents differ, at most a few."""
    if type(a) is not type(b):
        yield "%s: %r / %r" % (path, a, b)
    elif isinstance(a, dict):
        for k in sorted(set(a) | set(b)):
            yield from differences(a.get(k), b.get(k), path + "." + k)
    elif isinstance(a, list):
        if len(a) != len(b):
            yield "%s: %d / %d entries" % (path, len(a), len(b))
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, "%s[%d]" % (path, i))
    elif a != b:
        yield "%s: %r / %r" % (path, a, b)


def same(a, b, what):
    found = list(differences(a, b))
    check(a and not found, what, *found[:8])


first = audit(DEMO, "first")
second = audit(DEMO, "second")
check(first and first == second, "twice the same: the same bytes", *list(differences(parsed(first), parsed(second)))[:8])
check(good("report", here / "first.db", "--format", "text") == good("report", here / "second.db", "--format", "text"),
      "twice the same: the same text")

report = parsed(first)
totals = report.get("totals", {})
truth = [line.split() for line in (PCAP / "demo.nginx").read_text().splitlines()]
for what, name, count in truth:
    # nginx writes 499 for a client that left before the answer; the wire then shows no status.
    if what == "status" and name != "499":
        got = totals.get("statuses", {}).get(name, 0)
        check(got == int(count), "status %s: as many as nginx logged" % name, "nginx %s, here %s" % (count, got))
    elif what == "method":
        got = totals.get("methods", {}).get(name, 0)
        # A request still open when the capture ended is on the wire, but not in nginx's log.
        check(int(count) <= got <= int(count) + 3, "method %s: as many as nginx logged" % name, "nginx %s, here %s" % (count, got))

(here / "plain.pcap").write_bytes(plain)
same(sections(first, "capture"), sections(audit(here / "plain.pcap", "plain"), "capture"), "the same without gzip")
with open(here / "plain.pcap", "rb") as f:
    same(sections(first, "capture"), sections(audit("-", "stdin", stdin=f), "capture"), "the same from stdin")
with open(DEMO, "rb") as f:
    same(sections(first, "capture"), sections(audit("-", "stdin-gz", stdin=f), "capture"), "the same from stdin, compressed")

parts = []
for i, data in enumerate(split(plain, 3)):
    parts.append(here / ("part%d.pcap" % i))
    parts[-1].write_bytes(data)
good("capture", "-q", "-r", parts[1], "-r", parts[2], "-r", parts[0], "-d", here / "parts.db", "--secret", SECRET)
same(sections(first, "capture"), sections(good("report", here / "parts.db", "--format", "json"), "capture"), "the same from three files in any order")

# Without --secret both use the key that is made once in HOME.
good("capture", "-q", "-r", here / "plain.pcap", "-d", here / "own.db")
same(sections(good("report", here / "own.db", "--format", "json"), "capture"),
     sections(good("report", here / "plain.pcap", "--format", "json"), "capture"), "report FILE is capture and report")

log = good("log", "-r", DEMO, "--secret", SECRET, "--format", "jsonl")
check(log.count("\n") == totals.get("exchanges"), "log has a line per exchange", log.count("\n"), totals.get("exchanges"))
seqs = [json.loads(line)["seq"] for line in log.splitlines()]
check(seqs == list(range(len(seqs))), "log lines are numbered in order")
good("capture", "-q", "--records", "-", "-d", here / "records.db", "--secret", SECRET, stdin=log)
again = sections(good("report", here / "records.db", "--format", "json"), "capture", "opaque")
same(sections(first, "capture", "opaque"), again, "log | capture --records -")
again["capture"] = parsed(good("report", here / "records.db", "--format", "json")).get("capture", {})
check(again["capture"].get("packets", 0) is None and again["capture"].get("coverage", 0) is None, "records: packets and coverage are null",
      again["capture"])

bad = log.splitlines()
bad[10:10] = ["not a record", "{\"ts\": 1}"]
code, out, err = run("capture", "-q", "--records", "-", "-d", here / "bad.db", "--secret", SECRET, stdin="\n".join(bad) + "\n")
check(code == 0 and "11" in err and "12" in err, "a line that is no record is refused by its number", code, err)
same(sections(first, "capture", "opaque"), sections(good("report", here / "bad.db", "--format", "json"), "capture", "opaque"), "and the rest is read")
finish()
