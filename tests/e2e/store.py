#!/usr/bin/env python3
# kinds: san
"""The store as users meet it: one audit a DB, --append, --fresh, newer schemas, foreign files, a second writer, WAL."""
import json
import os
import shutil
import sqlite3
import subprocess
import time

from lib import BINARY, PCAP, SECRET, EPOCH, check, finish, folder, good, parsed, record, run

here = folder()
heads, keep = PCAP / "heads.pcap", PCAP / "keepalive.pcap"


def capture(source, db, *options):
    return run("capture", "-q", "-r", source, "-d", here / db, "--secret", SECRET, *options)


def exchanges(db):
    return parsed(good("report", here / db, "--format", "json")).get("totals", {}).get("exchanges")


code, out, err = capture(heads, "a.db")
check(code == 0 and not out and not err, "capture says nothing when all is well and -q", code, out, err)
head = (here / "a.db").read_bytes()[:100]
check(head[18] == 1 and head[19] == 1, "the DB has left WAL mode")
check(not list(here.glob("a.db-*")), "no -wal, no -shm", list(here.glob("a.db-*")))
check((here / "a.db").stat().st_mode & 0o777 == 0o600, "0600")
n = exchanges("a.db")

before = (here / "a.db").read_bytes()
code, out, err = capture(keep, "a.db")
check(code == 2 and "--append" in err and "--fresh" in err and err.count("\n") == 1, "a DB that holds an audit is refused: exit 2, both ways out", code, err)
check((here / "a.db").read_bytes() == before, "and untouched")
code, out, err = capture(heads, "a.db", "--append")
check(code != 0 and exchanges("a.db") == n, "--append of what precedes the audit's end is refused", code, err)
code, out, err = capture(keep, "a.db", "--fresh")
m = exchanges("a.db")
check(code == 0 and m, "--fresh starts over", code, err)
one, two = here / "one.jsonl", here / "two.jsonl"
one.write_text("".join(record(i, EPOCH + i * 0.01) for i in range(500)))
two.write_text("".join(record(i, EPOCH + 5 + i * 0.01) for i in range(300)))
good("capture", "-q", "--records", one, "-d", here / "r.db", "--secret", SECRET)
code, out, err = run("capture", "-q", "--records", two, "-d", here / "r.db", "--secret", SECRET, "--append")
check(code == 0 and exchanges("r.db") == 800, "--append of later records", code, err, exchanges("r.db"))
one.write_text(one.read_text() + two.read_text())
good("capture", "-q", "--records", one, "-d", here / "whole.db", "--secret", SECRET)
a, b = (parsed(good("report", here / f, "--format", "json")) for f in ("r.db", "whole.db"))
for part in ("totals", "endpoints", "clients"):
    check(a.get(part) and a.get(part) == b.get(part), "--append gives the same %s as one run" % part)

# What was compared with equal header fields before is not forgotten, though no exchange record shows the fields.
def languages(n):
    """Answers that follow a field which no Vary names."""
    out = []
    for i in range(n):
        who, item, lang = i * 7 % 12, i % 4, "de" if i * 5 % 11 < 6 else "en"
        out.append(json.dumps({"ts": round(EPOCH + i * .25, 6), "client": "10.%d.0.9:4000" % who, "server": "10.9.9.9:80", "method": "GET", "authority": "api.example",
                               "target": "/l/%d" % item, "status": 200, "response_bytes": 9, "body_id": "%016x" % (17 * item + len(lang) + ord(lang[0])),
                               "client_id": "jwt:%012x" % (who + 1), "headers": {"request": {"accept-language": lang, "authorization": "~"}, "response": {}}}) + "\n")
    return out


lines, compared = languages(3000), []
for cuts in ((0, 3000), (0, 1500, 3000)):
    for first, rest in zip(cuts, cuts[1:]):
        good("capture", "-q", "--records", "-", "-d", here / "l.db", "--secret", SECRET, "--append" if first else "--fresh", stdin="".join(lines[first:rest]))
    compared.append(parsed(good("report", here / "l.db", "--format", "json"))["endpoints"][0]["sharing"])
check(compared[0]["reason"] == compared[1]["reason"] and compared[1]["comparisons"] > .9 * compared[0]["comparisons"] > 900,
      "--append: comparisons of answers to equal header fields go on", *compared)

