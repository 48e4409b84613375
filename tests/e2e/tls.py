#!/usr/bin/env python3
# kinds: san
"""TLS read with a key log gives what the same conversation gives in the clear: versions by suites, resumption, a second
hello, early data, key updates, renegotiation, secrets that come late or are wrong, packets that are missing. Both ends
are OpenSSL's: Python's in memory where that will do, `openssl s_client` and `s_server` for the rest."""
import json
import os
import pathlib
import random
import ssl
import struct
import subprocess
import sys
import threading
import time

from lib import PROOF, SECRET, Capture, answer, block, check, finish, folder, request, run, skip
from peers import Tap, free_port

BODY = b'{"items": [' + b",".join(b'{"id": %d, "text": "%s"}' % (i, b"x" * 40) for i in range(600)) + b"]}"
TURNS = [(">", request("GET", "/small?page=1", "Authorization: Bearer abcdefghijklmnop")), ("<", answer(200, b"hello")),
         (">", request("POST", "/big", body=b"y" * 40000)), ("<", answer(201, BODY, "Content-Type: application/json")),
         (">", request("GET", "/none")), ("<", answer(404))]
FIELDS = ("method", "target", "status", "request_bytes", "response_bytes", "request_body_id", "body_id", "end", "client_id")


# ---- a peer in memory, in a process of its own so that OPENSSL_CONF can choose the suites ----

