#!/usr/bin/env python3
# kinds: san
"""--privacy strict. Ids in paths and clients' addresses are planted and found nowhere: no output, DB or WAL; what is counted is what
a standard audit counts; packets, strict records and standard records read strictly give the same; and what would need whole addresses
is unknown, with its reason, not wrong."""
import copy
import json
import random
import socket
import struct
import subprocess
import time
import urllib.parse
import urllib.request
import uuid

from lib import BINARY, EPOCH, SECRET, Capture, answer, check, finish, folder, good, parsed, request, run

here = folder()
rng = random.Random(7)
planted = {}  # bytes -> where


def plant(where, text):
    planted[text.encode()] = where
    return text


class Both(Capture):
    """IPv6, too."""
    def segment(self, source, target, sport, dport, seq, ack, flags, data=b""):
        if ":" not in source:
            return super().segment(source, target, sport, dport, seq, ack, flags, data)
        tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65000, 0, 0) + data
        head = struct.pack(">IHBB", 6 << 28, len(tcp), 6, 64) + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
        self.packet(b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x86\xdd" + head + tcp)


def some(n, digits):
    return "".join(rng.choice(digits) for _ in range(n))


def integer():
    return plant("integer", str(rng.randrange(10**9, 10**10)))


def hexed(n):
    return plant("hex of %d" % n, "a7" + some(n - 4, "0123456789abcdef") + "f3")


def date():
    return plant("date", "%d-%02d-%02d" % (rng.randrange(1930, 1990), rng.randrange(1, 13), rng.randrange(1, 28)))


def ulid():
    return plant("ulid", "01" + some(24, "ABCDEFGHJKMNPQRSTVWXYZ0123456789"))


def b64():
    return plant("base64", "Qx7" + some(17, "abcXYZ012789"))


ids = {"int": integer, "uuid": lambda: plant("uuid", str(uuid.UUID(int=rng.getrandbits(128)))), "hex": lambda: hexed(12), "date": date, "ulid": ulid, "b64": b64,
       "ip": lambda: plant("address in a path", "100.64.%d.%d" % (rng.randrange(100, 256), rng.randrange(100, 256)))}
CLIENTS = [plant("client", "203.0.113.%d" % n) for n in (177, 178, 201)] + [plant("client", "198.51.100.211")]
SIX = [plant("client of IPv6", "2001:db8:1:%x::%x" % (rng.randrange(4096, 65536), rng.randrange(4096, 65536))) for _ in range(3)]
FORWARDED = [plant("X-Forwarded-For", "192.0.2.%d" % n) for n in (133, 134)]
for a in SIX:
    planted[socket.inet_pton(socket.AF_INET6, a)] = "client of IPv6, packed"
PROXY, SERVER, SERVER6 = "10.0.5.5", "10.0.0.1", "2001:db8:ffff::1"
cap = Both()


def get(target, *fields, client=None, server=SERVER, body=b"0123456789"):
    if client is None:
        client = rng.choice(CLIENTS)
    cap.talk((">", request("GET", target, *fields)), ("<", answer(200, body, "Cache-Control: max-age=60")), client=client, server=server)


escaped = [integer() for _ in range(12)]
known = {k: [make() for _ in range(12)] for k, make in ids.items()}
for n in range(60):
    for kind, some_of in known.items():
        get("/%s/%s/x" % (kind, some_of[n % 12]))
    get("/files/%s.json" % rng.choice(known["int"]))
    get("/files/%s.PDF" % rng.choice(known["uuid"]))
    get("/accounts/cus_%s/item-%s" % (rng.choice(known["b64"]), rng.choice(known["int"])))
    get("http://api.example/abs/%s" % rng.choice(known["int"]))
    get("/matrix;id=%s;v=%s/x" % (rng.choice(known["int"]), rng.choice(known["date"])))
    get("/escaped/" + "".join("%%%02x" % ord(c) for c in rng.choice(escaped)))
    get("/v2/list?page=%d" % (n % 5))
    get("/sums/sha256:%s" % (rng.choice(known["hex"]) * 4))
    get("/users/alice", client=rng.choice(SIX), server=SERVER6)
    get("/users/bob", "X-Forwarded-For: " + rng.choice(FORWARDED), client=PROXY)
    get("/me", "Authorization: Bearer secret-of-%d-0123456789" % (n % 5))
for c in CLIENTS:
    cap.talk((">", b"*2\r\n$3\r\nGET\r\n$6\r\nuser:1\r\n"), ("<", b"$-1\r\n"), client=c, server="10.0.0.9", port=6379)
    cap.talk((">", b"\x01\x02what is this\xff" * 9), ("<", b"\x03\x04no protocol at all" * 9), client=c, server="10.0.0.8", port=7777)
    cap.port += 1                                       # no SYN: who is the client is a guess by the ports, and a wrong one
    cap.segment("10.0.0.8", c, 60001, 5000 + cap.port % 100, 500, 900, 24, b"\x01\x02middle of something" * 9)
    cap.segment(c, "10.0.0.8", 5000 + cap.port % 100, 60001, 900, 690, 24, b"\x09\x02an answer to it" * 9)
    cap.talk(("<", answer(200, b"an orphan")), client=c)
data = cap.bytes()
(here / "c.pcap").write_bytes(data)
SHARED = ("--secret", SECRET, "--trusted-proxies", "10.0.5.0/24")
STRICT = ("--privacy", "strict")


def search(what, text):
    data = text.encode() if isinstance(text, str) else text
    decoded = urllib.parse.unquote_to_bytes(data)
    found = ["%s: %s" % (where, word) for word, where in planted.items() if word in data or word in decoded]
    check(data and not found, "none of %d ids and addresses is in %s" % (len(planted), what), *found[:6])


# ---- nowhere ----
db = here / "strict.db"
good("capture", "-q", "-r", here / "c.pcap", "-d", db, *SHARED, *STRICT)
good("capture", "-q", "-r", here / "c.pcap", "-d", here / "standard.db", *SHARED)
plainly = good("log", "-r", here / "c.pcap", *SHARED)
unseen = [where for word, where in planted.items() if word not in urllib.parse.unquote_to_bytes(plainly) and where not in ("X-Forwarded-For", "client of IPv6, packed")]
check(not unseen, "a standard log shows every one of them", unseen[:5])
search("the DB", db.read_bytes())
for kind in "text", "json", "markdown", "html", "csv":
    search("report " + kind, good("report", db, "--format", kind, "--top", "100000"))
logs = {}
for kind in "tsv", "jsonl", "combined", "har":
    logs[kind] = good("log", "-r", here / "c.pcap", *SHARED, *STRICT, "--format", kind)
    search("log " + kind, logs[kind])
    search("log DB " + kind, good("log", db, "--format", kind))
for product in "nginx", "varnish", "haproxy", "envoy", "headers":
    search("policy " + product, run("policy", db, "--for", product)[1] + "-")
search("doctor", good("doctor", "-r", here / "c.pcap", "--format", "json"))

with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
server = subprocess.Popen([BINARY, "serve", str(db), "--listen", "127.0.0.1:%d" % port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=here)
try:
    for path in "/healthz", "/api/v1/report", "/", "/metrics", "/api/v1/export/csv", "/api/v1/timeseries?metric=requests":
        for _ in range(100):
            try:
                body = urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=20).read()
                break
            except urllib.error.HTTPError:
                raise
            except OSError:
                time.sleep(.1)
        search("serve " + path, body)
finally:
    server.terminate()
    server.wait()

live, seen = here / "live.db", set()
p = subprocess.Popen([BINARY, "capture", "-q", "-r", "-", "-d", str(live), *SHARED, *STRICT], stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here)
for part in (data[:len(data) // 2], data[len(data) // 2:]):
    p.stdin.write(part)
    p.stdin.flush()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (not (here / "live.db-wal").exists() or not (here / "live.db-wal").stat().st_size):
        time.sleep(.1)
    for path in here.glob("live.db*"):
        seen.add(path.name)
        search("%s while it is written" % path.name, path.read_bytes() + b"-")
err = p.communicate(timeout=60)[1]
search("stderr", err + b"-")
check("live.db-wal" in seen, "the WAL was there", seen)

# ---- the same figures ----
strict, standard = (parsed(good("report", x, "--format", "json")) for x in (db, here / "standard.db"))
check(strict["capture"]["privacy"] == "strict" and standard["capture"]["privacy"] == "standard", "the report says which it is")
check("the network alone is known" in good("report", db) and "network alone" not in good("report", here / "standard.db"), "its header, too")
for part in "totals", "recommendations", "redis", "verdict", "capacity", "minutes":
    check(strict.get(part) == standard.get(part), "the same %s as in a standard audit" % part)


def but_for(rows, *names):
    return [{k: v for k, v in row.items() if k not in names} for row in rows]


for part in "endpoints", "services":
    wrong = [(a.get("route"), b.get("route")) for a, b in zip(strict.get(part) or [], standard.get(part) or []) if a != b]
    check(len(strict.get(part) or []) == len(standard.get(part) or []) and not wrong, "the same %s" % part, wrong[:5])
routes = {e["route"] for e in strict["endpoints"]}
for route in ("/int/{int}/x", "/uuid/{uuid}/x", "/hex/{hex}/x", "/date/{date}/x", "/ulid/{ulid}/x", "/b64/{b64}/x", "/ip/{ip}/x", "/files/{int}.json", "/files/{uuid}.PDF",
              "/accounts/cus_{b64}/item-{int}", "/abs/{int}", "/matrix/x", "/escaped/{int}", "/v2/list"):
    check(route in routes, "route " + route, sorted(routes))
clients = ("addresses", "flags", "says", "waits", "activity")
check(but_for(strict["clients"], *clients) == but_for(standard["clients"], *clients), "the same clients")
shown = {a for c in strict["clients"] for a in c["addresses"]}
check(shown == {"203.0.113.0/24", "198.51.100.0/24", "2001:db8:1::/48", "10.0.5.0/24"}, "their addresses are networks", shown)
rows = {(o["client"], o["server"]) for o in strict["opaque"]}
check({r for r in rows if r[1] == "10.0.0.8:7777"} == {(n, "10.0.0.8:7777") for n in ("203.0.113.0/24", "198.51.100.0/24")} and
      any(r[0] == "10.0.0.0/24" for r in rows) and not any("203.0.113.1" in a or "203.0.113.2" in a for r in rows for a in r),
      "what is not read: the server stays, but where it is a guess who that is", rows)
limits = [parsed(good("whatif", x, "--limit", "nginx:1:2", "--format", "json")) for x in (db, here / "standard.db")]
check(limits[0] and limits[0] == limits[1], "whatif: a limit per client rejects the same")
first = [l.split(" ")[0] for l in logs["combined"].splitlines()]
check(set(first) == {"203.0.113.0", "198.51.100.0", "2001:db8:1::", "10.0.5.0"}, "combined: the network's first address, which its readers take", set(first))

# ---- records ----
(here / "strict.jsonl").write_text(logs["jsonl"])
(here / "standard.jsonl").write_text(plainly)


def audit(records, name, *options):
    good("capture", "-q", "--records", records, "-d", here / (name + ".db"), "--fresh", "--secret", SECRET, *options)
    return parsed(good("report", here / (name + ".db"), "--format", "json"))


def compared(report):
    r = copy.deepcopy(report)
    for part in "opaque", "capture", "coverage", "verdict":
        r.pop(part, None)
    return r


for name, source, options in (("strict records", "strict.jsonl", ()), ("strict records, strictly", "strict.jsonl", STRICT), ("standard records, strictly", "standard.jsonl", STRICT)):
    again = audit(here / source, "again", *options)
    a, b = compared(strict), compared(again)
    check(a == b, name + ": the same report", *[k for k in a if a[k] != b.get(k)])
    search(name, (here / "again.db").read_bytes())
targets = [[json.loads(l)["target"] for l in text.splitlines()] for text in (plainly, logs["jsonl"])]
check(len(set(targets[0])) == len(set(targets[1])) + 0 == len(set(zip(*targets))), "targets are one to one", len(set(targets[0])), len(set(targets[1])))
by = [sorted((c["client"], c["requests"]) for c in audit(here / s, "by", "--clients-by", "address", *o)["clients"])
      for s, o in (("standard.jsonl", ()), ("strict.jsonl", ()), ("standard.jsonl", STRICT))]
good("capture", "-q", "-r", here / "c.pcap", "-d", here / "by.db", "--fresh", *SHARED, *STRICT, "--clients-by", "address")
by.append(sorted((c["client"], c["requests"]) for c in parsed(good("report", here / "by.db", "--format", "json"))["clients"]))
check(len(by[0]) == 8 and all(x == by[0] for x in by), "--clients-by address: one client an address, not a network", [len(x) for x in by])

# ---- nothing false ----
records, conn = [], 0


def call(service, server, client, at, took=.01, request_id=None, path="/p"):
    global conn
    conn += 1
    records.append({"ts": round(EPOCH + at, 6), "client": client + ":5000", "server": server + ":80", "conn": conn, "method": "GET", "authority": service + ".example",
                    "target": path, "status": 200, "request_s": 0, "ttfb_s": took, "duration_s": took + .001, "response_bytes": 9, "rtt_client_s": .001,
                    "rtt_server_s": .001, "headers": {"request": {"x-request-id": request_id} if request_id else {}, "response": {}}})


for i in range(600):
    ident, who = "r%d" % i, "203.0.113.%d" % rng.randrange(1, 99)
    call("near", "10.41.0.9", who, i, .05, ident)                                  # a proxy in the network of what is behind it
    call("near", "10.41.0.%d" % rng.randrange(1, 3), "10.41.0.9", i + .01, .02, ident)
    call("far", "10.42.0.%d" % (1 + i % 2), who, i + .5, .08 if i % 2 else .01)      # nobody of a server's network asks
records.sort(key=lambda r: r["ts"])
(here / "fleet.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
was, now = audit(here / "fleet.jsonl", "fleet"), audit(here / "fleet.jsonl", "fleet-strict", *STRICT)
groups = [{g["service"].split("//")[1]: g for g in r["backends"]} for r in (was, now)]
near, far = groups[1]["near.example"], groups[1]["far.example"]
check([s["role"] for s in groups[0]["near.example"]["servers"]].count("relay") == 1, "standard: the proxy is known as one")
check(near["reason"] and near["peers"] is None and near["balance"] == "unknown" and near["imbalance"] is None and
      all(s["role"] in (None, "relay") and s["share"] is None and s["left"] is None and s["beside_peers"] is None for s in near["servers"]),
      "strict: where one of the servers may be who asks the others, nobody is held against them", json.dumps(near)[:290], json.dumps(near)[290:580], json.dumps(near)[580:])
check(not far["reason"] and far["peers"] == 2 and [s["beside_peers"] for s in far["servers"]] == [s["beside_peers"] for s in groups[0]["far.example"]["servers"]],
      "strict: where none can be, servers are compared as ever", far)
check(all(s["keep_alive"]["reopened"] is None and s["keep_alive"]["connections"] for g in now["backends"] for s in g["servers"]), "connections that were opened again: unknown")
check(not [b for b in now["bottlenecks"] if b["kind"] == "connections" or "near" in b["target"] and "server" in b["kind"]], "no finding stands on them",
      [b["target"] for b in now["bottlenecks"]])
check(was["dependencies"] and now["dependencies"] is None and "networks" in (now["hops"]["reason"] or "") and now["hops"]["joined"] is None, "who calls whom: unknown, and why",
      now["hops"])
check(was["shared_addresses"] == [] and now["shared_addresses"] is None and now["behaviour"]["networks"] == 1800, "addresses of several credentials: unknown")
text = good("report", here / "fleet-strict.db")
check("may pass requests on" in text and "not known: clients' addresses" in text, "the text says so", text[-800:])
code, out, err = run("whatif", here / "fleet-strict.db", "--limit", "nginx:1:2", "--per", "address")
check(code == 2 and not out and len(err.splitlines()) == 1, "whatif --per address is refused", code, err)
check(run("whatif", here / "fleet.db", "--limit", "nginx:1:2", "--per", "address")[0] == 0, "of whole addresses it is not")

# one credential, from a network and from an address in it: not several addresses, and of two networks it is
lines = [{"ts": EPOCH + n, "client": c, "method": "GET", "authority": "a.example", "target": "/", "status": 200, "client_id": "bearer:00000000000%d" % who}
         for n, (who, c) in enumerate([(1, "203.0.113.0/24"), (1, "203.0.113.7:1"), (2, "203.0.113.0/24"), (2, "198.51.100.0/24"), (3, "203.0.113.7:1"), (3, "203.0.113.8:1")])]
(here / "mixed.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
mixed = audit(here / "mixed.jsonl", "mixed")
several = {c["client"]: "many_addresses" in c["flags"] for c in mixed["clients"]}
check(mixed["capture"]["privacy"] == "mixed" and several == {"bearer:000000000001": False, "bearer:000000000002": True, "bearer:000000000003": True}, "both modes in one audit", several)
check(run("whatif", here / "mixed.db", "--limit", "nginx:1:2", "--per", "address")[0] == 2, "whatif --per address is refused there, too")
both = parsed(good("report", here / "strict.db", here / "standard.db", "--format", "json"))
check(both["capture"]["privacy"] == "mixed" and both.get("shared_addresses") in (None, []), "two audits of different modes added up say so", both["capture"].get("privacy"))

# ---- options ----
for words, why in ((("--privacy", "lax"), "neither standard nor strict"), (("--privacy", "strict", "--clear-targets"), "--clear-targets"),
                   (("--privacy", "strict", "--show-names"), "--show-names")):
    for command in "capture", "log":
        code, out, err = run(command, "-q", "-r", here / "c.pcap", *words)
        check(code == 2 and why in err and len(err.splitlines()) == 1 and not out, "%s %s: refused" % (command, " ".join(words)), code, err)
code, out, err = run("log", db, *STRICT)
check(code == 2 and len(err.splitlines()) == 1 and not out, "log of a DB: refused", code, err)
(here / "conf").write_text("privacy = strict\n")
check(good("log", "-q", "-r", here / "c.pcap", *SHARED, "--config", here / "conf") == logs["jsonl"], "--config: privacy = strict")
check(good("log", "-q", "-r", here / "c.pcap", *SHARED, "--privacy", "standard") == plainly, "--privacy standard is what is without it")
later = Both()
later.now += 10**10
later.talk((">", request("GET", "/int/%s/x" % known["int"][0])), ("<", answer(200, b"x")), client=CLIENTS[0], server=SERVER)
for target in ("/Items(%s)/x", "/batch/1,%s,2", "/%s:activate", "/a%%20b/%s@x") * 2:     # parts of a segment, where routes are better than standard ones
    later.talk((">", request("GET", target % integer())), ("<", answer(200, b"x")), client=CLIENTS[0], server=SERVER)
later.write(here / "later.pcap")
for name, options, want in (("strict", (), 2), ("standard", STRICT, 2), ("strict", STRICT, 0), ("standard", (), 0)):
    before = parsed(good("report", here / (name + ".db"), "--format", "json"))["totals"]["exchanges"]
    code, out, err = run("capture", "-q", "-r", here / "later.pcap", "-d", here / (name + ".db"), "--append", *SHARED, *options)
    after = parsed(good("report", here / (name + ".db"), "--format", "json"))
    check(code == want and (code == 0 or "--privacy " + name in err) and after["totals"]["exchanges"] == before + 9 * (code == 0) and after["capture"]["privacy"] == name,
          "--append to a %s audit%s: %s" % (name, " with --privacy strict" if options else "", "refused" if want else "goes on"), code, err)
search("the DB that went on", (here / "strict.db").read_bytes())
search("its log", good("log", here / "strict.db"))
went_on = {e["route"] for e in parsed(good("report", here / "strict.db", "--format", "json"))["endpoints"]}
check({"/Items({int})/x", "/batch/{int},{int},{int}", "/{int}:activate", "/a%20b/{int}@x"} <= went_on, "ids that are parts of a segment", sorted(went_on))
finish()
