#!/usr/bin/env python3
"""Every address of the web service: what it answers, whom it turns away, how it begins and ends."""
import concurrent.futures
import hashlib
import http.client
import json
import re
import signal
import subprocess
import sys
import time

import metrics
from lib import ROOT, SECRET, SPANWISE, Folder, Service, make_db, ok, run
import lib

METRICS = "requests rate errors error_ratio eligible repeats repeat_ratio request_bytes response_bytes server_seconds clients".split()
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"
TOKEN = "a-token-of-some-length"


def page(s):
    a = s.ask("/")
    ok("page", a.status == 200 and a.get("Content-Type").startswith("text/html"), a)
    ok("page: content policy", a.get("Content-Security-Policy").startswith(POLICY), a.get("Content-Security-Policy"))
    ok("page: what else protects it", (a.get("X-Content-Type-Options"), a.get("Referrer-Policy"), a.get("X-Frame-Options")) ==
       ("nosniff", "no-referrer", "DENY"), a.headers)
    text = a.body.decode()
    ok("page has no script, style, handler or outside address of its own",
       not re.search(r"<script>|<style|\sstyle=|\son[a-z]+=|https?://|javascript:", text))
    for path in ["/"] + re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css|ico))"', text) + ["/draw.js", "/words.js", "/sheets.js"]:
        a = s.ask(path)
        same = s.ask(path, headers=[("If-None-Match", a.get("ETag"))])
        ok("%s: ETag, then 304" % path, a.status == 200 and a.get("ETag") and a.get("Cache-Control") == "no-cache" and same.status == 304 and
           not same.body and s.ask(path, headers=[("If-None-Match", '"x"')]).status == 200, (a, same))
    ok("icon is SVG", s.ask("/favicon.ico").get("Content-Type") == "image/svg+xml")


def report(s, db):
    a = s.ask("/api/v1/report")
    written = run("report", db, "--format", "json")[1]
    d = json.loads(a.body)
    ok("report is what spanwise report says", a.body.decode() == written and a.get("Content-Type") == "application/json", a)
    ok("report holds every row", d["totals"]["exchanges"] > 3000 and len(d["endpoints"]) == d["totals"]["endpoints"] and d["clients"])
    ok("report is not kept", a.get("Cache-Control") == "no-store", a.headers)
    window = s.ask("/api/v1/report?from=-1h")
    ok("report of a window", window.body.decode() == run("report", db, "--format", "json", "--from", "-1h")[1] and b'"window":{' in window.body, window)
    got = s.ask("/api/v1/report?form=-1h")
    ok("a parameter that is none, of a report or an export: 400, not the whole audit", got.status == 400 and "from, to" in json.loads(got.body)["error"] and
       s.ask("/api/v1/export/csv?since=-1h").status == 400 and s.ask("/api/v1/report?top=3").status == 400)
    ok("what is no time: 400", s.ask("/api/v1/report?from=noon").status == 400 and s.ask("/api/v1/report?from=2100-01-01").status == 400)
    a = s.ask("/api/v1/export/json")
    ok("export as json", a.body.decode() == written and a.get("Content-Disposition") == 'attachment; filename="spanwise.json"', a)
    a = s.ask("/api/v1/export/text")
    ok("export as text", a.status == 200 and a.get("Content-Type").startswith("text/plain") and b"CACHED" in a.body, a)
    a = s.ask("/api/v1/export/markdown")
    ok("export as markdown", a.status == 200 and a.get("Content-Type").startswith("text/markdown") and a.body.startswith(b"# spanwise audit"), a)
    a = s.ask("/api/v1/export/html")
    ok("export as html", a.status == 200 and a.get("Content-Type").startswith("text/html") and
       a.get("Content-Disposition") == 'attachment; filename="spanwise.html"' and a.body.decode() == run("report", db, "--format", "html")[1], a)
    for kind in ("csv", "markdown"):
        a = s.ask("/api/v1/export/%s?from=-1h" % kind)
        ok("export as %s of a window" % kind, a.body.decode() == run("report", db, "--format", kind, "--from", "-1h")[1] != run("report", db, "--format", kind)[1], a)
    ok("export of what is no time: 400", [s.ask("/api/v1/export/csv?from=" + t).status for t in ("noon", "2100-01-01")] == [400, 400])
    a = s.ask("/api/v1/export/yaml")
    ok("unknown export: 404 with a list", a.status == 404 and {"json", "text"} <= set(json.loads(a.body)["allowed"]), a)
    a = s.ask("/nothing")
    ok("unknown address: 404 with a list", a.status == 404 and "/api/v1/report" in json.loads(a.body)["allowed"], a)
    return d


