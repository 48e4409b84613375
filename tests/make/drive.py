#!/usr/bin/env python3
"""drive.py SECONDS FOLDER: the clients of the demo capture: real curl and wrk processes from several addresses with several
kinds of credential, on a plan drawn from a fixed seed. Every credential is made up here."""
import base64
import json
import pathlib
import random
import subprocess
import sys
import threading
import time

LENGTH, FOLDER = float(sys.argv[1]), pathlib.Path(sys.argv[2])
BASE = "http://api.shop.example"
END = time.time() + LENGTH


def curl(address, urls, *options, rate=None, limit=None, agent="shop-app/3.2"):
    """One curl process: all urls over one connection, paced; returns when done or when the time is up."""
    config = FOLDER / ("curl.%d.%d" % (threading.get_ident(), random.getrandbits(32)))
    config.write_text("".join('url = "%s"\noutput = "/dev/null"\n' % u for u in urls))
    command = ["curl", "-s", "--interface", address, "--resolve", "*:80:10.77.0.1", "-A", agent, "-K", str(config), *options]
    if rate:
        command += ["--rate", rate]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(limit or max(1, END - time.time()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    config.unlink()


def sleep(seconds):
    time.sleep(max(0, min(seconds, END - time.time())))


def alive():
    return time.time() < END - 0.5


def zipf(r, n, count):
    weights = [1 / (i + 1) for i in range(n)]
    return r.choices(range(1, n + 1), weights, k=count)


def bearer(text):
    return "Authorization: Bearer " + text


def jwt(subject):
    def part(x):
        return base64.urlsafe_b64encode(json.dumps(x).encode()).decode().rstrip("=")
    return ".".join((part({"alg": "HS256", "typ": "JWT"}), part({"sub": subject, "iss": "shop"}), "bm90LWEtc2lnbmF0dXJl"))


def network(n):
    """An address of one of four networks."""
    return ("10.77.0.%d", "10.78.1.%d", "10.78.2.%d", "10.78.3.%d")[n % 4] % (10 + n)


def app(n):
    """A mobile app: opens, looks around, thinks, comes again."""
    r = random.Random("app%d" % n)
    address, who = network(n), bearer("demo-token-%d-%s" % (n, "%032x" % r.getrandbits(128)))
    sleep(r.random() * 12)
    while alive():
        urls = [BASE + "/api/v1/config", BASE + "/api/v1/me", BASE + "/api/v1/recommended", BASE + "/api/v1/products?page=%d&sort=name" % r.choice((1, 1, 1, 2, 3))]
        urls += [BASE + "/api/v1/products/%d" % p for p in zipf(r, 120, r.randint(3, 8))]
        if r.random() < 0.4:
            urls.append(BASE + "/api/v1/search?q=%s" % r.choice(("maple", "slate", "ivory", "zinc", "topaz")))
        if r.random() < 0.1:
            urls.append(BASE + "/api/v1/products/%d" % r.randint(401, 440))
        curl(address, urls, "-H", who, "--compressed", rate="150/m")
        sleep(6 + r.random() * 14)


def reader(n):
    """Reads one article after the other over one connection, and looks for something now and then."""
    r = random.Random("reader%d" % n)
    who = bearer("demo-token-reader-%d-%032x" % (n, r.getrandbits(128)))
    urls = []
    for article in zipf(r, 40, int(LENGTH * 1.2)):
        urls.append(BASE + "/api/v1/articles/%d" % article)
        if r.random() < 0.1:
            urls.append(BASE + "/api/v1/search?q=%s" % r.choice(("maple", "slate", "ivory")))
    sleep(r.random())
    curl(network(n), urls, "-H", who, rate="75/m", agent="reader/1.4")


def browser(n):
    """A browser with a cookie: pages, pictures, translations, conditional requests, one HEAD now and then."""
    r = random.Random("browser%d" % n)
    address, cookie = "10.77.0.%d" % (20 + n), "session=%032x; theme=dark" % r.getrandbits(128)
    language = ("en", "de", "fr")[n % 3]
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"
    tags = FOLDER / ("etag%d" % n)
    sleep(r.random() * 8)
    curl(address, ["http://shop.example/old-home"], "-L", "-b", cookie, agent=agent)
    while alive():
        curl(address, ["http://shop.example" + p for p in ("/", "/static/app.css", "/static/logo.svg")], "-b", cookie,
             "--compressed", agent=agent)
        curl(address, [BASE + "/api/v1/i18n"], "-H", "Accept-Language: " + language, "-b", cookie, "--etag-save", str(tags),
             "--etag-compare", str(tags), agent=agent)
        curl(address, [BASE + "/api/v1/me", BASE + "/api/v1/flaky"], "-b", cookie, agent=agent)
        if r.random() < 0.3:
            curl(address, ["http://shop.example/static/app.css"], "-I", "-b", cookie, agent=agent)
        if r.random() < 0.3:
            curl(address, ["http://shop.example/missing-%d.png" % r.randint(1, 3)], "-b", cookie, agent=agent)
        sleep(8 + r.random() * 14)


def partner():
    """A poller with an API key: prices every two seconds, always the same ones."""
    urls = [BASE + "/api/v1/prices?symbols=AMB,BIR,CED"] * int(LENGTH / 2)
    curl("10.77.0.30", urls, "-H", "X-Api-Key: demo-key-partner-1f3870be274f6c49b3e31a0c6728957f", rate="30/m", agent="partner-poller/1.0")


def scraper():
    """Another key: quiet, then all products at once."""
    r = random.Random("scraper")
    while alive():
        sleep(40 + r.random() * 20)
        urls = [BASE + "/api/v1/products/%d" % p for p in range(1, 71)]
        curl("10.77.0.31", urls, "-H", "X-Api-Key: demo-key-scraper-e4da3b7fbbce2345d7772b0674a318d5", rate="60/s", agent="python-requests/2.31")


def billing():
    """A service with a JWT: places orders, looks at them, changes and deletes some."""
    r = random.Random("billing")
    who = bearer(jwt("svc-billing"))
    kind = ("-H", who, "-H", "Content-Type: application/json")
    while alive():
        order = "%08x-%04x-4%03x-a%03x-%012x" % tuple(r.getrandbits(b) for b in (32, 16, 12, 12, 48))
        curl("10.77.0.40", [BASE + "/api/v1/orders"], *kind, "-d", json.dumps({"product": r.randint(1, 400), "card": "4111-demo"}), agent="billing/2")
        curl("10.77.0.40", [BASE + "/api/v1/orders/" + order] * 3, *kind, rate="3/s", agent="billing/2")
        if r.random() < 0.4:
            curl("10.77.0.40", [BASE + "/api/v1/orders/" + order], *kind, "-X", r.choice(("PUT", "DELETE")), "-d", "{}", agent="billing/2")
        sleep(5 + r.random() * 8)


def analyst():
    """Reports that take long and are always the same; one person by Basic."""
    r = random.Random("analyst")
    while alive():
        urls = [BASE + "/api/v1/reports/2026-0%d-0%d" % (r.randint(1, 2), d) for d in zipf(r, 5, 4)]
        curl("10.77.0.41", urls, "-u", "ann:demo-password", "--compressed", rate="60/m", agent="curl/7.88.1")
        sleep(2 + r.random() * 8)


def graph():
    r = random.Random("graph")
    who = bearer(jwt("svc-graph"))
    while alive():
        for name in r.choices(("Cart", "Wishlist", "Recommended"), (5, 2, 1), k=4):
            curl("10.77.0.42", [BASE + "/api/v1/graphql"], "-H", who, "-H", "Content-Type: application/json",
                 "-d", json.dumps({"operationName": name, "query": "query %s { items }" % name}), agent="apollo/3")
        sleep(5 + r.random() * 8)


def impatient():
    """Starts exports and gives up."""
    r = random.Random("impatient")
    while alive():
        curl("10.77.0.43", [BASE + "/api/v1/export?year=%d" % r.choice((2024, 2025))], limit=0.6 + r.random() * 3)
        sleep(12 + r.random() * 12)


def stuffer():
    """Tries logins faster than nginx lets it."""
    r = random.Random("stuffer")
    sleep(30)
    for _ in range(2):
        for n in range(14):
            curl("10.77.0.66", [BASE + "/api/v1/login"], "-d", "user=u%d&password=demo%d" % (n, n), limit=3, agent="Go-http-client/1.1")
        sleep(25 + r.random() * 10)


def health():
    curl("10.77.0.2", ["http://10.77.0.1/api/v1/health"] * int(LENGTH / 5), rate="12/m", agent="kube-probe/1.27")


def events():
    curl("10.77.0.12", [BASE + "/api/v1/events"], "-H", bearer("demo-token-events"), "-N")


def load():
    """wrk: a short burst of searches over 6 connections, each with a pause between two requests."""
    script = FOLDER / "burst.lua"
    script.write_text('function delay() return math.random(80, 240) end\nlocal q = {"maple", "slate", "ivory", "zinc", "topaz", "olive"}\n'
                      'function request() return wrk.format("GET", "/api/v1/search?q=" .. q[math.random(#q)], {Host = "api.shop.example", '
                      '["X-Api-Key"] = "demo-key-burst-a87ff679a2f3e71d9181a67b7542122c", ["Accept-Encoding"] = "gzip"}) end\n')
    sleep(LENGTH * 0.55)
    subprocess.run(["wrk", "-t1", "-c6", "-d4s", "-s", str(script), "http://10.77.0.1/"], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


ACTORS = [lambda n=n: app(n) for n in range(7)] + [lambda n=n: browser(n) for n in range(4)]
ACTORS += [lambda n=n: reader(n) for n in range(12)]
ACTORS += [partner, scraper, billing, analyst, graph, impatient, stuffer, health, events, load]
threads = [threading.Thread(target=a) for a in ACTORS]
for t in threads:
    t.start()
for t in threads:
    t.join()
