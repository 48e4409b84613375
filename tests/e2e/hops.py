#!/usr/bin/env python3
# kinds: opt
"""Who calls whom: a shop whose gateway, accounts and stock call each other under one traceparent or one X-Request-Id. What the report
says of its services must be what the generator knows: calls, share of the caller's time, failures passed on. Then what must not be
joined, and the same from packets. Ten seeds with PROOF=1."""
import collections
import json
import random

from lib import EPOCH, PROOF, SECRET, Capture, answer, audit, check, finish, folder, good, parsed, request

here = folder()
HOST = {"client": "10.1.0.%d", "gateway": "10.2.0.1", "accounts": "10.3.0.%d", "stock": "10.4.0.1", "mail": "10.5.0.1"}


class Shop:
    """Makes records, and what is true of them. Times in whole microseconds."""
    def __init__(self, seed, by):
        self.rng, self.records, self.by, self.n = random.Random(seed), [], by, 0
        self.edges = collections.defaultdict(lambda: collections.Counter())
        self.asked = collections.defaultdict(lambda: collections.Counter())

    def ids(self):
        self.n += 1
        trace = "%032x" % self.rng.getrandbits(128)
        return {"traceparent": lambda: {"traceparent": "00-%s-%016x-01" % (trace, self.rng.getrandbits(64) | 1)},
                "x-request-id": lambda: {"x-request-id": trace},
                "none": lambda: {}}[self.by]

    def call(self, ids, at, took, client, host, service, target, status=200, calls=()):
        """calls: (service, start, end, failed, after the answer) that were made for this one."""
        self.records.append({"ts": (EPOCH * 1_000_000 + at) / 1e6, "client": client + ":5000", "server": host + ":80", "method": "GET",
                             "authority": service + ".example", "target": target, "status": status, "end": "complete", "request_s": 0,
                             "ttfb_s": took / 2e6, "duration_s": took / 1e6, "response_bytes": 100, "headers": {"request": ids(), "response": {}}})
        a = self.asked[service]
        a["requests"] += 1
        a["us"] += took
        a["own"] += took - union([(s, e) for _, s, e, _, _ in calls], at, at + took)
        for callee in {c[0] for c in calls}:
            mine, e = [c for c in calls if c[0] == callee], self.edges[service, callee]
            e["calls"] += len(mine)
            e["requests"] += 1
            e["covered"] += union([(s, t) for _, s, t, _, _ in mine], at, at + took)
            e["us"] += sum(t - s for _, s, t, _, _ in mine)
            e["failed"] += sum(c[3] for c in mine)
            e["passed_on"] += status >= 500 and any(c[3] for c in mine)
            e["after"] += sum(c[4] for c in mine)

    def page(self, at):
        """A request to the gateway: accounts is asked, then stock a few times, one after the other or side by side; a mail later."""
        rng, ids = self.rng, self.ids()
        start, gateway, accounts = at, HOST["gateway"], HOST["accounts"] % rng.randrange(1, 4)
        at += rng.randrange(1000, 4000)
        calls, took = [], rng.randrange(8000, 30000)
        inner = (at + 2000, at + took - 1000)           # accounts asks stock itself
        fails = rng.random() < .1
        self.call(ids, inner[0], inner[1] - inner[0], accounts, HOST["stock"], "stock", "/of/%d" % rng.randrange(9), 503 if fails else 200)
        self.call(ids, at, took, gateway, accounts, "accounts", "/me/%d" % rng.randrange(1000), 502 if fails else 200,
                  [("stock", *inner, fails, False)])
        calls.append(("accounts", at, at + took, fails, False))
        at += took + 1000
        for i in range(rng.randrange(4)):
            took = rng.randrange(3000, 9000)
            self.call(ids, at, took, gateway, HOST["stock"], "stock", "/items/%d" % rng.randrange(1000))
            calls.append(("stock", at, at + took, False, False))
            at += took // 2 if rng.random() < .5 else took + 500
        end = max(c[2] for c in calls) + 2000
        if rng.random() < .2:
            self.call(ids, end + 300_000, 20_000, gateway, HOST["mail"], "mail", "/send/%d" % rng.randrange(99))
            calls.append(("mail", end + 300_000, end + 320_000, False, True))
        self.call(ids, start, end - start, HOST["client"] % rng.randrange(1, 200), gateway, "gateway", "/page/%d" % rng.randrange(50),
                  500 if fails and rng.random() < .5 else 200, calls)

    def write(self, path):
        self.records.sort(key=lambda r: r["ts"])
        path.write_text("".join(json.dumps(r) + "\n" for r in self.records))
        return path


