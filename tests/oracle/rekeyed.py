#!/usr/bin/env python3
"""Hold what `spanwise report` says a learned key would do against Model Z under that key, written down plainly.

    rekeyed.py [SEEDS [FIRST]]     default: 1 trace from seed 1; 20 with PROOF=1. SPANWISE names the binary

Makes records of an API whose keys carry what does not matter: tracking parameters, a parameter that is new each time, both, a field
that Vary names in vain, and the same where clients must not share. Audits them and compares key_advice.effect (ALGORITHMS.md 5.4): hits,
stale, unknown and wrong hits under each key at 20 lifetimes (5 without PROOF), keys, and the prices of the blockers CACHE_BUSTER and KEY_PARTS, exactly;
once more with only the last blocks of records kept, where the replay begins with the records there are."""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

TTLS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 259200, 604800]
EPOCH, DAY = 1_700_000_000, 86400
LOOKED_AT = range(len(TTLS)) if os.environ.get("PROOF") else (0, 2, 3, 6, 12)
KINDS = ("news", "bust", "both", "agent", "mine") if os.environ.get("PROOF") else ("both", "agent", "mine")
EACH = 11000
USELESS = {"news": {"utm", "ref"}, "bust": set(), "both": {"utm"}, "agent": set(), "mine": {"utm"}}
BUSTERS = {"bust": {"_"}, "both": {"_"}}
FILLS = {200, 203, 204, 300, 301, 308}


