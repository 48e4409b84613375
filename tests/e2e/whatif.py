#!/usr/bin/env python3
# kinds: opt
"""whatif as users meet it: the report's ladder is found again by replaying, any lifetime and the edges of products
against a brute force, every limit against tests/oracle/limiter.py client by client, and what it says when records are
missing."""
import json
import random
import sqlite3
import sys

from lib import EPOCH, PCAP, ROOT, SECRET, check, finish, folder, good, parsed, run

sys.path.insert(0, str(ROOT / "tests" / "oracle"))
import ladder  # noqa: E402
import limiter  # noqa: E402

here = folder()
FIGURES = ("lookups", "hits", "stale_hits", "unknown_hits", "errors_masked", "coalesced", "bytes_saved", "hit_ratio", "stale_ratio",
           "server_seconds_saved")


def store(name, records, *options):
    path = here / (name + ".jsonl")
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    good("capture", "-q", "--records", path, "-d", here / (name + ".db"), "--secret", SECRET, *options)
    return here / (name + ".db")


def whatif(db, *options):
    return parsed(good("whatif", db, *options, "--format", "json"))


def name_of(e):
    apart = e["operation"] and e["route"] != "/" + e["operation"]
    return "%s %s%s%s" % (e["method"], e["service"], e["route"], "#" + e["operation"] if apart else "")


# 1. The ladder of the report, every endpoint and every TTL, by replaying.
def same_ladder(db, what):
    endpoints = parsed(good("report", db, "--format", "json"))["endpoints"]
    wrong, seen = [], 0
    for at, ttl in enumerate(r["ttl_s"] for r in endpoints[0]["ttl"]):
        words = [w for e in endpoints for w in ("--ttl", "%s=%d" % (e["id"] if ttl % 20 else name_of(e), ttl))]
        got = whatif(db, *words)["ttl"]
        rows = {e["id"]: e for e in got["by_endpoint"]}
        for e in endpoints:
            for figure in FIGURES:
                seen += 1
                if rows[e["id"]][figure] != e["ttl"][at][figure]:
                    wrong.append((name_of(e), ttl, figure, e["ttl"][at][figure], rows[e["id"]][figure]))
        for figure in ("lookups", "hits", "stale_hits"):
            if got[figure] != sum(e["ttl"][at][figure] for e in endpoints):
                wrong.append(("sum", ttl, figure, got[figure]))
    check(seen and not wrong, "%s: %d figures of ttl[] are found again" % (what, seen), *wrong[:8])


good("capture", "-q", "-r", PCAP / "demo.pcap.zst", "-d", here / "demo.db", "--secret", SECRET)
same_ladder(here / "demo.db", "demo")
for seed in (3, 7):
    same_ladder(store("t%d" % seed, (r for _, r in ladder.make(seed))), "random trace %d" % seed)

# 2. Edges of products (T-3). The toy of ALGORITHMS.md 3.1, then a brute force with time to first byte.
toy = store("toy", [{"ts": EPOCH + t, "client": "10.0.0.1:4", "method": "GET", "authority": "a.example", "target": "/x", "status": 200}
                    for t in (0.9, 1.5, 1.95, 2.1, 3.0, 3.9, 4.0)])
for profile, hits in (("exact", 3), ("varnish", 3), ("nginx", 4)):
    got = whatif(toy, "--ttl", "GET http://a.example/x=1", "--profile", profile)["ttl"]
    check((got["lookups"], got["hits"]) == (7, hits), "toy of the edges, %s: %d of 7 hits" % (profile, hits), got)


def brute(trace, profile, ttl):
    slot, hits = {}, 0
    for us, ttfb, key in trace:
        f = slot.get(key)
        if profile == "nginx":
            fresh = f is not None and us // 10**6 <= f // 10**6 + ttl
        elif profile == "haproxy":
            fresh = f is not None and us // 10**6 < f // 10**6 + ttl
        elif profile == "varnish":
            fresh = f is not None and us - f < ttl * 10**6
        else:
            fresh = f is not None and us // 1000 - f // 1000 < ttl * 1000
        if fresh:
            hits += 1
        else:
            slot[key] = us + (ttfb if profile != "exact" else 0)
    return hits


rng, us, trace = random.Random(11), EPOCH * 10**6, []
for _ in range(3000):
    us += int(rng.expovariate(1 / 150_000))
    trace.append((us, rng.randrange(400_000), rng.randrange(12)))
edges = store("edges", [{"ts": u / 10**6, "client": "10.0.0.1:4", "method": "GET", "authority": "a.example:81", "target": "/k/%d" % k,
                         "status": 200, "ttfb_s": b / 10**6, "duration_s": b / 10**6} for u, b, k in trace])
