#!/usr/bin/env python3
"""Hold what the report says of behaviour against the definitions written down plainly (ALGORITHMS.md 7.8, 8.4, 8.5, 8.8, 8.9).

    behaviour.py [SEEDS [FIRST]]     default: 12 random traces from seed 1; 600 with PROOF=1. SPANWISE names the binary

Random exchange records with calls that overlap, fail, are sent again and come in runs: errors by kind, concurrency, coalescable calls,
retries, how clients wait, storms and N+1 events must be equal. Then scripted ones: retries of three kinds (RL-7), generators of N+1
beside noise (N-1), and planted problems whose seconds an hour are known (B-1).
"""
import collections
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

EPOCH = 1_700_000_000_000_000
CLASSES = ("server", "throttled", "client", "transport", "protocol", "application")
PROOF = bool(os.environ.get("PROOF"))


class Tally:
    def __init__(self):
        self.seen, self.wrong = 0, []

    def same(self, what, want, got, within=0.0):
        self.seen += 1
        close = want == got or (isinstance(want, (int, float)) and isinstance(got, (int, float)) and
                                abs(want - got) <= within * max(abs(want), abs(got)))
        if not close:
            self.wrong.append("%s: wanted %s, got %s" % (what, want, got))


class Call:
    """One request: times in microseconds; duration None: not known."""
    def __init__(self, at, client, method, target, status=200, ttfb=1000, duration=None, request=0, **more):
        self.at, self.client, self.method, self.target, self.status = at, client, method, target, status
        self.ttfb, self.duration, self.request = ttfb, duration, request
        self.end, self.body, self.wait, self.rtt, self.bytes = (more.get(k) for k in ("end", "body", "wait", "rtt", "bytes"))
        self.end = self.end or ("complete" if status else "timeout")
        self.bytes, self.credential = self.bytes or 0, more.get("credential")
        self.endpoint = "%s /%s" % ("GET" if method == "HEAD" else method, target.split("/")[1])
        self.known = duration is not None and self.end == "complete"    # of others a log does not say when they ended
        self.over = max(at, at - request + duration) if self.known else at
        self.identity = (method, target, body_of(self.body))
        self.server = ttfb or 0

    def record(self):
        out = {"ts": seconds(self.at - self.request), "request_s": self.request / 1e6, "client": self.client + ":4000", "server": "10.9.9.9:80",
               "method": self.method, "authority": "api.test", "target": self.target, "status": self.status, "end": self.end,
               "response_bytes": self.bytes, "headers": {"request": {}, "response": {}}}
        if self.ttfb is not None and self.status:
            out["ttfb_s"] = self.ttfb / 1e6
        if self.duration is not None:
            out["duration_s"] = self.duration / 1e6
        if self.body:
            out["request_bytes"], out["request_body_id"] = 10, "%016x" % (self.body * 0x9E3779B97F4A7C15 % 2**64)
        if self.rtt is not None:
            out["rtt_client_s"] = self.rtt / 1e6
        if self.credential:
            out["client_id"] = self.credential
        if self.wait is not None:
            out["headers"]["response"]["retry-after"] = str(self.wait)
        return json.dumps(out)


def seconds(us):
    return us // 1_000_000 + us % 1_000_000 / 1e6


def body_of(n):
    return n or 0


def kind_of(c):
    if c.status >= 500:
        return "server"
    if c.status == 429:
        return "throttled"
    if c.status >= 400 and c.status not in (401, 404, 409, 412):
        return "client"
    if not c.status or c.end in ("client_abort", "server_abort"):
        return "transport"
    return None


def is_error(c):
    return c.status >= 500 or c.status == 429 or not c.status or c.end == "server_abort"


def has_failed(c):
    return c.status in (408, 429) or c.status >= 500 or not c.status or c.end in ("client_abort", "server_abort")


# ---- the definitions ----

def concurrency(calls, figures, start, end):
    known = [c for c in calls if c.known]
    for e in {c.endpoint for c in calls}:
        mine = [c for c in known if c.endpoint == e]
        area = sum(max(0, min(c.over, end) - max(c.at, start)) for c in mine)
        figures[e, "concurrency"] = area / (end - start) if end > start else None
        figures[e, "peak"] = max((sum(o.at <= c.at < o.over for o in mine) for c in mine if c.over > c.at), default=0)
    for i, c in enumerate(known):
        if c.method not in ("GET", "HEAD", "OPTIONS"):
            continue
        alike = sum(o.identity[:2] == c.identity[:2] and body_of(o.body) == body_of(c.body) and o.over > c.at for o in known[:i])
        if alike:
            figures[c.endpoint, "coalescable"] += 1
            figures[c.endpoint, "coalescable_us"] += c.server
            figures[c.endpoint, "coalescable_bytes"] += c.bytes
            figures[c.endpoint, "max_fanin"] = max(figures[c.endpoint, "max_fanin"], alike + 1)


