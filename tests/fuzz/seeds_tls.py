#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_tls: short conversations of this machine's OpenSSL with their secrets.

    python3 tests/fuzz/seeds_tls.py            writes tests/fuzz/corpus/tls/"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "fuzz" / "corpus" / "tls"
TURNS = [[">", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".hex()], ["<", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".hex()]] * 2


def conversation(folder, **options):
    keys = pathlib.Path(folder) / "keys"
    keys.unlink(missing_ok=True)
    options.update(keys=str(keys), pem=str(pathlib.Path(folder) / "pem"), turns=TURNS)
    p = subprocess.run([sys.executable, str(ROOT / "tests/e2e/tls.py"), "--peer", json.dumps(options)], capture_output=True, text=True, check=True)
    turns = [(d, bytes.fromhex(h)) for d, h in json.loads(p.stdout)["connections"][-1]]
    return "".join(line for line in keys.read_text().splitlines(True) if line[0] != "#" and "EXPORTER" not in line), turns


def segments(turns, mss=60000):
    return [(d, data[i:i + mss]) for d, data in turns for i in range(0, len(data), mss)]


def packed(keys, parts, late=False, lose=None):
    out = (("#\n" if late else "") + keys + "\n").encode()
    for i, (direction, data) in enumerate(parts):
        role = b"\0" if direction == ">" else b"\1"
        if i == lose:
            out += role + b"\xff\xff" + bytes([min(255, len(data) - 1)])
            continue
        out += role + struct.pack(">H", len(data)) + data
    return out + (b"\0\xff\xfe" if late else b"")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pem = pathlib.Path(folder) / "pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder + "/k", "-out",
                        folder + "/c", "-days", "9", "-subj", "/CN=a"], check=True, capture_output=True)
        pem.write_bytes((pathlib.Path(folder) / "k").read_bytes() + (pathlib.Path(folder) / "c").read_bytes())
        for name, options in (("13", {"version": "TLSv1_3"}), ("gcm", {"version": "TLSv1_2", "cipher": "ECDHE-ECDSA-AES128-GCM-SHA256"}),
                              ("etm", {"version": "TLSv1_2", "cipher": "ECDHE-ECDSA-AES128-SHA"}), ("ccm", {"version": "TLSv1_2", "cipher": "ECDHE-ECDSA-AES128-CCM"}),
                              ("mte", {"version": "TLSv1_2", "cipher": "ECDHE-ECDSA-AES256-SHA384", "mac_then_encrypt": True}),
                              ("13-client", {"version": "TLSv1_3", "certificate": str(pem)}), ("13-client-again", {"version": "TLSv1_3", "certificate": str(pem), "connections": 2}),
                              ("gcm-client", {"version": "TLSv1_2", "certificate": str(pem), "cipher": "ECDHE-ECDSA-AES128-GCM-SHA256"})):
            keys, turns = conversation(folder, **options)
            parts = segments(turns)
            (OUT / name).write_bytes(packed(keys, parts))
            (OUT / (name + "-late")).write_bytes(packed(keys, parts, late=True))
            (OUT / (name + "-lost")).write_bytes(packed(keys, segments(turns, 90), lose=len(segments(turns, 90)) - 3))


main()