def in_memory(options):
    """Prints the turns of a TLS conversation as JSON: [direction, hex], …; keys go to SSLKEYLOG."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(options["pem"])
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.keylog_filename = options["keys"]
    if options.get("certificate"):  # the client has one, too
        client.load_cert_chain(options["certificate"])
        server.load_verify_locations(options["certificate"])
        server.verify_mode = ssl.CERT_REQUIRED
    for c in (server, client):
        c.minimum_version = c.maximum_version = getattr(ssl.TLSVersion, options["version"])
        if options.get("cipher"):
            c.set_ciphers(options["cipher"] + ":@SECLEVEL=0")
        if options.get("mac_then_encrypt"):
            c.options |= 0x80000  # SSL_OP_NO_ENCRYPT_THEN_MAC
    out, session = [], None
    for _ in range(options.get("connections", 1)):
        c2s, s2c = ssl.MemoryBIO(), ssl.MemoryBIO()
        a = client.wrap_bio(s2c, c2s, server_side=False, session=session)
        b = server.wrap_bio(c2s, s2c, server_side=True)
        turns = []
        done = [False, False]
        for _ in range(12):
            for i, end in enumerate((a, b)):
                if not done[i]:
                    try:
                        end.do_handshake()
                        done[i] = True
                    except ssl.SSLWantReadError:
                        pass
                    # What this end wrote is noted, then given to the other.
                    bio, direction = ((c2s, ">"), (s2c, "<"))[i]
                    data = bio.read()
                    if data:
                        turns.append((direction, data.hex()))
                        bio.write(data)
        try:
            a.read(1)  # takes the tickets in
        except ssl.SSLWantReadError:
            pass
        for direction, data in [(d, bytes.fromhex(h)) for d, h in options["turns"]] if "turns" in options else TURNS:
            writer, reader, bio = (a, b, c2s) if direction == ">" else (b, a, s2c)
            writer.write(data)
            wire = bio.read()
            turns.append((direction, wire.hex()))
            bio.write(wire)
            got = b""
            while len(got) < len(data):
                got += reader.read(1 << 16)
        session = a.session
        out.append(turns)
    print(json.dumps({"cipher": a.cipher(), "reused": a.session_reused, "connections": out}))


if sys.argv[1:2] == ["--peer"]:
    in_memory(json.loads(sys.argv[2]))
    sys.exit(0)

here = folder()
pem = here / "server.pem"
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(here / "ec.key"),
                "-out", str(here / "ec.crt"), "-days", "9", "-subj", "/CN=api.example"], check=True, capture_output=True)
pem.write_bytes((here / "ec.key").read_bytes() + (here / "ec.crt").read_bytes())
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(here / "rsa.key"), "-out", str(here / "rsa.crt"),
                "-days", "9", "-subj", "/CN=api.example"], check=True, capture_output=True)
(here / "rsa.pem").write_bytes((here / "rsa.key").read_bytes() + (here / "rsa.crt").read_bytes())


def peer(name, suites=None, **options):
    options.update(keys=str(here / (name + ".keys")), pem=str(options.get("pem", pem)))
    environment = dict(os.environ)
    if suites:
        conf = here / (name + ".cnf")
        conf.write_text("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nCiphersuites = %s\n" % suites)
        environment["OPENSSL_CONF"] = str(conf)
    p = subprocess.run([sys.executable, __file__, "--peer", json.dumps(options)], capture_output=True, text=True, env=environment, timeout=60)
    return json.loads(p.stdout) if p.returncode == 0 else p.stderr


def records(capture, *options):
    path = here / "t.pcap"
    capture.write(path)
    code, out, err = run("log", "-r", path, "--secret", SECRET, "--format", "jsonl", *options)
    return [json.loads(line) for line in out.splitlines()], err


def seen(lines):
    return [tuple(line[f] for f in FIELDS) for line in lines]


def clear(connections=1):
    cap = Capture()
    for _ in range(connections):
        cap.talk(*TURNS)
    return seen(records(cap)[0])


PLAIN = clear()


def turns_of(hexed):
    return [(d, bytes.fromhex(h)) for d, h in hexed]


def matches(what, result, keys, expected=PLAIN, **how):
    if not isinstance(result, dict):
        if "NO_CIPHERS_AVAILABLE" in result or "No cipher can be selected" in result or "no ciphers" in result.lower():
            skip(what, "this OpenSSL has no such suite")
        else:
            check(False, what, result)
        return None
    cap = Capture()
    for turns in result["connections"]:
        cap.talk(*turns_of(turns), port=443, **how)
    lines, err = records(cap, "--keys", keys)
    check(seen(lines) == expected and all(r["tls"] and r["service"].startswith("https://") for r in lines), what, seen(lines)[:3], expected[:3], err)
    return cap


# ---- versions by suites ----

for suites in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"):
    matches("TLS 1.3 " + suites, peer(suites, suites, version="TLSv1_3"), here / (suites + ".keys"))
for cipher, more in (("ECDHE-ECDSA-AES128-GCM-SHA256", {}), ("ECDHE-ECDSA-AES256-GCM-SHA384", {}), ("ECDHE-ECDSA-CHACHA20-POLY1305", {}),
                     ("ECDHE-ECDSA-AES128-CCM", {}), ("ECDHE-ECDSA-AES256-CCM8", {}), ("ECDHE-ECDSA-AES128-SHA", {}), ("ECDHE-ECDSA-AES256-SHA", {}),
                     ("ECDHE-ECDSA-AES128-SHA256", {}), ("ECDHE-ECDSA-AES256-SHA384", {}), ("AES128-GCM-SHA256", {"pem": here / "rsa.pem"}),
                     ("AES256-SHA256", {"pem": here / "rsa.pem"}), ("ECDHE-RSA-AES128-SHA", {"pem": here / "rsa.pem"})):
    for mac_then_encrypt in ((False, True) if "SHA" in cipher and "GCM" not in cipher else (False,)):
        name = cipher + ("-mte" if mac_then_encrypt else "")
        matches("TLS 1.2 " + cipher + (", MAC then encrypt" if mac_then_encrypt else ""),
                peer(name, version="TLSv1_2", cipher=cipher, mac_then_encrypt=mac_then_encrypt, **more), here / (name + ".keys"))
for version in ("TLSv1_2", "TLSv1_3"):
    result = peer("resumed" + version, version=version, connections=3)
    matches("%s: three connections, the later ones resumed" % version, result, here / ("resumed%s.keys" % version), PLAIN * 3)
    if isinstance(result, dict):
        check(result["reused"], "%s: they were resumed" % version)

# ---- cut small, doubled; wrong, late and missing secrets ----

for version in ("TLSv1_2", "TLSv1_3"):
    name, result = "cut" + version, peer("cut" + version, version=version)
    keys = here / (name + ".keys")
    for mss in (1, 7, 536) if PROOF else (7, 536):
        matches("%s in segments of %d" % (version, mss), result, keys, mss=mss)
    cap = Capture()
    cap.talk(*turns_of(result["connections"][0]), port=443)
    wrong = here / "wrong.keys"
    r = random.Random(7)
    wrong.write_text("".join(" ".join(line.split()[:2] + ["%0*x" % (len(line.split()[2]), r.getrandbits(4 * len(line.split()[2])))]) + "\n"
                             for line in keys.read_text().splitlines() if line and line[0] != "#"))
    lines, err = records(cap, "--keys", wrong)
    check(lines == [], version + ": wrong secrets give nothing", lines)
    (here / "none.keys").write_text("# nothing\n")
    lines, err = records(cap, "--keys", here / "none.keys")
    check(lines == [], version + ": without secrets there is nothing")
    # The packets come through a pipe; the secrets are written when all but the last of them were read.
    late, data = here / ("late%s.keys" % version), cap.bytes()
    late.write_text("")
    p = subprocess.Popen([os.environ.get("SPANWISE", "build/opt/spanwise"), "log", "-r", "-", "--keys", str(late), "--secret", SECRET, "--format", "jsonl"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=pathlib.Path(__file__).parents[2])
    p.stdin.write(data[:-200])
    p.stdin.flush()
    time.sleep(0.3)
    late.write_bytes(keys.read_bytes())
    out, err = p.communicate(data[-200:], timeout=30)
    check(seen([json.loads(line) for line in out.splitlines()]) == PLAIN, version + ": secrets that come after the packets", out[:300], err)


for version in ("TLSv1_2", "TLSv1_3"):
    result = peer("dsb" + version, version=version)
    cap = Capture()
    cap.talk(*turns_of(result["connections"][0]), port=443)
    keys = (here / ("dsb%s.keys" % version)).read_bytes()
    (here / "dsb.pcapng").write_bytes(cap.pcapng(before=block(10, struct.pack("<II", 0x544C534B, len(keys)) + keys)))
    code, out, err = run("log", "-r", here / "dsb.pcapng", "--secret", SECRET, "--format", "jsonl")
    check(seen([json.loads(line) for line in out.splitlines()]) == PLAIN, version + ": the capture brings its secrets along", out[:300], err)


def without(cap, drop):
    out = Capture()
    out.packets = [p for i, p in enumerate(cap.packets) if not drop(i)]
    return out


def lossy(version, seeds):
    """Nothing is paired with another's answer, and what is untouched by a loss is there."""
    many = []
    for i in range(40):
        many += [(">", request("GET", "/item/%d" % i)), ("<", answer(200, b"item %d " % i + b"z" * (i * 97 % 3000)))]
    name = "lossy" + version
    options = {"version": version, "keys": str(here / (name + ".keys")), "pem": str(pem), "turns": [[d, b.hex()] for d, b in many]}
    p = subprocess.run([sys.executable, __file__, "--peer", json.dumps(options)], capture_output=True, text=True, timeout=60)
    result = json.loads(p.stdout)
    cap = Capture()
    cap.talk(*turns_of(result["connections"][0]), port=443)
    handshake = 12
    wrong = found = asked = 0
    for seed in seeds:
        r = random.Random(seed)
        gone = {i for i in range(handshake, len(cap.packets)) if r.random() < 0.03}
        lines, err = records(without(cap, gone.__contains__), "--keys", here / (name + ".keys"))
        asked += 40
        for line in lines:
            if line["method"] and line["status"] and line["end"] == "complete":
                i = int(line["target"].split("/")[-1])
                size = len(b"item %d " % i) + i * 97 % 3000
                found += 1
                wrong += line["response_bytes"] != size
    check(wrong == 0 and found > asked * 0.75, "%s: of %d exchanges with 3 %% of the packets lost %d whole ones found, none mispaired" % (version, asked, found), wrong)


