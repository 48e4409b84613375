#!/usr/bin/env python3
# kinds: opt san
"""Quotas that answers tell, and whether clients keep to them and to Retry-After: from packets, the same again from the log, the numbers alone kept."""
from lib import SECRET, Capture, answer, check, finish, folder, good, parsed, request

here = folder()
NAME = "zq8canary7policyx"
SAID = {
    "draft": lambda left, reset: ["RateLimit: \"%s\";r=%d;t=%d" % (NAME, left, reset), "RateLimit-Policy: \"%s\";q=10;w=60" % NAME],
    "older": lambda left, reset: ["RateLimit-Limit: 10, 10;w=60", "RateLimit-Remaining: %d" % left, "RateLimit-Reset: %d" % reset],
    "oldest": lambda left, reset: ["X-RateLimit-Limit: 10", "X-RateLimit-Remaining: %d" % left, "X-RateLimit-Reset: %d" % reset],
    "moment": lambda left, reset: ["X-Rate-Limit-Limit: 10", "X-Rate-Limit-Remaining: %d" % left, "X-Rate-Limit-Reset: %d" % (1_700_000_000 + 3 + reset)],
}


def talk(wire, who, path, status, *fields, wait=0):
    wire.now += int(wait * 1e6)
    wire.talk((">", request("GET", path, "X-Api-Key: key-of-%s" % who)), ("<", answer(status, b"ok", *fields)))


wire = Capture()
for kind, fields in SAID.items():
    for left in (2, 1, 0):
        talk(wire, "good", "/" + kind, 200, *fields(left, 30), wait=.1)
for kind, fields in SAID.items():
    talk(wire, "bad", "/" + kind, 200, *fields(0, 30), wait=.1)
    talk(wire, "bad", "/" + kind, 429, "Retry-After: 2", wait=.5)           # 30 s were not over
    talk(wire, "bad", "/" + kind, 200, wait=.5)                             # nor were 2 s
talk(wire, "good", "/plain", 503, "Retry-After: 2", wait=40)
talk(wire, "good", "/plain", 200, wait=3)
for kind, fields in SAID.items():
    talk(wire, "good", "/" + kind, 200, *fields(9, 60), wait=.1)            # after the reset
pcap = wire.write(here / "quota.pcap")
log = good("log", "-r", pcap, "--format", "jsonl", "--secret", SECRET)
(here / "quota.jsonl").write_text(log)
good("capture", "-q", "-r", pcap, "-d", here / "a.db", "--secret", SECRET)
good("capture", "-q", "--records", here / "quota.jsonl", "-d", here / "b.db", "--secret", SECRET)
one, two = (parsed(good("report", here / (n + ".db"), "--format", "json")) for n in "ab")
quotas = [{e["route"]: e["quota"] for e in r["endpoints"]} for r in (one, two)]
check(quotas[0] == quotas[1], "packets and records say the same of quotas", *quotas)
for kind in SAID:
    q = quotas[0].get("/" + kind) or {}
    want = {"answers": 5, "limit": 10, "limit_least": 10, "limit_most": 10, "window_s": 60 if kind in ("draft", "older") else None, "remaining_least": 0,
            "exhausted": 2, "asked_on": 2, "retry_after": {"asked": 1, "honoured": 0, "ignored": 1}}
    check(q == want, "%s fields: limit, what is left, who asks on, who waits" % kind, q)
check(quotas[0].get("/plain") == {"answers": 0, "limit": None, "limit_least": None, "limit_most": None, "window_s": None, "remaining_least": None, "exhausted": 0,
                                  "asked_on": 0, "retry_after": {"asked": 1, "honoured": 1, "ignored": 0}}, "a Retry-After that is heeded", quotas[0].get("/plain"))
clients = sorted((c["quota"]["asked_on"], c["quota"]["exhausted"], c["quota"]["retry_after"]["honoured"], c["quota"]["retry_after"]["ignored"], "ignores_quota" in c["flags"])
                 for c in one["clients"])
check(clients == [(0, 4, 1, 0, False), (8, 4, 0, 4, True)], "of clients, too", clients)
check(NAME not in log and NAME.encode() not in (here / "a.db").read_bytes(), "a policy's name is not kept")
check('"ratelimit":"remaining=2, reset=30, limit=10, window=60"' in log.replace('": "', '":"'), "the log has the numbers as one field", log[:600])
finish()
