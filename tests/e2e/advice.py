#!/usr/bin/env python3
# kinds: opt
"""Advice on planted APIs: what may be shared gets a lifetime below its true one; what is private, a tenant's, marked personal
or changes all the time is never advised to be shared; nothing is advised on little evidence."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good

SHARED, PRIVATE, TENANT, PERSONAL, OPEN, FAST, LEAKY = "shared private tenant personal open fast leaky".split()
PERIOD = 3600  # a shared content changes that often, seconds


def body(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def content(kind, item, who, now):
    if kind in (PRIVATE, LEAKY):
        return body(kind, item, who)
    if kind == TENANT:
        return body(kind, item, who % 4)
    return body(kind, item, now if kind == FAST else (now + 97 * item) // PERIOD)


def record(rng, kind, n, now, clients):
    who, item = rng.randrange(clients), rng.randrange(6)
    fields = {"cache-control": "max-age=60"} if kind == LEAKY else {"cache-control": "no-store, private"} if kind == PERSONAL else {}
    r = {"ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who), "server": "10.9.9.9:80", "method": "GET",
         "authority": "api.example", "target": "/%s/%d" % (kind, item), "status": 200, "end": "complete", "request_s": 0,
         "ttfb_s": 0.05, "duration_s": 0.06, "response_bytes": 900, "body_id": content(kind, item, who, now),
         "headers": {"request": {}, "response": fields}}
    if kind != OPEN:
        r["client_id"] = "bearer:%012x" % (who + 1)
    return r


def audit(seed, clients, requests):
    """Endpoints by kind, of an API where each kind is one endpoint."""
    rng = random.Random(seed)
    here, now, lines = folder(), EPOCH, []
    kinds = [SHARED, PRIVATE, TENANT, PERSONAL, OPEN, FAST, LEAKY]
    for n in range(requests * len(kinds)):
        now += rng.expovariate(requests * len(kinds) / (4 * PERIOD))
        lines.append(json.dumps(record(rng, kinds[n % len(kinds)], n, now, clients)))
    (here / "planted.jsonl").write_text("\n".join(lines) + "\n")
    good("capture", "-q", "--records", here / "planted.jsonl", "-d", here / "planted.db", "--fresh", "--secret", SECRET)
    report = json.loads(good("report", here / "planted.db", "--format", "json"))
    return {e["route"].split("/")[1]: e for e in report["endpoints"]}, report["recommendations"]


def advised(e):
    return (e["recommendation"] or {}).get("kind")


for seed in range(20 if PROOF else 2):
    by, listed = audit(seed, 10, 13000)
    shared = by[SHARED]["recommendation"]
    check(by[SHARED]["sharing"]["verdict"] == "shared" and advised(by[SHARED]) == "cache" and
          0 < shared["evidence"]["ttl_s"] < PERIOD and shared["evidence"]["stale_ratio"] <= 0.01,
          "seed %d: what does not depend on the credential is to be cached, not too long" % seed, by[SHARED]["sharing"], shared)
    check(advised(by[OPEN]) == "cache" and by[OPEN]["sharing"]["reason"] == "no request carried a credential",
          "seed %d: what nobody needs a credential for, too" % seed, by[OPEN]["sharing"], by[OPEN]["recommendation"])
    check(by[PRIVATE]["sharing"]["verdict"] == by[LEAKY]["sharing"]["verdict"] == by[TENANT]["sharing"]["verdict"] == "private",
          "seed %d: what depends on the credential is private" % seed, by[TENANT]["sharing"])
    check(advised(by[LEAKY]) == "fix" and "private" in by[LEAKY]["recommendation"]["action"],
          "seed %d: private, and declared for all: that is to be fixed" % seed, by[LEAKY]["recommendation"])
    check(not {advised(by[k]) for k in (PRIVATE, TENANT, PERSONAL, FAST)} & {"cache", "purge", "micro"},
          "seed %d: what may not be shared, or changes at once, is not advised" % seed,
          *[(k, advised(by[k])) for k in (PRIVATE, TENANT, PERSONAL, FAST)])
    check([r["kind"] for r in listed][:1] == ["fix"] and len(listed) == sum(e["recommendation"] is not None for e in by.values()),
          "seed %d: the list has them all, the wrong answers first" % seed, [r["kind"] for r in listed])

def hammered(share, period, alone=False):
    """An API whose answers change every so many seconds, asked by ten clients, of whom one gives that share, all of it for one
    item that never changes: the stale hits of the others would drown in its own. Or the others alone."""
    rng = random.Random(11)
    here, now, lines = folder(), EPOCH, []
    for n in range(60000):
        now += rng.expovariate(60000 / (4 * PERIOD))
        who, item = (0, 99) if rng.random() < share else (rng.randrange(1, 10), rng.randrange(6))
        r = record(rng, SHARED, n, now, 10)
        r.update(client="10.%d.%d.7:4000" % (who % 5, who), client_id="bearer:%012x" % (who + 1), target="/shared/%d" % item,
                 body_id=body(item, 0 if item == 99 else int((now + 97 * item) / period)))
        if who or not alone:
            lines.append(json.dumps(r))
    (here / "hammered.jsonl").write_text("\n".join(lines) + "\n")
    good("capture", "-q", "--records", here / "hammered.jsonl", "-d", here / "hammered.db", "--fresh", "--secret", SECRET)
    e, = json.loads(good("report", here / "hammered.db", "--format", "json"))["endpoints"]
    return e, {t["ttl_s"]: t for t in e["ttl"]}


e, at = hammered(0.8, 200)
check(e["sharing"]["verdict"] == "shared" and abs(e["top_client_share"] - 0.8) < 0.03, "one client gives most of it",
      e["sharing"], e["top_client_share"])
ttl = e["recommendation"]["evidence"]["ttl_s"] if e["recommendation"] else 0
_, others = hammered(0.8, 200, alone=True)
check(0 < ttl and others[ttl]["stale_ratio"] <= 0.02 < others[20]["stale_ratio"] and at[20]["stale_ratio"] < 0.01,
      "its many hits make no lifetime look fresh to the others: %d s" % ttl, others[20], at[20])
by, listed = audit(7, 10, 300)
check(not [r for r in listed if r["kind"] != "fix"], "little evidence: no advice to share", listed)
check(by[SHARED]["sharing"]["verdict"] == "undecided" and by[SHARED]["sharing"]["comparisons_needed"] > 0,
      "little evidence: how much is wanting", by[SHARED]["sharing"])
finish()
