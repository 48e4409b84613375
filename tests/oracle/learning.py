#!/usr/bin/env python3
"""The sandwiches of ALGORITHMS.md 5.2 counted by brute force, from their definition, against analysis/learning.c at full
sampling, on random traces: every count must be the same. Two contexts may meet in one of its 2^22 places, by chance, which loses a
sandwich: one in 10,000 may be missing so, none may be too many.

  tests/oracle/learning.py [TRACES [SEED]]     default 40; 2000 with PROOF in the environment
"""
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WINDOW = 600_000
NAMES = ["lang", "ref", "page", "encoding", "v"]


def trace(rng):
    """Visits (ms, content, coding, path, {name: value}) of an endpoint whose contents depend on some of its parts."""
    names = NAMES[:rng.randint(1, len(NAMES))]
    values = {n: rng.randint(1, 3) for n in names}
    matters = {n for n in names if rng.random() < 0.4}
    absent = rng.choice([0, 0.2])
    now, period, step = rng.randrange(2**32), rng.choice([500, 20_000, 10**9]), rng.choice([1, 400, 30_000, 250_000])
    visits = []
    for _ in range(rng.choice([20, 200, 500])):
        now += rng.choice([0, rng.randrange(step + 1), WINDOW if rng.random() < 0.01 else 1])
        path = rng.randint(0, 1)
        parts = {n: rng.randrange(values[n]) for n in names if rng.random() >= absent}
        version = now // period if rng.random() < 0.95 else rng.randrange(3)
        what = (path, version % 5, tuple(parts.get(n) for n in names if n in matters))
        coding = parts.get("encoding", 0) if rng.random() < 0.8 else rng.randint(0, 3)
        visits.append((now, random.Random(repr(what)).randrange(1, 2**29), coding, path, parts))
    return names, visits


def sandwiches(visits, name):
    """(n, differing) of one dimension. Contexts are taken apart, then each is read from one base to the next."""
    contexts = {}
    first, varied = visits[0][4].get(name), False
    for now, content, coding, path, parts in visits:
        varied |= parts.get(name) != first
        if varied:  # what has one value is not compared
            rest = tuple(sorted((k, v) for k, v in parts.items() if k != name))
            contexts.setdefault((path, rest), []).append((now, (content, coding), parts.get(name)))
    return read(contexts, name)


def mix(x):
    """hash_mix of base/hash.h: the coin of the control."""
    mask = 2**64 - 1
    x ^= x >> 30
    x = x * 0xbf58476d1ce4e5b9 & mask
    x ^= x >> 27
    x = x * 0x94d049bb133111eb & mask
    return x ^ x >> 31


def control(visits, names):
    """Equal requests against each other, as if a coin were a part of them; once anything varies."""
    contexts, varied = {}, False
    for n, (now, content, coding, path, parts) in enumerate(visits):
        varied |= parts != visits[0][4]
        if varied:
            contexts.setdefault((path, tuple(sorted(parts.items()))), []).append((now, (content, coding), mix(n + 1) & 1))
    return read(contexts, None)


def read(contexts, name):
    n = differing = 0
    for seen in contexts.values():
        base = 0
        while base < len(seen):
            start, content, value = seen[base]
            between, at = [], base + 1
            while at < len(seen):
                now, other, second = seen[at]
                if second == value or now - start > WINDOW or (name != "encoding" and other[1] != content[1]):
                    break
                if not (between and between[-1][1] == second and other == content):
                    between.append((other, second))
                at += 1
            if at < len(seen) and seen[at][2] == value and seen[at][1] == content and seen[at][0] - start <= WINDOW:
                n += len(between)
                differing += sum(other != content for other, _ in between)
            base = at
    return n, differing


def build(folder):
    program = pathlib.Path(folder, "learning")
    files = ["tests/oracle/learning.c"] + ["analysis/%s.c" % n for n in ("learning", "learned", "sandwich", "interval", "slab")]
    files += ["base/%s.c" % n for n in ("buf", "digits", "hash", "hashwide", "pages")] + ["capture/exchange.c"]
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-I", str(ROOT), "-o", str(program),
                    *[str(ROOT / f) for f in files], "-lm"], check=True)
    return program


def main():
    traces = int(sys.argv[1]) if len(sys.argv) > 1 else 2000 if os.environ.get("PROOF") else 40
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    compared = wrong = lost = 0
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        for t in range(traces):
            names, visits = trace(random.Random(seed * 1_000_003 + t))
            text = "".join("%d %d %d %d %s\n" % (now, content, coding, path, " ".join("%s=%d" % p for p in parts.items()))
                           for now, content, coding, path, parts in visits)
            out = subprocess.run([program], input=text, capture_output=True, text=True, check=True).stdout
            got = {line.split()[0]: tuple(map(int, line.split()[1:])) for line in out.splitlines()}
            for name in names + ["control"]:
                want = sandwiches(visits, name) if name in names else control(visits, names)
                compared += want[0]
                seen = got.get(name, (0, 0))
                if seen == (want[0] - 1, want[1]):
                    lost += 1
                elif seen != want:
                    wrong += 1
                    print("# trace %d, %s of %s: %s, brute force %s" % (t, name, names, got.get(name), want))
    good = not wrong and lost <= compared / 10000 and compared > 10 * traces
    print("%s - %d sandwiches of %d random traces, counted by brute force, %d lost" % ("ok" if good else "not ok", compared, traces, lost))
    sys.exit(not good)


main()
