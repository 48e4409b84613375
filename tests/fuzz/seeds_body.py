#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_body: small, made from nothing.

    python3 tests/fuzz/seeds_body.py         writes tests/fuzz/corpus/body/
"""
import gzip
import os
import subprocess
import zlib

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "body")
TEXTS = {
    "object": b'{"id":1,"ts":"2023-11-14T22:13:20Z","rid":"0123456789abcdef","took_ms":3,"tags":["a","b"],"in":{"x":[{"y":null},{}]}}',
    "escapes": b'["\\u00e9\\ud83d\\ude00\\n\\"", true, false, null, -1.5e+3, 1700000000, [], {}]',
    "broken": b'{"a":[1,2,{"b":"c"}',
    "deep": b"[" * 64 + b"]" * 64,
}


def tool(*words):
    return lambda data: subprocess.run(words, input=data, stdout=subprocess.PIPE, check=True).stdout


CODINGS = {1: lambda d: gzip.compress(d, mtime=0), 2: zlib.compress, 4: tool("zstd", "-qc"), 3: tool("brotli", "-c")}
os.makedirs(HERE, exist_ok=True)
for name, text in TEXTS.items():
    with open(os.path.join(HERE, name), "wb") as out:
        out.write(b"\0\5" + text)
for number, encode in CODINGS.items():
    try:
        coded = encode(TEXTS["object"])
    except OSError:
        continue
    with open(os.path.join(HERE, "coded-%d" % number), "wb") as out:
        out.write(bytes([number, 6]) + coded)
with open(os.path.join(HERE, "stacked"), "wb") as out:
    out.write(bytes([7, 3]) + gzip.compress(gzip.compress(gzip.compress(TEXTS["escapes"], mtime=0), mtime=0), mtime=0))
