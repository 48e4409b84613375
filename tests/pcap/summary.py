#!/usr/bin/env python3
"""summary.py: a JSON report on stdin as a page of lines, the figures that must not change by accident."""
import json
import sys

report = json.load(sys.stdin)


def show(value):
    return "%.6f" % value if isinstance(value, float) else "-" if value is None else str(value)


def pick(name, thing, *keys):
    print(name, *("%s=%s" % (k, show(thing.get(k))) for k in keys))


capture, totals = report["capture"], report["totals"]
pick("capture", capture, "packets", "bytes", "duplicates", "unparsed_packets", "flows", "flows_midstream", "flows_oneway", "gaps",
     "gap_bytes", "coverage")
pick("totals", totals, "exchanges", "complete", "unanswered", "orphan_responses", "clients", "services", "endpoints", "keys",
     "request_bytes", "response_bytes", "eligible", "repeat_ratio", "late_records")
for name in ("methods", "statuses", "protocols"):
    print(name, *("%s=%s" % x for x in sorted(totals[name].items())))
for e in sorted(report["endpoints"], key=lambda e: (e["method"], e["service"], e["route"], e["operation"] or "")):
    pick("endpoint %s %s %s %s" % (e["method"], e["service"], e["route"], e["operation"] or ""), e, "requests", "eligible", "keys", "clients",
         "errors", "response_bytes")
    for rung in e["ttl"]:
        if rung["ttl_s"] in (1, 10, 60) and rung["lookups"]:
            pick("   ttl %d" % rung["ttl_s"], rung, "lookups", "hits", "stale_hits", "unknown_hits", "errors_masked", "bytes_saved")
    print("   declared", *("%s=%s" % x for x in sorted(e["declared"]["reasons"].items())))
    pick("   declared", e["declared"], "ttl_median", "storable_shared", "nginx", "varnish")
    if e["conditional"]["conditional"]:
        pick("   conditional", e["conditional"], "conditional", "not_modified", "wasted_full", "etag_unstable", "etag_lies", "bytes_saved_by_304")
for c in sorted(report["clients"], key=lambda c: c["client"]):
    pick("client %s" % c["client"], c, "requests", "bytes", "errors", "throttled", "poller_period_s")
    print("   peak", *("%s=%s" % x for x in sorted(c["peak"].items())), "sliding", *("%s=%s" % x for x in sorted(c["sliding"].items())))
