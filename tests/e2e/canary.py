#!/usr/bin/env python3
# kinds: san
"""Credentials and bodies never leave capture: 16 random characters in every place where a secret may stand, and then a
search through every output, the DB, its WAL while it is written, the log and what the run left in HOME."""
import base64
import json
import random
import re
import shutil
import string
import subprocess
import time
import urllib.parse

from lib import BINARY, SECRET, Capture, answer, check, finish, folder, good, request, run

here = folder()
r = random.SystemRandom()
planted = {}  # canary -> where


def canary(where):
    word = "".join(r.choices(string.ascii_letters + string.digits, k=16))
    planted[word] = where
    return word


def jwt(claims):
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    return ".".join([base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts] + [canary("jwt signature")])


def basic(user, password):
    return "Authorization: Basic " + base64.b64encode((user + ":" + password).encode()).decode()


cap = Capture()
GET = "GET"
ok = answer(200, b'{"fine": true}', "Content-Type: application/json")


def plant(target="/plain", *fields, method="GET", reply=ok, body=b""):
    cap.talk((">", request(method, target, *fields, body=body)), ("<", reply))


for scheme in ("Bearer", "bearer", "Token", "Negotiate", "Digest username=x, response="):
    plant("/a", "Authorization: %s %s" % (scheme, canary("Authorization " + scheme)))
plant("/a", "Authorization: " + canary("Authorization without a scheme"))
for text in ('Digest username="jo", realm="%s", nonce="%s", uri="/d?token=%s", response="%s", opaque="%s", cnonce="%s"', 'OAuth oauth_consumer_key="%s", oauth_token="%s", oauth_signature="%s"',
             'Hawk id="%s", nonce="%s", ext="%s", mac="%s"', "AWS4-HMAC-SHA256 Credential=%s/20240101/eu/s3/aws4_request, SignedHeaders=host, Signature=%s"):
    plant("/a", "Authorization: " + text % tuple(canary("%s, value %d" % (text.split()[0], i)) for i in range(text.count("%s"))))
plant("/a", basic("", canary("Basic password without a user")))
plant("/a", "Authorization: JWT " + jwt({"iat": 1, "jti": canary("jti of a jwt under its own scheme")}))
plant("/a", "Authorization: Bearer " + jwt({"sub": canary("jwt sub"), "client_id": canary("jwt client_id"), "email": canary("jwt email")}))
plant("/a", "Authorization: Bearer " + jwt({"client_id": canary("jwt client_id alone"), "iss": canary("jwt iss"), "name": canary("jwt name")}))
plant("/a", basic(canary("Basic user"), canary("Basic password")))
plant("/a", basic(canary("Basic user without a password"), ""))
plant("/a", basic(canary("Basic user that is a token") + "0123456789abcdef0123456789", "x-oauth-basic"))
plant("/a", "Proxy-Authorization: Bearer " + canary("Proxy-Authorization"))
plant("/a", "Cookie: session=%s; theme=%s; %s" % (canary("session cookie"), canary("cookie"), canary("cookie without name")))
for name in ("X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Ocp-Apim-Subscription-Key", "X-Auth-Token", "X-Amz-Security-Token",
             "X-Csrf-Token", "X-Unread", "Referer", "From", "X-Request-Id", "X-Real-Ip", "X-Forwarded-For", "Forwarded", "Sec-WebSocket-Protocol"):
    plant("/h", "%s: %s" % (name, canary(name)))
plant("/h", "Referer: http://api.example/?token=" + canary("Referer's query"))
plant("/h", "User-Agent: curl/8 (build %s)" % canary("comment of the User-Agent"))
plant("/h", "Accept: text/" + canary("Accept"), "Accept-Language: " + canary("Accept-Language"))
plant("/h", "If-None-Match: \"%s\"" % canary("If-None-Match"), "Range: %s" % canary("Range"), "Origin: http://" + canary("Origin"))
plant("/folded", "Authorization: Bearer\r\n " + canary("folded Authorization"))
plant("/space", "Authorization : Bearer " + canary("Authorization with a blank before the colon"))
plant("/twice", "Authorization: Bearer " + canary("first of two"), "Authorization: Bearer " + canary("second of two"))

