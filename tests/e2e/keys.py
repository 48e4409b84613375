#!/usr/bin/env python3
# kinds: opt
"""Cache keys on planted APIs: tracking parameters leave the key and nothing that decides answers does; a field that decides
them is a finding exactly when Vary does not name it (KL-3); tenants are never told to share; packets, records and an audit that
goes on say the same."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, Capture, answer, check, finish, folder, good, request, run

here = folder()
PERIOD = 300  # contents change that often, seconds


def body(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def record(now, who, target, content, parts=None, vary=None, credential=True):
    r = {"ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who), "server": "10.9.9.9:80", "method": "GET",
         "authority": "api.example", "target": target, "status": 200, "end": "complete", "request_s": 0, "ttfb_s": 0.05,
         "duration_s": 0.06, "response_bytes": 900, "body_id": content,
         "headers": {"request": dict(parts or {}), "response": {"cache-control": "max-age=60", **({"vary": vary} if vary else {})}}}
    if credential:
        r["client_id"] = "jwt:%012x" % (who + 1)
    return r


def tracking(rng, now, clients):
    """The path and lang decide; utm_*, which go together, ref and the order of parameters do not."""
    item, who, lang = rng.randrange(3), rng.randrange(clients), rng.choice(["de", "en", "fr"])
    source = rng.randrange(3)
    query = ["lang=" + lang, "utm_source=%s" % "abc"[source], "utm_campaign=%s" % "xyz"[source], "ref=%s" % rng.choice("pq")]
    rng.shuffle(query)
    return record(now, who, "/news/%d?%s" % (item, "&".join(query)), body("news", item, lang, now // PERIOD), credential=False)


def busting(rng, now, clients):
    item = rng.randrange(3)
    return record(now, rng.randrange(clients), "/bust/%d?_=%d" % (item, rng.randrange(10**12)), body("bust", item, now // PERIOD),
                  credential=False)


def languages(kind, vary):
    def make(rng, now, clients):
        item, who = rng.randrange(3), rng.randrange(clients)
        lang, agent = rng.choice(["de", "en"]), rng.choice(["curl/8.1", "app/2"])
        return record(now, who, "/%s/%d" % (kind, item), body(kind, item, lang, now // PERIOD),
                      {"accept-language": lang, "user-agent": agent}, vary)
    return make


def noisy(rng, now, clients):
    """Something random in every answer."""
    item, lang = rng.randrange(3), rng.choice(["de", "en"])
    return record(now, rng.randrange(clients), "/noisy/%d" % item, body("noisy", item, rng.randrange(6)), {"accept-language": lang})


def credentials(kind):
    def make(rng, now, clients):
        item, who = rng.randrange(3), rng.randrange(clients)
        tenant = who % (2 if clients < 9 else 3)
        mine = {"shared": (), "private": (who,), "tenant": (tenant,)}[kind]
        r = record(now, who, "/%s/%d" % (kind, item), body(kind, item, mine, now // PERIOD))
        r["key_parts"] = {"claim:tenant": "t%d" % tenant, "claim:iss": "issuer"}
        return r
    return make


def planted(seed, makers, each, clients=12):
    rng, now, lines = random.Random(seed), EPOCH, []
    for n in range(each * len(makers)):
        now += rng.expovariate(8 * len(makers))
        lines.append(json.dumps(makers[n % len(makers)](rng, now, clients)))
    return lines


def audit(lines, name, *options):
    path = here / (name + ".jsonl")
    path.write_text("\n".join(lines) + "\n")
    good("capture", "-q", "--records", path, "-d", here / (name + ".db"), "--secret", SECRET, *options)
    report = json.loads(good("report", here / (name + ".db"), "--format", "json"))
    return {e["route"].split("/")[1]: e for e in report["endpoints"]}, report["recommendations"]


def names(e, which):
    return {c["name"] for c in e["key_advice"][which]}


def of_kind(listed, kind, route):
    return [r for r in listed if r["kind"] == kind and "/%s/" % route in r["target"]]


for seed in range(10 if PROOF else 1):
    by, listed = audit(planted(seed, [tracking, busting, languages("bare", None), languages("named", "Accept-Language"),
                                      languages("over", "accept-language, User-Agent"), noisy], 22000), "keys%d" % seed, "--fresh")
    news, bust = by["news"], by["bust"]
    check(names(news, "drop") == {"utm_source", "utm_campaign", "ref"} and names(news, "relevant") == {"lang"},
          "seed %d: what does not decide answers leaves the key, what does stays" % seed, news["key_advice"])
    check([c["with"] for c in news["key_advice"]["drop"] if c["name"] == "utm_source"] == [["utm_campaign"]],
          "seed %d: parameters that always change together are judged together" % seed, news["key_advice"]["drop"])
    check([r["action"] for r in of_kind(listed, "key", "news")] != [] and "lang" not in of_kind(listed, "key", "news")[0]["action"],
          "seed %d: and that is advised" % seed, of_kind(listed, "key", "news"))
    buster = [c for c in bust["key_advice"]["drop"] if c["name"] == "_"]
    check(len(buster) == 1 and buster[0]["verdict"] == "cache_buster" and buster[0]["needs_consent"] and not of_kind(listed, "key", "bust"),
          "seed %d: a cache buster is told, and left to people" % seed, bust["key_advice"])
    found, priced = of_kind(listed, "cache_buster", "bust"), {b["code"]: b for e in (news, bust) for b in e["blockers"]}
    freed = bust["key_advice"]["effect"]["without_busters"]
    check(len(found) == 1 and found[0]["action"].startswith("if _ is there only to get past caches") and "instead of 0.0 %" in found[0]["why"] and
          found[0]["saves_per_day"] == freed["saves_per_day"] == {k: priced["CACHE_BUSTER"]["saves_per_day"][k] for k in freed["saves_per_day"]},
          "seed %d: what it costs is a finding, a blocker and an effect, all the same" % seed, found, priced)
    check(news["key_advice"]["effect"]["learned"]["keys"] == 9 and priced["KEY_PARTS"]["saves_per_day"]["requests"] > 0 and
          of_kind(listed, "key", "news")[0]["saves_per_day"]["requests"] == priced["KEY_PARTS"]["saves_per_day"]["requests"],
          "seed %d: and what does not matter costs the hits that it keeps away" % seed, news["key_advice"]["effect"], priced)
    for kind in ("bare", "named", "over"):
        check(names(by[kind], "relevant") == {"accept-language"} and names(by[kind], "drop") == {"user-agent"},
              "seed %d: /%s depends on Accept-Language alone" % (seed, kind), by[kind]["key_advice"])
    missing = {k: [c["name"] for c in by[k]["key_advice"]["relevant"] if c["missing_in_vary"]] for k in ("bare", "named", "over")}
    check(missing == {"bare": ["accept-language"], "named": [], "over": []} and
          [len(of_kind(listed, "fix", k)) for k in ("bare", "named", "over")] == [1, 0, 0],
          "seed %d: a finding exactly where Vary does not name what decides" % seed, missing, listed)
    check([len(of_kind(listed, "key", k)) for k in ("bare", "named", "over")] == [0, 0, 1] and
          "user-agent out of Vary" in of_kind(listed, "key", "over")[0]["action"],
          "seed %d: what Vary names in vain leaves it" % seed, listed)
    check(not names(by["noisy"], "relevant") and not names(by["noisy"], "drop") and not of_kind(listed, "key", "noisy") and
          not [r for r in of_kind(listed, "fix", "noisy") if "Vary" in r["action"]],
          "seed %d: what is random in answers is not taken for a dependence" % seed, by["noisy"]["key_advice"])
    check(by["bare"]["sharing"]["verdict"] == by["named"]["sharing"]["verdict"] == "shared",
          "seed %d: what depends on the language is not taken for private" % seed, by["bare"]["sharing"], by["named"]["sharing"])
    today, advice = by["named"]["declared"]["today"], by["named"]["recommendation"]
    check(advice["kind"] == "cache" and "declares now %.1f %%, %.1f %% of those stale" % (100 * today["hit_ratio"], 100 * today["stale_ratio"]) in advice["why"],
          "seed %d: what its own lifetimes give is said with how much of it is stale" % seed, advice)
    check((by["bare"]["recommendation"] or {}).get("kind") == "fix", "seed %d: and not advised to be cached before that is right" % seed,
          by["bare"]["recommendation"])

for clients in (3, 5, 10, 25, 50) if PROOF else (4, 20):
    by, listed = audit(planted(clients, [credentials(k) for k in ("shared", "private", "tenant")], 14000, clients), "who%d" % clients, "--fresh")
    verdicts = {k: by[k]["sharing"]["verdict"] for k in by}
    check(verdicts["private"] == "private" and verdicts["tenant"] in ("tenant", "private") and verdicts["shared"] in ("shared", "undecided"),
          "%d credentials: no private or tenant's answer is called shared" % clients, verdicts)
    check(clients < 6 or verdicts == {"shared": "shared", "private": "private", "tenant": "tenant"},
          "%d credentials: each is what it is" % clients, verdicts)
    check(clients < 6 or by["tenant"]["sharing"]["claim"] == "tenant", "%d credentials: and the claim is named" % clients,
          by["tenant"]["sharing"])

# Few comparisons decide nothing.
by, listed = audit(planted(99, [tracking], 500), "few", "--fresh")
check(not by["news"]["key_advice"]["drop"] and not of_kind(listed, "key", "news") and
      all(c["comparisons_needed"] > 0 for c in by["news"]["key_advice"]["undecided"]), "little evidence: nothing is dropped, and how much is wanting",
      by["news"]["key_advice"])

# The audit goes on after a stop: sums are kept, in both ways of going on.
lines = planted(3, [tracking], 12000)
whole, _ = audit(lines, "whole", "--fresh")
for name, kept in (("all", ()), ("some", ("--exchanges", "0"))):
    audit(lines[:7000], name, "--fresh", *kept)
    on, _ = audit(lines[7000:], name, "--append", *kept)
    want = {c["name"]: c["comparisons"] for c in whole["news"]["key_advice"]["drop"]}
    got = {c["name"]: c["comparisons"] for c in on["news"]["key_advice"]["drop"]}
    check(want.keys() == got.keys() and all(got[k] > 0.8 * want[k] for k in want), "continued (%s exchanges kept): what was learned stays" % name,
          want, got)

# Packets: values leave capture as hashes, and records of them say the same as they.
cap, rng = Capture(), random.Random(5)
for n in range(1200):
    cap.now = (EPOCH + n) * 1_000_000
    lang, theme, ref, item = rng.choice(["de-secret", "en-secret"]), rng.choice(["dark-secret", "light-secret"]), rng.choice("ab"), rng.randrange(2)
    cap.talk((">", request("GET", "/page/%d?ref=%s" % (item, ref), "Accept-Language: " + lang, "User-Agent: app/1 (%s)" % lang,
                           "X-Plan: %s-secret" % rng.choice(["free", "paid"]), "X-Request-Id: %032x" % rng.getrandbits(128),
                           "Cookie: theme=%s; sid=0123456789abcdef" % theme)),
             ("<", answer(200, (body(item, lang, theme, n // 600) * 3).encode(), "Cache-Control: max-age=5")))
cap.write(here / "page.pcap")
good("capture", "-q", "-r", here / "page.pcap", "-d", here / "page.db", "--secret", SECRET)
one = json.loads(good("report", here / "page.db", "--format", "json"))["endpoints"]
log = good("log", "-r", here / "page.pcap", "--format", "jsonl", "--secret", SECRET)
code, _, err = run("capture", "-q", "--records", "-", "-d", here / "again.db", "--secret", SECRET, stdin=log)
two = json.loads(good("report", here / "again.db", "--format", "json"))["endpoints"]
seen = {c["name"]: c for w in ("relevant", "drop", "undecided") for c in one[0]["key_advice"][w]}
check({"accept-language", "theme", "x-plan", "ref"} <= seen.keys() and not {"x-request-id", "sid"} & seen.keys(),
      "packets: fields, cookies and parameters are parts; sessions and what never repeats are none", list(seen))
check(seen["theme"]["verdict"] == seen["accept-language"]["verdict"] == "relevant" and not seen["x-plan"]["differing"],
      "packets: and what they decide is found", *seen.values())
check(code == 0 and [e["key_advice"] for e in one] == [e["key_advice"] for e in two] and one == two, "records of them say the same", err)
check("secret" not in log and "~" in log, "no value leaves capture")
finish()