for profile in ("exact", "nginx", "varnish", "haproxy"):
    for ttl in (1, 2, 7, 45) + ((0.35, 1.5) if profile in ("exact", "varnish") else ()):
        got = whatif(edges, "--ttl", "GET a.example:81/k/{int}=%s" % ttl, "--profile", profile)["ttl"]
        want = brute(trace, profile, ttl)
        check((got["lookups"], got["hits"]) == (3000, want), "%s %s s: %d of 3000 hits" % (profile, ttl, want), got["hits"])

# 2b. Other keys: brute force over the parameters, content by page and language.
rng, us, calls = random.Random(13), EPOCH * 10**6, []
for _ in range(2500):
    us += int(rng.expovariate(1 / 200_000))
    calls.append((us, rng.randrange(5), rng.choice(("de", "en")), rng.randrange(4), rng.randrange(6)))
keyed = store("keyed", [{"ts": u / 10**6, "client": "10.0.1.%d:4" % (1 + who), "method": "GET", "authority": "k.example",
                         "target": "/p/%d?lang=%s&utm=%d" % (page, lang, utm), "status": 200, "body_id": "%016x" % (1 + 2 * page + (lang == "en"))}
                        for u, page, lang, utm, who in calls])


def keyed_brute(parts, ttl):
    slot, hits, stale, wrong = {}, 0, 0, 0
    for u, page, lang, utm, who in calls:
        key, ms = parts(page, lang, utm, who), u // 1000
        if key in slot and ms - slot[key][0] < ttl * 1000:
            hits += 1
            differs = slot[key][1] != (page, lang)
            stale += differs
            wrong += differs and ms - slot[key][0] < 1000
        else:
            slot[key] = ms, (page, lang)
    return {"hits": hits, "stale_hits": stale, "wrong_hits": wrong}


for spec, parts in (("path", lambda p, g, m, w: p), ("without:utm", lambda p, g, m, w: (p, g)), ("only:lang", lambda p, g, m, w: (p, g)),
                    ("without:utm,lang", lambda p, g, m, w: p), ("only:utm", lambda p, g, m, w: (p, m)), ("client", lambda p, g, m, w: (p, g, m, w)),
                    ("path+client", lambda p, g, m, w: (p, w)), (None, lambda p, g, m, w: (p, g, m))):
    for ttl in (3, 30):
        got = whatif(keyed, "--ttl", "all=%d" % ttl, *(("--key", spec) if spec else ()))["ttl"]
        want = keyed_brute(parts, ttl)
        check(all(got[k] == v for k, v in want.items()) and got["lookups"] == 2500 and got["key"] == spec,
              "key %s, %d s: %d of 2500 hits, %d of another answer" % (spec, ttl, want["hits"], want["stale_hits"]), got, want)
e = parsed(good("report", here / "demo.db", "--format", "json"))["endpoints"]
reads = [x for x in e if x["method"] == "GET"]
got = whatif(here / "demo.db", "--ttl", "all=60", "--ttl", "%d=5" % reads[0]["id"])["ttl"]["by_endpoint"]
check(sorted((x["id"], x["ttl_s"]) for x in got) == sorted((x["id"], 5 if x is reads[0] else 60) for x in reads), "all: those that are not named", got[:3])

# 3. Limits: every model, per client and per the rest.
rng, us, calls = random.Random(5), EPOCH * 10**6, []
for _ in range(1200):
    us += int(rng.expovariate(1 / 300_000))
    who = min(rng.randrange(9), rng.randrange(9))
    for _ in range(rng.randint(1, 8)):
        us += rng.choice((0, 0, 700, rng.randrange(9000)))
        calls.append((us, who, rng.randrange(3), rng.randrange(2)))
db = store("limits", [{"ts": u / 10**6, "client": "10.0.0.%d:4000" % (1 + c), "method": "GET", "authority": "s%d.example" % s,
                       "target": ("/a/%d", "/b/%d")[e] % (u % 7), "status": 200} for u, c, s, e in calls])
PER = {"client": lambda c, s, e: c, "address": lambda c, s, e: "10.0.0.%d" % (1 + c), "service": lambda c, s, e: "http://s%d.example" % s,
       "endpoint": lambda c, s, e: "GET http://s%d.example/%s/{int}" % (s, "ab"[e])}


def limited(spec, per):
    rows = {}
    for u, c, s, e in calls:
        key = PER[per](c, s, e)
        row = rows.setdefault(key, {"requests": 0, "rejected": 0, "first_rejected": None, "model": limiter.reference(spec, [])})
        row.setdefault("times", []).append(u)
    for row in rows.values():
        said = limiter.reference(spec, row["times"])
        row["requests"], row["rejected"] = len(said), said.count("R")
        row["first_rejected"] = row["times"][said.index("R")] / 10**6 if "R" in said else None
    return rows


