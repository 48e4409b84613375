#!/usr/bin/env python3
"""`log --format har` in the network panel of Chromium's developer tools. PROOF=1; what the format demands is checked by
tests/e2e/formats.py always."""
import os
import socket
import subprocess
import sys

import lib
from lib import ROOT, SECRET, SPANWISE, Folder, ok
from run_page import NPM, installed

CAPTURES = ("heads", "h2", "upgrade", "oneway", "abort", "snaplen")


def main():
    why = None if os.environ.get("PROOF") else "long: PROOF=1"
    why = why or installed()
    if why:
        print("ok - HAR in Chromium's network panel # SKIP " + why)
        return
    with Folder() as folder:
        files = []
        for name in CAPTURES:
            text = subprocess.run([SPANWISE, "log", "-r", str(ROOT / "tests/pcap" / (name + ".pcap")), "--secret", SECRET, "--format", "har"], check=True,
                                  stdout=subprocess.PIPE).stdout
            files.append(folder / (name + ".har"))
            files[-1].write_bytes(text)
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
        r = subprocess.run(["node", str(ROOT / "tests/web/har.mjs"), str(NPM) + "/", str(port), *map(str, files)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=200, text=True)
        print(r.stdout, end="", flush=True)
        lib.failures += r.stdout.count("\nnot ok")
        if r.returncode and "not ok" not in r.stdout:
            ok("HAR: exit %d" % r.returncode, False, r.stdout)


main()
sys.exit(1 if lib.failures else 0)
