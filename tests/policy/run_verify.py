#!/usr/bin/env python3
# kinds: opt
"""Was a policy kept? Generated files in real nginx and Varnish, as they are and mis-deployed, captured from the wire on
both sides; `verify` must tell each from the others. PROOF=1: the audit before is a capture, too, and all is longer. SEED=N: other traffic."""
import json
import os
import random
import re
import subprocess
import time

import world
from lib import EPOCH, PROOF, SECRET, check, finish, folder, good, run, skip
from world import Call, Plan, audit, drive, free_port, policy

SECONDS = 40 if PROOF else 7
SEED = 1000 * int(os.environ.get("SEED", "0"))
BUDGET, LANGS, RATE, STALL = "50%", ("de", "en", "fr"), 45, 0.25
world.need("verify behind real products", "nginx", "varnishd", "haproxy", "tcpdump")

here = folder()
plans = {"q2": Plan(period=4, credential=False, by="query", keys=4), "limited": Plan(credential=False), "free": Plan(credential=False)}
origin, other_origin, third_origin = free_port(), free_port(), free_port()
server = "127.0.0.1:%d" % origin


# ---- before ----

def recorded(seconds=300, rate=45):
    """Exchange records of the API alone: the cached endpoint by query, and one that nobody keeps."""
    rng, now, out = random.Random(SEED + 4), EPOCH, []
    plan = plans["q2"]
    while now < EPOCH + seconds:
        now += rng.expovariate(rate)
        item, who, lang = rng.randrange(plan.keys), rng.randrange(6), rng.choice(LANGS)
        r = world.record("q2", plan, item, who, now, server, route="/%s/%d?lang=" + lang)
        r["body_id"] = world.digest(plan.version(item, now), item, lang)
        out.append(r)
        if rng.random() < 0.25:
            out.append(dict(world.record("free", plans["free"], 1, who, now + 0.001, server), method="POST"))
    return out


# ---- what is sent ----

def schedule(port, seed, rate=RATE, seconds=None, cookies=0.1):
    """Three clients, each on a connection and from an address of its own; some requests with a cookie, which no rule is for."""
    rng, now, by = random.Random(SEED + seed), 0.0, [[], [], []]
    while now < (seconds or SECONDS):
        now += rng.expovariate(rate)
        cookie = "Cookie: a=token-%d\r\n" % rng.randrange(5) if rng.random() < cookies else ""
        by[rng.randrange(3)].append(Call(now, "/q2/%d?lang=%s" % (rng.randrange(4), rng.choice(LANGS)), cookie))
        if rng.random() < 0.25:
            by[rng.randrange(3)].append(Call(now + 0.001, "/free/1", "Content-Length: 0\r\n", method="POST"))
    return [(port, sorted(calls, key=lambda c: c.due), "127.0.0.%d" % (2 + i)) for i, calls in enumerate(by)]


def flood(port, arrivals):
    by = {}
    for at, who in arrivals:
        if at >= 120 - SECONDS:
            by.setdefault(who, []).append(Call(at - 120 + SECONDS, "/limited/1", "X-Api-Key: key-%d-0123456789\r\n" % who))
    return [(port, calls) for calls in by.values()]