# ---- what Python's ssl cannot ask for: `openssl s_client` and `s_server` with a relay between that writes down ----

def wait_for(condition, seconds=5.0):
    end = time.time() + seconds
    while not condition() and time.time() < end:
        time.sleep(0.01)
    return condition()


class Server:
    """s_server that says on stdout what came, and sends what is written to its stdin."""

    def __init__(self, *options):
        self.port = free_port()
        self.out = []
        self.p = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:%d" % self.port, "-cert", str(here / "ec.crt"), "-key", str(here / "ec.key"),
                                   *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.read, daemon=True).start()
        wait_for(lambda: b"ACCEPT" in self.said())

    def read(self):
        while data := self.p.stdout.read1(1 << 16):
            self.out.append(data)

    def said(self):
        return b"".join(self.out)

    def send(self, data):
        self.p.stdin.write(data)
        self.p.stdin.flush()

    def end(self):
        self.p.kill()
        self.p.wait()


def session(what, server_options, client_options, steps, expected, first=None, kinds=None):
    """steps: ("c" or "s", bytes, what the other end must have seen before the next one)."""
    keys = here / "s_client.keys"
    keys.unlink(missing_ok=True)
    server = Server(*server_options)
    turns = []
    for run_options, run_steps in ([(first, [])] if first else []) + [(client_options, steps)]:
        relay = Tap(server.port)
        client = subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % relay.port, "-keylogfile", str(keys), *run_options],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = []
        threading.Thread(target=lambda c=client, s=said: [s.append(d) for d in iter(lambda: c.stdout.read1(1 << 16), b"")], daemon=True).start()
        wait_for(lambda: b"Verify return code" in b"".join(said) or b"Early data was" in b"".join(said))
        time.sleep(0.2)
        for who, data, sign in run_steps:
            (client.stdin if who == "c" else server.p.stdin).write(data)
            (client.stdin if who == "c" else server.p.stdin).flush()
            if sign and not wait_for(lambda: sign in (server.said() if who == "c" else b"".join(said))):
                break
            time.sleep(0.15)
        client.stdin.close()
        time.sleep(0.2)
        client.kill()
        client.wait()
        turns.append(relay.all[0] if relay.all else [])
    server.end()
    cap = Capture()
    for t in turns:
        cap.talk(*t, port=443)
    lines, err = records(cap, "--keys", keys)
    got = [(r["method"], r["target"], r["status"]) for r in lines]
    check(got == expected, what, got, err, [(d, len(b), b[:6].hex()) for d, b in turns[-1]][:14])
    if kinds:
        check([r["client_id"].split(":")[0] for r in lines] == kinds, what + ": who asks is known from then on", [r["client_id"] for r in lines])


