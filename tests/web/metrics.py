"""Reads /metrics as strictly as a scraper does and compares it with the report."""
import re

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[-+0-9.e]+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def labels_of(text, line):
    pairs, at = [], 0
    while text and at < len(text):
        label = LABEL.match(text, at)
        assert label, "no label: " + line
        pairs.append((label[1], label[2]))
        at = label.end()
    return tuple(sorted(pairs))


def read(text, openmetrics):
    """{(name, labels): value}; every family in one place, every sample once."""
    types, samples, closed, family = {}, {}, set(), None
    for line in text.split("\n"):
        if not line or line == "# EOF":
            continue
        if line.startswith("# "):
            kind, name, rest = line[2:].split(" ", 2)
            assert kind in ("HELP", "TYPE"), line
            if name != family:
                assert name not in closed, "family in two places: " + name
                closed.add(name)
                family = name
            if kind == "TYPE":
                types[name] = rest
            continue
        match = SAMPLE.match(line)
        assert match, "no sample: " + line
        name, value = match[1], match[3]
        base = re.sub("_(sum|count)$", "", name) if types.get(family) == "summary" else name
        wanted = family + "_total" if openmetrics and types.get(family) == "counter" else family
        assert base == wanted, "%s stands in family %s" % (name, family)
        key = (name, labels_of(match[2], line))
        assert key not in samples, "twice: " + line
        samples[key] = float(value)
    return samples


def compare(plain, strict, report):
    text, other = read(plain, False), read(strict, True)
    assert text.keys() == other.keys()
    assert text["spanwise_exchanges_total", ()] == report["totals"]["exchanges"]
    assert text["spanwise_schema", ()] == report["tool"]["schema"]
    by_status = {dict(k[1])["status"]: v for k, v in text.items() if k[0] == "spanwise_responses_total"}
    assert by_status == report["totals"]["statuses"], by_status
    requests = {int(dict(k[1])["id"]): v for k, v in text.items() if k[0] == "spanwise_endpoint_requests_total"}
    assert requests == {e["id"]: e["requests"] for e in report["endpoints"][:50]}, requests
    hits = {int(dict(k[1])["id"]): v for k, v in text.items() if k[0] == "spanwise_endpoint_hit_ratio" and dict(k[1])["ttl"] == "60"}
    for e in report["endpoints"][:50]:
        rung = next(r for r in e["ttl"] if r["ttl_s"] == 60)
        if rung["lookups"]:
            assert abs(hits[e["id"]] - rung["hit_ratio"]) < 1e-6, e["route"]
