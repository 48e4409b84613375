#!/usr/bin/env python3
# kinds: opt
"""What clients do in one go: random clients' actions, their sizes and the longest chain of requests that do not overlap, counted plainly
(all chains, by dynamic programming) beside the report. A page that needs five requests one after another is named with its cost; clients
that ask for anything in any order make no chain. Ten seeds with PROOF=1."""
import bisect
import collections
import json
import math
import random
import statistics

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good, parsed

here = folder()
PAGE = ("session", "profile", "basket", "offers", "delivery")       # each needs the one before
RTT, TOOK = 40_000, {"session": 12_000, "profile": 20_000, "basket": 30_000, "offers": 50_000, "delivery": 8_000}
ANY = ["r%d" % i for i in range(8)]


class Clients:
    def __init__(self, seed):
        self.rng, self.calls = random.Random(seed), []        # (client, endpoint, start, end, rtt)

    def add(self, client, endpoint, start, took, rtt):
        self.calls.append((client, endpoint, start, start + took, rtt))

    def page(self, client, at):
        """The page, then some side by side."""
        for name in PAGE:
            took = TOOK[name] + self.rng.randrange(-2000, 2000)
            self.add(client, name, at, took, RTT)
            at += took + self.rng.randrange(1000, 60_000)
        for i in range(self.rng.randrange(3)):
            self.add(client, "icon", at + i * 1000, 30_000, RTT)

    def anything(self, client, at):
        """Some requests, with pauses and overlaps."""
        for _ in range(self.rng.randrange(1, 12)):
            took = self.rng.randrange(5_000, 200_000)
            self.add(client, self.rng.choice(ANY), at, took, 2_000)
            at += self.rng.randrange(0, 300_000)

    def write(self, path):
        lines = []
        for client, endpoint, start, end, rtt in sorted(self.calls, key=lambda c: c[2]):
            lines.append(json.dumps({"ts": EPOCH + start / 1e6, "client": "10.0.%d.%d:4000" % (client // 200, client % 200 + 1), "server": "10.9.9.9:80",
                                     "method": "GET", "authority": "api.example", "target": "/%s/%d" % (endpoint, self.rng.randrange(1000)), "status": 200,
                                     "end": "complete", "request_s": 0, "ttfb_s": (end - start) / 1e6, "duration_s": (end - start) / 1e6,
                                     "rtt_client_s": rtt / 1e6, "rtt_server_s": 0, "response_bytes": 100}) + "\n")
        path.write_text("".join(lines))
        return path


def deepest(calls):
    """The most calls no two of which overlap (one may begin when another ends)."""
    spans = sorted({(e, s, i) for i, (_, _, s, e, _) in enumerate(calls)})
    ends, best = [e for e, _, _ in spans], [0]
    for k, (_, s, _) in enumerate(spans):
        best.append(max(best[-1], 1 + best[min(bisect.bisect_right(ends, s), k)]))
    return best[-1]


def actions(calls):
    """Per client: its actions, as lists of calls."""
    out = collections.defaultdict(list)
    for c in sorted(calls, key=lambda c: c[2]):
        mine = out[c[0]]
        if mine and c[2] - max(x[3] for x in mine[-1]) <= 1_000_000:
            mine[-1].append(c)
        else:
            mine.append([c])
    return out


def quantile(values, q):
    return sorted(values)[max(1, math.ceil(q * len(values))) - 1]


for seed in range(1, 11 if PROOF else 2):
    w = Clients(seed)
    for client in range(30):
        for visit in range(12):
            w.page(client, visit * 60_000_000 + client * 1_700_000 + w.rng.randrange(1_000_000))
    for client in range(30, 90):
        for visit in range(25):
            w.anything(client, visit * 28_000_000 + w.rng.randrange(20_000_000))
    good("capture", "-q", "--records", w.write(here / "chatty.jsonl"), "-d", here / "chatty.db", "--secret", SECRET, "--fresh")
    r = parsed(good("report", here / "chatty.db", "--format", "json"))
    want, wrong = actions(w.calls), []
    by_address = {c["addresses"][0]: c["chattiness"] for c in r["clients"]}
    for client, mine in want.items():
        c = by_address["10.0.%d.%d" % (client // 200, client % 200 + 1)]
        sizes, depths = [len(a) for a in mine], [deepest(a) for a in mine]
        truth = {"actions": len(mine), "unbroken": 0, "requests_median": quantile(sizes, .5), "requests_p95": quantile(sizes, .95),
                 "depth_median": quantile(depths, .5), "depth_max": max(depths), "round_trips_waited": statistics.fmean(d - 1 for d in depths)}
        wrong += ["client %d: %s is %s, not %s" % (client, k, c[k], v) for k, v in truth.items() if abs(c[k] - v) > 1e-9]
    check(not wrong and len(want) == len(by_address), "seed %d: actions, their sizes and depths are those of a plain count" % seed, *wrong)
    name = {e["id"]: e["route"].split("/")[1] for e in r["endpoints"]}
    chains = [[name[e] for e in k["endpoints"]] for k in r["waterfalls"]]
    check(chains and all(tuple(c[:5]) == PAGE for c in chains) and sum(k["actions"] for k in r["waterfalls"]) == 360,
          "seed %d: the page is the only chain" % seed, chains)
    hours = (r["behaviour"]["to"] - r["behaviour"]["from"]) / 3600
    cost = sum(b["seconds_per_hour"] for b in r["bottlenecks"] if b["kind"] == "chatty")
    # steps after the first wait a round trip and the server; where icons follow most of the time they are one more step
    icons = sum(k["actions"] for k, c in zip(r["waterfalls"], chains) if len(c) > 5)
    true = (360 * (4 * RTT + sum(TOOK[n] for n in PAGE[1:])) + icons * (RTT + 30_000)) / 1e6 / hours
    check(abs(cost - true) < .05 * true, "seed %d: and costs its round trips and what they wait for" % seed, cost, true)
    check(len(chains) <= 2 and all("session" in b["target"] and "/profile/" in b["why"] for b in r["bottlenecks"] if b["kind"] == "chatty"), "seed %d: named by its steps" % seed)

# A client that never pauses has no actions.
w = Clients(1)
for i in range(2000):
    w.add(1, ANY[i % 4], i * 300_000, 50_000, 1000)
good("capture", "-q", "--records", w.write(here / "endless.jsonl"), "-d", here / "endless.db", "--secret", SECRET)
r = parsed(good("report", here / "endless.db", "--format", "json"))
c = r["clients"][0]["chattiness"]
check(c["actions"] == 0 and c["unbroken"] == 1 and c["requests_median"] is None and not r["waterfalls"], "a client that never pauses has no actions", c)
finish()
