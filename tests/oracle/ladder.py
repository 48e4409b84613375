#!/usr/bin/env python3
"""Hold the ladder of `spanwise` against Model Z written down plainly.

    ladder.py [SEEDS [FIRST]]     default: 30 random traces from seed 1; 2000 with PROOF=1. SPANWISE names the binary

Makes random exchange records (CONTRACT: log --format jsonl) with equal time stamps, gaps of exactly a lifetime, mixed
statuses, Vary, entity tags, 304s, HEAD, cut and coded bodies; audits them with `capture --records` and compares every
integer of `report --format json` (ALGORITHMS.md 12: R-1, T-1, T-6, T-10, T-11). Prints the first differences; exits 1 if there are any.
"""
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

TTLS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 259200, 604800]
LIVE, PARTS = {1, 5, 10, 30, 60, 300, 600, 1800, 3600, 86400}, 62
FILLS = {200, 203, 204, 300, 301, 304, 308}
NEGATIVE = {404, 405, 410, 414, 501}
EPOCH = 1_700_000_000_000_000
RUNG = ("lookups", "hits", "stale_hits", "unknown_hits", "errors_masked", "coalesced", "bytes_saved", "fills",
        "fills_hit", "fills_stale", "swr_async", "stale_purgeable")
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
TODAY = ("lookups", "fills", "hits", "stale_hits", "unknown_hits", "bytes_saved")
IDLE = 24 * 86400 * 1000 // 1024            # a key left alone longer, in 1024 ms, is as new; so is a content after 2^31 ms


def make(seed):
    """The records of one trace, in arrival order, as (arrival in us, record)."""
    rng = random.Random(seed)
    keys, clients = rng.randint(1, 60), rng.randint(1, 12)
    vary_key = [rng.choice([None, None, "Accept-Encoding", "accept-language", "Accept-Language, accept-encoding", "*"])
                for _ in range(keys)]
    version = [1] * keys
    now, out = EPOCH + rng.randrange(10**9), []
    for _ in range(rng.randint(1, rng.choice([50, 500, 1500]))):
        now += rng.choice([0, 0, 1, 999, 1000, rng.randrange(5_000), rng.randrange(2_000_000), rng.randrange(40_000_000),
                           rng.choice(TTLS[:12]) * 1_000_000, rng.choice(TTLS) * 1_000_000 if rng.random() < .05 else 0,
                           rng.randrange(20, 30) * 86_400_000_000 if rng.random() < .002 else 0])
        k = int(keys * rng.random() ** 2)
        if rng.random() < .2:
            version[k] = rng.randint(1, 3)                       # ABA included
        out.append((now, record(rng, k, now, vary_key[k], version[k], clients)))
    return out


