#!/usr/bin/env python3
# kinds: san
"""HTTP/2 joined late and with packets missing: tests/pcap/h2.pcap, which nginx, nghttpd, nghttp, h2load and curl made, begun
at every n-th packet, and with 1 to 5 % of its packets deleted. Each exchange that is given out with method and target is
the one that was on that stream, each answer beside a request is that request's, and each whole body is the body. What
share is found again is printed. PROOF=1: every packet, 100 seeds."""
import json
import random
import struct

from lib import PCAP, PROOF, SECRET, check, finish, folder, run

UNKNOWN = "unknown_fields"


def packets(path):
    raw = path.read_bytes()
    at, out = 24, []
    while at < len(raw):
        n = struct.unpack_from("<I", raw, at + 8)[0]
        out.append(raw[at:at + 16 + n])
        at += 16 + n
    return raw[:24], out


def exchanges(head, chosen):
    path = folder() / "cut.pcap"
    path.write_bytes(head + b"".join(chosen))
    rc, out, err = run("log", "-q", "-r", path, "--secret", SECRET, "--format", "jsonl", "--clear-targets")
    if rc:
        check(False, "a cut capture is read", err)
    return [json.loads(line) for line in out.splitlines()]


def wrong(x, truth):
    """What this exchange says that was not so."""
    t = truth.get((x["client"], x["stream"]))
    if t is None:
        return "no such stream"
    flags = x.get("flags", [])
    if x["method"] is not None and (x["method"], x["target"]) != (t["method"], t["target"]):
        return "another request"
    if x["method"] is not None and UNKNOWN not in flags and x["service"] != t["service"]:
        return "another service"
    if x["method"] is not None and UNKNOWN not in flags and x["client_id"] != t["client_id"]:
        return "another client"
    if x["status"] and x["status"] != t["status"]:
        return "another answer"
    if x["body_id"] and x["body_id"] != t["body_id"]:
        return "another body"
    if x["end"] == "complete" and x["status"] and x["response_bytes"] != t["response_bytes"]:
        return "complete, and is not"
    return None


def judge(found, truth, tally):
    faults = []
    for x in found:
        why = wrong(x, truth)
        if why:
            faults.append("%s: %s stream %s %s %s" % (why, x["client"], x["stream"], x["method"], x["target"]))
        tally["paths"] += x["method"] is not None
        tally["pairs"] += x["method"] is not None and x["status"] != 0
    keys = [(x["client"], x["stream"]) for x in found]
    if len(keys) != len(set(keys)):
        faults.append("a stream twice: %s" % [k for k in keys if keys.count(k) > 1][:3])
    return faults


def main():
    head, all_of_them = packets(PCAP / "h2.pcap")
    whole = exchanges(head, all_of_them)
    truth = {(x["client"], x["stream"]): x for x in whole}
    check(len(truth) == len(whole) > 200, "every stream once")

    step = 1 if PROOF else 23
    faults, tally, possible = [], {"paths": 0, "pairs": 0}, 0
    for first in range(1, len(all_of_them), step):
        rest = all_of_them[first:]
        begun = struct.unpack_from("<II", rest[0])
        begun = begun[0] + begun[1] / 1e6
        faults += judge(exchanges(head, rest), truth, tally)
        possible += sum(x["ts"] >= begun for x in whole)
    check(not faults, "begun at every %d. packet: no wrong path, pair or body" % step, *faults)
    print("# begun late: %.3f of the requests sent since are found with their path" % (tally["paths"] / possible))
    check(tally["paths"] > 0.9 * possible, "and nine in ten are found with their path")

    faults, tally, seeds = [], {"paths": 0, "pairs": 0}, 100 if PROOF else 10
    for seed in range(seeds):
        dice = random.Random(seed)
        share = 0.01 * (1 + seed % 5)
        kept = [p for p in all_of_them if dice.random() >= share]
        faults += judge(exchanges(head, kept), truth, tally)
    check(not faults, "1 to 5 %% of the packets deleted, %d seeds: no wrong path, pair or body" % seeds, *faults)
    print("# deleted: %.3f of the requests are found with their path, %.3f with their answer" %
          (tally["paths"] / seeds / len(whole), tally["pairs"] / seeds / len(whole)))
    check(tally["pairs"] > 0.5 * seeds * len(whole), "and half of them with their answer")
    finish()


if __name__ == "__main__":
    main()