for name in ("token", "access_token", "id_token", "refresh_token", "key", "api_key", "apikey", "ApiKey", "API-KEY", "secret", "client_secret",
             "pass", "password", "passwd", "pwd", "sig", "signature", "X-Amz-Signature", "code", "session", "sessionid", "auth", "jwt",
             "TOKEN", "user_password", "to%6ben", "Pass%77ord"):
    plant("/q?page=2&%s=%s&x=1" % (name, canary("parameter " + name)))
plant("/q?token=%s" % urllib.parse.quote(canary("token before something percent-encoded") + "% &", safe=""))
plant("/q?a=1;token=%s" % canary("token after a semicolon"))
plant("/q?token[]=%s&filter[password]=%s" % (canary("token[]"), canary("filter[password]")))
plant("/p;jsessionid=%s/x" % canary("path parameter jsessionid"))
plant("/p/%s" % jwt({"sub": canary("sub of a jwt in the path")}))
plant("/p/%s/x" % (canary("base64 of 32 in the path") + canary("base64 of 32 in the path")))
plant("/p/%s@example.org" % canary("email in the path"))
plant("http://user:%s@api.example/abs?secret=%s" % (canary("userinfo"), canary("secret of an absolute form")))
plant("/f?x=1#token=" + canary("fragment"))
plant("/big?token=%s&pad=%s" % (canary("token before much padding"), "y" * 9000), "X-Pad: " + "z" * 9000)



def hexed(where, n=64):
    """Hex digits that are a canary: 16 that are planted, among others."""
    word = "".join(r.choices("0123456789abcdef", k=15)) + "7"
    planted[word] = where
    at = r.randrange(n - 15)
    rest = "".join(r.choices("0123456789abcdef", k=n - 16))
    return rest[:at] + word + rest[at:]


def long(where):
    """36 characters of base64 with a canary in them."""
    return "Qx7" + canary(where) + "Zk93bYuWq1TrE5pLm"


places = []  # targets whose secrets nobody may see, made anew for each sensor


def target(make):
    places.append(make)


for name, pattern in (("before an extension", "/p/%s.json"), ("behind a prefix", "/p/tok-%s"), ("behind an algorithm", "/p/sha256:%s"),
                      ("before a dash and words", "/p/tok-%s-and-more"), ("before an extension and after a prefix", "/p/tok-%s.pdf"),
                      ("in a path parameter without a name", "/p/x;%s"), ("in a value of a path parameter", "/p/x;v=a:%s"),
                      ("before a semicolon", "/p/%s;v=1"), ("in a query without a name", "/p?%s"), ("as the name of a parameter", "/p?%s=1"),
                      ("behind a path in a query", "/p?x/%s"), ("in parentheses", "/p/f('%s')"), ("behind a tilde", "/p/~%s"),
                      ("behind what looks hidden", "/p/~0123456789ab%s"), ("in an absolute target", "http://api.example/p/%s.zip")):
    target(lambda name=name, pattern=pattern: pattern % hexed("hex " + name))
    if "tok-" not in pattern:
        target(lambda name=name, pattern=pattern: pattern % long("base64 " + name))
    target(lambda name=name, pattern=pattern: pattern % jwt({"sub": canary("sub of a jwt " + name)}))
for joint in ".:,!*$(":
    target(lambda joint=joint: "/p/%s%s%s" % (long("base64 before " + joint), joint, long("base64 behind " + joint)))
target(lambda: "/p/%s.%s" % (long("base64 before a short one"), canary("a short one behind base64")))
for escape in ("%2B", "%2F", "%3D", "%2b", "%2f", "%3d", "%3D%3D"):
    target(lambda escape=escape: "/p/Qx7%s%s93bYuWq1TrE5p" % (canary("base64 before " + escape), escape))
    target(lambda escape=escape: "/p/Zk93bYuWq1TrE5p%sQx7%s" % (escape, canary("base64 behind " + escape)))
    target(lambda escape=escape: "/p/%s%s" % (long("base64 that ends with " + escape), escape))