def record(rng, k, now, vary, version, clients):
    """One record of key k that arrived at `now`."""
    status = rng.choice([200] * 12 + [304] * 3 + [204, 206, 301, 302, 404, 404, 410, 416, 429, 500, 503, 0])
    method = rng.choice(["GET"] * 10 + ["HEAD", "POST", "PUT", "OPTIONS"])
    request, response = {}, {}
    tag = '"%d-%d"' % (k, version)
    if rng.random() < .7:
        response["etag"] = tag
    if rng.random() < .4:
        request["if-none-match"] = rng.choice([tag, '"%d-%d"' % (k, rng.randint(1, 3)), tag + ', "x"', "*"])
    if rng.random() < .8:
        request["accept-encoding"] = rng.choice(["gzip", "gzip, deflate", "br, gzip", "br;q=0, gzip", "identity"])
    if rng.random() < .5:
        request["accept-language"] = rng.choice(["de", "en"])
    if vary and (status == 200 or rng.random() < .2):
        response["vary"] = vary
    if rng.random() < .3:
        response["cache-control"] = rng.choice(["max-age=60", "no-store", "s-maxage=0, max-age=60", "max-age=0", "max-age=x", "private",
                                                "private, max-age=60", "public, s-maxage=5", "max-age=9000000000", "no-cache, max-age=60"])
    if rng.random() < .05:
        request["authorization"] = "~"
    if status == 503 and rng.random() < .5:
        response["retry-after"] = "5"
    request_us = rng.choice([0, 0, rng.randrange(3_000)])
    ttfb_us = rng.randrange(300_000)
    out = {"ts": seconds(now - request_us), "request_s": request_us / 1e6,
           "client": "10.0.0.%d:4000" % (1 + rng.randrange(clients)), "server": "10.9.9.9:80",
           "method": method, "authority": "api.test", "target": "/e%d/%d?p=1" % (k % 4, k), "status": status,
           "proto": "http/1.1", "response_bytes": rng.choice([0, rng.randrange(5_000), rng.randrange(2**31)]),
           "headers": {"request": request, "response": response}}
    if status and rng.random() < .8:
        out["ttfb_s"] = ttfb_us / 1e6
        out["duration_s"] = (request_us + ttfb_us + rng.randrange(400_000)) / 1e6
    if status and rng.random() < .05:
        out["end"] = rng.choice(["gap", "server_abort", "client_abort"])
    if status not in (0, 304) and method != "HEAD" and rng.random() < .95:
        out["body_id"] = "%016x" % (0x9e3779b97f4a7c15 * (k * 10 + version) % 2**64)
    if rng.random() < .1:
        out["encoding"] = rng.choice(["gzip", "br", "zstd"])
    if rng.random() < .03:
        out["flags"] = [rng.choice(["ambiguous", "truncated"])]
    return out


def seconds(us):
    return round(us / 1e6, 6)


def offered(accept):
    """What an Accept-Encoding offers, the best of it."""
    parts = [p.strip().split(";") for p in (accept or "").split(",")]
    names = {p[0].strip() for p in parts if not any(q.replace(" ", "").rstrip("0.") == "q=" for q in p[1:])}
    return next((c for c in ("br", "zstd", "gzip") if c in names), "identity")


def variant(names, request):
    if "*" in names:
        return "*"
    return tuple((n, offered(request.get(n)) if n == "accept-encoding" else request.get(n)) for n in names)


def lifetime(cache_control):
    """Seconds a shared cache may keep it by its own word."""
    found = {}
    for part in (cache_control or "").split(","):
        name, _, value = part.strip().partition("=")
        found[name] = int(value) if value.isdigit() else 0
    return found.get("s-maxage", found.get("max-age", 0))


def declares(r):
    """(seconds a shared cache may keep it by its own word or None, whether a 304 of that kind renews what is kept)."""
    said = r["headers"]["response"].get("cache-control") or ""
    names = {p.strip().partition("=")[0] for p in said.split(",")}
    if "no-store" in names or r["headers"]["response"].get("vary") == "*":
        return None, False
    if r["status"] == 304:
        return None, "private" not in names
    told = {"max-age", "s-maxage"} & names
    if "private" in names or r["status"] in (206, 416) or not told:
        return None, False
    if "authorization" in r["headers"]["request"] and not {"public", "s-maxage"} & names:
        return None, False
    return (0 if "no-cache" in names else min(lifetime(said), 2**32 - 2)), False


def visit_today(counts, slot, ms, content, r):
    """One look-up by what is declared: slot is (filled at, content, seconds); returns it as it is then."""
    seconds_, renews = declares(r)
    counts["lookups"] += 1
    if slot and ms - slot[0] < slot[2] * 1000:
        seen = None if r["status"] >= 400 else content
        known = seen is not None and slot[1] is not None and seen[0] == slot[1][0]
        counts["hits"] += 1
        counts["unknown_hits"] += not known
        counts["stale_hits"] += known and seen != slot[1]
        counts["bytes_saved"] += r["response_bytes"]
        return slot
    if seconds_ is None and not (slot and renews):
        return slot
    counts["fills"] += 1
    return ms, content, slot[2] if seconds_ is None else seconds_


