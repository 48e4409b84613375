#!/usr/bin/env python3
"""`report --format csv` is CSV: tables apart by an empty line, rows as long as their head, and every row and number of the
JSON report in it."""
import csv
import io
import json
import subprocess

from lib import BINARY, PCAP, SECRET, check, finish, folder, good

here = folder()
good("capture", "-q", "-r", PCAP / "demo.pcap.zst", "-d", here / "demo.db", "--secret", SECRET)
text = subprocess.run([BINARY, "report", here / "demo.db", "--format", "csv"], capture_output=True, check=True).stdout.decode()
report = json.loads(good("report", here / "demo.db", "--format", "json"))
tables = {}
for block in text.split("\r\n\r\n"):
    rows = list(csv.reader(io.StringIO(block, newline="")))
    head, body = rows[0], rows[1:]
    check(head[0] == "table" and body and all(len(r) == len(head) and r[0] == body[0][0] for r in body),
          "the table of %s has rows as long as its head" % (body[0][0] if body else "nothing"))
    tables[body[0][0]] = [dict(zip(head, r)) for r in body]
for name in ("endpoints", "clients"):
    check(len(tables[name]) == len(report[name]), "%s: every row of the JSON report" % name)
check(len(tables["endpoints.ttl"]) == sum(len(e["ttl"]) for e in report["endpoints"]), "endpoints.ttl: every rung")


def same(cell, value):
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell == str(value).lower()
    return float(cell) == value if isinstance(value, (int, float)) else cell.lstrip("'") == value


def compare(row, value, path=""):
    wrong = []
    for key, v in value.items():
        if isinstance(v, dict):
            wrong += compare(row, v, path + key + ".")
        elif not isinstance(v, list) and path + key in row and not same(row[path + key], v):
            wrong.append((path + key, row[path + key], v))
    return wrong


for name in ("endpoints", "clients"):
    wrong = [w for row, value in zip(tables[name], report[name]) for w in compare(row, value)]
    check(not wrong, "%s: every number is the JSON report's" % name, *wrong[:3])

hostile = here / "hostile.jsonl"
hostile.write_text('{"ts":1,"client":"10.0.0.1","method":"+CMD","authority":"a","target":"/a,b","status":200}\n')
good("capture", "-q", "--records", hostile, "-d", here / "hostile.db", "--secret", SECRET)
text = subprocess.run([BINARY, "report", here / "hostile.db", "--format", "csv"], capture_output=True, check=True).stdout.decode()
check(",\"'+CMD\"," in text and ",\"/a,b\"," in text, "no cell begins as a formula; commas are quoted")
finish()
