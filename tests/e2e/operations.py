#!/usr/bin/env python3
# kinds: san
"""Operations of GraphQL, JSON-RPC and SOAP in the report (E-4): each is an endpoint of its own, in one audit, from its records,
in parts, joined, and of a time; errors that a 200 carries; what is asked for stays in no output. A GraphQL server behind nginx,
asked by curl over HTTP/1 and HTTP/2, plain and gzipped."""
import collections
import gzip
import http.server
import json
import shutil
import subprocess
import threading

from lib import EPOCH, SECRET, Capture, answer, check, finish, folder, good, parsed, request, run, skip
from peers import NGINX, Tap, nginx_before

here = folder()
JSON = "Content-Type: application/json"
WORD = "s3cr3tL1teral0fAQ"
HOUR = EPOCH - EPOCH % 3600 + 3600


def ask(operation, n):
    """A request for it, and an answer."""
    kind, _, name = operation.partition(":")
    if kind in ("query", "mutation"):
        document = "%s %s($id: ID) { thing(id: $id, note: \"%s%d\") { id } }" % (kind, name, WORD, n)
        failed = n % 5 == 0
        body = {"data": None, "errors": [{"message": WORD}]} if failed else {"data": {"thing": {"id": n}}}
        asked = {"operationName": name, "query": document, "variables": {"id": WORD}}
        return request("POST", "/graphql", JSON, body=json.dumps(asked).encode()), answer(200, json.dumps(body).encode(), JSON)
    if kind == "rpc":
        body = {"jsonrpc": "2.0", "id": n, **({"error": {"code": 1, "message": WORD}} if n % 4 == 0 else {"result": WORD})}
        asked = {"jsonrpc": "2.0", "method": name, "params": [WORD, n], "id": n}
        return request("POST", "/rpc", JSON, body=json.dumps(asked).encode()), answer(200, json.dumps(body).encode(), JSON)
    if kind == "soap":
        fields = ("Content-Type: text/xml", 'SOAPAction: "http://shop.example/%s"' % name)
        return request("POST", "/soap", *fields, body=b"<x>%s</x>" % WORD.encode()), answer(200, b"<y/>", "Content-Type: text/xml")
    return request("GET", "/graphql?query=query+Look%%7Ba(x:%%22%s%%22)%%7D&variables=%%7B%%7D" % WORD), answer(200, b"{}", JSON)


ASKED = {"query:Cart": 40, "mutation:Pay": 20, "rpc:user.get": 24, "rpc:user.set": 12, "soap:GetPrice": 10, "get": 6}
NAMES = {"rpc:user.get": "user.get", "rpc:user.set": "user.set", "soap:GetPrice": "http://shop.example/GetPrice", "get": "query:Look"}


def hour(cap, start):
    cap.now = start * 1_000_000
    for operation, n in ASKED.items():
        turns = []
        for i in range(n):
            asked, answered = ask(operation, i)
            turns += [(">", asked), ("<", answered)]
        cap.talk(*turns)


def endpoints(*words):
    got = parsed(good("report", *words, "--format", "json", "--top", "100"))
    return {(e["method"], e["route"], e["operation"]): e for e in got["endpoints"]}


def counts(found):
    return {k: (e["requests"], e["errors"]) for k, e in found.items()}


first, second = Capture(), Capture()
hour(first, HOUR + 60)
second.port = 50000
hour(second, HOUR + 3700)
both = Capture()
both.packets = first.packets + second.packets
for name, cap in (("first", first), ("second", second), ("both", both)):
    cap.write(here / (name + ".pcap"))
    good("capture", "-q", "-r", here / (name + ".pcap"), "-d", here / (name + ".db"), "--secret", SECRET)

paths = {"query": "/graphql", "mutation": "/graphql", "rpc": "/rpc", "soap": "/soap", "get": "/graphql"}
want = {}
for operation, n in ASKED.items():
    kind = operation.partition(":")[0]
    bad = sum(i % {"query": 5, "mutation": 5, "rpc": 4}.get(kind, n + 1) == 0 for i in range(n)) if kind not in ("soap", "get") else 0
    want[("GET" if kind == "get" else "POST", paths[kind], NAMES.get(operation, operation))] = (2 * n, 2 * bad)
told = endpoints(here / "both.db")
check(counts(told) == want, "every operation is an endpoint, with the errors that a 200 carries", counts(told), want)
facts = {k[2]: e["operation_facts"] for k, e in told.items()}
check({k: f["safe"] for k, f in facts.items()} == {"query:Cart": True, "mutation:Pay": False, "user.get": False, "user.set": False,
                                                    "http://shop.example/GetPrice": False, "query:Look": True},
      "queries are safe", facts)
check(facts["query:Cart"]["answers_read"] == 80 and facts["query:Cart"]["application_errors"] == 16 and facts["query:Cart"]["reason"] is None and
      facts["http://shop.example/GetPrice"]["application_errors"] is None and facts["http://shop.example/GetPrice"]["reason"],
      "how many answers were read for errors is said", facts)
text, marked = good("report", here / "both.db"), good("report", here / "both.db", "--format", "markdown")
check(all("#" + k[2] in text for k in want) and "&#35;query:Cart" in marked, "text and Markdown name them", text)
code, out, err = run("top", here / "both.db", "--once", "--width", "160", "--height", "60")
check("#query:Cart" in out or code == 2, "top, too", out, err)

