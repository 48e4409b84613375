#!/usr/bin/env python3
"""h2.py ROUNDS SPANWISE CAPTURE: CPU of `capture` and of `log`, in turn; exchanges a CPU second."""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile


def cpu(command):
    """(user and system seconds, all threads; stdout)."""
    with tempfile.TemporaryFile() as out:
        before = os.times()
        subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=True)
        after = os.times()
        out.seek(0)
        return after.children_user + after.children_system - before.children_user - before.children_system, out


rounds, binary, capture = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with tempfile.TemporaryDirectory() as folder:
    secret = pathlib.Path(folder) / "secret"
    secret.write_text("a bench's key\n" * 4)
    log = [binary, "log", "-q", "-r", capture, "--secret", str(secret), "--format", "tsv"]
    exchanges = subprocess.run(log, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.count(b"\n") - 1
    db = str(pathlib.Path(folder) / "h2.db")
    ways = {"capture (decode, analyse, store)": [binary, "capture", "-q", "-r", capture, "--secret", str(secret), "-d", db, "--fresh"],
            "doctor (decode alone)": [binary, "doctor", "-r", capture, "--secret", str(secret)], "log (decode, write tsv)": log}
    taken = {name: [] for name in ways}
    for _ in range(rounds):
        for name, command in ways.items():
            taken[name].append(cpu(command)[0])
print("%d exchanges, %.0f MB" % (exchanges, os.path.getsize(capture) / 1e6))
for name, seconds in taken.items():
    print("%-34s least %.3f s: %.0f k a CPU second; median %.3f s: %.0f k" %
          (name, min(seconds), exchanges / min(seconds) / 1e3, statistics.median(seconds), exchanges / statistics.median(seconds) / 1e3))
