#!/usr/bin/env python3
# kinds: opt
"""What a tired engineer reads is true: of captures without HTTP, with one direction, of caches alone, and without
exchange records; in lists as long as they were asked for."""
import re
import sqlite3
import struct

from lib import PCAP, SECRET, Capture, answer, check, finish, folder, good, parsed, request, run

here = folder()


def kept(name, *options, source=None):
    db = here / (name + ".db")
    if not db.exists():
        good("capture", "-q", "-r", source or PCAP / (name + ".pcap"), "-d", db, "--secret", SECRET, *options)
    return db


def text(db, *options):
    return good("report", db, *options)


def section(report, title):
    found = re.search(r"^%s.*?(?=^$|\Z)" % re.escape(title), report, re.M | re.S)
    return found.group(0) if found else ""


# Nobody asked for --exchanges none, and nothing was lost.
for name in ("tls", "redis", "empty"):
    report = text(kept(name))
    check("exchange records" not in report and "what is wanting" not in report, "%s: nothing is said of exchange records" % name, report)
demo = kept("demo", source=PCAP / "demo.pcap.zst")
none = kept("none", "--exchanges", "none", source=PCAP / "demo.pcap.zst")
check("no exchange records are kept (--exchanges none)" in text(none), "where they were not kept it is said")
part = text(none, "--from", "-2h")
check("no exchange records of this time are kept" in part and "--exchanges none" not in part, "of a part of an audit another reason is given", part)

# Caches alone.
for name, proto in (("redis", "Redis"), ("memcached", "memcached")):
    db = kept(name)
    report = text(db)
    head = report.splitlines()
    verdict = parsed(good("report", db, "--format", "json"))["verdict"]
    check(verdict["state"] == "ok" and verdict["says"] and proto in verdict["says"][0], "%s: the verdict says what there is" % name, verdict)
    check("right port" not in report and re.search(r"\d+ commands to %s were read, and no HTTP" % proto, head[1]) and head[4].startswith(proto.upper()),
          "%s: it is what the report begins with" % name, *head[:6])
    marked = good("report", db, "--format", "markdown")
    check(re.findall("^## (.*)", marked, re.M)[0].startswith(proto), "%s: so in Markdown" % name, marked[:400])
    units = {"us": 1e-6, "ms": 1e-3, "s": 1}
    for line in section(report, proto.upper()).split("\n  command")[1].splitlines()[1:]:
        times = [float(n) * units[u] for n, u in re.findall(r"([0-9.]+) (us|ms|s)\b", line)][:3]
        if len(times) == 3 and not line.startswith("  !"):
            check(times[0] <= times[2] and times[1] <= times[2], "%s: no quantile above the longest: %s" % (name, line.split()[0]), line)

# One direction: of ten connections to two servers.
both = Capture()
for i in range(20):
    both.talk(*[turn for k in range(3) for turn in ((">", request("GET", "/a/%d" % k)), ("<", answer(200, b"x" * 3000)))], server="10.0.0.%d" % (8 + i % 2))
ways = {}
for way, port in (("requests", 36), ("answers", 34)):
    one = Capture()
    one.packets = [p for p in both.packets if struct.unpack_from(">H", p[1], port)[0] == 80]
    ways[way] = text(kept(way, source=one.write(here / (way + ".pcap"))))
caveat = "not mirrored"
check(all(caveat in section(ways["requests"], title) for title in ("WHO ANSWERS", "WHAT COULD BE CACHED", "WHO ASKS HOW MUCH", "WHERE TIME GOES")),
      "requests alone: what reads like an outage is said to be none", ways["requests"])
check("were seen without their requests" in section(ways["answers"], "WHERE TIME GOES") and "nothing was answered" not in ways["answers"], "answers alone: they are not denied", ways["answers"])
check(caveat not in text(kept("both", source=both.write(here / "both.pcap"))), "both directions: no such word")

