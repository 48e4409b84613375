#!/usr/bin/env python3
"""The limiters of ALGORITHMS.md 7.4 once more, written from their definitions with exact fractions, against
analysis/limiter.c on random arrivals (bursts, ties, clocks that go back): every decision must be the same.

  tests/oracle/limiter.py [ARRIVALS [SEED]]     default 100000 arrivals for each of the policies below
"""
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Monotone:
    """Clock of a key that never goes back."""
    now = None

    def clock(self, ms):
        self.now = ms if self.now is None else max(self.now, ms)
        return self.now


class Nginx:
    def __init__(self, rate, burst, mode="nodelay"):
        per = 60 if rate.endswith("r/m") else 1
        self.rate = int(rate.removesuffix("r/m").removesuffix("r/s")) * 1000 // per
        self.burst = int(burst) * 1000
        self.delay = math.inf if mode == "nodelay" else int(mode.removeprefix("delay=")) * 1000
        self.last = None

    def ask(self, ms):
        if self.last is None:
            self.last, self.excess = ms, 0
            return "A"
        passed = ms - self.last
        if passed < -60000:
            passed = 1
        passed = max(passed, 0)
        excess = max(0, self.excess - self.rate * passed // 1000 + 1000)
        # C divides towards zero and so does // on what is not negative
        if excess > self.burst:
            return "R"
        self.excess = excess
        if passed:
            self.last = ms
        wait = 0 if excess <= self.delay else (excess - self.delay) * 1000 // self.rate
        return "A%d" % wait if wait else "A"


class TokenBucket(Monotone):
    def __init__(self, rate, depth):
        self.rate, self.depth = Fraction(rate) / 1000, Fraction(depth)
        self.tokens = self.depth

    def ask(self, ms):
        before = self.now
        now = self.clock(ms)
        self.tokens = min(self.depth, self.tokens + self.rate * (now - (now if before is None else before)))
        if self.tokens < 1:
            return "R"
        self.tokens -= 1
        return "A"


class Gcra(Monotone):
    def __init__(self, rate, depth):
        self.step = 1000 / Fraction(rate)
        self.slack = (Fraction(depth) - 1) * self.step
        self.tat = None

    def ask(self, ms):
        now = self.clock(ms)
        if self.tat is not None and now < self.tat - self.slack:
            return "R"
        self.tat = (now if self.tat is None else max(now, self.tat)) + self.step
        return "A"


class Window(Monotone):
    def __init__(self, limit, seconds):
        self.limit, self.width = int(limit), int(Fraction(seconds) * 1000)
        self.counts = {}


class Fixed(Window):
    def ask(self, ms):
        index = self.clock(ms) // self.width
        if self.counts.get(index, 0) >= self.limit:
            return "R"
        self.counts[index] = self.counts.get(index, 0) + 1
        return "A"


class Strict(Window):
    def ask(self, ms):
        index = self.clock(ms) // self.width
        self.counts[index] = self.counts.get(index, 0) + 1
        return "R" if self.counts[index] > self.limit else "A"


class Sliding(Window):
    def ask(self, ms):
        index, elapsed = divmod(self.clock(ms), self.width)
        before, now = self.counts.get(index - 1, 0), self.counts.get(index, 0)
        if Fraction(before * (self.width - elapsed), self.width) + now + 1 > self.limit:
            return "R"
        self.counts[index] = now + 1
        return "A"


class Log(Window):
    accepted = ()

    def ask(self, ms):
        now = self.clock(ms)
        self.accepted = [t for t in self.accepted if now - self.width < t <= now]
        if len(self.accepted) >= self.limit:
            return "R"
        self.accepted.append(now)
        return "A"


class Haproxy(Window):
    tick = None
    current = previous = 0

    def ask(self, ms):
        now = self.clock(ms)
        if self.tick is None:
            self.tick = now
        if now - self.tick >= self.width:
            self.previous, self.current, self.tick = self.current, 0, self.tick + self.width
            if now - self.tick >= self.width:
                self.previous, self.tick = 0, now
        self.current += 1
        rate = self.current + self.previous * (self.width - (now - self.tick)) // self.width
        return "R" if rate > self.limit else "A"


class Envoy(Monotone):
    """The timer goes off at whole multiples of the interval; here each of its ticks is taken one by one."""
    def __init__(self, most, fill, seconds):
        self.most, self.fill, self.width = int(most), int(fill), int(Fraction(seconds) * 1000)
        self.tokens = self.most

    def ask(self, ms):
        before = self.now
        now = self.clock(ms)
        ticks = 0 if before is None else now // self.width - before // self.width
        for _ in range(ticks):
            self.tokens = min(self.most, self.tokens + self.fill)
            if self.tokens == self.most:
                break
        if self.tokens <= 0:
            return "R"
        self.tokens -= 1
        return "A"


MODELS = {"nginx": Nginx, "token-bucket": TokenBucket, "gcra": Gcra, "fixed-window": Fixed, "fixed-window-strict": Strict,
          "sliding-window": Sliding, "sliding-log": Log, "haproxy": Haproxy, "envoy": Envoy}
SPECS = ("nginx:5r/s:3", "nginx:90r/m:0:nodelay", "nginx:10r/m:7:delay=2", "nginx:20:10:delay=0", "nginx:333:1",
         "token-bucket:5:4", "token-bucket:3.333333:2.75", "token-bucket:0.1:1", "gcra:5:4", "gcra:3.333333:2.75",
         "fixed-window:5:1", "fixed-window:40:60", "fixed-window-strict:5:1", "fixed-window-strict:3:0.25",
         "sliding-window:5:1", "sliding-window:37:7.5", "sliding-log:5:1", "sliding-log:50:20", "haproxy:5:1", "haproxy:23:10",
         "envoy:4:1:0.2", "envoy:10:3:1.5")
TOY = (100, 200, 300, 900, 1050, 1100, 1200, 2500)
TOYS = {"fixed-window:3:1": "AAARAAAA", "fixed-window-strict:3:1": "AAARAAAA", "sliding-window:3:1": "AAARRRRA", "sliding-log:3:1": "AAARRAAA",
        "token-bucket:3:3": "AAAAAARA", "gcra:3:3": "AAAAAARA", "nginx:3r/s:2": "AAAAAARA", "haproxy:3:1": "AAARRRRA", "envoy:3:1:0.4": "AAAAARAA"}


def arrivals(n, rng):
    """Microseconds: bursts of 1 to 8, exponential gaps, ties, now and then a step back or a long silence."""
    us, out = 1_700_000_000_123_456, []
    while len(out) < n:
        us += int(rng.expovariate(1 / 500_000))
        kind = rng.random()
        if kind < 0.01:
            us -= rng.choice((1, 999, 1000, 5_000_000, 59_999_999, 60_000_000, 60_001_000, 90_000_000))
        elif kind < 0.015:
            us += rng.choice((60_000_000, 3_600_000_000))
        for _ in range(rng.randint(1, 8)):
            out.append(us)
            us += rng.choice((0, 0, 1, 300, 1000, rng.randint(0, 20_000)))
    return out[:n]


def reference(spec, times):
    name, *numbers = spec.split(":")
    model = MODELS[name](*numbers)
    return [model.ask(us // 1000) for us in times]


def build(folder):
    program = pathlib.Path(folder, "limiter")
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-I", ROOT, "-o", program,
                    ROOT / "tests/oracle/limiter.c", ROOT / "analysis/limiter.c", ROOT / "analysis/limitspec.c",
                    ROOT / "base/buf.c"], check=True, timeout=120)
    return program


def ask(program, spec, times):
    text = subprocess.run([program, spec], input="".join("%d\n" % us for us in times), text=True, check=True, timeout=120,
                          stdout=subprocess.PIPE).stdout
    return text.replace("A", " A").replace("R", " R").split()


def main():
    n, seed = (int(x) for x in (sys.argv[1:3] + ["100000", "1"][len(sys.argv[1:3]):]))
    times, failed = arrivals(n, random.Random(seed)), 0
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        for spec, want in TOYS.items():
            toy = [ms * 1000 for ms in TOY]
            same = "".join(reference(spec, toy)) == want == "".join(ask(program, spec, toy))
            failed += not same
            print("%s - toy %s %s" % ("ok" if same else "not ok", spec, want))
        for spec in SPECS:
            want, got = reference(spec, times), ask(program, spec, times)
            same = want == got
            failed += not same
            print("%s - %s: %d decisions, %d rejected" % ("ok" if same else "not ok", spec, len(want), want.count("R")))
            if not same:
                at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
                print("#   first at %d, %s: %s, not %s" % (at, times[max(0, at - 3):at + 1], want[at:at + 1], got[at:at + 1]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