def series(s, d):
    for metric in METRICS:
        a = s.ask("/api/v1/timeseries?metric=" + metric)
        got = json.loads(a.body)
        ok("series of " + metric, a.status == 200 and got["metric"] == metric and got["step"] == 60 and len(got["points"]) == 40 and
           got["unit"], a)
    points = json.loads(s.ask("/api/v1/timeseries?metric=requests&step=600").body)["points"]
    ok("requests of a series add up to the total", len(points) == 4 and sum(v for _, v in points) == d["totals"]["exchanges"], points)
    got = json.loads(s.ask("/api/v1/timeseries?metric=rate&from=1794744600&to=1794745200").body)
    ok("part of a series", (got["from"], got["to"], len(got["points"])) == (1794744600, 1794745200, 10), got)
    got = json.loads(s.ask("/api/v1/timeseries?metric=rate&from=0&to=60").body)
    ok("before the audit there are no points", got["points"] == [] and got["from"] is None, got)
    for bad in ("", "?metric=", "?metric=nonsense"):
        a = s.ask("/api/v1/timeseries" + bad)
        ok("series '%s': 400 names the metrics" % bad, a.status == 400 and json.loads(a.body)["allowed"] == METRICS, a)
    for bad in ("step=61", "step=0", "step=-60", "step=x", "step=nan", "from=x", "to=1e400", "from=20&to=10", "colour=red"):
        a = s.ask("/api/v1/timeseries?metric=rate&" + bad)
        ok("series with '%s': 400 says why" % bad, a.status == 400 and json.loads(a.body)["error"], a)


def events(s, d):
    a = s.ask("/api/v1/events")
    kinds = re.findall(r"^event: (.*)$", a.body.decode(), re.M)
    ok("events of a finished audit: one snapshot, then the end", a.get("Content-Type").startswith("text/event-stream") and
       kinds == ["snapshot", "ended"], a)
    snapshot = json.loads(re.search(r"^data: (\{.*)$", a.body.decode(), re.M)[1])
    ok("a snapshot holds the totals", snapshot["exchanges"] == d["totals"]["exchanges"] and snapshot["ended"] and not snapshot["live"], snapshot)
    ok("HEAD of events ends", s.ask("/api/v1/events", "HEAD", timeout=5).status == 200)


def numbers(s, d):
    plain, strict = s.ask("/metrics"), s.ask("/metrics", headers=[("Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")])
    ok("metrics: Prometheus text", plain.get("Content-Type").startswith("text/plain; version=0.0.4"), plain.headers)
    ok("metrics: OpenMetrics when asked", strict.get("Content-Type").startswith("application/openmetrics-text") and
       strict.body.endswith(b"\n# EOF\n"), strict.headers)
    try:
        metrics.compare(plain.body.decode(), strict.body.decode(), d)
        trouble = None
    except AssertionError as e:
        trouble = repr(e)
    ok("metrics can be read strictly and say what the report says", not trouble, trouble)
    a = s.ask("/healthz")
    ok("health", (a.status, a.body) == (200, b"ok\n"), a)


