#!/usr/bin/env python3
"""Advised lifetimes against the truth (ALGORITHMS.md 3.9, test T-12): endpoints whose contents change every 10 s, every hour
or never, at 0.1 to 100 requests a second, are audited; each lifetime that is advised is tried on traffic that nobody has
seen. Demanded of the advice: stale hits there at most twice the budget of 1 % in 95 of 100, and no longer than the longest
rung whose true share of stale hits keeps the budget, in as many; none where contents change every 10 s.

    advised.py [ENDPOINTS [SEED]]     default: 16 from seed 1; 240 with PROOF=1. SPANWISE names the binary"""
import heapq
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

TTLS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 259200, 604800]
BUDGET, EPOCH, KEYS = 0.01, 1_700_000_000, 3


class Endpoint:
    """Contents change at random or like a clock, every `period` seconds (None: never); `rate` requests a second of each key."""
    def __init__(self, n, rng):
        self.n, self.period, self.clock = n, (10, 3600, None)[n % 3], rng.random() < .5
        self.rate = 10 ** rng.uniform(-1, 2)
        self.requests = rng.randint(2500, 7500)

    def visits(self, rng, requests):
        """(seconds, number of the endpoint, key, content) in order."""
        now, changed, content = 0.0, [self.later(rng, 0, first=True) for _ in range(KEYS)], [0] * KEYS
        for _ in range(requests):
            now += rng.expovariate(self.rate * KEYS)
            key = rng.randrange(KEYS)
            while changed[key] <= now:
                content[key] += 1
                changed[key] = self.later(rng, changed[key])
            yield now, self.n, key, content[key]

    def later(self, rng, since, first=False):
        if not self.period:
            return math.inf
        if self.clock:
            return since + self.period * (rng.random() if first else 1)
        return since + rng.expovariate(1 / self.period)

    def longest(self):
        """The longest rung of which at most the budget of hits is stale in truth. A hit comes at any time after the fill alike."""
        def stale(ttl):
            m = ttl / self.period
            return (m / 2 if m < 1 else 1 - 1 / (2 * m)) if self.clock else 1 + math.expm1(-m) / m
        return max((t for t in TTLS if not self.period or stale(t) <= BUDGET), default=0)


def stale_share(visits, ttl):
    slot, hits, stale = {}, 0, 0
    for now, _, key, content in visits:
        if key in slot and now - slot[key][0] < ttl:
            hits += 1
            stale += content != slot[key][1]
        else:
            slot[key] = now, content
    return stale / hits if hits else 0


def advice(binary, endpoints, rng):
    """Lifetime by number of endpoint."""
    streams = [e.visits(random.Random(rng.random()), e.requests) for e in endpoints]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder  # the key of the pseudonyms is made there
        records, database = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
        with open(records, "w") as out:
            for i, (t, n, key, content) in enumerate(heapq.merge(*streams)):
                out.write(json.dumps({"ts": EPOCH + t, "client": "10.0.%d.%d:4000" % (i % 7, i % 40), "method": "GET", "authority": "h%d.test" % n,
                                      "target": "/k/%d" % key, "status": 200, "ttfb_s": 0.01, "duration_s": 0.01, "response_bytes": 500,
                                      "body_id": "%016x" % (1 + content + (key << 40)), "headers": {"request": {}, "response": {}}}) + "\n")
        subprocess.run([binary, "capture", "-q", "--records", records, "-d", database, "--exchanges", "none"], check=True, timeout=600)
        out = subprocess.run([binary, "report", database, "--format", "json"], check=True, timeout=120, stdout=subprocess.PIPE).stdout
    found = [(e, e["recommendation"]) for e in json.loads(out)["endpoints"]]
    return {int(e["service"][8:-5]): r["evidence"]["ttl_s"] for e, r in found if r and r["kind"] == "cache" and r["verdict"] == "ok"}


def main():
    given = sys.argv[1:3]
    if given and given[0].startswith("-"):
        sys.exit(__doc__)
    n, seed = (int(v) for v in given + ["240" if os.environ.get("PROOF") else "16", "1"][len(given):])
    binary = os.environ.get("SPANWISE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    rng = random.Random(seed)
    endpoints = [Endpoint(i, rng) for i in range(n)]
    advised = advice(binary, endpoints, rng)
    fast = [e.n for e in endpoints if e.period == 10 and e.n in advised]
    shares = {e.n: stale_share(e.visits(rng, 20000), advised[e.n]) for e in endpoints if e.n in advised}
    kept = sum(s <= 2 * BUDGET for s in shares.values())
    within = sum(advised[e.n] <= e.longest() for e in endpoints if e.n in advised)
    for e in endpoints:
        if e.n in advised and (shares[e.n] > 2 * BUDGET or advised[e.n] > e.longest()):
            print("# every %s s, %.2f/s: advised %d s, true limit %d s, stale %.4f" % (e.period, e.rate, advised[e.n], e.longest(), shares[e.n]))
    good = len(advised) >= n / 3 and kept >= .95 * len(advised) and within >= .95 * len(advised) and not fast
    print("%s - T-12: %d of %d endpoints are advised a lifetime; on fresh traffic %d keep twice the budget, %d are within the true limit; "
          "%d where contents change every 10 s" % ("ok" if good else "not ok", len(advised), n, kept, within, len(fast)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
