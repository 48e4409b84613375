#!/usr/bin/env python3
# kinds: san
"""What redaction leaves: routes that are still named, keys that are still told apart, and records that give the same again."""
import json

from lib import SECRET, Capture, answer, check, finish, folder, good, parsed, request

here = folder()
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
B64 = "Qx7bTrW2mK9sLpZ4vNcY8dFgHjJ1aSuE5oiU"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlIQ"
cap = Capture()


def hexed(n):
    return "%04x" % n + HEX[4:]


def get(target, host="api.example"):
    cap.talk((">", ("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, host)).encode("latin-1")), ("<", answer(200, b"x" * 10)))


for n in range(40):  # more than a node of routes keeps as they are
    for pattern in "/a/tok-%s", "/b/%s.pdf", "/c/sha256:%s", "/d/%s", "/e/chunk-%s.js", "/f/x;jsessionid=%s", "/g#%s", "/h?%s":
        get(pattern % hexed(n))
    get("/i/%04d%s.json" % (n, B64))
    get("/j/eyJ%04d%s.json" % (n, JWT))
for target in ("/x\xe9", "/x\xff", "/x\xc3\xa9", "/x%E9", "/y?q=\xe9", "/y?q=\xff", "/y?\xff=1", "/z\xf0\x9f\x98", "/z\xf0\x9f"):
    get(target)
get("/host", "h\xe9.test")
get("/host", "h\xff.test")
get("/host", "bob:pw@h.test")
for word in range(40):
    get("/w?w=%s&v=%s" % (chr(97 + word % 26) * (1 + word // 26), chr(97 + word % 26)))
for target in ("/sent/~0123456789ab", "/sent/tok-~0123456789ab", "/sent?q=~0123456789ab&token=~0123456789ab", "/sent#~0123456789ab",
               "http://~0123456789ab@api.example/sent", "/long/" + "ab/" * 6000, "/long?" + "a=1&token=x&" * 2000, "/long?q=" + "word" * 5000,
               "/p/%s.%s:%s" % (B64, B64, HEX), "/p/top-10-ways-to-%s-and-More" % HEX, "/p/top-10-ways-to-%s-and-more" % HEX,
               "/p/550e8400-e29b-41d4-a716-446655440000.json", "/p/top-10-ways-to-cook-an-egg-in-2024.html", "/p/listMembersOfAnOrganizationByProject.v2",
               "/q?a=1;token=V&b=2?key=x", "/q?a=1#b", "/q#", "//bob:pw@h/x", "/p/a:b@c"):
    get(target)
cap.talk((">", request("GET", "/fields", "If-None-Match: W/\"a\", \"b\"", "Accept: text/html", "Cookie: a=1", "Cookie: b=2")),
         ("<", answer(200, b"x", "Vary: Accept, Cookie", "ETag: W/\"a\"", "Content-Location: /fields", "Set-Cookie: a=1", "Set-Cookie: b=2")))
cap.write(here / "c.pcap")

for options in (), ("--clear-targets",):
    name = "clear" if options else "plain"
    first, second = here / (name + "-1.db"), here / (name + "-2.db")
    log = good("log", "-r", here / "c.pcap", "--secret", SECRET, *options)
    good("capture", "-q", "-r", here / "c.pcap", "-d", first, "--secret", SECRET, *options)
    good("capture", "-q", "--records", "-", "-d", second, "--secret", SECRET, *options, stdin=log)
    check("\\ufffd" not in log and "\ufffd" not in log, name + ": no record holds what is no text")

    def column(text, name):
        return [json.loads(line)[name] for line in text.splitlines()]
    for what in "target", "authority", "service":
        a, b = column(good("log", first), what), column(good("log", second), what)
        check(a and a == b, "%s: %s of each record as in the capture" % (name, what), [x for x in zip(a, b) if x[0] != x[1]][:3])
        if what != "authority":
            check(a == column(log, what), "%s: %s of each record as in the log" % (name, what))

    reports = [parsed(good("report", db, "--format", "json")) for db in (first, second)]
    for part in "endpoints", "totals", "clients":
        check(reports[0].get(part) and reports[0].get(part) == reports[1].get(part), "%s: the same %s from records" % (name, part))
    if options:
        continue
    routes = {e["route"]: e for e in reports[0]["endpoints"]}
    for route in "/a/tok-{hex}", "/b/{hex}.pdf", "/c/sha256:{hex}", "/d/{hex}", "/e/chunk-{hex}.js", "/f/x", "/g", "/h", "/i/{b64}.json", "/j/{jwt}.json":
        check(routes.get(route, {}).get("requests") == 40, "route %s" % route, sorted(routes)[:40])
    shown = column(log, "target")
    check(len({t for t in shown if t.startswith("/x")}) == 3, "/x and bytes that are no UTF-8: keys of their own", [t for t in shown if t.startswith("/x")])
    check("/x%FF" in shown and "/x\xe9" in shown and "/x%E9" in shown, "bytes that are no UTF-8 are percent-encoded, others stay", shown[-60:-50])
    check("http://h%e9.test" in column(log, "service") and "http://h%ff.test" in column(log, "service"), "so they are in hosts")
    for clear in ("/p/550e8400-e29b-41d4-a716-446655440000.json", "/p/top-10-ways-to-cook-an-egg-in-2024.html", "/p/listMembersOfAnOrganizationByProject.v2",
                  "/sent/~0123456789ab"):
        check(clear in shown, "in clear: " + clear)
    check("bob" not in log and "?q=~0123456789ab&" not in log, "from packets what looks hidden is hidden again")
finish()