def body(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def trace(seed):
    rng, now = random.Random(seed), float(EPOCH)
    period = rng.choice([400, 900, 3000])
    for n in range(EACH * len(KINDS)):
        now += rng.expovariate(12 * len(KINDS)) if rng.random() < .9 else 0
        kind, item, who, lang = KINDS[n % len(KINDS)], int(3 * rng.random() ** 2), rng.randrange(12), rng.choice(["de", "en"])
        query = ["lang=" + lang]
        if "utm" in USELESS[kind]:
            query.append("utm=" + rng.choice("abc"))
        if "ref" in USELESS[kind]:
            query.append("ref=" + rng.choice("pq"))
        if kind in BUSTERS:
            query.append("_=%d" % rng.randrange(10**12))
        if rng.random() < .02:
            rng.shuffle(query)
        status = rng.choice([200] * 60 + [405, 500])  # none that says the request was wrong: what decides about those stays in the key
        r = {"ts": round(now, 6), "client": "10.%d.%d.7:4000" % (who % 5, who), "server": "10.9.9.9:80", "method": "HEAD" if rng.random() < .01 else "GET",
             "authority": "api.test", "target": "/%s/%d?%s" % (kind, item, "&".join(query)), "status": status, "request_s": 0,
             "ttfb_s": 0.05, "duration_s": 0.06, "response_bytes": rng.randrange(100, 2000),
             "headers": {"request": {}, "response": {}}}
        if kind == "mine":
            r["client_id"] = "jwt:%012x" % (who + 1)
        if kind == "agent":
            r["headers"]["request"]["user-agent"] = rng.choice(["curl/8.1", "app/2", "app/3"])
            r["headers"]["response"]["vary"] = "User-Agent"
        if r["method"] == "GET" and status == 200 and rng.random() < .99:
            r["body_id"] = body(kind, item, lang, who if kind == "mine" else 0, (now + 131 * item) // period)
        yield kind, r


def key_of(kind, r, side):
    path, query = r["target"].split("?")
    gone = set() if side == "today" else USELESS[kind] | (BUSTERS.get(kind, set()) if side == "without_busters" else set())
    kept = "&".join(p for p in query.split("&") if p.split("=")[0] not in gone)
    agent = r["headers"]["request"].get("user-agent") if side == "today" else None
    return (path, kept), agent


def model(records, kind, side):
    """Per lifetime [hits, stale, unknown, wrong, bytes], and the keys."""
    slots, out, keys = [{} for _ in TTLS], [[0] * 5 for _ in TTLS], set()
    for k, r in records:
        if k != kind:
            continue
        key, variant = key_of(kind, r, side)
        ms, content, error = round(r["ts"] * 1e6) // 1000, r.get("body_id"), r["status"] >= 400
        keys.add(key)
        for i in LOOKED_AT:
            ttl = TTLS[i]
            slot, n = slots[i].get((key, variant)), out[i]
            if slot and ms - slot[0] < ttl * 1000:
                known = slot[1] is not None and content is not None and not error
                stale = known and slot[1] != content
                n[0] += 1
                n[1] += stale
                n[2] += not known
                n[3] += stale and ms - slot[0] < 1000
                n[4] += r["response_bytes"]
            elif r["status"] in FILLS:
                slots[i][key, variant] = ms, content
    return out, keys


def run(binary, *words):
    return subprocess.run([binary, *map(str, words)], check=True, timeout=300, stdout=subprocess.PIPE, universal_newlines=True).stdout


def audit(binary, folder, records, *options):
    path, database = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
    path.write_text("".join(json.dumps(r) + "\n" for _, r in records))
    run(binary, "capture", "-q", "--records", path, "-d", database, "--fresh", *options)
    kept = sum(1 for _ in run(binary, "log", database).splitlines())
    return {e["route"].split("/")[1]: e for e in json.loads(run(binary, "report", database, "--format", "json"))["endpoints"]}, kept


def near(a, b):
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def prices(e, kind, truth, days):
    """Differences between the blockers' prices and hits counted."""
    wrong, effect = [], e["key_advice"]["effect"]
    by = {b["code"]: b for b in e["blockers"]}
    for code, side, before in (("KEY_PARTS", "learned", "today"), ("CACHE_BUSTER", "without_busters", "learned" if USELESS[kind] else "today")):
        if code not in by:
            if (code == "CACHE_BUSTER") == (kind in BUSTERS) and (kind in BUSTERS or USELESS[kind] or kind == "agent"):
                wrong.append("%s: no %s" % (kind, code))
            continue
        price, step = by[code]["saves_per_day"], effect[side]
        if kind == "mine":
            if price is not None or "must not share" not in by[code]["unknown"]:
                wrong.append("%s: %s has a price" % (kind, code))
            continue
        if kind == "both" and code == "KEY_PARTS":  # each key is new all the same
            if price is not None or "no lifetime" not in by[code]["unknown"]:
                wrong.append("both: what does not matter has a price although each key is new")
            continue
        if price is None:
            wrong.append("%s: %s has no price: %s" % (kind, code, by[code]["unknown"]))
            continue
        i = TTLS.index(step["ttl_s"])
        if i not in LOOKED_AT:
            continue
        more = [truth[side][0][i][n] - truth[before][0][i][n] for n in (0, 4)]
        if not near(price["requests"] * days, more[0]) or not near(price["bytes"] * days, more[1]) or not near(price["server_seconds"] * days, .05 * more[0]):
            wrong.append("%s: %s costs %s, counted %s in %s days" % (kind, code, price, more, days))
    return wrong


def compare(by, records, kept, whole):
    wrong, figures = [], 0
    used = records if whole else records[-kept:]
    days = (used[-1][1]["ts"] - used[0][1]["ts"]) / DAY
    for kind in KINDS:
        e, effect = by[kind], by[kind]["key_advice"]["effect"]
        if not effect or effect["unknown"]:
            wrong.append("%s: nothing is said: %s %s" % (kind, effect, [(c["name"], c["verdict"], c["comparisons"], c["comparisons_needed"]) for w in ("drop", "undecided") for c in e["key_advice"][w]]))
            continue
        sides = ["today"] + (["learned"] if USELESS[kind] or kind == "agent" else []) + (["without_busters"] if kind in BUSTERS else [])
        if any(s != "today" and not effect[s] for s in sides):
            wrong.append("%s: only %s" % (kind, [c["name"] for c in e["key_advice"]["drop"]]))
            continue
        truth = {s: model(used, kind, s) for s in sides}
        truth.setdefault("learned", truth["today"])
        if effect["whole"] != whole or effect["lookups"] != sum(k == kind for k, _ in used):
            wrong.append("%s: %s look-ups, whole %s" % (kind, effect["lookups"], effect["whole"]))
        for s in sides:
            keys = effect["keys"] if s == "today" else effect[s]["keys"]
            if keys != len(truth[s][1]):
                wrong.append("%s: %s: %d keys instead of %d" % (kind, s, keys, len(truth[s][1])))
            for i in LOOKED_AT:
                rung = effect["ttl"][i]
                got = [rung[s][n] for n in ("hits", "stale_hits", "unknown_hits", "wrong_hits")]
                figures += 4
                if got != truth[s][0][i][:4]:
                    wrong.append("%s: %s: %d s: %s instead of %s" % (kind, s, TTLS[i], got, truth[s][0][i][:4]))
        if whole and [r["hits"] for r in e["ttl"]] != [r["today"]["hits"] for r in effect["ttl"]]:
            wrong.append("%s: today's key does otherwise than in ttl[]" % kind)
        wrong += prices(e, kind, truth, days)
    return wrong, figures


def check(binary, seed):
    records, good = list(trace(seed)), True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder  # the key of the pseudonyms is made there
        for what, options in (("all records", ()), ("the last of them", ("--exchanges", str(len(records) * 2 // 3)))):
            by, kept = audit(binary, folder, records, *options)
            wrong, figures = compare(by, records, kept, not options)
            print("%s - learned keys, seed %d, %s: %d figures" % ("not ok" if wrong else "ok", seed, what, figures))
            for line in wrong[:8]:
                print("#   " + line[:300])
            good &= not wrong
    return good


def main():
    given = sys.argv[1:3]
    if given and given[0].startswith("-"):
        sys.exit(__doc__)
    seeds, first = (int(n) for n in given + ["20" if os.environ.get("PROOF") else "1", "1"][len(given):])
    binary = os.environ.get("SPANWISE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    return 0 if all([check(binary, seed) for seed in range(first, first + seeds)]) else 1


if __name__ == "__main__":
    sys.exit(main())
