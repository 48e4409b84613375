#!/usr/bin/env python3
# kinds: opt
"""Exchange records as others make them: what the least of one is, times to the nearest microsecond, and orphans that come
back as they went."""
import gzip
import json

from lib import EPOCH, PCAP, SECRET, Capture, answer, check, finish, folder, good, run

here = folder()
LEAST = {"ts": EPOCH, "client": "10.0.0.2:4000", "method": "GET", "authority": "api.example", "target": "/x", "status": 200}


def capture(name, text):
    db = here / (name + ".db")
    code, out, err = run("capture", "-q", "--records", "-", "-d", db, "--fresh", "--secret", SECRET, stdin=text)
    return code, err, [json.loads(line) for line in good("log", db).splitlines()] if code == 0 else []


# Each line but the first lacks one thing of the least.
bad = []
for name in ("ts", "client", "method", "authority", "target", "status"):
    less = {k: v for k, v in LEAST.items() if k != name}
    code, err, kept = capture("least", json.dumps(LEAST) + "\n" + json.dumps(less) + "\n")
    if code or len(kept) != 1 or "line 2: no '%s'" % name not in err:
        bad.append("without %s: exit %s, %d kept, %s" % (name, code, len(kept), err))
check(not bad, "a record that lacks one thing of the least is refused by its number", *bad)
bad = []
for wrong, says in (({"ts": EPOCH * 1000}, "milliseconds"), ({"ts": EPOCH * 1e6}, "Unix seconds"), ({"method": ""}, "no 'method'"), ({"authority": ""}, "no 'authority'"),
                    ({"end": "aborted"}, "client_abort"), ({"end": "COMPLETE"}, "complete"), ({"end": "gap "}, "gap")):
    code, err, kept = capture("wrong", json.dumps(LEAST) + "\n" + json.dumps(dict(LEAST, **wrong)) + "\n")
    if code or len(kept) != 1 or "line 2: " not in err or says not in err or err.count("\n") != 1:
        bad.append("%s: exit %s, %d kept, %s" % (wrong, code, len(kept), err))
check(not bad, "one that says what cannot be is refused by its number, with what is wrong", *bad)
# Where they were put by mistake, or not taken out of: the way is said.
(here / "r.jsonl").write_text(json.dumps(LEAST) + "\n")
(here / "r.jsonl.gz").write_bytes(gzip.compress(json.dumps(LEAST).encode() + b"\n"))
code, out, err = run("report", here / "r.jsonl")
check(code == 3 and not out and err.count("\n") == 1 and "capture --records" in err, "report of records: says where they go", code, err)
code, out, err = run("capture", "--records", here / "r.jsonl.gz", "-d", here / "none.db")
check(code == 3 and not out and err.count("\n") == 1 and "zcat" in err and not (here / "none.db").exists(), "compressed records: says so in one line", code, err)
others = [dict({k: v for k, v in LEAST.items() if k != "authority"}, service="http://api.example"),
          dict(LEAST, method=None, authority=None, target=None), dict(LEAST, status=0)]
code, err, kept = capture("others", "".join(json.dumps(r) + "\n" for r in others))
check(code == 0 and not err and len(kept) == 3, "read: a service in place of the authority, an answer alone, a request without one", code, err, kept)
for name in ("redis", "memcached", "oneway"):
    log = good("log", "-q", "-r", PCAP / (name + ".pcap"), "--secret", SECRET)
    code, err, kept = capture(name, log)
    check(code == 0 and not err and log, "every record that log makes of %s is read" % name, code, err)

bad = []
for text, micros in (("1700000000.0000004", 0), ("1700000000.0000006", 1), ("1.7000000001234564e9", 123456), ("1700000000.1234566", 123457),
                     ("1700000000", 0), ("1700000000.999999", 999999), ("1700000000.0000004999999999999999", 0), ("1700000000.0000005", 1), ("17000000001234567e-7", 123457), ("0.17e+10", 0), ("1700000000.00000150", 2)):
    line = json.dumps(LEAST).replace(': %d' % EPOCH, ': ' + text, 1)
    for form in (line, '{"x": {"ts": 5, "y": "\\"ts\\": 7"}, ' + line[1:]):
        code, err, kept = capture("times", form + "\n")
        got = round(kept[0]["ts"] * 1e6) % 1_000_000 if kept else None
        if got != micros:
            bad.append("%s: %s, not %s" % (form, got, micros))
check(not bad, "times are read to the nearest microsecond", *bad)

# An answer whose request was not seen: as packets, as a record, and back.
cap = Capture()
cap.talk(("<", answer(200, b"x")), close=True)
log = good("log", "-q", "-r", cap.write(here / "orphan.pcap"), "--secret", SECRET)
good("capture", "-q", "-r", here / "orphan.pcap", "-d", here / "wire.db", "--secret", SECRET)
code, err, back = capture("orphan", log)
wire = [json.loads(line) for line in good("log", here / "wire.db").splitlines()]
check(len(back) == 1 and back == wire and back[0]["method"] is None and "rtt_server_s" not in back[0], "an orphan comes back as it went", err, log, back, wire)
# Of a client's port and of the connection the DB keeps nothing, and says so.
seen = json.loads(log)
check((seen["conn"], seen["client"]) == (1, "10.0.0.2:40001") and (wire[0]["conn"], wire[0]["client"], wire[0]["server"]) == (None, "10.0.0.2", "10.0.0.1:80"), "what a DB does not keep is null", log, wire)
check(good("log", here / "wire.db", "--format", "tsv").splitlines()[1].split("\t")[1] == "" and "connection" not in json.loads(good("log", here / "wire.db", "--format", "har"))["log"]["entries"][0],
      "in the other formats, too")
finish()
