#!/usr/bin/env python3
"""What could not be read is said first, and by name; what stands in tags and tunnels is read as if it did not."""
import json
import re

from lib import EPOCH, PCAP, SECRET, audit, check, finish, folder, good, parsed

here = folder()


def text(name):
    return good("report", here / (name + ".db"), "--format", "text")


def report(name):
    return parsed(audit(PCAP / (name + ".pcap"), name))


tls = report("tls")
check(tls["capture"]["flows_opaque"].get("tls") == 3 and tls["totals"]["exchanges"] == 0, "tls: three flows, none read", tls["capture"]["flows_opaque"])
first = [line for line in text("tls").splitlines() if line.strip()][:3]
check(any("TLS" in line for line in first) and any("tap" in line or "--keys" in line for line in first), "tls: the report says so first, and what to do", *first)

empty = report("empty")
check(empty["totals"]["exchanges"] == 0 and empty["capture"]["packets"] == 0 and empty["totals"]["repeat_ratio"] is None, "empty: zeros, and null where nothing can be known",
      empty["totals"])
check(text("empty").strip(), "empty: a report all the same")

oneway = report("oneway")
check(oneway["totals"]["orphan_responses"] == 9 and oneway["capture"]["flows_oneway"] == 2, "oneway: answers without requests are counted, so are the flows", oneway["capture"],
      oneway["totals"])
first = [line for line in text("oneway").splitlines() if line.strip()][:4]
check(any("direction" in line for line in first), "oneway: the report says so first", *first)

for name, of in (("vlan", "heads"), ("vxlan", "heads"), ("qinq", "keepalive")):
    inside = report(name)
    check(inside["capture"]["encapsulations"].get(name) == inside["capture"]["packets"], "%s: every packet counted as such" % name, inside["capture"]["encapsulations"])
    a, b = (good("log", "-r", PCAP / (n + ".pcap"), "--secret", SECRET) for n in (name, of))
    check(a and a == b, "%s: the records of %s" % (name, of))

# Round trips aside: what is seen twice is no measure of one.
a, b = (re.sub(r'"rtt_\w+":[0-9.]+,?', "", good("log", "-r", PCAP / (n + ".pcap"), "--secret", SECRET)) for n in ("doubled", "chunked"))
check(a and a == b, "doubled: the records of chunked")
doubled = report("doubled")
check(doubled["capture"]["duplicates"] > 0, "doubled: the duplicates are counted", doubled["capture"])

cut = report("snaplen")
check(cut["totals"]["exchanges"] == 4 and cut["capture"]["gap_bytes"] > 0 and cut["capture"]["coverage"] < 1, "snaplen: what was cut off is a gap", cut["capture"])


# From records that say no sizes, and of one request.
def of_records(name, records):
    (here / (name + ".jsonl")).write_text("".join(json.dumps({"client": "10.0.0.1:4", "method": "POST", "authority": "a.example", "status": 200, **r}) + "\n" for r in records))
    good("capture", "-q", "--records", here / (name + ".jsonl"), "-d", here / (name + ".db"), "--secret", SECRET)
    return text(name)


slow = [{"ts": EPOCH + i, "target": "/%s/1" % "abcd"[i % 4], "ttfb_s": 2 if i % 4 == 3 else .01} for i in range(400)]
check("endpoints that no size is known of take" in of_records("sizeless", slow), "without sizes nothing is said of answers of that size", text("sizeless")[:1500])
check("endpoints with answers of that size take" in of_records("sized", [{**r, "response_bytes": 500} for r in slow]), "with sizes it is", text("sized")[:1500])
one = of_records("one", [{"ts": EPOCH, "target": "/", "ttfb_s": .01, "duration_s": .02}])
check("  1 exchange, 1 client" in one and "(1.0/s), 1 client" in text("sized"), "one request is no rate", one[:400])
finish()