def union(spans, least, most):
    out, to = 0, least
    for s, e in sorted(spans):
        s, e = max(s, to), min(e, most)
        if e > s:
            out, to = out + e - s, e
    return out


def report(records, name):
    db = here / (name + ".db")
    good("capture", "-q", "--records", records, "-d", db, "--secret", SECRET, "--fresh")
    return parsed(good("report", db, "--format", "json"))


def short(service):
    return service.split("//")[1].split(".")[0]


def near(a, b, within=1e-6):
    return a is not None and abs(a - b) <= within * max(1, abs(b))


def compare(r, shop):
    wrong, got = [], {(short(d["caller"]), short(d["callee"])): d for d in r.get("dependencies") or []}
    if got.keys() != shop.edges.keys():
        return ["edges %s instead of %s" % (sorted(got), sorted(shop.edges))]
    for pair, e in shop.edges.items():
        d, a = got[pair], shop.asked[pair[0]]
        want = {"calls": e["calls"], "caller_requests": a["requests"], "requests_with_calls": e["requests"], "calls_per_request": e["calls"] / a["requests"],
                "time_share": e["covered"] / a["us"], "own_time_share": a["own"] / a["us"], "latency_mean_s": e["us"] / e["calls"] / 1e6, "failed": e["failed"],
                "failures_passed_on": e["passed_on"], "after_answer": e["after"], "by_time": 0, "ambiguous": 0,
                "by_request_id": e["calls"] * (shop.by == "x-request-id"), "confidence": 1 - e["calls"] ** -.5}
        wrong += ["%s: %s is %s, not %s" % (pair, k, d[k], v) for k, v in want.items() if not near(d[k], v)]
        wrong += ["%s: its endpoints' calls are others" % (pair,)] * (sum(x["calls"] for x in d["endpoints"]) != e["calls"])
    return wrong


for seed in range(1, 11 if PROOF else 2):
    for by in ("traceparent", "x-request-id"):
        shop = Shop(seed, by)
        for i in range(400):
            shop.page(i * 7001 + shop.rng.randrange(5000))     # many pages are under way at once
        wrong = compare(report(shop.write(here / "shop.jsonl"), "shop"), shop)
        check(not wrong, "seed %d, %s: calls, shares of time and failures are those that were made" % (seed, by), *wrong)

text = good("report", here / "shop.db")
check("WHO CALLS WHOM" in text and "accounts.example > stock.example" in " ".join(text.split()) and "accounts.example" in text.split("WHO CALLS WHOM")[1], "the text report has the map")
check("## Who calls whom" in good("report", here / "shop.db", "--format", "markdown"), "so has Markdown")
check("dependencies.endpoints" in good("report", here / "shop.db", "--format", "csv"), "and CSV")

shop = Shop(1, "none")
for i in range(50):
    shop.page(i * 50_000)
r = report(shop.write(here / "untraced.jsonl"), "untraced")
check(r["dependencies"] is None and "traceparent" in r["hops"]["reason"], "without ids nothing is joined, and the report says why", r["hops"])
check("not known: no request carries a traceparent" in good("report", here / "untraced.db"), "and so does the text")

# Ids alone make no call: others' requests with the same id, one hop only, one that came before, or long after.
lone = []
for i in range(60):
    ids = {"request": {"traceparent": "00-%032x-%016x-01" % (i + 1, 7)}, "response": {}}
    base = {"method": "GET", "status": 200, "end": "complete", "request_s": 0, "ttfb_s": .01, "duration_s": .02, "headers": ids}
    lone += [dict(base, ts=EPOCH + i, client="10.1.0.1:5000", server="10.2.0.1:80", authority="a.example", target="/x/%d" % i),
             dict(base, ts=EPOCH + i + .005, client="10.1.0.1:5001", server="10.2.0.2:80", authority="b.example", target="/y/%d" % i),
             dict(base, ts=EPOCH + i + 6, client="10.2.0.1:5001", server="10.2.0.3:80", authority="c.example", target="/z/%d" % i)]
