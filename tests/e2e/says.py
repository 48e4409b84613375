#!/usr/bin/env python3
"""What could not be read is said first, and by name; what stands in tags and tunnels is read as if it did not."""
import re

from lib import PCAP, SECRET, audit, check, finish, folder, good, parsed

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
finish()