def coding(record_):
    name = record_.get("encoding")
    return {None: 0, "gzip": 1, "br": 2}.get(name, 3)


class Key:
    """What is remembered of a key: its last Vary, the contents of its tags, slots, the previous answer."""
    def __init__(self):
        self.vary, self.tags, self.slots = (), {}, {}
        self.written = None
        self.previous, self.seen = None, False
        self.known, self.last, self.today = {}, {}, {}
        self.looked, self.clients = None, set()


class Oracle:
    """Model Z, one loop per lifetime."""
    def __init__(self):
        self.keys = collections.defaultdict(Key)
        self.endpoints = collections.defaultdict(collections.Counter)
        self.rungs = collections.defaultdict(lambda: [collections.Counter() for _ in TTLS])
        self.today = collections.defaultdict(collections.Counter)
        self.fills = collections.defaultdict(lambda: [[] for _ in TTLS])   # (ms, bytes) of each
        self.clients = collections.defaultdict(list)
        self.client_counts = collections.defaultdict(collections.Counter)
        self.totals = collections.Counter()
        self.start = self.end = None                        # ms, the first and last request

    def take(self, us, r):
        status, method = r["status"], r["method"]
        self.start = us // 1000 if self.start is None else self.start
        self.end = us // 1000
        end = r.get("end", "complete" if status else "capture_end")
        name = ("GET" if method == "HEAD" else method) + " /e%s/{int}" % r["target"][2]
        e = self.endpoints[name]
        error = status >= 500 or status == 429 or not status or end == "server_abort"
        eligible = method in ("GET", "HEAD") and status and end == "complete"
        for counts in (e, self.client_counts[r["client"].rsplit(":", 1)[0]]):
            counts["requests"] += 1
            counts["errors"] += error
        e["response_bytes"] += r["response_bytes"]
        self.clients[r["client"].rsplit(":", 1)[0]].append(us)
        self.totals["exchanges"] += 1
        self.totals["unanswered"] += not status
        self.totals["eligible"] += bool(eligible)
        self.totals["response_bytes"] += r["response_bytes"]
        key = self.keys[("GET" if method == "HEAD" else method, r["target"])]
        if method not in SAFE and 200 <= status < 400:
            self.keys[("GET", r["target"])].written = us // 1000
        response = r["headers"]["response"]
        if status and "vary" in response:
            key.vary = tuple(sorted({n.strip().lower() for n in response["vary"].split(",")}))
        if eligible:
            self.look_up(us // 1000, r, key, e, self.rungs[name], self.fills[name], self.today[name])

    def content(self, r, key):
        """(coding, identity), or None."""
        flags = r.get("flags", [])
        if r["method"] == "HEAD" or r["status"] in (206, 416) or flags:
            return None
        if r["status"] == 304:
            tag, condition = r["headers"]["response"].get("etag"), r["headers"]["request"].get("if-none-match", "")
            if not tag and condition and condition != "*" and "," not in condition:
                tag = condition
            return key.tags.get(tag)
        return (coding(r), r["body_id"]) if "body_id" in r else None

    def look_up(self, ms, r, key, e, rungs, fills_at, today):
        status, content = r["status"], self.content(r, key)
        tag = r["headers"]["response"].get("etag")
        star = "*" in key.vary
        fills = not star and (status in FILLS or status in NEGATIVE
                              and lifetime(r["headers"]["response"].get("cache-control")) > 0)
        wait = 0
        if "duration_s" in r:
            us = round(r["duration_s"] * 1e6) - round(r["request_s"] * 1e6)
            wait = min((us + 3999) // 4000, 65535) * 4
        e["eligible"] += 1
        e["keys"] += not key.seen
        e["pairs"] += r["client"].rsplit(":", 1)[0] not in key.clients
        key.clients.add(r["client"].rsplit(":", 1)[0])
        for ttl in TTLS:
            e["within %d" % ttl] += key.looked is not None and ms - key.looked <= ttl * 1000
        key.looked = ms
        e["same"] += key.seen and content is not None and content == key.previous
        key.seen, key.previous = True, content
        which = variant(key.vary, r["headers"]["request"])
        if (ms >> 10) - key.last.get(which, ms >> 10) > IDLE:
            key.slots.pop(which)
            key.known.pop(which, None)
            key.today.pop(which, None)
        key.last[which] = ms >> 10
        key.today[which] = visit_today(today, key.today.get(which), ms, content, r)
        slots = key.slots.setdefault(which, [None] * len(TTLS))
        for i, ttl in enumerate(TTLS):
            hits, filled, warm = rungs[i]["hits"], rungs[i]["fills"], ms - self.start >= ttl * 1000
            slots[i] = visit(rungs[i], slots[i], ttl * 1000, ms, content, status, fills, wait, r["response_bytes"],
                             key.written, round(r.get("ttfb_s", 0) * 1e6))
            if rungs[i]["fills"] > filled:
                fills_at[i].append((ms, r["response_bytes"]))
            rungs[i]["warm"] += warm
            rungs[i]["warm_hits"] += warm and rungs[i]["hits"] - hits
        if status < 400 and content is not None:
            when, before = key.known.get(which, (0, None))
            if before is not None and before[0] == content[0] and ms - when < 2**31:
                e["observed_gaps"] += 1
                e["changes"] += before != content
            key.known[which] = ms, content
        if tag and content is not None and 200 <= status < 300 and status != 206:
            key.tags[tag] = content


def visit(counts, slot, ttl_ms, ms, content, status, fills, wait, size, written, server_us=0):
    """One look-up of one slot (filled at, content, is an error, fetch in ms, was hit, was stale); returns it as it is then."""
    counts["lookups"] += 1
    if slot and ms - slot[0] < ttl_ms:
        seen = None if status >= 400 else content
        known = seen is not None and slot[1] is not None and seen[0] == slot[1][0]
        counts["hits"] += 1
        counts["unknown_hits"] += not known
        stale = known and seen != slot[1]
        counts["stale_hits"] += stale
        counts["stale_purgeable"] += stale and written is not None and slot[0] < written <= ms
        counts["errors_masked"] += status >= 400 and not slot[2]
        counts["coalesced"] += ms - slot[0] < slot[3]
        counts["bytes_saved"] += size
        counts["server_us_saved"] += server_us
        counts["fills_hit"] += not slot[4]
        counts["fills_stale"] += stale and not slot[5]
        return slot[:4] + (True, slot[5] or stale)
    counts["swr_async"] += bool(slot) and ms - slot[0] < 2 * ttl_ms
    counts["fills"] += fills
    return (ms, content, status >= 400, wait, False, False) if fills else slot


def sliding(times, width):
    best = low = 0
    for high, when in enumerate(times):
        while when - times[low] >= width:
            low += 1
        best = max(best, high - low + 1)
    return best


def aligned(times, width):
    bins = collections.Counter(t // 1_000_000 for t in times)
    return max(sum(bins[s - i] for i in range(width)) for s in bins)


class Tally:
    def __init__(self):
        self.seen, self.wrong = 0, []
        self.exact, self.means = [0, 0], [0, 0]   # means of entries, of bytes: to 1e-9, and in all

    def same(self, what, want, got):
        self.seen += 1
        if want != got:
            self.wrong.append("%s: want %s, got %s" % (what, want, got))


def ratios(counts, ttl, duration_s):
    """What the report derives of a rung."""
    def share(a, b):
        return round(a / b, 9) if b else None
    return {"hit_ratio": share(counts["hits"], counts["lookups"]), "hit_ratio_high": share(counts["hits"], counts["lookups"]),
            "hit_ratio_low": share(counts["hits"] - counts["coalesced"], counts["lookups"]),
            "hit_ratio_warm": share(counts["warm_hits"], counts["warm"]),
            "stale_ratio": share(counts["stale_hits"], counts["hits"] - counts["unknown_hits"]),
            "verdict": "ok" if duration_s >= 3 * ttl and counts["warm"] >= 100 else "short_window"}


def held(fills, ttl_ms):
    """Most bytes and entries at once when fills of one part go together with the last of them, after every fill; and the plain
    windows of T and of T and a part, which that lies between."""
    parts, most, plain = [], [0, 0], [[0, 0], [0, 0]]       # (first, last, bytes, fills) of each
    for high, (ms, size) in enumerate(fills):
        parts = [p for p in parts if ms - p[1] < ttl_ms]
        if parts and ms - parts[-1][0] < -(-ttl_ms // PARTS):
            parts[-1] = (parts[-1][0], ms, parts[-1][2] + size, parts[-1][3] + 1)
        else:
            parts.append((ms, ms, size, 1))
        most = [max(a, b) for a, b in zip(most, (sum(p[2] for p in parts), sum(p[3] for p in parts)))]
        for which, width in enumerate((ttl_ms, ttl_ms + -(-ttl_ms // PARTS))):
            there = [s for when, s in fills[:high + 1] if ms - when < width]
            plain[which] = [max(a, b) for a, b in zip(plain[which], (sum(there), len(there)))]
    assert all(low <= m <= high for low, m, high in zip(plain[0], most, plain[1]))
    return most


def parts_of(fills, part):
    """Fills of one part, which begins with the first."""
    parts = []
    for ms, size in fills:
        if parts and ms - parts[-1][0][0] < part:
            parts[-1].append((ms, size))
        else:
            parts.append([(ms, size)])
    return parts


def compare_live(where, fills, ttl, got, start, end, tally):
    if ttl not in LIVE:
        tally.same(where + "live_bytes_peak", None, got.get("live_bytes_peak", 0))
        return
    ttl_ms, part, watched = ttl * 1000, -(-ttl * 1000 // PARTS), (end - start) / 1000
    most = held(fills, ttl_ms)
    tally.same(where + "live_bytes_peak", most[0], got.get("live_bytes_peak"))
    tally.same(where + "live_entries_peak", most[1], got.get("live_entries_peak"))
    for figure, weight in (("live_bytes_mean", 1), ("live_entries_mean", 0)):
        if not watched and fills:
            tally.same(where + figure, None, got.get(figure, 0))
            continue
        want = sum((size if weight else 1) * min(ttl_ms, end - ms) for ms, size in fills) / 1000
        unsure = sum((sum(s for _, s in p) if weight else len(p)) * part / 1000 for p in parts_of(fills, part) if len(p) > 2
                     and end - p[-1][0] < ttl_ms and (end - p[0][0] > ttl_ms or not weight))
        tally.same(where + figure, True, abs(got[figure] * watched - want) <= unsure + 1e-9 * want)
        tally.exact[weight] += not unsure
        tally.means[weight] += 1


def compare(oracle, report, tally, seed):
    for name, want in oracle.totals.items():
        tally.same("seed %d totals.%s" % (seed, name), want, report["totals"].get(name))
    rows = {"%s %s" % (e["method"], e["route"]): e for e in report["endpoints"]}
    tally.same("seed %d endpoints" % seed, sorted(oracle.endpoints), sorted(rows))
    for name, want in oracle.endpoints.items():
        got = rows.get(name, {})
        where = "seed %d %s " % (seed, name)
        for figure in ("requests", "eligible", "keys", "errors", "response_bytes"):
            tally.same(where + figure, want[figure], got.get(figure))
        stale = got.get("staleness") or {}
        for figure in ("observed_gaps", "changes"):
            tally.same(where + figure, want[figure], stale.get(figure))
        if want["eligible"]:
            tally.same(where + "repeat_ratio_content", round(want["same"] / want["eligible"], 9),
                       round(got.get("repeat_ratio_content") or 0, 9))
            tally.same(where + "repeat_ratio_client", round(1 - want["pairs"] / want["eligible"], 9), round(got.get("repeat_ratio_client"), 9))
        for figure in TODAY if want["eligible"] else ():
            tally.same(where + "today." + figure, oracle.today[name][figure], (got.get("declared") or {}).get("today", {}).get(figure))
        ladder = {r["ttl_s"]: r for r in got.get("ttl", [])}
        for ttl, counts, fills in zip(TTLS, oracle.rungs[name] if want["eligible"] else [], oracle.fills[name]):
            compare_live("%sT=%d " % (where, ttl), fills, ttl, ladder.get(ttl, {}), oracle.start, oracle.end, tally)
            tally.same("%sT=%d repeat_ratio" % (where, ttl), round(want["within %d" % ttl] / want["eligible"], 9),
                       round(ladder.get(ttl, {}).get("repeat_ratio") or 0, 9))
            for figure in RUNG:
                tally.same("%sT=%d %s" % (where, ttl, figure), counts[figure], ladder.get(ttl, {}).get(figure))
            tally.same("%sT=%d server_us_saved" % (where, ttl), counts["server_us_saved"], round((ladder.get(ttl, {}).get("server_seconds_saved") or 0) * 1e6))
            for figure, value in ratios(counts, ttl, report["capture"]["duration_s"]).items():
                got_value = ladder.get(ttl, {}).get(figure)
                tally.same("%sT=%d %s" % (where, ttl, figure), value, round(got_value, 9) if isinstance(got_value, float) else got_value)
    by_address = {a: c for c in report["clients"] for a in c["addresses"]}
    for address, times in oracle.clients.items():
        got, where = by_address.get(address, {}), "seed %d %s " % (seed, address)
        tally.same(where + "requests", len(times), got.get("requests"))
        tally.same(where + "errors", oracle.client_counts[address]["errors"], got.get("errors"))
        for width in (1, 10, 60):
            tally.same("%speak %ds" % (where, width), aligned(times, width), got.get("peak", {}).get("%ds" % width))
        for width in (1, 10):
            tally.same("%ssliding %ds" % (where, width), sliding(times, width * 1_000_000),
                       got.get("sliding", {}).get("%ds" % width))


def audit(binary, trace):
    """The report's JSON of these records."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder  # the key of the pseudonyms is made there
        records, database = pathlib.Path(folder, "t.jsonl"), pathlib.Path(folder, "t.db")
        records.write_text("".join(json.dumps(r) + "\n" for _, r in trace))
        subprocess.run([binary, "capture", "-q", "--records", records, "-d", database], check=True, timeout=120)
        return json.loads(subprocess.run([binary, "report", database, "--format", "json"], check=True, timeout=120,
                                         stdout=subprocess.PIPE).stdout)


def check(binary, seed, tally):
    oracle, trace = Oracle(), make(seed)
    for us, r in trace:
        oracle.take(us, r)
    compare(oracle, audit(binary, trace), tally, seed)


def main():
    given = sys.argv[1:3]
    if given and given[0].startswith("-"):
        sys.exit(__doc__)
    seeds, first = (int(n) for n in given + ["2000" if os.environ.get("PROOF") else "30", "1"][len(given):])
    binary = os.environ.get("SPANWISE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/opt/spanwise")
    tally = Tally()
    for seed in range(first, first + seeds):
        check(binary, seed, tally)
    for line in tally.wrong[:20]:
        print("# " + line)
    print(("not ok" if tally.wrong else "ok") + " - ladder: %d of %d figures equal over %d traces; to 1e-9 %d of %d means of bytes, %d of %d of entries" %
          (tally.seen - len(tally.wrong), tally.seen, seeds, tally.exact[1], tally.means[1], tally.exact[0], tally.means[0]))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
