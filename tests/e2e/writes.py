#!/usr/bin/env python3
# kinds: opt
"""Writes that change what is read (S-5): found among others that do not, and a purge on them advised; nothing of the kind where
changes come by themselves."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good

ITEMS, HOURS, OTHERS = 40, 1.5, 20


def record(now, method, target, who, status=200, body=None):
    return {"ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who), "server": "10.9.9.9:80", "method": method, "authority": "api.example",
            "target": target, "status": status, "end": "complete", "request_s": 0, "ttfb_s": 0.05, "duration_s": 0.06,
            "response_bytes": 900 if body else 0, "client_id": "bearer:%012x" % (who + 1), "headers": {"request": {}, "response": {}},
            **({"body_id": hashlib.sha256(repr(body).encode()).hexdigest()[:16]} if body else {})}


def trace(seed):
    """/docs changes when it is PUT, /news by itself as often; twenty other resources of the same ids are written at random."""
    rng, events, end = random.Random(seed), [], HOURS * 3600
    for item in range(ITEMS):
        for kind in ("docs", "news"):
            times, now = [], 0
            while (now := now + rng.expovariate(1 / 300)) < end:
                times.append(now)
            if kind == "docs":
                events += [(t, "PUT", "/docs/%d" % item, 204, None) for t in times]
            now = 0
            while (now := now + rng.expovariate(1 / 6)) < end:
                events.append((now, "GET", "/%s/%d" % (kind, item), 200, (kind, item, sum(t < now for t in times))))
    for k in range(OTHERS):
        now = 0
        while (now := now + rng.expovariate(1 / 30)) < end:
            events.append((now, "PUT", "/other%d/%d" % (k, rng.randrange(ITEMS)), 204, None))
    events.sort(key=lambda e: e[0])
    return [record(EPOCH + t, method, target, rng.randrange(12), status, body) for t, method, target, status, body in events]


for seed in range(20 if PROOF else 2):
    here = folder()
    (here / "t.jsonl").write_text("".join(json.dumps(r) + "\n" for r in trace(seed)))
    good("capture", "-q", "--records", here / "t.jsonl", "-d", here / "t.db", "--fresh", "--secret", SECRET)
    report = json.loads(good("report", here / "t.db", "--format", "json"))
    by = {"%s %s" % (e["method"], e["route"]): e for e in report["endpoints"]}
    docs, news = by["GET /docs/{int}"], by["GET /news/{int}"]
    advised = [w for w in docs["staleness"]["writes"] if w["purge"]]
    check([(w["write"], w["binding"]) for w in advised] == [("PUT http://api.example/docs/{int}", "same_uri")] and advised[0]["recall"] > 0.95 and
          advised[0]["precision"] > 0.9 and advised[0]["invalidation_suffices"], "seed %d: the write that changes it is found" % seed, docs["staleness"]["writes"][:3])
    check(not any(w["purge"] for w in news["staleness"]["writes"]), "seed %d: no write is blamed for changes that come by themselves" % seed, news["staleness"]["writes"][:2])
    purges = [r for r in report["recommendations"] if r["kind"] == "purge"]
    check([r["target"] for r in purges] == ["GET http://api.example/docs/{int}"] and "PUT http://api.example/docs/{int}" in purges[0]["action"] and
          purges[0]["evidence"]["stale_ratio"] <= 0.01 and purges[0]["saves"]["requests"] > 0.9 * docs["eligible"],
          "seed %d: to purge on write is advised, there alone" % seed, report["recommendations"])
lines = good("report", here / "t.db").splitlines()
check(any("purge on write: PUT http://api.example/docs/{int}" in line for line in lines), "the text says it", *lines[5:14])
finish()