def captured(streams, name):
    """The traffic of all of them on the loopback."""
    path = here / name
    tap = subprocess.Popen(["tcpdump", "-i", "lo", "-U", "-B", "16384", "-Z", "root", "-w", str(path), "tcp"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
    world.running.append(tap)
    line = tap.stderr.readline()
    if b"listening" not in line:
        return None
    drive(streams)
    time.sleep(0.5)
    tap.terminate()
    tap.wait()
    world.running.remove(tap)
    return path


def audit_port(path, port, name):
    db = here / (name + ".db")
    good("capture", "-q", "-r", path, "--ports", port, "-d", db, "--fresh", "--secret", SECRET)
    return db


# ---- the deployments: as it is, and with one thing wrong ----

def changed(text, *pairs):
    for pattern, by in pairs:
        text, n = re.subn(pattern, by, text)
        check(n > 0, "the file has %s" % pattern)
    return text


KEY = r'(proxy_cache_key "[^"$]*)\$request_uri"'
VALID = r"proxy_cache_valid (.*) 2s;"
WRONG = {  # what is changed, what verify must say
    "as it is": ((), ("as_said",)),
    "TTL 60 s": (((VALID, r"proxy_cache_valid \1 60s;"), (r"inactive=4s", "inactive=60s")), ("longer_lifetime",)),
    "TTL 1 s": (((VALID, r"proxy_cache_valid \1 1s;"),), ("shorter_lifetime",)),
    "cache off": (((r"proxy_cache spanwise_2s;", "proxy_cache off;"),), ("nothing_spared",)),
    "key without the query": (((KEY, r'\1$uri"'),), ("coarser_key",)),
    "key with a cache-buster": (((KEY, r'\1$request_uri$request_id"'),), ("no_hit",)),
    "credentials not minded": (((r"proxy_cache_bypass .*;", ""), (r"proxy_no_cache .*;", "")), ("credentials_ignored",)),
    "key with the client": (((KEY, r'\1$request_uri$remote_addr"'),), ("key_per_client",)),
}


def deploy_nginx(before):
    ports = {}
    for name, (pairs, _) in WRONG.items():
        ports[name] = free_port()
        state = here / ("state-%d" % ports[name])
        state.mkdir()
        file, err = policy(before, "nginx", "--stale-budget", BUDGET, "--only", "cache", "--listen", "127.0.0.1:%d" % ports[name], "--state", state)
        text = file.read_text()
        if not check("/q2/{int}: kept 2 s" in text, "the lifetime of the plan is advised", err, text[-1500:]):
            return {}
        if name == "as it is":
            text = text.replace(":%d;" % origin, ":%d;" % other_origin)
        if name == "TTL 60 s":
            text = text.replace(":%d;" % origin, ":%d;" % third_origin)
        kept = here / ("nginx-%d.conf" % ports[name])
        kept.write_text(changed(text, *pairs))
        check(world.start_nginx(kept, ports[name]), "nginx starts: " + name)
    return ports


def deploy_varnish(before):
    ports = {"varnish": free_port(), "varnish, TTL 20 s": free_port()}
    for name, port in ports.items():
        file, _ = policy(before, "varnish", "--stale-budget", BUDGET, "--only", "cache", "--listen", "127.0.0.1:%d" % port)
        kept = here / ("varnish-%d.vcl" % port)
        kept.write_text(changed(file.read_text(), (r"beresp\.ttl = 2s;\n        set beresp\.grace", "beresp.ttl = 20s;\n        set beresp.grace"))
                        if "," in name else file.read_text())
        check(world.start_varnish(kept, port), "Varnish starts: " + name)
    return ports


def deploy_haproxy(before):
    port = free_port()
    file, _ = policy(before, "haproxy", "--stale-budget", BUDGET, "--only", "cache", "--listen", "127.0.0.1:%d" % port)
    check(world.start_haproxy(file.rename(here / "haproxy.cfg"), port), "HAProxy starts")
    return port


def deploy_limits(before):
    ports = {}
    for name, more in (("limits", ()), ("limits in a dry run", ("--dry-run",))):
        ports[name] = free_port()
        file, _ = policy(before, "nginx", "--only", "rate", "--listen", "127.0.0.1:%d" % ports[name], *more)
        kept = file.rename(here / ("limits-%d.conf" % ports[name]))
        check(world.start_nginx(kept, ports[name]), "nginx starts: " + name)
    return ports


# ---- what verify says ----

def verdict(before, after, *options):
    code, out, err = run("verify", before, after, "--stale-budget", BUDGET, "--format", "json", *options)
    try:
        return code, json.loads(out), err
    except ValueError:
        return code, {"rules": []}, out + err


def said(what, before, after, wanted, *options):
    code, doc, err = verdict(before, after, *options)
    rules = doc["rules"]
    reasons = [r["reason"] for r in rules]
    kept = all(r["verdict"] == "kept" for r in rules)
    r = rules[0] if rules else {}
    figures = r.get("hit_ratio") or r.get("rejected_ratio") or {}
    line = "%s: %s; predicted %s, expected %s, observed %s; early %s late %s of %s" % (
        what, ", ".join(reasons), *("%.4f" % figures[k] if figures.get(k) is not None else "-" for k in ("predicted", "expected", "observed")),
        r.get("fetched_early"), r.get("given_late"), r.get("judged"))
    check(len(rules) == 1 and reasons[0] in wanted and code == (0 if kept else 1), line, code, err, json.dumps(rules)[:1500])
    code, out, _ = run("verify", before, after, "--stale-budget", BUDGET, *options)
    check(("NOT KEPT  " in out) == (not kept) and out.startswith("THE POLICY FOR"), what + ": the same as text", out)


def what_cannot_be_told(before, recorded_before):
    later = [dict(r, ts=round(r["ts"] + 86400, 6)) for r in recorded_before]
    cases = {
        "no_service": audit("elsewhere", [dict(r, authority="other.example") for r in later]),
        "no_endpoint": audit("gone", [r for r in later if r["target"].startswith("/free")]),
        "few": audit("small", later[:60]),
        "no_records": None,
    }
    path = here / "later.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in later))
    good("capture", "-q", "--records", path, "-d", here / "none.db", "--exchanges", "none", "--secret", SECRET)
    cases["no_records"] = here / "none.db"
    for reason, after in cases.items():
        code, doc, err = verdict(before, after, "--only", "cache")
        rules = doc["rules"]
        check([(r["verdict"], r["reason"]) for r in rules] == [("cannot_tell", reason)] and code == 1 and "it cannot be told of any" in err,
              "an audit after: %s: cannot be told, exit 1" % reason, code, err, rules)
    said("the same traffic without a cache", before, audit("nothing", later), ("nothing_spared",), "--only", "cache")
    for words in ((before,), (before, before, before), (before, before, "--for", "headers"), (before, before, "--format", "xml"),
                  (before, before, "--for", "papyrus")):
        code, out, err = run("verify", *words)
        check(code == 2 and not out and err, "verify %s: exit 2" % " ".join(str(w).rsplit("/", 1)[-1] for w in words), code, out, err)
    check(run("verify", before, here / "no.db")[0] == 3, "an audit that is not there: exit 3")


def main():
    records = recorded()
    before = audit("before", records)
    what_cannot_be_told(before, records)
    for port in (origin, other_origin, third_origin):
        world.fork_origin(port, plans)
        check(world.wait_port(port), "the origin is there")
    if PROOF:
        path = captured(schedule(origin, 1, rate=90, seconds=60, cookies=0), "before.pcap")
        if path:
            before = audit_port(path, origin, "before-captured")
    limiting = audit("limiting", [dict(world.record("limited", plans["limited"], 1, who, EPOCH + at, server), client_id="apikey:%012x" % (who + 1))
                                  for at, who in world.bursts_and_flood(SEED + 3)])
    ports, varnishes, limits, haproxy = deploy_nginx(before), deploy_varnish(before), deploy_limits(limiting), deploy_haproxy(before)
    if not ports:
        return
    for attempt in range(2):
        streams = [s for n, port in enumerate([*ports.values(), *varnishes.values(), haproxy]) for s in schedule(port, 20 + n + 100 * attempt)]
        streams += [s for port in limits.values() for s in flood(port, world.bursts_and_flood(SEED + 3))]
        path = captured(streams, "after.pcap")
        if not path:
            skip("verify of captures", "no permission to capture on the loopback")
            return
        late = sorted(max(c.late, c.got - c.sent) for s in streams for c in s[1])
        if late[int(0.99 * len(late))] < STALL:
            break
    else:
        skip("verify of captures", "not measurable, the machine was too busy: %.0f ms late" % (1000 * late[int(0.99 * len(late))]))
        return
    for name, port in ports.items():
        said("nginx, " + name, before, audit_port(path, port, "after-%d" % port), WRONG[name][1], "--only", "cache")
    said("nginx as it is, seen at the origin", before, audit_port(path, other_origin, "after-origin"), ("as_said", "spaced"), "--only", "cache")
    if PROOF:  # it takes a while to tell how much less is asked
        said("nginx, TTL 60 s, seen at the origin", before, audit_port(path, third_origin, "after-third"), ("more_spared",), "--only", "cache")
    for name, port in varnishes.items():
        said(name, before, audit_port(path, port, "after-%d" % port), ("longer_lifetime",) if "," in name else ("as_said",), "--for", "varnish")
    said("haproxy", before, audit_port(path, haproxy, "after-haproxy"), ("as_said",), "--for", "haproxy", "--only", "cache")
    for name, port in limits.items():
        said("nginx, " + name, limiting, audit_port(path, port, "after-%d" % port), ("lets_through",) if "dry" in name else ("as_said",), "--only", "rate")


try:
    main()
finally:
    world.stop_all()
finish()
