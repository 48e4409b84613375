#!/usr/bin/env python3
"""Hold the demand by hour of the day and weekday against counting by hand (ALGORITHMS.md 8.3, test X-2).

    demand.py [SEEDS [FIRST]]      default: 2 random traces from seed 1; 40 with PROOF=1. SPANWISE names the binary

Records of hours to weeks, with silent minutes, hours and days. Every row must hold what its minutes hold; rows add up to the whole,
and those of windows that share the time out add up to those of the whole audit.
"""
import collections
import datetime
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

PROOF = bool(os.environ.get("PROOF"))
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SUMS = ("minutes", "requests", "errors", "response_bytes", "server_seconds")


def bucket(v):
    if v < 64:
        return v
    e = v.bit_length() - 1
    width = 1 << (e - 5)
    return v // width * width + (width - 1) / 2


def make(seed):
    """(time in s, status, bytes, ttfb in ms) in order."""
    rng = random.Random(seed)
    now, out = rng.randrange(1_600_000_000, 1_900_000_000) + .25, []
    for _ in range(rng.choice([300, 2500])):
        now += rng.choice([0, rng.random(), 60 * rng.random(), 60 * rng.random(), 600 * rng.random()])
        now += (rng.random() < .01) * rng.randrange(40_000) + (rng.random() < .002) * 200_000
        now = math.floor(now * 1e6) / 1e6
        for _ in range(rng.choice([1, 1, 1, 40, 200]) if rng.random() < .05 else 1):
            out.append((now, rng.choice([200] * 9 + [500]), rng.randrange(1000), rng.randrange(100)))
    return out


def record(at, status, size, ttfb):
    return json.dumps({"ts": at, "client": "10.0.0.1:4000", "server": "10.9.9.1:80", "method": "GET", "authority": "a.test", "target": "/x/1",
                       "status": status, "end": "complete", "response_bytes": size, "ttfb_s": ttfb / 1e3, "duration_s": ttfb / 1e3})


def place(minute):
    at = datetime.datetime.fromtimestamp(minute * 60, datetime.timezone.utc)
    return DAYS[at.weekday()], at.hour


def expected(trace, started, ended):
    """(weekday, hour) -> the requests of each minute, and sums."""
    minutes, cells = collections.Counter(), collections.defaultdict(lambda: [[], collections.Counter()])
    for at, status, size, ttfb in trace:
        minutes[int(at // 60)] += 1
        sums = cells[place(int(at // 60))][1]
        sums.update(errors=status >= 500, response_bytes=size, server_seconds=ttfb)
    hours = {m // 60 for m in minutes}
    for minute in range(int(started // 60), int(ended // 60) + 1):
        if minute // 60 in hours:
            cells[place(minute)][0].append(minutes[minute])
    return cells, len(hours), int(ended // 3600) - int(started // 3600) + 1 - len(hours)


def row_of(cells):
    each, sums = sorted(n for c in cells for n in c[0]), collections.Counter()
    for c in cells:
        sums.update(c[1])
    def quantile(q):
        v = bucket(each[max(1, math.ceil(q * len(each))) - 1])
        return min(max(v, each[0]), each[-1])
    return {"minutes": len(each), "requests": sum(each), "errors": sums["errors"], "response_bytes": sums["response_bytes"],
            "server_seconds": sums["server_seconds"] / 1e3,
            "per_minute": {"p50": quantile(.5), "p95": quantile(.95), "p99": quantile(.99), "max": each[-1]}}


def is_same(want, got):
    return all(is_same(v, got.get(k)) if isinstance(v, dict) else abs(v - got.get(k, math.inf)) < 1e-6 for k, v in want.items())


def add_up(rows, into):
    for r in rows:
        for k in SUMS:
            into[r.get("weekday"), r.get("hour"), k] += r[k]


def tables(report):
    return [[report["demand"]] if report["demand"] else [], report["demand_by_hour"], report["demand_by_weekday"], report["demand_by_hour_of_week"]]


def check(binary, seed, folder, wrong):
    trace = make(seed)
    records, database = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
    records.write_text("".join(record(*x) + "\n" for x in trace))
    subprocess.run([binary, "capture", "-q", "--fresh", "--retain", "forever", "--records", records, "-d", database], check=True, timeout=100)

    def report(*window):
        done = subprocess.run([binary, "report", database, "--format", "json", *window], timeout=60, capture_output=True)
        return json.loads(done.stdout) if done.returncode == 0 else None
    whole = report()
    cells, hours, silent = expected(trace, whole["capture"]["started"], whole["capture"]["ended"])
    if (hours, silent) != (whole["demand"]["hours"], whole["demand"]["silent_hours"]):
        wrong.append("seed %d: %s hours, got %s" % (seed, (hours, silent), whole["demand"]))
    for rows, by in zip(tables(whole), (lambda d, h: (None, None), lambda d, h: (None, h), lambda d, h: (d, None), lambda d, h: (d, h))):
        groups = collections.defaultdict(list)
        for (d, h), c in cells.items():
            groups[by(d, h)].append(c)
        got = {(r.get("weekday"), r.get("hour")): r for r in rows}
        if set(got) != set(groups):
            wrong.append("seed %d: rows %s, got %s" % (seed, sorted(groups, key=str), sorted(got, key=str)))
        wrong += ["seed %d %s: wanted %s, got %s" % (seed, k, row_of(groups[k]), got.get(k)) for k in groups
                  if not is_same(row_of(groups[k]), got.get(k, {}))][:5]
    first, last = int(trace[0][0]) // 3600, int(whole["capture"]["ended"]) // 3600 + 1
    rng, count = random.Random(seed), 1
    cuts = sorted({first, last, *(rng.randrange(first, last + 1) for _ in range(3))})
    sums, want = collections.Counter(), collections.Counter()
    for table in tables(whole):
        add_up(table, want)
    for low, high in zip(cuts, cuts[1:]):
        part = report("--from", str(low * 3600), "--to", str(high * 3600))
        count += 1
        for table in tables(part) if part else []:
            add_up([r for r in table if r["minutes"]], sums)
    wrong += ["seed %d windows of %s: %s is %s, of the whole %s" % (seed, cuts, k, sums[k], v) for k, v in want.items() if abs(sums[k] - v) > 1e-3][:5]
    return count


def main():
    binary = os.path.abspath(os.environ.get("SPANWISE") or pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 40 if PROOF else 2
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    wrong, reports = [], 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder
        for seed in range(first, first + seeds):
            reports += check(binary, seed, folder, wrong)
    print("%s - demand by hour and weekday: %d reports of %d seeds, whole and in windows" % ("not ok" if wrong else "ok", reports, seeds))
    for line in wrong[:12]:
        print("#   " + line[:400])
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
