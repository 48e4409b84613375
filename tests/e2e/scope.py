#!/usr/bin/env python3
"""What is analysed, and under which route: --ignore and --routes, from packets and from records, and over a restart."""
import json

from lib import SECRET, Capture, answer, audit, check, finish, folder, good, parsed, request, run

here = folder()
cap = Capture()
for i in range(30):
    cap.talk((">", request("GET", "/users/u%d" % i)), ("<", answer(200, b"x" * i)), (">", request("GET", "/health")), ("<", answer(200, b"ok")),
             (">", request("POST", "/users/u%d/orders/%d" % (i, i))), ("<", answer(201)), (">", request("GET", "/other/%d" % i)), ("<", answer(503)))
cap.write(here / "c.pcap")
plain = parsed(audit(here / "c.pcap", "plain"))


def named(report):
    return {"%s %s" % (e["method"], e["route"]): e["requests"] for e in report["endpoints"]}


left = parsed(audit(here / "c.pcap", "left", "--ignore", "GET /health*", "--ignore", "* /other/*"))
check(left["totals"]["ignored"] == 60 and plain["totals"]["ignored"] == 0, "--ignore counts what it leaves out", left["totals"])
check(all(left["totals"][k] == plain["totals"][k] for k in ("exchanges", "complete", "statuses", "methods", "response_bytes")), "the totals hold it all the same")
check(not any("health" in n or "other" in n for n in named(left)) and sum(named(left).values()) + 60 == left["totals"]["exchanges"],
      "endpoints and what is left out add up", named(left))
check(left["totals"]["eligible"] == 30 and sum(c["requests"] for c in left["clients"]) == 60, "no look-up, no client has it")
log = good("log", "-r", here / "c.pcap", "--secret", SECRET, "--format", "jsonl")
db = here / "records.db"
run("capture", "-q", "--records", "-", "-d", db, "--secret", SECRET, "--ignore", "GET /health*", "--ignore", "* /other/*", stdin=log)
again = parsed(good("report", db, "--format", "json"))
check(all(again[k] == left[k] for k in ("totals", "endpoints", "clients")), "records: the same")

routes = here / "routes"
routes.write_text("# ours\nGET /users/{user}\n* /users/{user}/orders/{order}\n")
known = parsed(audit(here / "c.pcap", "known", "--routes", routes))
check(named(known).get("GET /users/{user}") == 30 and named(known).get("POST /users/{user}/orders/{order}") == 30 and named(known).get("GET /other/{int}") == 30,
      "--routes comes before inference, the rest is inferred", named(known))
spec = here / "spec.json"
spec.write_text(json.dumps({"openapi": "3.1.0", "servers": [{"url": "https://x.example/users"}], "paths": {"/{id}": {"get": {}}}}))
check(named(parsed(audit(here / "c.pcap", "spec", "--routes", spec))).get("GET /users/{id}") == 30, "an OpenAPI document")
later = Capture()
later.now = cap.now + 60_000_000
later.talk(*[t for i in range(5) for t in ((">", request("GET", "/users/v%d" % i)), ("<", answer(200)))])
later.write(here / "later.pcap")
good("capture", "-q", "-r", here / "later.pcap", "-d", here / "known.db", "--secret", SECRET, "--append", "--routes", routes)
check(named(parsed(good("report", here / "known.db", "--format", "json"))).get("GET /users/{user}") == 35, "an audit that goes on keeps its endpoints")

there = here / "known.db"
for words in (("report", "--format", "json"), ("whatif", "--ttl", "GET http://api.example/users/{user}=60", "--format", "json")):
    out = parsed(good(words[0], here / "c.pcap", *words[1:], "--routes", routes, "--ignore", "GET /health*"))
    if words[0] == "report":
        check(named(out).get("GET /users/{user}") == 30 and out["totals"]["ignored"] == 30, "report of a capture heeds both", named(out))
    else:
        check(out["ttl"]["lookups"] == 30, "whatif of a capture heeds both", out)
    code, out, err = run(words[0], there, *words[1:], "--routes", routes)
    check(code == 2 and "is audited already" in err and err.count("\n") == 1 and not out, words[0] + " of a DB refuses them", code, err)
config = here / "config"
config.write_text("routes = %s\nignore = GET /health*   # probes\nignore = * /other/*\n" % routes)
check(named(parsed(audit(here / "c.pcap", "config", "--config", config))) == {"GET /users/{user}": 30, "POST /users/{user}/orders/{order}": 30}, "--config knows them, too")

bad = here / "bad"
bad.write_text("GET /a\nGET users\n")
for what, option, value, says in (("a pattern without a path", "--ignore", "GET /a b", "METHOD GLOB"), ("a file that is not there", "--routes", "/nowhere", "No such file"),
                                  ("a bad line", "--routes", bad, "line 2: a path begins with /")):
    code, out, err = run("capture", "-r", here / "c.pcap", "-d", here / "bad.db", option, value)
    check(code == 2 and says in err and err.count("\n") == 1, "%s: exit 2 and one line" % what, code, err)
finish()
