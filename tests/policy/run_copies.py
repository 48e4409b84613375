#!/usr/bin/env python3
"""Copies by what requests and answers say: an API that answers in gzip to who accepts it, one that answers by language, one
whose clients ask now and then for no copy, one with errors that may be kept, one with tags, one that is asked with HEAD,
behind the policies for it. What nginx, Varnish and HAProxy make of that differs; what they then serve from their caches
is compared with what whatif says of the same arrivals. HAProxy keeps no answers by language, and gets no rule for them.
PROOF=1: a minute, three seeds. What does not hold is tried again twice."""
import random
import time

import world
from lib import EPOCH, PROOF, check, finish, folder, good, parsed, skip
from world import Call, Plan, audit, drive, free_port, policy

SECONDS, SEEDS = (60, 3) if PROOF else (8, 1)
KEYS, RATE, TTL, LATE, STALL = 25, 60, 5, 0.02, 0.1
PRESSES = ("no-cache", "max-age=0", None, None, None, None)
CODINGS = ("gzip", "gzip, deflate", "gzip, deflate, br", "identity", "deflate", None)
LANGUAGES = ("de", "en-GB, en;q=0.8", "fr", None)

world.need("copies", "nginx", "varnishd", "haproxy")

origin = free_port()
server = "127.0.0.1:%d" % origin
KINDS = {"coded": ("Accept-Encoding", CODINGS, Plan(period=9, credential=False, by="gzip", marks=("Vary: Accept-Encoding",))),
         "spoken": ("Accept-Language", LANGUAGES, Plan(period=9, credential=False, by="language", marks=("Vary: Accept-Language",))),
         "pressed": ("Cache-Control", PRESSES, Plan(period=9, credential=False)),
         "absent": ("X-Nothing", (None,), Plan(period=9, credential=False, by="absent", marks=("Cache-Control: max-age=60",))),
         "tagged": ("If-None-Match", (None, None, True), Plan(period=9, credential=False, by="tag")),
         "headed": ("HEAD", (None, None, True), Plan(period=9, credential=False))}
STARTERS = {"nginx": world.start_nginx, "varnish": world.start_varnish, "haproxy": world.start_haproxy}
# What each keeps of either; HAProxy 2.6 tells only codings (and Referer) apart.
KEPT = {p: [k for k in KINDS if p != "haproxy" or k != "spoken"] for p in STARTERS}


def record(kind, item, said, now, version=None, who=1):
    """As a capture would have it, of an API without a cache before it: what is coded is known as what it is without, too."""
    field, _, plan = KINDS[kind]
    version = plan.version(item, now) if version is None else version
    coded = kind == "coded" and "gzip" in (said or "")
    r = world.record(kind, plan, item, who, now, server)
    r["headers"]["request"] = {field.lower(): said} if said and kind != "headed" else {}
    r["body_id"] = world.digest(kind, item, version, coded if kind == "coded" else said if kind == "spoken" else None)
    if kind == "coded":
        r["decoded_id"], r["flags"] = world.digest(item, version), ["canonical"]
    if coded:
        r["encoding"], r["headers"]["response"]["content-encoding"] = "gzip", "gzip"
    if kind == "tagged":
        r["headers"]["response"]["etag"] = '"%d"' % version
        if said == '"%d"' % version:
            r["status"], r["body_id"], r["response_bytes"] = 304, None, 0
    if kind == "headed" and said:
        r["method"], r["body_id"], r["response_bytes"] = "HEAD", None, 0
    if kind == "absent" and item % 3 == 0:
        r["status"], r["body_id"] = 404, world.digest(kind)
    return r


def says(kind, value, item, now):
    """What a client says: a tag is that of the version of now."""
    return '"%d"' % KINDS[kind][2].version(item, now) if value is True else value


def recorded():
    rng, out = random.Random(5), []
    for kind, (_, values, plan) in KINDS.items():
        now = EPOCH
        for _ in range(6000):
            now += rng.expovariate(2 * plan.keys)
            item = rng.randrange(plan.keys)
            out.append(record(kind, item, says(kind, rng.choice(values), item, now), now, who=rng.randrange(10)))
    return audit("recorded", sorted(out, key=lambda r: r["ts"]))


def arrivals(kind, seed):
    field, values, _ = KINDS[kind]
    rng, now, calls, began = random.Random(seed), 0.0, [], time.time() + 0.3
    while now < SECONDS:
        now += rng.expovariate(RATE)
        item = 1000 * seed + rng.randrange(KEYS)
        said = says(kind, rng.choice(values), item, began + now)
        head = kind == "headed" and said
        calls.append(Call(now, "/%s/%d" % (kind, item), "%s: %s\r\n" % (field, said) if said and not head else "", what=said, method="HEAD" if head else "GET"))
    return calls


def judge(product, kind, calls):
    """(holds, one line)."""
    plan, records, hits, stale = KINDS[kind][2], [], 0, 0
    for c in calls:
        item, took = int(c.target.rsplit("/", 1)[1]), round(c.got - c.sent, 6)
        now, hit = plan.version(item, c.sent), c.cache == "HIT"
        hits += hit
        came = c.body["version"] if c.body else now
        stale += hit and came != now
        records.append(dict(record(kind, item, c.what, c.sent, now if hit else came), ttfb_s=took, duration_s=took))
    said = parsed(good("whatif", audit("%s-%s" % (product, kind), records), "--ttl", "GET http://api.example/%s/{int}=%d" % (kind, TTL),
                       "--profile", product, "--format", "json"))["ttl"]
    open_to = said["stale_hits"] + said["unknown_hits"]  # a 304 whose tag came with no 200 before, a HEAD: of what content is not known
    line = "%-8s %-15s %5d requests  hits %6.2f %% said %6.2f %%  stale %4d said %4d to %4d" % (
        product, KINDS[kind][0], len(calls), 100 * hits / len(calls), 100 * said["hit_ratio"], stale, said["stale_hits"], open_to)
    room = max(2, 0.005 * len(calls))
    return abs(hits - said["hits"]) <= room and said["stale_hits"] - 2 * room <= stale <= open_to + 2 * room, line


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
            spoiled = late[int(0.99 * len(late))] > LATE or late[-1] > STALL
            for (p, k), calls in streams.items():
                holds, line = judge(p, k, calls)
                if not results.get((p, k), (False,))[0]:
                    results[p, k] = (holds or (None if spoiled else False), line)
            if all(holds for holds, _ in results.values()):
                break
        for holds, line in results.values():
            if holds is None:
                skip("copies", "not measurable, the machine was too busy: " + line)
            else:
                check(holds, line)


try:
    main()
finally:
    world.stop_all()
finish()
