#!/usr/bin/env python3
"""Policies that hold: generated files in front of a real origin whose contents change on a known plan, and the arrivals
of a known schedule. What nginx, Varnish and HAProxy then do is compared with what whatif says of the same arrivals:
cache hits and stale answers, rejects of the limits. Times are the wall's: nginx counts whole seconds. A run that the
machine spoils is done again twice, then called not measurable, which is no pass. PROOF=1: longer, and longer lifetimes."""
import random
import re

import world
from lib import PROOF, SECRET, check, finish, folder, good, parsed, skip
from world import Call, Plan, audit, drive, free_port, planted, policy

SECONDS, SEEDS = (100, 3) if PROOF else (9, 1)
# Lifetime that the plan makes the advice come to, with half of the hits allowed to be stale: change period, look-ups a
# second and key (see ALGORITHMS.md 3.9: the next lifetime of the ladder is over the budget, the one before has too few hits).
LIVES = {2: (4, 2.0), 5: (9, 2.0)}
if PROOF:
    LIVES.update({30: (45, 0.15), 60: (90, 0.1)})
KEYS = {2: 25, 5: 25, 30: 300, 60: 450}
BUDGET = "50%"
AGREE, POINTS, BAND, STALL = 0.995, 0.5, 0.05, 0.25

world.need("policies in front of real products", "nginx", "varnishd", "haproxy")

origin = free_port()
server = "127.0.0.1:%d" % origin
caches = {"t%d" % t: Plan(period=p, credential=False, keys=6) for t, (p, _) in LIVES.items()}
SLOW = 0.2  # seconds that the origin takes where many ask at once
plans = dict(caches, limited=Plan(credential=False), slow=Plan(period=4, credential=False, delay=SLOW))


def cache_db():
    records = []
    for t, (_, rate) in LIVES.items():
        kind = "t%d" % t
        n = 13000 if PROOF else 5000
        records += planted({kind: caches[kind]}, n, n / (rate * 6), server, seed=t)
    records += planted({"slow": plans["slow"]}, 5000, 5000 / 12, server, seed=99)
    return audit("caches", sorted(records, key=lambda r: r["ts"]))


def limit_db(calls, name, start):
    return audit(name, [dict(world.record("limited", plans["limited"], 1, who, start + at, server), client_id="apikey:%012x" % (who + 1))
                        for at, who in calls])


# ---- caches ----

def fresh_keys(seed):
    """Where the keys of a run begin: nothing is left of the runs before."""
    return 1000 * seed


def schedule(t, seed):
    rng, now, calls = random.Random(seed), 0.0, []
    rate = LIVES[t][1] * KEYS[t]
    while now < SECONDS:
        now += rng.expovariate(rate)
        calls.append(Call(now, "/t%d/%d" % (t, fresh_keys(seed - t) + rng.randrange(KEYS[t])), what=t))
    return calls


def fresh(product, t, f, ttl):
    return int(t) <= int(f) + ttl if product == "nginx" else int(t) < int(f) + ttl if product == "haproxy" else t - f < ttl


def near(product, t, f, ttl, band):
    """Whether the decision hangs on less than the band."""
    if product == "varnish":
        return abs(t - f - ttl) < band
    edges = (f % 1, 1 - f % 1)
    change = int(f) + ttl + (1 if product == "nginx" else 0)
    return abs(t - change) < band or (min(edges) < band and abs(t - change) < 1 + band)


