#!/usr/bin/env python3
# kinds: opt
"""Who would be turned away by the limit that is advised: a flood among clients that behave is, and nobody else; the report names the same
limit as the policy. And what the faces need beside it: how many requests over time, and what a bottleneck is about."""
import collections
import json
import random

from lib import EPOCH, SECRET, check, finish, folder, good

here = folder()
rng = random.Random(7)
SECONDS = 1800


def record(at, who, target, status=200, ttfb=0.02):
    return {"tls": True, "ts": round(EPOCH + at, 6), "client": "10.0.0.%d:4000" % (who % 250), "server": "10.9.9.9:80", "method": "GET", "authority": "api.example",
            "target": target, "status": status, "end": "complete", "request_s": 0, "ttfb_s": ttfb, "duration_s": ttfb + .01, "response_bytes": 300, "rtt_server_s": 0.0001, "conn": who + 1,
            "client_id": "apikey:%012x" % (who + 1), "body_id": "%016x" % hash(target).__abs__()}


FLOOD = 99
records = [record(rng.uniform(0, SECONDS), who, "/items/%d" % rng.randrange(9)) for who in range(12) for _ in range(150)]
records += [record(700 + i * .01, FLOOD, "/items/%d" % (i % 9)) for i in range(3000)]
records += [record(rng.uniform(0, SECONDS), 3, "/slow", ttfb=2 if rng.random() < .03 else .05) for _ in range(200)]
records.sort(key=lambda r: r["ts"])
(here / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
good("capture", "-q", "--records", here / "records.jsonl", "--secret", SECRET, "-d", here / "a.db")
report = json.loads(good("report", here / "a.db", "--format", "json"))

limit = report["limits"][0]
flood = "apikey:%012x" % (FLOOD + 1)
clients = {c["client"]: c for c in report["clients"]}
check(len(report["limits"]) == 1 and limit["by"] == "apikey" and limit["clients"] == 13 and limit["kept"] == 12 and not limit["not_advised"],
      "one limit, for those told apart by their key", limit)
check([c["client"] for c in limit["turned_away"]] == [flood], "the flood would be turned away, and nobody else", limit)
check(clients[flood]["limit"]["turned_away"] is True and clients[flood]["limit"]["needs"] == limit["turned_away"][0]["needs"],
      "its row says so, with the bucket that it needs", clients[flood]["limit"])
check(all(c["limit"]["turned_away"] is False and c["limit"]["needs"] <= limit["burst"] for c in clients.values() if c["client"] != flood),
      "nobody else's does")
policy = good("policy", here / "a.db", "--for", "nginx", "--only", "rate")
check("a bucket of %d at %s/s" % (limit["burst"], limit["rate"]) in policy and "not allowed for: " + flood in policy,
      "the policy has the same limit, and names who is not in it", policy[:2000])
spec = "token-bucket:%s:%s" % (limit["rate"], limit["burst"])
hit = json.loads(good("whatif", here / "a.db", "--limit", spec, "--format", "json"))["limit"]
check([c["client"] for c in hit["by_client"] if c["rejected"]] == [flood], "replayed, that limit rejects the flood alone", hit)

counted = collections.defaultdict(collections.Counter)
for r in records:
    counted[r["client_id"]][int(r["ts"]) // 30] += 1
good_rows = 0
for name, c in clients.items():
    a = c["activity"]
    good_rows += a["step_s"] == 30 and all(n == counted[name][a["from"] // 30 + i] for i, n in enumerate(a["requests"])) and \
        sum(a["requests"]) == c["requests"]
check(good_rows == len(clients), "requests over time: every slot of every client", good_rows, len(clients))

names = {e["id"]: "%s %s%s" % (e["method"], e["service"], e["route"]) for e in report["endpoints"]}
about = [b for b in report["bottlenecks"] if b["endpoint"]]
check(about and all(b["target"] == names[b["endpoint"]] for b in about), "a bottleneck names its endpoint's id", report["bottlenecks"])
check(all(b["says"] and b["seen"] and not (b["endpoint"] and b["client"]) for b in report["bottlenecks"]), "or its client, and what it is",
      report["bottlenecks"])

# Who is told apart by Authorization is limited together, whatever stands in it: what a flood is held against is the limit that the report names.
def asks(who, kind, n, seconds, start=0.0):
    return [{**record(start + rng.uniform(0, seconds), who, "/items/%d" % rng.randrange(9)), "client_id": "%s:%012x" % (kind, who + 1)} for _ in range(n)]


def audit(name, records):
    records.sort(key=lambda r: r["ts"])
    (here / (name + ".jsonl")).write_text("".join(json.dumps(r) + "\n" for r in records))
    good("capture", "-q", "--records", here / (name + ".jsonl"), "--secret", SECRET, "-d", here / (name + ".db"))
    return json.loads(good("report", here / (name + ".db"), "--format", "json"))


def flood_and_limit(report):
    return [b for b in report["bottlenecks"] if b["kind"] == "flood"], report["limits"][0]


kinds = audit("kinds", [r for who in range(8) for r in asks(who, "jwt", 50, 600)] + [r for who in range(8, 16) for r in asks(who, "bearer", 150, 600)] +
              asks(FLOOD, "jwt", 3000, 30, 100))
found, limit = flood_and_limit(kinds)
check(len(found) == 1 and limit["by"] == "authorization" and limit["kept"] == 16 and (found[0]["evidence"]["rate"], found[0]["evidence"]["burst"]) ==
      (limit["rate"], limit["burst"]), "a flood by a JWT among bearers is held against both, as the limit is", found, limit)

fast = audit("fast", [r for who in range(5) for r in asks(who, "apikey", 9000, 2)] + asks(FLOOD, "apikey", 60000, 3))
found, limit = flood_and_limit(fast)
check(len(found) == 1 and found[0]["evidence"]["rate"] >= 1000 and "%d requests a second" % found[0]["evidence"]["rate"] in found[0]["action"] and
      "(%d/s" % found[0]["evidence"]["rate"] in found[0]["why"], "rates beyond a thousand a second are written out", found)

# Who scans, or goes through ids one by one, is not asked what is normal (ALGORITHMS.md 7.5), though it keeps within the fence.
SCAN, SCRAPE = 97, 98
normal = [r for who in range(12) for r in asks(who, "apikey", 150, 1800)]
odd = [{**record(500 + i, SCAN, "/old/%d.php" % i, 404), "client_id": "apikey:%012x" % (SCAN + 1)} for i in range(300)]
odd += [{**record(500.5 + i, SCRAPE, "/users/%d" % i), "client_id": "apikey:%012x" % (SCRAPE + 1)} for i in range(300)]
without, crawled = audit("without", list(normal)), audit("crawled", normal + odd)
limit, of = crawled["limits"][0], {c["client"]: c for c in crawled["clients"]}
odd_names = ["apikey:%012x" % (who + 1) for who in (SCAN, SCRAPE)]
check("scan" in of[odd_names[0]]["flags"] and "scraper" in of[odd_names[1]]["flags"] and limit["clients"] == 14 and limit["kept"] == 12 and
      [limit[k] for k in ("rate", "burst")] == [without["limits"][0][k] for k in ("rate", "burst")], "a scan and a scraper do not make the limit",
      limit, without["limits"])
check(sorted(c["client"] for c in limit["turned_away"]) == sorted(n for n in odd_names if of[n]["limit"]["needs"] > limit["burst"]) != [],
      "and are turned away if they need more", limit)
policy = good("policy", here / "crawled.db", "--for", "nginx", "--only", "rate")
check("a bucket of %d at %s/s" % (limit["burst"], limit["rate"]) in policy and any(
    "not allowed for" in line and all(n in line for n in odd_names) for line in policy.splitlines()), "the policy says the same", policy[:2000])
finish()
