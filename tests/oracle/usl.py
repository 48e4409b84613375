#!/usr/bin/env python3
"""Hold what the report says of capacity against the definitions written down plainly (ALGORITHMS.md 8.4, 8.6), tests L-1 and U-1.

    usl.py [SEEDS [FIRST]]     default: 2 random traces and 2 planted systems of each kind from seed 1; 60 and 10 with PROOF=1

Random exchange records of several services and servers: what is under way and answered in each second, which seconds can be used and the curve
must be equal, whatever the law makes of them. Planted: closed systems whose response time follows the law, and queues with few workers; the law
and its intervals are computed anew, from the seconds themselves by another method (orthogonalised rows, blocks left out for real), the knee and
the most throughput must be those planted within 10 %, the time waited within 5 %, and what scales must be refused.
"""
import collections
import heapq
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

EPOCH = 1_700_000_000_000_000
PROOF = bool(os.environ.get("PROOF"))
NAMES = ("gamma", "sigma", "kappa", "knee", "max_throughput")


class Tally:
    def __init__(self):
        self.seen, self.wrong, self.indices = 0, [], 0

    def same(self, what, want, got, within=0.0):
        self.seen += 1
        close = want == got or (isinstance(want, (int, float)) and isinstance(got, (int, float)) and
                                abs(want - got) <= within * max(abs(want), abs(got)))
        if not close:
            self.wrong.append("%s: wanted %s, got %s" % (what, want, got))

    def holds(self, what, is_so, detail=""):
        self.seen += 1
        if not is_so:
            self.wrong.append("%s %s" % (what, detail))
        return is_so


class Call:
    def __init__(self, at, duration, service="a.test", server="10.9.9.1:80", path="/x/1", status=200, end="complete", request=0, method="GET", who=None):
        self.at, self.duration, self.service, self.server, self.path = at, duration, service, server, path
        self.status, self.end, self.request, self.method = status, end, request, method
        self.who = who                                              # a client's number; its answers are the same as all others'
        self.known = duration is not None and end == "complete"
        self.over = max(at, at - request + duration) if self.known else at
        self.tunnel = status == 101 or method == "CONNECT"
        self.failed = status >= 500 or status == 429 or not status or end == "server_abort"

    def record(self):
        first = self.at - self.request
        out = {"ts": first // 1_000_000 + first % 1_000_000 / 1e6, "request_s": self.request / 1e6, "client": "10.0.0.1:4000",
               "server": self.server, "method": self.method, "authority": self.service, "target": self.path, "status": self.status,
               "end": self.end, "headers": {"request": {}, "response": {}}}
        if self.who is not None:
            out.update(client="10.%d.%d.7:4000" % (self.who % 5, self.who), client_id="bearer:%012x" % (self.who + 1),
                       body_id="%016x" % (int.from_bytes(self.path.encode(), "big") + 1), response_bytes=500)
        if self.duration is not None:
            out["duration_s"] = self.duration / 1e6
            out["ttfb_s"] = max(0, self.duration - self.request) / 1e6
        return json.dumps(out)


# ---- the definitions ----