def compare(product, calls, ttl, band):
    """(requests outside the band, of those as the model says, hits, stale, unlike) of one stream. One decision within the
    band that falls the other way gives an item another copy than the model has, and both their own later edges, until
    they fetch at the same request again: unlike counts the requests that met different copies."""
    filled, modelled, outside, agree, hits, stale, unlike = {}, {}, 0, 0, 0, 0, 0
    for c in calls:
        hit, took = c.cache == "HIT", c.got - c.sent
        f, unsure = filled.get(c.target, (None, 0))
        said = f is not None and fresh(product, c.sent, f, ttl)
        if f is None or not near(product, c.sent, f, ttl, max(band, unsure, took)):
            outside += 1
            agree += said == hit
        m = modelled.get(c.target)
        if m is None or not fresh(product, c.sent, m, ttl):
            modelled[c.target] = c.got
        if not hit:
            filled[c.target] = c.got, took  # when the answer came to the product is known to within that
        unlike += modelled[c.target] != filled.get(c.target, (None,))[0]
        item = int(c.target.rsplit("/", 1)[1])
        hits += hit
        stale += hit and c.body["version"] != caches["t%d" % c.what].version(item, c.sent)
    return outside, agree, hits, stale, unlike


def predicted(product, calls, ttl, name):
    """What whatif says of these arrivals: misses with the body that came, hits with the one that the origin had then."""
    kind, plan = "t%d" % ttl, caches["t%d" % ttl]
    records = []
    for c in calls:
        item, took = int(c.target.rsplit("/", 1)[1]), round(c.got - c.sent, 6)
        version = plan.version(item, c.sent) if c.cache == "HIT" else c.body["version"]
        records.append(dict(world.record(kind, plan, item, 1, c.sent, server), ttfb_s=took, duration_s=took,
                            body_id=world.digest(item, version)))
    db = audit(name, records)
    return parsed(good("whatif", db, "--ttl", "GET http://api.example/%s/{int}=%d" % (kind, ttl), "--profile", product, "--format",
                       "json"))["ttl"]


def judge_cache(product, ttl, calls, band):
    """(measurable, holds, one line)."""
    outside, agree, hits, stale, unlike = compare(product, calls, ttl, band)
    n, said = len(calls), predicted(product, calls, ttl, "%s-%d" % (product, ttl))
    left = 1 - outside / n
    ratio, want = 100 * hits / n, 100 * said["hit_ratio"]
    stale_ratio, stale_want = 100 * stale / max(hits, 1), 100 * (said["stale_ratio"] or 0)
    line = "%-8s %3d s %6d requests  hits %6.2f %% said %6.2f %%  stale %6.2f %% said %6.2f %%  agree %7.3f %%  band %4.1f ms, %4.2f %% in it, %d after it" % (
        product, ttl, n, ratio, want, stale_ratio, stale_want, 100 * agree / max(outside, 1), 1000 * band, 100 * left, unlike)
    points = max(POINTS, 200 / max(hits, 1)) + 100 * unlike / max(hits, 1)  # two requests are more than that in a short run
    holds = agree >= AGREE * outside and abs(ratio - want) <= points and abs(stale_ratio - stale_want) <= points
    return max(left, unlike / n) <= BAND, holds, line


# ---- many at once ----

def crowd(port, seed):
    """50 requests a second for 25 keys of the slow endpoint, on ten connections."""
    rng, now, streams = random.Random(seed), 0.0, [[] for _ in range(10)]
    while now < SECONDS:
        now += rng.expovariate(50)
        rng.choice(streams).append(Call(now, "/slow/%d" % (fresh_keys(seed) + rng.randrange(25))))
    return [(port, calls) for calls in streams]


# The same file with less: what asks the origin, and which end of the bracket that is (ALGORITHMS.md 3.3).
CROWDS = {"nginx": "high", "varnish": "high", "nginx, lock alone": "between", "nginx, no lock": "low"}


