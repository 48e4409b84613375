"""world: what the tests of policies share: an API whose contents follow a known plan, as exchange records and as a real
origin; products started on free loopback ports from generated files and ended by pid; a driver that keeps to a schedule
and knows by how much it was late."""
import asyncio
import gzip
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from lib import EPOCH, PROOF, SECRET, check, finish, folder, good, run, skip  # noqa: E402

os.environ["PATH"] = "/usr/sbin:/sbin:" + os.environ["PATH"]


# ---- the plan ----

def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


class Plan:
    """Endpoints: period of change in seconds, who matters, what the origin marks, and how long it takes."""

    def __init__(self, period=3600, by=None, credential=True, marks=(), keys=6, delay=0.0):
        self.period, self.by, self.credential, self.marks, self.keys, self.delay = period, by, credential, marks, keys, delay

    def version(self, item, now):
        return int((now + 0.37 * item * self.period / 7) // self.period)

    def body(self, kind, item, who, now):
        owner = who if self.by == "who" else who % 4 if self.by == "tenant" else None
        return {"kind": kind, "item": item, "version": self.version(item, now), "owner": owner}


PLANS = {
    "open": Plan(credential=False),
    "shared": Plan(),
    "private": Plan(by="who"),
    "tenant": Plan(by="tenant"),
    "personal": Plan(by="who", marks=("Set-Cookie: sid=0123456789abcdef",)),
    "marked": Plan(by="who", marks=("Cache-Control: private",)),
    "leaky": Plan(by="who", marks=("Cache-Control: max-age=60",)),
    "nostore": Plan(marks=("Cache-Control: no-store",)),
}


def record(kind, plan, item, who, now, server, route="/%s/%d"):
    fields = {m.split(": ")[0].lower(): m.split(": ")[1] for m in plan.marks}
    if "set-cookie" in fields:
        fields["set-cookie"] = "~"
    r = {"ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who), "server": server, "method": "GET", "authority": "api.example",
         "target": route % (kind, item), "status": 200, "end": "complete", "request_s": 0, "ttfb_s": 0.004 + plan.delay, "duration_s": 0.005 + plan.delay,
         "response_bytes": 120, "body_id": digest(plan.body(kind, item, who, now)), "headers": {"request": {}, "response": fields}}
    if plan.credential:
        r["client_id"] = "bearer:%012x" % (who + 1)
    return r


def planted(plans, requests, seconds, server, seed=1, clients=10):
    """Records of every kind, in order of time."""
    rng, out = random.Random(seed), []
    for kind, plan in plans.items():
        now = EPOCH
        for _ in range(requests):
            now += rng.expovariate(requests / seconds)
            out.append(record(kind, plan, rng.randrange(plan.keys), rng.randrange(clients), now, server))
    return sorted(out, key=lambda r: r["ts"])


def audit(name, records):
    path = folder() / (name + ".jsonl")
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    db = folder() / (name + ".db")
    good("capture", "-q", "--records", path, "-d", db, "--fresh", "--secret", SECRET, limit=120)
    return db


def policy(db, product, *options, name=None):
    out = folder() / (name or "policy." + product)
    code, text, err = run("policy", db, "--for", product, "-o", out, *options)
    if code:
        check(False, "policy --for " + product, code, err)
    return out, err


# ---- the origin ----

async def serve_one(reader, writer, plans):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.split("\r\n")
            target, _, query = line.split(" ")[1].partition("?")
            target = target.split("/")
            asked = {f.split(":")[0].lower(): f.split(":", 1)[1].strip() for f in fields if ":" in f}
            kind, item = target[1] if len(target) > 1 else "", target[2] if len(target) > 2 else "0"
            plan = plans.get(kind)
            who = asked.get("authorization", asked.get("cookie", "")).rsplit("-", 1)[-1]
            who = int(who) if who.isdigit() else -1
            if plan and plan.delay:
                await asyncio.sleep(plan.delay)
            status = "200 OK" if plan and item.isdigit() else "404 Not Found"
            if plan and plan.by == "absent" and status[0] == "2" and int(item) % 3 == 0:
                status = "404 Not Found"
            if plan and plan.credential and "authorization" not in asked:
                status = "401 Unauthorized"
            body = dict(plan.body(kind, int(item), who, time.time()), who=who) if status[0] == "2" else {}
            if plan and plan.by == "query" and body:
                body["query"] = query
            if plan and plan.by == "language" and body:
                body["language"] = asked.get("accept-language", "")
            if plan and not plan.credential and who >= 0:
                body["owner"] = who  # whoever comes with a credential gets something of their own
            text = json.dumps(body).encode()
            marks = "".join(m + "\r\n" for m in plan.marks) if plan else ""
            if plan and plan.by == "tag" and body:
                tag = '"%d"' % body["version"]
                marks += "ETag: %s\r\n" % tag
                if asked.get("if-none-match") == tag:
                    status, text = "304 Not Modified", b""
            if plan and plan.by == "gzip" and "gzip" in asked.get("accept-encoding", ""):
                text, marks = gzip.compress(text), marks + "Content-Encoding: gzip\r\n"
            if query == "twice":  # one field in two lines
                marks += "Cache-Control: max-age=60\r\nCache-Control: private\r\n"
            writer.write(("HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n" % (status, marks, len(text))).encode() +
                         (b"" if line.startswith("HEAD") else text))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, IndexError):
        pass
    finally:
        writer.close()