records = good("log", "-q", "-r", here / "both.pcap", "--secret", SECRET, "--format", "jsonl")
one = json.loads(records.splitlines()[0])
check(one["operation"] == "query:Cart" and one["operation_safe"] is True and one["operation_answer"] == "read" and "application_error" in one["flags"],
      "a record names the operation", one)
good("capture", "-q", "--records", "-", "-d", here / "records.db", "--secret", SECRET, stdin=records)
again = endpoints(here / "records.db")
check(again == told or counts(again) == counts(told) and {k[2]: e["operation_facts"] for k, e in again.items()} == facts,
      "the records give the same", counts(again))
from_db = [json.loads(line).get("operation") for line in good("log", here / "both.db", "--format", "jsonl").splitlines()]
check(collections.Counter(from_db) == {k[2]: v[0] for k, v in want.items()}, "so do those of the DB", collections.Counter(from_db))
good("capture", "-q", "-r", here / "first.pcap", "-d", here / "parts.db", "--secret", SECRET)
good("capture", "-q", "-r", here / "second.pcap", "-d", here / "parts.db", "--secret", SECRET, "--append")
check(counts(endpoints(here / "parts.db")) == want, "so does an audit that goes on", counts(endpoints(here / "parts.db")))
good("capture", "-q", "-r", here / "first.pcap", "-d", here / "few.db", "--secret", SECRET, "--exchanges", "10")
good("capture", "-q", "-r", here / "second.pcap", "-d", here / "few.db", "--secret", SECRET, "--exchanges", "10", "--append")
few = endpoints(here / "few.db")
check(counts(few) == want and {k[2]: e["operation_facts"]["safe"] for k, e in few.items()} == {k: f["safe"] for k, f in facts.items()},
      "and one that goes on from its rows", counts(few))
check(counts(endpoints(here / "first.db", here / "second.db")) == want, "two audits joined are the same")
half = {k: (n // 2, bad // 2) for k, (n, bad) in want.items()}
for start in (HOUR, HOUR + 3600):
    check(counts(endpoints(here / "both.db", "--from", start, "--to", start + 3600)) == half, "an hour has half of it")
for name in ("both.db", "records.db", "parts.db"):
    check(WORD.encode() not in (here / name).read_bytes(), "%s holds nothing of what was asked for or answered" % name)
check(all(WORD not in t and WORD.lower() not in t.lower() for t in (records, text, marked, json.dumps(list(told.values())))), "nor does any output")

# Many names: 512 an endpoint, then one for the rest.
cap = Capture()
for at in range(0, 700, 50):
    turns = []
    for i in range(at, at + 50):
        turns += [(">", request("POST", "/rpc", JSON, body=json.dumps({"jsonrpc": "2.0", "method": "m%d" % i}).encode())), ("<", answer(200, b"{}", JSON))]
    cap.talk(*turns)
cap.write(here / "many.pcap")
good("capture", "-q", "-r", here / "many.pcap", "-d", here / "many.db", "--secret", SECRET)
got = parsed(good("report", here / "many.db", "--format", "json"))["endpoints"]
names = {e["operation"]: e["requests"] for e in got}
check(len(names) == 513 and names["other"] == 188 and sum(names.values()) == 700, "512 operations of a path are told apart", len(names), names.get("other"))


# ---- a real server ----

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        name = json.loads(body).get("operationName")
        reply = {"data": None, "errors": [{"message": "no"}]} if name == "Fails" else {"data": {"name": name, "items": list(range(200))}}
        out = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def log_message(self, *_):
        pass


def curl(port, name, *options, zipped=False):
    tap = Tap(port)
    body = json.dumps({"operationName": name, "query": "query %s { items }" % name}).encode()
    options += ("-H", "Content-Encoding: gzip") if zipped else ()
    subprocess.run(["curl", "-s", "-m", "10", "-o", "/dev/null", "-H", JSON, "-H", "Expect:", "--data-binary", "@-", *options,
                    "http://127.0.0.1:%d/graphql" % tap.port], input=gzip.compress(body) if zipped else body, timeout=20)
    return tap.done()


if NGINX and shutil.which("curl"):
    backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    process, h1, h2 = nginx_before(here, backend.server_port, "gzip on; gzip_types application/json; gzip_min_length 0; proxy_http_version 1.1;")
    cap = Capture()
    ways = [("Plain", h1, (), {}), ("Zipped", h1, ("--compressed",), {"zipped": True}), ("Fails", h1, ("--compressed",), {}),
            ("Second", h2, ("--http2-prior-knowledge",), {}), ("SecondZipped", h2, ("--http2-prior-knowledge", "--compressed"), {"zipped": True})]
    for name, to, options, more in ways:
        for _ in range(2):
            cap.talk(*curl(to, name, *options, **more), port=80)
    process.terminate()
    process.wait(10)
    cap.write(here / "real.pcap")
    good("capture", "-q", "-r", here / "real.pcap", "-d", here / "real.db", "--secret", SECRET)
    real = collections.defaultdict(lambda: (0, 0, 0))
    for e in parsed(good("report", here / "real.db", "--format", "json", "--top", "100"))["endpoints"]: # each curl had a port of its own
        more = e["requests"], e["errors"], e["operation_facts"]["answers_read"] if e["operation_facts"] else 0
        real[e["operation"]] = tuple(map(sum, zip(real[e["operation"]], more)))
    check(real == {"query:" + name: (2, 2 if name == "Fails" else 0, 2) for name, *_ in ways},
          "a server behind nginx: HTTP/1 and HTTP/2, plain and gzipped", real)
else:
    skip("a server behind nginx", "there is no nginx or curl")
finish()
