#include "cmd/verifyshow.h"

#include <math.h>

#include "base/human.h"
#include "base/json.h"

/* ---- json ---- */

static void json_interval(struct json *j, struct interval i)
{
    json_key_double(j, "low", i.low);
    json_key_double(j, "high", i.high);
}

static void json_audit(struct json *j, const char *key, const struct verify_audit *a)
{
    json_key(j, key);
    json_open(j, '{');
    json_key_text(j, "path", slice_str(a->path));
    json_key_u64(j, "exchanges", a->exchanges);
    json_key_micros(j, "from", a->from_us);
    json_key_micros(j, "to", a->to_us);
    json_close(j, '}');
}

static void json_shares(struct json *j, const char *key, const struct verify_rule *r)
{
    json_key(j, key);
    json_open(j, '{');
    json_key_double(j, "predicted", r->said);
    json_key_double(j, "expected", r->expected);
    json_key_double(j, "observed", r->seen);
    json_interval(j, isnan(r->seen) ? (struct interval){NAN, NAN} : r->seen_of);
    json_close(j, '}');
}

static void json_latency(struct json *j, const struct verify_rule *r)
{
    json_key(j, "latency");
    json_open(j, '[');
    for (int i = 0; i < VERIFY_QUANTILES; i++) {
        const struct verify_latency *l = &r->latency[i];
        json_open(j, '{');
        json_key_double(j, "quantile", l->q);
        json_key_double(j, "before", l->before);
        json_key_double(j, "predicted", l->said);
        json_key(j, "from_cache");
        json_bool(j, l->from_cache);
        json_key_double(j, "observed", l->seen);
        json_key(j, "slower");
        json_bool(j, l->slower);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_cache(struct json *j, const struct verify_rule *r)
{
    json_key_u64(j, "ttl_s", r->ttl_s);
    json_key(j, "evidence");
    json_str(j, r->evidence);
    json_key_u64(j, "lookups", r->requests);
    json_shares(j, "hit_ratio", r);
    json_key(j, "stale_ratio");
    json_open(j, '{');
    json_key_double(j, "predicted", r->stale_said);
    json_key_double(j, "predicted_high", r->stale_most);
    json_key_double(j, "observed", r->stale_seen);
    json_interval(j, isnan(r->stale_seen) ? (struct interval){NAN, NAN} : r->stale_of);
    json_close(j, '}');
    json_key(j, "origin_spared");
    json_open(j, '{');
    json_key_double(j, "predicted", r->said);
    json_key_double(j, "expected", isnan(r->seen) ? r->expected : NAN);
    json_key_double(j, "observed", r->spared);
    json_interval(j, r->spared_of);
    json_close(j, '}');
    json_key_u64(j, "judged", r->judged);
    json_key_u64(j, "fetched_early", r->early);
    json_key_u64(j, "given_late", r->late);
    json_key_u64(j, "to_pass", r->passed);
    json_key_u64(j, "given_wrongly", r->passed_hits);
    json_key_double(j, "copies_p95_age_s", r->oldest_s);
    json_latency(j, r);
}

static void json_limit(struct json *j, const struct verify_rule *r)
{
    json_key_text(j, "spec", r->spec);
    json_key_u64(j, "requests", r->requests);
    json_shares(j, "rejected_ratio", r);
    json_key_u64(j, "rejected_expected", r->rejected_expected);
    json_key_u64(j, "rejected_observed", r->rejected_seen);
    json_key(j, "by_client");
    json_open(j, '[');
    for (unsigned i = 0; i < r->n_clients; i++) {
        json_open(j, '{');
        json_key_text(j, "client", r->client[i].name);
        json_key_u64(j, "requests", r->client[i].requests);
        json_key_u64(j, "expected", r->client[i].expected);
        json_key_u64(j, "observed", r->client[i].observed);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_rule(struct json *j, const struct verify_rule *r)
{
    json_open(j, '{');
    json_key_text(j, "id", r->id);
    json_key_text(j, "kind", r->kind);
    json_key_text(j, "target", r->what);
    json_key(j, "verdict");
    json_str(j, promise_verdicts[promise_verdict_of(r->reason)]);
    json_key(j, "reason");
    json_str(j, promise_names[r->reason]);
    json_key(j, "why");
    json_str(j, promise_words[r->reason]);
    json_key(j, "not_advised");
    json_str(j, r->doubt);
    if (slice_eq(r->kind, SLICE("cache")))
        json_cache(j, r);
    else
        json_limit(j, r);
    json_close(j, '}');
}

void verifyshow_json(const struct verify_show *s, struct buf *out)
{
    struct json j = {out, false};
    json_open(&j, '{');
    json_key_text(&j, "product", slice_str(s->product));
    json_audit(&j, "before", &s->before);
    json_audit(&j, "after", &s->after);
    for (int i = 0; i < PROMISE_VERDICTS; i++)
        json_key_u64(&j, promise_verdicts[i], s->verdicts[i]);
    json_key(&j, "rules");
    json_open(&j, '[');
    for (size_t i = 0; i < s->n; i++)
        json_rule(&j, &s->rule[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    buf_char(out, '\n');
}

/* ---- text ---- */

static void text_between(struct interval i, struct buf *out)
{
    buf_printf(out, " (%s to %s)", human_percent(i.low).text, human_percent(i.high).text);
}

static void text_latency(const struct verify_rule *r, struct buf *out)
{
    buf_str(out, "    latency");
    for (int i = 0; i < VERIFY_QUANTILES; i++) {
        const struct verify_latency *l = &r->latency[i];
        buf_printf(out, "%s p%g: %s before, ", i ? ";" : "", l->q * 100, human_seconds(l->before).text);
        if (l->from_cache)
            buf_str(out, "from the cache");
        else
            buf_str(out, human_seconds(l->said).text);
        buf_printf(out, " said, %s seen%s", human_seconds(l->seen).text, l->slower ? " (slower)" : "");
    }
    buf_char(out, '\n');
}

static void text_cache(const struct verify_rule *r, struct buf *out)
{
    bool shown = r->evidence && strcmp(r->evidence, "answers") == 0;
    if (!r->evidence)
        return;
    if (shown) {
        buf_printf(out, "    hits    %s said, %s on these arrivals, %s seen", human_percent(r->said).text,
                   human_percent(r->expected).text, human_percent(r->seen).text);
        text_between(r->seen_of, out);
        buf_printf(out, " of %s requests, as the answers say\n", human_count(r->requests - r->passed).text);
        if (promise_verdict_of(r->reason) == PROMISE_KEPT && (r->said < r->seen_of.low || r->said > r->seen_of.high))
            buf_printf(out, "            (the same things are asked for %s often than before)\n",
                       r->said < r->seen_of.low ? "more" : "less");
        buf_printf(out, "    stale   %s said (at most %s), %s seen", human_percent(r->stale_said).text,
                   human_percent(r->stale_most).text, human_percent(r->stale_seen).text);
        if (!isnan(r->stale_seen))
            text_between(r->stale_of, out);
        buf_char(out, '\n');
    } else {
        buf_printf(out, "    no cache shows in the answers: taken as seen at the origin, %s requests\n",
                   human_count(r->requests).text);
        buf_printf(out, "    spared  %s said, %s at the later volume, %s seen", human_percent(r->said).text,
                   human_percent(r->expected).text, human_percent(r->spared).text);
        if (!isnan(r->spared))
            text_between(r->spared_of, out);
        buf_char(out, '\n');
    }
    buf_printf(out, "    of %s that tell something %s were fetched early, %s copies given out late",
               human_count(r->judged).text, human_count(r->early).text, human_count(r->late).text);
    if (!isnan(r->oldest_s))
        buf_printf(out, "; 95 %% of the copies were up to %s old", human_seconds(r->oldest_s).text);
    if (r->passed)
        buf_printf(out, "; %s more should pass, %s of them got copies", human_count(r->passed).text,
                   human_count(r->passed_hits).text);
    buf_char(out, '\n');
    text_latency(r, out);
}

static void text_limit(const struct verify_rule *r, struct buf *out)
{
    if (!r->requests)
        return;
    buf_printf(out, "    rejected %s said, %s of these %s requests expected, %s seen\n", human_percent(r->said).text,
               human_count(r->rejected_expected).text, human_count(r->requests).text,
               human_count(r->rejected_seen).text);
    for (unsigned i = 0; i < r->n_clients; i++) {
        buf_str(out, "      ");
        human_cell(out, r->client[i].name, 40);
        buf_printf(out, " %8s expected %8s seen, of %s\n", human_count(r->client[i].expected).text,
                   human_count(r->client[i].observed).text, human_count(r->client[i].requests).text);
    }
}

static void text_audit(const char *which, const struct verify_audit *a, struct buf *out)
{
    buf_printf(out, "  %s ", which);
    human_cell(out, slice_str(a->path), 40);
    buf_printf(out, " %s exchange%s, %s to %s UTC\n", human_count(a->exchanges).text, human_s(a->exchanges),
               human_moment(a->from_us).text, human_moment(a->to_us).text);
}

void verifyshow_text(const struct verify_show *s, struct buf *out)
{
    static const char *const words[PROMISE_VERDICTS] = {"KEPT", "NOT KEPT", "CANNOT TELL"};
    buf_printf(out, "THE POLICY FOR %s: %llu of %zu rule%s kept, %llu not kept, %llu cannot be told\n", s->product,
               (unsigned long long)s->verdicts[PROMISE_KEPT], s->n, human_s(s->n),
               (unsigned long long)s->verdicts[PROMISE_BROKEN], (unsigned long long)s->verdicts[PROMISE_UNKNOWN]);
    text_audit("before", &s->before, out);
    text_audit("after ", &s->after, out);
    for (size_t i = 0; i < s->n; i++) {
        const struct verify_rule *r = &s->rule[i];
        buf_printf(out, "\n%s  ", words[promise_verdict_of(r->reason)]);
        human_cell(out, r->what, (unsigned)(r->what.n < 100 ? r->what.n : 100));
        if (r->ttl_s)
            buf_printf(out, ": kept %u s", r->ttl_s);
        if (r->spec.n)
            buf_printf(out, ": %.*s", (int)r->spec.n, r->spec.p);
        buf_printf(out, "\n    %s\n", promise_words[r->reason]);
        if (r->doubt)
            buf_printf(out, "    (was not advised: %s)\n", r->doubt);
        (slice_eq(r->kind, SLICE("cache")) ? text_cache : text_limit)(r, out);
    }
}
