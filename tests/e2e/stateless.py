#!/usr/bin/env python3
# kinds: opt
"""SL-1: reference APIs of known state, all in one audit; each gets its grade, and the signal that is to blame is named. No
signal is named where there is nothing. Ten seeds with PROOF=1."""
import hashlib
import json
import random

from lib import EPOCH, PROOF, SECRET, Capture, answer, check, finish, folder, good, parsed, request

here = folder()
SECONDS, CLIENTS, VISITS = 3600, 24, 90


class World:
    def __init__(self, seed):
        self.rng, self.records, self.conn = random.Random(seed), [], 0

    def add(self, now, api, who, server, conn, target, status=200, content=None, kind="jwt", method="GET", cookie=False, sets=False):
        r = {"ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who % 250), "server": "10.9.9.%d:80" % server, "conn": conn, "method": method,
             "authority": api + ".example", "target": target, "status": status, "end": "complete", "request_s": 0, "ttfb_s": 0.01, "duration_s": 0.02,
             "response_bytes": 300, "flags": ["sets_session"] if sets else [],
             "headers": {"request": {"cookie": "~"} if cookie else {}, "response": {"set-cookie": "~0123456789ab"} if sets else {}}}
        if content is not None:
            r["body_id"] = hashlib.sha256(repr((api, target, content)).encode()).hexdigest()[:16]
        if kind:
            r["client_id"] = "%s:%012x" % (kind, int(hashlib.sha256(repr((api, who)).encode()).hexdigest()[:10], 16) + 1)
        self.records.append(r)

    def calls(self, per=VISITS):
        """(time, who, connection): each client's requests, on a new connection now and then."""
        out = []
        for who in range(CLIENTS):
            conn = 0
            for at in sorted(self.rng.uniform(0, SECONDS) for _ in range(per)):
                if not conn or self.rng.random() < .6:
                    self.conn += 1
                    conn = self.conn
                out.append((EPOCH + at, who, conn))
        return sorted(out)


def item(w):
    return "/items/%d" % w.rng.randrange(5)


def rest(kind, servers, sticky=False):
    """Every server can answer, and answers all alike. Connections stay at their server."""
    def play(w, api):
        at = {}
        for now, who, conn in w.calls():
            server = who % servers if sticky else at.setdefault(conn, w.rng.randrange(servers))
            w.add(now, api, who, server, conn, item(w), content=1, kind=kind)
    return play


def session(servers, sticky):
    """State in memory: who comes without its session, or to another server, is sent away."""
    def play(w, api):
        home = {}
        for now, who, conn in w.calls():
            server = who % servers if sticky else w.rng.randrange(servers)
            if w.rng.random() < .1:
                w.add(now, api, who, server, conn, item(w), status=401, kind=None)
                w.add(now + .05, api, who, server, conn, item(w), content=who, status=200 if home.get(who, server) == server else 401, kind="cookie", cookie=True,
                      sets=True)
                home.setdefault(who, server)
            else:
                known = home.setdefault(who, server) == server
                w.add(now, api, who, server, conn, item(w), content=who if known else None, status=200 if known else 401, kind="cookie", cookie=True)
    return play


def workflow(w, api):
    """An order needs a cart, which the server remembers under the key; half of the visits have none."""
    for n, (now, who, conn) in enumerate(w.calls(20)):
        who = n + 1000
        if w.rng.random() < .5:
            w.add(now, api, who, 1, conn, "/cart", method="POST", status=201, kind="apikey")
            w.add(now + 5, api, who, 1, conn + 100000, "/order", method="POST", status=200, kind="apikey")
        else:
            w.add(now, api, who, 1, conn, "/order", method="POST", status=409, kind="apikey")


def versioned(w, api):
    """All call v2; two clients still call v1."""
    for now, who, conn in w.calls(20):
        w.add(now, api, who, 1, conn, "/v%d/things" % (1 if who < 2 else 2), content=1)


def in_url(w, api):
    for now, who, conn in w.calls():
        w.add(now, api, who, 1, conn, "/shop/%d;jsessionid=~%012x?x=1" % (w.rng.randrange(5), who), content=who, kind=None)


# ---- what must be said: grades, signals that are named; others of them never ----

APIS = {
    "jwt": (rest("jwt", 1), "A", set()),
    "jwtpool": (rest("jwt", 3), "A", set()),
    "apikey": (rest("apikey", 2), "A", set()),
    "sticky": (rest("jwt", 4, sticky=True), "B", {"S3"}),
    "cookie": (session(1, True), "CDE", {"S1", "S2", "S5"}),
    "stickysession": (session(2, True), "DE", {"S1", "S2", "S3", "S5"}),
    "memory": (session(2, False), "CDE", {"S1", "S2", "S4", "S5"}),
    "workflow": (workflow, "AB", {"S7"}),
    "versioned": (versioned, "A", set()),
    "url": (in_url, "B", {"S9"}),
}
CLAIMED = {"S1", "S2", "S3", "S4", "S5", "S7", "S9"}


def audit(seed):
    w = World(seed)
    for api, (play, _, _) in APIS.items():
        play(w, api)
    w.records.sort(key=lambda r: r["ts"])
    path, db = here / "records.jsonl", here / ("%d.db" % seed)
    path.write_text("".join(json.dumps(r) + "\n" for r in w.records))
    good("capture", "-q", "--records", path, "-d", db, "--secret", SECRET)
    return db, parsed(good("report", db, "--format", "json"))


def named(e):
    return {s["signal"] for s in e["statelessness"]["evidence"] if s["state"] == "tied"}


