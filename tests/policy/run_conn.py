#!/usr/bin/env python3
# kinds: opt
"""limit_conn as it is generated, in real nginx: an API that hangs fills a client's places, and no more than that many of its
requests hang with it; others are let in meanwhile. And clients as they were recorded are never cut off. PROOF=1: the
whole file as it is, so that limit_req lets the places fill up at its own pace."""
import random
import re

import world
from lib import EPOCH, PROOF, check, finish, folder
from world import Call, Plan, audit, drive, free_port, policy

world.need("limit_conn in nginx", "nginx")
HANG = 16 if PROOF else 1.5  # seconds that the API takes now
world.PATIENCE = HANG + 10
origin = free_port()
plans = {"limited": Plan(credential=False), "hung": Plan(credential=False, delay=HANG)}


def recorded():
    """Ten clients in small bursts for two minutes; answers take 5 ms."""
    rng, out = random.Random(5), []
    for who in range(10):
        now = 0.0
        while now < 120:
            now += rng.expovariate(0.7)
            for n in range(rng.randrange(1, 4)):
                r = world.record("limited", plans["limited"], 1, who, EPOCH + now + 0.02 * n, "127.0.0.1:%d" % origin)
                out.append(dict(r, client_id="apikey:%012x" % (who + 1)))
    return sorted(out, key=lambda r: r["ts"])


def key(who):
    return "X-Api-Key: key-number-%d\r\n" % who


def start(db, name, *changes):
    port = free_port()
    file, _ = policy(db, "nginx", "--only", "rate", "--listen", "127.0.0.1:%d" % port, name=name + ".conf")
    text = file.read_text()
    places = int(re.search(r"limit_conn spanwise_apikey_conn (\d+);", text).group(1))
    for pattern, by in changes:
        text, n = re.subn(pattern, by, text)
        check(n > 0, "the file has " + pattern)
    file.write_text(text)
    check(world.start_nginx(file, port), "nginx starts: " + name)
    rate, unit = re.search(r"rate=(\d+)r/([sm]);", text).groups() if "limit_req_zone" in text else ("0", "s")
    return port, places, int(rate) / (60 if unit == "m" else 1)


def statuses(calls):
    return {s: sum(c.status == s for c in calls) for s in sorted({c.status for c in calls})}


def all_at_once(db):
    """As many again as there are places, at once; limit_req taken out, which would reject them before."""
    port, places, _ = start(db, "places", (r" *limit_req zone=.*\n", ""))
    dry, _, _ = start(db, "dry", (r" *limit_req zone=.*\n", ""), (r"limit_conn_status 429;", "limit_conn_status 429; limit_conn_dry_run on;"))
    calls = [Call(0.002 * i, "/hung/1", key(1)) for i in range(2 * places)]
    free = [Call(0.002 * i, "/hung/1", key(1)) for i in range(2 * places)]
    others = [Call(0.3 + 0.01 * i, "/limited/1", key(2 + i % 3)) for i in range(30)]
    later = [Call(HANG + 1.2 + 0.01 * i, "/limited/1", key(1)) for i in range(10)]
    drive([(port, [c]) for c in calls] + [(dry, [c]) for c in free] + [(port, others), (port, later)])
    check(statuses(calls) == {200: places, 429: places}, "%d requests that hang at once: exactly the %d places are taken" % (2 * places, places), statuses(calls))
    check(statuses(free) == {200: 2 * places}, "a dry run rejects none of them", statuses(free))
    check(statuses(others) == {200: 30}, "other clients are let in meanwhile", statuses(others))
    check(statuses(later) == {200: 10}, "and the client itself, once its requests are through", statuses(later))


def as_generated(db):
    """At the pace that limit_req allows, the places are full before the API answers."""
    port, places, rate = start(db, "whole")
    burst = int(re.search(r"limit_req zone=spanwise_apikey burst=(\d+)", (folder() / "whole.conf").read_text()).group(1))
    at = [0.001 * i for i in range(burst)] + [(i + 1) * 1.02 / rate for i in range(int((HANG - 2) * rate))]
    calls = [Call(t, "/hung/1", key(1)) for t in sorted(at)]
    drive([(port, [c]) for c in calls])
    good = sum(c.status == 200 for c in calls)
    check(good == places < len(calls) and set(statuses(calls)) == {200, 429},
          "the file as it is: %d requests at the limit's own pace while the API hangs, %d places" % (len(calls), places), statuses(calls))


def normal(db, records):
    """The recorded arrivals of twenty seconds once more: nobody is cut off."""
    port, _, _ = start(db, "normal")
    by = {}
    span = 40 if PROOF else 3
    for r in records:
        t = r["ts"] - EPOCH - 30
        if 0 <= t < span:
            by.setdefault(r["client_id"], []).append(Call(t, "/limited/1", key(int(r["client_id"].split(":")[1], 16))))
    drive([(port, calls) for calls in by.values()])
    calls = [c for one in by.values() for c in one]
    check(statuses(calls) == {200: len(calls)}, "%d requests of %d clients as they were recorded: none is rejected" % (len(calls), len(by)), statuses(calls))


def main():
    world.fork_origin(origin, plans)
    check(world.wait_port(origin), "the origin is there")
    records = recorded()
    db = audit("recorded", records)
    all_at_once(db)
    normal(db, records)
    if PROOF:
        as_generated(db)


try:
    main()
finally:
    world.stop_all()
finish()
