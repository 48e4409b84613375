#!/usr/bin/env python3
"""The order of identity (--identity): wrong lists, the same clients from packets and from records, audits that go on, are
joined or verified with another order, and credentials that an order leaves out."""
import json
import random

from lib import EPOCH, SECRET, Capture, answer, check, finish, folder, good, parsed, request, run

here = folder()
cap = Capture()
for n in range(240):
    fields = ["X-Api-Key: app-%d" % (n % 3)] * (n % 2) + ["Authorization: Basic dXNlcjpwYXNz"] * (n % 3 == 0) + ["Cookie: sid=session-%04d" % (n % 12)] * (n % 5 < 2)
    cap.talk((">", request("GET", "/a/%d" % (n % 7) + "?key=%d" % (n % 2) * (n % 4 == 2), *fields)), ("<", answer(200, b"same for all %d" % (n % 7))), client="10.0.%d.2" % (n % 9))
    cap.now += 400_000
first = cap.write(here / "first.pcap")
cap.packets.clear()
for n in range(40):
    cap.talk((">", request("GET", "/a/1", "Cookie: sid=session-%04d" % (n % 12), "X-Api-Key: app-1")), ("<", answer(200, b"same for all 1")), client="10.0.%d.2" % (n % 9))
second = cap.write(here / "second.pcap")

for words, says in ((["--identity", "cookie,bearer"], "'bearer' is no word of it"), (["--identity", "cookie,apikey,cookie"], "'cookie' is in it twice"),
                    (["--identity", "apikey=x_key"], "'apikey=x_key' does not name a field"), (["--identity", "forwarded=x"], "'forwarded=x' has a name behind it"),
                    (["--identity", ""], "names nothing"), (["--identity", "address,cookie"], "'cookie' comes behind address")):
    for command in (["capture", "-r", first, "-d", here / "none.db"], ["log", "-r", first]):
        code, out, err = run(*command, *words)
        check(code == 2 and not out and says in err and err.count("\n") == 1 and "apikey[=FIELD], authorization, mtls, cookie[=NAME], forwarded, address" in err,
              "%s %s: one line, exit 2" % (command[0], " ".join(words)), code, out, err)
code, out, err = run("capture", "-r", first, "-d", here / "none.db", "--identity", "cookie", "--clients-by", "address")
check(code == 2 and err.count("\n") == 1 and "one of the two" in err, "--identity and --clients-by address: exit 2", code, err)
check(not (here / "none.db").exists(), "nothing was written by any of them")


def clients(db):
    return {c["client"]: c["requests"] for c in parsed(good("report", db, "--format", "json")).get("clients", [])}


def without_packets(db):
    report = parsed(good("report", db, "--format", "json"))
    return {k: v for k, v in report.items() if k not in ("capture", "opaque")}


kinds = {}
for order in ("apikey,authorization,mtls,cookie,forwarded,address", "cookie,authorization", "authorization,apikey,cookie", "mtls,cookie", "address"):
    db, again = here / "packets.db", here / "records.db"
    good("capture", "-q", "--fresh", "-r", first, "-d", db, "--secret", SECRET, "--identity", order)
    lines = good("log", "-q", "-r", first, "--secret", SECRET, "--identity", order)
    (here / "records.jsonl").write_text(lines)
    good("capture", "-q", "--fresh", "--records", here / "records.jsonl", "-d", again, "--secret", SECRET, "--identity", order)
    check(without_packets(db) == without_packets(again) and clients(db), order + ": from records the same as from packets")
    check(good("policy", db, "--for", "nginx", "--force") == good("policy", again, "--for", "nginx", "--force"), order + ": the same policy")
    kinds[order] = {c.split(":")[0] for c in clients(db)}
    left = [w for w in ("apikey", "authorization", "cookie") if w not in order]
    beside = [json.loads(line).get("credential_besides", False) for line in lines.splitlines()]
    has = [("apikey" in left and n % 2 == 1) or ("authorization" in left and n % 3 == 0) or ("cookie" in left and n % 5 < 2) for n in range(240)]
    check(beside == has, order + ": credentials that it leaves out are told of", sum(beside), sum(has))
