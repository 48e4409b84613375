#!/usr/bin/env python3
# kinds: opt
"""Endpoints through the whole program (ALGORITHMS.md 6.4, 12: E-1, E-2): the paths of the example give its templates and
nothing is lost on the way there; under --strict-templates the order of records does not matter."""
import json
import random
import uuid

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good, parsed

here = folder()


def audit(name, targets, *options):
    lines = "".join(json.dumps({"ts": EPOCH + i / 100, "client": "10.0.0.1:4000", "method": "GET", "authority": "api.example", "target": t,
                                "status": 200, "response_bytes": 1}) + "\n" for i, t in enumerate(targets))
    good("capture", "-q", "--records", "-", "-d", here / name, "--secret", SECRET, "--fresh", "--exchanges", "none", *options, stdin=lines)
    return parsed(good("report", here / name, "--format", "json"))


def routes(report):
    return {e["route"]: e["requests"] for e in report["endpoints"]}


r = random.Random(1)
words = ["".join(r.choice("bcdfghjklmnpqrstvwxz") for _ in range(7)) for _ in range(400)]
targets = []
for i in range(2000):
    targets += ["/users/%d" % (i + 1), "/orders/%s/items/%d" % (uuid.UUID(int=r.getrandbits(128), version=4), r.randrange(1000)),
                "/files/%040x" % (r.getrandbits(156) | 0xA << 156), "/v1/status", "/blog/" + words[i % 400]]
    targets += ["/users/me"] * (i % 4 == 0)
got = audit("e1.db", targets)
want = {"/users/{int}": 2000, "/users/me": 500, "/orders/{uuid}/items/{int}": 2000, "/files/{hex}": 2000, "/v1/status": 2000, "/blog/{var}": 2000}
check(routes(got) == want, "E-1: the example's templates, every request in its own", routes(got))
check(sum(e["keys"] for e in got["endpoints"]) == len(set(targets)), "and every key counted once, whatever was united")

paths = ["/%s/%s/%s" % ("n%s" % words[r.randrange(60)][:3], r.choice(["7", words[r.randrange(12)]]), words[r.randrange(45)]) for _ in range(700)]
first, differ = None, []
for n in range(100 if PROOF else 6):
    seen = routes(audit("e2.db", paths, "--strict-templates"))
    first = first or seen
    differ += [n] if seen != first else []
    r.shuffle(paths)
check(not differ and any("{var}" in route for route in first), "E-2: shuffled records, the same templates and the same counts", differ, first)
finish()
