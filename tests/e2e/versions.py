#!/usr/bin/env python3
# kinds: opt san
"""Versions of an API in the path, in Accept, in a field of their own and in the query: who calls which, from packets and from the log."""
from lib import SECRET, Capture, answer, check, finish, folder, good, parsed, request

here = folder()
ASKS = {
    ("path", "v1"): ("/v1/things", []),
    ("accept", "2"): ("/things", ["Accept: application/vnd.shop.v2+json"]),
    ("accept", "3.1"): ("/things", ["Accept: text/html, application/json;version=3.1"]),
    ("field", "2"): ("/things", ["X-API-Version: 2"]),
    ("field", "2020-08-27"): ("/others", ["Stripe-Version: 2020-08-27"]),
    ("query", "2024-01-31"): ("/things?api-version=2024-01-31", []),
}
wire = Capture()
for n, (target, fields) in enumerate(ASKS.values()):
    for who in range(n + 1):
        for _ in range(2):
            wire.talk((">", request("GET", target, "X-Api-Key: who%d" % who, *fields)), ("<", answer(404 if who == 1 else 200, b"x")))
wire.talk((">", request("GET", "/others", "X-Api-Key: who9", "X-API-Version: 2")), ("<", answer(200, b"x")))
wire.talk((">", request("GET", "/things", "X-Api-Key: who9", "X-API-Version: zqcanaryzq")), ("<", answer(200, b"x")))
pcap = wire.write(here / "versions.pcap")
log = good("log", "-r", pcap, "--format", "jsonl", "--secret", SECRET)
(here / "versions.jsonl").write_text(log)
good("capture", "-q", "-r", pcap, "-d", here / "a.db", "--secret", SECRET)
good("capture", "-q", "--records", here / "versions.jsonl", "-d", here / "b.db", "--secret", SECRET)
one, two = (parsed(good("report", here / (n + ".db"), "--format", "json"))["versions"] for n in "ab")
check(one == two, "packets and records name the same versions", one, two)
found = {(v["from"], v["version"]): (v["requests"], v["clients"], v["errors"], v["endpoints"]) for v in one}
want = {k: (2 * (n + 1), n + 1, 2 if n else 0, 1) for n, k in enumerate(ASKS)}
want["field", "2"] = (9, 5, 2, 2)
check(found == want, "each version, where it is named, by how many it is called", found, want)
check("zqcanaryzq" not in log and b"zqcanaryzq" not in (here / "a.db").read_bytes(), "what is no number or date is not kept")
text = good("report", here / "a.db")
check("http://api.example 2 in Accept" in text and "http://api.example v1" in text and "2024-01-31 in the query" in text, "the text has them", text[-1500:])
rows = [{"ts": 1_700_000_000 + i, "client": "10.0.0.1:1", "method": "GET", "authority": "api.example", "target": "/x", "status": 200,
         "headers": {"request": {"accept": "application/vnd.a.v7+json"}}} for i in range(3)]
(here / "plain.jsonl").write_text("".join(__import__("json").dumps(r) + "\n" for r in rows))
good("capture", "-q", "--records", here / "plain.jsonl", "-d", here / "c.db", "--secret", SECRET)
three = parsed(good("report", here / "c.db", "--format", "json"))["versions"]
check([(v["from"], v["version"], v["requests"]) for v in three] == [("accept", "7", 3)], "records of others may have the field itself", three)
finish()
