#include "analysis/report/callers.h"

#include <math.h>

#include "analysis/ranking.h"
#include "analysis/report/writers.h"
#include "base/human.h"

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : NAN;
}

static const struct hops_sums *sums_of(const struct behaviour *b)
{
    return b->any && !b->failed && b->hops ? hops_sums(b->hops) : NULL;
}

static const struct hops_asked *asked_of(const struct hops_level *l, const struct hops_edge *e)
{
    static const struct hops_asked none;
    size_t at = (size_t)e->caller * HOPS_TIERS + e->caller_tier;
    return at < l->n_asked ? &l->asked[at] : &none;
}

/* In the rate of the calls, times the share of them that is certainly the caller's. */
static double confidence(const struct hops_edge *e, double coverage)
{
    return ranking_confidence(e->calls, coverage) * hops_certain(e);
}

static double mean_s(const struct hops_edge *e)
{
    return e->ended ? (double)e->us / (double)e->ended / 1e6 : NAN;
}

/* Why there is no map; NULL: there is one. */
static const char *why_not(const struct behaviour *b)
{
    const struct hops_sums *s = sums_of(b);
    if (!b->any)
        return "no exchange records are kept";
    if (!s)
        return "exchange records could not all be read";
    if (!s->traced && !s->identified)
        return "no request carries a traceparent or an X-Request-Id";
    if (b->vague)
        return "clients' addresses are known by their networks alone (--privacy strict)";
    return s->joined ? NULL : "every trace was seen at one hop only";
}

/* ---- JSON ---- */

static void edge(struct json *j, const struct hops_level *l, const struct hops_edge *e, double coverage)
{
    const struct hops_asked *a = asked_of(l, e);
    json_key_u64(j, "caller_tier", e->caller_tier);
    json_key_u64(j, "callee_tier", e->callee_tier);
    json_key(j, "relayed");
    json_bool(j, e->relayed);
    json_key_u64(j, "calls", e->calls);
    json_key_u64(j, "caller_requests", a->requests);
    json_key_u64(j, "requests_with_calls", e->requests);
    json_key_double(j, "calls_per_request", ratio(e->calls, a->requests));
    json_key_double(j, "time_share", ratio(e->covered_us, a->us));
    json_key_double(j, "own_time_share", ratio(a->own_us, a->us));
    json_key(j, "covered_seconds");
    json_micros(j, (int64_t)e->covered_us);
    json_key_double(j, "latency_mean_s", mean_s(e));
    json_key_u64(j, "failed", e->failed);
    json_key_u64(j, "failures_passed_on", e->passed_on);
    json_key_u64(j, "after_answer", e->after);
    json_key_u64(j, "by_traceparent", e->calls - e->by_request_id);
    json_key_u64(j, "by_request_id", e->by_request_id);
    json_key_u64(j, "by_time", e->by_time);
    json_key_u64(j, "ambiguous", e->ambiguous);
    json_key_double(j, "confidence", confidence(e, coverage));
}

