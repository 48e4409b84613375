#!/usr/bin/env python3
"""Copies by what requests say: an API that answers in gzip to who accepts it, one that answers by language, and one whose
clients ask now and then for no copy, behind the policies that are written for it. What nginx, Varnish and HAProxy make of that differs; what they then serve
from their caches is compared with what whatif says of the same arrivals. HAProxy keeps no answers by language, and gets
no rule for them. PROOF=1: a minute, three seeds. A run that the machine spoils is done again twice."""
import random

import world
from lib import EPOCH, PROOF, check, finish, folder, good, parsed, skip
from world import Call, Plan, audit, drive, free_port, policy

SECONDS, SEEDS = (60, 3) if PROOF else (8, 1)
KEYS, RATE, TTL, LATE = 25, 60, 5, 0.02
PRESSES = ("no-cache", "max-age=0", None, None, None, None)
CODINGS = ("gzip", "gzip, deflate", "gzip, deflate, br", "identity", "deflate", None)
LANGUAGES = ("de", "en-GB, en;q=0.8", "fr", None)

missing = world.have("nginx", "varnishd", "haproxy")
if missing:
    skip("copies by Vary", "not installed: " + " ".join(missing))
    finish()

origin = free_port()
server = "127.0.0.1:%d" % origin
KINDS = {"coded": ("Accept-Encoding", CODINGS, Plan(period=9, credential=False, by="gzip", marks=("Vary: Accept-Encoding",))),
         "spoken": ("Accept-Language", LANGUAGES, Plan(period=9, credential=False, by="language", marks=("Vary: Accept-Language",))),
         "pressed": ("Cache-Control", PRESSES, Plan(period=9, credential=False))}
STARTERS = {"nginx": world.start_nginx, "varnish": world.start_varnish, "haproxy": world.start_haproxy}
# What each keeps of either; HAProxy 2.6 tells only codings (and Referer) apart.
KEPT = {p: [k for k in KINDS if p != "haproxy" or k != "spoken"] for p in STARTERS}


def record(kind, item, said, now, version=None, who=1):
    """As a capture would have it: what is coded is known as what it is without, too."""
    field, _, plan = KINDS[kind]
    version = plan.version(item, now) if version is None else version
    coded = kind == "coded" and "gzip" in (said or "")
    r = world.record(kind, plan, item, who, now, server)
    r["headers"]["request"] = {field.lower(): said} if said else {}
    r["body_id"] = world.digest(kind, item, version, coded if kind == "coded" else said if kind == "spoken" else None)
    if kind == "coded":
        r["decoded_id"], r["flags"] = world.digest(item, version), ["canonical"]
    if coded:
        r["encoding"], r["headers"]["response"]["content-encoding"] = "gzip", "gzip"
    return r


def recorded():
    rng, out = random.Random(5), []
    for kind, (_, values, plan) in KINDS.items():
        now = EPOCH
        for _ in range(6000):
            now += rng.expovariate(2 * plan.keys)
            out.append(record(kind, rng.randrange(plan.keys), rng.choice(values), now, who=rng.randrange(10)))
    return audit("recorded", sorted(out, key=lambda r: r["ts"]))


def arrivals(kind, seed):
    field, values, _ = KINDS[kind]
    rng, now, calls = random.Random(seed), 0.0, []
    while now < SECONDS:
        now += rng.expovariate(RATE)
        said = rng.choice(values)
        calls.append(Call(now, "/%s/%d" % (kind, 1000 * seed + rng.randrange(KEYS)), "%s: %s\r\n" % (field, said) if said else "", what=said))
    return calls


def judge(product, kind, calls):
    """(holds, one line)."""
    plan, records, hits, stale = KINDS[kind][2], [], 0, 0
    for c in calls:
        item, took = int(c.target.rsplit("/", 1)[1]), round(c.got - c.sent, 6)
        now, hit = plan.version(item, c.sent), c.cache == "HIT"
        hits += hit
        stale += hit and c.body["version"] != now
        records.append(dict(record(kind, item, c.what, c.sent, now if hit else c.body["version"]), ttfb_s=took, duration_s=took))
    said = parsed(good("whatif", audit("%s-%s" % (product, kind), records), "--ttl", "GET http://api.example/%s/{int}=%d" % (kind, TTL),
                       "--profile", product, "--format", "json"))["ttl"]
    line = "%-8s by %-15s %5d requests  hits %6.2f %% said %6.2f %%  stale %5.2f %% said %5.2f %%" % (
        product, KINDS[kind][0], len(calls), 100 * hits / len(calls), 100 * said["hit_ratio"], 100 * stale / max(hits, 1), 100 * (said["stale_ratio"] or 0))
    room = max(2, 0.005 * len(calls))
    return abs(hits - said["hits"]) <= room and abs(stale - said["stale_hits"]) <= 2 * room, line


def main():
    world.fork_origin(origin, {kind: plan for kind, (_, _, plan) in KINDS.items()})
    check(world.wait_port(origin), "the origin is there")
    db, ports = recorded(), {}
    for product, starter in STARTERS.items():
        ports[product] = free_port()
        file, err = policy(db, product, "--stale-budget", "50%", "--only", "cache", "--listen", "127.0.0.1:%d" % ports[product], "--state", folder())
        text = file.read_text()
        check(["/%s/{int}: kept %d s" % (k, TTL) in text for k in KINDS] == [k in KEPT[product] for k in KINDS], product + ": what it can keep apart has a rule", text)
        check(("no answers by" in err) == (len(KEPT[product]) < len(KINDS)), product + ": what it cannot is said", err)
        check(starter(file.rename(folder() / (product + ".conf")), ports[product]), product + " starts")
    for seed in range(1, 1 + SEEDS):
        results = {}
        for attempt in range(3):
            streams = {(p, k): arrivals(k, 10 * seed + attempt) for p in STARTERS for k in KEPT[p]}
            drive([(ports[p], calls) for (p, k), calls in streams.items()])
            late = sorted(c.late for calls in streams.values() for c in calls)
            for (p, k), calls in streams.items():
                holds, line = judge(p, k, calls)
                results[p, k] = (holds or (None if late[int(0.99 * len(late))] > LATE else False), line)
            if all(holds for holds, _ in results.values()):
                break
        for holds, line in results.values():
            if holds is None:
                skip("copies by Vary", "not measurable, the machine was too busy: " + line)
            else:
                check(holds, line)


try:
    main()
finally:
    world.stop_all()
finish()