def judge(seed, report):
    right = 0
    for api, (_, grades, signals) in APIS.items():
        of = [e for e in report["endpoints"] if e["service"] == "http://%s.example" % api and (api != "workflow" or e["route"] == "/order")]
        e = max(of, key=lambda x: x["requests"])
        s = e["statelessness"]
        right += check(s["grade"] and s["grade"] in grades and named(e) & CLAIMED == signals, "seed %d: %s is %s, tied by %s" % (seed, api, grades, sorted(signals)),
                       (s["grade"], s["score"], e["route"], sorted(named(e))), *[x for x in s["evidence"]])
        score = 100 - sum(x["deducted"] for x in s["evidence"])
        right += check(max(score, 0) == s["score"] and s["undetermined"] == [x["signal"] for x in s["evidence"] if x["state"] == "undetermined"],
                       "seed %d: %s: the score is what was taken off, what was not told is named" % (seed, api), s)
    return right


for seed in range(10 if PROOF else 2):
    db, report = audit(seed)
    judge(seed, report)
    order = [x["says"] for e in report["endpoints"] for x in e["statelessness"]["evidence"] if x["signal"] == "S7" and x["state"] == "tied"]
    check(order and all("POST http://workflow.example" in says and "endpoint " not in says for says in order), "seed %d: what must come before is named" % seed, order)
    services = {s["service"]: s for s in report["statelessness"]["services"]}
    check(len(services) == len(APIS) and services["http://jwt.example"]["grade"] == "A" and services["http://stickysession.example"]["worst"]["grade"] in ("D", "E"),
          "seed %d: each service has a grade, and its worst endpoint" % seed, services)
    found = [(v["version"], v["endpoints"], v["requests"], v["clients"], len(v["callers"]), sum(c["requests"] for c in v["callers"])) for v in report["versions"]]
    check(sorted(found) == [("v1", 1, 40, 2, 2, 40), ("v2", 1, 20 * (CLIENTS - 2), CLIENTS - 2, 10, 200)], "seed %d: versions, and who still calls them" % seed, found)
text = good("report", db)
check("WHO CALLS WHICH VERSION" in text and "versioned.example v1" in text, "the text has the versions", text[-900:])
check("WHAT TIES CLIENTS TO A SERVER" in text and "S3" in text and "not told" in text, "the text says it", text[-2000:])
must = "fail without POST http://workflow.example/cart before"
of_a_day = good("report", db, "--from", "2023-11-14"), good("report", db, "--from", "2023-11-14", "--format", "json")
check(all(must in t for t in (text, *of_a_day)), "and names what must come before, also of a window", text[-2000:])
records = [json.loads(line) for line in (here / "records.jsonl").read_text().splitlines()]
(here / "nameless.jsonl").write_text("".join(json.dumps({k: v for k, v in r.items() if k != "server"}) + "\n" for r in records))
good("capture", "-q", "--records", here / "nameless.jsonl", "-d", here / "nameless.db", "--secret", SECRET)
nameless = [e["statelessness"] for e in parsed(good("report", here / "nameless.db", "--format", "json"))["endpoints"]]
said = {x["says"] for s in nameless for x in s["evidence"] if x["signal"] in ("S3", "S4")}
text = good("report", here / "nameless.db")
check(all(s["servers"] == 0 for s in nameless) and said == {"no record says which backend answered"} and "No record says which server answered" in text and
      "ne server was seen" not in text, "records without a server do not speak of one", said)

windowless = here / "none.db"
good("capture", "-q", "--records", here / "records.jsonl", "-d", windowless, "--secret", SECRET, "--exchanges", "0")
bare = parsed(good("report", windowless, "--format", "json"))
check(bare["statelessness"] is None and all(e["statelessness"] is None for e in bare["endpoints"]), "without records nothing is said", bare["statelessness"])

# From packets: the name of the cookie says whether it is a session, and is not kept.
wire = Capture()
for cookie in ("PHPSESSID=abcdefgh12", "theme=abcdefgh12", "sid=short", "x=1; sid=abcdefgh12"):
    wire.talk((">", request("GET", "/login")), ("<", answer(200, b"in", "Set-Cookie: " + cookie + "; Path=/")))
pcap = wire.write(here / "cookies.pcap")
logged = [parsed(line) for line in good("log", "-r", pcap, "--format", "jsonl", "--secret", SECRET).splitlines()]
check(["sets_session" in (r.get("flags") or []) for r in logged] == [True, False, False, False], "a session is told by its cookie's name and length", logged)

# Fields of API management, from packets, and the same from the log.
wire = Capture()
for n in range(6):
    wire.talk((">", request("POST", "/v1/orders", "Authorization: Bearer t%d" % n, *(["Idempotency-Key: k%d" % n] if n < 2 else []))),
              ("<", answer(200, b"ok", *(["Deprecation: @1688169599"] if n < 4 else []), *(["Sunset: Sun, 30 Jun 2024 23:59:59 GMT"] if n < 3 else []))))
pcap = wire.write(here / "managed.pcap")
good("capture", "-q", "-r", pcap, "-d", here / "managed.db", "--secret", SECRET)
(here / "managed.jsonl").write_text(good("log", "-r", pcap, "--format", "jsonl", "--secret", SECRET))
good("capture", "-q", "--records", here / "managed.jsonl", "-d", here / "relogged.db", "--secret", SECRET)
seen = [parsed(good("report", here / (name + ".db"), "--format", "json"))["endpoints"][0]["management"] for name in ("managed", "relogged")]
check(seen[0] == seen[1] == {"requests": 6, "credentials": {"bearer": 6}, "credentials_in_clear": 6, "deprecation": 4, "sunset": 3, "without_idempotency_key": 4},
      "credentials, what is deprecated, writes without a key", *seen)
finish()
