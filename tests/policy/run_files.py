#!/usr/bin/env python3
"""Policy files of planted APIs: the products accept them as they stand, what may not be shared has no rule, hostile hosts
and paths change nothing but what stderr says, and the options do what they say. Envoy is not in Debian: its file is
checked against what its documentation says of each field (below). PROOF=1: 10,000 requests of ten users through each product, three times. SEED=N: other traffic."""
import collections
import os
import random
import re
import stat
import subprocess

import yaml

import world
from lib import EPOCH, PCAP, SECRET, check, finish, folder, good, parsed, run, skip
from world import PLANS, Plan, audit, planted, policy

ORIGIN = world.free_port()
SERVER, MANY, SPAN = "127.0.0.1:%d" % ORIGIN, 9000, 4 * 3600
SEED = 1000 * int(os.environ.get("SEED", "0"))
here = folder()
os.environ["PATH"] = "/usr/sbin:/sbin:" + os.environ["PATH"]


# ---- the products' own checks ----

def says_yes(*command):
    p = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=60)
    return p.returncode == 0, p.stdout.decode(errors="replace")[-1500:]


def accepted(product, file):
    if product == "nginx":
        os.makedirs(here / "prefix", exist_ok=True)
        return says_yes("nginx", "-t", "-q", "-p", here / "prefix", "-e", here / "prefix" / "log", "-c", file,
                        "-g", "pid %s/prefix/pid;" % here)
    if product == "varnish":
        return says_yes("varnishd", "-j", "none", "-C", "-n", here / "vsm", "-f", file)
    if product == "haproxy":
        return says_yes("haproxy", "-c", "-f", file)
    try:
        envoy(yaml.safe_load(file.read_text()))
        return True, ""
    except (AssertionError, KeyError, TypeError, IndexError, yaml.YAMLError) as e:
        return False, repr(e)


TYPE = "type.googleapis.com/envoy.extensions."


def only(node, needed, optional=()):
    assert isinstance(node, dict) and set(needed) <= set(node) <= set(needed) | set(optional), (node, needed)
    return node


def envoy_address(a):
    s = only(only(a, ["socket_address"])["socket_address"], ["address", "port_value"])
    assert isinstance(s["address"], str) and 0 < s["port_value"] < 65536, s


def envoy_limit(c, shares=True):
    """LocalRateLimit: stat_prefix is required; without a token_bucket it limits nothing; the two shares default to 0 %."""
    only(c, ["@type", "stat_prefix"], ["token_bucket", "filter_enabled", "filter_enforced"])
    assert c["@type"] == TYPE + "filters.http.local_ratelimit.v3.LocalRateLimit"
    if not shares:
        return
    b = only(c["token_bucket"], ["max_tokens", "tokens_per_fill", "fill_interval"])
    assert 0 < b["tokens_per_fill"] <= b["max_tokens"] < 2**32 and re.fullmatch(r"[1-9]\d*s", b["fill_interval"]), b
    for share in ("filter_enabled", "filter_enforced"):
        value = only(only(c[share], ["default_value", "runtime_key"])["default_value"], ["numerator", "denominator"])
        assert value["denominator"] == "HUNDRED" and 0 <= value["numerator"] <= 100, value


def envoy(doc):
    res = only(only(doc, ["static_resources"])["static_resources"], ["listeners", "clusters"])
    clusters = set()
    for c in res["clusters"]:
        only(c, ["name", "type", "connect_timeout", "load_assignment"], ["transport_socket"])
        assert c["type"] == "STATIC" and c["load_assignment"]["cluster_name"] == c["name"] and c["name"] not in clusters
        clusters.add(c["name"])
        for e in c["load_assignment"]["endpoints"]:
            for x in e["lb_endpoints"]:
                envoy_address(x["endpoint"]["address"])
    for listener in res["listeners"]:
        envoy_address(only(listener, ["name", "address", "filter_chains"])["address"])
        hcm = listener["filter_chains"][0]["filters"][0]
        assert hcm["name"] == "envoy.filters.network.http_connection_manager"
        config = only(hcm["typed_config"], ["@type", "stat_prefix", "http_filters", "route_config"])
        names = [f["name"] for f in config["http_filters"]]
        assert names == ["envoy.filters.http.local_ratelimit", "envoy.filters.http.router"], names
        envoy_limit(config["http_filters"][0]["typed_config"], False)
        domains = []
        for h in only(config["route_config"], ["name", "virtual_hosts"])["virtual_hosts"]:
            only(h, ["name", "domains", "routes"], ["typed_per_filter_config"])
            domains += h["domains"]
            assert h["routes"][0]["route"]["cluster"] in clusters and h["routes"][0]["match"] == {"prefix": "/"}
            if "typed_per_filter_config" in h:
                envoy_limit(h["typed_per_filter_config"]["envoy.filters.http.local_ratelimit"])
        assert len(domains) == len(set(domains)), domains


