#!/usr/bin/env python3
# kinds: opt
"""Hours of an audit (ALGORITHMS.md 12: X-1, X-2, X-4). The windows of any division add up to the whole; an audit that was
ended and went on, or was killed and went on, has the hours of one that was not; --retain folds hours into days and drops
those; and what users type is understood or refused in one line."""
import collections
import datetime
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time

from lib import BINARY, EPOCH, PCAP, PROOF, ROOT, SECRET, check, finish, folder, good, parsed, run

sys.path.insert(0, str(ROOT / "tests/oracle"))
import ladder  # noqa: E402

here = folder()
HOUR, DAY = 3600, 86400
NOT_ADDED = {"id", "ttl_s", "started", "ended", "keys", "clients", "services", "endpoints"}


def trace(seed, hours):
    """Records of ladder.py with their times spread over so many hours."""
    out, r = [], random.Random(seed)
    made = [x for s in range(3) for x in ladder.make(1000 * seed + s)]
    first = EPOCH // HOUR * HOUR
    for i, (_, x) in enumerate(made):
        ts = first + (i + r.random()) * hours * HOUR / len(made)
        out.append(json.dumps(dict(x, ts=round(ts - x["request_s"], 6))) + "\n")
    return out


def capture(db, lines, *options):
    return good("capture", "-q", "--records", "-", "-d", db, "--secret", SECRET, *options, stdin="".join(lines))


def report(db, *span):
    return parsed(good("report", db, "--format", "json", *span))


def numbers(value, path, out):
    """Every whole number of a report that can be added, by where it stands."""
    if isinstance(value, dict):
        for k, v in value.items():
            if k not in NOT_ADDED:
                numbers(v, path + (k,), out)
    elif isinstance(value, bool) or value is None:
        pass
    elif isinstance(value, int):
        out[path] += value


def added(got):
    """Additive figures of a report: totals, endpoints, their ladders, clients."""
    out = collections.Counter()
    totals = dict(got["totals"])
    eligible, first = totals["eligible"], totals.get("keys_first_seen", totals.get("keys"))
    totals.update(repeats=eligible - first)
    numbers(totals, ("totals",), out)
    out[("totals", "keys_first_seen")] = first
    for e in got["endpoints"]:
        name = ("endpoint", "%s %s%s" % (e["method"], e["service"], e["route"]))
        for k in ("requests", "eligible", "request_bytes", "response_bytes", "errors", "declared", "conditional", "cache_in_path"):
            numbers(e[k], name + (k,), out)
        out[name + ("keys",)] = e.get("keys_first_seen", e["keys"])
        out[name + ("same",)] = round((e["repeat_ratio_content"] or 0) * e["eligible"])
        out[name + ("server_us",)] = round((e["server_time"]["total"] or 0) * 1e6)
        numbers({k: e["staleness"][k] for k in ("observed_gaps", "changes", "multi_valued")}, name + ("staleness",), out)
        for rung in e["ttl"]:
            numbers({k: v for k, v in rung.items() if not k.startswith("live_")}, name + (rung["ttl_s"],), out)
            out[name + (rung["ttl_s"], "server_us")] = round((rung["server_seconds_saved"] or 0) * 1e6)
    for c in got["clients"]:
        numbers({k: c[k] for k in ("requests", "bytes", "errors", "throttled")}, ("client", c["client"]), out)
    for k in [k for k in out if k[-1] in ("hit_ratio", "stale_ratio", "hit_ratio_warm", "hit_ratio_low", "hit_ratio_high", "repeat_ratio",
                                          "share", "ttl_median", "cond_ratio", "revalidation_success", "strong_etag", "weak_etag", "last_modified")]:
        del out[k]
    return +out


def differ(a, b):
    return ["%s: %s, %s" % (k, a[k], b[k]) for k in sorted(set(a) | set(b), key=str) if a[k] != b[k]][:8]


def spans(db, r, pieces):
    """The audit's hours, cut into so many pieces at random hours."""
    whole = report(db, "--from", "1970-01-01")["capture"]["window"]
    hours = range(int(whole["from"]), int(whole["to"]), HOUR)
    cuts = sorted(r.sample(hours[1:], min(pieces - 1, len(hours) - 1)))
    return list(zip([hours[0]] + cuts, cuts + [hours[-1] + HOUR]))