target(lambda: "/p/%%51%s" % long("base64 behind an escape"))
target(lambda: "/p/" + "".join("%%%02x" % ord(c) for c in hexed("hex, all escaped")))
target(lambda: "/p/%%65yJhbGciOiJIUzI1NiJ9.%s.c2ln" % canary("a jwt with an escape"))
target(lambda: "/p/%s%%40example%%2Eorg" % canary("an e-mail with escapes"))
target(lambda: "/p/a.%s@example.org.txt" % canary("an e-mail before an extension"))
places_clear = len(places)  # from here on --clear-targets must hide, too
for name in ("%74oken", "t%6fken", "%54OKEN", "api%5Fk%65y", "%73ig", "x[%70assword]"):
    for mark in "?", "?a=1&", ";", "?a=1;", "?a=1?":
        target(lambda name=name, mark=mark: "/q%s%s=%s" % (mark, name, canary("parameter %s behind %s" % (name, mark))))
for text in ("/q?a=1;token=%s", "/q?a=1?token=%s", "/q?a=1?b=2;c=3?token=%s", "/q;token=%s", "/q/x;a=1;token=%s/y", "/q#token=%s", "/q#%s", "/q?a=1#token=%s",
             "/l?next=%%2Fx%%3Fa%%3D1%%26token%%3D%s", "/l?next=%%252Fx%%253Fotp%%253D%s", "/l?SAMLResponse=%s", "/q#a?token=%s", "/q#/%s/x", "/q?#token=%s", "http://api.example#%s", "http://api.example?token=%s", "http://bob:%s@api.example/q",
             "http://%s@api.example/q", "http://bob:x@%s@api.example/q", "//bob:%s@api/q", "/q?token=%s\xe9", "/q\xff?token=%s"):
    target(lambda text=text: text % canary("what stands in " + text))
for make in places:
    plant(make())
for host in ("bob:%s@h.test", "%s@h.test", "bob:x@%s@h.test:80", "bob:%s@h.test/x", "h.test/%s", "h.test?token=%s", "h.test#%s"):
    cap.talk((">", ("GET /host HTTP/1.1\r\nHost: %s\r\n\r\n" % (host % canary("Host " + host))).encode()), ("<", ok))
cap.talk((">", ("CONNECT bob:%s@h:443 HTTP/1.1\r\nHost: h\r\n\r\n" % canary("userinfo of CONNECT")).encode()), ("<", answer(403)))
plant("/named/1?ssn=" + canary("--redact"))

plant("/login", "Content-Type: application/x-www-form-urlencoded", method="POST", body=("user=a&password=" + canary("form body")).encode())
plant("/login", "Content-Type: application/json", method="POST", body=json.dumps({"password": canary("JSON request body"),
                                                                                 canary("JSON key"): 1}).encode())
plant("/b", reply=answer(200, json.dumps({"token": canary("JSON response body")}).encode(), "Content-Type: application/json"))
plant("/b", reply=answer(200, canary("text response body").encode(), "Content-Type: text/plain"))
plant("/b", reply=answer(500, canary("error body").encode()))
plant("/b", "Content-Type: multipart/form-data; boundary=" + canary("boundary"), method="POST", body=('--b\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n' % tuple(
    canary("multipart " + w) for w in ("name", "file", "body"))).encode())
plant("/b", reply=b"HTTP/1.1 200 %s\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nSet-Cookie: s=%s\r\nETag: \"%s\"\r\n\r\n" % tuple(
    canary(w).encode() for w in ("reason phrase", "trailer Set-Cookie", "trailer ETag")))
plant("/b", reply=answer(401, b"", 'WWW-Authenticate: Digest realm="%s", nonce="%s"' % (canary("realm of a challenge"), canary("nonce of a challenge"))))
plant("/b", reply=answer(302, b"", "Location: /cb?state=x&code=" + canary("code in Location")))
plant("/b", reply=answer(200, b"x", "Set-Cookie: session=%s; Path=/; HttpOnly" % canary("Set-Cookie")))
plant("/b", reply=answer(200, b"x", "ETag: \"%s\"" % canary("ETag"), "X-Unread: " + canary("unread response header")))
plant("/b", reply=answer(200, b"x", "Via: 1.1 " + canary("Via"), "X-Cache: " + canary("X-Cache"), "Server: " + canary("Server")))
plant("/b", reply=answer(200, b"x", "Cache-Status: edge; hit; key=\"%s\"" % canary("Cache-Status"), "CF-Cache-Status: " + canary("CF-Cache-Status"),
                         "X-Cache-Status: " + canary("X-Cache-Status"), "X-Varnish: 1 " + canary("X-Varnish")))