lone.sort(key=lambda x: x["ts"])
(here / "lone.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lone))
r = report(here / "lone.jsonl", "lone")
check(r["dependencies"] == [] and r["hops"]["joined"] == 0 and r["hops"]["with_traceparent"] == 180 and "one hop" in r["hops"]["reason"],
      "requests side by side, and calls six seconds later, are nobody's", r["hops"], r["dependencies"])

# N+1 behind a busy gateway: each page's own calls are a run; calls of many pages beside each other are none.
class Listing(Shop):
    def page(self, at, pages=None):
        ids, calls = self.ids(), []
        start, at = at, at + 2000
        for i in range(pages):
            self.call(ids, at, 4000, HOST["gateway"], HOST["stock"], "stock", "/items/%d" % self.rng.randrange(10**6))
            calls.append(("stock", at, at + 4000, False, False))
            at += 5000
        self.call(ids, start, at - start, HOST["client"] % self.rng.randrange(1, 200), HOST["gateway"], "gateway", "/lists/%d" % self.rng.randrange(50), 200, calls)


for pages, events in ((7, 300), (1, 0)):
    shop = Listing(pages, "traceparent")
    for i in range(300):
        shop.page(i * 5003, pages)
    r = report(shop.write(here / "lists.jsonl"), "lists")
    inner = [x for x in r["n_plus_one"] if x["within"]]
    check(sum(x["events"] for x in r["n_plus_one"]) == events and (not events or len(inner) == 1 and inner[0]["length_mean"] == 7 and inner[0]["trigger"]),
          "%d calls for each page are %d runs" % (pages, events), r["n_plus_one"])
    hurts = [x for x in r["bottlenecks"] if x["kind"] == "n_plus_one"]
    check(len(hurts) == (events > 0) and all("to answer GET http://gateway.example/lists/{int}" in x["why"] for x in hurts),
          "which is said to be for the page", hurts)

# From packets: a proxy passes requests on; ids in clear leave nothing behind but what joins them; records say the same.
cap = Capture()
span = 0
for i in range(40):
    trace = "4bf92f3577b34da6a3ce929d0e0e%04x" % i
    ask = request("GET", "/things/%d" % (i % 7), "traceparent: 00-%s-00f067aa0ba902b7-01" % trace, "X-Request-Id: canary-%d" % i)
    cap.port += 2
    front, back = cap.port, cap.port + 20000
    a, b = ("10.1.0.9", "10.2.0.1", front, 80), ("10.2.0.1", "10.4.0.1", back, 8080)
    for c, s, p, q in (a, b):
        cap.segment(c, s, p, q, 1000, 0, 2)
        cap.segment(s, c, q, p, 5000, 1001, 18)
        cap.segment(c, s, p, q, 1001, 5001, 16)
    said = answer(200, b"thing")
    for c, s, p, q in (a, b):
        cap.segment(c, s, p, q, 1001, 5001, 24, ask)
    cap.now += 9000
    for c, s, p, q in (b, a):
        cap.segment(s, c, q, p, 5001, 1001 + len(ask), 24, said)
    cap.now += 100_000
pcap = cap.write(here / "proxy.pcap")
direct = parsed(audit(pcap, "proxy"))
lines = good("log", "-r", pcap, "--secret", SECRET, "--format", "jsonl")
(here / "proxy.jsonl").write_text(lines)
again = report(here / "proxy.jsonl", "again")
d = (direct.get("dependencies") or [{}])[0]
check(len(direct["dependencies"]) == 1 and d["calls"] == d["caller_requests"] == 40 and d["relayed"] and (d["caller_tier"], d["callee_tier"]) == (0, 1) and d["caller"] == d["callee"] == "http://api.example",
      "a proxy that passes requests on is seen from packets", direct["dependencies"], direct["hops"])
# the front's answer comes 1 ms after the origin's; first byte to last byte: 1 + 10 + 1 ms, of which the call takes 10
check(near(d["time_share"], 10 / 12, 2e-3) and near(d["own_time_share"], 2 / 12, 2e-3), "and what it adds itself is told apart", d)
check(direct["hops"]["seen_twice"] == 40, "requests seen at two hops are named as such", direct["hops"])
check(direct["dependencies"] == again["dependencies"] and direct["hops"] == again["hops"], "records give the same map", d, again["dependencies"])
everything = lines + json.dumps(direct) + good("log", here / "proxy.db", "--format", "jsonl")
check("4bf92f" not in everything and "canary" not in everything, "no id is shown as it was sent")
finish()
