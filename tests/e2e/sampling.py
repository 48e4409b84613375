#!/usr/bin/env python3
# kinds: opt
"""More keys than memory: printed intervals cover the truth, memory stays under the ceiling, an audit goes on after an
end. The truth is Model Z (CONTRACT.md section 4) in Python. With PROOF=1 larger."""
import bisect
import itertools
import json
import os
import random
import subprocess
import sys
import zlib

from lib import BINARY, EPOCH, PROOF, SECRET, check, finish, folder, good, parsed, skip

SCALE = 8 if PROOF else 1
REQUESTS, RESOURCES, ENDPOINTS = 60000 * SCALE, 40000 * SCALE, 12
MEMORY = "48M" if PROOF else "16M"
CEILING_KIB = (48 if PROOF else 16) * 1024 + 32 * 1024
TTLS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 86400)


def traffic(seed):
    """(ms, endpoint, resource, content, bytes) in order: Zipf over the resources, each of one endpoint, with a size and
    a time of change of its own; the last endpoint is asked for something new each time."""
    rng = random.Random(seed)
    weights = list(itertools.accumulate((i + 1) ** -0.9 for i in range(RESOURCES)))
    own = [(rng.choice((20, 200, 10 ** 9)), rng.randint(100, 5000)) for _ in range(RESOURCES)]
    now = 0.0
    for i in range(REQUESTS):
        now += rng.expovariate(100)
        if rng.random() < 0.1:
            yield int(now * 1000), ENDPOINTS - 1, "new%d" % i, 1, 10
            continue
        k = bisect.bisect_left(weights, rng.random() * weights[-1])
        yield int(now * 1000), k % (ENDPOINTS - 1), k, int(now / own[k][0]), own[k][1]


def line(ms, endpoint, resource, content, size):
    return json.dumps({"ts": EPOCH + ms / 1000, "client": "10.0.0.%d:4000" % (ms % 50 + 1), "method": "GET", "status": 200,
                       "authority": "api", "target": "/e%d/items?id=%s" % (endpoint, resource),
                       "body_id": "%016x" % (zlib.crc32(("%s %d" % (resource, content)).encode()) + 1), "response_bytes": size})


def model_z(trace):
    """hits by (endpoint, ttl), look-ups and keys by endpoint."""
    hits, lookups, keys, filled = {}, {}, {}, {}
    for ms, endpoint, resource, _, _ in trace:
        lookups[endpoint] = lookups.get(endpoint, 0) + 1
        at = filled.setdefault((endpoint, resource), [None] * len(TTLS))
        keys[endpoint] = keys.get(endpoint, 0) + (at[0] is None)
        for i, ttl in enumerate(TTLS):
            if at[i] is not None and ms - at[i] < ttl * 1000:
                hits[endpoint, ttl] = hits.get((endpoint, ttl), 0) + 1
            else:
                at[i] = ms
    return hits, lookups, keys


# A process's own peak counts what it was before exec; so a small one is put between.
PEAK = """import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""


def capture(lines, name, *options):
    """KiB at most; the DB is folder/name.db."""
    text = folder() / "records"
    text.write_text("\n".join(lines) + "\n")
    with open(text, "rb") as records:
        out = subprocess.run([sys.executable, "-S", "-c", PEAK, BINARY, "capture", "-q", "--records", "-", "-d",
                              folder() / (name + ".db"), "--secret", SECRET, "--memory", MEMORY, *options],
                             stdin=records, stdout=subprocess.PIPE).stdout
    code, kib = map(int, out.split())
    check(code == 0, "the capture %s ends in order" % name)
    return kib


def report(name):
    return parsed(good("report", folder() / (name + ".db"), "--format", "json"))


def judge(seen, hits, lookups, keys, what):
    covered = n = few = 0
    worst = 0
    for e in seen["endpoints"]:
        number = int(e["route"].split("/")[1][1:])
        check(e["eligible"] == lookups[number], "%s: look-ups of endpoint %d are counted whole" % (what, number), e["eligible"])
        if e["sampling_rate"] == 1:
            check(all(t["hits"] == hits.get((number, t["ttl_s"]), 0) for t in e["ttl"] if t["ttl_s"] in TTLS),
                  "%s: endpoint %d fits and is exact" % (what, number))
            continue
        worst = max(worst, abs(e["keys"] / keys[number] - 1))
        if e["sampled_keys"] < 30:
            few += 1
            continue
        n += 1
        covered += all(t["hit_ratio_low"] <= hits.get((number, t["ttl_s"]), 0) / lookups[number] <= t["hit_ratio_high"]
                       for t in e["ttl"] if t["ttl_s"] in TTLS)
    check(n >= ENDPOINTS - 2 and covered >= 0.9 * n, "%s: intervals of all lifetimes cover the truth at %d of %d endpoints (%d with few keys)"
          % (what, covered, n, few))
    check(worst < 0.15, "%s: distinct keys are at most %.1f %% off" % (what, 100 * worst))
    check(seen["capture"]["sampling_rate"] < 1, "%s: the capture says so" % what)
    check(seen["totals"]["eligible"] == REQUESTS, "%s: totals are exact" % what)


trace = list(traffic(1))
lines = [line(*t) for t in trace]
truth = model_z(trace)

kib = capture(lines, "once")
if os.environ.get("KIND") == "san":  # its own bookkeeping is as large
    skip("the ceiling", "of the optimised build")
else:
    check(kib <= CEILING_KIB, "%d MiB in use, ceiling %d" % (kib // 1024, CEILING_KIB // 1024))
once = report("once")
judge(once, *truth, "at once")
check("is followed" in good("report", folder() / "once.db"), "the text report says what is estimated")
capture(lines, "again")
check(json.dumps(report("again")) == json.dumps(once), "the same records give the same report")

half = len(lines) // 2
capture(lines[:half], "halves")
capture(lines[half:], "halves", "--append")
judge(report("halves"), *truth, "in two halves")
names = good("log", folder() / "halves.db", "--format", "tsv").count("/items?id=")
check(names > REQUESTS // 10, "records of followed keys keep their targets", names)

for size, most in (("16M", 16 << 20), ("512M", 512 << 20), ("8G", 8 << 30)):
    table = good("capture", "--show-budget", "--memory", size).splitlines()
    parts = [row.split() for row in table if row.startswith(("analysis", "capture", "in flight"))]
    total = next(int(row.split()[1]) for row in table if row.startswith("sum"))
    check(len(parts) > 20 and sum(int(p[-3]) for p in parts) == total and 0.2 * most < total <= most,
          "--show-budget %s: %d structures, %d bytes in all" % (size, len(parts), total), *table)

few = [line(*t) for t in trace if t[1] == 3 and t[2] != "new"][:500]
capture(few, "few")
check(report("few")["capture"]["sampling_rate"] == 1, "what fits is not sampled")
finish()