def whole_of(db, pieces):
    total = collections.Counter()
    for start, end in pieces:
        total.update(added(report(db, "--from", start, "--to", end)))
    return total


# ---- the sum of windows is the run ----
for seed in range(20 if PROOF else 1):
    lines, r, db = trace(seed, 30), random.Random(seed), here / ("x2-%d.db" % seed)
    capture(db, lines)
    want = added(report(db))
    got = whole_of(db, spans(db, r, 4))
    check(want == got and len(want) > 500, "X-2: %d figures of 4 windows add up to the run, seed %d" % (len(want), seed), *differ(want, got))
    with sqlite3.connect(db) as c:
        sums = dict(c.execute("SELECT span_s > 0, sum(requests) FROM window_endpoint GROUP BY 1"))
    check(sums[0] == sums[1], "rows of closed hours add up to what is kept of the boundary", sums)

# ---- nothing depends on when it was written, nor on how it came ----
lines = trace(7, 30)
capture(here / "one.db", lines)
slow = subprocess.Popen([BINARY, "capture", "-q", "--records", "-", "-d", str(here / "slow.db"), "--secret", SECRET], stdin=subprocess.PIPE, cwd=here)
for at in range(0, len(lines), len(lines) // 4 + 1):
    slow.stdin.write("".join(lines[at:at + len(lines) // 4 + 1]).encode())
    slow.stdin.flush()
    time.sleep(0.35)
slow.stdin.close()
slow.wait()


def tables(db):
    with sqlite3.connect(db) as c:
        return {t: c.execute("SELECT * FROM %s ORDER BY 1, 2, 3, 4" % t).fetchall() for t in ("window_endpoint", "window_client", "window_total")}


def figures(db):
    """What a restart must not change. Comparisons of parts of requests begin anew, so the counts in key_advice may differ."""
    got = report(db)
    for e in got["endpoints"]:
        del e["key_advice"]
    return {k: got[k] for k in ("totals", "endpoints", "clients", "recommendations")}


check(tables(here / "one.db") == tables(here / "slow.db") and figures(here / "one.db") == figures(here / "slow.db"),
      "X-1: the same records, written in other commits: the same rows of windows, the same report")

# ---- an audit that goes on has the hours of one that did not end ----
cut = len(lines) * 2 // 5
capture(here / "two.db", lines[:cut])
capture(here / "two.db", lines[cut:], "--append")
check(tables(here / "two.db") == tables(here / "one.db") and figures(here / "two.db") == figures(here / "one.db"), "an audit in two runs has the same hours",
      *[t for t in tables(here / "one.db") if tables(here / "one.db")[t] != tables(here / "two.db")[t]])
capture(here / "few.db", lines[:cut], "--exchanges", 100)
capture(here / "few.db", lines[cut:], "--append", "--exchanges", 100)
want, got = added(report(here / "few.db")), whole_of(here / "few.db", spans(here / "few.db", random.Random(1), 5))
check(want == got, "X-2: also where the exchanges to rebuild all slots were gone", *differ(want, got))

# ---- kill -9, and on from where the DB ends ----
for n in range(10 if PROOF else 1):
    r, db = random.Random(), here / ("k%d.db" % n)
    p = subprocess.Popen([BINARY, "capture", "-q", "--records", "-", "-d", str(db), "--secret", SECRET], stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here)
    until, at = time.monotonic() + r.uniform(1.2, 2.2), 0
    while time.monotonic() < until and at < len(lines):
        p.stdin.write("".join(lines[at:at + 20]).encode())
        p.stdin.flush()
        at += 20
        time.sleep(2.8 * 20 / len(lines))
    p.send_signal(signal.SIGKILL)
    p.wait()
    try:
        p.stdin.close()
    except BrokenPipeError:
        pass
    with sqlite3.connect(db) as c:
        state = c.execute("PRAGMA integrity_check").fetchone()[0]
        killed = {k[0]: k[1] for k in c.execute("SELECT start_s, sum(requests) FROM window_endpoint WHERE span_s > 0 GROUP BY 1")}
    kept = report(db)["totals"]["exchanges"]
    want, got = added(report(db)), whole_of(db, spans(db, r, 4))
    check(state == "ok" and want == got and 0 < kept < len(lines), "X-2 after kill -9 with %d of %d kept, %d hours closed" % (kept, len(lines), len(killed)), *differ(want, got))
    with sqlite3.connect(here / "one.db") as c:
        whole = {k[0]: k[1] for k in c.execute("SELECT start_s, sum(requests) FROM window_endpoint WHERE span_s > 0 GROUP BY 1")}
    check(all(whole[h] == n for h, n in killed.items()), "X-4: the hours closed before it are those of the uninterrupted run")
    capture(db, lines[kept:], "--append")
    a, b, x, y = tables(here / "one.db"), tables(db), figures(here / "one.db"), figures(db)
    check(a == b and x == y, "X-4: with what was lost fed again nothing differs", *[t for t in a if a[t] != b[t]],
          *["%s %s: %s, %s" % (k, m, v, w[m]) for k in ("totals",) for v_, w in ((x[k], y[k]),) for m, v in v_.items() if v != w[m]],
          *["%s %s: %s, %s" % (e["route"], m, str(v)[:90], str(o[m])[:90]) for e, o in zip(x["endpoints"], y["endpoints"]) for m, v in e.items() if v != o[m]])

# ---- endpoints that are united later: what they had in earlier hours is the one's they became ----
r, first = random.Random(4), EPOCH // HOUR * HOUR
words = ["".join(r.choice("bcdfghjklmnpqrtvw") for _ in range(6)) for _ in range(90)]
posts, per_hour = [], collections.Counter()
for i in range(600):
    ts = first + i * 6 * HOUR / 600
    posts.append(json.dumps({"ts": round(ts, 6), "client": "10.0.0.%d:4000" % (i % 5 + 1), "method": "GET", "authority": "api.example",
                             "target": "/blog/" + words[r.randrange(15 * (i // 100 + 1))], "status": 200, "response_bytes": i}) + "\n")
    per_hour[i // 100] += i
capture(here / "blog.db", posts, "--strict-templates")
by_hour = [report(here / "blog.db", "--from", first + h * HOUR, "--to", first + (h + 1) * HOUR)["endpoints"] for h in range(6)]
check([[(e["route"], e["requests"], e["response_bytes"]) for e in hour] for hour in by_hour] == [[("/blog/{var}", 100, per_hour[h])] for h in range(6)],
      "hours from before endpoints were united are those of the one", by_hour[0][:2])
check(sum(e["keys_first_seen"] for hour in by_hour for e in hour) == report(here / "blog.db")["totals"]["keys"], "and their keys add up")

# ---- retention ----
lines = trace(3, 24 * 4)
capture(here / "all.db", lines, "--retain", "forever")
capture(here / "kept.db", lines, "--retain", "36h")
with sqlite3.connect(here / "kept.db") as c:
    rows = c.execute("SELECT span_s, min(start_s), max(start_s), count(DISTINCT start_s) FROM window_total WHERE span_s > 0 GROUP BY 1 ORDER BY 1").fetchall()
    minutes = c.execute("SELECT min(minute) * 60 FROM minute").fetchone()[0]
    last = c.execute("SELECT window_us / 1000000 FROM capture").fetchone()[0]
edge = (last - 36 * HOUR) // DAY * DAY
check(rows[0][:2] == (HOUR, edge) and rows[1][0] == DAY and rows[1][2] == edge - DAY, "--retain 36h: hours before the last whole day are days", rows, edge)
check(edge <= minutes < edge + HOUR, "minutes go with them", minutes, edge)
want = added(report(here / "all.db"))
check(added(report(here / "kept.db")) == want and report(here / "kept.db")["endpoints"] == report(here / "all.db")["endpoints"], "the whole audit stays whole")
got = whole_of(here / "kept.db", [(0, edge), (edge, last + HOUR)])
check(got == want, "days and hours add up to it", *differ(want, got))
middle = report(here / "kept.db", "--from", edge - DAY + 5000, "--to", edge - DAY + 9000)["capture"]["window"]
check((middle["from"], middle["to"]) == (edge - DAY, edge), "where hours are gone a window is whole days", middle)
check(added(report(here / "kept.db", "--from", edge - DAY, "--to", edge)) == added(report(here / "all.db", "--from", edge - DAY, "--to", edge)), "a day is its hours")
capture(here / "short.db", lines, "--retain", "2h")
with sqlite3.connect(here / "short.db") as c:
    kept = c.execute("SELECT min(start_s) FROM window_endpoint WHERE span_s > 0").fetchone()[0]
check(kept == (last - 20 * HOUR) // DAY * DAY, "days go after ten times as long", kept, last)
check(added(report(here / "short.db")) == want and report(here / "short.db", "--from", 0)["capture"]["window"]["from"] == kept, "and then a report from earlier begins with what is kept")

# ---- what users type ----
db = here / "one.db"
whole = report(db)
end = whole["capture"]["ended"]
hour = int(end) // HOUR * HOUR


def utc(s):
    return datetime.datetime.fromtimestamp(s, datetime.timezone.utc)


same = {json.dumps(report(db, "--from", t)["capture"]["window"]) for t in
        ("-1h", str(int(end) - HOUR), utc(end - HOUR).strftime("%Y-%m-%dT%H:%M:%SZ"), utc(end - HOUR + 7200).strftime("%Y-%m-%dT%H:%M:%S.5+02:00"), "-60m", "--from=-3600"[7:])}
check(len(same) == 1, "RFC 3339, Unix seconds and -1h name the same time", *same)
w = report(db, "--from", "-1h")
check(w["capture"]["window"]["from"] == hour - HOUR and w["capture"]["window"]["to"] == hour + HOUR, "hours are rounded outward", w["capture"]["window"])
check("window" not in whole["capture"] and w["recommendations"] is None and w["totals"]["keys"] is None and w["endpoints"][0]["clients"] is None
      and w["capture"]["packets"] is None and w["clients"][0]["peak"] is None and w["endpoints"][0]["latency"]["max"] is None, "what a window does not know is null")
check("recommendations" in w["capture"]["window"]["unknown"], "and why stands beside it")
for form, says in (("text", "whole hours"), ("markdown", "whole hours"), ("html", "whole hours"), ("csv", "window.from")):
    out = good("report", db, "--format", form, "--from", "-1h")
    check(says in out, "--format %s says that it is a window" % form, out[:300])
for words, code_wanted, says in ((("--from", "2031-01-01"), 1, "the hours and days of this audit go from"), (("--to", "1999-01-01"), 1, "nothing is kept of that time"),
                                 (("--from", "-1h", "--to", "-2h"), 2, "from must be before to"), (("--from", "yesterday"), 2, "'yesterday' is no time"),
                                 (("--from", "2023-02-30"), 2, "is no time"), (("--to", "2023-13-01T00:00:00Z"), 2, "is no time")):
    code, out, err = run("report", db, *words)
    check(code == code_wanted and says in err and err.count("\n") == 1 and not out, " ".join(words) + ": one line, exit %d" % code_wanted, code, err)
for value in ("0", "30m", "soon"):
    code, out, err = run("capture", "--records", "-", "-d", here / "no.db", "--retain", value)
    check(code == 2 and "--retain" in err and err.count("\n") == 1, "--retain %s is refused" % value, err)
config = here / "config"
config.write_text("from = -1h\nformat = json\n")
check(parsed(good("report", db, "--config", config))["capture"]["window"] == w["capture"]["window"], "--config knows them, too")
with sqlite3.connect(db) as c:
    view = c.execute("SELECT sum(requests) FROM hourly").fetchone()[0]
    before = c.execute("SELECT sum(requests) FROM window_endpoint WHERE span_s = 0").fetchone()[0]
check(view == before, "the view hourly holds the closed hours", view, before)

# How versions live is of the whole audit: of a window nobody can tell whether changes come at random.
good("capture", "-q", "-r", PCAP / "demo.pcap.zst", "-d", here / "demo.db", "--secret", SECRET)
said = [[line.rsplit("  ", 1)[1] for line in good("report", here / "demo.db", *window).splitlines() if line.startswith("  GET") and "/search " in line and
         line.endswith(("at random", "not told"))] for window in ((), ("--from", "2026-11-25"))]
check(said == [["at random"], ["not told"]], "how changes come is not told of a window", said)
finish()
