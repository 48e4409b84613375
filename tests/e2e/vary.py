#!/usr/bin/env python3
# kinds: opt
"""Clients that send other header fields: what differs because of one is Vary's to mend, and no sign that clients may not share.
Endpoints whose answers follow a field, the client, both or neither, with credentials and without; what differs by client is
never called shared, however fields and clients go together."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good

here = folder()
LANGUAGES, AGENTS, ACCEPTED = ("de", "en", "fr"), ("Mobile/1.0", "Desktop/1.0"), ("application/json", "application/xml")
N = 2400

#  kind: (the fields a client sends, what its answers follow, whether answers differ between clients that send the same)
KINDS = {
    "lang": (lambda i: {"accept-language": LANGUAGES[i % 3]}, lambda i: i % 3, False),
    "accept": (lambda i: {"accept": ACCEPTED[i % 2]}, lambda i: i % 2, False),
    "agent": (lambda i: {"user-agent": AGENTS[i % 2]}, lambda i: i % 2, False),
    "own": (lambda i: {"accept-language": LANGUAGES[i % 3]}, lambda i: i, True),
    "owned": (lambda i: {"user-agent": "client%d" % i}, lambda i: i, True),
    "same": (lambda i: {"accept-language": LANGUAGES[i % 3], "user-agent": AGENTS[i % 2]}, lambda i: 0, False),
    "plain": (lambda i: {}, lambda i: i, True),
}


def planted(seed, clients):
    rng, lines = random.Random(seed), []
    for kind, (sends, follows, _) in KINDS.items():
        for credential in (False, True):
            for n in range(N):
                who, item = rng.randrange(clients), rng.randrange(3)
                name = kind + ("-known" if credential else "")
                now = EPOCH + n * 3600 / N + rng.random()
                r = {"ts": round(now, 6), "client": "10.%d.%d.9:4000" % (who % 7, who), "server": "10.9.9.9:80", "method": "GET",
                     "authority": "api.example", "target": "/%s/%d" % (name, item), "status": 200, "end": "complete", "request_s": 0,
                     "ttfb_s": .05, "duration_s": .06, "response_bytes": 400,
                     "body_id": hashlib.sha256(repr((name, item, follows(who), int(now / 900))).encode()).hexdigest()[:16],
                     "headers": {"request": {**sends(who), **({"authorization": "~"} if credential else {})}, "response": {"cache-control": "public"}}}
                if credential:
                    r["client_id"] = "jwt:%012x" % (who + 1)
                lines.append(r)
    lines.sort(key=lambda r: r["ts"])
    return lines


def judged(secret):
    good("capture", "-q", "--records", here / "f.jsonl", "-d", here / "s.db", "--fresh", "--secret", secret)
    return {e["route"]: {k: v for k, v in e["sharing"].items() if k != "pairs"} for e in json.loads(good("report", here / "s.db", "--format", "json"))["endpoints"]}


for seed in range(8 if PROOF else 1):
    clients = (20, 12, 40)[seed % 3]
    (here / "f.jsonl").write_text("".join(json.dumps(r) + "\n" for r in planted(seed, clients)))
    good("capture", "-q", "--records", here / "f.jsonl", "-d", here / "f.db", "--fresh", "--secret", SECRET)
    report = json.loads(good("report", here / "f.db", "--format", "json"))
    told = {s.split("\n")[0].split("/")[-2]: s for s in good("policy", here / "f.db", "--for", "headers").split("\n## ")[1:]}
    by = {e["route"].split("/")[1]: e for e in report["endpoints"]}
    check({e["sharing"]["credentials"] for e in by.values()} == {clients}, "seed %d: credentials are counted, not estimated" % seed,
          *[e["sharing"]["credentials"] for e in by.values()])
    for kind, (sends, _, personal) in KINDS.items():
        for name in (kind, kind + "-known"):
            e = by[name]
            s, fixes = e["sharing"], [r["action"] for r in report["recommendations"] if r["kind"] == "fix" and "/%s/" % name in r["target"]]
            what = "seed %d: %s" % (seed, name)
            if personal:
                check(s["verdict"] != "shared", what + ": is never called shared", s)
                check(kind == "owned" or (s["verdict"] == "private" and any("private" in f for f in fixes)), what + ": is private", s, fixes)
            elif kind == "same":
                check(s["verdict"] == "shared" and not s["differing"] and not fixes, what + ": is shared, whatever is sent", s, fixes)
            else:
                field, = sends(0)
                check(s["verdict"] in ("shared", "undecided") and not s["differing"] and "Vary does not name" in s["reason"],
                      what + ": nothing differs between clients that send the same", s)
                check(fixes == ["send Vary: " + field], what + ": Vary is the advice, and the only one", fixes)
                check("Vary: %s\n" % field in told[name] and "private" not in told[name], what + ": and what developers are told", told[name])
    check(all(("credential" in by[k]["sharing"]["reason"]) <= ("none sent" in by[k]["sharing"]["reason"] or "no request" in by[k]["sharing"]["reason"])
              for k in KINDS), "seed %d: where none sent a credential none is said to matter" % seed, *[by[k]["sharing"] for k in KINDS])

# Another secret gives other pseudonyms, and the same comparisons (pairs are an estimate from keyed hashes); so does a Vary with many variants of a key.
for r in (lines := planted(1, 20)):
    if "/lang" in r["target"]:
        r["headers"]["response"]["vary"] = "accept-language"
(here / "f.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
(here / "other").write_bytes(bytes(range(32)))
(here / "other").chmod(0o600)
one, two = judged(SECRET), judged(here / "other")
check(one == two, "the verdicts do not hang on the secret", [(k, one[k], two[k]) for k in one if one[k] != two[k]])
check(one["/lang-known/{int}"]["comparisons"] > N // 3, "variants of a key are compared beside each other", one["/lang-known/{int}"])
finish()