def retries(calls, figures):
    """Each client's attempts at each request, one after the other. Returns the calls that are retries."""
    again, chains = set(), collections.defaultdict(list)
    for c in calls:
        chains[c.client, c.identity].append(c)
    gaps, ratios = collections.defaultdict(list), collections.defaultdict(list)
    for (who, _), attempts in sorted(chains.items(), key=str):
        over = until = gap = None                           # of the latest failure
        number = 0
        for c in attempts:
            beside = over is not None and c.at < over
            if over is not None and not beside and c.at - over <= 60_000_000:
                again.add(c)
                number += 1
                wait = (c.at - over) / 1e6
                gaps[who].append((c, wait))
                if gap:
                    ratios[who].append((c, wait / gap))
                figures[who, "chains"] += number == 2
                figures[who, "retries"] += 1
                figures[who, "longest"] = max(figures[who, "longest"], number)
                figures[who, "early"] += until is not None and c.at < until
                figures[c.endpoint, "retries"] += 1
                gap = wait
            elif not beside:
                number, gap = 1, None
            if has_failed(c):
                if not beside or c.over > over:
                    over, until = c.over, None if c.wait is None else c.over + c.wait * 1_000_000
            elif not beside:
                over = until = None
    order = {c: i for i, c in enumerate(calls)}
    for who in gaps:
        first = [g for _, g in sorted(gaps[who], key=lambda x: order[x[0]])][:128]
        figures[who, "pause"] = statistics.median(first)
        first = [r for _, r in sorted(ratios[who], key=lambda x: order[x[0]])][:128]
        if len(first) >= 3:
            m = statistics.median(first)
            figures[who, "ratio"] = m
            figures[who, "backoff"] = "exponential" if m >= 1.5 else "fixed" if .8 <= m <= 1.25 else "irregular"
            figures[who, "jitter"] = statistics.pstdev(first) > .1 * statistics.fmean(first) > 0
    return again