# Without records clients are met anew at each start; an endpoint never has more of them than there are.
for first, rest in ((0, 1000), (1000, 2000), (2000, 3000)):
    good("capture", "-q", "--records", "-", "-d", here / "l.db", "--secret", SECRET, "--exchanges", "none", "--append" if first else "--fresh", stdin="".join(lines[first:rest]))
got = parsed(good("report", here / "l.db", "--format", "json"))
check(got["totals"]["clients"] == got["endpoints"][0]["clients"] == got["endpoints"][0]["sharing"]["credentials"] == 12, "--append without records: as many clients as there are",
      got["endpoints"][0]["clients"], got["endpoints"][0]["sharing"])

# Nor under another secret, where each client would be met again as another.
before = good("report", here / "l.db", "--format", "json")
(here / "other-secret").write_bytes(b"another one, of more than 16 bytes")
code, out, err = run("capture", "-q", "--records", "-", "-d", here / "l.db", "--secret", here / "other-secret", "--append", stdin=record(1, EPOCH + 9000))
check(code == 2 and not out and err.count("\n") == 1 and "--secret" in err and "--fresh" in err and good("report", here / "l.db", "--format", "json") == before,
      "--append with another secret is refused: exit 2, both ways out, the audit untouched", code, err)

# Where there is no place to keep one the secret is of a run alone: that is said, and a service that starts again goes on.
kept = {k: os.environ.pop(k) for k in ("HOME", "XDG_CONFIG_HOME") if k in os.environ}
for n in range(3):
    code, out, err = run("capture", "-q", "--records", "-", "-d", here / "fleeting.db", "--append" if n else "--fresh", stdin=record(1, EPOCH + 9000 * n))
    check(code == 0 and "no place to keep a secret" in err and err.count("\n") == 1, "run %d without a place for a secret: it goes on, and says so" % n, code, err)
os.environ.update(kept)
code, out, err = run("capture", "-q", "--records", "-", "-d", here / "fleeting.db", "--append", "--secret", SECRET, stdin=record(1, EPOCH + 90000))
check(code == 0 and not err, "and with one to keep, too", code, err)

# Records that are none touch nothing: not the audit that --fresh would drop, and no new file.
(here / "no-records").write_text("hello\n" * 3)
(here / "folder").mkdir()
before = (here / "r.db").read_bytes()
for what, source in (("that are not there", here / "none"), ("without a record", here / "no-records"), ("that are a directory", here / "folder")):
    code, out, err = run("capture", "-q", "--records", source, "--fresh", "-d", here / "r.db", "--secret", SECRET)
    check(code == 3 and not out and err and (here / "r.db").read_bytes() == before, "--records %s, --fresh: exit 3, the audit stays as it is" % what, code, err)
    code, out, err = run("capture", "-q", "--records", source, "-d", here / "new.db", "--secret", SECRET)
    check(code == 3 and not out and err and not list(here.glob("new.db*")), "--records %s: exit 3, no DB is left behind" % what, code, err)

# Nor do records from before the audit's end.
code, out, err = run("capture", "-q", "--records", two, "-d", here / "r.db", "--secret", SECRET, "--append")
check(code == 2 and not out and err.count("\n") == 1 and parsed(good("report", here / "r.db", "--format", "json")) == a,
      "--append of records from before the audit's end: exit 2, the audit stays as it is", code, err)
mixed = here / "mixed.jsonl"
mixed.write_text(record(1, EPOCH + 100) + record(2, EPOCH + 1) + record(3, EPOCH + 101))
code, out, err = run("capture", "-q", "--records", mixed, "-d", here / "r.db", "--secret", SECRET, "--append")
late = parsed(good("report", here / "r.db", "--format", "json"))
check(code == 0 and "line 2" in err and late["totals"]["exchanges"] == 802 and late["capture"]["started"] == a["capture"]["started"],
      "one such record among later ones is left out by its number", code, err)

with sqlite3.connect(here / "a.db") as db:
    schema = db.execute("PRAGMA user_version").fetchone()[0]
    db.execute("PRAGMA user_version=999")