def origin_main(port, plans):
    async def main():
        server = await asyncio.start_server(lambda r, w: serve_one(r, w, plans), "127.0.0.1", port, backlog=512)
        await server.serve_forever()
    asyncio.run(main())


# ---- processes ----

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


running = []
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended


def start(*command, **more):
    p = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    running.append(p)
    return p


def fork_origin(port, plans):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            origin_main(port, plans)
        finally:
            os._exit(0)
    running.append(pid)
    return pid


def stop_all():
    for p in running:
        pid = p if isinstance(p, int) else p.pid
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
        for _ in range(50):
            if (os.waitpid(pid, os.WNOHANG)[0] if isinstance(p, int) else p.poll() is not None):
                break
            time.sleep(0.05)
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0) if isinstance(p, int) else p.wait()
    running.clear()


def wait_port(port, seconds=15):
    until = time.time() + seconds
    while time.time() < until:
        with socket.socket() as s:
            s.settimeout(0.5)
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def missing(*programs):
    return [p for p in programs if not shutil.which(p, path=os.environ["PATH"])]


def need(what, *programs):
    """Ends the test, skipped, where one of them is not installed."""
    if missing(*programs):
        skip(what, "not installed: " + " ".join(missing(*programs)))
        finish()


def start_nginx(file, port):
    here = folder() / ("nginx-%d" % port)
    here.mkdir()
    os.chmod(here, 0o755)
    user = "user root; " if os.geteuid() == 0 else ""
    start("nginx", "-p", here, "-c", file, "-e", here / "error.log", "-g",
          user + "daemon off; pid %s/pid; worker_rlimit_nofile 1024;" % here)
    return wait_port(port)


def start_varnish(file, port):
    here = folder() / ("varnish-%d" % port)
    start("varnishd", "-j", "none", "-F", "-n", here, "-a", "127.0.0.1:%d" % port, "-T", "none", "-f", file, "-s", "malloc,32m",
          "-p", "thread_pools=1", "-p", "thread_pool_min=10")
    return wait_port(port)


def start_haproxy(file, port):
    start("haproxy", "-db", "-f", file)
    return wait_port(port)


# ---- the driver ----

PATIENCE = 10  # seconds for an answer


class Call:
    __slots__ = ("due", "method", "target", "fields", "sent", "got", "status", "cache", "body", "what", "late")

    def __init__(self, due, target, fields="", what=None, method="GET"):
        self.due, self.target, self.fields, self.what, self.method = due, target, fields, what, method
        self.sent = self.got = self.status = self.cache = self.body = self.late = None


async def drive_one(port, calls, began, source="127.0.0.1"):
    reader = writer = None
    for c in calls:
        wait = began + c.due - time.time()
        if wait > 0:
            await asyncio.sleep(wait)
        c.late = max(0, time.time() - began - c.due)
        for attempt in (0, 1):
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
            c.sent = time.time()
            writer.write(("%s %s HTTP/1.1\r\nHost: api.example\r\n%s\r\n" % (c.method, c.target, c.fields)).encode())
            try:
                head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode("latin-1")
                c.got = time.time()
                fields = {f.split(":")[0].lower(): f.split(":", 1)[1].strip() for f in head.split("\r\n")[1:] if ":" in f}
                c.status, c.cache = int(head.split(" ")[1]), fields.get("x-cache") or ("HIT" if "age" in fields else "MISS")
                if c.status == 304 or c.method == "HEAD":
                    text = b""
                elif fields.get("transfer-encoding") == "chunked":
                    text = b""
                    while True:
                        n = int(await reader.readline(), 16)
                        text += await reader.readexactly(n)
                        await reader.readline()
                        if not n:
                            break
                else:
                    text = await reader.readexactly(int(fields.get("content-length", 0)))
                if fields.get("content-encoding") == "gzip":
                    text = gzip.decompress(text)
                c.body = json.loads(text) if c.status == 200 and text else None
                if fields.get("connection") == "close":
                    writer.close()
                    writer = None
                break
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                writer = None
                if attempt:
                    raise
    if writer:
        writer.close()


def bursts_and_flood(seed):
    """(seconds, who): eight clients that come in small bursts for two minutes, and in the last ten seconds a ninth that floods."""
    rng, out = random.Random(seed), []
    for who in range(8):
        now = 0.0
        while now < 120:
            now += rng.expovariate(0.9)
            at = now
            for _ in range(rng.randrange(1, 5)):
                at += rng.uniform(0.005, 0.08)
                out.append((at, who))
    out += [(110 + i / 60 + rng.uniform(0, 0.01), 8) for i in range(600)]
    return sorted(o for o in out if o[0] < 120)


def drive(streams):
    """streams: (port, calls) or (port, calls, source address); each on a connection of its own, all at once."""
    async def main():
        began = time.time() + 0.3
        await asyncio.gather(*(drive_one(s[0], s[1], began, *s[2:]) for s in streams))
    asyncio.run(main())
