#!/usr/bin/env python3
"""Writes the seed corpora of fuzz_packet and fuzz_source: small, made from nothing, one shape of input each.

    python3 tests/fuzz/seeds.py            writes tests/fuzz/corpus/{packet,source}/
"""

import gzip
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "make"))
from wraps import ETHERNET, LINKS as LAYERS  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
MACS = bytes.fromhex("020000000001020000000002")
DATA = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LINKS = [1, 113, 276, 0, 108, 12, 101, 228, 229, 147, 9, 50, 104, 105, 127, 239]  # as in fuzz_packet.c


def tcp(options=b""):
    head = struct.pack("!HHIIBBHHH", 40000, 80, 1, 2, (20 + len(options)) // 4 << 4, 0x18, 512, 0, 0)
    return head + options + DATA


STAMPS = bytes.fromhex("0101080a") + struct.pack("!II", 7, 8)


def ip4(payload, protocol=6, fragment=0):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0,
                       bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])) + payload


def ip6(payload, protocol=6):
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" + payload


def ethernet(payload, *types):
    return MACS + b"".join(t if isinstance(t, bytes) else struct.pack("!H", t) for t in types) + payload


def tag(type_, vlan):
    return struct.pack("!HH", type_, vlan)


def vxlan(inner, vni=7, port=4789):
    udp = struct.pack("!HHHH", 50000, port, 16 + len(inner), 0)
    return ip4(udp + struct.pack("!II", 0x08000000, vni << 8) + inner, 17)


def frames():
    """name, link type, frame"""
    plain = ethernet(ip4(tcp(STAMPS)), 0x0800)
    yield "plain", 1, plain
    yield "v6", 1, ethernet(ip6(tcp(STAMPS)), 0x86DD)
    yield "vlan", 1, ethernet(ip4(tcp()), tag(0x8100, 5), 0x0800)
    yield "qinq", 1, ethernet(ip4(tcp()), tag(0x88A8, 5), tag(0x8100, 6), 0x0800)
    yield "triple", 1, ethernet(ip6(tcp()), tag(0x9100, 5), tag(0x8100, 6), tag(0x8100, 7), 0x86DD)
    yield "vxlan", 1, ethernet(vxlan(plain), 0x0800)
    yield "vxlan2", 1, ethernet(vxlan(ethernet(vxlan(plain, 8, 8472), 0x0800)), 0x0800)
    yield "snap", 1, ethernet(bytes.fromhex("aaaa03000000") + struct.pack("!H", 0x0800) + ip4(tcp()), len(DATA) + 48)
    yield "arp", 1, ethernet(bytes(28), 0x0806)
    yield "udp", 1, ethernet(ip4(struct.pack("!HHHH", 53, 53, 8, 0), 17), 0x0800)
    yield "fragment", 1, ethernet(ip4(tcp(), 6, 0x2000), 0x0800)
    yield "sll", 113, bytes.fromhex("00000001000602000000000100000800") + ip4(tcp())
    yield "sll2", 276, struct.pack("!HHIHBB", 0x86DD, 0, 2, 1, 0, 6) + bytes(8) + ip6(tcp())
    yield "null", 0, struct.pack("<I", 2) + ip4(tcp())
    yield "loop", 108, struct.pack("!I", 24) + ip6(tcp())
    yield "raw", 101, ip4(tcp())
    yield "extensions", 229, ip6(b"\x2b\0" + bytes(6) + b"\x3c\0" + bytes(6) + b"\x2c\0" + bytes(6) + b"\x33\0" + bytes(6)
                                 + b"\x06\4" + bytes(22) + tcp(), 0)
    for kind, wrap in ETHERNET.items():
        yield "in-" + kind.replace(",", "").replace(" ", "-"), 1, wrap(plain)
    for kind, (link, wrap) in LAYERS.items():
        yield "on-" + kind.replace(" ", "-"), link, wrap(plain)
    options = bytes.fromhex("020405b40402080a0000000700000008010303070000")
    yield "options", 228, ip4(tcp(options + bytes(-len(options) % 4)))


def pcap(order="<", magic=0xA1B2C3D4, extra=b""):
    out = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 262144, 1)
    for k, (_, link, frame) in enumerate(frames()):
        if link == 1 and k < 4:
            out += struct.pack(order + "IIII", 1700000000 + k, k, len(frame), len(frame)) + extra + frame
    return out


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def pcapng(order="<"):
    out = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    for link, resolution in ((1, 6), (113, 9), (101, 0x8A)):
        out += block(order, 1, struct.pack(order + "HHI", link, 0, 96)
                     + option(order, 9, bytes([resolution])) + option(order, 14, struct.pack(order + "q", 3)) + bytes(4))
    out += block(order, 0xBAD, b"unknown")
    for _, link, frame in list(frames())[:12]:
        interface = {1: 0, 113: 1}.get(link, 2)
        head = struct.pack(order + "IIIII", interface, 0x60A24, 0x5B5E0000, len(frame), len(frame) + 4)
        out += block(order, 6, head + frame)
    out += block(order, 3, struct.pack(order + "I", 40) + bytes(40))
    out += block(order, 2, struct.pack(order + "HHIIII", 0, 0, 0x60A24, 0x5B5E0000, 4, 4) + b"abcd")
    return out


def packed(tool, data):
    return subprocess.run([tool, "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def write(room, name, data):
    folder = os.path.join(HERE, room)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as out:
        out.write(data)


def main():
    for name, link, frame in frames():
        write("packet", name, bytes([LINKS.index(link), 0]) + frame)
    write("source", "us-le.pcap", pcap())
    write("source", "ns-be.pcap", pcap(">", 0xA1B23C4D))
    write("source", "modified.pcap", pcap("<", 0xA1B2CD34, bytes(8)))
    write("source", "le.pcapng", pcapng())
    write("source", "be.pcapng", pcapng(">"))
    write("source", "two.pcapng", pcapng(">") + pcapng())
    write("source", "cut.pcapng", pcapng()[:-9])
    write("source", "a.gz", gzip.compress(pcap(), mtime=0) + gzip.compress(b"", mtime=0))
    write("source", "a.zst", packed("zstd", pcap()))
    write("source", "a.lz4", packed("lz4", pcapng()))


main()
