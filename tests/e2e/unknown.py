#!/usr/bin/env python3
# kinds: opt
"""What no record says is null, never 0: sizes, times and contents that are missing in all of them, in some, in none; what is
known stays a number, in windows, in sums of audits and after a restart. Lists of what was not there are empty."""
import json
import random

from lib import EPOCH, PCAP, SECRET, check, finish, folder, good

here = folder()
SIZES, TIMES = {"request_bytes": 0, "response_bytes": 700}, {"request_s": 0, "ttfb_s": .02, "duration_s": .03, "rtt_server_s": .001}


def records(more, n=2500, name="a", start=0):
    rng = random.Random(n)
    return [{"ts": EPOCH + start + i * 3, "client": "10.%d.%d.1:9" % (rng.randrange(5), rng.randrange(20)), "method": "GET", "authority": "h.test",
             "target": "/%s/%d" % (name, rng.randrange(3)), "status": 200, **(more(i) if callable(more) else more)} for i in range(n)]


def audit(name, lines, *how):
    (here / (name + ".jsonl")).write_text("".join(json.dumps(r) + "\n" for r in sorted(lines, key=lambda r: r["ts"])))
    good("capture", "-q", "--records", here / (name + ".jsonl"), "-d", here / (name + ".db"), "--secret", SECRET, *(how or ("--fresh",)))
    return report(name)


def report(*names):
    *dbs, options = names if isinstance(names[-1], tuple) else (*names, ())
    return json.loads(good("report", *[here / (n + ".db") for n in dbs], "--format", "json", *options))


def sizes(r):
    """Everything that is a sum of sizes, or of server times, with a name."""
    e = r["endpoints"][0]
    rung = e["ttl"][4]
    return {"totals.request_bytes": r["totals"]["request_bytes"], "totals.response_bytes": r["totals"]["response_bytes"], "endpoint.request_bytes": e["request_bytes"],
            "endpoint.response_bytes": e["response_bytes"], "ttl.bytes_saved": rung["bytes_saved"], "client.bytes": r["clients"][0]["bytes"] if r["clients"] else None}


def times(r):
    e = r["endpoints"][0]
    load = r["capacity"][0] if r["capacity"] else {}
    return {"server_seconds_saved": e["ttl"][4]["server_seconds_saved"], "concurrency.mean": e["concurrency"]["mean"],
            "concurrency.peak": e["concurrency"]["peak"], **{k: load.get(k) for k in ("concurrency_mean", "concurrency_peak", "throughput_mean", "throughput_peak")}}


none = audit("none", records({}))
check(set(sizes(none).values()) == {None}, "no record has sizes: no sum of them is a number", sizes(none))
check(set(times(none).values()) == {None}, "no record has times: nothing that follows from them is a number", times(none))
e = none["endpoints"][0]
check(e["repeat_ratio_content"] is None and e["ttl"][4]["hits"] > 0 and e["ttl"][4]["hit_ratio_high"] == e["ttl"][4]["hit_ratio"],
      "no content is known: how often it repeats is not; hits are", e["repeat_ratio_content"])
text = good("report", here / "none.db")
line = next(x for x in text.split("WHAT COULD BE CACHED")[1].splitlines() if "/a/{int}" in x)
check(line.split()[-2:] == ["-", "-"], "the text has a dash for each", line)

full = audit("full", records({**SIZES, **TIMES, "body_id": "00000000000000aa"}))
check(None not in [*sizes(full).values(), *times(full).values()] and full["endpoints"][0]["request_bytes"] == 0, "all records have them: numbers, 0 where it is 0",
      sizes(full), times(full))
check(full["endpoints"][0]["repeat_ratio_content"] > .9, "contents are known: how often they repeat, too")
empty = audit("zero", records({"request_bytes": 0, "response_bytes": 0}))
check(set(sizes(empty).values()) == {0}, "bodies that are known to be empty are 0", sizes(empty))
some = audit("some", records(lambda i: SIZES if i % 5 == 0 else {}))
check(some["totals"]["response_bytes"] == 700 * 500 and some["totals"]["request_bytes"] is None, "some records have them: the sum of those",
      sizes(some))
bodiless = audit("bodiless", [{**r, "status": 204} for r in records({"request_bytes": 0})])
check(bodiless["totals"]["response_bytes"] == 0, "a 204 has no body, said or not", sizes(bodiless))

# Windows, a continued audit, a sum of two.
start = EPOCH // 3600 * 3600 + 3600
window = report("none", ("--from", str(start), "--to", str(start + 3600)))
check(window["endpoints"][0]["requests"] > 500 and window["totals"]["response_bytes"] is None and window["endpoints"][0]["response_bytes"] is None,
      "a window says the same", sizes(window))
half = records({})
audit("on", half[:1000])
check(sizes(audit("on", half[1000:], "--append")) == sizes(none), "so does an audit that went on", sizes(report("on")))
audit("other", records({}, name="b", start=9000))
joined = report("none", "other")
check(joined["totals"]["response_bytes"] is None and joined["totals"]["exchanges"] == 5000, "so does the sum of two", joined["totals"])
joined = report("none", "full")
check(joined["totals"]["response_bytes"] == full["totals"]["response_bytes"], "where one knows, the sum is what that knows", joined["totals"])

# Packets know how large bodies are, a file not what was dropped before.
good("capture", "-q", "-r", PCAP / "keepalive.pcap", "-d", here / "p.db", "--fresh", "--secret", SECRET)
p = report("p")
check(p["totals"]["request_bytes"] is not None and p["capture"]["packets"] > 0, "packets: sizes are numbers", p["totals"])
check("dropped by" not in good("report", here / "p.db"), "what was dropped before a file was written is not known, and nothing is claimed of it")
good("capture", "-q", "-r", PCAP / "empty.pcap", "-d", here / "empty.db", "--fresh", "--secret", SECRET)
e = report("empty")
check(e["totals"]["exchanges"] == 0 and [e[k] for k in ("capacity", "capacity_services", "backends")] == [[], [], []],
      "nothing was asked for: lists are empty", {k: e[k] for k in ("capacity", "backends")})
good("capture", "-q", "-r", PCAP / "keepalive.pcap", "-d", here / "kept.db", "--fresh", "--secret", SECRET, "--exchanges", "none")
e = report("kept")
check(e["capacity"] is None and e["backends"] is None, "no record was kept: they are not known", e["capacity"])
finish()
