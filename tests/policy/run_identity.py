#!/usr/bin/env python3
# kinds: opt
"""Limits count the clients that the audit counted, in each order of identity: the same requests are captured and sent
through real nginx with the generated file, which logs what each limit counts by. HAProxy is held to the same conditions."""
import collections
import json
import random
import re
import subprocess

import world
from lib import SECRET, Capture, answer, check, finish, folder, good, parsed, request, run
from world import Call, drive, free_port, policy

world.need("orders of identity in nginx", "nginx")
here = folder()
origin = free_port()
PROXY = "127.0.0.9"
ORDERS = [None, "cookie,apikey,authorization", "authorization,cookie", "forwarded,cookie,apikey", "address", "cookie,authorization,forwarded,apikey",
          "apikey=x-acme-key,cookie=log.in,authorization", "cookie=log.in,forwarded,apikey=x-api-key"]
CARRIER = {"apikey": "apikey", "bearer": "authorization", "basic": "authorization", "cookie": "cookie", "address": "address", "forwarded": None}
NEVER = "127.0.0.250"


def people():
    """Who comes: (address, fields, forwarded for). Keys belong to applications, tokens to households, sessions to people, so
    that each order makes other clients of them; some lack this or that."""
    rng = random.Random(7)
    for n in range(24):
        has = [bool(n >> bit & 1) if n < 8 else rng.random() < 0.6 for bit in range(3)]
        key, token, session = "application-%d" % (n % 4), "household-%d" % (n % 6), "person-%08d" % n
        own = "; log.in=%d; logxin=0" % (n % 5) if n % 3 else ""
        fields = ["X-Api-Key: " + key] * has[0] + ["Authorization: Bearer " + token] * has[1] + ["Cookie: theme=dark; PHPSESSID=%s%s" % (session, own)] * has[2]
        fields += ["X-Acme-Key: partner-%d" % (n % 3)] * (n % 2)
        yield ("127.0.0.%d" % (20 + n % 7), fields, None)
    for n in range(8):
        yield (PROXY, ["Cookie: sid=person-%08d" % (50 + n)] * (n % 2) + ["X-Forwarded-For: 203.0.113.%d" % (n % 3)], n % 3)


def requests():
    """(second, person), each person some dozens in two minutes."""
    rng = random.Random(3)
    return sorted((rng.uniform(0, 120), n) for n in range(32) for _ in range(16))


crowd = list(people())
calls = requests()
cap = Capture()
began = cap.now
for at, n in calls:
    address, fields, _ = crowd[n]
    cap.now = began + int(at * 1e6)
    cap.talk((">", request("GET", "/limited/1", *fields)), ("<", answer(200, b"{}")), client=address, server="127.0.0.1", port=origin)
cap.packets.sort(key=lambda p: p[0])
file = cap.write(here / "calls.pcap")


def audited(order, name):
    """The audit in this order, and who it says asked, request by request."""
    options = (["--identity", order] if order else []) + ["--trusted-proxies", PROXY, "--secret", SECRET]
    db = here / (name + ".db")
    good("capture", "-q", "-r", file, "-d", db, *options)
    return db, [json.loads(line)["client_id"] for line in good("log", "-q", "-r", file, *options).splitlines()]


def through_nginx(db, name):
    """The key that each limit counted each request by: {carrier: key}, in order of the requests."""
    port, log = free_port(), here / (name + ".log")
    conf, err = policy(db, "nginx", "--only", "rate", "--force", "--listen", "127.0.0.1:%d" % port, name=name + ".conf")
    text = conf.read_text()
    keys = {carrier: key for key, carrier in re.findall(r"limit_req_zone (\$\w+) zone=spanwise_(\w+):", text)}
    form = "$http_x_number" + "".join('|%s=%s' % (c, "$remote_addr:" * (c == "address") + k) for c, k in keys.items())
    text = text.replace("access_log off;", "log_format keys escape=json '%s';\n    access_log %s keys;" % (form, log))
    conf.write_text(re.sub(r" *limit_(req|conn) .*\n", "", text))
    check(world.start_nginx(conf, port), "nginx starts: " + name)
    streams = collections.defaultdict(list)
    for i, (at, n) in enumerate(calls):
        streams[crowd[n][0]].append(Call(0.0, "/limited/1", "".join(f + "\r\n" for f in crowd[n][1]) + "X-Number: %d\r\n" % i))
    drive([(port, list_, address) for address, list_ in streams.items()])
    world.time.sleep(0.3)
    out = [None] * len(calls)
    for line in log.read_text().splitlines():
        number, *said = line.split("|")
        out[int(number)] = {c: v for c, v in (s.split("=", 1) for s in said)}
    return keys, out, err


def counted(key):
    """The address is written before its key, whose octets are no text."""
    address, _, binary = key.partition(":")
    return address if binary else ""


