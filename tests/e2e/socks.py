#!/usr/bin/env python3
# kinds: san
"""What goes through a SOCKS tunnel is read as if it went alone; cut anywhere, sent before the answer, refused or lost, nothing is
invented; names and passwords of the tunnel are nowhere."""
import json

from lib import SECRET, Capture, answer, check, finish, folder, good, parsed, request

here = folder()
INSIDE = [(">", request("GET", "/in/%d" % k)) if way == ">" else ("<", answer(200, b"x" * (50 + k))) for k in range(3) for way in "><"]
HOST = b"\5\1\0\3\x0bapi.example\0\x50"
OPENINGS = {
    "5": [(">", b"\5\1\0"), ("<", b"\5\0"), (">", HOST), ("<", b"\5\0\0\1\x7f\0\0\1\x1f\x90")],
    "5, IPv6": [(">", b"\5\3\0\1\2"), ("<", b"\5\0"), (">", b"\5\1\0\4" + bytes(16) + b"\0\x50"), ("<", b"\5\0\0\4" + bytes(18))],
    "5, password": [(">", b"\5\2\0\2"), ("<", b"\5\2"), (">", b"\1\6Canary\x08Xq7Lm2Zt"), ("<", b"\1\0"), (">", HOST), ("<", b"\5\0\0\3\x04wide\x1f\x90")],
    "4": [(">", b"\4\1\0\x50\x0a\0\0\1Canary\0"), ("<", b"\0\x5a" + bytes(6))],
    "4a": [(">", b"\4\1\0\x50\0\0\0\1Canary\0api.example\0"), ("<", b"\0\x5a" + bytes(6))],
}


def talk(turns, mss=1400):
    c = Capture()
    c.talk(*turns, port=1080, mss=mss)
    return c


def seen(c, *options):
    out = good("log", "-r", c.write(here / "w.pcap"), "--secret", SECRET, *options)
    return [(x["method"], x["target"], x["status"], x["response_bytes"], x["end"]) for x in map(json.loads, out.splitlines())], out


def opaque(c):
    good("capture", "-q", "-r", c.write(here / "w.pcap"), "-d", here / "w.db", "--fresh", "--secret", SECRET)
    return {k: v for k, v in parsed(good("report", here / "w.db", "--format", "json"))["capture"]["flows_opaque"].items() if v}


plain, _ = seen(talk(INSIDE))
check(len(plain) == 3, "there is something to compare with", plain)
for name, opening in OPENINGS.items():
    got, out = seen(talk(opening + INSIDE))
    check(got == plain and "anary" not in out and "Xq7" not in out, "SOCKS %s: what is inside is read" % name, got)
    check(opaque(talk(opening + INSIDE)) == {}, "SOCKS %s: counted as read" % name)
    wrong = [mss for mss in (2, 3, 5, 7) if seen(talk(opening + INSIDE, mss))[0] not in (plain, [])]
    check(not wrong, "SOCKS %s: cut small, all or nothing" % name, wrong, seen(talk(opening + INSIDE, 1))[0])
    parts = [(w, d[i:i + 1]) for n, (w, d) in enumerate(opening) for i in range(len(d)) if n]
    got, _ = seen(talk([opening[0]] + parts + INSIDE))
    check(got == plain, "SOCKS %s: cut after the greeting" % name, got)
    joined = opening[:-1] + [(opening[-1][0], opening[-1][1])]
    got, _ = seen(talk(joined[:-2] + [(">", joined[-2][1] + INSIDE[0][1]), ("<", joined[-1][1] + INSIDE[1][1])] + INSIDE[2:]) if len(joined) > 2 else talk(joined + INSIDE))
    check(got == plain, "SOCKS %s: the client does not wait for the tunnel" % name, got)
    for lost in range(len(opening)):
        c = talk(opening + INSIDE)
        del c.packets[3 + lost]
        got, _ = seen(c)
        check({x for x in got if x[2]} <= set(plain) and {x[:2] for x in got} <= {x[:2] for x in plain}, "SOCKS %s, message %d lost: nothing is invented" % (name, lost), got)

for name, opening in {"refused": OPENINGS["5"][:3] + [("<", b"\5\1\0\1" + bytes(6))], "refused, 4": OPENINGS["4"][:1] + [("<", b"\0\x5b" + bytes(6))],
                      "no method": OPENINGS["5"][:1] + [("<", b"\5\xff")], "bind": OPENINGS["5"][:2] + [(">", b"\5\2" + HOST[2:]), ("<", b"\5\0\0\1" + bytes(6))]}.items():
    got = opaque(talk(opening))
    check(got == {"socks": 1}, "SOCKS, %s: counted by its name" % name, got)
got = opaque(talk(OPENINGS["5"] + [(">", b"\x01\x02\x03binary\n\n"), ("<", b"\xff\xfe\xfd")]))
check(got == {"socks": 1}, "SOCKS around something else: counted by its name", got)
got, _ = seen(talk([(">", request("CONNECT", "up.example:443")), ("<", b"HTTP/1.1 200 OK\r\n\r\n")] + INSIDE))
check(got[1:] == plain, "CONNECT as before", got)
finish()