check(list(kinds.values()) == [{"apikey", "basic", "cookie", "address"}, {"cookie", "basic", "address"}, {"basic", "apikey", "cookie", "address"}, {"cookie", "address"}, {"address"}],
      "each order has its kinds of client", kinds)
good("capture", "-q", "--fresh", "-r", first, "-d", here / "unsaid.db", "--secret", SECRET)
good("capture", "-q", "--fresh", "-r", first, "-d", here / "said.db", "--secret", SECRET, "--identity", "apikey,authorization,mtls,cookie,forwarded,address")
check(good("report", here / "unsaid.db", "--format", "json") == good("report", here / "said.db", "--format", "json"), "the default said: the same report")
(here / "some.conf").write_text("identity = cookie,authorization\n")
good("capture", "-q", "--fresh", "-r", first, "-d", here / "config.db", "--secret", SECRET, "--config", here / "some.conf")
check(parsed(good("report", here / "config.db", "--format", "json"))["capture"]["identity_order"] == ["cookie", "authorization", "address"], "in a file of options")

code, out, err = run("log", here / "config.db", "--identity", "cookie")
check(code == 2 and not out and err.count("\n") == 1, "log of a DB with --identity: exit 2", code, err)

# An audit that goes on.
db = here / "on.db"
good("capture", "-q", "-r", first, "-d", db, "--secret", SECRET, "--identity", "cookie,apikey")
before = good("report", db, "--format", "json")
for words in ([], ["--identity", "apikey,cookie"], ["--clients-by", "address"]):
    code, out, err = run("capture", "-q", "-r", second, "-d", db, "--append", "--secret", SECRET, *words)
    check(code == 2 and err.count("\n") == 1 and "--identity cookie,apikey,address" in err, "--append %s: refused, exit 2" % " ".join(words), code, err)
check(good("report", db, "--format", "json") == before, "and nothing of it changed")
good("capture", "-q", "-r", second, "-d", db, "--append", "--secret", SECRET, "--identity", "cookie,apikey")
good("capture", "-q", "-r", first, second, "-d", here / "whole.db", "--secret", SECRET, "--identity", "cookie,apikey")
check(clients(db) == clients(here / "whole.db"), "with the same order it goes on")
good("capture", "-q", "-r", first, "-d", here / "by.db", "--secret", SECRET, "--clients-by", "address")
code, out, err = run("capture", "-q", "-r", second, "-d", here / "by.db", "--append", "--secret", SECRET)
check(code == 2 and "address" in err, "an audit by address goes on by address alone", code, err)
good("capture", "-q", "-r", second, "-d", here / "by.db", "--append", "--secret", SECRET, "--clients-by", "address")
check(parsed(good("report", here / "by.db", "--format", "json"))["capture"]["identity_order"] == ["address"], "its order is the address")
check("limit_req_zone $binary_remote_addr" in good("policy", here / "by.db", "--for", "nginx", "--force", "--only", "rate"), "and its policy counts by address, whatever is presented")



