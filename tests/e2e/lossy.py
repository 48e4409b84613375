#!/usr/bin/env python3
# kinds: opt
"""0 to 10 % of the packets deleted at random, from captures of HTTP/1 and HTTP/2: what is said of the bytes that were seen is
right within a point, and no request has another's answer. Three seeds, each with a share of its own; 100 with PROOF=1."""
import json
import random
import struct

import drops
import h2
from lib import PCAP, PROOF, SECRET, check, finish, folder, good, packets, stored

SEEDS = 100 if PROOF else 3


def shares():
    """(seed, share): from none to 10 %, the last one whole."""
    return [(seed, 0.1 * seed / (SEEDS - 1)) for seed in range(SEEDS)]


def payload(record):
    """TCP octets of a record: Ethernet, IPv4 or IPv6 without extensions."""
    at = 16 + 14
    six = record[at] >> 4 == 6
    total, ip = (struct.unpack_from(">H", record, at + 4)[0] + 40, 40) if six else (struct.unpack_from(">H", record, at + 2)[0], (record[at] & 15) * 4)
    return total - ip - (record[at + ip + 12] >> 4) * 4


def coverage(head, records):
    path = folder() / "seen.pcap"
    path.write_bytes(head + b"".join(records))
    return json.loads(good("doctor", "-r", path, "--secret", SECRET, "--format", "json"))["sources"][0]["coverage"]


def one(name, head, records, exchanges, faults_of, covered):
    whole, wrong, worst, lines, pairs = exchanges(head, records), [], 0, [], 0
    for seed, share in shares():
        draw = random.Random(seed)
        kept = [r for r in records if draw.random() >= share]
        left = exchanges(head, kept)
        pairs += sum(1 for x in left if x["method"] and x["status"])
        wrong += ["seed %d: %s" % (seed, w) for w in faults_of(whole, left)]
        if covered:
            true, said = sum(map(payload, kept)) / sum(map(payload, records)), coverage(head, kept)
            worst = max(worst, abs(true - said))
            lines.append("seed %d, %.3f gone: %.4f seen, said %.4f" % (seed, share, true, said))
    check(not wrong, "%s, %d seeds, %d pairs: none is wrong" % (name, SEEDS, pairs), *wrong)
    if covered:
        check(worst <= .01, "%s, %d seeds: coverage is right within %.4f" % (name, SEEDS, worst), *lines)


def h2_faults(whole, left):
    truth = {(x["client"], x["stream"]): x for x in whole}
    return h2.judge(left, truth, {"paths": 0, "pairs": 0})


for name in ("demo", "keepalive", "chunked", "upload"):
    one(name, *packets(stored(name)), drops.exchanges, drops.strangers, name == "demo")
one("HTTP/2", *h2.packets(PCAP / "h2.pcap"), h2.exchanges, h2_faults, True)
finish()
