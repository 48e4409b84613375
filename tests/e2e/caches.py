#!/usr/bin/env python3
# kinds: opt
"""Redis and memcached seen from outside count what they count themselves. In the captures of tests/pcap the last command asks
for it; where the programs are here, a relay records redis-benchmark with a live Redis, too. Records and packets give the same;
an audit goes on where it stopped; values, keys and passwords are nowhere; a capture that begins anywhere tells nothing wrong."""
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

from lib import PCAP, ROOT, SECRET, Capture, audit, check, finish, folder, good, packets, parsed, run, skip, stored

sys.path.insert(0, str(ROOT / "tests" / "make"))
from caches import SECRET as CANARY  # noqa: E402

here = folder()


def number(data, name):
    found = re.findall(name.encode() + rb"[: ](\d+)", data)
    return int(found[-1]) if found else None


def cache(report, proto):
    return (report.get(proto) or [{}])[0]


def command(row, *names):
    rows = [c for c in row.get("by_command", []) if c["command"] in names]
    return {k: sum(c[k] for c in rows) for k in ("commands", "hits", "misses", "untold", "deletes")}


# What the servers say of themselves.
data = stored("redis")
report = parsed(audit(PCAP / "redis.pcap", "redis"))
redis = cache(report, "redis")
# Told of none: GETs without an answer (CLIENT REPLY OFF has none here), and one of a transaction that was discarded.
check(redis.get("hits") == number(data, "keyspace_hits") and redis.get("misses") == number(data, "keyspace_misses"),
      "hits and misses are those of INFO", [redis.get(k) for k in ("hits", "misses", "untold")], number(data, "keyspace_hits"), number(data, "keyspace_misses"))
processed = number(data, "total_commands_processed")
check(redis.get("commands") == processed + 2, "so are the commands: INFO itself and one discarded are more", redis.get("commands"), processed)
check(redis.get("untold") == 1, "one look-up is not told: it was discarded", redis.get("untold"))
check(not report["totals"]["exchanges"] and not report["capture"]["flows_opaque"].get("redis"), "no exchange of HTTP, nothing opaque", report["capture"]["flows_opaque"])
patterns = {p["pattern"]: p for p in redis.get("patterns", [])}
user, page = patterns.get("user:{int}:profile", {}), patterns.get("page:{int}", {})
check(user.get("ttl", {}) and 99 < user["ttl"]["p50"] < 108 and user["ttl_sets"] == 8 and user["ttl_forever"] == 1, "lifetimes by pattern", user)
check(page.get("fills", 0) >= 3 and page["expired"] >= 1 and page["value_max"] == 9000, "what was missed and then written, and what expired", page)
check({"session:{var}-{b64}", "key:{int}", "queue:{int}"} <= set(patterns), "patterns", list(patterns))
check({"PUBLISH", "SUBSCRIBE", "BLPOP", "EXEC", "HELLO", "AUTH", "KEYS"} <= {c["command"] for c in redis["by_command"]}, "commands")
check(redis["hot_keys"] and redis["hot_keys"][0]["commands_low"] >= redis["hot_keys"][-1]["commands_low"] > 1, "hot keys", redis["hot_keys"][:2])

data = stored("memcached")
memcached = cache(parsed(audit(PCAP / "memcached.pcap", "memcached")), "memcached")
get, sets = command(memcached, "get", "gets", "mg"), command(memcached, "set", "add", "ms")
check((get["hits"], get["misses"]) == (number(data, "get_hits"), number(data, "get_misses")) and not memcached["untold"],
      "hits and misses are those of stats", get, number(data, "get_hits"), number(data, "get_misses"))
check(get["hits"] + get["misses"] == number(data, "cmd_get") and sets["commands"] == number(data, "cmd_set"), "so are cmd_get and cmd_set", sets, number(data, "cmd_set"))
check(command(memcached, "delete")["commands"] == number(data, "delete_hits") + number(data, "delete_misses"), "deletes, too")

