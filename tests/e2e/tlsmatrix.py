#!/usr/bin/env python3
# kinds: opt
"""TLS by version, suite and the time when the secrets come: curl asks `openssl s_server` through a relay that writes the
connections down, the second one resumed where the version does that. The log is there before the packets, comes when half
of them were read, when all but the last were; or never, or with other secrets: then nothing comes out. Two suites in short,
all 17 with PROOF=1."""
import os
import random
import shutil
import subprocess
import time

from lib import BINARY, PROOF, SECRET, Capture, check, finish, folder, run, skip
from peers import Tap, free_port, wait_for

SUITES = [("1.3", s) for s in ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256")] + \
         [("1.2", s) for s in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-CCM",
                               "ECDHE-ECDSA-AES256-CCM8", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384",
                               "AES128-GCM-SHA256", "AES256-SHA256", "DHE-RSA-AES128-GCM-SHA256")]
SHORT = (("1.3", "TLS_AES_128_GCM_SHA256"), ("1.2", "ECDHE-RSA-AES128-SHA"))
FILES = {"/small.txt": b"hello\n", "/large.json": b'{"text": "' + b"x" * 50000 + b'"}\n'}
here = folder()


def certificates():
    for kind, how in (("ec", ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")), ("rsa", ("rsa:2048",))):
        subprocess.run(["openssl", "req", "-x509", "-newkey", *how, "-nodes", "-keyout", str(here / (kind + ".key")), "-out", str(here / (kind + ".crt")), "-days", "9",
                        "-subj", "/CN=api.example"], check=True, capture_output=True)
    for name, body in FILES.items():
        (here / name[1:]).write_bytes(body)


def converse(version, suite):
    """(capture, the lines of its key log); the capture is None where this OpenSSL or curl has no such suite."""
    port = free_port()
    thirteen = version == "1.3"
    server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-WWW", "-cert", "ec.crt", "-key", "ec.key", "-dcert", "rsa.crt", "-dkey",
                               "rsa.key", *(("-ciphersuites", suite, "-tls1_3") if thirteen else ("-cipher", suite + ":@SECLEVEL=0", "-tls1_2"))],
                              cwd=here, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    keys = here / "curl.keys"
    keys.unlink(missing_ok=True)
    try:
        wait_for(port)
        relay = Tap(port)
        urls = [word for name in FILES for word in ("https://127.0.0.1:%d%s" % (relay.port, name), "-o", os.devnull)]
        p = subprocess.run(["curl", "-sk", "--http1.1", *(("--tlsv1.3", "--tls13-ciphers", suite) if thirteen else ("--tls-max", "1.2", "--ciphers", suite + ":@SECLEVEL=0")),
                            *urls], env=dict(os.environ, SSLKEYLOGFILE=str(keys)), capture_output=True, text=True, timeout=30)
        time.sleep(0.1)
    finally:
        server.kill()
        server.wait()
    if p.returncode:
        return None, "curl: exit %d %s" % (p.returncode, p.stderr)
    cap = Capture()
    for turns in relay.all:
        cap.talk(*turns, port=443)
    return cap, keys.read_text()


def seen(out):
    lines = [line.split("\t") for line in out.splitlines()]
    at = [lines[0].index(name) for name in ("method", "target", "status", "response_bytes", "end")] if lines else []
    return sorted(tuple(line[i] for i in at) for line in lines[1:])


def piped(cap, keys, share):
    """What comes out when the secrets come after this share of the bytes."""
    log, data = here / "late.keys", cap.bytes()
    log.write_text("")
    cut = max(24, int(len(data) * share))
    p = subprocess.Popen([BINARY, "log", "-r", "-", "--keys", log, "--secret", SECRET, "--format", "tsv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=here)
    p.stdin.write(data[:cut])
    p.stdin.flush()
    time.sleep(0.15)
    log.write_text(keys)
    return seen(p.communicate(data[cut:], timeout=30)[0].decode())


def other_secrets(keys):
    dice = random.Random(3)
    return "".join(" ".join([*line.split()[:2], "%0*x" % (len(line.split()[2]), dice.getrandbits(4 * len(line.split()[2])))]) + "\n"
                   for line in keys.splitlines() if line[:1] not in ("#", ""))


def of_file(cap, keys):
    (here / "some.keys").write_text(keys)
    code, out, err = run("log", "-r", cap.write(here / "some.pcap"), "--keys", here / "some.keys", "--secret", SECRET, "--format", "tsv")
    return seen(out) if code == 0 else err


if not shutil.which("curl"):
    skip("TLS by version, suite and time", "curl is not here")
    finish()
certificates()
WANT = sorted(("GET", name, "200", str(len(body)), "complete") for name, body in FILES.items())
for version, suite in SUITES if PROOF else SHORT:
    name = "TLS %s %s" % (version, suite)
    cap, keys = converse(version, suite)
    if cap is None:
        skip(name, "curl or openssl does not have it: " + keys.strip()[:80])
        continue
    got = {"before": of_file(cap, keys), "in the middle": piped(cap, keys, 0.5), "at the end": piped(cap, keys, 0.98)}
    check(all(g == WANT for g in got.values()), name + ": secrets before the packets, in the middle, at the end", got)
    wrong = {"never": of_file(cap, "# none\n"), "other secrets": of_file(cap, other_secrets(keys)), "other secrets, late": piped(cap, other_secrets(keys), 0.5)}
    check(all(g == [] for g in wrong.values()), name + ": never, or other secrets: nothing comes out", wrong)
finish()
