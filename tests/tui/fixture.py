#!/usr/bin/env python3
"""Exchange records of an afternoon in a shop, for the screens and the page: the same bytes on every machine.

usage: fixture.py > records.jsonl     then: spanwise capture --records records.jsonl --secret tests/pcap/secret -d fixture.db

Forty minutes of traffic: pages that repeat, products that change, a poller, a crawler's burst, a slow report, errors, a
limiter that says 429, and names that no screen may take literally."""
import json
import math
import random
import sys

START = 1794744000.0  # 2026-11-15 12:00:00 UTC
LENGTH = 2400.0
draw = random.Random(20).random  # random() alone is the same in every version of Python


def expovariate(rate):
    return -math.log(1.0 - draw()) / rate


def zipf(n, power=1.1):
    """0..n-1, the first most often."""
    weights = [1 / (i + 1) ** power for i in range(n)]
    at = draw() * sum(weights)
    for i, w in enumerate(weights):
        at -= w
        if at <= 0:
            return i
    return n - 1


def between(low, high):
    return low + draw() * (high - low)


def hexes(text, n):
    """n hex digits made of the text (FNV-1a), not secret, only stable."""
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & (2**64 - 1)
    h ^= h >> 29
    h = (h * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    return ("%016x" % (h ^ h >> 32))[:n]


CLIENTS = [("%s:%s" % (kind, hexes(kind + str(i), 12)), "10.20.%d.%d" % (i // 7, 11 + 3 * i))
           for i, kind in enumerate(["cookie"] * 7 + ["bearer"] * 5 + ["apikey", "jwt", "basic"])]
CRAWLER, POLLER, MONITOR = ("address:" + hexes("crawler", 12), "2001:db8::c4a1"), ("apikey:" + hexes("poller", 12), "10.20.9.9"), \
    ("address:" + hexes("monitor", 12), "10.20.0.2")
records = []


def record(t, who, method, authority, target, status=200, size=800, wait=0.01, content=None, **more):
    """`content`: what names the version of the answer; None: unknown."""
    address = "[%s]" % who[1] if ":" in who[1] else who[1]
    ttfb = wait * (0.6 + 0.8 * draw())
    r = {"ts": round(START + t, 6), "request_s": 0, "ttfb_s": round(ttfb, 6), "duration_s": round(ttfb + size / 5e6, 6),
         "client": "%s:%d" % (address, 40000 + len(records) % 9000), "server": "10.20.100.5:80", "proto": "http/1.1", "tls": False,
         "method": method, "authority": authority, "target": target, "status": status, "request_bytes": 0, "response_bytes": size,
         "end": "complete" if status else "timeout", "body_id": hexes("%s" % content, 16) if content else None, "client_id": who[0]}
    if not status:
        r.update(ttfb_s=None, duration_s=None, response_bytes=0)
    r.update(more)
    records.append(r)


def wave(t):
    """Load over time: a slow hill with a dip."""
    return 0.55 + 0.45 * math.sin(math.pi * t / LENGTH) - (0.35 if 1500 < t < 1680 else 0)


def arrivals(per_second):
    t = expovariate(per_second)
    while t < LENGTH:
        if draw() < wave(t):
            yield t
        t += expovariate(per_second)


def anyone():
    return CLIENTS[zipf(len(CLIENTS), 0.8)]


def shop():
    for t in arrivals(0.22):
        record(t, anyone(), "GET", "shop.example", "/", 200, 18200, 0.045, "home%d" % (t // 120))
    for t in arrivals(0.42):
        p = zipf(40)
        record(t, anyone(), "GET", "shop.example", "/api/products/%d" % (1000 + 7 * p), 200, 2300 + 31 * p, 0.032,
               "product%d.%d" % (p, (t + 13 * p) // (90 + 20 * p)))
    for t in arrivals(0.12):
        p = zipf(6)
        record(t, anyone(), "GET", "shop.example", "/api/products?page=%d" % (p + 1), 200, 9400, 0.11, "page%d.%d" % (p, t // 300))
    for t in arrivals(0.1):
        record(t, anyone(), "GET", "shop.example", "/api/search?q=~%s" % hexes("q%d" % zipf(70, 0.7), 12), 200, 5100, 0.19,
               "found%f" % t)
    for t in arrivals(0.14):
        who = anyone()
        record(t, who, "GET", "shop.example", "/api/cart", 200, 640, 0.02, "cart%s%d" % (who[0], t // 200))
    for t in arrivals(0.05):
        record(t, anyone(), "POST", "shop.example", "/api/cart/items", 201, 120, 0.05)
    for t in arrivals(0.025):
        failed = draw() < 0.14
        record(t, anyone(), "POST", "shop.example", "/api/checkout", 500 if failed else 200, 300, 2.1 if failed else between(.3, .9))
    for t in arrivals(0.16):
        record(t, anyone(), "GET", "shop.example", "/static/app.3f9a1c77.js", 304 if draw() < .3 else 200, 214000, 0.004, "js")
    for t in arrivals(0.1):
        record(t, anyone(), "GET", "shop.example", "/static/logo.svg", 200, 4100, 0.003, "logo")
    for t in arrivals(0.02):
        record(t, anyone(), "GET", "shop.example", "/old/catalogue.pdf", 404, 160, 0.006)


def backend():
    tls = {"tls": True, "server": "10.20.100.6:8443"}
    for t in arrivals(0.11):
        u = zipf(25, 0.6)
        record(t, anyone(), "GET", "api.shop.example:8443", "/v2/users/%d" % (500 + u), 200, 900, 0.028, "user%d.%d" % (u, t // 400), **tls)
    for t in arrivals(0.06):
        u = zipf(25, 0.6)
        record(t, anyone(), "GET", "api.shop.example:8443", "/v2/users/%d/orders" % (500 + u), 200, 6100, 0.16,
               "orders%d.%d" % (u, t // 250), **tls)
    for t in arrivals(0.012):
        record(t, CLIENTS[7], "DELETE", "api.shop.example:8443",
               "/v2/users/%d/sessions/0f8fad5b-d9cb-469f-a165-%s" % (500 + zipf(25), hexes("s%f" % t, 12)), 204, 0, 0.02, **tls)
    for t in arrivals(0.012):
        record(t, CLIENTS[12], "GET", "api.shop.example:8443", "/v2/report", 0 if draw() < .12 else 200, 410000, 3.4, "report%d" % (t // 900), **tls)
    for t in arrivals(0.03):
        limited = 900 < t < 1300 and draw() < .8
        record(t, CLIENTS[13], "GET", "api.shop.example:8443", "/v2/export", 429 if limited else 200, 90 if limited else 72000, 0.3,
               "export%d" % (t // 600), **tls)


def machines():
    t = 2.0
    while t < LENGTH:
        record(t, POLLER, "GET", "stock.internal:9000", "/levels", 200, 1500, 0.008, "levels%d" % (t // 47), server="10.20.100.9:9000")
        t += 10 + 0.02 * draw()
    t = 1.0
    while t < LENGTH:
        record(t, MONITOR, "HEAD", "shop.example", "/healthz", 503 if 1500 < t < 1560 else 200, 0, 0.002)
        t += 30
    t = 1200.0
    for i in range(140):
        record(t, CRAWLER, "GET", "shop.example", "/api/products/%d" % (1000 + 7 * (i % 40)), 200, 2300, 0.04,
               "product%d.%d" % (i % 40, (t + 13 * (i % 40)) // (90 + 20 * (i % 40))))
        t += expovariate(25)


def hostile():
    """What a client may send to be seen by whoever reads the report."""
    nasty = ("address:" + hexes("nasty", 12), "203.0.113.66")
    for i, target in enumerate(["/<script>alert(1)</script>", "/\"><img src=x onerror=alert(2)>", "/\x1b[31mred\x1b]0;title\x07",
                                "/\u5546\u54c1/\u4e00\u89a7", "/\u202eexe.txt", "/a\u0301\u0301\u0301combining", "/tab\there\nline",
                                "/" + "very-long-segment-" * 14, "/{{7*7}}${7*7}", "/\ufffd\udcff"]):
        for again in range(3):
            record(300 + 40 * i + 11 * again, nasty, "GET", "hostile.example", target, 200, 50, 0.005, "nasty%d" % i)
    record(800, nasty, "\"><b>", "hostile.example", "/method", 405, 50, 0.005)
    record(810, ("\x1b[2J<b>me</b>", "203.0.113.67"), "GET", "<img src=x onerror=alert(3)>", "/", 400, 50, 0.005)


def main():
    for part in (shop, backend, machines, hostile):
        part()
    records.sort(key=lambda r: r["ts"])
    for r in records:
        text = json.dumps(r, ensure_ascii=False, separators=(",", ":"))
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape") + b"\n")


main()