def line_request(path):
    return b"GET %s HTTP/1.1\nHost: api.example\nX-End: %s\n\n" % (path, path)


def line_answer(text):
    return b"HTTP/1.1 200 OK\nContent-Length: %d\n\n%s\n" % (len(text) + 1, text)


def sessions():
    two = [("c", line_request(b"/one"), b"X-End: /one"), ("s", line_answer(b"first"), b"first")]
    rest = [("c", line_request(b"/two"), b"X-End: /two"), ("s", line_answer(b"second"), b"second")]
    both = [("GET", "/one", 200), ("GET", "/two", 200)]
    session("TLS 1.3, the server asks for another hello", ("-groups", "X25519"), ("-groups", "P-256:X25519", "-crlf"), two + rest, both)
    session("TLS 1.3, keys updated by the client", (), ("-tls1_3",), two + [("c", b"K\n", None)] + rest, both)
    session("TLS 1.3, keys updated by the client, and by the server at its wish", (), ("-tls1_3",),
            two + [("s", b"K\n", None), ("c", b"K\n", None)] + rest, both)
    session("TLS 1.2, renegotiated", ("-client_renegotiation",), ("-tls1_2",), two + [("c", b"R\n", None)] + rest, both)
    mine, later = ("-cert", str(here / "ec.crt"), "-key", str(here / "ec.key")), ["address", "mtls"]
    session("TLS 1.2, renegotiated for a certificate", ("-no_resumption_on_reneg",), ("-tls1_2", *mine), two + [("s", b"R\n", None)] + rest, both, kinds=later)
    session("TLS 1.3, a certificate asked for later", (), ("-tls1_3", "-enable_pha", *mine), two + [("s", b"c\n", None)] + rest, both, kinds=later)
    early = here / "early.txt"
    early.write_bytes(line_request(b"/one"))
    saved = here / "session.pem"
    session("TLS 1.3, a request in early data", ("-early_data",), ("-tls1_3", "-sess_in", str(saved), "-early_data", str(early)),
            [two[1]] + rest, both, first=("-tls1_3", "-sess_out", str(saved)))
    session("TLS 1.3, a request in early data of a client with a certificate", ("-early_data", "-verify", "1"),
            ("-tls1_3", "-sess_in", str(saved), "-early_data", str(early)), [two[1]] + rest, both, first=("-tls1_3", "-sess_out", str(saved), *mine),
            kinds=["mtls", "mtls"])
    session("TLS 1.3, early data that is turned away", ("-max_early_data", "0"), ("-tls1_3", "-sess_in", str(saved), "-early_data", str(early)),
            rest, [("GET", "/two", 200)])


sessions()
for version in ("TLSv1_2", "TLSv1_3"):
    lossy(version, range(60 if PROOF else 12))
finish()