# What is shown: no advice for microseconds, lists of the length asked for, columns named.
report = text(demo)
every = [line for line in report.splitlines() if re.match(r"  \d+\. .* an hour: ", line)]
costs = [b["seconds_per_hour"] for b in parsed(good("report", demo, "--format", "json"))["bottlenecks"]]
check(len(every) == 5 and min(costs) < 1, "there are bottlenecks below and above a second an hour, five are shown", every, costs[-3:])
long = text(demo, "--top", "50")
worth = [line for line in long.splitlines() if re.match(r"  \d+\. .* an hour: ", line)]
check(len(worth) == sum(c >= 1 for c in costs) and ("%d of less than a second an hour" % sum(c < 1 for c in costs)) in long, "--top 50: all bottlenecks of a second an hour and more", len(worth), costs)
check("more endpoints (" not in section(long, "WHAT TO DO FIRST") and len(section(long, "WHAT TO DO FIRST").splitlines()) > len(section(report, "WHAT TO DO FIRST").splitlines()) + 5,
      "--top 50: all that is undecided, too", section(long, "WHAT TO DO FIRST"))
check(len(re.findall(r"^     Do: ", text(demo, "--top", "2"), re.M)) == 2, "--top 2: two findings")
check("p50 to max: of whole" in section(report, "WHERE TIME GOES"), "which column is a whole duration is said", section(report, "WHERE TIME GOES"))

# Where little could be decoded it is said first, beside what goes to stdout.
for name, says in (("tls", "3 flows, 100 % TLS without keys: tap behind the terminator or give --keys."), ("oneway", "2 of 2 flows show one direction only: mirror both directions of the port.")):
    path = PCAP / (name + ".pcap")
    for words in (("whatif", path, "--ttl", "all=60"), ("policy", path, "--for", "nginx"), ("log", "-q", "-r", path), ("log", kept(name)), ("capture", "-q", "-r", path, "-d", here / "again.db", "--fresh"),
                  ("verify", path, path)):
        code, out, err = run(*words, "--secret", SECRET) if words[0] == "capture" else run(*words)
        check(says in err and says not in out, "%s of %s: says why there is little" % (words[0], name), err, out[:300])
        check(err.count(says) == (2 if words[0] == "verify" else 1), "%s of %s: once" % (words[0], name), err)
for words in (("log", "-q", "-r", PCAP / "heads.pcap"), ("log", "-q", "-r", PCAP / "redis.pcap"), ("policy", demo, "--for", "headers"), ("whatif", kept("redis"), "--ttl", "all=60")):
    check("flows" not in run(*words)[2], "%s of %s: nothing to say" % (words[0], words[-1]))
check(run("log", kept("empty"))[2].count("The capture holds no packets.") == 1 and "--exchanges" not in run("log", kept("empty"))[2], "log of an empty audit: why it is empty")

# All that a policy leaves out is listed.
odd = Capture()
for n in range(30):
    odd.talk((">", request("GET", "/list", host="odd$%d.example" % n)), ("<", answer(200, b"x" * 300)))
code, out, err = run("policy", kept("odd", source=odd.write(here / "odd.pcap")), "--for", "nginx", "--force")
left = [line for line in err.splitlines() if "left out: " in line]
check(code == 0 and len(left) > 20 and not any("more" in line.split("left out: ")[1] for line in left), "policy: every rule left out is listed", len(left), *left[-3:])
check("95 % bound may be twice that" in good("policy", "--help"), "policy --help: what the stale budget bounds")

# What is no audit is not served.
newer, foreign, damaged, torn = (here / (n + ".db") for n in ("newer", "foreign", "damaged", "torn"))
whole = demo.read_bytes()
newer.write_bytes(whole)
for path, statement in ((newer, "PRAGMA user_version = 99"), (foreign, "CREATE TABLE t (a)")):
    db = sqlite3.connect(path)
    db.execute(statement)
    db.commit()
    db.close()
damaged.write_bytes(whole[:4096] + b"U" * 60000 + whole[64096:])
torn.write_bytes(whole[:20000])
for path, says in ((newer, "newer spanwise"), (foreign, "no spanwise DB"), (damaged, "damaged"), (torn, "malformed")):
    for command in ("report", "serve"):
        options = ("--listen", "127.0.0.1:18931") if command == "serve" else ()
        code, out, err = run(command, path, *options, limit=8)
        check(code == 1 and says in err and "serving" not in err and not out, "%s: a DB that is %s is refused" % (command, path.stem), code, err)
finish()
