#!/usr/bin/env python3
# kinds: san
"""Packets that the capture missed: whichever they are, no request gets another's answer."""
import json
import random

from lib import PROOF, SECRET, check, finish, folder, good, packets, stored

SMALL = ("keepalive", "chunked", "heads", "upload", "vxlan")
SHARES = (0.02, 0.05, 0.15)
SEEDS = 40 if PROOF else 2
NEAR = 3e-6  # times are written to the microsecond


def exchanges(head, records):
    path = folder() / "x.pcap"
    path.write_bytes(head + b"".join(records))
    out = good("log", "-r", path, "--format", "jsonl", "--secret", SECRET)
    return [json.loads(line) for line in out.splitlines()]


def asked(x):
    return x["client"], x["method"], x["target"], round(x["ts"] * 1e6)


def answered(x):
    """When the answer began; None: there is none, or it came before the request was whole (ttfb_s is 0)."""
    if not x["status"] or not x["ttfb_s"]:
        return None
    return x["ts"] + x["request_s"] + x["ttfb_s"]


def strangers(whole, left):
    """Exchanges whose answer is not the one that the untouched capture has for this request."""
    known = {}
    for x in whole:
        if x["method"]:
            known.setdefault(asked(x), []).append(x)
    for x in left:
        if x["method"] and answered(x) is not None:
            same = known.get(asked(x), [])
            if not any(answered(o) is None or abs(answered(o) - answered(x)) < NEAR for o in same if o["status"]):
                yield "%s %s at %.6f got the %d of %.6f, not of %s" % (
                    x["method"], x["target"], x["ts"], x["status"], answered(x), [answered(o) for o in same])


def one_missing(name):
    head, records = packets(stored(name))
    whole, wrong = exchanges(head, records), []
    step = 1 if PROOF else len(records) // 6 + 1
    for i in range(0, len(records), step):
        wrong += ["without packet %d: %s" % (i + 1, w)
                  for w in strangers(whole, exchanges(head, records[:i] + records[i + 1:]))]
    check(not wrong, "%s: no pair is wrong with any one packet missing" % name, *wrong)


def some_missing(name, seeds):
    head, records = packets(stored(name))
    whole, wrong, pairs = exchanges(head, records), [], 0
    for share in SHARES:
        for seed in range(seeds):
            draw = random.Random(seed)
            left = exchanges(head, [r for r in records if draw.random() >= share])
            pairs += sum(1 for x in left if x["method"] and x["status"])
            wrong += ["seed %d, share %s: %s" % (seed, share, w) for w in strangers(whole, left)]
    check(not wrong, "%s: no pair is wrong with many packets missing" % name, *wrong)
    check(pairs > len(whole) * seeds / 2, "%s: most are still pairs" % name, pairs)


if __name__ == "__main__":
    for capture in SMALL:
        one_missing(capture)
        some_missing(capture, SEEDS)
    some_missing("demo", SEEDS if PROOF else 1)
    finish()
