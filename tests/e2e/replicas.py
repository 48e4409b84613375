#!/usr/bin/env python3
# kinds: opt
"""Servers that answer the same thing differently at the same time (ALGORITHMS.md 4.2), beside those that do not: contents that change for all at once, that are
another each time, that are each client's own, and clients that stay at one server. And contents that change by the clock (S-6) beside such that change
when they like. One audit; ten seeds with PROOF=1."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good, parsed

here = folder()
SPAN, START = 4 * 3600, EPOCH // 86400 * 86400


def changes(rng, rate):
    at, out = 0.0, []
    while at < SPAN:
        at += rng.expovariate(rate)
        out.append(at)
    return out


def version(times, now):
    return sum(t <= now for t in times)


# What a server answers: (time, server, client, draw) -> content.
def replicas(rng):
    times = changes(rng, 1 / 300)
    return {
        "lagging": lambda t, s, c, d: version(times, t - 20 * (s == 2)),        # the second is 20 s behind
        "stale": lambda t, s, c, d: version(times, t) if s == 1 else 0,        # it never heard of any change
        "agreeing": lambda t, s, c, d: version(times, t),
        "random": lambda t, s, c, d: d.randrange(3),
        "own": lambda t, s, c, d: (c, version(times, t)),
        "pinned": lambda t, s, c, d: s,                                         # the difference is there, and nobody can see it
        "single": lambda t, s, c, d: version(times, t),
    }


VERDICTS = {"lagging": "disagree", "stale": "disagree", "agreeing": "agree", "random": "undetermined", "own": "agree", "pinned": "undetermined", "single": None}


def clocks(rng):
    quarter = [t + rng.uniform(0, 2) for t in range(0, SPAN, 900)]
    minutely = [t + 20 + rng.uniform(0, 1) for t in range(0, SPAN, 60)]
    return {"quarterly": quarter, "minutely": minutely, "whenever": changes(rng, len(quarter) / SPAN), "often": changes(rng, 1 / 60)}


PERIODS = {"quarterly": 900, "minutely": 60, "whenever": None, "often": None}


def record(at, target, server, client, content):
    body = hashlib.sha256(repr((target, content)).encode()).hexdigest()[:16]
    return {"ts": round(START + at, 6), "client": "10.0.0.%d:4000" % (client + 1), "server": "10.9.9.%d:80" % server, "method": "GET", "authority": "api.example",
            "target": target, "status": 200, "ttfb_s": 0.01, "duration_s": 0.02, "response_bytes": 300, "body_id": body, "client_id": "jwt:%012x" % (client + 1)}


def make(seed):
    rng, records = random.Random(seed), []
    for name, of in replicas(rng).items():
        for _ in range(3400):
            at, client = rng.uniform(0, SPAN), rng.randrange(2)
            server = 1 + (client % 2 if name == "pinned" else 0 if name == "single" else rng.randrange(2))
            records.append(record(at, "/" + name, server, client, of(at, server, client, rng)))
    for name, times in clocks(rng).items():
        at, when, n = 0.0, iter(times + [SPAN * 2]), 0
        due = next(when)
        while at < SPAN:
            while due <= at:
                n, due = n + 1, next(when)
            records.append(record(at, "/" + name, 1, rng.randrange(40), n))
            at += rng.expovariate(1 / 5)
    return sorted(records, key=lambda r: r["ts"])


for seed in range(10 if PROOF else 1):
    path, db = here / ("%d.jsonl" % seed), here / ("%d.db" % seed)
    path.write_text("".join(json.dumps(r) + "\n" for r in make(seed)))
    good("capture", "-q", "--records", path, "-d", db, "--secret", SECRET)
    ends = {e["route"][1:]: e for e in parsed(good("report", db, "--format", "json"))["endpoints"]}
    said = {n: ends[n]["replicas"] and ends[n]["replicas"]["verdict"] for n in VERDICTS}
    check(said == VERDICTS, "seed %d: which replicas disagree" % seed, said, *[(n, ends[n]["replicas"]) for n in VERDICTS])
    found = {n: ends[n]["schedule"] and ends[n]["schedule"]["period_s"] for n in [*PERIODS, *VERDICTS]}
    check(found == {**PERIODS, **dict.fromkeys(VERDICTS)}, "seed %d: what changes by the clock" % seed, found, *[(n, ends[n]["schedule"]) for n in PERIODS])
    at = (ends["minutely"]["schedule"] or {}).get("at_s", 0)
    check(18 < at < 25, "seed %d: and when" % seed, at)
    if not seed:
        text = good("report", db)
        check("every 15 minutes" in text and "/lagging" in text and "disagree" in text, "the text says both", text[-3000:])
finish()
