#!/usr/bin/env python3
"""The warm hit ratio (ALGORITHMS.md 3.5, test T-7): ten hours of steady traffic (Poisson, Zipf) are audited whole and in
pieces of an hour cut out at random. What the pieces say of a warm cache, on the mean, is what the whole says, within 0.005;
the cold ratio of a piece is lower, for it begins with an empty cache.

    warm.py [SEEDS [FIRST]]     default: 1 seed; 10 with PROOF=1. SPANWISE names the binary"""
import bisect
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

TTL, HOURS, PER_S, KEYS, EPOCH = 600, 10, 3, 3000, 1_700_000_000
PIECES = 12 if os.environ.get("PROOF") else 6


def traffic(seed):
    """(seconds, key)."""
    rng = random.Random(seed)
    weights = list(itertools.accumulate((i + 1) ** -0.9 for i in range(KEYS)))
    now = 0.0
    while (now := now + rng.expovariate(PER_S)) < HOURS * 3600:
        yield now, bisect.bisect_left(weights, rng.random() * weights[-1])


def ratios(binary, folder, trace):
    """Cold and warm hit ratio of the lifetime."""
    records, database = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
    records.write_text("".join(json.dumps({"ts": EPOCH + t, "client": "10.0.0.1:4000", "method": "GET", "authority": "api.test", "status": 200,
                                           "target": "/k/%d" % k, "response_bytes": 10}) + "\n" for t, k in trace))
    subprocess.run([binary, "capture", "-q", "--records", records, "-d", database, "--fresh", "--exchanges", "none"], check=True, timeout=300)
    out = subprocess.run([binary, "report", database, "--format", "json"], check=True, timeout=120, stdout=subprocess.PIPE).stdout
    endpoint, = json.loads(out)["endpoints"]
    rung, = (t for t in endpoint["ttl"] if t["ttl_s"] == TTL)
    return rung["hit_ratio"], rung["hit_ratio_warm"]


def check(binary, seed):
    rng, trace = random.Random(seed + 1000), list(traffic(seed))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder  # the key of the pseudonyms is made there
        _, whole = ratios(binary, folder, trace)
        pieces = []
        for _ in range(PIECES):
            start = rng.uniform(0, (HOURS - 1) * 3600)
            pieces.append(ratios(binary, folder, [(t, k) for t, k in trace if start <= t < start + 3600]))
    cold, warm = (sum(p[i] for p in pieces) / PIECES for i in (0, 1))
    good = abs(warm - whole) <= 0.005 and all(c < w for c, w in pieces)
    print("%s - T-7, seed %d: a warm cache hits %.4f, pieces of an hour say %.4f (cold: %.4f)" % ("ok" if good else "not ok", seed, whole, warm, cold))
    return good


def main():
    given = sys.argv[1:3]
    if given and given[0].startswith("-"):
        sys.exit(__doc__)
    seeds, first = (int(n) for n in given + ["10" if os.environ.get("PROOF") else "1", "1"][len(given):])
    binary = os.environ.get("SPANWISE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    return 0 if all([check(binary, seed) for seed in range(first, first + seeds)]) else 1


if __name__ == "__main__":
    sys.exit(main())
