#!/usr/bin/env python3
# kinds: san
"""Audits of several sensors added up (ALGORITHMS.md 12, X-3): split by server or by key they say what one audit of all says, wherever
they say anything; split by connection the ladder is that of a cache for each. What cannot be joined is refused."""
import json
import random
import sqlite3
import zlib

from lib import EPOCH, PROOF, SECRET, check, finish, folder, good, run

here = folder()
NOT_ADDED = {"id", "keys", "repeat_ratio", "repeat_ratio_client", "clients", "clients_error", "hit_ratio_warm", "verdict", "live_bytes_peak", "live_entries_peak",
             "live_bytes_mean", "live_entries_mean", "max", "median_low_s", "median_high_s", "writes", "late_records", "keys_first_seen", "repeats"}
ENDPOINT = ("requests", "eligible", "repeat_ratio_content", "request_bytes", "response_bytes", "errors", "error_ratio", "latency", "server_time",
            "declared", "conditional", "cache_in_path", "ttl", "staleness")


def trace(seed):
    rng, now, out = random.Random(seed), float(EPOCH), []
    for _ in range(4000):
        now += rng.expovariate(4)
        k, server, who, status = int(40 * rng.random() ** 2), rng.randrange(4), rng.randrange(30), rng.choice([200] * 20 + [304, 404, 500, 429])
        r = {"ts": round(now, 6), "client": "10.0.%d.%d:4000" % (who % 3, who), "server": "10.9.9.%d:80" % server, "authority": "s%d.test" % server,
             "method": rng.choice(["GET"] * 9 + ["HEAD", "POST"]), "target": "/e%d/%d" % (k % 3, k), "status": status, "request_s": 0, "request_bytes": rng.randrange(50),
             "ttfb_s": rng.randrange(1, 400000) / 1e6, "response_bytes": rng.randrange(3000), "client_id": "bearer:%012x" % (who + 1),
             "headers": {"request": {}, "response": {"cache-control": rng.choice(["max-age=60", "no-store"]), "etag": '"%d"' % (now // 200)}}}
        r["duration_s"] = r["ttfb_s"] + .001
        if status == 200 and r["method"] != "HEAD":
            r["body_id"] = "%016x" % (k * 7919 + server + 2**40 * int(now // 200) + 1)
        out.append(r)
    return out


def audit(name, records, *options):
    (here / (name + ".jsonl")).write_text("".join(json.dumps(r) + "\n" for r in records))
    good("capture", "-q", "--records", here / (name + ".jsonl"), "-d", here / (name + ".db"), "--fresh", "--secret", SECRET, *options)
    return here / (name + ".db")


def report(*dbs):
    return json.loads(good("report", *dbs, "--format", "json"))


def figures(value, at=()):
    """Every figure that adds up, by where it stands."""
    if isinstance(value, dict):
        for k, v in value.items():
            if k not in NOT_ADDED and k not in ("today", "advised"):
                yield from figures(v, at + (k,))
    elif isinstance(value, list):
        for i, v in enumerate(value):
            yield from figures(v, at + (i,))
    else:
        yield at, round(value, 9) if isinstance(value, float) else value


def facts(r):
    out = dict(figures(r["totals"], ("totals",)))
    for e in r["endpoints"]:
        for part in ENDPOINT:
            out.update(figures(e[part], (e["method"], e["service"] + e["route"], part)))
    for c in r["clients"]:
        out.update(((c["client"], k), c[k]) for k in ("identity", "requests", "bytes", "errors", "throttled"))
    out["clients"] = r["totals"]["clients"]
    for k in ("started", "ended"):
        out[k] = r["capture"][k]
    return {k: v for k, v in out.items() if "repeat_ratio" not in k}


def server(r):
    return int(r["authority"][1])


def key(r):
    return zlib.crc32((r["authority"] + r["target"]).encode())


def connection(r):
    return int(r["client"].split(".")[3].split(":")[0])


for seed in range(1, 11) if PROOF else (1,):
    records = trace(seed)
    whole = facts(report(audit("whole", records)))
    for what, of in (("server", server), ("key", key)):
        parts = [audit("%s%d" % (what, i), [r for r in records if of(r) % 3 == i]) for i in range(3)]
        joined = report(*parts)
        got = facts(joined)
        wrong = [(k, v, got.get(k)) for k, v in whole.items() if v != got.get(k)]
        check(len(got) == len(whole) > 2000 and not wrong, "seed %d, split by %s: %d figures are those of one audit" % (seed, what, len(whole)), *wrong[:8])
        check(joined["capture"]["joined"]["audits"] == 3 and joined["capture"]["joined"]["unknown"]["totals.keys"] and joined["recommendations"] is None,
              "seed %d, split by %s: it says that they are three, and what is not known of all" % (seed, what), joined["capture"])
        check(facts(report(*reversed(parts))) == got, "seed %d, split by %s: in any order" % (seed, what))
    parts = [audit("part%d" % i, [r for r in records if connection(r) % 2 == i]) for i in range(2)]
    got, alone = facts(report(*parts)), [facts(report(p)) for p in parts]
    counts = [k for k in whole if "ttl" in k and "hits" in k]
    wrong = [(k, got[k], [a.get(k) for a in alone]) for k in counts if got[k] != sum(a.get(k) or 0 for a in alone)]
    same = [k for k in whole if k[0] == "totals" and isinstance(whole[k], int) and whole[k] != got.get(k)]
    check(counts and not wrong and not same, "seed %d, split by connection: counters are those of one audit, hits those of two caches" % seed, wrong[:5], same)
    check(sum(got[k] for k in counts) < sum(whole[k] for k in counts), "seed %d: which are fewer than those of one" % seed)
    text = good("report", *parts)
    check("2 audits added up" in text and "WHAT COULD BE CACHED" in text and good("report", *parts, "--format", "markdown"), "seed %d: for people, too" % seed, text[:600])

# Nobody watches between the morning and the evening; a third sensor watches part of that, and its own pause is no matter while another watches.
hour = 3600


def stretch(name, begin, end):
    """An audit that watches from `begin` on until `end`, hours."""
    one = {"client": "10.0.0.1:4000", "method": "GET", "authority": "a.test", "target": "/x", "status": 200, "duration_s": 0.1, "ttfb_s": 0.1}
    return audit(name, [dict(one, ts=EPOCH + at * hour) for at in (begin, end)])


morning, evening, beside, broken = stretch("morning", 0, 1), stretch("evening", 10, 11), stretch("beside", 4, 6), stretch("broken", 0, 12)
with sqlite3.connect(broken) as db: # as if it had gone on after a pause
    db.execute("INSERT INTO counter (what, name, value) VALUES ('pause', ?, ?)", (str((EPOCH + 2 * hour) * 1000000), 7 * hour * 1000000))
for dbs, count, hours in (((morning, evening), 1, 9), ((evening, beside, morning), 2, 7), ((morning, beside, broken), 2, 5), ((broken, evening), 1, 7), ((broken, morning), 1, 7)):
    pauses = report(*dbs)["capture"].get("pauses") or {"count": 0, "seconds": 0}
    check(pauses["count"] == count and abs(pauses["seconds"] - hours * hour) < 1, "%s: %d pauses, %d hours" % (" ".join(d.stem for d in dbs), count, hours), pauses)
check("paused 1 time, 8h59m in all" in good("report", morning, evening), "so does the text", good("report", morning, evening)[:500])
alone, both = report(morning)["totals"], report(morning, evening)
rate = [line.split("(")[1].split("/")[0] for dbs in ([morning], [morning, evening]) for line in good("report", *dbs).splitlines() if " exchanges (" in line]
check(len(rate) == 2 and rate[0] == rate[1], "the rate of both is that of each", rate)

few = audit("sampled", [dict(r, target="/many/%d" % n) for n, r in enumerate(trace(3) * 8)], "--memory", "16M")
code, _, err = run("report", parts[0], few)
check(code == 1 and "sampled" in err, "audits of sampled keys are refused, with the way out", code, err)
(here / "other-secret").write_bytes(b"another one, of more than 16 bytes")
good("capture", "-q", "--records", here / "part1.jsonl", "-d", here / "stranger.db", "--fresh", "--secret", here / "other-secret")
code, out, err = run("report", parts[0], here / "stranger.db")
check(code == 1 and not out and "--secret" in err and err.count("\n") == 1, "audits of different secrets are refused", code, err)
check(run("report", *parts, "--from", "-1h")[0] == 2, "a time of several is refused")
code, _, err = run("report", parts[0], parts[0])
check(code == 2 and "given twice" in err, "one audit is not added to itself", code, err)
code, _, err = run("report", parts[0], here / "none.db")
check(code in (1, 3) and "none.db" in err, "what is not there is named", code, err)
finish()