def judge_crowd(name, streams):
    """What the origin is spared: a request in nginx that starts a renewal is answered from the old copy, but asks, too."""
    product = name.split(",")[0]
    calls = sorted((c for _, s in streams for c in s), key=lambda c: c.sent)
    asked = sum(c.cache in ("MISS", "EXPIRED", "STALE", "BYPASS") for c in calls)
    db = audit("crowd-" + product, [world.record("slow", plans["slow"], int(c.target.rsplit("/", 1)[1]), 1, c.sent, server) for c in calls])
    said = parsed(good("whatif", db, "--ttl", "GET http://api.example/slow/{int}=2", "--profile", product, "--format", "json"))["ttl"]
    low, high = (said["hits"] - said["coalesced"]) / said["lookups"], said["hit_ratio"]
    spared = 1 - asked / len(calls)
    line = "%-18s 2 s %6d requests, %d ms at the origin  spared %6.2f %% said %6.2f %% (without coalescing %6.2f %%)" % (
        name, len(calls), 1000 * SLOW, 100 * spared, 100 * high, 100 * low)
    least, most = {"high": (high, high), "low": (low, low), "between": (low, high)}[CROWDS[name]]
    return least - 0.02 <= spared <= most + 0.02, line


# ---- limits ----

def limited_stream(port, arrivals, seed):
    by = {}
    for at, who in arrivals:
        by.setdefault(who, []).append(Call(at, "/limited/1", "X-Api-Key: key-%d-in-run-%d\r\n" % (who, seed), what=who))
    return [(port, calls) for calls in by.values()], by


def judge_limit(product, spec, by):
    arrivals = sorted((c.sent, who) for who, calls in by.items() for c in calls)
    db = limit_db([(t, who) for t, who in arrivals], "limit-" + product, 0)
    said = parsed(good("whatif", db, "--limit", spec, "--format", "json"))["limit"]
    n = len(arrivals)
    rejected = sum(c.status == 429 for calls in by.values() for c in calls)
    normal = sum(c.status == 429 for who, calls in by.items() if who != 8 for c in calls)
    room = max(2, 0.005 * n) if product == "nginx" else max(2, 0.01 * n)
    line = "%-8s %-22s %6d requests  rejected %5d said %5d  of normal clients %d" % (product, spec, n, rejected, said["rejected"], normal)
    flood = sum(c.status == 429 for c in by[8])
    # What the flood adds above the limit is what the replay rejects of it.
    above = sum(c["rejected"] for c in said["by_client"] if c["client"] == "apikey:%012x" % 9)
    line += "  of what the flood adds %.2f %%" % (100 * flood / max(above, 1))
    return abs(rejected - said["rejected"]) <= room and normal == 0 and flood == rejected > 0 and flood >= 0.99 * above > 0, line


# ---- all of it at once ----

def spec_of(product, text):
    if product == "nginx":
        rate = re.search(r"zone=spanwise_apikey:\S+ rate=(\d+r/[sm]);", text).group(1)
        burst = re.search(r"limit_req zone=spanwise_apikey burst=(\d+) nodelay;", text).group(1)
        return "nginx:%s:%s" % (rate, burst)
    return "haproxy:%s:10" % re.search(r"sc_http_req_rate\(0,spanwise_table_apikey\) gt (\d+)", text).group(1)


def start_products(caching, limiting):
    """Files made, products started: {name: port}, {name: spec}."""
    ports, specs = {}, {}
    for product, starter in (("nginx", world.start_nginx), ("varnish", world.start_varnish), ("haproxy", world.start_haproxy)):
        ports[product] = free_port()
        state = ("--state", folder())
        file, err = policy(caching, product, "--stale-budget", BUDGET, "--only", "cache", "--listen", "127.0.0.1:%d" % ports[product], *state)
        text = file.read_text()
        rules = [t for t in LIVES if "/t%d/{int}: kept %d s" % (t, t) in text]
        at = text.find("/slow/{int}: kept 2 s")
        check(at > 0 and (product != "nginx" or "proxy_cache_background_update on;" in text[at:at + 2500]),
              product + ": where many ask at once, one of them renews the copy", text[at:at + 1500])
        check(rules == list(LIVES), "%s: the lifetimes of the plan are advised" % product, rules, err)
        kept = file.rename(folder() / (product + ".cache"))
        check(starter(kept, ports[product]), "%s starts with the file as it is" % product)
    for name in CROWDS:
        if "," not in name:
            continue
        ports[name] = free_port()
        (folder() / name.replace(", ", "-").replace(" ", "-")).mkdir()
        file, _ = policy(caching, "nginx", "--stale-budget", BUDGET, "--only", "cache", "--listen", "127.0.0.1:%d" % ports[name], "--state", folder() / name.replace(", ", "-").replace(" ", "-"))
        text, n = re.subn(r" *proxy_cache_(use_stale updating|background_update on);\n", "", file.read_text())
        if "no lock" in name:
            text = text.replace("proxy_cache_lock on;", "proxy_cache_lock off;")
        check(n >= 2, name + ": the file says less")
        file.write_text(text)
        check(world.start_nginx(file.rename(folder() / (name + ".conf")), ports[name]), "nginx starts: " + name)
    for product, starter in (("nginx", world.start_nginx), ("haproxy", world.start_haproxy)):
        name = product + " limits"
        ports[name] = free_port()
        file, err = policy(limiting, product, "--only", "rate", "--listen", "127.0.0.1:%d" % ports[name], "--state", folder())
        specs[product] = spec_of(product, file.read_text())
        kept = file.rename(folder() / (product + ".limit"))
        check(starter(kept, ports[name]), "%s starts with its limits" % product)
    return ports, specs


