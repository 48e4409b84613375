#!/usr/bin/env python3
"""origin.py PORT: the application behind nginx in the demo capture. Resources change on a plan by the clock, so that the
audit has something to find: fast and slow ones, private ones, ones that forbid caching for no reason, slow reports."""
import hashlib
import http.server
import json
import random
import socketserver
import sys
import time
import urllib.parse

START = time.time()
WORDS = ("amber birch cedar delta ember flint grove haven ivory jasper kelp lotus maple north olive pearl quartz raven "
         "slate topaz umber violet willow yarrow zinc").split()


def words(seed, n):
    r = random.Random(str(seed))
    return " ".join(r.choice(WORDS) for _ in range(n))


def version(seed, interval):
    """Number of the version in force; each resource changes at its own phase."""
    phase = random.Random("phase" + str(seed)).random() * interval
    return int((time.time() - START + phase) / interval)


def product(pid):
    v = version(pid, 15 + pid * 37 % 160)
    return {"id": pid, "name": words(pid, 3), "version": v, "price": 100 + (pid * 7919 + v * 31) % 900, "stock": (v * 17 + pid) % 60,
            "description": words(pid, 8), "tags": words(pid + 1000, 2).split()}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "origin", ""

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", kind="application/json", etag=False, **headers):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        if etag:
            headers["ETag"] = '"%s"' % hashlib.sha256(body).hexdigest()[:16]
            if self.headers.get("If-None-Match") == headers["ETag"]:
                status, body = 304, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status not in (204, 304):
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        parts = [p for p in url.path.split("/") if p][2:]
        query = dict(urllib.parse.parse_qsl(url.query))
        name = parts[0] if parts else ""
        handler = getattr(self, "get_" + name, None)
        if handler:
            handler(parts[1:], query)
        else:
            self.reply(404, {"error": "no such resource"})

    do_HEAD = do_GET

    def get_products(self, rest, query):
        if rest:
            pid = int(rest[0])
            time.sleep(0.004)
            if pid > 400:
                return self.reply(404, {"error": "no such product", "id": pid})
            return self.reply(200, product(pid), etag=True)
        time.sleep(0.02)
        page = int(query.get("page", 1))
        items = [{"id": i, "name": words(i, 3), "price": 100 + i * 7919 % 900} for i in range(page * 8, page * 8 + 8)]
        self.reply(200, {"page": page, "sort": query.get("sort"), "items": items}, etag=True)

    def get_articles(self, rest, _):
        time.sleep(0.006)
        self.reply(200, {"id": int(rest[0]), "title": words("title" + rest[0], 4), "text": words("text" + rest[0], 14)})

    def get_recommended(self, *_):
        """Somebody's own, and declared for everybody."""
        who = self.headers.get("Authorization") or ""
        time.sleep(0.01)
        self.reply(200, {"for you": words("recommended" + who, 6)}, Cache_Control="public, max-age=60")

    def get_prices(self, _, query):
        names = query.get("symbols", "").split(",")
        now = {n: 1000 + version(n, 3) * 37 % 500 for n in names}
        self.reply(200, {"prices": now, "source": words("exchange", 2)}, Cache_Control="max-age=1")

    def get_config(self, *_):
        time.sleep(0.03)
        self.reply(200, {"features": {w: i % 2 == 0 for i, w in enumerate(WORDS[:9])}, "motd": words("motd", 5)},
                   Cache_Control="no-store, no-cache", Pragma="no-cache")

    def get_me(self, rest, _):
        who = hashlib.sha256((self.headers.get("Authorization") or self.headers.get("Cookie") or "").encode()).hexdigest()
        time.sleep(0.008)
        self.reply(200, {"id": int(who[:6], 16), "name": words(who, 2), "settings": words(who + "s", 6)},
                   Cache_Control="private, max-age=30", Vary="Authorization, Cookie")

    def get_orders(self, rest, _):
        if rest:
            self.reply(200, {"id": rest[0], "state": WORDS[version(rest[0], 60) % 20], "lines": words(rest[0], 8)}, etag=True)
        else:
            self.reply(200, {"orders": [], "at": round(time.time(), 3)})

    def get_reports(self, rest, _):
        time.sleep(0.25 + random.random() * 0.5)
        rows = [{"hour": h, "total": (h * 7919 + len(rest[0])) % 10000, "note": words(rest[0] + str(h), 1)} for h in range(12)]
        self.reply(200, {"day": rest[0], "rows": rows})

    def get_search(self, _, query):
        time.sleep(0.03 + random.random() * 0.03)
        q = query.get("q", "")
        hits = [{"id": i, "name": words(q + str(i), 3), "text": words(q + "t" + str(i), 4)} for i in range(4)]
        self.reply(200, {"query": q, "took_ms": random.randint(20, 60), "hits": hits})

    def get_i18n(self, *_):
        language = (self.headers.get("Accept-Language") or "en").split(",")[0]
        self.reply(200, {"language": language, "texts": words("texts" + language, 25)}, Vary="Accept-Language",
                   Cache_Control="public, max-age=300", etag=True)

    def get_flaky(self, *_):
        if random.random() < 0.25:
            return self.reply(500, {"error": "upstream went away"})
        self.reply(200, {"ok": True})

    def get_health(self, *_):
        self.reply(200, "ok\n", kind="text/plain", Cache_Control="no-store")

    def get_export(self, *_):
        """Chunked and slow: somebody will give up."""
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        for i in range(8):
            block = "\n".join("%d,%s" % (i * 20 + n, words(i, 3)) for n in range(12)).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
            self.wfile.flush()
            time.sleep(0.3)
        self.wfile.write(b"0\r\n\r\n")

    def get_events(self, *_):
        """Server-sent events without an end."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        for i in range(600):
            self.wfile.write(b"event: tick\ndata: {\"n\": %d}\n\n" % i)
            self.wfile.flush()
            time.sleep(4)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/api/v1/orders"):
            time.sleep(0.04)
            oid = hashlib.md5(body + str(time.time()).encode()).hexdigest()
            oid = "-".join((oid[:8], oid[8:12], "4" + oid[13:16], "a" + oid[17:20], oid[20:]))
            return self.reply(201, {"id": oid}, Location="/api/v1/orders/" + oid)
        if self.path.startswith("/api/v1/login"):
            time.sleep(0.05)
            return self.reply(200, {"token": hashlib.sha256(body).hexdigest()}, Set_Cookie="session=%s; HttpOnly" % hashlib.md5(body).hexdigest())
        if self.path.startswith("/api/v1/graphql"):
            time.sleep(0.015)
            name = json.loads(body).get("operationName", "")
            return self.reply(200, {"data": {"operation": name, "items": words(name, 12)}})
        self.reply(404, {"error": "no such resource"})

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.reply(204)

    def do_DELETE(self):
        self.reply(204)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
