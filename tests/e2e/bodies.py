#!/usr/bin/env python3
# kinds: san
"""What bodies are without their codings and without how JSON was written (S-1), and the fields that keep an API from being
cached (S-2), through packets: decoders beside the codecs of others, a planted API, records that give the same."""
import gzip
import json
import random
import shutil
import string
import subprocess
import zlib

from lib import EPOCH, PROOF, SECRET, Capture, answer, check, finish, folder, good, request, skip

here = folder()
JSON = "Content-Type: application/json"


def command(*words):
    return lambda data: subprocess.run(words, input=data, stdout=subprocess.PIPE, check=True).stdout


def raw(data):
    z = zlib.compressobj(6, zlib.DEFLATED, -15)
    return z.compress(data) + z.flush()


CODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "deflate ": raw, "identity": lambda data: data}
if shutil.which("zstd"):
    CODINGS["zstd"] = command("zstd", "-qc")
if shutil.which("brotli"):
    CODINGS["br"] = command("brotli", "-c")
else:
    skip("bodies coded by the program brotli", "it is not installed")


def chunked(status, body, *fields, size=100):
    parts = [b"%x\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size]) for i in range(0, len(body), size)]
    head = "\r\n".join(["HTTP/1.1 %d Text" % status, "Transfer-Encoding: chunked", *fields]).encode() + b"\r\n\r\n"
    return head + b"".join(parts) + b"0\r\n\r\n"


def log(capture, name, *options):
    path = capture.write(here / (name + ".pcap"))
    return [json.loads(line) for line in good("log", "-r", path, "--format", "jsonl", "--secret", SECRET, *options).splitlines()]


# ---- S-1: one content, however it comes

DOCUMENT = {"id": 7, "items": [{"n": i, "name": "item %d" % i, "ok": i % 2 == 0, "price": i + 0.5} for i in range(20)], "none": None, "text": "a\u00e9/\"\u20ac"}


def shuffled(value, rng):
    if isinstance(value, dict):
        return dict(sorted(((k, shuffled(v, rng)) for k, v in value.items()), key=lambda _: rng.random()))
    return [shuffled(v, rng) for v in value] if isinstance(value, list) else value


def written(value, how, rng):
    value = shuffled(value, rng) if how & 1 else value
    return json.dumps(value, indent=2 if how & 2 else None, ensure_ascii=bool(how & 4)).encode()


rng, cap, want = random.Random(1), Capture(), []
for n, tag in enumerate(["begin", "begin too"]):  # two that differ within a minute: from then on bodies are looked into
    cap.talk((">", request("GET", "/doc")), ("<", answer(200, json.dumps({"a": tag}).encode(), JSON)))
changed = json.loads(json.dumps(DOCUMENT))
changed["items"][19]["price"] = 20.5
for name, encode in CODINGS.items():
    for how in range(8):
        for which, document in (("same", DOCUMENT), ("other", changed)):
            body = encode(written(document, how, rng))
            fields = [JSON] + (["Content-Encoding: " + name.strip()] if name != "identity" else [])
            whole = chunked(200, body, *fields, size=1 + rng.randrange(200)) if how % 3 == 0 else answer(200, body, *fields)
            cap.talk((">", request("GET", "/doc")), ("<", whole), mss=1 + rng.randrange(1400))
            want.append((name, how, which))
records = [r for r in log(cap, "same")[2:]]
ids = {which: {r.get("decoded_id") for r, w in zip(records, want) if w[2] == which} for which in ("same", "other")}
check(len(records) == len(want) and len(ids["same"]) == len(ids["other"]) == 1 and None not in ids["same"] | ids["other"] and
      ids["same"] != ids["other"],
      "S-1: one identity for a content in %d codings, 2 framings, 8 ways to write it; another for another value" % len(CODINGS), ids)

# ---- codings: what a field says and what the body is

cap, cases = Capture(), []
plain = [json.dumps({"v": v, "pad": "x" * 300}).encode() for v in range(4)]


def case(name, body, encoding, flagged, ids=True):
    for v in (0, 1):
        cap.talk((">", request("GET", "/" + name)), ("<", answer(200, plain[v], JSON)))
    cap.talk((">", request("GET", "/" + name)), ("<", answer(200, body, JSON, *(["Content-Encoding: " + encoding] if encoding else []))))
    cases.append((name, flagged, ids))


packed = gzip.compress(plain[2])
case("good", packed, "gzip", False)
case("stacked", zlib.compress(packed), "gzip, deflate", False)
case("lie", plain[2], "gzip", True, False)
case("cut", packed[:-9], "gzip", True, False)
case("tail", packed + b"tail", "gzip", True, False)
case("damaged", packed[:40] + b"\0\0\0\0" + packed[44:], "gzip", True, False)
case("bomb", gzip.compress(b'"' + b"a" * 3000000 + b'"'), "gzip", True, False)
case("unknown", plain[2], "compress", False, False)
case("large", b'"' + "".join(rng.choices(string.ascii_letters, k=300000)).encode() + b'"', None, False, False)
by = {r["target"][1:]: r for r in log(cap, "cases") if r["target"] != "/"}
for name, flagged, ids in cases:
    r = by[name]
    check(("miscoded" in r.get("flags", [])) == flagged and bool(r.get("decoded_id")) == ids and r["body_id"] and r["end"] == "complete",
          "a body that is %s is %s" % (name, "flagged" if flagged else "no trouble"), {k: r.get(k) for k in ("flags", "decoded_id", "body_id", "end")})
check(by["good"]["decoded_id"] == by["stacked"]["decoded_id"] and "leaves" in by["good"], "stacked codings come off, and it is the same", by["good"])

# ---- S-2, whole: an API with fields that mean nothing, and fields that do


def planted(seed, requests):
    rng, cap, version = random.Random(seed), Capture(), {}
    cap.now = EPOCH * 1_000_000
    for n in range(requests):
        cap.now = int((EPOCH + n * 0.25) * 1e6)
        kind, item, who = rng.choice(("noisy", "noisy", "priced", "steady")), rng.randrange(4), n % 24
        now = cap.now // 1000
        version.setdefault(item, 0)
        if rng.random() < .1:
            version[item] += 1
        if kind == "noisy":  # changes every twenty minutes but for the time and the id of the request
            body = {"id": item, "name": "thing", "generated_at": now, "request_id": "%032x" % rng.getrandbits(128),
                    "took_ms": rng.randrange(40), "stock": n // 4800}
        elif kind == "priced":
            body = {"id": item, "price": rng.randrange(10000) / 100, "views": n, "name": "thing"}
        else:
            body = {"id": item, "name": "thing", "text": "y" * 200}
        text = json.dumps(body).encode()
        if kind == "noisy" and item % 2:
            text, more = gzip.compress(text), ["Content-Encoding: gzip"]
        else:
            more = []
        cap.talk((">", request("GET", "/%s/%d" % (kind, item), "Authorization: Bearer %04d" % who)),
                 ("<", answer(200, text, JSON, *more)), client="10.%d.0.%d" % (who % 6, who + 1))
    return cap


def endpoints(report):
    return {e["route"].split("/")[1]: e for e in report["endpoints"]}


for seed in range(4 if PROOF else 1):
    path = planted(seed, 12000).write(here / "planted.pcap")
    db = here / "planted.db"
    good("capture", "-q", "-r", path, "-d", db, "--secret", SECRET, "--fresh")
    text = good("report", db, "--format", "json")
    report = json.loads(text)
    by = endpoints(report)
    fields = {name: {f["path"]: f for f in by[name]["key_advice"]["volatile_fields"] or []} for name in by}
    masked = {name: {p: f["class"] for p, f in fields[name].items() if f["ignorable"]} for name in by}
    check(set(masked["noisy"]) <= {"generated_at", "request_id", "took_ms"} and
          {"generated_at": "timestamp", "request_id": "request_id"}.items() & masked["noisy"].items(),
          "S-2, seed %d: what means nothing is found" % seed, fields["noisy"])
    check(not masked["priced"] and {"price", "views"} & set(fields["priced"]) and
          fields["priced"].get("views", {"class": "counter"})["class"] == "counter",
          "S-2, seed %d: prices and counters are never masked, and named" % seed, fields["priced"])
    check(by["steady"]["key_advice"]["volatile_fields"] is None, "seed %d: what does not differ is not looked into" % seed,
          by["steady"]["key_advice"])
    but = by["noisy"]["key_advice"]["but_for"] or {}
    check(but.get("stale_ratio", 1) <= .02 and but.get("stale_ratio_with_fields", 0) > .9 and 1 <= (but.get("ttl_s") or 0) <= 60 and
          but["hit_ratio"] > .5 and by["priced"]["key_advice"]["but_for"] is None,
          "seed %d: without the fields a lifetime within the changes of what is left, with them none" % seed, but)
    advised = [r for r in report["recommendations"] if "cacheable but for" in r["why"]]
    check(len(advised) == 1 and advised[0]["kind"] == "fix" and "/noisy/" in advised[0]["target"] and advised[0]["saves"]["requests"] > 0,
          "seed %d: it would be cacheable but for them, and nothing else would" % seed, advised)
    for form in ("text", "markdown"):
        check("would be cacheable but for" in good("report", db, "--format", form), "seed %d: %s says so" % (seed, form))
    lines = good("log", "-r", path, "--format", "jsonl", "--secret", SECRET)
    (here / "planted.jsonl").write_text(lines)
    good("capture", "-q", "--records", here / "planted.jsonl", "-d", here / "again.db", "--secret", SECRET, "--fresh")
    again = json.loads(good("report", here / "again.db", "--format", "json"))
    check(again["endpoints"] == report["endpoints"] and again["recommendations"] == report["recommendations"],
          "seed %d: records give the same" % seed,
          [(a["route"], k) for a, b in zip(again["endpoints"], report["endpoints"]) for k in a if a[k] != b[k]])
    whole, cut = lines.splitlines(True), lines.count("\n") * 2 // 3
    for part, how in ((whole[:cut], "--fresh"), (whole[cut:], "--append")):
        (here / "part.jsonl").write_text("".join(part))
        good("capture", "-q", "--records", here / "part.jsonl", "-d", here / "parts.db", "--secret", SECRET, how)
    parts = endpoints(json.loads(good("report", here / "parts.db", "--format", "json")))["noisy"]["key_advice"]
    check([f["path"] for f in parts["volatile_fields"]] == [f["path"] for f in by["noisy"]["key_advice"]["volatile_fields"]] and
          parts["but_for"]["lookups"] == but["lookups"] and parts["but_for"]["ttl_s"] and parts["but_for"]["stale_ratio"] <= .02,
          "seed %d: what was learned goes on after a restart" % seed, parts["but_for"], but)
    check(good("log", "-r", path, "--format", "jsonl", "--secret", SECRET) == lines, "seed %d: and the same once more" % seed)

finish()