# Records, texts, secrets.
for name in ("redis", "memcached"):
    log = good("log", "-r", PCAP / (name + ".pcap"), "--secret", SECRET, "--format", "jsonl")
    (here / "records").write_text(log)
    db = here / "again.db"
    good("capture", "-q", "--records", here / "records", "-d", db, "--fresh", "--secret", SECRET)
    first = parsed(good("report", here / (name + ".db"), "--format", "json"))[name]
    again = parsed(good("report", db, "--format", "json")).get(name)
    check(first == again, name + ": records give the same as packets")
    lines = [json.loads(line) for line in log.splitlines()]
    check(lines and all(x["proto"] == name and "cache" in x for x in lines), name + ": records of their own kind", len(lines))
    check(not good("log", "-r", PCAP / (name + ".pcap"), "--format", "combined"), name + ": no lines in an access log")
    texts = [log] + [good("report", here / (name + ".db"), "--format", f) for f in ("json", "text", "markdown", "csv", "html")]
    texts.append((here / (name + ".db")).read_bytes().decode("latin-1"))
    check(not any(CANARY in t or CANARY[7:] in t for t in texts), name + ": no password, key or value is in any output")
    check(any(("REDIS " if name == "redis" else "MEMCACHED ") in t for t in texts), name + ": has its section")

# An audit goes on.
db = here / "on.db"
good("capture", "-q", "-r", PCAP / "redis.pcap", "-d", db, "--secret", SECRET)
good("capture", "-q", "-r", PCAP / "memcached.pcap", "-d", db, "--secret", SECRET, "--append")
on = parsed(good("report", db, "--format", "json"))
same = ("commands", "hits", "misses", "latency", "value_bytes", "patterns", "by_command")
check(all(cache(on, n).get(k) == w.get(k) for n, w in (("redis", redis), ("memcached", memcached)) for k in same), "rows stay when an audit goes on")


# Joined late: what is told is told right. Whole records by their time.
def told(data):
    (here / "cut.pcap").write_bytes(data)
    lines = [json.loads(x) for x in good("log", "-r", here / "cut.pcap", "--secret", SECRET, "--format", "jsonl").splitlines()]
    return {(x["client"], x["ts"], x["request_s"], x["method"], x["request_bytes"]): (x["cache"]["hits"], x["cache"]["misses"], x["response_bytes"], x["cache"]["keys"])
            for x in lines if "answered" in x["cache"]["is"]}


for name in ("redis", "memcached"):
    head, records = packets(stored(name))
    whole = told(head + b"".join(records))
    wrong, share = 0, []
    for at in range(3, len(records) - 40, len(records) // 8):
        part = told(head + b"".join(records[at:]))
        wrong += sum(whole.get(k) != v for k, v in part.items())
        share.append(len(part))
    check(not wrong, "%s: joined at %d places, no answer is another command's (of %d told %s)" % (name, len(share), len(whole), share))
    check(share[0] > len(whole) // 2, name + ": most is told all the same", share)


# A live Redis under redis-benchmark, 16 deep, through a relay that writes down what passes.
class Relay(threading.Thread):
    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.talks, self.lock = port, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            turns = []
            self.talks.append(turns)
            for way, a, b in ((">", client, server), ("<", server, client)):
                threading.Thread(target=self.pass_on, args=(way, a, b, turns), daemon=True).start()

    def pass_on(self, way, a, b, turns):
        while True:
            data = a.recv(65536)
            if not data:
                break
            with self.lock:
                turns.append((way, data))
            b.sendall(data)
        try:
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def live():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        relay = Relay(port)
        subprocess.run(["redis-benchmark", "-p", str(relay.listener.getsockname()[1]), "-n", "3000", "-P", "16", "-c", "6", "-r", "300", "-q",
                        "-t", "set,get,incr,lpush,lpop,sadd,hset,spop,zadd,lrange_100,mset"], stdout=subprocess.DEVNULL, timeout=60, check=True)
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(b"INFO stats\r\nINFO commandstats\r\n")
            time.sleep(0.3)
            return relay.talks, s.recv(1 << 20)
    finally:
        server.terminate()
        server.wait()


if shutil.which("redis-server") and shutil.which("redis-benchmark"):
    talks, info = live()
    made = Capture()
    for turns in talks:
        made.talk(*turns, port=7003)
    row = cache(parsed(audit(made.write(here / "live.pcap"), "live")), "redis")
    check((row.get("hits"), row.get("misses"), row.get("untold")) == (number(info, "keyspace_hits"), number(info, "keyspace_misses"), 0),
          "redis-benchmark -P 16: hits and misses are those of INFO", row.get("hits"), row.get("misses"), info[:400])
    counted = {m[0].decode().upper(): int(m[1]) for m in re.findall(rb"cmdstat_(\w+):calls=(\d+)", info)}
    ours = {c["command"]: c["commands"] for c in row.get("by_command", [])}
    differ = {k: (v, ours.get(k)) for k, v in counted.items() if ours.get(k) != v and k != "INFO"}
    check(not differ and len(ours) > 8, "so are the calls of each command", differ)
else:
    skip("redis-benchmark", "redis-server and redis-tools are not here")
finish()
