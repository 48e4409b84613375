"""Ways to carry a frame (Ethernet, IPv4) inside others: ETHERNET by name, and LINKS with their link type."""
import struct

MACS = b"\x02\0\0\0\x99\x02\x02\0\0\0\x99\x01"


def ip(protocol, payload):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0, b"\x0a\x63\0\1", b"\x0a\x63\0\2") + payload


def ip6(protocol, payload):
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + b"\xfd" + bytes(14) + b"\1" + b"\xfd" + bytes(14) + b"\2" + payload


def ether(kind, payload):
    return MACS + struct.pack(">H", kind) + payload


def udp(port, payload):
    return ether(0x0800, ip(17, struct.pack(">HHHH", 50000, port, 8 + len(payload), 0) + payload))


def gre(kind, payload, flags=0, more=b""):
    return ether(0x0800, ip(47, struct.pack(">HH", flags, kind) + more + payload))


def wlan(frame, qos=False):
    head = b"\x88\x01" if qos else b"\x08\x01"
    return head + b"\0\0" + bytes(18) + b"\0\0" + (b"\0\0" if qos else b"") + b"\xaa\xaa\3\0\0\0" + frame[12:]


def nflog(packet):
    def attribute(kind, body):
        return struct.pack("<HH", 4 + len(body), kind) + body + b"\0" * (-len(body) % 4)
    return b"\2\0\0\0" + attribute(1, b"\x08\0\0\0") + attribute(10, b"prefix\0") + attribute(9, packet)


L3 = slice(14, None)
ETHERNET = {
    "vlan": lambda f: f[:12] + b"\x81\0\0\x2a" + f[12:],
    "mpls": lambda f: ether(0x8847, b"\0\1\0\x40" + b"\0\2\1\x40" + f[L3]),
    "mpls-ethernet": lambda f: ether(0x8848, b"\0\2\1\x40" + bytes(4) + f),
    "pppoe": lambda f: ether(0x8864, struct.pack(">BBHH", 0x11, 0, 7, 2 + len(f[L3])) + b"\0\x21" + f[L3]),
    "pppoe, short protocol": lambda f: ether(0x8864, struct.pack(">BBHH", 0x11, 0, 7, 1 + len(f[L3])) + b"\x21" + f[L3] + b"trailer"),
    "gre": lambda f: gre(0x0800, f[L3]),
    "gre, key and sequence": lambda f: gre(0x6558, f, 0xB000, bytes(12)),
    "gre of version 1": lambda f: gre(0x880B, b"\xff\3\0\x21" + f[L3], 0x3081, struct.pack(">HHII", len(f[L3]) + 4, 1, 1, 1)),
    "gre in IPv6": lambda f: ether(0x86DD, ip6(47, struct.pack(">HH", 0, 0x0800) + f[L3])),
    "gre with 802.11": lambda f: gre(0x8200, wlan(f)),
    "erspan I": lambda f: gre(0x88BE, f),
    "erspan II": lambda f: gre(0x88BE, bytes(8) + f, 0x1000, bytes(4)),
    "erspan III": lambda f: gre(0x22EB, bytes(11) + b"\0" + f, 0x1000, bytes(4)),
    "erspan III, platform header": lambda f: gre(0x22EB, bytes(11) + b"\1" + bytes(8) + f, 0x1000, bytes(4)),
    "vxlan": lambda f: udp(4789, struct.pack(">II", 0x08000000, 7 << 8) + f),
    "vxlan-gpe": lambda f: udp(4790, struct.pack(">II", 0x0C000003, 7 << 8) + f),
    "vxlan-gpe, IP": lambda f: udp(4790, struct.pack(">II", 0x0C000001, 7 << 8) + f[L3]),
    "geneve": lambda f: udp(6081, struct.pack(">BBHI", 2, 0, 0x6558, 7 << 8) + bytes(8) + f),
    "geneve, IP": lambda f: udp(6081, struct.pack(">BBHI", 0, 0, 0x0800, 7 << 8) + f[L3]),
    "gtp-u": lambda f: udp(2152, struct.pack(">BBHI", 0x30, 255, len(f[L3]), 9) + f[L3]),
    "gtp-u, extensions": lambda f: udp(2152, struct.pack(">BBHI", 0x34, 255, 8 + len(f[L3]), 9) + b"\0\0\0\x85" + b"\1\0\0\0" + f[L3]),
    "IP in IP": lambda f: ether(0x0800, ip(4, f[L3])),
    "IP in IPv6": lambda f: ether(0x86DD, ip6(4, f[L3])),
    "6in4 in IPv6": lambda f: ether(0x86DD, ip6(41, ip6(4, f[L3]))),
    "teredo": lambda f: udp(3544, ip6(4, f[L3])),
    "teredo, authentication and origin": lambda f: udp(3544, b"\0\1\0\0" + bytes(9) + b"\0\0" + bytes(6) + ip6(4, f[L3])),
    "tzsp": lambda f: udp(37008, b"\1\0\0\1" + b"\x0a\1\0\0\1" + f),
    "tzsp with 802.11": lambda f: udp(37008, b"\1\0\0\x12\1" + wlan(f, True)),
    "l2tp": lambda f: udp(1701, struct.pack(">HHHH", 0x4002, 10 + len(f[L3]) + 2, 1, 2) + b"\xff\3\0\x21" + f[L3]),
    "snap": lambda f: f[:12] + struct.pack(">H", 8 + len(f[L3])) + b"\xaa\xaa\3\0\0\0" + f[12:],
}
LINKS = {
    "raw": (101, lambda f: f[L3]), "raw of BSD": (12, lambda f: f[L3]), "null": (0, lambda f: b"\2\0\0\0" + f[L3]), "loop": (108, lambda f: b"\0\0\0\2" + f[L3]),
    "sll": (113, lambda f: bytes(14) + f[12:]), "sll2": (276, lambda f: f[12:14] + bytes(18) + f[L3]), "ppp": (9, lambda f: b"\xff\3\0\x21" + f[L3]),
    "ppp in hdlc": (50, lambda f: b"\xff\3\0\x21" + f[L3]), "c-hdlc": (104, lambda f: b"\x0f\0" + f[12:]), "802.11": (105, wlan),
    "802.11 with QoS": (105, lambda f: wlan(f, True)), "radiotap": (127, lambda f: b"\0\0\x0a\0" + bytes(6) + wlan(f)), "nflog": (239, lambda f: nflog(f[L3])),
}
