#!/usr/bin/env python3
"""offload.py IF…: segmentation offloads off, so that a capture shows packets as they would be on a wire (what
`ethtool -K IF tso off gso off gro off tx off` does). offload.py on IF…: on again."""
import ctypes
import fcntl
import socket
import struct
import sys

SIOCETHTOOL = 0x8946
SWITCHES = {"gro": 0x2C, "gso": 0x24, "tso": 0x1F, "sg": 0x19, "tx": 0x17}

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    on = sys.argv[1] == "on"
    for interface in sys.argv[1 + on:]:
        for name, command in (reversed(SWITCHES.items()) if on else SWITCHES.items()):
            value = ctypes.create_string_buffer(struct.pack("=II", command, on))
            try:
                fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sP", interface.encode(), ctypes.addressof(value)))
            except OSError as e:
                print("offload: %s %s: %s" % (interface, name, e.strerror), file=sys.stderr)
