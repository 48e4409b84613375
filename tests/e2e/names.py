#!/usr/bin/env python3
"""--show-names: what credentials call clients stands beside them in every face, made harmless, through records, restarts, hours and
joined audits; and without the option there is nothing of it."""
import base64
import csv
import io
import json
import re

from lib import EPOCH, SECRET, Capture, answer, check, finish, folder, good, parsed, request, run

here = folder()
WRONG = "\ufffd"
EVIL = '<b>&|"\'`*_[x](y)\x1b[31m\u202e=1+1,\r\n'
SHOWN = EVIL.replace("\x1b", WRONG).replace("\u202e", WRONG).replace("\r\n", "")  # blanks at the end go
LONG = "sm\u00f8rrebr\u00f8d-" * 9


def jwt(claims):
    return "Authorization: Bearer " + ".".join(base64.urlsafe_b64encode(json.dumps(c).encode()).decode().rstrip("=") for c in ({"alg": "none"}, claims)) + ".x"


def basic(user, password="pass"):
    return "Authorization: Basic " + base64.b64encode((user + ":" + password).encode()).decode()


crowd = [(jwt({"sub": "alice@example.org", "iss": "https://issuer.example"}), "alice@example.org"), (jwt({"client_id": "batch-job"}), "batch-job"),
         (jwt({"azp": "party"}), "party"), (basic("bob smith"), "bob smith"), (basic("bob smith", "other"), "bob smith"), (jwt({"sub": EVIL.strip("\r\n")}), SHOWN),
         (jwt({"sub": LONG}), LONG.encode()[:64].decode(errors="ignore")), (basic("sk_live_abcdef", ""), None), ("Authorization: Bearer opaque", None),
         ("X-Api-Key: carol_0123456789", None), ("Cookie: session=0123456789", None), ("Accept: */*", None)]
cap = Capture()
for n in range(240):
    cap.talk((">", request("GET", "/a/%d" % (n % 5), crowd[n % len(crowd)][0])), ("<", answer(200, b"x%d" % (n % 5))), client="10.0.0.%d" % (n % len(crowd) + 1))
    cap.now += 30_000_000 if n == 120 else 500_000