def bare(text):
    """Without comments and blank lines."""
    return [line for line in (re.sub(r"^\s*#.*", "", one) for one in text.splitlines()) if line.strip()]


def cached(text):
    return sorted(set(re.findall(r"# GET http://api\.example(/\S+): kept", text)))


# ---- 1. one API with everything in it ----
kinds = {k: PLANS[k] for k in ("open", "shared", "private", "tenant", "personal", "marked", "leaky", "nostore")}
calls = sorted((r for k, p in kinds.items() for r in planted({k: p}, MANY if k in ("open", "shared", "nostore") else MANY // 4, SPAN, SERVER, seed=SEED + 1, clients=6)),
               key=lambda r: r["ts"])
db = audit("planted", calls)
quick = os.environ.get("KIND") == "san"  # the files are those of the other build: what is wanted here is their making
installed = {p: not quick and not world.missing({"varnish": "varnishd"}.get(p, p)) for p in ("nginx", "varnish", "haproxy")}
installed["headers"] = False  # text for people
state = ("--state", here)
for product in ("nginx", "varnish", "haproxy", "envoy"):
    file, err = policy(db, product, *state)
    text = file.read_text()
    if installed.get(product, True):
        ok, said = accepted(product, file)
        check(ok, "%s accepts the file as it stands" % product, said)
        forced, _ = policy(db, product, "--force", "--dry-run", *state, name="forced")
        ok, said = accepted(product, forced)
        check(ok, "%s accepts it with --force and --dry-run" % product, said)
    else:
        quick or skip("%s accepts the file" % product, "not installed")
    check(stat.S_IMODE(os.stat(file).st_mode) == 0o600, product + ": 0600")
    check(good("policy", db, "--for", product, *state) == text, product + ": two runs, the same bytes")
    if product == "envoy":
        check("# No Envoy has run it" in text, "envoy: the file says that it was checked against a schema alone")
        continue
    may = ["/open/{int}"] + ["/shared/{int}"] * (product != "haproxy")  # that keeps nothing that was asked for with Authorization
    check(cached(text) == may, product + ": rules for what may be shared, and for nothing else", cached(text))
    check("nostore" not in text and ("no-store" in err or product == "haproxy"), product + ": what the API forbids is left out, and said", err)
    check("with Authorization\n" in text or product == "haproxy" and "its clients send Authorization" in err, product + ": and whose requests it is for")
    check(re.search(r"\d\d\.\d\d % are answered from the cache, \d+\.\d\d % of those are stale", text) is not None, product + ": the figures stand beside")
    forced = good("policy", db, "--for", product, "--force", *state)
    check(cached(forced) == ["/nostore/{int}"] * (product != "haproxy") + may and ("NOT ADVISED" in forced or product == "haproxy"),
          product + " --force: with the reason, and still nothing of one client's own", cached(forced))
headers = good("policy", db, "--for", "headers")
sections = {s.split("\n")[0].split("/")[-2]: s for s in headers.split("\n## ")[1:]}
check(set(sections) == set(kinds) - {"marked"}, "headers: what needs a change", sections.keys())
check(all("Cache-Control: private\n" in sections.get(k, "") for k in ("private", "tenant", "personal", "leaky")) and all(
    re.search(r"Cache-Control: public, s-maxage=\d+\n    ETag: ", sections.get(k, "")) for k in ("open", "shared", "nostore")),
    "headers: private for what is, a lifetime for the rest", headers)

# What overrules no-store is the rule of that endpoint alone, also where another has the same lifetime.
both = world.planted({"calm": Plan(credential=False), "nostore": Plan(credential=False, marks=PLANS["nostore"].marks)}, MANY, SPAN, SERVER, seed=5)
text = good("policy", audit("both", both), "--for", "haproxy", "--force", *state)
rule = dict((path, name) for name, path in re.findall(r"txn.spanwise_rule\) str\((\w{16})\) .* \^/(\w+)/", text))
check(re.findall(r"spanwise_override\) bool\(true\) if (.*)", text) == ["{ var(txn.spanwise_rule) -m str %s }" % rule.get("nostore")] and "calm" in rule,
      "haproxy --force: no-store is overruled for what was seen to send it alone", rule)

# Who has no credential is given some of it, and refused the rest: the copies are for those who have one.
half = world.planted({"half": Plan(credential=False), "whole": Plan(credential=False)}, MANY, SPAN, SERVER, seed=4)
for r in half:
    kind, item = r["target"].split("/")[1:]
    who = int(r["client"].split(".")[2])
    if who < 8:
        r["client_id"] = "bearer:%012x" % (who + 1)
    elif kind == "half" and int(item) > 2:
        r.update(status=401, body_id="00000000000000aa")
few = [dict(r, client_id="bearer:%012x" % (1 + int(r["client"].split(".")[2]))) for r in half if "/whole/" in r["target"]]
del few[0]["client_id"]
check("# kept and given out for requests with Authorization\n" in good("policy", audit("few", few), "--for", "nginx", "--only", "cache", *state),
      "nginx: where all but one had a credential, requests without are not answered")
for product in ("nginx", "varnish"):
    text = good("policy", audit("half", half), "--for", product, "--only", "cache", *state)
    said = [line.strip() for line in text.splitlines() if "given out for requests" in line]
    check(said == ["# kept and given out for requests with Authorization", "# kept and given out for requests without credentials and with Authorization"],
          product + ": where requests without credentials are refused some, they are given none", said)

# The promise of each service's bucket in Envoy, by replaying.
for host in yaml.safe_load(good("policy", db, "--for", "envoy"))["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0][
        "typed_config"]["route_config"]["virtual_hosts"]:
    b = host["typed_per_filter_config"]["envoy.filters.http.local_ratelimit"]["token_bucket"]
    spec = "envoy:%d:%d:%s" % (b["max_tokens"], b["tokens_per_fill"], b["fill_interval"].rstrip("s"))
    got = parsed(good("whatif", db, "--limit", spec, "--per", "service", "--format", "json"))["limit"]
    check(got["rejected"] == 0, "envoy: %s rejects nothing that was recorded" % spec, got["rejected"])
shadow = good("policy", db, "--for", "envoy", "--dry-run")
check("numerator: 0" in shadow and "numerator: 0\n" not in good("policy", db, "--for", "envoy"), "envoy: enforced, and in the dry run not")

# ---- 2. hostile hosts and paths ----
HOSTILE = ["/a;return 301 http://evil/", "/x\"y", "/x'y", "/x}\n}server{", "/x y", "/x\\y", "/$request_uri", "/{evil}/", "/x#y", "//evil//", "/.;",
           "/x{int}{", "/\u00e9", "/x|y", "/x(y", "/x*", "/x+", "/[a]", "/x^y", "/x\ty", "/x,y", "/{jwt", "/{}", "/\x7f"]
PLAINER = ["/%2e%2e/", "/..", "/x?", "/a/../b"]  # these read as other paths, or as a query
HOSTS = ["evil.example;", "a b", "evil\"", "evil{", "..", "*.example", ".example", "~^.*$", "$host", "evil#", "[::1", "a:99999", "a:0", "a:", "-x", "_"]


def hostile(rng, plan, advised):
    """Records of hostile names: a few with all the evidence, many with little."""
    out, now = [], EPOCH
    for n in range(MANY):
        now += rng.expovariate(MANY / SPAN)
        item, who = rng.randrange(6), rng.randrange(10)
        for path in advised:
            out.append(world.record("x", plan, item, who, now, SERVER, route=path.replace("%", "%%") + "/%s/%d"))
        if n % 20 == 0:
            r = world.record("x", plan, item, who, now, SERVER, route="".join(rng.sample(HOSTILE + PLAINER, 2)).replace("%", "%%") + "/%s/%d")
            r["authority"] = rng.choice(HOSTS + ["api.example"] * 8)
            r["headers"]["response"]["etag"] = "\"" + rng.choice(HOSTILE) + "\""
            out.append(r)
    return out


def deaf(seed):
    rng = random.Random(seed)
    worse = sorted(calls + hostile(rng, PLANS["open"], rng.sample(HOSTILE, 1)), key=lambda r: r["ts"])
    evil = audit("hostile", worse)
    for product in ("nginx", "varnish", "haproxy", "envoy", "headers"):
        what = () if product in ("envoy", "headers") else ("--only", "cache")
        clean, _ = policy(db, product, *what, "--force", *state, name="clean")
        file, err = policy(evil, product, *what, "--force", *state, name="evil")
        a, b = bare(clean.read_text()), bare(file.read_text())
        if product in ("envoy", "headers"):
            a, b = ([re.sub(r"\d+", "N", x) for x in lines] for lines in (a, b))
        more = list((collections.Counter(b) - collections.Counter(a)).elements())
        check(not more and len(b) > len(a) // 3, "%s: hostile hosts and paths add no directive" % product, *more[:5])
        comments = "".join(line for line in file.read_text().splitlines() if "#" in line)
        check(re.fullmatch(r"[ -~]*", comments) and "evil" not in comments and "return 301" not in comments, "%s: nor a word in comments" % product)
        check("left out" in err and all(31 < ord(c) < 127 or c in "\n\u2026" or ord(c) > 159 for c in err), "%s: they are listed on stderr" % product, err)
        if installed.get(product, True):
            check(accepted(product, file)[0], "%s: and it is accepted" % product, accepted(product, file)[1])


for seed in range(5, 17 if world.PROOF else 6):
    deaf(SEED + seed)

if quick:
    finish()

# ---- 3. neighbours of a rule that takes any word ----
words = ["alpha", "beta", "gamma"] + ["w%s" % c * 3 for c in "bcdfghjklmnpqrstvwxz"] + ["z%sq" % c for c in "bcdfghjklmnpqrstvw"]
plan, neighbours, now = PLANS["open"], [], EPOCH
rng = random.Random(SEED + 8)
for n in range(MANY):
    now += rng.expovariate(MANY / SPAN)
    who = rng.randrange(10)
    word = rng.choice(words)
    r = world.record("w", plan, 0, who, now, SERVER)
    r.update(target="/w/" + word, body_id=world.digest(word, plan.version(0, now)))
    neighbours.append(r)
    if n % 5 == 0:
        r = world.record("w", PLANS["private"], 0, who, now, SERVER)
        r.update(target="/w/me")
        neighbours.append(r)
near = good("policy", audit("near", neighbours), "--for", "nginx", *state)
at_me, at_var = near.find('"^/w/me(/.*)?$"'), near.find('"^/w/[A-Za-z0-9._~-]+$"')
check(0 < at_me < at_var, "a private neighbour of /w/{var} is told apart before it", near[-1500:])
check("proxy_cache " not in near[at_me:at_var].split("}")[0], "and passes")

# Copies of 3 MB have room: 40 of them at once.
large = audit("large", [dict(world.record("large", Plan(period=10 ** 6, credential=False), n % 40, n % 7, EPOCH + n / 8, SERVER), response_bytes=3_000_000) for n in range(4000)])
room = [[int(re.search(words, good("policy", large, "--for", product, *state)).group(1)) for words in found] for product, found in (
    ("nginx", (r"max_size=(\d+)m",)), ("varnish", (r"malloc,(\d+)m",)), ("haproxy", (r"total-max-size (\d+)", r"max-object-size (\d+)")))]
check(all(r[0] > 2 * 120 for r in room) and room[2][1] > 3_000_000, "large copies have room", room)

# ---- 4. options ----
for words, wanted in ((("--for", "papyrus"), "papyrus"), ((), "--for"), (("--for", "varnish", "--only", "rate"), "varnish"),
                      (("--for", "nginx", "--stale-budget", "much"), "much"), (("--for", "nginx", "--headroom", "0.5"), "0.5"),
                      (("--for", "nginx", "--only", "both"), "both"), (("--for", "nginx", "--listen", "x;y"), "x;y"),
                      (("--for", "nginx", "--state", "/a;b"), "/a;b")):
    code, out, err = run("policy", db, *words)
    check(code == 2 and not out and wanted in err, "policy %s: exit 2" % " ".join(words), code, out, err)
for words in (("cache", "--dry-run"), ("cache", "--headroom", "2"), ("rate", "--stale-budget", "2%")):
    code, out, err = run("policy", db, "--for", "nginx", "--only", *words)
    check(code == 0 and out and err.startswith("spanwise: %s does nothing with --only %s" % (words[1], words[0])), "policy --only %s: what does nothing is said" % " ".join(words), code, err)
for product in ("nginx", "varnish", "haproxy", "envoy", "headers"):
    _, plain, _ = run("policy", db, "--for", product)
    for option in (("--listen", "127.0.0.1:18080"), ("--state", "/srv/elsewhere"), ("--dry-run",), ("--fragment",)):
        code, out, err = run("policy", db, "--for", product, *option)
        said = "spanwise: %s does nothing for %s\n" % (option[0], product) in err
        check(code == 0 and said == (out == plain), "%s %s changes the file, or is said to do nothing" % (product, option[0]), code, said, err)
rates = good("policy", db, "--for", "nginx", "--only", "rate", *state)
caches = good("policy", db, "--for", "nginx", "--only", "cache", *state)
check("limit_req_zone" in rates and "proxy_cache" not in rates and "proxy_cache_path" in caches and "limit_req" not in caches, "--only")
wide = good("policy", db, "--for", "nginx", "--only", "rate", "--headroom", "4", *state)
burst = [int(re.search(r"burst=(\d+)", t).group(1)) for t in (rates, wide)]
check(burst[1] > burst[0], "--headroom", burst)
lifetime = [int(re.search(r"/open/\{int\}: kept (\d+) s", good("policy", db, "--for", "nginx", "--stale-budget", b, *state)).group(1)) for b in ("0.5%", "20%")]
check(lifetime[0] < lifetime[1], "--stale-budget", lifetime)
check("limit_req_dry_run on" in good("policy", db, "--for", "nginx", "--dry-run", *state) and "dry_run" not in rates, "--dry-run")
fragment, _ = policy(db, "nginx", "--fragment", *state, name="fragment")
(here / "whole").write_text("events {}\nhttp {\nclient_max_body_size 1m;\nlimit_req_status 503;\naccess_log off;\ninclude %s;\n}\n" % fragment)
if installed["nginx"]:
    check(accepted("nginx", here / "whole")[0], "--fragment: to be included in http {}", accepted("nginx", here / "whole")[1])
if installed["varnish"]:
    fragment, _ = policy(db, "varnish", "--fragment", name="fragment.vcl")
    (here / "whole.vcl").write_text('vcl 4.1;\nbackend default { .host = "127.0.0.1"; }\ninclude "%s";\n' % fragment)
    check(accepted("varnish", here / "whole.vcl")[0], "--fragment: to be included in a VCL", accepted("varnish", here / "whole.vcl")[1])
if installed["haproxy"]:
    fragment, _ = policy(db, "haproxy", "--fragment", name="fragment.cfg")
    (here / "base.cfg").write_text("defaults\n    mode http\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n")
    check(says_yes("haproxy", "-c", "-f", here / "base.cfg", "-f", fragment)[0], "--fragment: beside another file")
code, out, err = run("policy", db, "--for", "nginx", "-o", here / "no" / "such" / "folder")
check(code == 1 and not out and err.count("\n") >= 1 and not (here / "no").exists(), "-o where nothing can be written: exit 1", code, err)
(here / "policy.nginx").write_text("old")
policy(db, "nginx", *state)
check(not [p for p in os.listdir(here) if p.startswith("policy.nginx.")], "-o leaves nothing beside the file")
code, out, err = run("policy", next(PCAP.glob("demo.pcap*")), "--for", "haproxy", "--force")
check(code == 0 and "backend spanwise_api_shop_example" in out and "server s1 10.77.0.1:80" in out, "a capture is audited first; its servers are the backends",
      code, err)
# ---- 5. the real products in front of an origin that minds who asks ----
def crowd(n, seed):
    """Requests of ten users to everything, some without or with other credentials than were seen."""
    rng, out = random.Random(seed), []
    for _ in range(n):
        kind, item, who = rng.choice(list(kinds)), rng.randrange(6), rng.randrange(10)
        fields = "Authorization: Bearer token-%d\r\n" % who
        if kind == "open":
            fields = rng.choice(["", "", "Cookie: a=token-%d\r\n" % who])
        elif kind == "shared" and rng.random() < 0.2:
            fields = rng.choice(["", "Cookie: a=token-%d\r\n" % who, fields + "Cookie: a=token-%d\r\n" % who])
        query = "?twice" if kind == "open" and rng.random() < 0.2 else ""
        out.append(world.Call(0, "/%s/%d%s" % (kind, item, query), fields, what=(kind, who if fields else -1)))
    return out


def wrong(c):
    """Why this answer should not have been given, or None."""
    kind, who = c.what
    if c.target.endswith("?twice") and c.cache == "HIT":
        return "private in a second line, and kept"
    if kind == "shared" and "Authorization" not in c.fields:
        return None if c.status == 401 and c.cache != "HIT" else "unauthorised, answered"
    if c.status != 200:
        return "status %d" % c.status
    if (kind == "open" and c.fields) or (kind not in ("open", "shared")):
        return None if c.body["who"] == who and c.cache != "HIT" else "of somebody else: %s" % c.body
    if "Cookie" in c.fields and c.cache == "HIT":
        return "a credential that was never seen got a kept answer"
    return None


def in_front(product, starter, n, seeds):
    port = world.free_port()
    file, _ = policy(db, product, "--only", "cache", "--listen", "127.0.0.1:%d" % port, *state, name="front." + product)
    if not check(starter(file, port), product + " starts"):
        return
    for seed in seeds:
        calls = crowd(n, SEED + seed)
        world.drive([(port, calls)])
        bad = [(c.target, c.fields, wrong(c)) for c in calls if wrong(c)]
        hits = [sum(c.cache == "HIT" and c.what[0] == k for c in calls) for k in ("open", "shared")]
        check(not bad and hits[0] > n // 40 and (hits[1] > n // 40 or product == "haproxy"),
              "%s, seed %d: %d requests of ten users, nobody gets what is another's; %d and %d hits" % (product, SEED + seed, n, *hits), *bad[:5])


if not quick:
    world.fork_origin(ORIGIN, PLANS)
    world.wait_port(ORIGIN)
    try:
        for product, starter in (("nginx", world.start_nginx), ("varnish", world.start_varnish), ("haproxy", world.start_haproxy)):
            if installed[product]:
                in_front(product, starter, *((10000, (17, 18, 19)) if world.PROOF else (600, (17,))))
    finally:
        world.stop_all()

# ---- 6. names and servers of every shape ----
# http and https of one host: the busier one has its names.
twice = world.planted({"open": Plan(credential=False)}, MANY, SPAN, "10.1.1.1:80", seed=7)
other = world.planted({"open": Plan(credential=False)}, MANY // 2, SPAN, "10.1.1.2:443", seed=8)
for r in other:
    r["tls"] = True
twice = audit("twice", sorted(twice + other, key=lambda r: r["ts"]))
for product in ("nginx", "haproxy", "envoy"):
    file, err = policy(twice, product, *state, name="twice." + product)
    text = file.read_text()
    names = [n for line in re.findall(r"domains: \[(.*)\]|lower -m str (.*) }|server_name (.*);", text) for n in re.findall(r"[a-z.]+(?::\d+)?", "".join(line))]
    check("api.example" in names and len(set(names)) == len(names) and "10.1.1.1" in text and "10.1.1.2" not in text and "left out: https://api.example" in err,
          product + ": of http and https of one host the busier one stands, the other is left out", names, err)
    if installed.get(product, True):
        ok, said = accepted(product, file)
        check(ok, product + " accepts it", said)

shapes = []
for n, (authority, tls, where) in enumerate([("[::1]:8080", False, "[::1]:8080"), ("secure.example", True, "10.1.1.1:443"), ("api.example:81", False, SERVER),
                                             ("api.example", False, SERVER), ("api.example", False, "10.9.9.8:81"), ("10.2.2.2", False, None),
                                             ("under_score-d.example", False, "[2001:db8::7]:80"), ("nowhere.example", False, None)] * 30):
    r = world.record("open", PLANS["open"], n % 6, n % 5, EPOCH + n, where or SERVER)
    r.update(authority=authority, tls=tls)
    if not where:
        del r["server"]
    shapes.append(r)
shaped = audit("shapes", shapes)
for product in ("nginx", "varnish", "haproxy", "envoy"):
    file, err = policy(shaped, product, "--force", *state, name="shaped." + product)
    text = file.read_text()
    if installed.get(product, True):
        check(accepted(product, file)[0], product + " accepts IPv6, TLS, ports and several servers", accepted(product, file)[1])
    check("nowhere.example" in err and "nowhere" not in text, product + ": a service without a known server is left out, and said", err)
    check("2001:db8::7" in text and "10.9.9.8" in text and "10.2.2.2" in text, product + ": the observed servers, and an address that is its own name")
    check(("secure" in text) == (product != "varnish") and ("secure" in err) == (product == "varnish"), product + ": TLS to servers where it can")
    check(("api.example:81" in text) == (product != "nginx") and ("api.example:81" in err) == (product == "nginx"),
          product + ": two ports of one host where it can")

none = audit("none", [])
if installed["nginx"]:
    file, _ = policy(none, "nginx", *state)
    check(accepted("nginx", file)[0], "an audit of nothing: a file that passes nothing on, accepted", accepted("nginx", file)[1])
if installed["varnish"]:
    file, _ = policy(none, "varnish", *state)
    check(accepted("varnish", file)[0], "the same for Varnish", accepted("varnish", file)[1])
finish()