def holds(order, name):
    db, who = audited(order, name)
    keys, seen, err = through_nginx(db, name)
    want = parsed(good("report", db, "--format", "json"))
    words = order.split(",") if order else ["apikey", "authorization", "mtls", "cookie", "forwarded"]
    check(want["capture"]["identity_order"] == words + ["address"] * (words[-1] != "address"), "%s: the audit knows its order" % name, want["capture"])
    kinds = {CARRIER[c["identity"]] for c in want["clients"]} - {None}
    check(set(keys) == kinds, "%s: a limit for each kind of client that there is" % name, keys, kinds, err)
    wrong, of, by = [], collections.defaultdict(set), collections.defaultdict(set)
    requests_by = collections.Counter()
    for i, client in enumerate(who):
        mine = CARRIER[client.split(":")[0]]
        got = {c: counted(k) if c == "address" else k for c, k in (seen[i] or {"lost": "x"}).items()}
        used = {c: k for c, k in got.items() if k}
        if set(used) != ({mine} if mine else set()):
            wrong.append((i, client, crowd[calls[i][1]], got))
            continue
        for c, k in used.items():
            of[client].add((c, k))
            by[(c, k)].add(client)
            requests_by[client] += 1
    check(not wrong, "%s: each of %d requests is counted by its client's carrier alone, those behind a proxy by none" % (name, len(who)), *wrong[:3])
    check(all(len(k) == 1 for k in of.values()) and all(len(c) == 1 for c in by.values()), "%s: a key is a client, and a client a key" % name,
          [x for x in by.items() if len(x[1]) > 1][:2])
    report = {c["client"]: c["requests"] for c in want["clients"] if CARRIER[c["identity"]]}
    check(dict(requests_by) == report, "%s: as many requests each as the audit counted, of %d clients" % (name, len(report)))
    return len(report)


def haproxy(order, name):
    conf, err = policy(here / (name + ".db"), "haproxy", "--only", "rate", "--force", name=name + ".cfg")
    lines = re.findall(r"http-request track-sc0 .* table spanwise_table_(\w+)(?: if (.*))?", conf.read_text())
    words = re.sub("=[^,]*", "", order or "apikey,authorization,cookie,forwarded").split(",")
    words += ["address"] * ("address" not in words)
    named = "cookie=" in (order or "")
    shows = {"apikey": "spanwise_apikey", "authorization": "(authorization)", "cookie": "cook(log.in)" if named else "(cookie)", "forwarded": "(forwarded)"}
    for carrier, when in lines:
        before = words[:words.index(carrier)]
        wrong = [w for w in shows if (" !{" in " " + when) and bool(re.search(r"!\{[^}]*%s" % re.escape(shows[w]), when)) != (w in before)]
        check(not wrong and (bool(when) or not before), "%s, haproxy: %s counts who has nothing of %s" % (name, carrier, ",".join(before) or "(nothing)"), wrong, when)
    check(lines and not world.missing("haproxy") and subprocess.run(["haproxy", "-c", "-f", str(conf)], capture_output=True).returncode == 0 or world.missing("haproxy"),
          "%s: haproxy accepts the file" % name)
    tracked = dict((t, k) for k, t in re.findall(r"http-request track-sc0 (\S+) table spanwise_table_(\w+)", conf.read_text()))
    check(tracked.get("cookie") == ("req.cook(log.in),sha1" if named else None), "%s, haproxy: it counts by a cookie whose name is known" % name, tracked)
    check(("told apart by cookie" in err) != named or "cookie" not in words, "%s, haproxy: what it cannot count by is said" % name, err)


def rejected(name, fields):
    """How many of 120 at once, each with these fields, the generated file turns away."""
    port = free_port()
    conf, _ = policy(here / (name + ".db"), "nginx", "--only", "rate", "--force", "--listen", "127.0.0.1:%d" % port, name="limit-%s.conf" % name)
    conf.write_text(re.sub(r" *limit_conn .*\n", "", conf.read_text()))
    world.start_nginx(conf, port)
    flood = [Call(0.0, "/limited/1", fields(i)) for i in range(120)]
    drive([(port, flood[i::8], NEVER) for i in range(8)])
    return sum(c.status == 429 for c in flood)


def main():
    world.fork_origin(origin, {"limited": world.Plan(credential=False)})
    check(world.wait_port(origin), "the origin is there")
    clients = {}
    for n, order in enumerate(ORDERS):
        name = "order%d" % n
        clients[order] = holds(order, name)
        haproxy(order, name)
    check(len(set(clients.values())) > 3, "the orders make other clients of the same requests", clients)

    def one_token(i):
        return "Authorization: Bearer flood\r\nX-Api-Key: made-up-%d\r\nCookie: sid=made-up-%08d\r\n" % (i, i)
    usual, by_token, by_session = rejected("order0", one_token), rejected("order2", one_token), rejected("order1", one_token)
    check(usual == by_session == 0 < by_token, "one token under many keys and sessions: limited where tokens come first, and there alone", usual, by_session, by_token)
    code, out, _ = run("policy", here / "order4.db", "--for", "nginx", "--force")
    check(code == 0 and "limit_req_zone $binary_remote_addr" in out and "# Who asks: the address." in out, "by address alone: no map stands between", out[:600])


try:
    main()
finally:
    world.stop_all()
finish()
