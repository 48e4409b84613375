#!/usr/bin/env python3
# kinds: opt
"""Planted systems: each a service with one thing wrong among ordinary traffic, as exchange records. The generator knows what the thing costs, from its own
draws; the report must put it first in `bottlenecks`, within 5 % of that cost, and name the signals that go with it. Two seeds; ten with PROOF=1."""
import concurrent.futures
import hashlib
import heapq
import json
import random
import sys

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good, parsed

here = folder()
SPAN = 3600


class World:
    """Records of an hour, and what the planted thing costs in seconds of server time."""
    def __init__(self, seed, name):
        self.rng, self.records, self.cost, self.conn = random.Random("%s %d" % (name, seed)), [], 0.0, 0

    def draw(self, mean):
        return round(mean * self.rng.uniform(.9, 1.1), 6)

    def connection(self):
        self.conn += 1
        return self.conn

    def add(self, at, target, took, who=0, kind="jwt", method="GET", status=200, content=None, server=1, conn=None, cookie=False, sets=False, body=None, size=400,
            rtt=None, address=None, lifetime=None):
        r = {"ts": round(EPOCH + at, 6), "client": "%s:4000" % (address or "10.0.%d.%d" % (who // 200, who % 200 + 1)), "server": "10.9.9.%d:80" % server,
             "conn": conn or self.connection(), "method": method, "authority": "api.example", "target": target, "status": status, "end": "complete",
             "request_s": 0, "ttfb_s": took, "duration_s": round(took + .0005, 6), "response_bytes": size, "flags": ["sets_session"] if sets else [],
             "headers": {"request": {"cookie": "~"} if cookie else {}, "response": {"set-cookie": "~0123456789ab"} if sets else {}}}
        if content is not None:
            r["body_id"] = digest(target, content)
        if body is not None:
            r["request_bytes"], r["request_body_id"] = 80, digest("body", body)
        if lifetime:
            r["headers"]["response"]["cache-control"] = "public, max-age=%d" % lifetime
        if rtt is not None:
            r["rtt_client_s"] = rtt
        if kind:
            r["client_id"] = "%s:%012x" % (kind, int(digest(kind, who)[:11], 16) + 1)
        self.records.append(r)
        return at + r["duration_s"]

    def arrivals(self, n, start=0.0, end=SPAN):
        return sorted(self.rng.uniform(start, end) for _ in range(n))

    def ordinary(self, took):
        """Four endpoints that are as they should be, and take as long as they must."""
        for i in range(4):
            for n, at in enumerate(self.arrivals(60)):
                self.add(at, "/ordinary%d/%d" % (i, n), self.draw(took), who=self.rng.randrange(40), method="POST", body=(i, n))

    def per_hour(self):
        first = min(r["ts"] for r in self.records)
        return self.cost * 3600 / (max(r["ts"] + r["duration_s"] for r in self.records) - first)


def digest(*what):
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


# ---- what ties clients to a server ----

def cookie_session(w):
    """Who comes without a session is refused and has to fetch one first."""
    for n, at in enumerate(w.arrivals(1600)):
        who, page = w.rng.randrange(24), "/account/%d" % w.rng.randrange(4)
        if w.rng.random() < .25:
            took = w.draw(.3)
            w.cost += took
            at = w.add(at, page, took, who, None, status=401)
            w.add(at + .05, page, w.draw(.3), who, "cookie", content=who, cookie=True, sets=True)
        else:
            w.add(at, page, w.draw(.3), who, "cookie", content=who, cookie=True)


def sticky(w):
    """Each client has its server for good; the first one's clients ask most, and it is slow."""
    for at in w.arrivals(2400):
        who = w.rng.randrange(40)
        who = who // 4 * 4 if w.rng.random() < .3 else who
        server, took = 1 + who % 4, w.draw(.02)
        if server == 1:
            w.cost += .04
            took += .04
        w.add(at, "/catalogue/%d" % w.rng.randrange(900), round(took, 6), who, content=1, server=server)


def in_memory(w):
    """A session is known to the server that made it; the balancer does not care."""
    home = {}
    for at in w.arrivals(1600):
        who, server, took = w.rng.randrange(24), w.rng.randrange(2), w.draw(.25)
        page = "/basket/%d" % w.rng.randrange(4)
        if w.rng.random() < .1:
            w.cost += took
            w.add(at, page, took, who, None, status=401, server=server)
        elif home.setdefault(who, server) == server:
            w.add(at, page, took, who, "cookie", content=who, server=server, cookie=True)
        else:
            w.cost += took
            w.add(at, page, took, who, "cookie", status=401, server=server, cookie=True)


def mutating_get(w, own):
    """A GET puts things into the basket (each its own) or votes for an item (one for all)."""
    state, read = {}, {}
    for at in w.arrivals(3000):
        who, item, took = w.rng.randrange(20), w.rng.randrange(12), w.draw(.12)
        of = who if own else item
        if w.rng.random() < .2:
            state[of] = state.get(of, 0) + 1
            w.add(at, "/basket/add?item=%d" % w.rng.randrange(50) if own else "/items/%d/vote" % item, w.draw(.03), who, content=None)
            continue
        target = "/basket" if own else "/items/%d" % item
        w.cost += took if read.get(of) == state.get(of, 0) else 0
        read[of] = state.get(of, 0)
        w.add(at, target, took, who, content=(of, state.get(of, 0)))


# ---- what presses on it ----

def n_plus_one(w):
    length, took, rtt = w.rng.randint(6, 12), w.draw(.02), w.draw(.03)
    for n, at in enumerate(w.arrivals(200)):
        who, conn = n % 50, 10**6 + n % 50  # one connection each, or opening them would be the greater waste
        at = w.add(at, "/orders/%d" % n, .005, who, rtt=rtt, content=n, conn=conn) + rtt
        for k in range(length):
            at = w.add(at, "/lines/%d" % (n * 20 + k), took, who, rtt=rtt, content=k, conn=conn) + rtt
        w.cost += (length - 1) * (took + rtt)


def retry_storm(w):
    """A backend is down for three minutes; each client tries five times."""
    for n, at in enumerate(w.arrivals(1200)):
        who, down = n % 60, 1200 <= at < 1380
        tries = 5 if down else 1
        for k in range(tries):
            took = w.draw(.8 if down else .05)
            w.cost += took if k else 0
            at = w.add(at, "/pay", took, who, method="POST", status=503 if down else 200, body=n) + w.draw(2)
        if not down:
            continue
        w.records[-1]["status"] = 200 if w.rng.random() < .2 else 503


def poller(w):
    """Each asks for its own every few seconds; now and then there is something."""
    for who in range(12):
        at, period, news, had = w.rng.uniform(0, 5), w.rng.uniform(12, 20), 0, None
        while at < SPAN:
            took = w.draw(.15)
            news += w.rng.random() < .03
            w.cost += took if news == had else 0
            had = news
            w.add(at, "/notifications", took, who, content=(who, news))
            at += period * w.rng.uniform(.97, 1.03)


def flood(w):
    for at in w.arrivals(700):
        w.add(at, "/search?q=%d" % w.rng.randrange(10**9), w.draw(.04), w.rng.randrange(40), None)
    for at in w.arrivals(4000, 900, 1200):
        took = w.draw(.04)
        w.cost += took
        w.add(at, "/search?q=%d" % w.rng.randrange(10**9), took, 777, None, address="10.66.6.6")


def stampede(w):
    """What all ask for may be kept for two minutes; when it ends they all come at once, and nothing holds them back."""
    now, version = 5.0, 0
    while now < SPAN - 60:
        took, version = w.draw(.6), version + 1
        ends = w.add(now, "/front", took, 0, content=version, lifetime=120)
        late = [at for at in w.arrivals(w.rng.randint(8, 30), now + .01, now + took + .3)]
        for n, at in enumerate(late):
            mine = w.draw(.6)
            w.cost += mine if at < ends and version > 1 else 0  # it found the same under way, and there had been a copy
            ends = max(ends, w.add(at, "/front", mine, 1 + n, content=version, lifetime=120))
        now += took + 120 + w.rng.uniform(.001, .01)


def saturating(w):
    """Clients that ask again as soon as they are answered, some more of them every few seconds; what one request takes grows by the law of ALGORITHMS.md 8.6."""
    alone, contention, coherency, steps = .2, .05, .002, [1, 2, 3, 5, 7, 9, 12, 15, 18, 22, 26, 30, 26, 22, 18, 15, 12, 9, 7, 5, 3, 2]
    free, start = [], 0.0
    for n in steps * 2:
        free = [max(t, start) for t in sorted(free)[:n]]
        free += [start + w.rng.uniform(0, .2) for _ in range(n - len(free))]
        heapq.heapify(free)
        while free[0] < start + 8:
            at, took = heapq.heappop(free), w.draw(alone * (1 + contention * (n - 1) + coherency * n * (n - 1)))
            w.cost += took - alone
            heapq.heappush(free, w.add(at, "/jobs/%d" % w.rng.randrange(10**6), took, w.rng.randrange(40), method="POST", body=at) + .0001)
        start += 8


SYSTEMS = {
    "saturating backend": (saturating, "saturation", "http://api.example at ", set(), .2),
    "cookie session": (cookie_session, "session", "/account/", {"S1", "S2", "S5"}, .3),
    "sticky balancing": (sticky, "affinity", "/catalogue/", {"S3"}, .02),
    "in-memory state on two backends": (in_memory, "session", "/basket/", {"S2", "S4", "S5"}, .25),
    "mutating GET, each its own": (lambda w: mutating_get(w, True), "unsafe_get", "/basket/add", {"S8"}, .12),
    "mutating GET, one for all": (lambda w: mutating_get(w, False), "unsafe_get", "/items/{int}/vote", {"S8"}, .12),
    "N+1": (n_plus_one, "n_plus_one", "/lines/", set(), .02),
    "retry storm": (retry_storm, "retry_storm", "/pay", set(), .05),
    "poller": (poller, "polling", "/notifications", set(), .15),
    "expiry stampede": (stampede, "stampede", "/front", set(), .6),
    "flood": (flood, "flood", "", set(), .04),
}
CLAIMED = {"S1", "S2", "S3", "S4", "S5", "S7", "S8", "S9"}


def audit(w, db):
    path = db.with_suffix(".jsonl")
    w.records.sort(key=lambda r: r["ts"])
    path.write_text("".join(json.dumps(r) + "\n" for r in w.records))
    good("capture", "-q", "--records", path, "-d", db, "--secret", SECRET, "--memory", "32M")
    return parsed(good("report", db, "--format", "json"))


def tied(report, route):
    found = set()
    for e in report["endpoints"]:
        if e["statelessness"] and (route in e["route"] if route else True):
            found |= {s["signal"] for s in e["statelessness"]["evidence"] if s["state"] == "tied"}
    return found & CLAIMED


def run(job):
    name, seed = job
    w = World(seed, name)
    SYSTEMS[name][0](w)
    w.ordinary(SYSTEMS[name][4])
    return w.per_hour(), audit(w, here / ("%d-%d.db" % (list(SYSTEMS).index(name), seed)))


def judge(name, seed, truth, report):
    _, kind, target, signals, _ = SYSTEMS[name]
    first = (report.get("bottlenecks") or [{}])[0]
    about = {**{"%s %s%s" % (e["method"], e["service"], e["route"]): ("endpoint", e["id"]) for e in report["endpoints"]},
             **{c["client"]: ("client", c["client"]) for c in report["clients"]}}
    lost = [b["kind"] for b in report["bottlenecks"] if b["target"] in about and b[about[b["target"]][0]] != about[b["target"]][1]]
    check(not lost, "seed %d: %s: what is about an endpoint or a client says which" % (seed, name), lost)
    said = first.get("seconds_per_hour") or 0
    check(first.get("kind") == kind and target in first.get("target", "") and abs(said - truth) <= .05 * truth,
          "seed %d: %s: first is %s at %s, %.1f s an hour" % (seed, name, kind, target or "the client", truth),
          *["%d %s %s %.2f %.3f %s" % (b["rank"], b["kind"], b["target"], b["seconds_per_hour"], b["score"], b["why"]) for b in report["bottlenecks"][:6]])
    check(tied(report, target) == signals and tied(report, "/ordinary") == set(), "seed %d: %s is tied by %s, ordinary traffic by nothing" % (seed, name, sorted(signals)),
          tied(report, target), tied(report, "/ordinary"),
          *[s for e in report["endpoints"] if target and target in e["route"] for s in e["statelessness"]["evidence"]])


jobs = [(name, seed) for seed in range(10 if PROOF else 2) for name in sys.argv[1:] or SYSTEMS]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for (name, seed), (truth, report) in zip(jobs, pool.map(run, jobs)):
        judge(name, seed, truth, report)
finish()
