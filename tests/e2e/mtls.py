#!/usr/bin/env python3
# kinds: san
"""Clients with certificates: curl asks nginx, TLS 1.2 and 1.3, HTTP/1 and HTTP/2, and `openssl s_client` asks `s_server` where the
certificate comes later in a connection. Each client is known as mtls by its subject, in every version and with a renewed
certificate; credentials of the request come before it, a session cookie after; what it is called is in no output."""
import json
import os
import random
import shutil
import string
import subprocess
import time

from lib import EPOCH, PROOF, SECRET, Capture, audit, check, finish, folder, good, parsed, run, skip
from peers import Tap, free_port, wait_for

here = folder()
CANARY = "".join(random.SystemRandom().choices(string.ascii_letters + string.digits, k=16))
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=here)


def certificate(name, subject, *more):
    openssl("req", *EC, "-new", "-keyout", name + ".key", "-out", name + ".csr", "-subj", subject)
    (here / (name + ".ext")).write_text("\n".join(more) + "\n")
    openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "9", "-out", name + ".crt",
            "-extfile", name + ".ext")


openssl("req", "-x509", *EC, "-keyout", "ca.key", "-out", "ca.crt", "-days", "9", "-subj", "/CN=the CA")
certificate("server", "/CN=api.example")
certificate("ann", "/O=Example/CN=Ann-" + CANARY)
certificate("ann2", "/O=Example/CN=Ann-" + CANARY)  # renewed
certificate("ben", "/O=Example/CN=Ben-" + CANARY)
NAME = "subjectAltName=critical,URI:spiffe://example/%s-" + CANARY
certificate("one", "/", NAME % "one")
certificate("one2", "/", NAME % "one", "extendedKeyUsage=clientAuth")
certificate("two", "/", NAME % "two")


def read(talks, keys, *options, mss=1400):
    """The records of connections, each from an address of its own."""
    cap = Capture()
    for i, turns in enumerate(talks):
        cap.talk(*turns, port=443, client="10.0.1.%d" % (i + 1), mss=mss)
    cap.write(here / "t.pcap")
    return [json.loads(line) for line in good("log", "-r", here / "t.pcap", "--keys", keys, "--secret", SECRET, *options).splitlines()]


# ---- curl and nginx ----

def curl(relay, keys, name, *words):
    """The connections of one curl."""
    before = len(relay.all)
    shown = ("--cert", name + ".crt", "--key", name + ".key") if name else ()
    p = subprocess.run(["curl", "-sk", "-m", "20", *shown, *words], env=dict(os.environ, SSLKEYLOGFILE=str(keys)), capture_output=True, text=True, cwd=here)
    time.sleep(0.03)
    check(p.returncode == 0, "curl " + " ".join(words)[:60], p.returncode, p.stderr) if p.returncode else None
    return relay.all[before:]


