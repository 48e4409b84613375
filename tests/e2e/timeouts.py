#!/usr/bin/env python3
# kinds: san
"""A request without an answer ends after --answer-timeout seconds, whatever else is on the wire meanwhile."""
import json

from lib import SECRET, Capture, answer, check, finish, folder, good, request

here = folder()


def ends(name, late, foreign, *options):
    """How a request and its answer so many seconds later end; foreign: when somebody else sends a packet, or None."""
    cap = Capture()
    cap.talk((">", request("GET", "/slow")), close=False)
    asked = cap.now
    if foreign is not None:
        cap.now = asked + int(foreign * 1e6)
        cap.segment("10.9.9.9", "10.9.9.8", 5000, 5001, 1, 0, 2)
    cap.now = asked + int(late * 1e6)
    cap.segment("10.0.0.1", "10.0.0.2", 80, cap.port, 5001, 1001 + len(request("GET", "/slow")), 24, answer(200, b"late"))
    log = good("log", "-q", "-r", cap.write(here / (name + ".pcap")), "--secret", SECRET, *options)
    return [(r["method"], r["end"]) for r in map(json.loads, log.splitlines())]


whole, apart = [("GET", "complete")], [("GET", "timeout"), (None, "complete")]
for late, want, options in ((299, whole, ()), (301, apart, ()), (1.2, apart, ("--answer-timeout", "1")), (0.8, whole, ("--answer-timeout", "1"))):
    alone, beside = ends("alone", late, None, *options), ends("beside", late, late - 0.1, *options)
    check(alone == want and beside == want, "answered after %s s %s: %s, alone and beside others" % (late, " ".join(options), [e for _, e in want]), alone, beside)

# Beside answers that began long ago and go on, each ends when it is due; one of those ends meanwhile.
cap = Capture()
begun = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun"
cap.talk((">", request("GET", "/open/1")), ("<", begun), close=False)
cap.talk((">", request("GET", "/open/2")), ("<", begun), close=False)
asked = cap.now
for at in (5, 6, 20):
    cap.now = asked + at * 1_000_000
    cap.talk((">", request("GET", "/%d" % at)), close=False)
    if at == 6:
        cap.now = asked + 19_000_000
        cap.segment("10.0.0.1", "10.0.0.2", 80, 40001, 5001 + len(begun), 1001 + len(request("GET", "/open/1")), 24, b"done")
for at, port, target in ((305.5, 40003, "/5"), (305.8, 40004, "/6"), (320.5, 40005, "/20")):
    cap.now = asked + int(at * 1e6)
    cap.segment("10.0.0.1", "10.0.0.2", 80, port, 5001, 1001 + len(request("GET", target)), 24, answer(200, b"late"))
log = [json.loads(line) for line in good("log", "-q", "-r", cap.write(here / "open.pcap"), "--secret", SECRET).splitlines()]
found = sorted((r["target"] or "", r["end"]) for r in log)
want = [("", "complete"), ("", "complete"), ("/20", "timeout"), ("/5", "timeout"), ("/6", "complete"), ("/open/1", "complete"), ("/open/2", "capture_end")]
check(found == want, "beside answers that go on: what is due ends, what is not is answered", found)
finish()