for spec in limiter.SPECS:
    for per in ("client",) if spec != "nginx:5r/s:3" else PER:
        got, want = whatif(db, "--limit", spec, "--per", per)["limit"], limited(spec, per)
        tell = ("requests", "rejected", "first_rejected")
        a = sorted(([r[k] for k in tell] for r in got["by_client"]), key=str)
        b = sorted(([r[k] for k in tell] for r in want.values()), key=str)
        check(a == b and got["requests"] == len(calls) and got["rejected"] == sum(r["rejected"] for r in want.values()) and
              got["clients_hit"] == sum(r["rejected"] > 0 for r in want.values()), "%s per %s: %d of %d" % (spec, per, got["rejected"], len(calls)),
              a[:5], b[:5])
        if per != "client":
            check({r["client"] for r in got["by_client"]} == set(want), "named by " + per, [r["client"] for r in got["by_client"]])
order = [(-r["rejected"], -r["requests"], r["client"]) for r in whatif(db, "--limit", "haproxy:5:1")["limit"]["by_client"]]
check(order == sorted(order), "most rejected first", order[:4])

# 4. Usage, and what it says.
for words, tell in ((["--ttl", "1"], "ENDPOINT=SECONDS"), (["--ttl", "1=0"], "ENDPOINT=SECONDS"), (["--ttl", "1=x"], "ENDPOINT=SECONDS"),
                    (["--ttl", "=5"], "ENDPOINT=SECONDS"), ([], "--limit"), (["--limit", "leaky:3:1"], "leaky"), (["--limit", "nginx:1"], "burst"),
                    (["--limit", "nginx:1:1", "--limit", "nginx:1:1"], "one at a time"), (["--ttl", "4711=5"], "4711"),
                    (["--ttl", "GET http://none.example/=5"], "none.example"), (["--ttl", "1=5", "--ttl", "1=6"], "twice"),
                    (["--ttl", "1=1.5", "--profile", "nginx"], "whole seconds"), (["--ttl", "1=1", "--profile", "squid"], "squid"),
                    (["--limit", "nginx:1:1", "--per", "moon"], "moon"), (["--ttl", "1=5", "--key", "lang"], "lang"), (["--ttl", "1=5", "--key", "only:"], "names"),
                    (["--ttl", "1=5", "--key", "path+only:a"], "path+only:a"), (["--limit", "nginx:1:1", "--key", "path"], "--ttl"),
                    (["--ttl", "all=5", "--ttl", "all=6"], "twice"), (["--ttl", "1=1", "--format", "xml"], "xml")):
    code, out, err = run("whatif", here / "demo.db", *words)
    check(code == 2 and not out and tell in err and err.count("\n") == 1, "whatif %s: exit 2, one line" % " ".join(words), code, out, err)
code, out, err = run("whatif", here / "none.db", "--limit", "nginx:1:1")
check(code == 3 and not out and err.count("\n") == 1, "whatif of nothing: exit 3", code, err)
code, out, err = run("whatif", PCAP / "demo.pcap.zst", "--limit", "nginx:3:10", "--ttl", "1=60")
check(code == 0 and "WITH A CACHE" in out and "are rejected" in out and len(out.splitlines()) < 24 and max(map(len, out.splitlines())) <= 130,
      "a capture is audited first; text fits a screen", code, out, err)
code, out, err = run("whatif", here / "demo.db", "--limit", "nginx:1000:1000")
check(code == 0 and "nobody is rejected" in out, "nobody is rejected", code, out, err)

few = store("few", [{"ts": u / 10**6, "client": "10.0.0.1:4000", "method": "GET", "authority": "a.example", "target": "/x", "status": 200}
                    for u, *_ in calls * 1], "--exchanges", "1")
kept = sqlite3.connect(few).execute("SELECT ifnull(sum(n), 0) FROM exchange_block").fetchone()[0]
got = whatif(few, "--limit", "nginx:5:5")["replay"]
check(got["records"] == kept and got["exchanges"] == len(calls), "how much was replayed is told", got, kept)
with sqlite3.connect(here / "limits.db") as edit:
    edit.execute("UPDATE counter SET value = value + 5000 WHERE what = 'total' AND name = 'exchanges'")
code, out, err = run("whatif", here / "limits.db", "--limit", "nginx:5:5")
check(code == 0 and "from 2023-11-14" in err and err.count("\n") == 1 and "older" in out, "records that do not reach back: since when", code, out, err)
with sqlite3.connect(here / "limits.db") as edit:
    edit.execute("DELETE FROM exchange_block")
code, out, err = run("whatif", here / "limits.db", "--limit", "nginx:5:5")
check(code == 1 and not out and "keeps no exchange records" in err, "no records: said, exit 1", code, out, err)
with sqlite3.connect(here / "edges.db") as edit:
    edit.execute("UPDATE exchange_block SET data = x'00ff00ff'")
code, out, err = run("whatif", here / "edges.db", "--limit", "nginx:5:5")
check(code == 1 and not out and "damaged" in err, "a damaged block: said, exit 1", code, out, err)
code, out, err = run("whatif", PCAP / "empty.pcap", "--limit", "nginx:5:5", "--format", "json")
check(code == 0 and parsed(out)["limit"]["requests"] == 0, "an empty capture: zeros", code, out, err)
finish()