def hosts(s):
    for host in ("evil.example", "127.0.0.2", "localhost.evil.example", "evil.example:%d" % s.port, "localhost:80:80", "127.0.0.1:x", "[::1]", "[::1",
                 "10.0.0.1", "localhost.", "@localhost", "localhost\\", "0.0.0.0", ""):
        a = s.ask("/api/v1/report", headers=[("Host", host)])
        ok("Host '%s': 421" % host, a.status == 421 and b"endpoints" not in a.body, a)
    for host in ("localhost", "LocalHost:9999", "127.0.0.1", "127.0.0.1:%d" % s.port):
        ok("Host '%s' is ours" % host, s.ask("/healthz", headers=[("Host", host)]).status == 200)
    ok("no Host: 421", " 421 " in s.raw("GET /api/v1/report HTTP/1.0\r\n\r\n"))
    ok("Host twice: 400", " 400 " in s.raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"))


def methods(s):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get"):
        a = s.ask("/api/v1/report", method)
        ok("%s: 405" % method, a.status == 405 and a.get("Allow") == "GET, HEAD", a)
    for method, what, body in (("GET", "Content-Length: 5", "hello"), ("HEAD", "Content-Length: 5", ""), ("GET", "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")):
        line = s.raw("%s /healthz HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n%s" % (method, what, body))
        ok("%s with a body, %s: answered" % (method, what), " 200 " in line, line)
    ok("POST with a body: 405", s.ask("/", "POST", body=b"x" * 5000).status == 405)
    whole, head = s.ask("/api/v1/report"), s.ask("/api/v1/report", "HEAD")
    ok("HEAD: the same without the body", head.status == 200 and not head.body and head.get("Content-Length") == str(len(whole.body)), head)


def wire(s):
    c = http.client.HTTPConnection(s.host, s.port, timeout=10)
    for _ in range(3):
        c.request("GET", "/healthz")
        c.getresponse().read()
        sock = c.sock
    ok("a connection is used again", sock is not None)
    c.close()
    line = s.raw("GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % ("a" * 60000))
    ok("an address too long: 4xx", re.match(r"HTTP/1.\d 4\d\d", line), line)
    line = s.raw("nonsense\r\n\r\n")
    ok("nonsense: 4xx or closed", line == "" or re.match(r"HTTP/1.\d 4\d\d", line), line)
    ok("no way out of the page's folder", s.ask("/../../etc/passwd").status == 404 and s.ask("/%2e%2e/%2e%2e/etc/passwd").status == 404)
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        got = list(pool.map(lambda _: s.ask("/api/v1/report").status, range(60)))
    ok("many at once", got == [200] * 60, got)


def tokens(db, folder):
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "token").chmod(0o600)
    s = Service(db, "--listen", "0.0.0.0:0", "--token-file", folder / "token", "--host-name", "audit.example")
    if not ok("with a token on every address", s.url, s.stderr()):
        return
    bearer = [("Authorization", "Bearer " + TOKEN)]
    for path in ("/", "/api/v1/report", "/metrics", "/api/v1/events", "/page.js", "/nothing", "/api/v1/report?token=" + TOKEN):
        a = s.ask(path)
        ok("no token, %s: 401" % path, a.status == 401 and a.get("WWW-Authenticate").startswith("Bearer"), a)
    for wrong in ("Bearer " + TOKEN[:-1], "Bearer " + TOKEN + "x", "Bearer " + TOKEN.upper(), "Bearer ", "Bearer", "Basic " + TOKEN, TOKEN, ""):
        ok("'%s': 401" % wrong, s.ask("/api/v1/report", headers=[("Authorization", wrong)]).status == 401)
    ok("the token", s.ask("/api/v1/report", headers=bearer).status == 200)
    ok("the token, the scheme in lower case", s.ask("/metrics", headers=[("Authorization", "bearer " + TOKEN)]).status == 200)
    ok("health needs none", s.ask("/healthz").status == 200)
    a = s.ask("/?token=nonsense")
    ok("a wrong token in the address: 401, no cookie", a.status == 401 and not a.get("Set-Cookie"), a)
    a = s.ask("/?token=" + TOKEN)
    cookie = a.get("Set-Cookie")
    ok("the token in the address: on to the page with a cookie", a.status == 303 and a.get("Location") == "/" and
       re.fullmatch(r"spanwise-\d+=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Strict", cookie) and TOKEN not in cookie, a)
    cookie = cookie.split(";")[0]
    ok("the cookie opens page and report", all(s.ask(p, headers=[("Cookie", "other=1; %s; more=2" % cookie)]).status == 200
                                               for p in ("/", "/api/v1/report", "/page.js")))
    for wrong in (cookie[:-1], cookie + "0", cookie.split("=")[0] + "=", cookie.replace("=", "=x="), "x" + cookie):
        ok("cookie '%s': 401" % wrong[:40], s.ask("/", headers=[("Cookie", wrong)]).status == 401)
    ok("Host comes before the token", s.ask("/", headers=bearer + [("Host", "evil.example")]).status == 421)
    ok("--host-name is ours", s.ask("/healthz", headers=[("Host", "audit.example:80")]).status == 200)
    ok("SIGINT ends it with 0", s.end(signal.SIGINT) == 0)


def beginnings(db, folder):
    code, out, err = run("serve", "--help")
    ok("--help", code == 0 and "--token-file" in out and not err, err)
    for every in ("0.0.0.0:0", "[::]:0"):
        code, out, err = run("serve", db, "--listen", every)
        ok("%s without a token: refused" % every, code == 2 and "--token-file" in err and "--insecure" in err, (code, err))
    for bad in ("127.0.0.1", ":8930", "127.0.0.1:", "127.0.0.1:99999", "example.org:80", "::1:8930", "[::1]", "[::1:80", "127.0.0.1:80x", ""):
        code, out, err = run("serve", db, "--listen", bad)
        ok("--listen '%s': refused" % bad, code == 2 and err, (code, err))
    for bad in (["--nonsense"], ["--token-file", "/dev/null"], ["--token-file", folder / "none"], ["--tls-cert", folder / "token"], [db]):
        code, out, err = run("serve", db, *bad)
        ok("%s: wrong usage" % " ".join(map(str, bad[:1])), code == 2 and err, (code, err))
    code, out, err = run("serve", db, "--listen", "127.0.0.1:0", "--tls-cert", folder / "token", "--tls-key", folder / "token")
    ok("a certificate that is none", code == 1 and err, (code, err))
    code, out, err = run("serve", folder / "none.db", "--listen", "127.0.0.1:0")
    ok("no DB", code not in (0, None) and "none.db" in err, (code, err))
    s = Service(db, "--listen", "0.0.0.0:0", "--insecure")
    ok("--insecure lets everyone in", s.url and s.ask("/api/v1/report").status == 200, s.stderr())
    ok("--insecure: no other name, though", s.ask("/", headers=[("Host", "evil.example")]).status == 421)
    a = s.ask("/?token=x")
    ok("no token wanted: it is dropped", a.status == 303 and not a.get("Set-Cookie"), a)
    code, out, err = run("serve", db, "--listen", "127.0.0.1:%d" % s.port)
    ok("the port is taken", code == 1 and str(s.port) in err, (code, err))
    s.end()
    s = Service(ROOT / "tests/pcap/keepalive.pcap", "--listen", "127.0.0.1:0")
    ok("a capture is audited first", s.url and json.loads(s.ask("/api/v1/report").body)["totals"]["exchanges"] > 0, s.stderr())
    s.end()
    s = Service(db, "--listen", "[::1]:0")
    if s.url:
        ok("IPv6", s.ask("/healthz").status == 200 and s.ask("/healthz", headers=[("Host", "127.0.0.1")]).status == 421)
    else:
        print("ok - IPv6 # SKIP " + s.stderr().strip())
    s.end()


def https(db, folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    s = Service(db, "--listen", "127.0.0.1:0", "--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem", "--token-file", folder / "token")
    if not ok("HTTPS begins", s.url and s.scheme == "https", s.stderr()):
        return
    ok("HTTPS answers", s.ask("/healthz").status == 200)
    ok("HTTPS: the cookie is secure", s.ask("/?token=" + TOKEN).get("Set-Cookie").endswith("; Secure"))
    ok("HTTPS ends with 0", s.end() == 0)


def waits(folder):
    later = folder / "later.db"
    s = Service("--wait", "--listen", "127.0.0.1:0")
    ok("waits for the default DB, too", s.url and s.ask("/healthz").status in (200, 503), s.stderr())
    s.end()
    s = Service("--wait", later, "--listen", "127.0.0.1:0")
    if not ok("waits for a DB", s.url, s.stderr()):
        return
    a = s.ask("/api/v1/report")
    ok("not there yet: 503 says why", a.status == 503 and "later.db" in json.loads(a.body)["error"] and a.get("Retry-After"), a)
    ok("not there yet: health 503, page 200", s.ask("/healthz").status == 503 and s.ask("/").status == 200)
    later.write_bytes(b"no database at all, only text that is long enough to look like some file " * 20)
    ok("no DB: 503", [s.ask(p).status for p in ("/healthz", "/metrics", "/api/v1/timeseries?metric=rate")] == [503] * 3)
    later.unlink()
    lines = (folder / "records.jsonl").read_bytes().split(b"\n")
    writer = subprocess.Popen([SPANWISE, "capture", "-q", "--records", "-", "--secret", SECRET, "-d", str(later)], stdin=subprocess.PIPE)
    writer.stdin.write(b"\n".join(lines[:500]) + b"\n")
    writer.stdin.flush()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        stream = pool.submit(s.ask, "/api/v1/events")
        time.sleep(2.5)
        writer.stdin.write(b"\n".join(lines[500:]))
        writer.stdin.close()
        writer.wait()
        text = stream.result().body.decode()
    kinds = re.findall(r"^event: (.*)$", text, re.M)
    ok("while it is written: a snapshot a second, then the end", kinds.count("snapshot") >= 2 and kinds[-1] == "ended", text)
    ok("written: the new report", json.loads(s.ask("/api/v1/report").body)["totals"]["exchanges"] == len([x for x in lines if x]))
    ok("ends while a stream is open", closes_streams(s))


def replaced(folder):
    """Another audit put in the place of the one that is served, of as many commits."""
    other, place = folder / "other.db", folder / "place.db"
    lines = (folder / "records.jsonl").read_bytes().splitlines(True)
    for path, some in ((place, lines[:300]), (other, lines[:200])):
        (folder / "some.jsonl").write_bytes(b"".join(some))
        run("capture", "-q", "--records", folder / "some.jsonl", "--secret", SECRET, "-d", path)
    s = Service(place, "--listen", "127.0.0.1:0")
    before = json.loads(s.ask("/api/v1/report").body)["totals"]["exchanges"]
    other.rename(place)
    after = json.loads(s.ask("/api/v1/report").body)["totals"]["exchanges"]
    ok("another DB in its place is another report", (before, after) == (300, 200), (before, after))
    s.end()


def closes_streams(s):
    c = http.client.HTTPConnection(s.host, s.port, timeout=10)
    c.request("GET", "/api/v1/events")
    c.getresponse().readline()
    began = time.monotonic()
    return s.end() == 0 and time.monotonic() - began < 5


def odd_names(folder):
    """What no scraper would take: bytes that are no UTF-8, overlong forms and surrogates among them."""
    methods = (b"G\xff", b"G\xe0\x80\x80", b"G\xed\xa0\x80", b"G\xf0\x80\x80\x80", b"G\xf4\x90\x80\x80", "G\u00e9\u5546".encode())
    (folder / "odd.jsonl").write_bytes(b"".join(
        b'{"ts":17000000%02d,"client":"10.0.0.1:5","method":"%s","authority":"h.example","target":"/","status":200}\n' % (i, m) for i, m in enumerate(methods)))
    run("capture", "-q", "--records", folder / "odd.jsonl", "--secret", SECRET, "-d", folder / "odd.db")
    s = Service(folder / "odd.db", "--listen", "127.0.0.1:0")
    try:
        names = set(re.findall('method="([^"]*)"', s.ask("/metrics").body.decode("utf-8", "strict")))
    except UnicodeDecodeError as e:
        names = str(e)
    ok("metrics of odd names are UTF-8", "G\u00e9\u5546" in names and "G\ufffd\ufffd\ufffd" in names and len(names) == 4, names)
    s.end()


def main():
    with Folder() as folder:
        db = make_db(folder)
        before = hashlib.sha256(db.read_bytes()).hexdigest()
        s = Service(db, "--listen", "127.0.0.1:0")
        if ok("begins and says where", s.url, s.stderr()):
            page(s)
            d = report(s, db)
            series(s, d)
            events(s, d)
            numbers(s, d)
            hosts(s)
            methods(s)
            wire(s)
            ok("SIGTERM ends it with 0", s.end() == 0)
        tokens(db, folder)
        odd_names(folder)
        beginnings(db, folder)
        https(db, folder)
        waits(folder)
        replaced(folder)
        ok("the DB was not touched", hashlib.sha256(db.read_bytes()).hexdigest() == before)
    return 1 if lib.failures else 0


sys.exit(main())
