#!/usr/bin/env python3
"""What must hold of the ladder on any trace (ALGORITHMS.md 12: R-3, T-2), from reports of `spanwise` and plain counts.

    bounds.py [SEEDS [FIRST]]     default: 5 random traces of each kind from seed 1; 300 with PROOF=1. SPANWISE names the binary

R-3: hits of a lifetime are at most the look-ups that came within it after the one before of their key, and those at most
all repeats. T-2: where every answer may be stored, a longer lifetime never means more fills, for any key: each key is an
endpoint of its own there.
"""
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ladder  # noqa: E402

WORDS = "alpha bravo cargo delta ember fjord gamma hotel index joker karma lemon".split()


def report(binary, records):
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder  # the key of the pseudonyms is made there
        path, database = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
        path.write_text("".join(json.dumps(r) + "\n" for r in records))
        subprocess.run([binary, "capture", "-q", "--records", path, "-d", database], check=True, timeout=120)
        out = subprocess.run([binary, "report", database, "--format", "json"], check=True, timeout=120, stdout=subprocess.PIPE).stdout
    return json.loads(out)["endpoints"]


def is_eligible(r):
    return r["method"] in ("GET", "HEAD") and r["status"] and r.get("end", "complete") == "complete"


def gaps(trace):
    """By route: the ms since the look-up of the same key before, None at the first."""
    last, out = {}, collections.defaultdict(list)
    for us, r in trace:
        if is_eligible(r):
            ms = us // 1000
            out["/e%s/{int}" % r["target"][2]].append(ms - last[r["target"]] if r["target"] in last else None)
            last[r["target"]] = ms
    return out


def bounded(binary, seed):
    """R-3. (figures, what is wrong)."""
    trace = ladder.make(seed)
    seen, wrong, by = 0, [], gaps(trace)
    for e in report(binary, [r for _, r in trace]):
        mine = by[e["route"]] if e["method"] == "GET" else []
        repeats = sum(g is not None for g in mine)
        if repeats != e["eligible"] - e["keys"]:
            wrong.append("seed %d %s: repeats %d, %d" % (seed, e["route"], repeats, e["eligible"] - e["keys"]))
        for t in e["ttl"] if mine else []:
            within = sum(g is not None and g < t["ttl_s"] * 1000 for g in mine)
            seen += 1
            if not t["hits"] <= within <= repeats or t["stale_hits"] > t["hits"] or t["coalesced"] > t["hits"]:
                wrong.append("seed %d %s %d s: %d hits, %d within, %d repeats" % (seed, e["route"], t["ttl_s"], t["hits"], within, repeats))
    return seen, wrong


def storable(seed):
    """Records whose answers may all be stored; a key to an endpoint."""
    rng = random.Random(seed)
    now, out = ladder.EPOCH, []
    for _ in range(rng.choice([50, 500, 1500])):
        now += rng.choice([0, 999, 1000, rng.randrange(5_000_000), rng.randrange(60_000_000), rng.choice(ladder.TTLS[:13]) * 1_000_000])
        word = rng.choice(WORDS[:1 + seed % len(WORDS)])
        out.append({"ts": now / 1e6, "client": "10.0.0.1:4000", "method": "GET", "authority": "api.test", "target": "/" + word,
                    "status": rng.choice([200, 200, 301, 204]), "body_id": "%016x" % rng.randint(1, 4), "response_bytes": 10})
    return out


def monotone(binary, seed):
    """T-2."""
    seen, wrong = 0, []
    for e in report(binary, storable(seed)):
        misses = [t["lookups"] - t["hits"] for t in e["ttl"]]
        seen += len(misses)
        if e["keys"] != 1 or misses != sorted(misses, reverse=True) or misses != [t["fills"] for t in e["ttl"]]:
            wrong.append("seed %d %s: %d keys, misses %s" % (seed, e["route"], e["keys"], misses))
    return seen, wrong


def main():
    given = sys.argv[1:3]
    if given and given[0].startswith("-"):
        sys.exit(__doc__)
    seeds, first = (int(n) for n in given + ["300" if os.environ.get("PROOF") else "5", "1"][len(given):])
    binary = os.environ.get("SPANWISE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    failed = 0
    for one, what in ((bounded, "R-3: hits <= repeats within the lifetime <= repeats"), (monotone, "T-2: no key has more misses with a longer lifetime")):
        seen, wrong = 0, []
        for seed in range(first, first + seeds):
            n, faults = one(binary, seed)
            seen, wrong = seen + n, wrong + faults
        for line in wrong[:10]:
            print("# " + line)
        print("%s - %s, %d rungs of %d traces" % ("not ok" if wrong or not seen else "ok", what, seen, seeds))
        failed += bool(wrong) or not seen
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
