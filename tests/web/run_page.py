#!/usr/bin/env python3
"""The page in a real browser (chromium by playwright-core, axe-core for accessibility): page.mjs does the looking, this sets the table."""
import pathlib
import shutil
import subprocess
import sys

import lib
from lib import ROOT, SECRET, SPANWISE, Folder, Service, make_db, ok

WANTED = {"playwright-core": "1.65.1", "axe-core": "4.14.1"}
NPM = ROOT / "build" / "npm"
SHOTS = ROOT / "build" / "check"


def installed():
    """Test libraries, into build/ alone. A reason when they cannot be had."""
    for program in ("chromium", "node", "npm"):
        if not shutil.which(program):
            return "no " + program
    if all((NPM / "node_modules" / name / "package.json").is_file() for name in WANTED):
        return None
    NPM.mkdir(parents=True, exist_ok=True)
    (NPM / "package.json").write_text('{"private": true}\n')
    try:
        r = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(NPM)] +
                           ["%s@%s" % item for item in WANTED.items()], capture_output=True, timeout=120, text=True)
    except subprocess.TimeoutExpired:
        return "npm took longer than two minutes"
    return None if r.returncode == 0 else "npm: " + " ".join(r.stderr.split())[:200]


def look(part, url, *more):
    """Runs one part of page.mjs, whose lines are TAP."""
    command = ["node", str(ROOT / "tests/web/page.mjs"), str(NPM) + "/", part, url, str(SHOTS), *map(str, more)]
    try:
        r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90, text=True)
    except subprocess.TimeoutExpired:
        ok(part + ": longer than 90 s", False)
        return
    print(r.stdout, end="", flush=True)
    lib.failures += r.stdout.count("\nnot ok")
    if r.returncode and "not ok" not in r.stdout:
        ok(part + ": exit %d" % r.returncode, False, r.stdout)


def pcap_db(folder, name):
    db = folder / (name + ".db")
    subprocess.run([SPANWISE, "capture", "-q", "-r", str(ROOT / "tests/pcap" / (name + ".pcap")), "--secret", SECRET, "-d", str(db)], check=True)
    return db


def with_service(part, *arguments, more=()):
    s = Service(*arguments, "--listen", "127.0.0.1:0")
    if s.url:
        look(part, s.url, *more)
    else:
        ok(part + ": the service begins", False, s.stderr())
    s.end()


def growing(folder):
    """The page is open before there is a DB, and follows it to its end."""
    later = folder / "later.db"
    lines = (folder / "records.jsonl").read_bytes().split(b"\n")
    s = Service("--wait", later, "--listen", "127.0.0.1:0")
    feed = folder / "feed"
    feed.write_bytes(b"\n".join(lines))
    script = folder / "write.sh"  # page.mjs runs it when the page is open
    script.write_text("#!/bin/sh\n(head -n 600 '%s'; sleep 3; tail -n +601 '%s') | '%s' capture -q --records - --secret '%s' -d '%s'\n" % (
        feed, feed, SPANWISE, SECRET, later))
    script.chmod(0o755)
    look("growing", s.url, script)
    s.end()


def main():
    reason = installed()
    if reason:
        print("ok - page # SKIP " + reason)
        return 0
    SHOTS.mkdir(parents=True, exist_ok=True)
    with Folder() as folder:
        db = make_db(folder)
        (folder / "token").write_text("a-token-of-some-length\n")
        (folder / "token").chmod(0o600)
        with_service("page", db)
        with_service("lists", db)
        with_service("names", db)
        with_service("verdict", pcap_db(folder, "tls"))
        with_service("caches", pcap_db(folder, "redis"))
        with_service("empty", pcap_db(folder, "empty"))
        with_service("token", db, "--token-file", folder / "token", more=["a-token-of-some-length"])
        growing(folder)
        document = folder / "audit.html"
        subprocess.run([SPANWISE, "report", str(db), "--format", "html", "-o", str(document)], check=True)
        look("file", document.as_uri())
    return 1 if lib.failures else 0


if __name__ == "__main__":
    sys.exit(main())