check(schema > 0, "user_version is the schema's number", schema)
before = (here / "a.db").read_bytes()
for words in (["report", here / "a.db"], ["capture", "-q", "-r", heads, "-d", here / "a.db", "--append"], ["capture", "-q", "-r", heads, "-d", here / "a.db", "--fresh"]):
    code, out, err = run(*words)
    check(code == 1 and not out and err.count("\n") == 1 and "999" in err, "%s of a newer schema: exit 1, one line with both numbers" % words[0], code, err)
check((here / "a.db").read_bytes() == before, "and untouched")

(here / "text.db").write_text("not a database, and dear to somebody\n" * 50)
with sqlite3.connect(here / "foreign.db") as db:
    db.execute("CREATE TABLE photos (id INTEGER, name TEXT)")
    db.execute("INSERT INTO photos VALUES (1, 'dear')")
for name in ("text.db", "foreign.db"):
    before = (here / name).read_bytes()
    for options in ((), ("--append",), ("--fresh",)):
        code, out, err = capture(heads, name, *options)
        check(code in (1, 2) and err.count("\n") == 1, "%s %s is refused, one line" % (name, " ".join(options)), code, err)
    check((here / name).read_bytes() == before, "%s is untouched" % name)
    code, out, err = run("report", here / name)
    check(code in (1, 3) and not out and err.count("\n") == 1, "report of %s: one line" % name, code, err)
check(not list(here.glob("*-wal")) and not list(here.glob("*-journal")), "nothing left beside them", [p.name for p in here.glob("*-*")])

# Exactly the newest exchange records stay, across appends, too.
many = [record(i, EPOCH + i * 0.01) for i in range(20000)]
for keep, first, rest in ((9000, 11000, 20000), (5, 100, 8205), (100, 50, 60)):
    kept = here / "kept.db"
    good("capture", "-q", "--records", "-", "-d", kept, "--fresh", "--secret", SECRET, "--exchanges", keep, stdin="".join(many[:first]))
    if rest > first:
        good("capture", "-q", "--records", "-", "-d", kept, "--append", "--secret", SECRET, "--exchanges", keep, stdin="".join(many[first:rest]))
    stamps = [json.loads(line)["ts"] for line in good("log", kept).splitlines()]
    want = [json.loads(line)["ts"] for line in many[max(0, rest - keep):rest]]
    check(stamps == want and exchanges("kept.db") == rest, "--exchanges %d of %d: the newest stay" % (keep, rest), len(stamps), stamps[:1], want[:1])

# A second writer, and readers while one writes.
p = subprocess.Popen([BINARY, "capture", "-q", "--records", "-", "-d", str(here / "w.db"), "--secret", SECRET], stdin=subprocess.PIPE,
                     stderr=subprocess.PIPE, cwd=here)
try:
    for round_ in range(6):
        p.stdin.write("".join(record(i, EPOCH + round_ * 10 + i * 0.01) for i in range(500)).encode())
        p.stdin.flush()
        time.sleep(0.5)
    code, out, err = run("report", here / "w.db", "--format", "json")
    seen = parsed(out).get("totals", {}).get("exchanges", 0)
    check(code == 0 and 0 < seen <= 3000, "a report while the DB is written", code, seen, err)
    for options in ((), ("--append",), ("--fresh",)):
        code, out, err = capture(heads, "w.db", *options)
        check(code in (1, 2) and err.count("\n") == 1, "a second writer %s is refused, one line" % " ".join(options), code, err)
    rest, err = p.communicate(timeout=30)
    check(p.returncode == 0 and exchanges("w.db") == 3000, "the first writer has lost nothing", p.returncode, err, exchanges("w.db"))
finally:
    p.kill()

if os.getuid() == 0 and shutil.which("setpriv"):
    shutil.copy(here / "whole.db", here / "public.db")
    os.chmod(here / "public.db", 0o644)
    sealed = here / "sealed"
    sealed.mkdir()
    shutil.move(here / "public.db", sealed / "public.db")
    os.chmod(sealed, 0o555)
    code, out, err = run("report", sealed / "public.db", "--format", "json",
                         prefix=("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"))
    check(code == 0 and parsed(out).get("totals", {}).get("exchanges") == 800, "whoever may read the file can open it, in a folder that nobody may write", code, err)
finish()
