#!/usr/bin/env python3
# kinds: opt
"""Planted APIs: one table of what an endpoint can be and of what must be said of it. Every kind stands in one audit beside
all others; each is diagnosed right, and none is ever advised to be shared that is not. 20 seeds with PROOF=1."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, Capture, answer, check, finish, folder, good, request

here = folder()
HOURS, REQUESTS, PERIOD, ITEMS = 1, 8000, 900, 6
SHARING = {"cache", "purge", "micro", "revalidate", "coalesce"}


class Api:
    """One seed: who asks, when what changes, and the records."""
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.clients = self.rng.choice([10, 12, 16, 25])
        self.tenants = self.rng.choice([2, 3, 4])
        self.phase = [self.rng.uniform(0, PERIOD) for _ in range(ITEMS)]
        self.records, self.written = [], [0] * ITEMS

    def version(self, item, now):
        return int((now - EPOCH + self.phase[item]) / PERIOD)

    def add(self, now, who, target, content, method="GET", status=200, asks=None, says=None, credential=True, claim=False):
        r = {"ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who), "server": "10.9.9.9:80", "method": method, "authority": "api.example",
             "target": target, "status": status, "end": "complete", "request_s": 0, "ttfb_s": 0.05, "duration_s": 0.06,
             "response_bytes": 900, "headers": {"request": {**(asks or {}), **({"authorization": "~"} if credential else {})}, "response": says or {}}}
        if content is not None:
            r["body_id"] = digest(target.split("?")[0], *content)
        if credential:
            r["client_id"] = "jwt:%012x" % (who + 1)
        if claim:
            r["key_parts"] = {"claim:tenant": "t%d" % (who % self.tenants), "claim:iss": "issuer"}
        self.records.append(r)


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


# ---- how the kinds answer: (api, now, who, item) ----

def shared(a, now, who, item):
    a.add(now, who, "/shared/%d" % item, (a.version(item, now),))


def open_(a, now, who, item):
    a.add(now, who, "/open/%d" % item, (a.version(item, now),), credential=False)


def private(a, now, who, item):
    a.add(now, who, "/private/%d" % item, (who,))


def leaky(a, now, who, item):
    a.add(now, who, "/leaky/%d" % item, (who,), says={"cache-control": "public, max-age=60"})


def tenant(a, now, who, item):
    a.add(now, who, "/tenant/%d" % item, (who % a.tenants, a.version(item, now)), claim=True)


def guarded(name, status):
    """The same to all that may have it; half of them may not."""
    def answered(a, now, who, item):
        given = (who + item) % 2
        a.add(now, who, "/%s/%d" % (name, item), (a.version(item, now),) if given else ("no",), status=200 if given else status)
    return answered


def parted(a, now, who, item):
    """One part is not to be had; the others are alike."""
    asked = a.rng.randrange(4)
    a.add(now, who, "/parted/%d?part=%d&utm_source=%s" % (item, asked, a.rng.choice("abc")), (a.version(item, now),) if asked else ("no",),
          status=200 if asked else 403, credential=False)


def vetted(a, now, who, item):
    """What never comes twice is looked at: a tenth is turned away."""
    good_ = a.rng.random() < .9
    a.add(now, who, "/vetted/%d?n=%d" % (item, len(a.records)), (a.version(item, now),) if good_ else ("no",), status=200 if good_ else 403, credential=False)


def lapsed(a, now, who, item):
    """The same to all; now and then a credential is out of date."""
    good_ = a.rng.random() < .98
    a.add(now, who, "/lapsed/%d" % item, (a.version(item, now),) if good_ else ("no",), status=200 if good_ else 401)


def personal(a, now, who, item):
    """The same to all as far as was seen, and marked."""
    a.add(now, who, "/personal/%d" % item, (a.version(item, now),), says={"cache-control": "no-store, private"})


def fast(a, now, who, item):
    a.add(now, who, "/fast/%d" % item, (now,))


def tracked(a, now, who, item):
    lang, source = a.rng.choice(["de", "en"]), a.rng.randrange(3)
    query = ["lang=" + lang, "utm_source=" + "abc"[source], "utm_campaign=" + "xyz"[source]]
    a.rng.shuffle(query)
    a.add(now, who, "/tracked/%d?%s" % (item, "&".join(query)), (lang, a.version(item, now)), credential=False)


def varies(name, vary):
    def answered(a, now, who, item):
        lang = a.rng.choice(["de", "en"])
        a.add(now, who, "/%s/%d" % (name, item), (lang, a.version(item, now)), asks={"accept-language": lang, "user-agent": a.rng.choice("xy")},
              says={"cache-control": "public, max-age=60", **({"vary": vary} if vary else {})})
    return answered


def written(a, now, who, item):
    """Changes when it is written to, and then alone."""
    if a.rng.random() < .02:
        a.written[item] += 1
        a.add(now, who, "/written/%d" % item, None, method="PUT", status=204)
    else:
        a.add(now, who, "/written/%d" % item, (a.written[item],))


def bystander(a, now, who, item):
    """Written to as often, by somebody whose writes change nothing that is read here."""
    a.add(now, who, "/bystander/%d" % item, None, method="PUT", status=204)


def lying(a, now, who, item):
    """One tag for all versions."""
    a.add(now, who, "/lying/%d" % item, (a.version(item, now),), says={"etag": '"%d"' % item})


def unstable(a, now, who, item):
    """Two nodes, each with tags of its own."""
    a.add(now, who, "/unstable/%d" % item, (a.version(item, now),), says={"etag": '"%d-%d-%d"' % (item, a.version(item, now), a.rng.randrange(2))})


def steady(a, now, who, item):
    """Tags as they should be, and an origin that heeds them."""
    tag = '"%d-%d"' % (item, a.version(item, now))
    known = a.rng.random() < .5
    a.add(now, who, "/steady/%d" % item, None if known else (a.version(item, now),), status=304 if known else 200,
          asks={"if-none-match": tag} if known else {}, says={"etag": tag})


def deaf(a, now, who, item):
    """Conditions are not heeded: the client had that very content."""
    tag = '"%d-%d"' % (item, a.version(item, now))
    a.add(now, who, "/deaf/%d" % item, (a.version(item, now),), asks={"if-none-match": tag}, says={"etag": tag})


def noisy(seed):
    """Through packets, for bodies are looked into there: a time and an id in each, all else changes every twelve minutes."""
    rng, cap = random.Random(seed), Capture()
    for n in range(5000):
        cap.now = int((EPOCH + n * 0.72) * 1e6)
        item, who = rng.randrange(4), n % 24
        body = {"id": item, "name": "thing", "generated_at": cap.now // 1000, "request_id": "%032x" % rng.getrandbits(128), "stock": n // 1000}
        cap.talk((">", request("GET", "/noisy/%d" % item, "Authorization: Bearer %04d" % who)),
                 ("<", answer(200, json.dumps(body).encode(), "Content-Type: application/json")), client="10.%d.0.%d" % (who % 6, who + 1))
    path = cap.write(here / "noisy.pcap")
    return [json.loads(line) for line in good("log", "-r", path, "--format", "jsonl", "--secret", SECRET).splitlines()]


def like_noisy(records):
    """The same bodies asked for by twelve people of one tenant; and by as many, where another one is turned away."""
    out = []
    for kind in ("sole", "denied"):
        for i, r in enumerate(records):
            who = i * 7 % 12
            new = dict(r, target=r["target"].replace("/noisy/", "/%s/" % kind), client="10.%d.%d.7:4000" % (who % 6, who), client_id="jwt:%012x" % (who + 1))
            if kind == "sole":
                new["key_parts"] = {"claim:tenant": "t1", "claim:iss": "issuer"}
            out.append(new)
            if kind == "denied" and i % 3 == 0:
                out.append({**{k: v for k, v in new.items() if k not in ("leaves", "body_id")}, "ts": r["ts"] + .001, "status": 403, "client_id": "jwt:0000000000ff"})
    return out


# ---- what must be said: (endpoint, its advice of all kinds) ----

def verdict(e):
    return e["sharing"]["verdict"]


def kinds_of(listed):
    return {r["kind"] for r in listed}


def is_cached(e, listed):
    r = e["recommendation"]
    return verdict(e) == "shared" and r and r["kind"] == "cache" and 0 < r["evidence"]["ttl_s"] <= PERIOD / 2


def is_unadvised(e, listed):
    return not kinds_of(listed)


def says_of_key(e, drop, relevant):
    """What is dropped may be less where there is little to compare, never more."""
    return {c["name"] for c in e["key_advice"]["drop"]} <= drop and {c["name"] for c in e["key_advice"]["relevant"]} == relevant


def tags(e, lies, unstable_, wasted):
    c = e["conditional"]
    return (c["etag_lies"] >= 3, c["etag_pairs"] >= 30 and c["etag_unstable"] > .01 * c["etag_pairs"], c["wasted_full"] > .5 * c["reads"]) == (lies, unstable_, wasted)


def is_purged(e, listed):
    advised = [w for w in e["staleness"]["writes"] if w["purge"]]
    return ([w["write"] for w in advised] == ["PUT http://api.example/written/{int}"] and advised[0]["recall"] > .9 and "purge" in kinds_of(listed))


def is_noisy(e, listed):
    masked = {f["path"] for f in e["key_advice"]["volatile_fields"] or [] if f["ignorable"]}
    return masked == {"generated_at", "request_id"} and any("cacheable but for" in r["why"] for r in listed)


TABLE = [
    # what it is, its answers, may it be shared, what must be said
    ("shared", shared, True, is_cached),
    ("open", open_, True, is_cached),
    ("private", private, False, lambda e, r: verdict(e) == "private" and is_unadvised(e, r)),
    ("leaky", leaky, False, lambda e, r: verdict(e) == "private" and kinds_of(r) == {"fix"} and "private" in r[0]["action"]),
    ("tenant", tenant, False, lambda e, r: verdict(e) == "tenant" and e["sharing"]["claim"] == "tenant" and is_unadvised(e, r)),
    ("personal", personal, False, lambda e, r: verdict(e) != "shared" and is_unadvised(e, r)),
    ("guarded", guarded("guarded", 403), False, lambda e, r: "refused" in e["sharing"]["reason"] and verdict(e) == "undecided" and is_unadvised(e, r)),
    ("hidden", guarded("hidden", 404), False, lambda e, r: "refused" in e["sharing"]["reason"] and verdict(e) == "undecided" and is_unadvised(e, r)),
    ("parted", parted, True, lambda e, r: says_of_key(e, {"utm_source"}, {"part"})),
    ("vetted", vetted, False, lambda e, r: says_of_key(e, set(), set()) and is_unadvised(e, r)),
    ("lapsed", lapsed, True, is_cached),
    ("fast", fast, False, is_unadvised),
    ("tracked", tracked, True, lambda e, r: says_of_key(e, {"utm_source", "utm_campaign"}, {"lang"}) and any("utm_source" in x["action"] for x in r)),
    ("bare", varies("bare", None), False, lambda e, r: says_of_key(e, {"user-agent"}, {"accept-language"}) and kinds_of(r) == {"fix"} and
     "Vary" in r[0]["action"]),
    ("named", varies("named", "Accept-Language"), True, lambda e, r: says_of_key(e, {"user-agent"}, {"accept-language"}) and "fix" not in kinds_of(r)),
    ("written", written, True, is_purged),
    ("lying", lying, True, lambda e, r: tags(e, True, False, False)),
    ("unstable", unstable, True, lambda e, r: tags(e, False, True, False)),
    ("steady", steady, True, lambda e, r: tags(e, False, False, False) and e["conditional"]["not_modified"] > 0),
    ("deaf", deaf, True, lambda e, r: tags(e, False, False, True)),
    ("noisy", None, True, is_noisy),
    ("sole", None, False, lambda e, r: "tenant" in e["sharing"]["reason"] and is_noisy(e, r) and not any("public" in x["action"] for x in r)),
    ("denied", None, False, is_unadvised),
]


def audit(seed):
    """Endpoints by kind, and all advice on each."""
    a = Api(seed)
    makers = [make for _, make, _, _ in TABLE if make] + [bystander]
    for make in makers:
        now, n = EPOCH, REQUESTS * (3 if make is tenant else 1)  # credentials are compared within each claim
        for _ in range(n):
            now += a.rng.expovariate(n / (HOURS * 3600))
            make(a, now, a.rng.randrange(a.clients), a.rng.randrange(ITEMS))
    bodies = noisy(seed)
    lines = sorted(a.records + bodies + like_noisy(bodies), key=lambda r: r["ts"])
    (here / "p.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    good("capture", "-q", "--records", here / "p.jsonl", "-d", here / "p.db", "--fresh", "--secret", SECRET, "--exchanges", "none", limit=240)
    report = json.loads(good("report", here / "p.db", "--format", "json"))
    by = {e["route"].split("/")[1]: e for e in report["endpoints"] if e["method"] == "GET"}
    return by, {kind: [r for r in report["recommendations"] if "/%s/" % kind in r["target"] and r["target"].startswith("GET")] for kind in by}, report


for seed in range(20 if PROOF else 2):
    by, advice, report = audit(seed)
    for kind, _, may, is_right in TABLE:
        check(is_right(by[kind], advice[kind]), "seed %d: what is %s is told" % (seed, kind), *advice[kind],
              *[(k, by[kind][k]) for k in ("sharing", "conditional", "key_advice", "staleness")])
    ids = [r["id"] for r in report["recommendations"]]
    check(len(set(ids)) == len(ids) and all(r["endpoint"] in {e["id"] for e in report["endpoints"]} for r in report["recommendations"]),
          "seed %d: each advice has an id of its own, and names its endpoint" % seed, *ids)
    shares = [(kind, w) for kind, e in by.items() for w in e["staleness"]["writes"] if not 0 <= (w["recall"] or 0) <= 1 or not 0 <= (w["precision"] or 0) <= 1]
    check(not shares and any(e["staleness"]["multi_valued"] for e in by.values()), "seed %d: no write comes with more changes than there were" % seed, *shares[:3])
    wrong = [(kind, r) for kind, _, may, _ in TABLE if not may for r in advice[kind] if r["kind"] in SHARING]
    check(not wrong, "seed %d: nothing is advised to be shared that is not" % seed, *wrong)

# Alone, so that there is evidence enough to call what is left of the bodies shared.
(here / "p.jsonl").write_text("".join(json.dumps(r) + "\n" for r in like_noisy(noisy(0)) if "/sole/" in r["target"]))
good("capture", "-q", "--records", here / "p.jsonl", "-d", here / "p.db", "--fresh", "--secret", SECRET)
report = json.loads(good("report", here / "p.db", "--format", "json"))
check("generated_at" in report["recommendations"][0]["action"] and not any("public" in r["action"] for r in report["recommendations"]),
      "bodies without the fields that always change are not called shared where all clients are of one tenant", *report["recommendations"])
finish()
