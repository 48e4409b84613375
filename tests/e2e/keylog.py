#!/usr/bin/env python3
# kinds: opt
"""A key log followed while it is written, cut, written again, renamed, replaced, or not there yet: real TLS connections one
after the other through a pipe, the log changed between them in each of these ways. Every request of every connection whose
secrets were in the log at some time is read, and of the others none is."""
import os
import re
import signal
import ssl
import subprocess
import sys
import time

from lib import BINARY, PROOF, SECRET, Capture, answer, check, finish, folder, request

here = folder()
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(here / "k"), "-out", str(here / "c"),
                "-days", "9", "-subj", "/CN=api.example"], check=True, capture_output=True)


def contexts(version, keys):
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(here / "c", here / "k")
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.keylog_filename = keys
    for c in (server, client):
        c.minimum_version = c.maximum_version = version
    return server, client


def talk(cap, version, n):
    """One connection that asks for /n, added to cap; returns its lines of a key log."""
    keys = here / "one.keys"
    keys.write_text("")
    server, client = contexts(version, keys)
    c2s, s2c, turns, done = ssl.MemoryBIO(), ssl.MemoryBIO(), [], [False, False]
    ends = client.wrap_bio(s2c, c2s), server.wrap_bio(c2s, s2c, server_side=True)

    def pass_on(i):
        bio = (c2s, s2c)[i]
        data = bio.read()
        if data:
            turns.append(("><"[i], data))
            bio.write(data)
    while not all(done):
        for i, end in enumerate(ends):
            try:
                end.do_handshake()
                done[i] = True
            except ssl.SSLWantReadError:
                pass
            pass_on(i)
    try:
        ends[0].read(1)  # takes the tickets in
    except ssl.SSLWantReadError:
        pass
    for i, data in ((0, request("GET", "/%d" % n)), (1, answer(200, b"the answer to %d" % n))):
        ends[i].write(data)
        pass_on(i)
        ends[1 - i].read(1 << 16)
    cap.talk(*turns, port=443)
    return "".join(line + "\n" for line in keys.read_text().splitlines() if line[:1] != "#")


def ready(p):
    """Until it has looked for the log and would catch a SIGHUP."""
    for _ in range(200):
        caught = re.search(r"^SigCgt:\s*(\w+)", open("/proc/%d/status" % p.pid).read(), re.M)
        if int(caught[1], 16) & 1 << (signal.SIGHUP - 1):
            return
        time.sleep(0.02)


class Reader:
    """spanwise log, fed through a pipe."""

    def __init__(self, keys, *options):
        self.p = subprocess.Popen([BINARY, "log", "-r", "-", "--keys", keys, "--secret", SECRET, "--format", "tsv", *options],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here)
        self.sent = 0
        ready(self.p)

    def feed(self, cap):
        """What cap has more; then packets of nobody, so that the log is looked at, and a moment for it."""
        for _ in range(130):
            cap.segment("10.9.9.9", "10.9.9.8", 1, 2, 5, 0, 16)
        data = cap.bytes()
        self.p.stdin.write(data[self.sent:])
        self.p.stdin.flush()
        self.sent = len(data)
        time.sleep(0.08)

    def end(self):
        out, err = self.p.communicate(timeout=30)
        lines = [line.split("\t") for line in out.decode().splitlines()]
        at = lines[0].index("target"), lines[0].index("status")
        return sorted(int(line[at[0]][1:]) for line in lines[1:] if line[at[1]] == "200"), err.decode(), self.p.returncode


def append(path, text):
    with open(path, "a") as f:
        f.write(text)


def rotate(what, version, steps, expected, options=(), said=""):
    """steps: functions of (path, the connection's lines), each before or after one connection's packets."""
    path = here / "live.keys"
    for name in here.glob("live.keys*"):
        name.unlink()
    if not said:
        path.write_text("# begun\n")
    cap, reader = Capture(), Reader(path, *options)
    for n, step in enumerate(steps):
        lines = talk(cap, version, n)
        step(path, lines, reader)
        reader.feed(cap)
    got, err, code = reader.end()
    check(got == expected and code == 0 and (said in err if said else not err), "%s: %s" % (version.name, what), got, expected, err)


def grow(path, lines, reader):
    append(path, lines)


def renamed(path, lines, reader):
    """logrotate: the old file is moved away, and a new one made. The connection's secrets still go to the old one."""
    held = open(path, "a")
    os.rename(path, str(path) + ".1")
    path.write_text("")
    time.sleep(0.1)
    held.write(lines)
    held.close()


def renamed_late(path, lines, reader):
    """Written to the old file and moved away at once: what was not read yet is read."""
    append(path, lines)
    os.rename(path, str(path) + ".1")
    path.write_text("")


def replaced(path, lines, reader):
    (path.parent / "new").write_text(lines)
    os.replace(path.parent / "new", path)


def cut(path, lines, reader):
    """copytruncate, and shorter than it was."""
    path.write_text("")
    append(path, lines)


def cut_and_full(path, lines, reader):
    """Cut, and longer than before when it is looked at next."""
    path.write_text(("# another file, as long as the one before or longer\n" * 200) + lines)


def cut_and_as_long(path, lines, reader):
    size = path.stat().st_size
    text = lines + "#" * max(0, size - len(lines) - 1) + "\n"
    path.write_text(text[:max(size, len(lines))])


def gone_and_back(path, lines, reader):
    path.unlink()
    time.sleep(0.1)
    path.write_text(lines)


def halves(path, lines, reader):
    append(path, lines[:len(lines) // 2])
    time.sleep(0.15)
    append(path, lines[len(lines) // 2:])


def without_end(path, lines, reader):
    append(path, lines[:-1])


def hup(path, lines, reader):
    """Taken away under our feet in a way that shows nowhere: the same length, the same time; SIGHUP tells."""
    before = path.stat()
    cut_and_as_long(path, lines, reader)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    reader.p.send_signal(signal.SIGHUP)


def nothing(path, lines, reader):
    pass


for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3) if PROOF else (ssl.TLSVersion.TLSv1_3,):
    rotate("it grows, is cut, and longer or as long as before", version, [grow, grow, cut, grow, cut_and_full, grow, cut_and_as_long, grow, hup, grow],
           list(range(10)))
    rotate("it is renamed, replaced, removed, written in halves and without a last line's end", version,
           [grow, renamed, grow, renamed_late, grow, replaced, renamed, gone_and_back, halves, nothing, without_end], [0, 1, 2, 3, 4, 5, 6, 7, 8, 10])
    rotate("it is not there yet", version, [lambda p, lines, r: p.write_text(lines), grow, grow], [0, 1, 2], said="not there yet")
p = subprocess.run([BINARY, "log", "-r", here / "c", "--keys", here / "never", "--secret", SECRET], capture_output=True, text=True)
check(p.returncode == 2 and "never" in p.stderr and p.stderr.count("\n") == 1, "of a file: a key log that is not there is a mistake, exit 2", p.returncode, p.stderr)
cap = Capture()
talk(cap, ssl.TLSVersion.TLSv1_3, 0)
p = subprocess.Popen([BINARY, "log", "-r", "-", "--secret", SECRET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here)
p.stdin.write(cap.bytes())
p.stdin.flush()
ready(p)
p.send_signal(signal.SIGHUP)
time.sleep(0.1)
out, err = p.communicate(timeout=10)
check(p.returncode == 0 and err.count(b"\n") == 1 and b"TLS without keys" in err, "SIGHUP without a key log: it ends in order, and says what there was", p.returncode, err)
finish()