def lateness(streams):
    """Of calls that nothing but the machine can have held up, sorted."""
    return sorted(c.late for _, calls in streams for c in calls)


def one_run(ports, specs, arrivals, seed):
    streams, by_cache, by_limit = [], {}, {}
    for product in ("nginx", "varnish", "haproxy"):
        for t in LIVES:
            by_cache[product, t] = schedule(t, seed + t)
            streams.append((ports[product], by_cache[product, t]))
    for product in specs:
        more, by_limit[product] = limited_stream(ports[product + " limits"], arrivals, seed)
        streams += more
    quick = list(streams)
    crowds = {product: crowd(ports[product], seed) for product in CROWDS}
    for more in crowds.values():
        streams += more
    drive(streams)
    late = lateness(quick)
    limited = [c for by in by_limit.values() for calls in by.values() for c in calls]
    spoiled = max(max(c.late, c.got - c.sent) for c in limited) > STALL
    return max(0.010, late[int(0.99 * len(late))]), spoiled, by_cache, by_limit, crowds


def run_until_measured(ports, specs, arrivals, seed):
    """{what: (state, line)}; state None: the machine spoiled it three times."""
    results = {}

    def note(key, spoiled, holds, line):
        if results.get(key, (None,))[0] is None:
            results[key] = (None if spoiled else holds, line)

    for attempt in range(3):
        band, spoiled, by_cache, by_limit, crowds = one_run(ports, specs, arrivals, 10 * seed + attempt)
        for (product, t), calls in by_cache.items():
            measurable, holds, line = judge_cache(product, t, calls, band)
            note((product, t), not measurable, holds, line)
        for product, spec in specs.items():
            note((product, "limit"), spoiled, *judge_limit(product, spec, by_limit[product]))
        for product, streams in crowds.items():
            holds, line = judge_crowd(product, streams)
            # Which requests come while another fetches is not known closer than the machine is late.
            note((product, "crowd"), spoiled or not holds and band > SLOW / 10, holds, "%s  band %.1f ms" % (line, 1000 * band))
        if all(state is not None for state, _ in results.values()):
            break
        world.time.sleep(5)
    return results


def main():
    world.fork_origin(origin, plans)
    check(world.wait_port(origin), "the origin is there")
    recorded = world.bursts_and_flood(3)
    limiting = limit_db(recorded, "limits", 1_700_000_000)
    ports, specs = start_products(cache_db(), limiting)
    arrivals = [(at - 110, who) for at, who in recorded if at >= 110]
    for seed in range(1, 1 + SEEDS):
        for key, (state, line) in run_until_measured(ports, specs, arrivals, seed).items():
            if state is None:
                skip("%s %s" % key, "not measurable, the machine was too busy: " + line)
            else:
                check(state, line)


try:
    main()
finally:
    world.stop_all()
finish()
