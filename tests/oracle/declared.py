#!/usr/bin/env python3
"""Hold what `spanwise` says of declarations and conditional requests against the rules written down plainly.

    declared.py [SEEDS [FIRST]]     default: 30 random traces from seed 1; 2000 with PROOF=1. SPANWISE names the binary

Makes random exchange records with all kinds of Cache-Control, dates, credentials, validators and bodies; audits them
with `capture --records` and compares (C-3) every count of `declared`, `conditional` and `cache_in_path` (ALGORITHMS: 1.2, 1.4).
Prints the first differences; exits 1 if there are any.
"""
import collections
import email.utils
import os
import pathlib
import random
import sys

import ladder

EPOCH = 1_700_000_000
HEURISTIC = {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501}
VARNISH = {200, 203, 204, 300, 301, 404, 410, 414}
WORDS = ["no-store", "no-cache", "private", "public", "must-revalidate", "max-age=0", "max-age=60", "max-age=5", "max-age=x", 'max-age="7"',
         "s-maxage=0", "s-maxage=30", "S-MaxAge=90", "must-understand", "immutable", 'private="a, b"', 'no-cache="set-cookie"', "foo=no-store",
         "proxy-revalidate", "stale-while-revalidate=9"]


def date(seconds):
    return email.utils.formatdate(seconds, usegmt=True)


def make(seed):
    """The records of one trace in arrival order, as (arrival in us, record)."""
    rng = random.Random(seed)
    keys, now, out = rng.randint(1, 12), EPOCH * 1_000_000 + rng.randrange(10**9), []
    habit = [random_control(rng) for _ in range(keys)]
    calm = rng.random() < .5                                     # plain answers in a row, for the sake of their tags
    for _ in range(rng.randint(1, rng.choice([30, 300, 1000]))):
        now += rng.choice([0, 1000, rng.randrange(2_000_000), rng.randrange(2_000_000), rng.randrange(30_000_000), 60_000_000, 60_999_999])
        k = rng.randrange(keys)
        control = habit[k] if rng.random() < .7 else random_control(rng)
        out.append((now, record(rng, k, now, control, calm and rng.random() < .9)))
    return out


def random_control(rng):
    return ", ".join(rng.sample(WORDS, rng.choice([0, 1, 1, 2, 2, 3])))


def record(rng, k, now, control, calm):
    method = "GET" if calm else rng.choice(["GET"] * 14 + ["HEAD", "HEAD", "POST", "POST", "PUT", "OPTIONS", "PURGE", "CONNECT"])
    status = rng.choice([200] * 3 + [304]) if calm else rng.choice([200] * 14 + [304] * 4 + [0, 101, 201, 203, 206, 301, 302, 307, 404, 416, 429, 500])
    body = rng.choice([1, 1, 1, 1, 2, 3])
    request, response, target = {}, {}, "/e%d/%d" % (k % 3, k)
    seconds = now // 1_000_000

    def tag():
        return rng.choice(['"%d"', '"%d"', 'W/"%d"']) % rng.choice([body, body, rng.randint(1, 3)])
    chances = [(.1, request, "authorization", lambda: "~"), (.1, request, "cookie", lambda: "~"), (.35, request, "if-none-match", tag),
               (.1, request, "if-modified-since", lambda: date(seconds)), (.1, request, "if-none-match", lambda: tag() + ', "x"'),
               (.1, request, "cache-control", lambda: rng.choice(["no-cache", "max-age=0", "no-store", "max-age=9"])),
               (.05, request, "pragma", lambda: "no-cache"), (.6, response, "etag", tag),
               (.2, response, "last-modified", lambda: date(seconds - 1000)), (.1, response, "set-cookie", lambda: "~"),
               (.1, response, "vary", lambda: rng.choice(["accept", "*", "accept, *"])), (.1, response, "age", lambda: rng.choice(["0", "4", "70", "x"])),
               (.05, response, "x-cache", lambda: rng.choice(["HIT from a", "Miss", "error"])), (.05, response, "x-varnish", lambda: rng.choice(["1", "1 2"])),
               (.05, response, "cache-status", lambda: rng.choice(["a; hit", "a; fwd=miss", "a"])),
               (.05, response, "x-accel-expires", lambda: rng.choice(["0", "9", "off", "@%d" % (seconds + rng.randint(-1, 1))])),
               (.1, response, "content-location", lambda: rng.choice([target, "/other"]))]
    for chance, side, name, value in chances:
        if rng.random() < chance:
            side[name] = value()
    late = {"expires": rng.choice(["0", date(seconds + rng.randint(-40, 40))])} if rng.random() < .2 else {}
    early = rng.random() < .5
    if early:
        response.update(late)
    if control:
        response["cache-control"] = control
    if not early:
        response.update(late)
    if rng.random() < .7:
        response["date"] = date(seconds + rng.randint(-2, 2))
    out = {"ts": round(now / 1e6, 6), "client": "10.0.0.1:4000", "server": "10.9.9.9:80", "method": method, "authority": "api.test",
           "target": target, "status": status, "response_bytes": rng.choice([0, 100, rng.randrange(100_000)]),
           "headers": {"request": request, "response": response}}
    if status not in (0, 304) and method != "HEAD" and rng.random() < .95:
        out["body_id"] = "%016x" % (0x9e3779b97f4a7c15 * (k * 10 + body) % 2**64)
    if status and rng.random() < .05:
        out["end"] = rng.choice(["gap", "client_abort"])
    if rng.random() < .1:
        out["encoding"] = rng.choice(["gzip", "br"])
    if rng.random() < .05:
        out["content_type"] = "text/event-stream"
    if rng.random() < .03:
        out["flags"] = [rng.choice(["ambiguous", "truncated"])]
    return out


