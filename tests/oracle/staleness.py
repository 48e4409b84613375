#!/usr/bin/env python3
"""Hold the rules on staleness against plain Python: intervals, change rates, lifetimes of versions, recommendations; and
what an audit of made-up records counts of gaps, changes and versions.

    staleness.py [SCALE]      default 1: seconds; 10, a minute, with PROOF in the environment

Builds analysis/'s pure files as a shared object and calls them, and runs the binary that SPANWISE names; every
expectation is computed here, from the definitions, another way. Prints TAP.
"""
import collections
import ctypes
import json
import math
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ["analysis/interval.c", "analysis/lifetime.c", "analysis/survival.c", "analysis/recommend.c",
         "analysis/blocks.c", "analysis/slab.c", "base/pages.c", "base/buf.c", "base/digits.c", "base/json.c", "base/hash.c"]
BUCKETS, CELLS = 120, 89


class Lifetime(ctypes.Structure):
    _fields_ = [("bucket", (ctypes.c_uint64 * 4) * BUCKETS)]          # n[2], sum_ms[2]


class LifetimeResult(ctypes.Structure):
    _fields_ = [("model", ctypes.c_int), ("gaps", ctypes.c_uint64), ("changes", ctypes.c_uint64)] + [
        (n, ctypes.c_double) for n in ("observed_s", "rate", "low", "high", "error", "mean_s", "mean_low", "mean_high",
                                       "regular")]


class Count(ctypes.Structure):
    _fields_ = [("left", ctypes.c_uint8), ("right", ctypes.c_uint8), ("n", ctypes.c_uint64)]


class Run(ctypes.Structure):
    _fields_ = [("left", ctypes.c_uint8), ("right", ctypes.c_uint8), ("mass", ctypes.c_double)]


class Curve(ctypes.Structure):
    _fields_ = [("n", ctypes.c_uint), ("steps", ctypes.c_uint), ("run", Run * CELLS)]


class Rung(ctypes.Structure):
    _fields_ = [("ttl_s", ctypes.c_uint32)] + [(n, ctypes.c_uint64) for n in (
        "lookups", "hits", "stale_hits", "unknown_hits", "stale_purgeable", "warm_lookups", "warm_hits", "cycles_hit", "bytes_saved",
        "server_us_saved")]


class Input(ctypes.Structure):
    _fields_ = [("rung", ctypes.POINTER(Rung)), ("n", ctypes.c_uint), ("budget", ctypes.c_double),
                ("strict", ctypes.c_bool), ("duration_s", ctypes.c_double), ("coverage", ctypes.c_double),
                ("excess", ctypes.c_double), ("truncated", ctypes.c_bool)] + [(n, ctypes.c_double) for n in (
                    "not_modified", "validators", "body_bytes", "write_recall", "rate_per_key")]


class Interval(ctypes.Structure):
    _fields_ = [("low", ctypes.c_double), ("high", ctypes.c_double)]


class Recommendation(ctypes.Structure):
    _fields_ = [("action", ctypes.c_int), ("end", ctypes.c_int), ("standing", ctypes.c_int), ("shown", ctypes.c_bool),
                ("ttl_s", ctypes.c_uint32), ("most_s", ctypes.c_uint32), ("hit_ratio", ctypes.c_double),
                ("hits", Interval), ("stale_ratio", ctypes.c_double), ("stale_high", ctypes.c_double),
                ("cycles", ctypes.c_uint64), ("requests_saved", ctypes.c_uint64), ("bytes_saved", ctypes.c_uint64),
                ("server_us_saved", ctypes.c_uint64), ("cycles_needed", ctypes.c_double),
                ("hours_needed", ctypes.c_double)]


def build(folder):
    out = pathlib.Path(folder, "rules.so")
    subprocess.run(["cc", "-std=gnu11", "-O2", "-shared", "-fPIC", "-I.", "-D_GNU_SOURCE", "-DNO_MULTIVERSION",
                    "-o", out, *FILES, "-lxxhash", "-lm"], cwd=ROOT, check=True)
    lib = ctypes.CDLL(str(out))
    lib.lifetime_result.restype = LifetimeResult
    lib.recommend.restype = Recommendation
    lib.interval_wilson.restype = Interval
    lib.interval_wilson.argtypes = [ctypes.c_double] * 3
    for name in ("interval_low", "interval_high", "survival_low", "survival_high", "survival_edge"):
        getattr(lib, name).restype = ctypes.c_double
    lib.interval_low.argtypes = lib.interval_high.argtypes = [ctypes.c_double] * 3
    return lib