plant("/b", reply=answer(200, b"x", "ETag: W/\"%s\"" % canary("weak ETag"), "Content-Location: /x/%s" % canary("Content-Location")))
plant("/b?token=" + canary("what a Content-Location repeats"), reply=answer(200, b"x", "Content-Location: /b?token=" + list(planted)[-1]))
plant("/b", reply=answer(200, b"x", "Content-Type: text/html; token=" + canary("parameter of Content-Type")))
for i in range(40):  # bodies that are looked into: what is the same in all of them, and what is not; as names and as values
    if i < 2:
        names, values = [canary("JSON name") for _ in range(4)], [canary("JSON value") for _ in range(3)]
    inner = {names[0]: values[0], names[1]: [{names[2]: values[1]}, 7], "id": values[2], "n": i, names[3]: canary("value that differs"),
             "request_id": canary("request_id that differs"), "took_ms": i}
    plant("/looked", reply=answer(200, json.dumps(inner).encode(), "Content-Type: application/json"))
plant("/rpc", "Content-Type: application/json", method="POST", body=json.dumps({"operationName": "Login", "query": "mutation",
                                                                               "variables": {"pin": canary("GraphQL variable")}}).encode())
plant("/rpc", "Content-Type: application/json", method="POST", body=json.dumps({
    "query": 'query Look($a: ID = "%s") { look(by: "%s", n: """%s""") { id } } # %s' % tuple(
        canary("GraphQL " + w) for w in ("default", "literal", "block", "comment")), "variables": {canary("GraphQL variable name"): 1},
    "extensions": {"x": canary("GraphQL extension")}}).encode(),
      reply=answer(200, json.dumps({"errors": [{"message": canary("GraphQL error")}]}).encode(), "Content-Type: application/json"))
plant("/rpc", "Content-Type: application/json", method="POST", body=json.dumps({"query": '{ look(by: "%s") { id } }' % canary("anonymous GraphQL")}).encode())
plant("/rpc?query=%7Blook(by:%22" + canary("GraphQL in a query") + "%22)%7Bid%7D%7D")
plant("/rpc", "Content-Type: application/json", method="POST", body=json.dumps({"jsonrpc": "2.0", "method": "look",
                                                                               "params": [canary("JSON-RPC parameter")], "id": canary("JSON-RPC id")}).encode())
plant("/rpc", "Content-Type: application/json", method="POST", body=json.dumps({"jsonrpc": "2.0", "method": "odd name " + canary("odd JSON-RPC name")}).encode())
plant("/rpc", "Content-Type: text/xml", "SOAPAction: \"urn:look\"", method="POST", body=b"<x>%s</x>" % canary("SOAP body").encode())
# What is odd on the wire: cut in the middle, several in one segment, a request without an answer, no HTTP at all, an upgrade.
cap.talk((">", request(GET, "/cut", "Authorization: Bearer " + canary("cut into small segments"))), ("<", ok), mss=7)
cap.talk((">", b"".join(request(GET, "/pipe%d?token=%s" % (i, canary("pipelined")), "X-Api-Key: " + canary("pipelined")) for i in range(3))),
         ("<", ok * 3))
cap.talk((">", request(GET, "/unanswered?secret=" + canary("unanswered"), "Cookie: a=" + canary("unanswered cookie"))))
cap.talk((">", b"GET /unfinished?token=" + canary("unfinished request line").encode()), close=False)
cap.talk((">", b"GET /unfinished HTTP/1.1\r\nAuthorization: Bearer " + canary("unfinished head").encode()), close=False)
cap.talk((">", b"AUTH " + canary("no HTTP").encode() + b"\r\n"), ("<", b"+OK " + canary("no HTTP answer").encode() + b"\r\n"))
cap.talk((">", request(GET, "/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: " + canary("Sec-WebSocket-Key"))),
         ("<", b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), (">", b"\x81\x10" + canary("WebSocket frame").encode()))
