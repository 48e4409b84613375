#!/usr/bin/env python3
"""`log` in the formats of other tools says what the records say: each line of the combined format has Apache's shape, the HAR has
all that HAR 1.2 demands; neither holds a credential nor can be broken by what clients send."""
import datetime
import json
import re

from lib import PCAP, SECRET, Capture, answer, check, check_tsv, finish, folder, good, request, run

here = folder()
CANARY = "Xq7Lm2ZtPw9Kd4Rb"
LINE = re.compile(r'^(\S+) - - \[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000)\] "((?:[^"\\]|\\.)*)" (\d{3}|-) (\d+|-) "-" "((?:[^"\\]|\\.)*)"$')
c = Capture()
c.talk((">", request("GET", "/a?token=%s&n=5" % CANARY, "Authorization: Bearer " + CANARY, 'User-Agent: we"ird\\agent/1.0\x01', "Cookie: s=" + CANARY)), ("<", answer(200, b"x" * 40, "Content-Type: text/plain")))
c.talk((">", request("POST", '/b"><script>', body=b"abc")), ("<", answer(404)))
c.talk((">", request("GET", "/unanswered")))
c.talk(("<", answer(200, b"orphan")))
made = c.write(here / "made.pcap")


def all_in(o, keys):
    return not set(keys.split()) - set(o)


for path in (made, PCAP / "keepalive.pcap", PCAP / "h2.pcap", PCAP / "upgrade.pcap"):
    name = path.stem
    records = [json.loads(line) for line in good("log", "-r", path, "--secret", SECRET).splitlines()]
    lines = good("log", "-r", path, "--secret", SECRET, "--format", "combined").splitlines()
    bad = [line for line in lines if not LINE.match(line)]
    check(len(lines) == len(records) > 0 and not bad, "%s, combined: a line a record, all of Apache's shape" % name, *bad[:2])
    wrong = []
    for line, x in zip(lines, records):
        address, when, what, status, size, _ = LINE.match(line).groups()
        at = datetime.datetime.strptime(when, "%d/%b/%Y:%H:%M:%S %z").timestamp()
        same = (address == x["client"].rsplit(":", 1)[0].strip("[]") and at == int(x["ts"]) and status == (str(x["status"]) if x["status"] else "-")
                and size == (str(x["response_bytes"]) if x["response_bytes"] else "-") and what.split(" ")[0] == (x["method"] or "-"))
        wrong += [] if same else [line]
    check(not wrong, "%s, combined: what the records say" % name, *wrong[:2])
    text = good("log", "-r", path, "--secret", SECRET, "--format", "har")
    try:
        har = json.loads(text)["log"]
    except ValueError as e:
        har = {"entries": [], "version": str(e)}
    entries = har["entries"]
    check(har["version"] == "1.2" and len(entries) == len(records) and all_in(har["creator"], "name version"), "%s, HAR: one document, an entry a record" % name, har["version"])
    wrong = [e for e in entries if not (all_in(e, "startedDateTime time request response cache timings") and all_in(e["timings"], "send wait receive")
             and all_in(e["request"], "method url httpVersion cookies headers queryString headersSize bodySize") and all_in(e["response"]["content"], "size mimeType")
             and all_in(e["response"], "status statusText httpVersion cookies headers content redirectURL headersSize bodySize") and min(e["timings"].values()) >= 0)]
    check(not wrong, "%s, HAR: all that the format demands" % name, *wrong[:1])
    wrong = [(e["request"], x["target"]) for e, x in zip(entries, records)
             if (e["response"]["status"], e["request"]["method"], e["response"]["content"]["size"]) != (x["status"], x["method"] or "", x["response_bytes"])
             or (x["method"] and x["target"][0] == "/" and e["request"]["url"] != x["service"] + x["target"])
             or abs(datetime.datetime.fromisoformat(e["startedDateTime"].replace("Z", "+00:00")).timestamp() - x["ts"]) > 2e-6]
    check(not wrong, "%s, HAR: what the records say" % name, *wrong[:2])
    wrong = [e for e, x in zip(entries, records) if abs(e["time"] - (sum(e["timings"].values()) if x["status"] else -1)) > 1e-9
             or e["response"]["bodySize"] != (x["response_bytes"] if x["status"] else -1) or e["request"]["bodySize"] != (x["request_bytes"] if x["method"] else -1)]
    check(not wrong, "%s, HAR: the time is the sum of the timings; it and what was not seen is -1" % name, *wrong[:2])
    check_tsv(path)
    if path == made:
        check(CANARY not in text and CANARY not in "".join(lines), "no credential is in either")
        query = entries[0]["request"]["queryString"]
        check([q["name"] for q in query] == ["token", "n"] and query[1]["value"] == "5", "HAR: the query by its parameters", query)

good("capture", "-q", "-r", made, "-d", here / "f.db", "--secret", SECRET)
check(len(json.loads(good("log", here / "f.db", "--format", "har"))["log"]["entries"]) == len(good("log", here / "f.db", "--format", "combined").splitlines()) == 4, "from a DB, too")
empty = json.loads(good("log", "-r", PCAP / "empty.pcap", "--format", "har"))
check(empty["log"]["entries"] == [], "HAR of nothing: a document without entries", empty)
code, out, err = run("log", "-r", made, "--format", "papyrus")
check(code == 2 and not out and "har" in err, "an unknown format: exit 2, and those that are", code, err)
# What reaches a terminal holds nothing that it obeys, whoever sent it: C0, DEL, C1 in UTF-8 (U+009B is CSI); nor, where people read it, marks of direction.
EVIL = b"\x1b[31m\x07\x7f\xc2\x9b2J\xc2\x85\xe2\x80\xae"
evil = Capture()
for line, fields in ((b"GET /" + EVIL, b"Host: a.example"), (b"GET /a", b"Host: " + EVIL), (b"GET /b?x=" + EVIL, b"Host: a.example"),
                     (b"POST /c", b"Host: a.example\r\nUser-Agent: " + EVIL + b"\r\nContent-Type: " + EVIL)):
    for n in range(3):
        evil.talk((">", line + b" HTTP/1.1\r\n" + fields + b"\r\n\r\n"), ("<", answer(200, b"x")))
evil.write(here / "evil.pcap")
good("capture", "-q", "-r", here / "evil.pcap", "-d", here / "evil.db", "--secret", SECRET)
obeyed = []
for words in (["report", "--top", 99], ["report", "--format", "markdown"], ["report", "--format", "json"], ["log"], ["log", "--format", "tsv"], ["log", "--format", "combined"],
              ["policy", "--for", "nginx", "--force"], ["policy", "--for", "headers", "--force"], ["whatif", "--ttl", "all=10", "--limit", "nginx:1:1"]):
    code, out, err = run(words[0], here / "evil.db", *words[1:])
    people = "" if "json" in words or words[0] == "log" else "\u202e"
    found = {c for c in out + err if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 or c in people}
    if code or found:
        obeyed.append("%s: exit %s, %r" % (words, code, found))
check(not obeyed, "no output holds a character that a terminal obeys", *obeyed)
back = [json.loads(line)["authority"] for line in good("log", here / "evil.db").splitlines()]
check(any("\x9b2j" in a for a in back), "and in JSON it reads as it was sent", back)
finish()
