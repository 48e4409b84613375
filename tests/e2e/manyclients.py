#!/usr/bin/env python3
# kinds: san
"""More clients than memory: how many there are is estimated and said to be, within three standard errors; while each has room it is
exact. An audit that goes on does not count anybody twice, nor forget who was not listed."""
import json

from lib import EPOCH, SECRET, check, finish, folder, good

here = folder()
ERROR = 1.04 / 64


def lines(start, clients):
    return [json.dumps({"ts": round(EPOCH + start + n / 100, 6), "client": "10.0.0.1:4000", "method": "GET", "authority": "api.test", "target": "/a",
                        "status": 200, "client_id": "bearer:%012x" % (c * 0x9E3779B97F4A + 1 & 0xFFFFFFFFFFFF)}) for n, c in enumerate(clients)]


endpoints = []  # the first of each report


def audit(name, text, *options):
    path, db = here / (name + ".jsonl"), here / (name + ".db")
    path.write_text("\n".join(text) + "\n")
    good("capture", "-q", "--records", path, "-d", db, "--secret", SECRET, *options)
    report = json.loads(good("report", db, "--format", "json"))
    endpoints.append(report["endpoints"][0])
    return report["totals"], good("report", db)


def near(totals, truth):
    return totals["clients_error"] > 0.016 and abs(totals["clients"] / truth - 1) <= 3 * ERROR


first, then = [n * 7 % 8000 for n in range(9000)], [n * 7 % 12000 for n in range(12000)]
totals, text = audit("few", lines(0, first), "--memory", "16M")
check(near(totals, 8000) and "about " in text.splitlines()[2], "without room for all they are estimated, and it is said", totals, text[:400])
check(endpoints[-1]["clients"] is None and 0 < endpoints[-1]["clients_at_least"] < 8000, "how many an endpoint has is not known then, but at least", endpoints[-1]["clients_at_least"])
totals, _ = audit("few", lines(500, then), "--memory", "16M", "--append")
check(near(totals, 12000), "and after a stop, too, nobody twice", totals)
totals, text = audit("many", lines(0, first), "--memory", "128M")
check(totals["clients"] == 8000 and totals["clients_error"] == 0 and "about" not in text.splitlines()[2], "with room for all the count is exact", totals)
check(endpoints[-1]["clients"] == endpoints[-1]["clients_at_least"] == 8000, "nor is the endpoint's anything else", endpoints[-1]["clients"])
totals, _ = audit("many", lines(500, then), "--memory", "128M", "--append")
check(near(totals, 12000), "those that the store does not list are remembered over a stop", totals)
totals, _ = audit("small", lines(0, range(100)), "--memory", "128M")
again, _ = audit("small", lines(500, range(50, 150)), "--memory", "128M", "--append")
check((totals["clients"], again["clients"], again["clients_error"]) == (100, 150, 0), "few are counted exactly over a stop", totals, again)
finish()