def bucket(v):
    """Index of the histogram and its middle (ALGORITHMS.md 8.3)."""
    if v < 32:
        return v
    e = v.bit_length() - 1
    at = (e - 4) * 32 + (v >> (e - 5)) - 32
    low, width = ((at % 32) + 32) << (at // 32 - 1), 1 << (at // 32 - 1)
    return low + (width - 1) / 2


def quantile(values, q):
    return sorted(map(bucket, values))[max(1, math.ceil(q * len(values))) - 1] if values else None


def seconds_of(calls, start, end):
    """Second -> [area, ended, failed, lost, damaged, endpoints] of those in which something ended."""
    out = collections.defaultdict(lambda: [0, 0, 0, 0, False, collections.Counter()])
    for c in calls:
        if not c.known:
            s = out[c.at // 1_000_000]
            s[3] += 1
            s[4] |= c.end == "gap"
            continue
        for second in range(c.at // 1_000_000, c.over // 1_000_000 + 1):
            out[second][0] += max(0, min(c.over, (second + 1) * 1_000_000) - max(c.at, second * 1_000_000))
        s = out[c.over // 1_000_000]
        s[1] += 1
        s[2] += c.failed
        s[5][endpoint_of(c)] += 1
    return {k: v for k, v in sorted(out.items()) if v[1] and start <= k * 1_000_000 and (k + 1) * 1_000_000 <= end}


def endpoint_of(c):
    return c.method, c.service, c.path.split("/")[1]


def judge(calls, start, end):
    """What each second is good for: [(second, N, X, block)] of usable ones, and the counts."""
    seconds = seconds_of(calls, start, end)
    shares = collections.Counter(endpoint_of(c) for c in calls if c.known and start <= c.at <= end)
    answered = sum(shares.values())
    usual = sorted(shares.items(), key=lambda x: -x[1])
    ties = len(usual) > 5 and usual[4][1] == usual[5][1]            # which of equals is among the five is not said
    counts, usable, passed = collections.Counter(), [], 0
    for second, (area, done, failed, lost, damaged, kinds) in seconds.items():
        block, passed = min(19, passed * 20 // answered), passed + done
        steady = all(abs(kinds[e] / done - n / answered) <=
                     max(.5 * n / answered, 3 * math.sqrt(n / answered * (1 - n / answered) / done)) for e, n in usual[:5])
        kind = ("few" if done < 5 or not area else "damaged" if damaged else "failing" if failed + lost >= .2 * (done + lost) else
                "usable" if steady else "mixed")
        counts[kind] += 1
        if kind == "usable":
            usable.append((area, done, block))
    counts["with_answers"] = len(seconds)
    return seconds, counts, usable, ties


def bin_low(n):
    e = math.floor(math.log2(n))
    e -= 2.0 ** e > n
    return 2.0 ** e * (1 + math.floor((n / 2.0 ** e - 1) * 4) / 4)


def spearman(calls, seconds):
    """Rank correlation of mean server time and mean concurrency, by seconds."""
    times = collections.defaultdict(list)
    for c in calls:
        if c.known and c.status:
            times[c.over // 1_000_000].append(max(0, c.duration - c.request))
    pairs = [(s[0], sum(times[k]) / len(times[k])) for k, s in seconds.items() if times[k] and not s[4]]
    if not 300 <= len(pairs) <= 2048:
        return None
    ranks = []
    for values in zip(*pairs):
        places = collections.defaultdict(list)
        for place, v in enumerate(sorted(values)):
            places[v].append(place)
        ranks.append([sum(places[v]) / len(places[v]) for v in values])
    a, b = ([v - (len(pairs) - 1) / 2 for v in r] for r in ranks)
    below = math.sqrt(sum(v * v for v in a) * sum(v * v for v in b))
    return sum(v * w for v, w in zip(a, b)) / below if below else None


def queueing(calls, seconds):
    """p95/p50 of server time in the busiest tenth of seconds by that in the quietest, eight steps of concurrency an octave."""
    times, depth = collections.defaultdict(list), {k: index(s[0]) // 4 for k, s in seconds.items()}
    for c in calls:
        if c.known and c.status:
            times[c.over // 1_000_000].append(max(0, c.duration - c.request))
    depth = {k: v for k, v in depth.items() if times[k] and not seconds[k][4]}
    if len(depth) < 300:
        return None, "few_seconds"
    order = sorted(depth.values())
    low, high = order[math.ceil(.1 * len(order)) - 1], order[math.ceil(.9 * len(order)) - 1]
    if low >= high:
        return None, "narrow"
    idle = [t for k, v in depth.items() if v <= low for t in times[k]]
    busy = [t for k, v in depth.items() if v >= high for t in times[k]]
    if min(len(idle), len(busy)) < 100:
        return None, "few_answers"
    if not (quantile(idle, .5) and quantile(busy, .5)):
        return None, "no_time"
    return quantile(busy, .95) / quantile(busy, .5) / (quantile(idle, .95) / quantile(idle, .5)), None


def index(v):
    e = v.bit_length() - 1
    return v if v < 32 else (e - 4) * 32 + (v >> (e - 5)) - 32


def curve(usable):
    out = collections.defaultdict(list)
    for area, done, _ in usable:
        low = bin_low(area / 1e6)
        out[low if low > 2.0 ** -4 else 0].append((area / 1e6, done))    # the first takes what is below
    return out


# ---- the law, another way ----

def project(rows, use):
    """Least squares of 1 on the columns `use` of rows, by orthogonalising the columns; (coefficients, sum of squares left)."""
    columns, back = [[r[k] for r in rows] for k in use], []
    basis = []
    for c in columns:
        c, along = c[:], []
        for q in basis:
            d = math.fsum(a * b for a, b in zip(c, q))
            along.append(d)
            c = [a - d * b for a, b in zip(c, q)]
        length = math.sqrt(math.fsum(a * a for a in c))
        basis.append([a / length for a in c])
        back.append((along, length))
    z, rest = [], [1.0] * len(rows)
    for q in basis:
        z.append(math.fsum(a * b for a, b in zip(rest, q)))
        rest = [a - z[-1] * b for a, b in zip(rest, q)]
    k = z[:]
    for i in reversed(range(len(use))):
        k[i] = (z[i] - sum(k[j] * back[j][0][i] for j in range(i + 1, len(use)))) / back[i][1]
    full = [0.0, 0.0, 0.0]
    for i, v in zip(use, k):
        full[i] = v
    return full, math.fsum(a * a for a in rest)


def law_of(usable):
    rows = []
    for n, x in usable:
        r = n / x
        rows.append((1 / r, (n - 1) / r, n * (n - 1) / r))
    best = min((f for f in (project(rows, use) for use in ((0, 1, 2), (0, 1), (0, 2), (0,))) if f[0][0] > 0 and min(f[0][1:]) >= 0), key=lambda f: f[1])
    k = [v * (1 + best[1] / len(rows)) for v in best[0]]
    gamma, sigma, kappa = 1 / k[0], k[1] / k[0], k[2] / k[0]
    knee = math.inf if sigma < 1 and not kappa else max(1, math.sqrt((1 - sigma) / kappa)) if sigma < 1 else 1
    most = (gamma / sigma if sigma else math.inf) if math.isinf(knee) else gamma * knee / (1 + sigma * (knee - 1) + kappa * knee * (knee - 1))
    return gamma, sigma, kappa, knee, most


def intervals(usable):
    """Name -> (value, half of the interval) by leaving out each block in turn."""
    pairs = [(a / 1e6, x) for a, x, _ in usable]
    whole, blocks = law_of(pairs), sorted({b for _, _, b in usable})
    parts = [law_of([p for p, (_, _, b) in zip(pairs, usable) if b != left]) for left in blocks]
    g, out = len(blocks), {}
    t = {19: 2.0930, 18: 2.1009, 17: 2.1098, 16: 2.1199}[g - 1]
    for i, name in enumerate(NAMES):
        v = [p[i] for p in parts]
        if any(map(math.isinf, v)) or math.isinf(whole[i]):
            out[name] = whole[i], math.nan
            continue
        m = math.fsum(v) / g
        out[name] = whole[i], t * math.sqrt((g - 1) / g * math.fsum((a - m) ** 2 for a in v))
    return out


# ---- the report ----

def audit(binary, calls, folder, window=()):
    os.environ["XDG_CONFIG_HOME"] = folder
    records, database = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
    records.write_text("".join(c.record() + "\n" for c in sorted(calls, key=lambda c: c.at)))
    if not window:
        subprocess.run([binary, "capture", "-q", "--fresh", "--records", records, "-d", database], check=True, timeout=300)
    out = subprocess.run([binary, "report", database, "--format", "json", *map(str, window)], check=True, timeout=120, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def compare(name, row, calls, span, tally):
    """One row of the report beside its calls; of those outside of the span what reaches into it."""
    start, end = span
    inside = [c for c in calls if start <= c.at <= end]
    answered = [c for c in calls if c.known and not c.tunnel]
    asked = [c for c in calls if not c.tunnel]
    seconds, counts, usable, ties = judge(asked, start, end)
    tally.same(name + " exchanges", len(inside), row["exchanges"])
    tally.same(name + " tunnels", sum(c.tunnel for c in inside), row["tunnels"])
    area = sum(max(0, min(c.over, end) - max(c.at, start)) for c in answered)
    tally.same(name + " concurrency", area / (end - start), row["concurrency_mean"], 1e-9)
    heap, peak = [], 0
    for c in sorted(answered, key=lambda c: c.at):
        while heap and heap[0] <= c.at:
            heapq.heappop(heap)
        heapq.heappush(heap, c.over)
        if c.over > c.at and c.over > start and c.at < end:
            peak = max(peak, len(heap) if c.at >= start else max(peak, 1))
    tally.same(name + " peak", peak, row["concurrency_peak"])
    tally.same(name + " throughput", sum(c.known and not c.tunnel for c in inside) * 1e6 / (end - start), row["throughput_mean"], 1e-9)
    tally.same(name + " most", max((s[1] for s in seconds.values()), default=0), row["throughput_peak"])
    tally.same(name + " busy", quantile([s[1] for s in seconds.values()], .95), row["throughput_p95"])
    deep = quantile([s[0] for s in seconds.values()], .95)
    tally.same(name + " deep", deep and deep / 1e6, row["concurrency_p95"], 1e-12)
    if "endpoint" not in row:
        tally.holds(name + " ranks", row["latency_vs_concurrency"] == (want := spearman(asked, seconds)) or
                    abs(want - row["latency_vs_concurrency"]) < 1e-4, (want, row["latency_vs_concurrency"]))
        want, why = queueing(asked, seconds)
        tally.same(name + " queueing reason", why, row["queueing"]["reason"])
        tally.same(name + " queueing", want, row["queueing"]["index"], 1e-9)
        tally.indices += want is not None
    if ties:
        return usable
    for k in ("with_answers", "usable", "few", "damaged", "failing", "mixed"):
        tally.same(name + " seconds " + k, counts[k], row["seconds"][k])
    want = curve(usable)
    tally.same(name + " bins", sorted(want), [b["from"] for b in row["curve"]])
    for b in row["curve"]:
        mine = want.get(b["from"], [])
        tally.same(name + " bin windows", len(mine), b["windows"])
        for key, v in (("concurrency", sum(n for n, _ in mine)), ("throughput", sum(x for _, x in mine)), ("response_s", sum(n / x for n, x in mine))):
            tally.same(name + " bin " + key, v / max(1, len(mine)), b[key], 1e-9)
    law = row["usl"]
    tally.same(name + " windows", counts["usable"], law["windows"])
    if counts["usable"] < 120:
        tally.same(name + " reason", "mixed" if counts["usable"] + counts["mixed"] >= 120 else "few_windows", law["reason"])
        tally.holds(name + " says nothing", all(law[n] is None for n in NAMES) and row["headroom"] is None)
    elif quantile([a for a, _, _ in usable], .95) < 3 * quantile([a for a, _, _ in usable], .05):
        tally.same(name + " reason", "narrow", law["reason"])
    return usable


def same_law(name, row, usable, tally):
    for key, (value, half) in intervals(usable).items():
        low, high = ("low", "high") if key == "max_throughput" else (key + "_low", key + "_high")
        if key == "knee" and (math.isinf(value) or math.isnan(half) or half > .3 * value):
            tally.same(name + " " + key, None, row["usl"][key])
            continue
        tally.same(name + " " + key, value, row["usl"][key], 1e-6)
        tally.same(name + " " + low, max(0, value - half), row["usl"][low], 2e-3)
        tally.same(name + " " + high, value + half, row["usl"][high], 2e-3)


# ---- random traces ----

def make(seed):
    rng = random.Random(seed)
    hosts = [("%s.test" % s, "10.9.9.%d:80" % i) for s in "abc"[:rng.randint(1, 3)] for i in range(rng.randint(1, 3))]
    ends = rng.randint(1, 8)
    now, calls = EPOCH + 2_800_000_000 - rng.randrange(200_000_000), []     # an hour ends in the middle of most
    pace = rng.choice([3_000, 30_000, 120_000])
    for _ in range(rng.choice([200, 1500, 4000])):
        now += rng.choice([0, rng.randrange(pace), rng.randrange(2 * pace), rng.randrange(2 * pace)]) + (rng.random() < .002) * 20_000_000
        service, server = rng.choice(hosts)
        status = rng.choice([200] * 30 + [404, 500, 429, 101, 0])
        end = rng.choice(["complete"] * 40 + ["gap", "client_abort", "server_abort"]) if status else "timeout"
        request = rng.choice([0, 0, rng.randrange(3_000)])
        duration = request + rng.choice([0, rng.randrange(50_000), rng.randrange(2_000_000)])
        if not status or rng.random() < .02:
            duration = None
        calls.append(Call(now, duration, service, server, "/%s/1" % chr(97 + min(rng.randrange(ends), rng.randrange(ends))), status, end, request,
                          rng.choice(["GET"] * 9 + ["POST"])))
    return calls


def span_of(calls):
    return min(c.at - c.request for c in calls), max(max(c.over, c.at) for c in calls)


def check(binary, seed, folder, tally):
    calls = sorted(make(seed), key=lambda c: c.at)
    rows_of(audit(binary, calls, folder), calls, span_of(calls), "seed %d" % seed, tally)
    hour = (EPOCH + 2_800_000_000) // 1_000_000
    for low, high in ((hour - 3600, hour), (hour, hour + 3600)):
        start, end = max(span_of(calls)[0], low * 1_000_000), min(span_of(calls)[1], high * 1_000_000)
        if any(low <= c.at // 1_000_000 < high for c in calls):
            rows_of(audit(binary, calls, folder, ("--from", low, "--to", high)), calls, (start, end), "seed %d %d" % (seed, low), tally)


def rows_of(report, calls, span, seed, tally):
    groups = collections.defaultdict(list)
    for c in calls:
        service = "http://" + c.service
        for key in ((service, c.server), (service, None), (None, c.server)):
            groups[key].append(c)
    pairs = [k for k in groups if None not in k]
    for key, name in (("capacity", "pair"), ("capacity_services", "service"), ("capacity_servers", "server")):
        rows = {(r["service"], r["server"]): r for r in report[key]}
        want = [k for k in groups if (name == "pair" and None not in k) or (name == "service" and k[1] is None and sum(p[0] == k[0] for p in pairs) > 1) or
                (name == "server" and k[0] is None and sum(p[1] == k[1] for p in pairs) > 1)]
        tally.same("%s rows of %s" % (seed, name), sorted(want, key=str), sorted(rows, key=str))
        tally.holds("%s order" % seed, [r["exchanges"] for r in report[key]] == sorted((r["exchanges"] for r in report[key]), reverse=True))
        for k in want:
            if k in rows:
                compare("%s %s" % (seed, k), rows[k], groups[k], span, tally)


# ---- planted systems ----

def closed(seed, gamma, sigma, kappa, most, seconds, noise=.1):
    """As many at once as the second of the test says, each as long as the law says."""
    rng, calls, running, now = random.Random(seed), [], [], EPOCH
    levels = [1 + (most - 1) * i / 29 for i in range(30)]
    rng.shuffle(levels)
    while now < EPOCH + seconds * 1_000_000:
        level = round(levels[int((now - EPOCH) / 1e6 / seconds * 30) % 30])
        while len(running) < level:
            n = len(running) + 1 if len(running) + 1 < level else level
            r = (1 + sigma * (n - 1) + kappa * n * (n - 1)) / gamma * math.exp(rng.gauss(0, noise))
            calls.append(Call(now + len(running) % 7, max(1, round(r * 1e6)), path="/%s/1" % rng.choice("aaab")))
            heapq.heappush(running, calls[-1].over)
        now = heapq.heappop(running)
    return calls


def queue(seed, workers, mean_s, seconds):
    """Open: arrivals at random at a rate that changes, answered by so many workers."""
    rng, calls, free, now = random.Random(seed), [], [EPOCH] * workers, EPOCH
    while now < EPOCH + seconds * 1_000_000:
        share = .15 + .8 * abs(math.sin((now - EPOCH) / 4e7))
        now += max(1, round(rng.expovariate(share * workers / mean_s) * 1e6))
        start = max(now, heapq.heappop(free))
        over = start + max(1, round(rng.expovariate(1 / mean_s) * 1e6))
        heapq.heappush(free, over)
        calls.append(Call(now, over - now))
    return calls


def planted(binary, seed, folder, tally):
    gamma, sigma, kappa, most = 10, .05, .002, 45
    calls = closed(seed, gamma, sigma, kappa, most, 300)
    report = audit(binary, calls, folder)
    row, name = report["capacity"][0], "planted %d" % seed
    usable = compare(name, row, calls, span_of(calls), tally)
    law, knee = row["usl"], math.sqrt((1 - sigma) / kappa)
    limit = gamma * knee / (1 + sigma * (knee - 1) + kappa * knee * (knee - 1))
    tally.same(name + " reason", None, law["reason"])
    same_law(name, row, usable, tally)
    tally.same(name + " knee as planted", knee, law["knee"], .1)
    tally.holds(name + " is seen to fall", row["usl"]["knee_seen"] is True)
    tally.same(name + " limit as planted", limit, law["max_throughput"], .1)
    waited = sum(c.over - c.at for c in calls) / 1e6 - len(calls) / gamma
    tally.same(name + " waited", waited, row["waited_s"], .05)
    tally.same(name + " beyond its knee", 0, row["headroom"])
    first, (start, end) = report["bottlenecks"][0], span_of(calls)
    tally.same(name + " ranked first", "saturation", first["kind"])
    tally.same(name + " costs", waited * 3.6e9 / (end - start), first["seconds_per_hour"], .05)


def shared(binary, seed, folder, tally):
    """Two services of one server that follows the law together: the server is what is saturated."""
    rng, calls = random.Random(seed), closed(seed, 10, .05, .002, 45, 240)
    for c in calls:
        c.service = rng.choice(["a.test", "b.test"])
    report, name = audit(binary, calls, folder), "shared %d" % seed
    compare(name, report["capacity_servers"][0], calls, span_of(calls), tally)
    tally.same(name + " knee", math.sqrt(.95 / .002), report["capacity_servers"][0]["usl"]["knee"], .1)
    (start, end), found = span_of(calls), [b for b in report["bottlenecks"] if b["kind"] == "saturation"]
    tally.same(name + " found once", ["10.9.9.1:80"], [b["target"] for b in found])
    waited = sum(c.over - c.at for c in calls) / 1e6 - len(calls) / 10
    tally.same(name + " costs", waited * 3.6e9 / (end - start), report["bottlenecks"][0]["seconds_per_hour"], .05)


def few_workers(binary, seed, folder, tally):
    """One queue is the law exactly (X = mu N / (1 + N)); with four workers it bends more sharply."""
    workers = 1 if seed % 2 else 4
    calls = queue(seed, workers, workers * .02, 300)
    row, name = audit(binary, calls, folder)["capacity"][0], "%d workers %d" % (workers, seed)
    usable = compare(name, row, calls, span_of(calls), tally)
    tally.same(name + " reason", None, row["usl"]["reason"])
    tally.same(name + " limit as planted", 50, row["usl"]["max_throughput"], .1)
    tally.holds(name + " is not seen to fall", not row["usl"]["knee_seen"], row["usl"])
    if row["usl"]["reason"] is None:
        same_law(name, row, usable, tally)


def mixed(binary, seed, folder, tally):
    """Now all ask for one thing, now all for another: the backend as a whole cannot be judged, its endpoints can."""
    calls = queue(seed, 1, .02, 400)
    for c in calls:
        c.path = "/%s/1" % "ab"[c.at // 4_000_000 % 2]
    report, name = audit(binary, calls, folder), "mixed %d" % seed
    row = report["capacity"][0]
    compare(name, row, calls, span_of(calls), tally)
    tally.same(name + " reason", "mixed", row["usl"]["reason"])
    names = {e["id"]: e["route"].split("/")[1] for e in report["endpoints"]}
    tally.same(name + " endpoints", ["a", "b"], sorted(names[r["endpoint"]] for r in report["capacity_endpoints"]))
    for r in report["capacity_endpoints"]:
        mine = [c for c in calls if c.path.split("/")[1] == names[r["endpoint"]]]
        compare("%s %s" % (name, names[r["endpoint"]]), r, mine, span_of(calls), tally)


def cached(binary, seed, folder, tally):
    """What may be shared and never changes is advised to be cached: its hits leave the origin, with their share of what is under way."""
    rng, calls = random.Random(seed), queue(seed, 1, .02, 400)
    for c in calls:
        c.method, c.path, c.who = ("GET", "/s/%d" % rng.randrange(6), rng.randrange(20)) if rng.random() < .6 else ("POST", "/p/1", None)
    report, name = audit(binary, calls, folder), "cached %d" % seed
    row, law = report["capacity"][0], report["capacity"][0]["usl"]
    compare(name, row, calls, span_of(calls), tally)
    e = next(e for e in report["endpoints"] if e["method"] == "GET")
    advised = e["declared"]["advised"]
    if not tally.holds(name + " is advised", advised is not None and law["reason"] is None, (e["recommendation"], law)):
        return
    hits = next(r for r in e["ttl"] if r["ttl_s"] == advised["ttl_s"])["hit_ratio_warm"] * e["eligible"] / e["requests"]
    busy = {m: sum(c.over - c.at for c in calls if c.method == m) for m in ("GET", "POST")}
    left = (busy["POST"] + busy["GET"] * (1 - hits)) / sum(busy.values())
    n = row["concurrency_p95"]
    used = law["gamma"] * n / (1 + law["sigma"] * (n - 1) + law["kappa"] * n * (n - 1)) / law["max_throughput"]
    beyond = law["knee"] is not None and n > law["knee"]
    tally.same(name + " load left", left, row["with_caching"]["load_left"], 1e-9)
    tally.same(name + " headroom", 0 if beyond else 1 - used, row["headroom"], 1e-9)
    tally.same(name + " with caching", None if beyond else 1 - used * left, row["with_caching"]["headroom"], 1e-9)
    tally.same(name + " why not", "overloaded" if beyond else None, row["with_caching"]["reason"])


def scaling(binary, seed, folder, tally):
    """No contention at all: nothing may be said of a limit."""
    row, name = audit(binary, closed(seed, 10, 0, 0, 20, 200), folder)["capacity"][0], "scaling %d" % seed
    tally.holds(name + " is refused", row["usl"]["reason"] in ("not_reached", "unstable"), row["usl"])
    tally.holds(name + " says nothing", all(row["usl"][n] is None for n in NAMES) and row["headroom"] is None and row["waited_s"] is None)
    tally.same(name + " says why", row["usl"]["reason"], row["headroom_reason"])


def main():
    binary = os.path.abspath(os.environ.get("SPANWISE") or pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 60 if PROOF else 2
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for what, test, n in (("what is under way in each second", check, seeds), ("planted systems", planted, 10 if PROOF else 2),
                              ("services of one server", shared, 10 if PROOF else 1), ("few workers", few_workers, 10 if PROOF else 2), ("a mix that is not steady", mixed, 10 if PROOF else 1), ("with the caching advised", cached, 10 if PROOF else 1),
                              ("what scales is not called saturated", scaling, 10 if PROOF else 1)):
            tally = Tally()
            for seed in range(first, first + n):
                test(binary, seed, folder, tally)
            failed |= bool(tally.wrong)
            print("%s - %s: %d figures of %d seeds, %d queueing indices" % ("not ok" if tally.wrong else "ok", what, tally.seen, n, tally.indices))
            for line in tally.wrong[:12]:
                print("#   " + line[:300])
            sys.stdout.flush()
    sys.exit(failed)


if __name__ == "__main__":
    main()