cap.talk((">", b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nProxy-Authorization: Basic " + canary("CONNECT").encode() + b"\r\n\r\n"),
         ("<", b"HTTP/1.1 200 OK\r\n\r\n"), (">", canary("inside CONNECT").encode()))
cap.talk((">", b"POST /up HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n10;ext=%s\r\n%s\r\n0\r\nX-Trailer: %s\r\n\r\n"
          % (canary("chunk extension").encode(), canary("chunked body").encode(), canary("trailer").encode())), ("<", ok))
cap.talk((">", b"GET /bad%zz?token=" + canary("target that is not valid").encode() + b" HTTP/1.1\r\nHost: api.example\r\n\r\n"), ("<", answer(400)))
cap.talk((">", b"G\x01T /x?token=" + canary("method that is no token").encode() + b" HTTP/1.1\r\nHost: api.example\r\n\r\n"), ("<", answer(400)))
cap.talk(("<", answer(200, canary("body of an orphan answer").encode(), "Set-Cookie: s=" + canary("orphan's cookie"))))
for i in range(400):  # so that there is something to keep the WAL busy
    plant("/items/%d" % (i % 50), "Authorization: Bearer " + canary("one of many tokens"), reply=answer(200, canary("one of many bodies").encode()))
data = cap.bytes()
(here / "c.pcap").write_bytes(data)

found = {}
searched = {}


def forms():
    """How a canary may show: in any case (all lower), and as base64 of it in three alignments. Form -> canary, by length."""
    plain = {word.lower().encode(): word for word in planted}
    packed = {}
    for word in planted:
        for shift in range(3):
            core = base64.b64encode(b"\0" * shift + word.encode()).decode().rstrip("=")[4 if shift else 0:-2]
            packed.setdefault(len(core), {})[core.encode()] = word
    return plain, packed


plain, packed = forms()
RUNS = re.compile(rb"[A-Za-z0-9+/]{16,}")
ESCAPED = re.compile(rb"%[0-9A-Fa-f]{2}")


def search(what, data):
    """Looks for every canary in the bytes: whatever stands in a run of letters and digits that is long enough."""
    if isinstance(data, str):
        data = data.encode()
    searched[what] = len(data)
    finds = {}
    plainly = ESCAPED.sub(lambda m: bytes([int(m.group()[1:], 16)]), data) if b"%" in data else b""
    for stretch in RUNS.findall(data) + RUNS.findall(plainly):
        lower = stretch.lower()
        for at in range(len(stretch) - 15):
            word = plain.get(lower[at:at + 16])
            if word:
                finds[word] = "%s: %s" % (planted[word], word)
            for n, cores in packed.items():
                word = cores.get(stretch[at:at + n])
                if word:
                    finds.setdefault(word, "%s: base64 of %s" % (planted[word], word))
    if finds:
        found[what] = list(finds.values())


search("the capture itself", data)
unseen = set(planted) - {line.split()[-1] for line in found.pop("the capture itself", [])}
unseen = {w for w in unseen if planted[w] != "cut into small segments"}
check(not unseen, "the search finds every canary in the capture itself", *("%s: %s" % (planted[w], w) for w in unseen))
del searched["the capture itself"]

db = here / "c.db"
code, out, err = run("capture", "-r", here / "c.pcap", "-d", db, "--secret", SECRET, "--redact", "ssn")
check(code == 0, "capture of %d canaries" % len(planted), err)
search("capture's stdout and stderr", out + err)
for kind in ("text", "json", "markdown", "html", "csv"):
    code, out, err = run("report", db, "--format", kind)
    if code == 0:
        search("report " + kind, out + err)
for kind in ("tsv", "jsonl", "combined", "har"):
    code, out, err = run("log", "-r", here / "c.pcap", "--secret", SECRET, "--format", kind, "--redact", "ssn")
    if code == 0:
        search("log " + kind, out + err)
    code, out, err = run("log", db, "--format", kind)
    if code == 0:
        search("log DB " + kind, out + err)
for product in ("nginx", "varnish", "haproxy", "envoy", "headers"):
    code, out, err = run("policy", db, "--for", product)
    if code == 0:
        search("policy " + product, out + err)
code, out, err = run("doctor", "-r", here / "c.pcap")
search("doctor", out + err)

# The WAL while it is written: the capture comes through a pipe that is held open.
live = here / "live.db"
p = subprocess.Popen([BINARY, "capture", "-q", "-r", "-", "-d", str(live), "--secret", SECRET, "--redact", "ssn"], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here)
third = len(data) // 3
seen = set()
try:
    for part in (data[:third], data[third:2 * third], data[2 * third:]):
        p.stdin.write(part)
        p.stdin.flush()
        time.sleep(1.3)
        for path in here.glob("live.db*"):
            copy = here / "copy"
            shutil.copy(path, copy)
            seen.add(path.name)
            search("%s while it is written" % path.name, copy.read_bytes())
    out, err = p.communicate(timeout=60)
    search("stderr of the live run", out + err)
except (BrokenPipeError, subprocess.TimeoutExpired):
    p.kill()
    check(False, "capture from a pipe ends")
check("live.db-wal" in seen, "the WAL was there to be searched", seen)
# And without --secret, where the key is made and kept in HOME.
good("capture", "-q", "-r", here / "c.pcap", "-d", here / "own.db", "--redact", "ssn")
for path in sorted(here.rglob("*")):
    if path.is_file() and path.name not in ("c.pcap", "copy", "given"):
        search(str(path.relative_to(here)), path.read_bytes())


# Records made from a server's log: everything in clear. What was hidden in them already stays; a secret beside it does not.


def logged(n, target, **more):
    return json.dumps(dict({"ts": 1_700_000_000 + n, "client": "10.0.0.2:4000", "method": "GET", "authority": "api.example", "target": target,
                            "status": 200}, **more))


lines = [logged(n, make()) for n, make in enumerate(places)]
lines.append(logged(999, "/r", client_id="jwt:0123456789ab", client_name=canary("client_name of a record")))
lines += [logged(1000, "/r?token=%s" % canary("token in a record"), authority="bob:%s@h.test" % canary("authority of a record"),
                 service="http://bob:%s@h.test" % canary("service of a record"), user_agent="curl/8 (%s)" % canary("user_agent of a record"),
                 content_type="text/html; x=%s" % canary("content_type of a record"), client_id="bearer:%s" % hexed("client_id of a record", 32),
                 operation="query:" + hexed("operation of a record"),
                 headers={"request": {"Authorization": "Bearer " + canary("Authorization of a record"), "Cookie": "a=" + canary("Cookie of a record"),
                                      "X-Api-Key": canary("X-Api-Key of a record"), "X-Any": canary("field of a record"),
                                      "If-None-Match": '"%s"' % canary("If-None-Match of a record")},
                          "response": {"Set-Cookie": "s=" + canary("Set-Cookie of a record"), "ETag": 'W/"%s"' % canary("ETag of a record"),
                                       "Location": "/?code=" + canary("Location of a record")}}),
          logged(1001, "/r;jsessionid=%s" % canary("jsessionid in a record"), client_id=canary("a client's name in a record")),
          logged(1002, "/r?api_key=%s&ssn=%s" % (canary("api_key in a record"), canary("--redact in a record"))),
          logged(1003, "/kept/~0123456789ab/x?q=~0123456789ac&token=~0123456789ad&r=~0123456789aF&t=~0123456789abc&token=%s" % canary("token beside what is hidden"))]
lines.append(logged(1004, "/", method="GET /?token=%s HTTP/1.1" % canary("a request line as method")))
(here / "records.jsonl").write_text("\n".join(lines) + "\n")
plain, packed = forms()
db = here / "records.db"
code, out, err = run("capture", "--records", here / "records.jsonl", "-d", db, "--secret", SECRET, "--redact", "ssn")
check(code == 0 and "more than a method" in err, "capture of records made from a log; a request line is no method", err)
search("capture of records", out + err)
(here / "records.jsonl").rename(here / "given")
for kind in ("text", "json", "markdown", "html", "csv"):
    search("report %s of records" % kind, good("report", db, "--format", kind))
for kind in ("tsv", "jsonl", "combined", "har"):
    search("log %s of records" % kind, good("log", db, "--format", kind))
kept = [t for t in (json.loads(line)["target"] for line in good("log", db).splitlines()) if t and t.startswith("/kept/")]
check(len(kept) == 1 and kept[0].startswith("/kept/~0123456789ab/x?q=~0123456789ac&token=~0123456789ad&r=~") and "~0123456789aF" not in kept[0] and
      "~0123456789abc" not in kept[0], "records: what was hidden stays as it is, what only looks like it does not", kept)
search("records.db", db.read_bytes())

# --show-names: what it names is shown, and nothing else: no password, no token that is sent as a user, no other claim.
NAMES = {"jwt sub", "jwt client_id alone", "Basic user", "client_name of a record"}
db = here / "names.db"
good("capture", "-q", "-r", here / "c.pcap", "-d", db, "--secret", SECRET, "--redact", "ssn", "--show-names")
good("capture", "-q", "--records", here / "given", "-d", here / "names-of-records.db", "--secret", SECRET, "--redact", "ssn", "--show-names")
good("capture", "-q", "-r", here / "c.pcap", "-d", here / "by.db", "--secret", SECRET, "--redact", "ssn", "--show-names", "--identity", "cookie,apikey")
searched_for_names = {"names.db": db.read_bytes(), "names-of-records.db": (here / "names-of-records.db").read_bytes(), "names of another order": (here / "by.db").read_bytes()}
for kind in ("text", "json", "markdown", "html", "csv"):
    searched_for_names["report %s with names" % kind] = good("report", db, "--format", kind, *(["--top", 9999] if kind in ("text", "markdown") else []))
for kind in ("tsv", "jsonl", "combined", "har"):
    searched_for_names["log %s with names" % kind] = good("log", "-r", here / "c.pcap", "--secret", SECRET, "--format", kind, "--redact", "ssn", "--show-names")
    searched_for_names["log DB %s with names" % kind] = good("log", db, "--format", kind, "--show-names")
    search("log %s of a DB with names, which are not asked for" % kind, good("log", db, "--format", kind))
for product in ("nginx", "varnish", "haproxy", "headers"):
    search("policy %s of a DB with names" % product, good("policy", db, "--for", product, "--force"))
for what, text in searched_for_names.items():
    search(what, text)
    got = {line.rsplit(":", 1)[0] for line in found.pop(what, [])}
    names_in = set() if "tsv" in what or "har" in what or "order" in what else {"client_name of a record"} if "records" in what else NAMES - {"client_name of a record"}
    check(got == names_in, "--show-names: %s has what it names and nothing else" % what, got ^ names_in)

# --clear-targets: names that say so are hidden wherever they stand, and user, password and fragment are.
some = places[places_clear:]
clear = Capture()
for make in some:
    clear.talk((">", request(GET, make())), ("<", ok))
(here / "clear.pcap").write_bytes(clear.bytes())
(here / "clear.jsonl").write_text("".join(logged(n, make()) + "\n" for n, make in enumerate(some)))
plain, packed = forms()
search("log --clear-targets", good("log", "-r", here / "clear.pcap", "--secret", SECRET, "--clear-targets"))
good("capture", "-q", "--records", here / "clear.jsonl", "-d", here / "clear.db", "--secret", SECRET, "--clear-targets")
search("clear.db", (here / "clear.db").read_bytes())
sent = good("log", "-r", here / "c.pcap", "--secret", SECRET, "--clear-targets")
check(any(planted[w].startswith("hex ") and w in sent for w in planted),
      "--clear-targets keeps the rest as sent")

print("# searched: " + ", ".join("%s (%d)" % x for x in sorted(searched.items())))
lines = sorted({line.rsplit(":", 1)[0] + " in " + what for what, rows in found.items() for line in rows})
check(not found, "%d canaries in none of %d outputs and files" % (len(planted), len(searched)), *lines[:12], "%d finds in all" % len(lines))
if lines:
    for line in lines[:60]:
        print("#   " + line)
keys = [p for p in (here / "home").rglob("*") if p.is_file()]
check(keys and all(p.stat().st_mode & 0o077 == 0 for p in keys), "the key in HOME is for its owner alone", keys)
check(db.exists() and db.stat().st_mode & 0o777 == 0o600, "the DB is 0600")
finish()
