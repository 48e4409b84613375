#!/usr/bin/env python3
# kinds: opt
"""One endpoint, some of whose keys are everybody's and some each client's or tenant's own: mixed, and never to be shared, neither in
advice nor in a policy, however few the private ones are."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good

HOUR = 3600


def body(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def audit(seed, own, groups, declares, share):
    """Items below `own` are a client's own, or of the group it is in; `share` of requests are for those."""
    rng = random.Random(seed)
    here, now, lines = folder(), EPOCH, []
    for n in range(16000):
        now += rng.expovariate(16000 / (4 * HOUR))
        who = rng.randrange(10)
        item = rng.randrange(own) if rng.random() < share else own + rng.randrange(6)
        lines.append(json.dumps({
            "ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who), "server": "10.9.9.9:80", "method": "GET",
            "authority": "api.example", "target": "/users/%d" % item, "status": 200, "end": "complete", "request_s": 0, "ttfb_s": 0.05,
            "duration_s": 0.06, "response_bytes": 900, "client_id": "bearer:%012x" % (who + 1),
            "body_id": body(item, who % groups if item < own else 0, (now + 97 * item) // HOUR),
            "headers": {"request": {}, "response": {"cache-control": "max-age=60" if declares else "no-store"}}}))
    (here / "m.jsonl").write_text("\n".join(lines) + "\n")
    good("capture", "-q", "--records", here / "m.jsonl", "-d", here / "m.db", "--fresh", "--secret", SECRET)
    report = json.loads(good("report", here / "m.db", "--format", "json"))
    return report["endpoints"][0], report["recommendations"], good("report", here / "m.db"), here / "m.db"


for seed in range(20 if PROOF else 3):
    rng = random.Random(seed)
    own, groups, declares = rng.randint(1, 3), rng.choice([10, 10, 3]), rng.random() < .5
    e, listed, text, db = audit(seed, own, groups, declares, 0.1 if seed % 2 else 0.02)
    check(e["sharing"]["verdict"] == "mixed", "seed %d: it is mixed" % seed, e["sharing"], own, groups)
    check([r["kind"] for r in listed] == (["fix"] if declares else []) and all("private" in r["action"] for r in listed),
          "seed %d: to be fixed where all is declared for all, never to be shared" % seed, listed)
    check(all(b["saves_per_day"] is None for b in e["blockers"]) and e["placement"]["where"] in ("client", "none") and
          "WHAT IT COSTS" not in text, "seed %d: and nothing says what sharing would save" % seed, e["blockers"], e["placement"])
    for product in ("nginx", "varnish"):
        out = good("policy", db, "--for", product, "--force", "--only", "cache")
        check("users" not in out, "seed %d: no rule for %s, not even with --force" % (seed, product), out[:600])
finish()