file = cap.write(here / "all.pcap")
data = cap.packets
halves = []
for name, part in (("one", data[:len(data) // 2 // 10 * 10]), ("two", data[len(data) // 2 // 10 * 10:])):
    half = Capture()
    half.packets = part
    halves.append(half.write(here / (name + ".pcap")))
names = {n for _, n in crowd if n}
WITH = ("--secret", SECRET, "--show-names")


def called(db, *more):
    return {c["client"]: c["name"] for c in parsed(good("report", db, "--format", "json", *more)).get("clients", [])}


db, without = here / "with.db", here / "without.db"
good("capture", "-q", "-r", file, "-d", db, *WITH)
good("capture", "-q", "-r", file, "-d", without, "--secret", SECRET)
want = called(db)
check(set(want.values()) - {None} == names and len(want) == len(crowd) - 1, "report: each client that has one has its name", want)
check(all(re.fullmatch(r"[a-z]+:[0-9a-f]{12}", c) for c in want), "and is still kind and 12 hex digits", want)
check(set(called(without).values()) == {None} and set(called(without)) == set(want), "without the option: the same clients, no name")
one, other = (parsed(good("report", d, "--format", "json")) for d in (db, without))
for report in one, other:
    report["capture"].pop("memory_peak_bytes")
for c in one["clients"]:
    c["name"] = None
check(one == other, "and nothing else of the report differs")

# ---- faces ----
text = good("report", db, "--format", "text", "--top", 99)
check(all("called " + n in text for n in names - {SHOWN}) and "\x1b" not in text and "\u202e" not in text and "called <b>" in text, "text", text[-3000:])
check("called" not in good("report", without, "--format", "text", "--top", 99), "text without")
markdown = good("report", db, "--format", "markdown", "--top", 99)
check("(alice@example.org)" in markdown and "<b>" not in markdown and "&#60;b&#62;&#38;&#124;" in markdown and "\x1b" not in markdown, "markdown",
      [line for line in markdown.splitlines() if "jwt" in line])
html = good("report", db, "--format", "html")
check("alice@example.org" in html and "<b>&|" not in html and "\x1b" not in html, "html: one file")
rows = [r for r in csv.reader(io.StringIO(good("report", db, "--format", "csv"))) if r]
head = next(r for r in rows if r[0] == "table" and "name" in r and "identity" in r)
got = {r[head.index("client")]: r[head.index("name")] for r in rows if r[0] == "clients"}
check({c: n or None for c, n in got.items()} == want, "csv: a column", got)
check(good("report", db, "--format", "csv").count("\x1b") == 0, "csv: no control characters")

# ---- records ----
lines = good("log", "-q", "-r", file, *WITH)
records = [json.loads(line) for line in lines.splitlines()]
check([r.get("client_name") for r in records] == [crowd[n % len(crowd)][1] for n in range(240)], "log: client_name where there is one")
plain = good("log", "-q", "-r", file, "--secret", SECRET)
check("client_name" not in plain and [{k: v for k, v in r.items() if k != "client_name"} for r in records] == [json.loads(line) for line in plain.splitlines()],
      "log without: the same but for that")
check(good("log", "-q", "-r", file, "--format", "tsv", *WITH) == good("log", "-q", "-r", file, "--format", "tsv", "--secret", SECRET), "tsv has its columns alone")
combined = good("log", "-q", "-r", file, "--format", "combined", *WITH).splitlines()
shape = re.compile(r'\S+ - (\S+) \[[^]]+\] "GET /a/\d HTTP/1\.1" 200 \d+ "-" "-"')
users = [m and m.group(1) for m in map(shape.fullmatch, combined)]
check(users[:4] == ["alice@example.org", "batch-job", "party", "bob\\x20smith"] and users[11] == "-" and all(u and u.isascii() for u in users), "combined: the user's field is one word", users[:12])
check(all(" - - [" in line for line in good("log", "-q", "-r", file, "--format", "combined", "--secret", SECRET).splitlines()), "combined without: nobody")
check([json.loads(line).get("client_name") for line in good("log", db, "--show-names").splitlines()] == [r.get("client_name") for r in records], "log of the DB with the option")
check("client_name" not in good("log", db) and "client_name" not in good("log", without, "--show-names"), "log of the DB without, and of a DB without")
(here / "r.jsonl").write_text(lines)
good("capture", "-q", "--records", here / "r.jsonl", "-d", here / "r.db", *WITH)
check(called(here / "r.db") == want, "from records with the option: the same names")
good("capture", "-q", "--records", here / "r.jsonl", "-d", here / "r2.db", "--secret", SECRET)
check(set(called(here / "r2.db").values()) == {None} and b"alice" not in (here / "r2.db").read_bytes(), "from records without it: nothing of them")
odd = [{"client_id": "apikey:0123456789ab", "client_name": "x\x1b\x00y" * 30}, {"client_id": "customer 7", "client_name": "Customer\u2028Seven"}, {"client_name": "of an address"},
       {"client_id": "jwt:0123456789ab", "client_name": 7}, {"client_id": "jwt:0123456789ac", "client_name": "  "}]
(here / "odd.jsonl").write_text("".join(json.dumps(dict({"ts": EPOCH + n, "client": "10.0.0.%d:1" % n, "method": "GET", "authority": "h", "target": "/", "status": 200}, **o)) + "\n"
                                        for n, o in enumerate(odd)))
good("capture", "-q", "--records", here / "odd.jsonl", "-d", here / "odd.db", *WITH)
got = sorted(n for n in called(here / "odd.db").values() if n)
check(len(got) == 2 and got[0] == "Customer" + WRONG + "Seven" and re.fullmatch("(x%s)+y?x?.*" % WRONG, got[1]) and len(got[1].encode()) <= 64 and "\x1b" not in got[1], "records by others: made harmless, none of an address", got)

# ---- restarts ----
for keep, what in (("2000000", "with all records"), ("none", "without records"), ("50", "with some")):
    on = here / ("on-%s.db" % keep)
    good("capture", "-q", "-r", halves[0], "-d", on, "--exchanges", keep, *WITH)
    good("capture", "-q", "-r", halves[1], "-d", on, "--append", "--exchanges", keep, *WITH)
    check(called(on) == want, "--append %s: the same names" % what, called(on))
    good("capture", "-q", "-r", halves[0], "-d", on, "--fresh", "--exchanges", keep, *WITH)
    good("capture", "-q", "-r", halves[1], "-d", on, "--append", "--exchanges", keep, "--secret", SECRET)
    check(set(called(on).values()) == {None}, "--append %s and without the option: they are gone" % what, called(on))
    good("capture", "-q", "-r", halves[0], "-d", on, "--fresh", "--exchanges", keep, "--secret", SECRET)
    good("capture", "-q", "-r", halves[1], "-d", on, "--append", "--exchanges", keep, *WITH)
    check(set(called(on).values()) - {None} == names, "--append %s: names come from then on" % what, called(on))

# ---- hours, joined audits, few rooms ----
hour = EPOCH // 3600 * 3600
check(set(called(db, "--from", hour, "--to", hour + 3600).values()) - {None} == names, "of a time: names too", called(db, "--from", hour, "--to", hour + 3600))
good("capture", "-q", "-r", halves[0], "-d", here / "a.db", *WITH)
good("capture", "-q", "-r", halves[1], "-d", here / "b.db", "--secret", SECRET)
for pair in ((here / "a.db", here / "b.db"), (here / "b.db", here / "a.db")):
    joined = {c["client"]: c["name"] for c in parsed(good("report", *pair, "--format", "json"))["clients"]}
    check(joined == want, "joined with an audit without names", joined)
with open(here / "many.jsonl", "w") as out:
    for n in range(40000):
        out.write(json.dumps({"ts": EPOCH + n / 100, "client": "10.0.0.1:1", "method": "GET", "authority": "h", "target": "/", "status": 200,
                              "client_id": "jwt:%012x" % n, "client_name": "user-%05d-%s" % (n, "x" * 40)}) + "\n")
good("capture", "-q", "--records", here / "many.jsonl", "-d", here / "many.db", "--memory", "16M", *WITH)
got = called(here / "many.db")
wrong = [(c, n) for c, n in got.items() if n and not n.startswith("user-%05d-" % int(c.split(":")[1], 16))]
check("(other)" in got and got["(other)"] is None and not wrong and any(got.values()), "more clients than room: (other) has no name, others have theirs", wrong[:3], len(got))

code, out, err = run("capture", "-r", file, "-d", here / "no.db", "--clients-by", "address", "--show-names")
check(code == 2 and err.count("\n") == 1 and "one of the two" in err, "with --clients-by address: exit 2", code, err)
good("capture", "-q", "-r", file, "-d", here / "cookie.db", "--identity", "cookie", *WITH)
check(set(called(here / "cookie.db").values()) == {None}, "in an order that does not look at credentials nobody has a name")
finish()
