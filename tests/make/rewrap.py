#!/usr/bin/env python3
"""rewrap.py HOW IN OUT: writes a pcap again, otherwise.

  vlan     802.1Q tag 42 on every frame           qinq    802.1ad 7 outside, 802.1Q 42 inside
  vxlan    every frame inside VXLAN (VNI 4242)    oneway  only what the server (port 80) sends
  cutN     every frame cut to N bytes             dup     every frame twice
  plain    as it is, times and all (link checks)
Frames are Ethernet; classic pcap, either byte order; .gz in and out by name, .zst (by zstd) out."""
import gzip
import struct
import subprocess
import sys


def read(path):
    """(seconds, microseconds, wire length, frame) of each record of an Ethernet capture."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        data = f.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}[data[:4]]
    assert struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF == 1, "Ethernet only"
    at = 24
    while at + 16 <= len(data):
        sec, usec, n, wire = struct.unpack_from(order + "IIII", data, at)
        at += 16
        yield sec, usec, wire, data[at:at + n]
        at += n


def checksum(header):
    total = sum(struct.unpack(">%dH" % (len(header) // 2), header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def vxlan(frame):
    inner = struct.pack(">II", 0x08000000, 4242 << 8) + frame
    udp = struct.pack(">HHHH", 49152 + sum(frame[26:34]) % 1000, 4789, 8 + len(inner), 0) + inner
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0, b"\x0a\x63\x00\x01", b"\x0a\x63\x00\x02")
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return b"\x02\0\0\0\x99\x02\x02\0\0\0\x99\x01\x08\x00" + head + udp


def from_server(frame):
    ip = 14 + (frame[14] & 15) * 4
    return frame[12:14] == b"\x08\x00" and frame[23] == 6 and struct.unpack_from(">H", frame, ip)[0] == 80


HOW = {"vlan": lambda f: [f[:12] + b"\x81\x00\x00\x2a" + f[12:]],
       "qinq": lambda f: [f[:12] + b"\x88\xa8\x00\x07\x81\x00\x00\x2a" + f[12:]],
       "vxlan": lambda f: [vxlan(f)],
       "oneway": lambda f: [f] if from_server(f) else [],
       "dup": lambda f: [f, f],
       "plain": lambda f: [f]}


def packed(name, data):
    if name.endswith(".zst"):
        return subprocess.run(["zstd", "-q", "--ultra", "-22", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return gzip.compress(data, 9, mtime=0) if name.endswith(".gz") else data


def main():
    how, source, target = sys.argv[1:4]
    cut = int(how[3:]) if how.startswith("cut") else 0
    rewrite = HOW["plain" if cut else how]
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for sec, usec, wire, frame in read(source):
        for new in rewrite(frame):
            whole = wire + len(new) - len(frame)
            new = new[:cut] if cut else new
            out.append(struct.pack("<IIII", sec, usec, len(new), whole) + new)
    data = b"".join(out)
    with open(target, "wb") as f:
        f.write(packed(target, data))


if __name__ == "__main__":
    main()
