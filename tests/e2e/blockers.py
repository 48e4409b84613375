#!/usr/bin/env python3
# kinds: opt
"""What stands against caching has a price, and it is that of a brute force: exact where one blocker is in every answer, between its
bounds where it is in some; and there is none where clients must not share, or where it is not known."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good

PERIOD, DAY = 3600, 86400
KINDS = ["one", "some", "private", "marked", "rare"]


def body(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def declares(kind, item):
    """Blocker and field; what is rare is asked for by few, and by them for one item alone."""
    if kind == "one" or (kind == "some" and item < 2) or kind == "private":
        return "NO_STORE", "no-store"
    return ("PRIVATE", "private") if kind == "marked" else ("NO_LIFETIME", None)


def trace(rng, requests):
    now = EPOCH
    for n in range(requests * len(KINDS)):
        now += rng.expovariate(requests * len(KINDS) / (4 * PERIOD))
        kind, who, item = KINDS[n % len(KINDS)], rng.randrange(10), rng.choice([0, 0, 1, 2, 3, 4, 5])
        blocker, said = declares(kind, item)
        size = rng.randrange(100, 2000)
        if kind == "rare" and n > 40 * len(KINDS):
            continue
        yield kind, item, blocker, size, {
            "ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who), "server": "10.9.9.9:80", "method": "GET",
            "authority": "api.example", "target": "/%s/%d" % (kind, item), "status": 200, "end": "complete", "request_s": 0,
            "ttfb_s": 0.05, "duration_s": 0.06, "response_bytes": size, "client_id": "bearer:%012x" % (who + 1),
            "body_id": body(kind, item, who if kind == "private" else 0, (now + 97 * item) // PERIOD),
            "headers": {"request": {}, "response": {"cache-control": said} if said else {}}}


def saved(records, kind, ttl_s):
    """Requests and bytes by blocker that a cache of that lifetime answers."""
    filled, out = {}, {}
    for k, item, blocker, size, r in records:
        ms = round(r["ts"] * 1e6) // 1000
        if k != kind:
            continue
        if item in filled and ms - filled[item] < ttl_s * 1000:
            n, octets = out.get(blocker, (0, 0))
            out[blocker] = n + 1, octets + size
        else:
            filled[item] = ms
    return out


def audit(seed):
    records = list(trace(random.Random(seed), 9000))
    here = folder()
    (here / "b.jsonl").write_text("".join(json.dumps(r) + "\n" for *_, r in records))
    good("capture", "-q", "--records", here / "b.jsonl", "-d", here / "b.db", "--fresh", "--secret", SECRET)
    report = json.loads(good("report", here / "b.db", "--format", "json"))
    return records, report, {e["route"].split("/")[1]: e for e in report["endpoints"]}, good("report", here / "b.db")


def near(a, b, share):
    return abs(a - b) <= share * abs(b)


for seed in range(20 if PROOF else 1):
    records, report, by, text = audit(seed)
    days = (records[-1][4]["ts"] - records[0][4]["ts"]) / DAY
    for kind in ("one", "some"):
        e = by[kind]
        ttl_s = e["recommendation"]["evidence"]["ttl_s"]
        truth, priced = saved(records, kind, ttl_s), {b["code"]: b for b in e["blockers"]}
        check(e["recommendation"]["kind"] == "cache" and set(truth) == set(priced), "seed %d: /%s: each blocker is listed" % (seed, kind),
              truth, e["blockers"])
        for code, (n, octets) in truth.items():
            p = priced[code]["saves_per_day"]
            exact = kind == "one"
            check(near(p["requests"] * days, n, 1e-9 if exact else 0.1) and near(p["bytes"] * days, octets, 1e-9 if exact else 0.1) and
                  p["requests_low"] * days - 1e-6 <= n <= p["requests_high"] * days + 1e-6,
                  "seed %d: /%s: what %s costs is what was counted" % (seed, kind, code), n, octets, days, p)
            check(near(p["server_seconds"] * days, 0.05 * n, 1e-9 if exact else 0.1), "seed %d: /%s: and the server's time" % (seed, kind), p, n)
    total = sum(b["saves_per_day"]["requests"] for b in by["some"]["blockers"])
    check(near(total, by["some"]["recommendation"]["saves_per_day"]["requests"], 1e-9), "seed %d: prices add up to what the lifetime saves" % seed)
    hidden = {k: by[k]["blockers"] for k in ("private", "marked", "rare")}
    check(all(b["saves_per_day"] is None and b["unknown"] for bs in hidden.values() for b in bs) and all(hidden.values()),
          "seed %d: no price for what may not be shared, or may not for all that is known" % seed, hidden)
    check("must not share" in hidden["private"][0]["unknown"], "seed %d: and it says why" % seed, hidden["private"])
    costs = text.split("WHAT IT COSTS", 1)[-1].split("WHO ASKS", 1)[0]
    check("/one/{int}" in costs and "/some/{int}" in costs and "/private" not in costs and "/marked" not in costs,
          "seed %d: the text has those with a price" % seed, costs)
finish()
