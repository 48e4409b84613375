#!/usr/bin/env python3
"""Writes the seed corpora of fuzz_hpack and fuzz_h2: small, made from nothing.

    python3 tests/fuzz/seeds_h2.py         writes tests/fuzz/corpus/{hpack,h2}/
"""
import os
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def write(target, name, data):
    os.makedirs(os.path.join(HERE, target), exist_ok=True)
    with open(os.path.join(HERE, target, name), "wb") as out:
        out.write(data)


BLOCKS = {
    "plain": ["828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
              "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"],
    "huffman": ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
                "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"],
    "sizes": ["203fe11f82", "3f613f21be", "4001610162be20be"],
    "unknown": ["bebfc0", "7e0161", "0f2f0162be"],
}
for name, blocks in BLOCKS.items():
    body = b"".join(bytes([len(b) // 2]) + bytes.fromhex(b) for b in blocks)
    write("hpack", name, b"\1" + body)
    write("hpack", name + "-late", b"\0" + body + b"\xff" + body + b"\xfe\1" + body)


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def field(name, value):
    return b"\x40" + bytes([len(name)]) + name + bytes([len(value)]) + value


GET = bytes.fromhex("828684") + field(b":authority", b"h.test")
POST = bytes.fromhex("838684") + field(b":authority", b"h.test") + field(b"content-type", b"application/grpc")
OK = b"\x88" + field(b"content-length", b"5")
TRAILERS = field(b"grpc-status", b"5")


def segment(role, data):
    return bytes([role | 2]) + struct.pack("!H", len(data)) + data


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = frame(4, 0, 0, struct.pack("!HI", 1, 100))
CONVERSATIONS = {
    "get": segment(0, SETTINGS + frame(1, 5, 1, GET)) + segment(1, SETTINGS + frame(4, 1, 0) + frame(1, 4, 1, OK)
                                                                + frame(0, 1, 1, b"hello")),
    "two": segment(0, frame(1, 5, 1, GET) + frame(1, 5, 3, b"\x82\x86\x84\xbe"))
    + segment(1, frame(1, 4, 3, OK) + frame(1, 4, 1, b"\x88\xbe") + frame(0, 1, 1, b"hello") + frame(0, 9, 3, b"\2hello\0\0")),
    "continuation": segment(0, frame(1, 1, 1, GET[:4]) + frame(9, 0, 1, GET[4:9]) + frame(9, 4, 1, GET[9:]))
    + segment(1, frame(1, 0x25, 1, bytes(5) + OK)),
    "grpc": segment(0, frame(1, 4, 1, POST) + frame(0, 1, 1, b"\0\0\0\0\2ab"))
    + segment(1, frame(1, 4, 1, OK) + frame(0, 0, 1, b"\0\0\0\0\1c\1\0\0\0\1d") + frame(1, 5, 1, TRAILERS)),
    "reset": segment(0, frame(1, 4, 1, POST) + frame(3, 0, 1, b"\0\0\0\x08")) + segment(1, frame(7, 0, 0, bytes(8))),
    "push": segment(0, frame(1, 5, 1, GET)) + segment(1, frame(5, 4, 1, struct.pack("!I", 2) + GET) + frame(1, 5, 2, OK)),
    "lost": segment(0, frame(1, 5, 1, GET)) + b"\1\xff\x20" + segment(1, frame(0, 1, 1, b"hello") + frame(6, 0, 0, bytes(8))),
    "other": segment(0, frame(2, 0, 3, bytes(5)) + frame(8, 0, 0, b"\0\0\1\0") + frame(16, 0, 0, b"x")),
}
for name, text in CONVERSATIONS.items():
    write("h2", name, b"\3" + text)
    write("h2", name + "-late", b"\0" + text)
UPGRADE = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"
write("h2", "upgrade", b"\1" + segment(0, UPGRADE) + segment(1, SWITCH + SETTINGS + frame(1, 4, 1, OK))
      + segment(0, PREFACE + SETTINGS) + segment(1, frame(0, 1, 1, b"hello")))
