#!/usr/bin/env python3
"""From the wire to the report: what an API declares, the table of decisions as real exchanges, straight from packets and
by way of records."""
import email.utils
import json

from lib import EPOCH, SECRET, Capture, answer, audit, check, finish, folder, good, parsed, request

here = folder()
date = "Date: " + email.utils.formatdate(EPOCH, usegmt=True)
soon = "Expires: " + email.utils.formatdate(EPOCH + 30, usegmt=True)
past = "Expires: " + email.utils.formatdate(EPOCH - 30, usegmt=True)
ROWS = {  # name: (method, request fields, status, response fields, reason, stored by shared private nginx varnish)
    "explicit": ("GET", [], 200, ["Cache-Control: max-age=60"], "EXPLICIT", "yyyy"),
    "heuristic": ("GET", [], 200, [], "HEURISTIC", "yyny"),
    "nostore": ("GET", [], 200, ["Cache-Control: no-store", "CDN-Cache-Control: max-age=600"], "NO_STORE", "nnnn"),
    "private": ("GET", [], 200, ["Cache-Control: private, max-age=60"], "PRIVATE", "nynn"),
    "tagged": ("GET", [], 200, ["Cache-Control: s-maxage=0, max-age=60", 'ETag: "x"'], "VALIDATE", "yynn"),
    "expires": ("GET", [], 200, [soon], "EXPLICIT", "yyyy"),
    "bad": ("GET", [], 200, ["Expires: 0"], "VALIDATE_NO_VALIDATOR", "yyny"),
    "first": ("GET", [], 200, [past, "Cache-Control: max-age=60"], "EXPLICIT", "yyny"),
    "second": ("GET", [], 200, ["Cache-Control: max-age=60", past], "EXPLICIT", "yyyy"),
    "authorization": ("GET", ["Authorization: Bearer x"], 200, ["Cache-Control: max-age=60"], "AUTHORIZATION", "nyyn"),
    "public": ("GET", ["Authorization: Bearer x"], 200, ["Cache-Control: public, max-age=60"], "EXPLICIT", "yyyn"),
    "cookie": ("GET", ["Cookie: a=b"], 200, ["Cache-Control: max-age=60"], "EXPLICIT", "yyyn"),
    "setcookie": ("GET", [], 200, ["Set-Cookie: a=b", "Cache-Control: max-age=60"], "SET_COOKIE", "yynn"),
    "star": ("GET", [], 200, ["Vary: *", "Cache-Control: max-age=60"], "VARY_STAR", "nnnn"),
    "vary": ("GET", ["Authorization: Basic eA=="], 200, ["Vary: Authorization", "Cache-Control: s-maxage=5"], "EXPLICIT", "yyyn"),
    "post": ("POST", [], 200, ["Cache-Control: max-age=60"], "POST", "nnnn"),
    "location": ("POST", [], 200, ["Cache-Control: max-age=60", "Content-Location: /location"], "EXPLICIT", "yynn"),
    "absolute": ("POST", [], 200, ["Cache-Control: max-age=60", "Content-Location: http://api.example/absolute"], "EXPLICIT", "yynn"),
    "put": ("PUT", [], 200, ["Cache-Control: max-age=60"], "METHOD", "nnnn"),
    "found": ("GET", [], 302, [], "STATUS", "nnnn"),
    "events": ("GET", [], 200, ["Content-Type: text/event-stream"], "STREAM", "nnny"),
    "asked": ("GET", ["Cache-Control: no-store"], 200, ["Cache-Control: max-age=60"], "REQ_NO_STORE", "nnyy"),
    "accel": ("GET", [], 200, ["X-Accel-Expires: 60", "Cache-Control: no-store"], "NO_STORE", "nnyn"),
    "surrogate": ("GET", [], 200, ["Surrogate-Control: max-age=60", "Cache-Control: no-store"], "NO_STORE", "nnny"),
}
HITS = {"cachestatus": ('Cache-Status: edge; hit; key="/a?token=b"', 1), "cachefwd": ("Cache-Status: edge; fwd=miss; stored", 0),
        "xcache": ("X-Cache: HIT from proxy.internal", 1), "xcachemiss": ("X-Cache: MISS from proxy.internal", 0),
        "nginxcache": ("X-Cache-Status: STALE", 1), "cloudflare": ("CF-Cache-Status: DYNAMIC", 0), "varnish": ("X-Varnish: 12 7", 1),
        "varnishmiss": ("X-Varnish: 12", 0), "age": ("Age: 7", 1), "agezero": ("Age: 0", 0)}