def storms(calls, again, figures):
    windows = collections.defaultdict(list)
    for c in calls:
        for group in (c.endpoint, c.client):
            windows[group, c.at // 10_000_000].append(c)
    for (group, _), all_of in windows.items():
        n = len(all_of)
        if n >= 10 and sum(c in again for c in all_of) * 10 >= n * 3 and sum(map(is_error, all_of)) * 5 >= n:
            figures[group, "storms"] += 1


def runs(calls):
    """(trigger, child) -> [events, calls, sequential steps]."""
    out = collections.defaultdict(lambda: [0, 0, 0])
    by_client = collections.defaultdict(list)
    for c in calls:
        by_client[c.client].append(c)
    for mine in by_client.values():
        for child in sorted({c.endpoint for c in mine}):
            if child.split()[0] not in ("GET", "OPTIONS"):
                continue
            run = []
            for c in [c for c in mine if c.endpoint == child] + [None]:
                if run and c is not None:
                    most = max(50_000, 2 * (c.rtt or 0) + 10_000)
                    start, last = c.at - c.request, run[-1]
                    since = start - last.over if start >= last.over else start - (last.at - last.request)
                    if since <= most and c.target not in [o.target for o in run[-64:]]:
                        run.append(c)
                        continue
                if len(run) >= 5:
                    event = out[trigger_of(mine, run[0]), child]
                    event[0] += 1
                    event[1] += len(run)
                    event[2] += sum(b.at - b.request >= a.over for a, b in zip(run, run[1:]))
                run = [c]
    return out


def trigger_of(mine, first):
    start = first.at - first.request
    best = None
    for c in mine[:mine.index(first)][-64:]:
        if c.endpoint != first.endpoint and start - 1_000_000 <= c.over <= start and (best is None or c.over >= best.over):
            best = c
    return best.endpoint if best else None


def expected(calls):
    figures = collections.defaultdict(int)
    start = min(c.at - c.request for c in calls)
    end = max(max(c.over, c.at) for c in calls)
    for c in calls:
        kind = kind_of(c)
        if kind:
            figures[c.endpoint, kind] += 1
        if is_error(c):
            figures[c.endpoint, "failed_us"] += c.server if c.status else 0
    concurrency(calls, figures, start, end)
    storms(calls, retries(calls, figures), figures)
    for (trigger, child), (events, n, sequential) in runs(calls).items():
        figures[trigger, child] = (events, n, sequential)
    return {k: v for k, v in figures.items() if v}


# ---- the report ----

def audit(binary, calls, folder):
    os.environ["XDG_CONFIG_HOME"] = folder
    records, database = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
    database.unlink(missing_ok=True)
    records.write_text("".join(c.record() + "\n" for c in calls))
    subprocess.run([binary, "capture", "-q", "--records", records, "-d", database], check=True, timeout=300)
    out = subprocess.run([binary, "report", database, "--format", "json"], check=True, timeout=120, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def name_of(e):
    return "%s /%s" % (e["method"], e["route"].split("/")[1])


def reported(report):
    figures, names = {}, {e["id"]: name_of(e) for e in report["endpoints"]}
    for e in report["endpoints"]:
        n = name_of(e)
        figures.update({(n, k): e["error_classes"][k] for k in CLASSES})
        figures[n, "failed_us"] = round(e["error_classes"]["server_seconds"] * 1e6)
        figures[n, "concurrency"], figures[n, "peak"] = e["concurrency"]["mean"], e["concurrency"]["peak"]
        alike = e["coalescing"]
        figures.update({(n, "coalescable"): alike["coalescable"], (n, "coalescable_us"): round(alike["server_seconds"] * 1e6),
                        (n, "coalescable_bytes"): alike["bytes"], (n, "max_fanin"): alike["max_fanin"]})
        figures[n, "retries"], figures[n, "storms"] = e["retries"]["retries"], e["retries"]["storms"]
    for c in report["clients"]:
        r, n = c["retries"], c["addresses"][0]
        figures.update({(n, "retries"): r["retries"], (n, "chains"): r["chains"], (n, "longest"): r["longest_chain"],
                        (n, "early"): r["retry_after_violations"], (n, "storms"): r["storms"], (n, "pause"): r["gap_median_s"],
                        (n, "ratio"): r["gap_ratio_median"], (n, "backoff"): r["backoff"], (n, "jitter"): r["jitter"]})
    for r in report["n_plus_one"]:
        steps = r["requests"] - r["events"]
        figures[names.get(r["trigger"]), names[r["child"]]] = (r["events"], r["requests"], round(r["sequential_share"] * steps))
    return {k: v for k, v in figures.items() if v}


# ---- random traces ----

def make(seed):
    rng = random.Random(seed)
    clients = ["10.0.0.%d" % (1 + i) for i in range(rng.randint(1, 6))]
    pace = rng.choice([2_000, 20_000, 200_000, 2_000_000])
    keys = rng.choice([3, 12, 60])
    now, calls, again = EPOCH + rng.randrange(10**9), [], []
    for _ in range(rng.choice([30, 200, 700])):
        now += rng.choice([0, 1, rng.randrange(pace), rng.randrange(pace), rng.randrange(20 * pace)])
        while again and again[0][0] <= now and rng.random() < .9:
            calls.append(one(rng, *again.pop(0)))
            schedule(rng, calls[-1], again, pace)
        method = rng.choice(["GET"] * 8 + ["HEAD", "POST", "OPTIONS"])
        calls.append(one(rng, now, rng.choice(clients), method, "/e%d/%d" % (rng.randrange(4), rng.randrange(keys)),
                         rng.randint(1, 3) if method == "POST" and rng.random() < .8 else None))
        schedule(rng, calls[-1], again, pace)
    calls.sort(key=lambda c: c.at)
    return calls


def schedule(rng, c, again, pace):
    if has_failed(c) and rng.random() < .7:
        again.append((c.over + rng.choice([0, pace, rng.randrange(1, 20 * pace), 60_000_000, 60_000_001, rng.randrange(70_000_000)]), c.client, c.method,
                      c.target, c.body))
        again.sort(key=lambda x: x[0])


def one(rng, at, client, method, target, body):
    status = rng.choice([200] * 12 + [204, 304, 400, 401, 403, 404, 408, 409, 412, 429, 429, 500, 503, 503, 0])
    request = rng.choice([0, 0, 0, rng.randrange(3_000)])
    ttfb = rng.choice([0, rng.randrange(20_000), rng.randrange(400_000)])
    duration = request + ttfb + rng.choice([0, rng.randrange(50_000)])
    end = rng.choice(["complete"] * 15 + ["client_abort", "server_abort", "gap"]) if status else rng.choice(["timeout", "server_abort"])
    if not status or rng.random() < .05:
        ttfb = ttfb if status else None
        duration = None
    return Call(at, client, method, target, status, ttfb, duration, request, end=end, body=body,
                wait=rng.choice([None, 0, 1, 5, 30]) if status in (429, 503) else None,
                rtt=rng.choice([None, 500, 30_000, 120_000]), bytes=rng.randrange(5_000))


def check(binary, seed, folder, tally):
    calls = make(seed)
    want, got = expected(calls), reported(audit(binary, calls, folder))
    for k in sorted(set(want) | set(got), key=str):
        exact = k[1] not in ("ratio", "pause")
        tally.same("seed %d %s" % (seed, k), want.get(k, 0), got.get(k, 0), 1e-9 if exact else 1e-5)


# ---- scripted ----

def rl7(binary, folder, tally):
    """Three clients, 20 requests that fail four times each: waits of 2 s; 0.5, 1, 2, 4 s; the same with a fifth of jitter."""
    rng, calls = random.Random(7), []
    for who, waits in (("10.0.0.1", [2, 2, 2, 2]), ("10.0.0.2", [.5, 1, 2, 4]), ("10.0.0.3", [.5, 1, 2, 4])):
        for k in range(20):
            at = EPOCH + k * 120_000_000
            for i, wait in enumerate([0] + waits):
                at += round(wait * 1e6 * (rng.uniform(.8, 1.2) if who == "10.0.0.3" else 1))
                calls.append(Call(at, who, "GET", "/r/%d" % k, 503 if i < 4 else 200, 3000, 4000))
                at = calls[-1].over
    toy = [(0, 1000, 1), (200, 1100, 1), (500, 900, 2), (900, 1800, 1), (1500, 2000, 1)]
    calls += [Call(EPOCH + s * 1000, "10.0.1.%d" % i, "GET", "/k/%d" % k, 200, 1000, (e - s) * 1000) for i, (s, e, k) in enumerate(toy)]
    report = audit(binary, sorted(calls, key=lambda c: c.at), folder)
    by_client = {c["addresses"][0]: c["retries"] for c in report["clients"]}
    for who, kind, jitter in (("10.0.0.1", "fixed", False), ("10.0.0.2", "exponential", False), ("10.0.0.3", "exponential", True)):
        r = by_client[who]
        tally.same("RL-7 " + who, (80, 20, 5, 5.0, kind, jitter),
                   (r["retries"], r["chains"], r["longest_chain"], r["amplification"], r["backoff"], r["jitter"]))
    toy_of = next(e for e in report["endpoints"] if name_of(e) == "GET /k")
    tally.same("RL-7 toy", (3, 3), (toy_of["coalescing"]["coalescable"], toy_of["concurrency"]["peak"]))
    tally.same("RL-7 toy concurrency", 3.7, toy_of["concurrency"]["mean"] * report["capture"]["duration_s"], 1e-9)


def n1(binary, folder, seed, tally):
    """Sequential and parallel generators beside clients that ask at random, of which at most 1 % may look like runs."""
    rng, calls, events = random.Random(seed), [], collections.Counter()
    for i in range(6):
        who, at = "10.1.0.%d" % i, EPOCH + rng.randrange(10**6)
        for _ in range(60):
            at += rng.randrange(2_000_000, 6_000_000)
            n, parallel = rng.randint(5, 20), i % 2
            calls.append(Call(at, who, "GET", "/list/%d" % rng.randrange(9), 200, 30_000, 40_000, rtt=20_000))
            at = calls[-1].over + 20_000
            for k in range(n):
                calls.append(Call(at, who, "GET", "/item/%d" % (1000 * rng.randrange(1000) + k), 200, 9_000, 10_000, rtt=20_000))
                at = at + 1_000 if parallel else calls[-1].over + rng.randrange(5_000, 45_000)
            events["s" if not parallel else "p"] += 1
            events["calls"] += n
    noise = 0
    for i in range(40):
        at = EPOCH
        while at < EPOCH + 200_000_000:
            at += int(rng.expovariate(2) * 1e6) + 1
            noise += 1
            calls.append(Call(at, "10.2.0.%d" % i, "GET", "/%s/%d" % (rng.choice(["item", "other", "more"]), rng.randrange(500)), 200, 9_000, 10_000,
                              rtt=20_000))
    report = audit(binary, sorted(calls, key=lambda c: c.at), folder)
    names = {e["id"]: name_of(e) for e in report["endpoints"]}
    found = [r for r in report["n_plus_one"] if (names.get(r["trigger"]), names[r["child"]]) == ("GET /list", "GET /item")]
    tally.same("N-1 events", (events["s"] + events["p"], events["calls"]), (sum(r["events"] for r in found), sum(r["requests"] for r in found)))
    false = sum(r["events"] for r in report["n_plus_one"]) - events["s"] - events["p"]
    tally.same("N-1 false runs under 1 %% (%d of %d)" % (false, noise), True, false < .01 * (events["s"] + events["p"]))
    guilty = {c["addresses"][0] for c in report["clients"] if "n_plus_one" in c["flags"]}
    tally.same("N-1 clients", {"10.1.0.%d" % i for i in range(6)}, guilty)
    hurt = [b for b in report["bottlenecks"] if b["kind"] == "n_plus_one"]
    trips = events["calls"] - events["s"] - events["p"]
    tally.same("N-1 cost", trips * .029 * 3600 / report["capture"]["duration_s"], hurt[0]["seconds_per_hour"] if hurt else None, .02)


def signs(binary, folder, seed, tally):
    """A scan, a scraper, tried credentials, a credential from many addresses, among ordinary clients over two days."""
    rng, calls, hours = random.Random(seed), [], collections.defaultdict(lambda: [0] * 24)
    def add(at, who, target, status=200, credential=None):
        calls.append(Call(at, who, "GET", target, status, 2_000, 3_000, credential=credential))
        hours[credential or who][at // 3_600_000_000 % 24] += 1
    for i in range(30):                                     # ordinary: known pages, a few of them gone
        who = "10.6.0.%d" % i
        for _ in range(200):
            k = rng.randrange(40)
            add(EPOCH + rng.randrange(172_800_000_000), who, "/page/%d" % k, 404 if k < 4 else 200)
    for i in range(120):
        add(EPOCH + 10**9 + i * 200_000, "10.7.0.1", "/x%d/%d" % (rng.randrange(4), rng.randrange(10**6)), rng.choice([404, 404, 404, 200]))
        add(EPOCH + 2 * 10**9 + i * 2_000_000, "10.7.0.2", "/item/%d" % (5_000 + i + (i % 20 == 19)))
        add(EPOCH + 3 * 10**9 + i * 2_000_000, "10.7.0.3", "/login/1", 401 if i % 20 else 200, "basic:%012x" % (i % 40 + 1))
        add(EPOCH + 4 * 10**9 + i * 2_000_000, "10.7.1.%d" % (i % 7), "/me/1", 200, "bearer:00000000abcd")
        add(EPOCH + 5 * 10**9 + i * 2_000_000, "10.7.0.4", "/me/1", 403, "apikey:%012x" % (i % 3 + 1))
    for i in range(2):
        add(EPOCH + i * 172_800_000_000, "10.6.0.0", "/page/5")
    report = audit(binary, sorted(calls, key=lambda c: c.at), folder)
    flags = {(c["client"] if c["identity"] != "address" else c["addresses"][0]): c for c in report["clients"]}
    for sign, guilty in (("scan", {"10.7.0.1"}), ("scraper", {"10.7.0.2"}), ("many_addresses", {"bearer:00000000abcd"})):
        tally.same("signs " + sign, guilty, {n for n, c in flags.items() if sign in c["flags"]})
    sharing = {a["address"]: (a["credentials"], a["requests"], a["denied"], a["stuffing"]) for a in report["shared_addresses"]}
    tally.same("signs stuffing", {"10.7.0.3": (40, 120, 114, True), "10.7.0.4": (3, 120, 120, False)}, sharing)
    for who, confidence in (("bearer:00000000abcd", "verified"), ("apikey:000000000001", "unauthenticated"), ("10.6.0.1", None)):
        tally.same("signs confidence " + who, confidence, flags[who]["identity_confidence"])
    for who, counts in hours.items():
        got = flags[who]["diurnal"]
        tally.same("signs hours " + who, counts, got and got["hours_utc"])
        tally.same("signs peak hour " + who, max(counts) * 24 / sum(counts), got and got["peak_ratio"], 1e-9)


def plant(rng, kind, calls, hours, tag):
    """Adds a problem; returns (target begins, seconds an hour)."""
    n, span = rng.randint(200, 600), round(hours * 3.6e9)
    if kind == "n_plus_one":
        length, server, rtt = rng.randint(6, 12), rng.randrange(5_000, 30_000), rng.randrange(10_000, 60_000)
        for i in range(n):
            at, who = EPOCH + span * i // n, "10.3.%d.%d" % (tag, i % 50)
            calls.append(Call(at, who, "GET", "/list%d/%d" % (tag, i), 200, 5_000, 5_500, rtt=rtt, bytes=500))
            at = calls[-1].over + rtt
            for k in range(length):
                calls.append(Call(at, who, "GET", "/item%d/%d" % (tag, i * 20 + k), 200, server, server + 500, rtt=rtt, bytes=500))
                at = calls[-1].over + rtt
        return "/item%d/" % tag, n * (length - 1) * (server + rtt) / 1e6 / hours
    server = rng.randrange(400_000, 3_000_000)
    for i in range(n):
        at, who = EPOCH + span * i // n + 500_000, "10.4.%d.%d" % (tag, i % 100)
        if kind == "errors":
            for k in range(3):                              # as slow when it works, so that there is no tail
                calls.append(Call(at + k, who, "POST", "/fail%d/%d" % (tag, i * 3 + k), 500 if k == 0 else 200, server, server + 100, bytes=90))
        else:
            calls.append(Call(at, who, "POST", "/slow%d/%d" % (tag, i), 200, server, server + 100, bytes=500))
    return ("/fail%d/" % tag, n * server / 1e6 / hours) if kind == "errors" else ("/slow%d/" % tag, n * (server - 5_000) / 1e6 / hours)


def b1(binary, folder, seed, tally):
    rng = random.Random(seed)
    calls, hours = [], 2
    for i in range(6 * 400):                                # the usual: 5 ms
        calls.append(Call(EPOCH + i * 3_000_000, "10.5.0.%d" % (i % 30), "POST", "/usual%d/%d" % (i % 6, i), 200, 5_000, 5_500, bytes=500))
    kinds = [("errors", "n_plus_one"), ("slow", "n_plus_one"), ("slow", "errors")][seed % 3]
    planted = []
    while True:
        trial = []
        planted = [(kind, *plant(rng, kind, trial, hours, 1 + i)) for i, kind in enumerate(kinds)]
        if max(p[2] for p in planted) > 1.15 * min(p[2] for p in planted):
            break
    report = audit(binary, sorted(calls + trial, key=lambda c: c.at), folder)
    duration_h = report["capture"]["duration_s"] / 3600
    ranks = []
    for kind, target, cost in planted:
        found = [b for b in report["bottlenecks"] if b["kind"] == kind and target in b["target"]]
        tally.same("B-1 seed %d %s" % (seed, kind), cost * hours / duration_h, found[0]["seconds_per_hour"] if found else None, .05)
        ranks.append((-cost, found[0]["rank"] if found else math.inf))
    ranks.sort()
    tally.same("B-1 seed %d order" % seed, True, ranks[0][1] < ranks[1][1])
    others = [b for b in report["bottlenecks"] if not any(t in b["target"] for _, t, _ in planted) and b["rank"] < ranks[1][1]]
    tally.same("B-1 seed %d nothing else before them" % seed, [], [(b["kind"], b["target"]) for b in others])


def main():
    given = sys.argv[1:3]
    if given and given[0].startswith("-"):
        sys.exit(__doc__)
    seeds, first = (int(n) for n in given + ["600" if PROOF else "12", "1"][len(given):])
    binary = os.environ.get("SPANWISE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        steps = {"random traces": lambda t: [check(binary, s, folder, t) for s in range(first, first + seeds)],
                 "RL-7": lambda t: rl7(binary, folder, t),
                 "N-1": lambda t: [n1(binary, folder, s, t) for s in range(10 if PROOF else 1)],
                 "signs": lambda t: [signs(binary, folder, s, t) for s in range(10 if PROOF else 1)],
                 "B-1": lambda t: [b1(binary, folder, s, t) for s in range(30 if PROOF else 3)]}
        for name, step in steps.items():
            tally = Tally()
            step(tally)
            for line in tally.wrong[:12]:
                print("# " + line[:300])
            failed += bool(tally.wrong)
            print(("not ok" if tally.wrong else "ok") + " - behaviour, %s: %d of %d figures" % (name, tally.seen - len(tally.wrong), tally.seen))
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