failed = 0


def say(good, text):
    global failed
    failed += not good
    print("%s - %s" % ("ok" if good else "not ok", text), flush=True)


# Intervals: Wilson's ends are the shares whose test just fails; Clopper and Pearson's by summing the binomial.

def intervals(lib, scale):
    rng, worst, exact = random.Random(1), 0.0, 0.0
    for _ in range(300 * scale):
        n = rng.randint(1, 5000)
        k = rng.randint(0, n)
        got = lib.interval_wilson(k / n, n, 1.96)
        for end in (got.low, got.high):
            if 0 < end < 1:                                      # (p - end)^2 = z^2 end (1 - end) / n
                worst = max(worst, abs((k / n - end) ** 2 - 1.96 ** 2 * end * (1 - end) / n))
        if k < n and n < 400:
            high = lib.interval_high(k, n, .05)
            tail = sum(math.comb(n, i) * high ** i * (1 - high) ** (n - i) for i in range(k + 1))
            exact = max(exact, abs(tail - .05))
    say(worst < 1e-12, "Wilson's ends solve his equation (off by %.1e)" % worst)
    say(exact < 1e-9, "Clopper and Pearson's invert the binomial (off by %.1e)" % exact)


# Change rates (S-3).

def bucket(ms):
    if ms < 1:
        return 0
    e = ms.bit_length() - 1
    return min(4 * e + (ms << 2 >> e & 3), BUCKETS - 1)


def exact_rate(gaps):
    low, high = 1e-9, 1e3
    same = sum(g for g, z in gaps if not z)
    changed = [g for g, z in gaps if z]
    for _ in range(100):
        rate = math.sqrt(low * high)
        pull = sum(g / math.expm1(rate * g) if rate * g < 700 else 0 for g in changed)
        low, high = (rate, high) if pull > same else (low, rate)
    return low


def gaps_of(rng, rate, n):
    """Visits as they come: Poisson, regular polling, or bursts with pauses."""
    kind, mean = rng.choice(["poisson", "regular", "bursts"]), rng.uniform(.2, 3) / rate
    out = []
    for _ in range(n):
        if kind == "regular":
            g = mean * rng.uniform(.99, 1.01)
        elif kind == "poisson":
            g = rng.expovariate(1 / mean)
        else:
            g = rng.expovariate(10 / mean) if rng.random() < .7 else rng.expovariate(1 / (3 * mean))
        ms = int(g * 1000)
        out.append((max(ms, .5) / 1000, ms, rng.random() < -math.expm1(-rate * g)))
    return out


def rates(lib, scale):
    rng, covered, runs, low, high = random.Random(2), 0, 1000 * scale, 2.0, 0.0
    for _ in range(runs):
        rate = 10 ** rng.uniform(-4, 0)
        gaps = gaps_of(rng, rate, rng.randint(60, 600))
        sums = Lifetime()
        for _, ms, z in gaps:
            b = sums.bucket[bucket(ms)]
            b[z] += 1
            b[2 + z] += ms
        got = lib.lifetime_result(ctypes.byref(sums))
        covered += got.low <= rate <= got.high
        if scale > 1 or rng.random() < .2:
            ratio = got.rate / exact_rate([(g, z) for g, _, z in gaps])
            low, high = min(low, ratio), max(high, ratio)
    say(.93 <= covered / runs <= .97, "95 %% intervals of the rate hold it in %.1f %% of %d" % (100 * covered / runs, runs))
    say(low > .9985 and high < 1.0001, "buckets against gaps: %.5f to %.5f" % (low, high))


# Lifetimes of versions (S-4): expectation and maximisation over all cells, one version at a time.