static void endpoints(struct json *j, const struct hops_sums *s, const struct hops_edge *services, double coverage)
{
    uint32_t n;
    const struct hops_edge *e = hops_within(s, services, &n);
    json_key(j, "endpoints");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++) {
        json_open(j, '{');
        json_key_u64(j, "caller_endpoint", e[i].caller);
        json_key_u64(j, "callee_endpoint", e[i].callee);
        edge(j, &s->endpoint, &e[i], coverage);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void hops(struct json *j, const struct behaviour *b)
{
    const struct hops_sums *s = sums_of(b);
    json_key(j, "hops");
    json_open(j, '{');
    if (s) {
        json_key_u64(j, "with_traceparent", s->traced);
        json_key_u64(j, "with_request_id_alone", s->identified);
        json_key_double(j, "joined", b->vague ? NAN : (double)s->joined);
        json_key_double(j, "seen_twice", b->vague ? NAN : (double)s->relayed);
        json_key_u64(j, "untracked", s->untracked);
    }
    json_key(j, "reason");
    json_str(j, why_not(b));
    json_close(j, '}');
}

void callers_json(struct json *j, const struct behaviour *b, double coverage)
{
    const struct hops_sums *s = sums_of(b);
    hops(j, b);
    json_key(j, "dependencies");
    if (!s || b->vague || (!s->traced && !s->identified)) {
        json_null(j);
        return;
    }
    json_open(j, '[');
    for (uint32_t i = 0; i < s->service.n_edges; i++) {
        const struct hops_edge *e = &s->service.edge[i];
        json_open(j, '{');
        json_key_text(j, "caller", named_service_name(&b->named, e->caller));
        json_key_text(j, "callee", named_service_name(&b->named, e->callee));
        edge(j, &s->service, e, coverage);
        endpoints(j, s, e, coverage);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* ---- text ---- */

enum { NUMBERS = 72 };

/* Without its scheme, which every service here has. */
static struct slice name_of(const struct behaviour *b, uint32_t service)
{
    struct slice s = named_service_name(&b->named, service);
    size_t at = slice_find(s, '/', 0);
    return at + 2 < s.n ? slice_sub(s, at + 2, s.n) : s;
}

static void row(const struct behaviour *b, const struct hops_edge *e, double coverage, unsigned width, struct buf *out)
{
    const struct hops_level *l = &sums_of(b)->service;
    const struct hops_asked *a = asked_of(l, e);
    unsigned name = (width - NUMBERS) / 2;
    buf_str(out, "  ");
    human_cell(out, name_of(b, e->caller), name);
    buf_str(out, " > ");
    human_cell(out, name_of(b, e->callee), name);
    buf_printf(out, " %7s %8.2f %6s %6s %8s %7s %7s%s\n", human_count(e->calls).text, ratio(e->calls, a->requests),
               human_short_percent(ratio(e->covered_us, a->us)).text, human_short_percent(ratio(a->own_us, a->us)).text,
               human_seconds(mean_s(e)).text, human_count(e->failed).text, human_count(e->passed_on).text,
               e->relayed                      ? "  passes it on"
               : confidence(e, coverage) < 0.5 ? "  uncertain"
                                               : "");
}

/* Of one service nobody asks. */
static void no_map(const struct behaviour *b, const char *why, const char *before, const char *after, struct buf *out)
{
    if (b->any && b->named.n_services > 1)
        buf_printf(out, "%s%s%s", before, why, after);
}

void callers_text(const struct behaviour *b, double coverage, unsigned top, unsigned width, struct buf *out)
{
    const struct hops_sums *s = sums_of(b);
    const char *why = why_not(b);
    if (why) {
        no_map(b, why, "\nWHO CALLS WHOM\n  not known: ", "\n", out);
        return;
    }
    buf_str(out, "\nWHO CALLS WHOM\n  joined by traceparent and X-Request-Id; each: calls for each request of the "
                 "caller; time: % of its time that they take,\n  own: % that it takes itself; through: requests that "
                 "failed as a call of theirs did\n");
    buf_str(out, "  ");
    human_cell(out, SLICE("caller"), (width - NUMBERS) / 2);
    buf_str(out, "   ");
    human_cell(out, SLICE("called"), (width - NUMBERS) / 2);
    buf_str(out, "   calls     each   time    own     mean  failed through\n");
    for (uint32_t i = 0; i < s->service.n_edges && i < top; i++)
        row(b, &s->service.edge[i], coverage, width, out);
    if (s->service.n_edges > top)
        buf_printf(out, "  … and %u more (--top N, or --format json for all)\n", s->service.n_edges - top);
    if (s->relayed)
        buf_printf(out,
                   "  %s requests were seen at two hops, once in front of who passes them on and once behind: counts "
                   "of both hold them\n",
                   human_count(s->relayed).text);
}

/* ---- markdown ---- */

void callers_markdown(const struct behaviour *b, double coverage, unsigned top, struct buf *out)
{
    const struct hops_sums *s = sums_of(b);
    const char *why = why_not(b);
    if (why) {
        no_map(b, why, "\n## Who calls whom\n\nNot known: ", ".\n", out);
        return;
    }
    buf_str(out,
            "\n## Who calls whom\n\nJoined by traceparent and X-Request-Id; time: share of the caller's time that the "
            "calls take.\n\n| caller | called | calls | each request | time | mean | failed | confidence |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (uint32_t i = 0; i < s->service.n_edges && i < top; i++) {
        const struct hops_edge *e = &s->service.edge[i];
        const struct hops_asked *a = asked_of(&s->service, e);
        buf_str(out, "| ");
        markdown_foreign(out, named_service_name(&b->named, e->caller));
        buf_str(out, " | ");
        markdown_foreign(out, named_service_name(&b->named, e->callee));
        buf_printf(out, "%s | %s | %.2f | %s | %s | %s | %s |\n", e->relayed ? " (passed on)" : "",
                   human_count(e->calls).text, ratio(e->calls, a->requests),
                   human_percent(ratio(e->covered_us, a->us)).text, human_seconds(mean_s(e)).text,
                   human_count(e->failed).text, human_percent(confidence(e, coverage)).text);
    }
    if (s->service.n_edges > top)
        buf_printf(out, "\n%u more are in the JSON report.\n", s->service.n_edges - top);
}
