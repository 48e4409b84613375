#!/usr/bin/env python3
"""pairs.py ROUNDS SPANWISE FLOOR CAPTURE…: a table of CPU seconds (user + system of the whole process), their ratio pair by
pair, wall seconds and peak memory; medians. The two programs run in turn, so that both meet the same neighbours."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

rounds, spanwise, floor, captures = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]


def measure(*command):
    """(CPU seconds, wall seconds, peak MiB) of one run; ends the script when it fails."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("bench: exit %d: %s" % (process.returncode, " ".join(command)))
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss / 1024


def exchanges(db):
    out = subprocess.run([spanwise, "report", db, "--format", "json"], stdout=subprocess.PIPE, check=True, stdin=subprocess.DEVNULL).stdout
    return json.loads(out)["totals"]["exchanges"]


print("| capture | MB | exchanges | CPU s | floor CPU s | ratio, median (range) | wall s | exchanges/CPU s | MB/CPU s | peak MiB |")
print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
with tempfile.TemporaryDirectory(dir=os.environ.get("SPANWISE_BENCH_DIR", "build/bench")) as folder:
    for capture in captures:
        megabytes = os.path.getsize(capture) / 1e6
        ours, floors, ratios, count = [], [], [], 0
        measure(floor, capture)  # the file into the page cache
        for n in range(rounds):
            db = str(pathlib.Path(folder, "%d.db" % n))
            turn = [lambda: floors.append(measure(floor, capture)),
                    lambda: ours.append(measure(spanwise, "capture", "-q", "-r", capture, "-d", db, "--secret", "tests/pcap/secret"))]
            for run in turn if n % 2 else reversed(turn):
                run()
            ratios.append(ours[-1][0] / floors[-1][0])
            count = count or exchanges(db)
            os.unlink(db)
        cpu, wall, peak = (statistics.median(x[i] for x in ours) for i in range(3))
        print("| %s | %.0f | %d | %.3f | %.3f | %.2f (%.2f-%.2f) | %.3f | %.0f | %.0f | %.0f |" % (
            pathlib.Path(capture).stem, megabytes, count, cpu, statistics.median(x[0] for x in floors), statistics.median(ratios),
            min(ratios), max(ratios), wall, count / cpu, megabytes / cpu, max(x[2] for x in ours)), flush=True)
