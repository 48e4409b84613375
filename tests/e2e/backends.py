#!/usr/bin/env python3
# kinds: opt
"""Servers side by side: services with a server that is slow, that fails, that gets more than its share, that is left out half-way, with a
proxy before them, whose connections are thrown away; and services where nothing is wrong, though one server has the heavy requests.
What is planted is said, of that server alone, with its cost; nothing else is. Ten seeds with PROOF=1."""
import collections
import json
import random

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good, parsed

here = folder()
SECONDS, RTT = 1200, .004
MEAN = {"light": .010, "heavy": .080}


class Fleet:
    def __init__(self, seed):
        self.rng, self.records, self.conns = random.Random(seed), [], 0
        self.truth = collections.defaultdict(collections.Counter)     # (service, server) -> counts

    def call(self, service, server, at, kind, conn, client=None, slow=1.0, fails=0.0):
        rng, t = self.rng, self.truth[service, server]
        took = MEAN[kind] * slow * rng.gammavariate(4, .25)
        failed = rng.random() < fails
        client = client or "10.9.%d.%d" % (rng.randrange(4), rng.randrange(1, 200))
        self.records.append({"ts": round(EPOCH + at, 6), "client": client + ":5000", "server": server + ":80", "conn": conn, "method": "GET",
                             "authority": service + ".example", "target": "/%s/%d" % (kind, rng.randrange(50)), "status": 503 if failed else 200,
                             "end": "complete", "request_s": 0, "ttfb_s": round(took + RTT / 2, 6), "duration_s": round(took + RTT / 2, 6) + .001,
                             "rtt_client_s": RTT / 2, "rtt_server_s": RTT / 2, "response_bytes": 200})
        t["requests"] += 1
        t["failed"] += failed
        t["failed_us"] += round(took * 1e6) * failed
        t["excess_us"] += took * 1e6 * (1 - 1 / slow) * (not failed)

    def spread(self, service, servers, choose, n=1500, heavy=lambda server: .3, slow={}, fails={}, until={}, each=20):
        """n requests over time; `choose` deals out connections; each carries so many requests."""
        rng = self.rng
        for at in sorted(rng.uniform(0, SECONDS - 30) for _ in range(n // each)):
            able = [s for s in servers if at < until.get(s, SECONDS)]
            server, client = choose(rng, able), "10.8.0.%d" % rng.randrange(1, 200)
            self.conns += 1
            for i in range(each):
                kind = "heavy" if rng.random() < heavy(server) else "light"
                self.call(service, server, at + i * .5, kind, self.conns, client, slow.get(server, 1.0), fails.get(server, .01))

    def write(self, path):
        self.records.sort(key=lambda r: r["ts"])
        path.write_text("".join(json.dumps(r) + "\n" for r in self.records))
        return path


def hosts(net):
    return ["10.%d.0.%d" % (net, i) for i in (1, 2, 3)]


def evenly(rng, servers):
    return rng.choice(servers)


def planted(seed):
    """The fleet, and what must be said: (service, finding) -> server."""
    f, said = Fleet(seed), {}
    a, b, c, d, e, g = (hosts(20 + i) for i in range(6))
    f.spread("well", a, evenly)
    f.spread("mixed", b, evenly, heavy=lambda s: .9 if s == b[0] else .1)       # it has the heavy ones, and is as fast with them
    f.spread("lame", c, evenly, slow={c[1]: 1.8})
    said["lame", "slow"] = c[1]
    f.spread("ill", d, evenly, fails={d[2]: .25})
    said["ill", "bad"] = d[2]
    f.spread("tilted", e, lambda rng, s: rng.choices(s, (6, 1, 1))[0], each=1, n=1500)
    said["tilted", "uneven"] = e[0]
    f.spread("shrunk", g, evenly, until={g[0]: SECONDS * .5}, each=5)
    said["shrunk", "left"] = g[0]
    front, behind = "10.40.0.1", hosts(41)
    for at in sorted(f.rng.uniform(0, SECONDS) for _ in range(400)):            # the proxy is no peer of what is behind it
        f.call("proxied", front, at, "light", 900001, slow=2.5)
        f.call("proxied", f.rng.choice(behind), at + .001, "light", 900002 + f.rng.randrange(3), client=front)
    return f, said


def thrown(f, service, again):
    """Each client's requests, two seconds apart: each on a connection of its own, or all on one. Returns those opened again."""
    opened = 0
    for client in range(40):
        f.conns += 1
        for i in range(10):
            f.conns += not again
            opened += not again and i > 0
            f.call(service, "10.50.0.%d" % (1 if again else 2), 10 * client + 2 * i, "light", f.conns, "10.7.0.%d" % (client + 1))
    return opened


def found(r):
    out = {}
    for g in r["backends"]:
        service = g["service"].split("//")[1].split(".")[0]
        peers = [s for s in g["servers"] if s["role"] == "server"]
        for s in peers:
            beside = s["beside_peers"] or {}
            for what in ("slow", "bad"):
                if beside.get(what):
                    out.setdefault((service, what), []).append(s["server"][:-3])
            if s["left"]:
                out.setdefault((service, "left"), []).append(s["server"][:-3])
        if g["balance"] == "uneven":
            out[service, "uneven"] = [max(peers, key=lambda s: s["requests"])["server"][:-3]]
    return out


def counts_wrong(r, f):
    wrong, seen = [], set()
    for g in r["backends"]:
        service = g["service"].split("//")[1].split(".")[0]
        all_of = sum(s["requests"] for s in g["servers"] if s["role"] == "server")
        for s in g["servers"]:
            key = service, s["server"][:-3]
            t = f.truth[key]
            seen.add(key)
            if (s["requests"], s["errors"]) != (t["requests"], t["failed"]):
                wrong.append("%s: %s, not %s" % (key, s, dict(t)))
            if s["role"] == "server" and abs(s["share"] - t["requests"] / all_of) > 1e-9:
                wrong.append("%s: share %s" % (key, s["share"]))
    return wrong + ["unseen: %s" % (f.truth.keys() - seen)] * (f.truth.keys() != seen)


def cost(r, kind, where):
    hits = [b for b in r["bottlenecks"] if b["kind"] == kind and where in b["target"]]
    return hits[0]["seconds_per_hour"] if len(hits) == 1 else None


def near(got, want, within):
    return got is not None and abs(got - want) <= within * want


for seed in range(1, 11 if PROOF else 2):
    fleet, said = planted(seed)
    opened = thrown(fleet, "wasteful", False)
    thrown(fleet, "thrifty", True)
    good("capture", "-q", "--records", fleet.write(here / "fleet.jsonl"), "-d", here / "fleet.db", "--secret", SECRET, "--fresh")
    r = parsed(good("report", here / "fleet.db", "--format", "json"))
    wrong = counts_wrong(r, fleet)
    check(not wrong, "seed %d: requests, failures and shares of every server" % seed, *wrong)
    got = found(r)
    check(got == {k: [v] for k, v in said.items()}, "seed %d: what is wrong is said, of whom it is, and nothing else" % seed, got, said)
    proxied = next(g for g in r["backends"] if "proxied" in g["service"])
    check([s["server"] for s in proxied["servers"] if s["role"] == "relay"] == ["10.40.0.1:80"] and proxied["peers"] == 3,
          "seed %d: the proxy is no peer of the servers behind it" % seed, proxied)
    hours = (r["behaviour"]["to"] - r["behaviour"]["from"]) / 3600
    t = fleet.truth["lame", said["lame", "slow"]]
    # the times are random: what the others took is an estimate of what it should have taken, two percent off
    check(near(cost(r, "slow_server", "lame"), t["excess_us"] / 1e6 / hours, .2), "seed %d: the slow one costs what it is slower by" % seed,
          cost(r, "slow_server", "lame"), t["excess_us"] / 1e6 / hours)
    waste = {s["server"]: s["keep_alive"] for g in r["backends"] if "wasteful" in g["service"] or "thrifty" in g["service"] for s in g["servers"]}
    check(waste["10.50.0.2:80"]["reopened"] == opened == 360 and waste["10.50.0.2:80"]["used_once"] == 400 and waste["10.50.0.1:80"]["connections"] == 40 and
          waste["10.50.0.1:80"]["reopened"] == 0, "seed %d: connections that are thrown away are counted" % seed, waste)
    check(near(cost(r, "connections", "wasteful"), opened * RTT / hours, .001), "seed %d: and cost a round trip each" % seed,
          cost(r, "connections", "wasteful"), opened * RTT / hours)

text = good("report", here / "fleet.db", "--top", "40")
check("WHO ANSWERS" in text and "slower than its peers" in text and "fails more than its peers" in text and "passes requests on" in text,
      "the text names them", text.split("WHO ANSWERS")[-1])
check("## Who answers" in good("report", here / "fleet.db", "--format", "markdown") and "backends.servers" in good("report", here / "fleet.db", "--format", "csv"),
      "Markdown and CSV have them")
(here / "bare.jsonl").write_text(json.dumps({"ts": EPOCH, "client": "10.0.0.1", "method": "GET", "authority": "a.example", "target": "/", "status": 200}) + "\n")
good("capture", "-q", "--records", here / "bare.jsonl", "-d", here / "bare.db", "--secret", SECRET)
bare = parsed(good("report", here / "bare.db", "--format", "json"))
check(bare["backends"] is None, "records without servers have no backends", bare["backends"])
finish()