def members(text):
    """Name and value of each directive; strings may hold commas."""
    out, item, quoted = [], "", False
    for c in text + ",":
        if c == "," and not quoted:
            out.append(item.strip())
            item = ""
        else:
            quoted ^= c == '"'
            item += c
    return [(name.strip().lower(), value if equals else None) for name, equals, value in (i.partition("=") for i in out if i)]


def number(value):
    value = (value or "").strip('"')
    return int(value) if value.isdigit() else 0


class Said:
    """A Cache-Control field."""
    def __init__(self, text):
        self.items = members(text)
        self.names = {n for n, v in self.items if v is None}
        self.refused = any(w in text.lower() for w in ("no-cache", "no-store", "private"))

    def seconds(self, name):
        found = [number(v) for n, v in self.items if n == name]
        return min(found) if found else None

    def first(self):
        """As products read it."""
        for name in ("s-maxage", "max-age"):
            for n, v in self.items:
                if n == name and v is not None:
                    return int(v) if v.isdigit() else 0
        return None


def moment(text):
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() if text and text != "0" else None
    except (TypeError, ValueError):
        return None


class Judged:
    """One exchange by the rules, in their order."""
    def __init__(self, us, r):
        q, a, status, method = r["headers"]["request"], r["headers"]["response"], r["status"], r["method"]
        said, asked = Said(a.get("cache-control", "")), Said(q.get("cache-control", ""))
        base = moment(a.get("date")) if moment(a.get("date")) is not None else us // 1_000_000
        expires = None
        if "expires" in a:
            expires = moment(a["expires"]) - base if moment(a["expires"]) is not None else None
        explicit = "expires" in a or said.seconds("s-maxage") is not None or said.seconds("max-age") is not None
        life = next((s for s in (said.seconds("s-maxage"), said.seconds("max-age")) if s is not None),
                    max(expires or 0, 0) if "expires" in a else None)
        self.damaged = r.get("end", "complete" if status else "cut") != "complete"
        star = "*" in [n.strip() for n in a.get("vary", "").split(",")]
        self.reason = self.why(r, q, a, said, asked, explicit, life, star)
        order = ["PRIVATE", "AUTHORIZATION", "SET_COOKIE", "VALIDATE", "VALIDATE_NO_VALIDATOR", "EXPLICIT", "HEURISTIC"]
        self.private, self.shared = self.reason in order, self.reason in order[2:]
        self.life = None
        if self.shared and life is not None:
            self.life = 0 if "no-cache" in said.names else int(life)
        able = method in ("GET", "HEAD") and not self.damaged and "set-cookie" not in a and not star
        self.nginx = able and status >= 200 and status not in (206, 304) and self.by_nginx(a, said, expires, us // 1_000_000)
        age = int(a["age"]) if a.get("age", "").isdigit() else 0
        self.varnish = (able and not {"authorization", "cookie"} & set(q) and not said.refused and (status in VARNISH or status in (302, 307))
                        and self.by_varnish(a, said, expires, status) > age)
        self.forced = "no-cache" in asked.names or asked.seconds("max-age") == 0 or ("pragma" in q and "cache-control" not in q)
        marks = [a[n] for n in ("x-cache", "x-varnish", "cache-status") if n in a]
        self.seen = status != 0 and bool(marks or "age" in a)
        self.hit = age > 0 or any(m in ("HIT from a", "1 2", "a; hit") for m in marks)

    def why(self, r, q, a, said, asked, explicit, life, star):
        status, method, events = r["status"], r["method"], r.get("content_type") == "text/event-stream"
        if self.damaged or (status < 200 and status != 101):
            return "INCOMPLETE"
        if status == 101 or method == "CONNECT" or (events and not explicit):
            return "STREAM"
        if method not in ("GET", "HEAD", "POST"):
            return "METHOD"
        if method == "POST" and not (explicit and a.get("content-location") == r["target"]):
            return "POST"
        if "no-store" in asked.names:
            return "REQ_NO_STORE"
        known = status in HEURISTIC or status in (302, 303, 307, 304)
        if "no-store" in said.names and not ("must-understand" in said.names and known):
            return "NO_STORE"
        if star:
            return "VARY_STAR"
        if status == 304:
            return "REVALIDATED"
        if status in (206, 416):
            return "PARTIAL"
        if not explicit and "public" not in said.names and status not in HEURISTIC:
            return "STATUS"
        if "private" in said.names:
            return "PRIVATE"
        if "authorization" in q and not {"public", "must-revalidate"} & said.names and said.seconds("s-maxage") is None:
            return "AUTHORIZATION"
        if "set-cookie" in a:
            return "SET_COOKIE"
        if "no-cache" in said.names or (explicit and life <= 0):
            return "VALIDATE" if {"etag", "last-modified"} & set(a) else "VALIDATE_NO_VALIDATOR"
        return "EXPLICIT" if explicit else "HEURISTIC"

    @staticmethod
    def by_nginx(a, said, expires, now):
        accel = a.get("x-accel-expires", "off")
        if accel.lstrip("@").isdigit():
            return int(accel[1:]) > now if accel[0] == "@" else int(accel) > 0
        if said.refused:
            return False
        good = expires is not None and expires >= 0
        if said.first() is None:
            return good
        names = list(a)
        first = "expires" in names and names.index("expires") < names.index("cache-control")
        return said.first() > 0 and (good or not first)

    @staticmethod
    def by_varnish(a, said, expires, status):
        if said.first() is not None:
            return said.first()
        if expires is not None:
            return expires
        return 0 if status in (302, 307) else 120


class Key:
    def __init__(self):
        self.tags, self.before, self.full = {}, None, 0


def content(r):
    """What can be compared of a body: identity and coding; None when it is not known."""
    unknown = r["method"] == "HEAD" or r["status"] in (206, 416) or r.get("flags") or "body_id" not in r
    return None if unknown else (r.get("encoding"), r["body_id"])


def single(tag):
    return tag if tag and tag != "*" and ", " not in tag else None


class Oracle:
    def __init__(self):
        self.keys = collections.defaultdict(Key)
        self.endpoints = collections.defaultdict(collections.Counter)
        self.reasons = collections.defaultdict(collections.Counter)
        self.lives = collections.defaultdict(list)

    def take(self, us, r):
        q, a, status, method = r["headers"]["request"], r["headers"]["response"], r["status"], r["method"]
        reads = method in ("GET", "HEAD")
        name = "%s /e%s/{int}" % ("GET" if method == "HEAD" else method, r["target"][2])
        e, j = self.endpoints[name], Judged(us, r)
        self.reasons[name][j.reason] += 1
        if j.life is not None:
            self.lives[name].append(j.life)
        for figure in ("shared", "private", "nginx", "varnish", "forced", "seen", "hit"):
            e[figure] += getattr(j, figure)
        e["requests"] += 1
        e["answered"] += status != 0
        e["cookie"] += "cookie" in q
        if not reads:
            return
        conditional = "if-none-match" in q or "if-modified-since" in q
        e["reads"] += 1
        e["conditional"] += conditional
        e["not_modified"] += conditional and status == 304
        if j.damaged:
            return
        if status == 200:
            e["full"] += 1
            e["strong"] += a.get("etag", "W/").startswith('"')
            e["weak"] += a.get("etag", "").startswith("W/")
            e["modified"] += "last-modified" in a
        self.validators(us, r, e, self.keys[r["target"]], a.get("etag"), single(q.get("if-none-match")))

    @staticmethod
    def validators(us, r, e, key, tag, named):
        status, now = r["status"], content(r)
        if status == 304:
            e["saved"] += key.full
            return
        if status == 200 and now is not None and named is not None and key.tags.get(named) == now:
            e["wasted"] += 1
            e["wasted_bytes"] += r["response_bytes"]
        if tag and now is not None and 200 <= status < 300 and status != 206:
            strong = status == 200 and tag.startswith('"')
            if strong and key.before and key.before[1] and key.before[2] == now and us // 10**6 - key.before[3] <= 60:
                e["pairs"] += 1
                e["unstable"] += key.before[0] != tag
            stood = key.tags.get(tag)
            e["lies"] += strong and stood is not None and stood != now and stood[0] == now[0]
            key.tags[tag], key.before = now, (tag, strong, now, us // 10**6)
        if status == 200 and r["method"] == "GET" and "truncated" not in r.get("flags", []):
            key.full = r["response_bytes"]


def share(a, b):
    return round(a / b, 9) if b else None


def compare(oracle, report, tally, seed):
    rows = {"%s %s" % (e["method"], e["route"]): e for e in report["endpoints"]}
    tally.same("seed %d endpoints" % seed, sorted(oracle.endpoints), sorted(rows))
    for name, e in oracle.endpoints.items():
        got, where = rows.get(name, {}), "seed %d %s " % (seed, name)
        d, c, path = (got.get(k) or {} for k in ("declared", "conditional", "cache_in_path"))
        tally.same(where + "reasons", dict(oracle.reasons[name]), d.get("reasons"))
        for figure, key in (("storable_shared", "shared"), ("storable_private", "private"), ("nginx", "nginx"), ("varnish", "varnish"),
                            ("forced_refresh", "forced"), ("cookie_present", "cookie")):
            tally.same(where + figure, e[key], d.get(figure))
        lives = sorted(oracle.lives[name])
        median = lives[(len(lives) + 1) // 2 - 1] if lives else None
        tally.same(where + "ttl_median", median if median is None or median < 64 else "about", "about" if median is not None and median >= 64
                   and abs(d.get("ttl_median") - median) <= median / 64 else d.get("ttl_median"))
        for figure, key in (("reads", "reads"), ("conditional", "conditional"), ("not_modified", "not_modified"), ("wasted_full", "wasted"),
                            ("wasted_full_bytes", "wasted_bytes"), ("etag_pairs", "pairs"), ("etag_unstable", "unstable"),
                            ("etag_lies", "lies"), ("bytes_saved_by_304", "saved")):
            tally.same(where + figure, e[key], c.get(figure))
        tally.same(where + "cond_ratio", share(e["conditional"], e["reads"]), rounded(c.get("cond_ratio")))
        tally.same(where + "revalidation_success", share(e["not_modified"], e["conditional"]), rounded(c.get("revalidation_success")))
        for figure, key in (("strong_etag", "strong"), ("weak_etag", "weak"), ("last_modified", "modified")):
            tally.same(where + figure, share(e[key], e["full"]), rounded(c.get("validator_coverage", {}).get(figure)))
        tally.same(where + "seen", (e["seen"], e["hit"]), (path.get("seen"), path.get("hits")))
        tally.same(where + "share", share(e["hit"], e["answered"]), rounded(path.get("share")))


def rounded(value):
    return value if value is None else round(value, 9)


def check(binary, seed, tally):
    oracle, trace = Oracle(), make(seed)
    for us, r in trace:
        oracle.take(us, r)
    compare(oracle, ladder.audit(binary, trace), tally, seed)


def main():
    given = sys.argv[1:3]
    if given and given[0].startswith("-"):
        sys.exit(__doc__)
    seeds, first = (int(n) for n in given + ["2000" if os.environ.get("PROOF") else "30", "1"][len(given):])
    binary = os.environ.get("SPANWISE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    tally = ladder.Tally()
    for seed in range(first, first + seeds):
        check(binary, seed, tally)
    for line in tally.wrong[:20]:
        print("# " + line)
    print(("not ok" if tally.wrong else "ok") + " - declared: %d of %d figures equal over %d traces" % (tally.seen - len(tally.wrong), tally.seen, seeds))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