cap = Capture()
for name, (method, asks, status, says, _, _) in ROWS.items():
    cap.talk((">", request(method, "/" + name, *asks, body=b"x" if method in ("POST", "PUT") else b"")), ("<", answer(status, b"{}", date, *says)))
for name, (says, _) in HITS.items():
    cap.talk((">", request("GET", "/" + name)), ("<", answer(200, b"{}", date, says)))
tag, weak, full = 'ETag: "a"', 'ETag: W/"a"', b"0123456789" * 10
for asks, status, says in (([], 200, tag), (['If-None-Match: "a"'], 304, tag), (['If-None-Match: "a"'], 200, tag), ([], 200, 'ETag: "b"'),
                           (['If-None-Match: "b"'], 304, 'ETag: "b"'), ([], 200, weak), (['If-None-Match: W/"a"'], 200, weak)):
    cap.talk((">", request("GET", "/conditional", *asks)), ("<", answer(status, full if status == 200 else b"", date, says)))
wire = parsed(audit(cap.write(here / "d.pcap"), "wire"))
rows = {e["route"].strip("/"): e for e in wire["endpoints"]}
for name, (_, _, _, _, reason, stored) in ROWS.items():
    d = rows[name]["declared"]
    got = "".join("ny"[d[k]] for k in ("storable_shared", "storable_private", "nginx", "varnish"))
    check(d["reasons"] == {reason: 1} and got == stored, "%s: %s %s" % (name, reason, stored), d)
check(rows["nostore"]["declared"]["storable_cdn"] == 1, "CDN-Cache-Control is heeded by a CDN alone")
check(rows["explicit"]["declared"]["ttl_median"] == 60 and rows["heuristic"]["declared"]["ttl_median"] is None
      and rows["expires"]["declared"]["ttl_median"] == 30, "the lifetime that is declared")
check(rows["cookie"]["declared"]["cookie_present"] == 1 and rows["explicit"]["declared"]["cookie_present"] == 0, "a Cookie is seen")
for name, (says, hit) in HITS.items():
    check(rows[name]["cache_in_path"] == {"seen": 1, "hits": hit, "share": hit, "hit_ratio": hit}, says, rows[name]["cache_in_path"])
c = rows["conditional"]["conditional"]
want = {"reads": 7, "conditional": 4, "not_modified": 2, "wasted_full": 2, "wasted_full_bytes": 200, "etag_pairs": 2, "etag_unstable": 1,
        "etag_lies": 0, "bytes_saved_by_304": 200}
check({k: c[k] for k in want} == want, "conditional requests, weak tags told from strong ones", c)
check(c["validator_coverage"] == {"full": 5, "strong_etag": 0.6, "weak_etag": 0.4, "last_modified": 0}, "validators", c["validator_coverage"])

log = good("log", "-r", here / "d.pcap", "--secret", SECRET, "--format", "jsonl")
good("capture", "-q", "--records", "-", "-d", here / "records.db", "--secret", SECRET, stdin=log)
again = parsed(good("report", here / "records.db", "--format", "json"))
check(again["endpoints"] == wire["endpoints"], "the same by way of records")
fields = [json.loads(line).get("headers", {}) for line in log.splitlines()]
said = {(side, name): value for f in fields for side in f for name, value in f[side].items()}
check(said["request", "cookie"] == "~" and not any(w in log for w in ("proxy.internal", "Bearer", "a=b", "token=b")),
      "records say that credentials and caches were there, not which", said)
finish()
