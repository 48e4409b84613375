#!/usr/bin/env python3
"""Hold `report --from --to` against Model Z: what a window holds is what was counted between its ends, while caches and
keys go on from before.

    windows.py [SEEDS [FIRST]]     default: 5 random traces from seed 1; 500 with PROOF=1. SPANWISE names the binary

The traces and the model are those of ladder.py; here the model's counters are copied at each hour, and differences are
compared with windows of random ends.
"""
import copy
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import ladder

HOUR = 3600


class Windows:
    """The model, and what it had counted when each hour began."""
    def __init__(self, trace):
        self.model, self.at = ladder.Oracle(), []           # (hour's beginning in s, counters before it)
        for us, r in trace:
            hour = us // 1_000_000 // HOUR * HOUR
            if not self.at or hour > self.at[-1][0]:
                self.at.append((hour, self.counters()))
            self.model.take(us, r)
        self.end = self.counters()

    def counters(self):
        m, out = self.model, {}
        for name, e in m.endpoints.items():
            out.update({(name, k): v for k, v in e.items()})
            for ttl, rung in zip(ladder.TTLS, m.rungs[name]):
                out.update({(name, ttl, k): v for k, v in rung.items()})
        for address, c in m.client_counts.items():
            out.update({(address, k): v for k, v in c.items()})
        out.update({("totals", k): v for k, v in m.totals.items()})
        return copy.copy(out)

    def between(self, start, end):
        """What was counted in the hours that begin in start <= t < end."""
        def before(t):
            return next((c for hour, c in self.at if hour >= t), self.end)
        low, high = before(start), before(end)
        return {k: v - low.get(k, 0) for k, v in high.items() if v != low.get(k, 0)}


def figures(report):
    out = {("totals", k): report["totals"][k] for k in ("exchanges", "unanswered", "eligible", "response_bytes")}
    for e in report["endpoints"]:
        name = "%s %s" % (e["method"], e["route"])
        out.update({(name, k): e[k] for k in ("requests", "eligible", "errors", "response_bytes")})
        out[(name, "keys")] = e["keys_first_seen"]
        out[(name, "same")] = round((e["repeat_ratio_content"] or 0) * e["eligible"])
        out.update({(name, k): e["staleness"][k] for k in ("observed_gaps", "changes")})
        for r in e["ttl"]:
            out.update({(name, r["ttl_s"], k): r[k] for k in ladder.RUNG})
            out[(name, "within %d" % r["ttl_s"])] = round((r["repeat_ratio"] or 0) * e["eligible"])
            out[(name, r["ttl_s"], "server_us_saved")] = round((r["server_seconds_saved"] or 0) * 1e6)
            warm = r["hit_ratio_warm"]
            out[(name, r["ttl_s"], "warm_ratio")] = None if warm is None else round(warm, 9)
    for c in report["clients"]:
        for address in c["addresses"]:
            out.update({(address, k): c[k] for k in ("requests", "errors")})
    return {k: v for k, v in out.items() if v}


def wanted(counted):
    out = {k: v for k, v in counted.items() if k[-1] not in ("warm", "warm_hits", "pairs")}  # pairs: of the whole alone
    for (name, ttl), warm in {k[:2]: v for k, v in counted.items() if k[-1] == "warm"}.items():
        out[(name, ttl, "warm_ratio")] = round(counted.get((name, ttl, "warm_hits"), 0) / warm, 9)
    return {k: v for k, v in out.items() if v}


def check(binary, seed, tally):
    rng, trace = random.Random(seed), ladder.make(seed)
    model = Windows(trace)
    hours = [hour for hour, _ in model.at]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder
        records, database = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
        records.write_text("".join(json.dumps(r) + "\n" for _, r in trace))
        subprocess.run([binary, "capture", "-q", "--records", records, "-d", database, "--retain", "forever"], check=True, timeout=120)
        for _ in range(4):
            first = rng.choice(hours)
            last = max(rng.choice(hours), first)
            start, end = first + rng.randrange(HOUR), last + 1 + rng.randrange(HOUR)
            start, end = min(start, end - 1), max(start + 1, end)
            out = subprocess.run([binary, "report", database, "--format", "json", "--from", str(start), "--to", str(end)], check=True,
                                 timeout=120, stdout=subprocess.PIPE).stdout
            got = json.loads(out)
            low, high = start // HOUR * HOUR, -(-end // HOUR) * HOUR
            tally.same("seed %d window" % seed, [max(low, hours[0]), min(high, hours[-1] + HOUR)], [got["capture"]["window"][k] for k in ("from", "to")])
            want, have = wanted(model.between(low, high)), figures(got)
            for k in sorted(set(want) | set(have), key=str):
                tally.same("seed %d %s..%s %s" % (seed, low, high, k), want.get(k, 0), have.get(k, 0))


def main():
    given = sys.argv[1:3]
    if given and given[0].startswith("-"):
        sys.exit(__doc__)
    seeds, first = (int(n) for n in given + ["500" if os.environ.get("PROOF") else "5", "1"][len(given):])
    binary = os.environ.get("SPANWISE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    tally = ladder.Tally()
    for seed in range(first, first + seeds):
        check(binary, seed, tally)
    for line in tally.wrong[:20]:
        print("# " + line)
    print(("not ok" if tally.wrong else "ok") + " - windows: %d of %d figures equal over %d traces" % (tally.seen - len(tally.wrong), tally.seen, seeds))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
