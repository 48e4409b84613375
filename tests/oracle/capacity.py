#!/usr/bin/env python3
"""The capacity curve of `whatif --capacity` (ALGORITHMS.md 3.7, test T-9) against an exact cache that evicts what was used
longest ago, and forgets what is older than its lifetime: hit ratios within 0.02 at every size of 64 entries and more.

    capacity.py [SCALE]     default 1: 100,000 requests; with PROOF=1 3. SPANWISE names the binary"""
import bisect
import collections
import itertools
import json
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lib import EPOCH, SECRET, check, finish, folder, good  # noqa: E402

SCALE = float(sys.argv[1]) if len(sys.argv) > 1 else 3 if os.environ.get("PROOF") else 1
REQUESTS, KEYS, BYTES, PER_S = int(100000 * SCALE), 20000, 1000, 250
SIZES, TTLS = (200, 1000, 5000), (60, 600)


def traffic(seed):
    """(ms, key): Poisson, Zipf 0.9."""
    rng = random.Random(seed)
    weights = list(itertools.accumulate((i + 1) ** -0.9 for i in range(KEYS)))
    now = 0.0
    for _ in range(REQUESTS):
        now += rng.expovariate(PER_S)
        yield int(now * 1000), bisect.bisect_left(weights, rng.random() * weights[-1])


def exact(trace, entries, ttl_s):
    """Hit ratio of a cache of so many entries; what has expired leaves at once."""
    cache, fills, hits = collections.OrderedDict(), collections.deque(), 0
    for ms, key in trace:
        while ttl_s and fills and ms - fills[0][0] >= ttl_s * 1000:
            at, old = fills.popleft()
            if cache.get(old) == at:
                del cache[old]
        if key in cache:
            cache.move_to_end(key)
            hits += 1
            continue
        cache[key] = ms
        fills.append((ms, key))
        if len(cache) > entries:
            cache.popitem(last=False)
    return hits / len(trace)


def at(curve, size):
    """Between two points of a lifetime, as a straight line."""
    before = (0, 0)
    for p in curve:
        here = (p["bytes"], p["hit_ratio"])
        if size <= here[0]:
            return before[1] + (here[1] - before[1]) * (size - before[0]) / (here[0] - before[0]) if here[0] > before[0] else here[1]
        before = here
    return before[1]


trace = list(traffic(1))
records = folder() / "records"
records.write_text("".join(json.dumps({"ts": EPOCH + ms / 1000, "client": "10.0.0.1:4000", "method": "GET", "status": 200,
                                       "authority": "api", "target": "/k/%d" % key, "response_bytes": BYTES,
                                       "body_id": "%016x" % (key + 1)}) + "\n" for ms, key in trace))
db = folder() / "capacity.db"
good("capture", "-q", "--records", records, "-d", db, "--secret", SECRET, "--exchanges", str(REQUESTS))

worst = 0
for ttl in TTLS:
    got = json.loads(good("whatif", db, "--ttl", "1=%d" % ttl, "--capacity", str(1000 * BYTES), "--format", "json"))
    e, = got["ttl"]["by_endpoint"]
    curves = {t: [p for p in e["capacity_curve"] if p["ttl_s"] == t] for t in (ttl, None)}
    for t, curve in curves.items():
        if t is None and ttl != TTLS[0]:
            continue
        for entries in SIZES:
            true, seen = exact(trace, entries, t), at(curve, entries * BYTES)
            worst = max(worst, abs(true - seen))
            check(abs(true - seen) <= 0.02, "lifetime %s, %d entries: hit ratio %.4f, exactly %.4f" % (t, entries, seen, true))
    whole = [p for p in curves[ttl]][-1]
    check(whole["hit_ratio"] == e["hit_ratio"], "lifetime %d without a limit: as the replay has it" % ttl, whole, e["hit_ratio"])
    check(abs(e["capacity"]["hit_ratio"] - at(curves[ttl], 1000 * BYTES)) < 1e-9, "lifetime %d: what 1000 entries give" % ttl)
    live, n, most, peak = collections.deque(), {}, 0, 0
    for ms, key in trace:
        while live and ms - live[0] >= ttl * 1000:
            live.popleft()
        if ms - n.get(key, -10 ** 9) >= ttl * 1000:
            n[key] = ms
            live.append(ms)
            peak = max(peak, len(live))
    c = e["capacity"]
    check((c["live_entries_peak"], c["live_bytes_peak"]) == (peak, peak * BYTES), "lifetime %d: %d entries at most" % (ttl, peak), c)
    check(abs(c["recommended_bytes"] - (peak * BYTES * 1.1 + peak * 1024)) <= 1, "lifetime %d: what it needs" % ttl, c)
text = good("whatif", db, "--ttl", "1=60", "--capacity", "200k")
check("EACH" in text and "needed" in text, "the text says it", text)
check(worst <= 0.02, "worst of all: %.4f" % worst)
finish()