# Twelve addresses, four networks, one account: what it gets everywhere may be nobody else's.
shared = Capture()
rng = random.Random(4)
for n in range(2400):
    who = rng.randrange(12)
    for path, fields in (("/account", ["Authorization: Bearer the-only-one"]), ("/open", [])):
        shared.talk((">", request("GET", path, *fields)), ("<", answer(200, b"version %d" % (n // 90))), client="10.%d.0.%d" % (who % 4, who + 1))
        shared.now += 100_000
shared.write(here / "shared.pcap")
for words in (["--identity", "address"], ["--clients-by", "address"], ["--identity", "cookie,apikey"], []):
    good("capture", "-q", "--fresh", "-r", here / "shared.pcap", "-d", here / "shared.db", "--secret", SECRET, *words)
    report = parsed(good("report", here / "shared.db", "--format", "json"))
    got = {e["route"]: e["sharing"] for e in report["endpoints"]}
    check(got["/account"]["verdict"] == "undecided" and (not words or "--identity" in got["/account"]["reason"]), "%s: one account at many addresses is no evidence of sharing" % " ".join(words or ["usual"]), got["/account"])
    check(got["/open"]["verdict"] == "shared", "what needs no credential may be shared all the same", got["/open"])
    for product in ("nginx", "varnish", "haproxy"):
        text = good("policy", here / "shared.db", "--for", product, "--only", "cache", "--force")
        check("/open" in text and "/account: kept" not in text, product + ": no rule for the account's", [line for line in text.splitlines() if "kept" in line])
    check("/account\n\n    Cache-Control: public" not in good("policy", here / "shared.db", "--for", "headers"), "nor is the API told to say public")

# A field and a cookie of one's own: what stands in others of their kind tells nobody, and is let through by no rule.
own = Capture()
secret = "q7TbW2xKzL9mVd4R"
for n in range(2400):
    key = n % 3 > 0
    fields = ["X-Own-Key: %s%d" % (secret, rng.randrange(12))] if key else ["Cookie: theme=dark; own=%s%d" % (secret, rng.randrange(8))]
    own.talk((">", request("GET", "/own?key=1", *fields)), ("<", answer(200, b"version %d" % (n // 90))), client="10.0.%d.2" % (n % 40))
    own.talk((">", request("GET", "/other?key=1", "X-Api-Key: the-only-one", "Cookie: sid=the-only-one")), ("<", answer(200, b"version %d" % (n // 90))), client="10.0.%d.2" % (n % 40))
    own.now += 100_000
own.write(here / "own.pcap")
order = "apikey=X-Own-Key,cookie=own,authorization"
good("capture", "-q", "-r", here / "own.pcap", "-d", here / "own.db", "--secret", SECRET, "--identity", order)
report = parsed(good("report", here / "own.db", "--format", "json"))
check(report["capture"]["identity_order"] == ["apikey=x-own-key", "cookie=own", "authorization", "address"], "names are part of the order", report["capture"]["identity_order"])
counts = sorted((c["identity"], c["requests"]) for c in report["clients"])
check([k for k, _ in counts] == ["address"] * 40 + ["apikey"] * 12 + ["cookie"] * 8 and sum(c for k, c in counts if k == "apikey") == 1600, "clients are told apart by them alone", counts[38:])
lines = good("log", "-q", "-r", here / "own.pcap", "--secret", SECRET, "--identity", order)
(here / "own.jsonl").write_text(lines)
parts = {name for line in lines.splitlines() for name in json.loads(line).get("key_parts", {})}
check("x-own-key" not in parts and "cookie:theme" in parts, "what tells who asks is no part of the key", parts)
good("capture", "-q", "--records", here / "own.jsonl", "-d", here / "again.db", "--secret", SECRET, "--identity", order)
check(without_packets(here / "own.db") == without_packets(here / "again.db"), "from records the same as from packets")
sharing = {e["route"]: e["sharing"]["verdict"] for e in report["endpoints"]}
check(sharing == {"/own": "shared", "/other": "undecided"}, "what other keys and sessions get is no evidence", sharing, [e["sharing"] for e in report["endpoints"]])
for product, reads, lets in (("nginx", 'map "$http_x_own_key" $spanwise_apikey', '$http_api_key$http_x_api_key'), ("varnish", "req.http.x-own-key", "req.http.api-key || req.http.x-api-key"),
                             ("haproxy", "set-var(txn.spanwise_apikey) req.fhdr(x-own-key)", "!{ req.fhdr(x-api-key) -m len gt 0 }")):
    text = good("policy", here / "own.db", "--for", product, "--force")
    check(reads in text and lets in text and "arg_key" not in text and "url_param" not in text and "[?&](api_key" not in text, product + ": counts by the field, and lets no other key through",
          [line for line in text.splitlines() if "key" in line][:12])
    stranger = {"nginx": '"~(^|;)[ \\t]*own=[^;]" "";', "varnish": 'req.http.cookie !~ "(^|;)[ \t]*own=[^;]")', "haproxy": "!{ req.cook(own) -m len gt 0 }"}[product]
    check(stranger in text and (product == "varnish" or text.count("spanwise_stranger") > 1), product + ": nor another session than that of the cookie", [line for line in text.splitlines() if "stranger" in line])
code, out, err = run("capture", "-q", "-r", here / "own.pcap", "-d", here / "own.db", "--append", "--secret", SECRET, "--identity", "apikey=x-own-kez,cookie=own,authorization")
check(code == 2 and "--identity apikey=x-own-key,cookie=own,authorization,address" in err, "it goes on with the same names alone", code, err)
code, out, err = run("capture", "-q", "-r", here / "own.pcap", "-d", here / "own2.db", "--secret", SECRET, "--identity", "cookie=x,apikey=a-field-nobody-sends")
check(secret not in lines and all(secret.encode() not in f.read_bytes() for f in here.glob("*.db*")), "what stands in them is kept nowhere")

# Where keys stand in a field a parameter `key` is one like others.
page = Capture()
for n in range(1500):
    k = rng.randrange(5)
    page.talk((">", request("GET", "/page?key=%d&u=%d" % (k, rng.randrange(3)), "X-Own-Key: k%d" % rng.randrange(5))), ("<", answer(200, b"content %d" % k)), client="10.0.%d.2" % (n % 9))
    page.now += 50_000
good("capture", "-q", "-r", page.write(here / "page.pcap"), "-d", here / "page.db", "--secret", SECRET, "--identity", "apikey=x-own-key")
advice = parsed(good("report", here / "page.db", "--format", "json"))["endpoints"][0]["key_advice"]
check([p["name"] for p in advice["relevant"]] == ["key"] and [p["name"] for p in advice["undecided"]] == ["u"], "a parameter named key is one like others then", advice)

code, out, err = run("report", here / "unsaid.db", here / "by.db")
check(code != 0 and not out and "told apart by different things" in err, "audits of different orders are not joined", code, err)


# Limits that another order cannot be held to; a limit needs some clients and time.
def recorded(name, order, shift, kind="apikey"):
    lines = [json.dumps({"ts": EPOCH + shift + n * 0.25, "client": "10.0.0.%d:4000" % (n % 5 + 1), "server": "10.9.9.9:80", "method": "GET", "authority": "api.example",
                         "target": "/x", "status": 200, "client_id": "%s:%012x" % (kind, n % 5 + 1)}) for n in range(800)]
    (here / "lines").write_text("\n".join(lines) + "\n")
    db = here / (name + ".db")
    good("capture", "-q", "--fresh", "--records", here / "lines", "-d", db, "--secret", SECRET, *(["--identity", order] if order else []))
    return db


was, now = recorded("was", None, 0), recorded("now", "cookie,apikey", 3600)
code, out, err = run("verify", was, now, "--only", "rate", "--format", "json")
check([r["reason"] for r in parsed(out).get("rules", []) if r["kind"] == "limit"] == ["other_identity"], "verify: the limits of another order cannot be told", out[:600], err)
code, out, err = run("policy", recorded("odd", "cookie", 0), "--for", "nginx", "--only", "rate", "--force")
check(code == 0 and "limit_req_zone" not in out and "a limit for clients told apart by apikey" in err and "--identity" in err,
      "clients of a kind that the order lacks have no limit, not even by force, and it is said", code, err)
limit = [x for x in parsed(good("report", here / "odd.db", "--format", "json"))["limits"] if x["by"] == "apikey"]
check(limit and limit[0]["rate"] is None and "--identity" in limit[0]["not_advised"], "nor does the report name one", limit)
finish()