def with_nginx():
    port, keys = free_port(), here / "curl.keys"
    (here / "nginx.conf").write_text("""daemon off; pid %s/pid; error_log %s/error; worker_processes 1; events {}
http { access_log off; client_body_temp_path %s/t; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;
server { listen 127.0.0.1:%d ssl http2; ssl_certificate server.crt; ssl_certificate_key server.key; ssl_protocols TLSv1.2 TLSv1.3;
ssl_client_certificate ca.crt; ssl_verify_client optional; ssl_session_cache shared:s:1m;
location / { default_type text/plain; return 200 "you are $ssl_client_s_dn"; }
location /open { return 200 "whoever you are"; }
location /last { keepalive_timeout 0; return 200 "bye"; } } }
""" % (*[here] * 7, port))
    process = subprocess.Popen(["nginx", "-p", str(here), "-c", str(here / "nginx.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(port)
    relay = Tap(port)
    base = "https://127.0.0.1:%d" % relay.port
    try:
        told_apart(relay, keys, base)
        in_order(relay, keys, base)
        with_losses(relay, keys, base)
        resumed(relay, keys, base)
        answers_differ(relay, keys, base)
    finally:
        process.terminate()
        process.wait(10)


VERSIONS = {"TLS 1.2": ("--tlsv1.2", "--tls-max", "1.2"), "TLS 1.3": ("--tlsv1.3",)}


def shown(lines):
    """Whose certificate, in order; which address says nothing here."""
    return [line["client_id"] if line["client_id"].startswith("mtls:") else line["client_id"].split(":")[0] for line in lines]


def told_apart(relay, keys, base):
    talks, whose = [], []
    for version, how in VERSIONS.items():
        for proto in ("--http1.1", "--http2"):
            for name in ("ann", "ben", "ann2", "one", "two", "one2", None):
                got = curl(relay, keys, name, *how, proto, base + "/me", "-o", os.devnull, base + "/me?again", "-o", os.devnull)
                talks += got
                whose += [(name, version, proto)] * len(got)
    lines = read(talks, keys)
    cut = read(talks[::3], keys, mss=7)
    check(shown(cut) == shown(line for line in lines if line["conn"] % 3 == 1), "the same in segments of seven octets", len(cut))
    read(talks, keys)
    of = {}
    for line in lines:
        name, version, proto = whose[line["conn"] - 1]
        of.setdefault(name, set()).add(line["client_id"])
        check(line["proto"] == {"--http1.1": "http/1.1", "--http2": "h2"}[proto], "as asked", line) if not line["tls"] else None
    check(len(lines) == 2 * len(talks) == 56, "two requests of each of 28 connections", len(lines), len(talks))
    anonymous = of.pop(None)
    check(all(len(ids) == 1 and list(ids)[0].startswith("mtls:") for ids in of.values()),
          "each client is one, over both versions of TLS and of HTTP", of)
    check(of["ann"] == of["ann2"] and of["one"] == of["one2"], "a renewed certificate of the same subject, or name, is the same client", of)
    check(len({i for ids in of.values() for i in ids}) == 4, "four clients", of)
    check(len(anonymous) == 4 and all(i.startswith("address:") for i in anonymous), "who shows none is an address", anonymous)
    report, db = audit(here / "t.pcap", "mtls", "--keys", keys), (here / "mtls.db").read_bytes()
    kinds = sorted(c["identity"] for c in parsed(report)["clients"])
    check(kinds == ["address"] * 4 + ["mtls"] * 4, "clients of the report", kinds)
    everything = [report.encode(), db, json.dumps(lines).encode()] + [good("report", here / "mtls.db", "--format", f).encode() for f in ("text", "html", "csv", "markdown")]
    everything += [good("log", "-r", here / "t.pcap", "--keys", keys, "--secret", SECRET, "--format", f).encode() for f in ("tsv", "combined", "har")]
    everything += [good("report", here / "mtls.db", "--format", "text").encode(),
                   good("log", "-r", here / "t.pcap", "--keys", keys, "--secret", SECRET, "--clear-targets").encode()]
    check(not any(word in text for text in everything for word in (CANARY.encode(), b"Ann-", b"spiffe")), "what they are called is in no output")
    (here / "r.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    good("capture", "-q", "--records", here / "r.jsonl", "-d", here / "r.db", "--secret", SECRET)
    same = [(c["client"], c["requests"]) for c in parsed(good("report", here / "r.db", "--format", "json"))["clients"]]
    check(same == [(c["client"], c["requests"]) for c in parsed(report)["clients"]], "the same clients from records", same)


def with_losses(relay, keys, base):
    """A packet of the handshake is missing: who asks is known or not, and never somebody else."""
    for version, how in VERSIONS.items():
        talks = curl(relay, keys, "ann", *how, "--http1.1", base + "/me", "-o", os.devnull)
        right = set(shown(read(talks, keys)))
        cap = Capture()
        cap.talk(*talks[0], port=443, mss=100)
        all_packets, seen = cap.packets, []
        for gone in range(3, 60 if PROOF else 45, 1 if PROOF else 3):
            cap.packets = all_packets[:gone] + all_packets[gone + 1:]
            cap.write(here / "l.pcap")
            lines = [json.loads(line) for line in good("log", "-q", "-r", here / "l.pcap", "--keys", keys, "--secret", SECRET).splitlines()]
            seen += shown(line for line in lines if line["method"])
        check(right < {*seen} <= right | {"address"}, version + ": with a packet less it is the same client, or not known", right, seen)


def in_order(relay, keys, base):
    cookie, bearer, key = ("-H", "Cookie: sessionid=0123456789abcdef"), ("-H", "Authorization: Bearer abcdefghijkl"), ("-H", "X-Api-Key: abcdefghijkl")
    for version, how in VERSIONS.items():
        talks = [t for more in (cookie, bearer, key, bearer + cookie) for t in curl(relay, keys, "ann", *how, *more, base + "/me", "-o", os.devnull)]
        talks += curl(relay, keys, None, *how, *cookie, base + "/me", "-o", os.devnull)
        kinds = [i.split(":")[0] for i in shown(read(talks, keys))]
        check(kinds == ["mtls", "bearer", "apikey", "bearer", "cookie"], version + ": what a request carries comes before the certificate, a session cookie after", kinds)


def resumed(relay, keys, base):
    for version, how in VERSIONS.items():
        talks = curl(relay, keys, "ann", *how, "--http1.1", *[w for i in range(3) for w in (base + "/last?%d" % i, "-o", os.devnull)])
        ids = shown(read(talks, keys))
        check(len(talks) == len(ids) == 3 and len(set(ids)) == 1 and ids[0].startswith("mtls:"), version + ": a session that is taken up again is the same client's", ids)
        later = shown(read(talks[1:], keys))
        check(later == ["address"] * 2, version + ": whose is not known where its beginning was not captured", later)
        talks = curl(relay, keys, None, *how, "--http1.1", *[w for i in range(2) for w in (base + "/last?%d" % i, "-o", os.devnull)])
        ids = shown(read(talks, keys))
        check(ids == ["address"] * 2, version + ": nor does one without a certificate get one by it", ids)


def answers_differ(relay, keys, base):
    """What a server answers by certificate is nobody else's."""
    talks = []
    for i in range(24):
        talks += curl(relay, keys, ("ann", "ben", "one", "two")[i % 4], "--http1.1", *[w for k in range(6) for w in (base + "/me", "-o", os.devnull, base + "/open", "-o", os.devnull)])
    read(talks, keys)
    by = {e["route"]: e for e in parsed(audit(here / "t.pcap", "differ", "--keys", keys))["endpoints"]}
    me, open_ = by["/me"], by["/open"]
    check(me["sharing"]["credentials"] == open_["sharing"]["credentials"] == 4, "they count as credentials", me["sharing"], open_["sharing"])
    check(me["sharing"]["verdict"] == "private", "answers that differ between certificates are private", me["sharing"])
    check(open_["sharing"]["verdict"] != "private", "others are not", open_["sharing"])
    for product in ("nginx", "varnish", "haproxy", "headers"):
        policy = good("policy", here / "differ.db", "--for", product, "--force")
        check("/me" not in policy or product == "headers" and "public" not in policy, "no shared copy of them is advised: " + product, policy[:2000])


# ---- policies ----

def line(who, n, at):
    return json.dumps({"ts": EPOCH + at, "client": "10.0.%d.9:4000" % n, "client_id": who, "method": "GET", "authority": "api.example", "target": "/some/%d" % (int(at) % 7),
                       "status": 200, "response_bytes": 512, "server": "10.9.9.9:443", "tls": True, "body_id": "%016x" % (int(at) % 7 + 1)}) + "\n"


def policies():
    """Clients with certificates have no limit of their own, and none of the others'; what they share is not known to a policy."""
    lines = []
    for at in range(2400):
        n = at % 12
        lines.append(line("mtls:0123456789a%x" % n if n < 2 else "address:0123456789a%x" % n if n < 8 else "cookie:0123456789a%x" % n, n + 1, at / 8))
    (here / "p.jsonl").write_text("".join(lines))
    good("capture", "-q", "--records", here / "p.jsonl", "-d", here / "p.db", "--secret", SECRET)
    for product, word, command in (("nginx", "$ssl_client_fingerprint", ("nginx", "-t", "-q", "-p", here, "-c")), ("haproxy", "!{ ssl_c_used }", ("haproxy", "-c", "-f"))):
        code, out, err = run("policy", here / "p.db", "--for", product, "--force")
        check(code == 0 and word in out, product + ": who shows a certificate is not limited with the others", out[:3000], err)
        check("a limit for clients told apart by certificate: only who ends their TLS" in err, product + ": why they have no limit is said", err)
        check("certificates, which a policy does not see" in err and "/some" not in out, product + ": what is not known to be the same for them is not kept", err, out[:3000])
        (here / "policy").write_text(out)
        if shutil.which(command[0]):
            p = subprocess.run([*map(str, command), str(here / "policy")], capture_output=True, text=True)
            check(p.returncode == 0, product + " accepts it", p.stderr)
    (here / "q.jsonl").write_text("".join(line("mtls:0123456789%02x" % (at % 40), at % 40, at / 8) for at in range(12000)))
    good("capture", "-q", "--records", here / "q.jsonl", "-d", here / "q.db", "--secret", SECRET)
    e = parsed(good("report", here / "q.db", "--format", "json"))["endpoints"][0]
    check(e["sharing"]["verdict"] == "shared", "answers that are the same for all certificates may be shared", e["sharing"])
    for product in ("nginx", "haproxy"):
        code, out, err = run("policy", here / "q.db", "--for", product)
        check("told apart by what a policy does not see" in err and "/some" not in out, product + ": which it cannot do, and why", err)


policies()
if shutil.which("nginx") and shutil.which("curl"):
    with_nginx()
else:
    skip("curl and nginx", "one of them is not here")
finish()