def plain_em(counts, steps=4000):
    """Mass per cell, from masses that could be anything: those of innermost intervals alone matter."""
    mass = [1 / CELLS] * CELLS
    n = sum(k for _, _, k in counts)
    for _ in range(steps):
        new = [0.0] * CELLS
        for left, right, k in counts:
            inside = sum(mass[left:right + 1])
            for cell in range(left, right + 1):
                new[cell] += k * mass[cell] / inside / n
        done = max(abs(a - b) for a, b in zip(mass, new)) < 1e-9
        mass = new
        if done:
            break
    return mass


def turnbull(lib, scale):
    rng, worst, runs = random.Random(3), 0.0, 25 * scale
    for _ in range(runs):
        counts, span = [], rng.randint(4, 40)
        for _ in range(rng.randint(3, 60)):
            left = rng.randrange(span)
            right = CELLS - 1 if rng.random() < .25 else min(left + rng.randrange(1 + span // 3), CELLS - 1)
            counts.append((left, right, rng.randint(1, 30)))
        array = (Count * len(counts))(*[Count(*c) for c in counts])
        curve = Curve()
        lib.survival_turnbull(array, len(counts), ctypes.byref(curve))
        mass = plain_em(counts)
        for edge in range(CELLS):                                # within a run of cells the mass may lie anywhere
            alive = sum(mass[edge:])
            low, high = (f(ctypes.byref(curve), edge) for f in (lib.survival_low, lib.survival_high))
            worst = max(worst, low - alive, alive - high)
    say(worst < 1e-3, "survival at the cells' edges against the plain algorithm, %d samples: off by %.1e" % (runs, worst))


# Recommendations (T-12): Model Z on made-up endpoints; the advice is tried on traffic it has not seen.

TTLS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600]


def trace(rng, rate, period, n):
    """(time, content) of one key: arrivals at random, a content that changes at random every `period` on average."""
    now, change, content = 0.0, rng.expovariate(1 / period) if period else math.inf, 1
    for _ in range(n):
        now += rng.expovariate(rate)
        while now >= change:
            content += 1
            change += rng.expovariate(1 / period)
        yield now, content


def model_z(visits, ttl):
    slot, hit_in_cycle = None, True
    r = Rung(ttl_s=ttl)
    for now, content in visits:
        warm = now >= ttl
        r.lookups += 1
        r.warm_lookups += warm
        if slot and now - slot[0] < ttl:
            r.hits += 1
            r.warm_hits += warm
            r.stale_hits += content != slot[1]
            r.cycles_hit += not hit_in_cycle
            hit_in_cycle = True
        else:
            slot, hit_in_cycle = (now, content), False
    return r


def advise(lib, visits):
    rungs = (Rung * len(TTLS))(*[model_z(visits, t) for t in TTLS])
    given = Input(rungs, len(TTLS), .01, False, visits[-1][0], math.nan, 0, False, *[math.nan] * 5)
    return lib.recommend(ctypes.byref(given))


def recommendations(lib, scale):
    rng = random.Random(4)
    given = kept = 0
    for run in range(60 * scale):
        period = rng.choice([10, 3600, None])
        rate = 10 ** rng.uniform(-1, 2)
        n = rng.randint(2000, 8000)
        got = advise(lib, list(trace(rng, rate, period, n)))
        if got.action:
            continue
        fresh = model_z(trace(rng, rate, period, 20000), got.ttl_s)
        given += 1
        kept += fresh.stale_hits <= 2 * .01 * fresh.hits
        if period is None and got.stale_ratio:
            say(False, "a content that never changes is stale")
    say(given >= 15 * scale and kept >= .95 * given,
        "%d of %d recommended lifetimes keep twice the budget on fresh traffic" % (kept, given))
    # 4,000 s hold 200 cycles of 20 s, and 189 clean ones are the least that prove twice the budget
    steady = list(trace(rng, 5.0, None, 20000))
    got = advise(lib, steady)
    say(got.action == 0 and got.ttl_s == min(t for t in TTLS if 1 - 1 / (1 + 5 * t) >= .95 * (1 - 1 / (1 + 5 * 20)))
        and got.most_s == 20, "what never changes gets the shortest lifetime with nearly all hits: %d of %d s"
        % (got.ttl_s, got.most_s))
    fast = list(trace(rng, 5.0, 3, 20000))
    got = advise(lib, fast)
    say(got.action != 0 and got.end == 1, "what changes every 3 s gets none")


# Audits: records of keys whose contents change, with unknown contents, codings, variants, long silences and keys that
# give several answers by turns. Counts are whole numbers and must be equal.

EPOCH = 1_700_000_000_000_000
IDLE = 24 * 86400 * 1000 // 1024           # a key left alone longer, in 1024 ms, is as new; so is a content after 2^31 ms
EDGES = [0] + [1000 * (4 + q) * 2 ** e // 4 for e in range(22) for q in range(4)][:CELLS - 1] + [math.inf]


def records(rng):
    """(ms, key, variant, content, record) of one trace in order; content is (coding, id) or None."""
    keys, now, pace = rng.randint(1, 25), EPOCH, 10 ** rng.uniform(-3, 0)
    period = [10 ** rng.uniform(-1, 6) for _ in range(keys)]
    turns = [rng.random() < .3 for _ in range(keys)]              # several answers, whoever asks
    version, until, fresh = list(range(keys)), [0.0] * keys, keys
    for _ in range(rng.randint(1, rng.choice([30, 400, 1500]))):
        now += rng.choice([0, 1000, int(pace * rng.randrange(3_000_000)), int(pace * rng.randrange(60_000_000)), rng.randrange(86_400_000_000)
                           if rng.random() < .05 else 0, rng.randrange(20, 30) * 86_400_000_000 if rng.random() < .002 else 0])
        k = int(keys * rng.random() ** 2)
        while until[k] * 1e6 < now - EPOCH:
            fresh += 1
            until[k] = max(until[k], (now - EPOCH) / 1e6 - 5 * period[k]) + rng.expovariate(1 / period[k])
            version[k] = fresh
        body = version[k] * 4 + (rng.randrange(rng.choice([2, 4])) if turns[k] else 0)
        status = rng.choice([200] * 15 + [404, 500])
        language = rng.choice(["de", "en"]) if k % 5 == 0 else None
        record = {"ts": now / 1e6, "client": "10.0.0.1:4000", "method": "GET", "authority": "api.test", "status": status,
                  "target": "/e%d/%d" % (k % 3, k), "response_bytes": 10, "headers": {"request": {}, "response": {}}}
        if language:
            record["headers"] = {"request": {"accept-language": language}, "response": {"vary": "accept-language"}}
        if rng.random() < .04:
            record["encoding"] = "gzip"
        content = None
        if rng.random() < .93:
            record["body_id"] = "%016x" % (0x9e3779b97f4a7c15 * (body + 1) % 2**64)
            content = ("encoding" in record, record["body_id"]) if status == 200 else None
        yield now // 1000, k, language, content, record


def cell(ms):
    """The cell that holds a lifetime of so many ms: above its edge, up to the next."""
    return next(c for c in range(CELLS) if ms <= EDGES[c + 1])


class Sums:
    """Of one endpoint."""
    def __init__(self):
        self.observed = self.changes = self.multi = self.deaths = self.close = 0
        self.gaps, self.versions = collections.defaultdict(lambda: [0] * 4), collections.Counter()

    def gap(self, ms, changed):
        b = self.gaps[bucket(ms)]
        b[changed] += 1
        b[2 + changed] += ms


def follow(visits, sums):
    """One key and variant: its (ms, content) of every look-up."""
    seen = None                                                    # the known visits since contents can be compared
    last = visits[0][0] >> 10
    for ms, content in visits + [(None, None)]:
        if seen and (ms is None or (ms >> 10) - last > IDLE or (content and (ms - seen[-1][0] >= 2**31 or content[0] != seen[-1][1][0]))):
            versions(seen, sums)
            seen = None
        if ms is not None:
            last = ms >> 10
            if content:
                seen = (seen or []) + [(ms, content)]


def versions(seen, sums):
    recent, returns, multi = [], [], False
    born = None                                                    # (b0, b1) of the version that lives
    for (before, old), (now, new) in zip(seen, seen[1:]):
        sums.observed += 1
        sums.changes += old != new
        if multi:
            continue
        sums.gap(now - before, old != new)
        if old == new:
            continue
        if born:
            shortest, longest = before - born[1], now - born[0]
            sums.versions[cell(shortest + 1), cell(max(longest, 1))] += 1
            sums.deaths += 1
            sums.close += 20 * (longest - shortest) < longest + shortest
        recent = [old] + [c for c in recent if c != old]
        if new in recent[1:3]:
            returns.append(now)
        multi = new in recent[1:3] and len(returns) >= 5 and now - returns[-5] <= 60000
        sums.multi += multi
        born = None if multi else (before, now)
    if born:
        sums.versions[cell(seen[-1][0] - born[1] + 1), CELLS - 1] += 1


def audit(binary, folder, trace):
    """The stored lifetimes and the report's staleness by route."""
    path, db = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
    path.write_text("".join(json.dumps(r) + "\n" for r in trace))
    subprocess.run([binary, "capture", "-q", "--records", path, "-d", db, "--fresh"], check=True, timeout=120)
    out = subprocess.run([binary, "report", db, "--format", "json"], check=True, timeout=120, stdout=subprocess.PIPE).stdout
    with sqlite3.connect(db) as c:
        stored = {route: json.loads(text) for route, text in c.execute("SELECT route, lifetimes FROM endpoint WHERE alias = 0")}
    return stored, {e["route"]: e["staleness"] for e in json.loads(out)["endpoints"]}


def same_counts(sums, stored, report):
    return (report["observed_gaps"], report["changes"], report["multi_valued"]) == (sums.observed, sums.changes, sums.multi) and stored == {
        "multi": sums.multi, "lost": [0, 0], "gaps": [[b, *sums.gaps[b]] for b in sorted(sums.gaps)],
        "versions": [sums.deaths, sums.close, *([*c, sums.versions[c]] for c in sorted(sums.versions))]}


def close_enough(sums, report):
    """The model of the report, from the buckets' means."""
    gaps = [(max(b[2 + z] / b[z], .5) / 1e3, z, b[z]) for b in sums.gaps.values() for z in (0, 1) if b[z]]
    n, x = sum(g[2] for g in gaps), sum(g[2] for g in gaps if g[1])
    model = None if not n else "no change seen" if not x else "changes faster than observed" if x == n else "poisson"
    if report["model"] != model or (report["median_low_s"] is None) != (not sums.deaths):
        return False
    if model != "poisson":
        return report["mean_lifetime_s"] is None
    rate = exact_rate([(g, z) for g, z, k in gaps for _ in range(k)])
    return abs(report["mean_lifetime_s"] * rate - 1) < 1e-6 and report["low_s"] < report["mean_lifetime_s"] < report["high_s"]


def audits(scale):
    binary = os.environ.get("SPANWISE") or str(ROOT / "build/opt/spanwise")
    runs, seen, wrong = 30 * scale, 0, []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder                     # the key of the pseudonyms is made there
        for seed in range(runs):
            visits, trace = collections.defaultdict(list), list(records(random.Random(seed)))
            for ms, k, variant, content, _ in trace:
                visits[k, variant].append((ms, content))
            want = collections.defaultdict(Sums)
            for (k, _), list_ in visits.items():
                follow(list_, want["/e%d/{int}" % (k % 3)])
            stored, report = audit(binary, folder, [r for *_, r in trace])
            for route, sums in want.items():
                seen += 1
                if not same_counts(sums, stored[route], report[route]) or not close_enough(sums, report[route]):
                    wrong.append("seed %d %s: %s, %s" % (seed, route, stored[route], report[route]))
    for line in wrong[:3]:
        print("# " + line)
    say(not wrong, "gaps, changes and versions of %d of %d endpoints in %d audits" % (seen - len(wrong), seen, runs))


def main():
    scale = int(sys.argv[1]) if len(sys.argv) > 1 else 10 if os.environ.get("PROOF") else 1
    with tempfile.TemporaryDirectory() as folder:
        lib = build(folder)
        for part in (intervals, rates, turnbull, recommendations):
            part(lib, scale)
    audits(scale)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
