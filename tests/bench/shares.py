#!/usr/bin/env python3
"""Nanoseconds an exchange costs the analysis, by metric.

    shares.py BENCH [EXCHANGES]     BENCH: build/bench/analysis_bench, linked at a fixed address with debugging information

The bench runs once with a tick for each millisecond of its CPU time (as often as the kernel has them) while it analyses.
Each tick is counted for the metric whose code it fell into: the innermost function, inlined ones included, that is one's
own; what all share (hashes, tables, the C library) goes to its caller where that was inlined, else to `shared`. Waiting
for memory counts where it waits, or where a row asked for ahead was not there yet. So shares are of time, not of instructions, and good to the error that is printed."""
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

METRICS = {
    "key and endpoint": "take keys map target trie route origins knownroutes endpoints named vary ignore admission slab blocks pages dense",
    "ladder of lifetimes": "ladder sampling",
    "what a cache holds": "live",
    "changes and lifetimes": "changes lifetime survival gaptable",
    "sharing, and comparisons of it": "sharing sandwich",
    "parts of the key": "depend learning learned query",
    "writes": "writes bound",
    "declarations (RFC 9111)": "declare classify directives stock cacheable httpdate heads",
    "validators": "etags",
    "clients": "clients peaks envelope gaps spacesaving sources addresses",
    "bodies": "masked fields volatile",
    "times": "hist",
    "totals and minutes": "totals minutes",
}
OF_FILE = {name: metric for metric, names in METRICS.items() for name in names.split()}
OF_FUNCTION = {  # observe.c calls them all
    "observe_ladder": "ladder of lifetimes", "tail_of": "ladder of lifetimes", "observe_change": "changes and lifetimes",
    "observe_sharing": "sharing, and comparisons of it", "observe_as_shared": "sharing, and comparisons of it",
    "network_of": "sharing, and comparisons of it", "is_anonymous": "sharing, and comparisons of it",
    "observe_validators": "validators", "judge_tag": "validators", "learn_tag": "validators", "names_content": "validators",
    "observe_times": "times", "observe_counts": "totals and minutes", "observe_totals": "totals and minutes",
    "observe_minute": "totals and minutes", "observe_client": "clients", "observe_write": "writes",
    "observe_eligible": "totals and minutes", "observe": "totals and minutes", "observe_endpoint": "key and endpoint",
}


def metric(frames):
    """Of (function, file), innermost first."""
    for function, path in frames:
        name = pathlib.Path(path).stem
        if name == "observe" and function in OF_FUNCTION:
            return OF_FUNCTION[function]
        if name in OF_FILE and "/analysis/" in path:
            return OF_FILE[name]
    return "shared"


def chains(program, addresses):
    """The inlined frames at each address."""
    text = subprocess.run(["addr2line", "-a", "-f", "-i", "-e", program], input="\n".join(addresses), stdout=subprocess.PIPE, text=True, check=True).stdout
    for block in re.split(r"^0x", text, flags=re.M)[1:]:
        lines = block.splitlines()
        yield "%#x" % int(lines[0], 16), list(zip(lines[1::2], lines[2::2]))


def main():
    program, n = sys.argv[1], (sys.argv[2:] or ["8000000"])[0]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "ticks")
        said = subprocess.run([program, n], env=dict(os.environ, SAMPLES=str(path)), stdout=subprocess.PIPE, text=True, check=True).stdout
        ticks = collections.Counter("%#x" % int(line, 16) for line in path.read_text().split())
    counts = collections.Counter()
    for address, frames in chains(program, list(ticks)):
        counts[metric(frames)] += ticks[address]
    total, each = sum(counts.values()), float(re.search(r"(\d+) ns", said).group(1))
    print(said, end="")
    print("\n| metric | ns an exchange | % | give or take |\n|---|---:|---:|---:|")
    for name, k in counts.most_common():
        share = k / total
        print("| %s | %.0f | %.1f | %.0f ns |" % (name, each * share, 100 * share, 2 * each * (share * (1 - share) / total) ** .5))
    print("\n%d ticks" % total)


main()
