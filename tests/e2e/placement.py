#!/usr/bin/env python3
# kinds: opt
"""Where copies belong, from who repeats whom and how much there is to keep; validators that lie, differ or are not heeded; what
changes too fast is not to be cached. Nothing of it for what clients must not share but their own copy."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good

PERIOD = 3600
KINDS = ["small", "private", "fast", "liar", "nodes", "deaf"]


def body(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def trace(rng, requests):
    now, known = EPOCH, {}
    for n in range(requests * len(KINDS)):
        now += rng.expovariate(requests * len(KINDS) / (4 * PERIOD))
        kind, who = KINDS[n % len(KINDS)], rng.randrange(10)
        item = rng.randrange(6)
        item = 0 if kind == "fast" else item
        version = (now + 97 * item) // {"fast": 15, "liar": 60}.get(kind, PERIOD)
        content, status, asked, said = body(kind, item, who if kind == "private" else 0, version), 200, {}, {}
        if kind in ("liar", "nodes", "deaf"):
            tag = {"liar": '"%d"' % item, "nodes": '"%s-%d"' % (content, rng.randrange(3)), "deaf": '"%s"' % content}[kind]
            said["etag"] = tag
            if known.get((kind, item, who)):
                asked["if-none-match"] = known[kind, item, who]
            known[kind, item, who] = tag
        yield {"ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who), "server": "10.9.9.9:80", "method": "GET",
               "authority": "api.example", "target": "/%s/%d" % (kind, item), "status": status, "end": "complete", "request_s": 0,
               "ttfb_s": 0.05, "duration_s": 0.06, "response_bytes": 900, "body_id": content,
               **({} if kind == "fast" else {"client_id": "bearer:%012x" % (who + 1)}), "headers": {"request": asked, "response": said}}


def audit(seed, requests=9000):
    records = list(trace(random.Random(seed), requests))
    here = folder()
    (here / "p.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    good("capture", "-q", "--records", here / "p.jsonl", "-d", here / "p.db", "--fresh", "--secret", SECRET)
    report = json.loads(good("report", here / "p.db", "--format", "json"))
    return records, report, {e["route"].split("/")[1]: e for e in report["endpoints"]}


for seed in range(20 if PROOF else 1):
    records, report, by = audit(seed)
    for kind in KINDS:
        of = [(r["client"], r["target"]) for r in records if r["target"].startswith("/%s/" % kind)]
        want = 1 - len(set(of)) / len(of)
        check(abs(by[kind]["repeat_ratio_client"] - want) < 1e-12, "seed %d: /%s: repeats of the same client are counted" % (seed, kind),
              want, by[kind]["repeat_ratio_client"])
    where = {k: by[k]["placement"]["where"] for k in KINDS}
    check(where["small"] == "gateway", "seed %d: what is kept shorter than clients stay away belongs into the gateway" % seed, by["small"]["placement"], by["small"]["recommendation"])
    check(where["private"] == "client" and "must not share" in by["private"]["placement"]["reason"], "seed %d: what is private stays with clients" % seed,
          by["private"]["placement"], by["private"]["sharing"])
    fixes = {k: [(r["kind"], r["action"]) for r in report["recommendations"] if "/%s/" % k in r["target"]] for k in KINDS}
    check(fixes["fast"] == [("do_not_cache", "do not cache it")], "seed %d: what changes each time is not to be cached" % seed, fixes["fast"])
    for kind, words in (("liar", "differ whenever the body does"), ("nodes", "of the content alone"), ("deaf", "answer 304")):
        check(any(k == "fix" and words in a for k, a in fixes[kind]), "seed %d: /%s: the validator is to be mended" % (seed, kind), fixes[kind],
              by[kind]["conditional"])
    wasted = next(b for b in by["deaf"]["blockers"] if b["code"] == "FULL_ANSWERS")["saves_per_day"]
    check(wasted["requests"] == 0 and wasted["server_seconds"] is None and
          abs(wasted["bytes"] * (records[-1]["ts"] - records[0]["ts"]) / 86400 - by["deaf"]["conditional"]["wasted_full_bytes"]) < 1,
          "seed %d: what is sent in vain has a price, in bytes" % seed, wasted)
    check("UNSTABLE_ETAG" in [b["code"] for b in by["nodes"]["blockers"]], "seed %d: so have ETags that differ" % seed, by["nodes"]["blockers"])
    check(not {k for k, _ in fixes["private"]} & {"cache", "purge", "micro"}, "seed %d: nothing private is advised" % seed, fixes["private"])


def many_clients(seed):
    """Each client asks for a thing now and then: mostly others' copies spare it."""
    rng, here, now, out = random.Random(seed), folder(), EPOCH, []
    for n in range(40000):
        now += rng.expovariate(40000 / (2 * PERIOD))
        kind, who, item = ("wide", "heavy")[n % 2], rng.randrange(100), rng.randrange(60)
        out.append({"ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 50, who), "server": "10.9.9.9:80", "method": "GET",
                    "authority": "api.example", "target": "/%s/%d" % (kind, item), "status": 200, "end": "complete", "request_s": 0,
                    "ttfb_s": 0.05, "duration_s": 0.06, "response_bytes": 5_000_000 if kind == "heavy" else 900, "body_id": body(kind, item),
                    "headers": {"request": {}, "response": {}}})
    (here / "f.jsonl").write_text("".join(json.dumps(r) + "\n" for r in out))
    good("capture", "-q", "--records", here / "f.jsonl", "-d", here / "f.db", "--fresh", "--secret", SECRET)
    return {e["route"].split("/")[1]: e for e in json.loads(good("report", here / "f.db", "--format", "json"))["endpoints"]}


by = many_clients(3)
check(by["wide"]["placement"]["where"] == "gateway", "clients repeat each other and it is little: the gateway's memory", by["wide"]["placement"],
      by["wide"]["repeat_ratio"], by["wide"]["repeat_ratio_client"], by["wide"]["sharing"])
check(by["heavy"]["placement"]["where"] == "shared" and by["heavy"]["placement"]["cache_bytes"] > 100e6,
      "and it is much: a cache of its own", by["heavy"]["placement"], by["heavy"]["recommendation"])
_, report, by = audit(5, 200)
check({e["placement"]["where"] for e in report["endpoints"]} <= {"none", "client"}, "little evidence: no shared place",
      [e["placement"] for e in report["endpoints"]])
finish()
