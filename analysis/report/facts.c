#include "analysis/report/facts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/learned.h"
#include "analysis/report/pauses.h"
#include "base/hist.h"
#include "base/hll.h"

struct loading {
    struct facts *f;
    bool failed;
};

static bool add_counter(void *context, const struct row_counter *row)
{
    struct loading *l = context;
    struct facts *f = l->f;
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 128;
        struct facts_counter *p = cap > FACTS_COUNTERS ? NULL : realloc(f->counter, cap * sizeof *p);
        if (!p) {
            l->failed = cap <= FACTS_COUNTERS;
            return false;
        }
        f->counter = p;
        f->cap = cap;
    }
    struct facts_counter *c = &f->counter[f->n++];
    snprintf(c->what, sizeof c->what, "%s", row->what);
    snprintf(c->name, sizeof c->name, "%.*s", (int)(row->name.n < 63 ? row->name.n : 63), row->name.p);
    c->value = row->value;
    return true;
}

static bool add_cached(void *context, const struct row_cache *row)
{
    struct facts *f = context;
    if (slice_eq(row->what, slice_str(row_cache_names[CACHE_ROW_server])))
        f->cached[slice_eq(row->proto, SLICE("memcached"))] += row->commands;
    return true;
}

static bool add_tested(void *context, const struct row_endpoint *e)
{
    struct facts *f = context;
    struct learned l;
    learned_read(&l, e->learned);
    f->tested_parts += learned_tests(&l);
    if (e->requests && e->first_us != INT64_MIN && e->first_us < f->first_us)
        f->first_us = e->first_us;
    if (e->requests && e->last_us > f->last_us)
        f->last_us = e->last_us;
    f->unsized[0] += e->declared[DECLARED_unsized_request];
    f->unsized[1] += e->declared[DECLARED_unsized_response];
    return true;
}

bool facts_load(struct facts *f, struct store_reader *r)
{
    struct loading l = {f, false};
    *f = (struct facts){.first_us = INT64_MAX, .last_us = INT64_MIN};
    f->any = store_read_capture(r, &f->capture);
    f->order = idorder_read(f->capture.identity_order);
    f->windowed = store_read_window_is(r, &f->window);
    f->joined = store_read_joined(r);
    store_read_counters(r, add_counter, &l);
    f->endpoints = store_read_count_endpoints(r);
    f->clients = store_read_count_clients(r);
    store_read_endpoints(r, add_tested, f);
    if (!facts_total(f, "exchanges"))
        store_read_caches(r, add_cached, f);
    return !l.failed;
}

void facts_free(struct facts *f)
{
    free(f->counter);
    *f = (struct facts){0};
}

uint64_t facts_counted(const struct facts *f, const char *what, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->counter[i].what, what) && !strcmp(f->counter[i].name, name))
            return f->counter[i].value;
    return 0;
}

uint64_t facts_total(const struct facts *f, const char *name)
{
    return facts_counted(f, "total", name);
}

uint64_t facts_caches_alone(const struct facts *f)
{
    return f->cached[0] + f->cached[1];
}

const char *facts_one_sided(const struct facts *f)
{
    const struct row_capture *c = &f->capture;
    if (c->flows_oneway * 2 <= c->flows || !facts_total(f, "unanswered"))
        return NULL;
    return "the answers of most flows were not mirrored: their requests count as failed, whatever was answered";
}

const char *facts_no_times(const struct facts *f)
{
    uint64_t orphans = facts_total(f, "orphan_responses");
    uint64_t answered = facts_total(f, "exchanges") - facts_total(f, "unanswered");
    if (!answered)
        return facts_one_sided(f) ? "no answer was seen: that direction was not mirrored" : "nothing was answered";
    return answered <= orphans ? "answers were seen without their requests: how long they took is not known"
                               : "of no answer is known when it came";
}

double facts_duration_s(const struct facts *f)
{
    const struct row_capture *c = &f->capture;
    return c->started_us == INT64_MIN || c->ended_us == INT64_MIN ? NAN : (double)(c->ended_us - c->started_us) / 1e6;
}

double facts_watched_s(const struct facts *f)
{
    if (f->last_us < f->first_us)
        return NAN;
    return (double)(f->last_us - f->first_us - pauses_within(f, f->first_us, f->last_us, NULL)) / 1e6;
}

double facts_captured_s(const struct facts *f)
{
    const struct row_capture *c = &f->capture;
    if (f->windowed || c->started_us == INT64_MIN || c->ended_us == INT64_MIN)
        return facts_watched_s(f);
    return facts_duration_s(f) - (double)pauses_within(f, c->started_us, c->ended_us, NULL) / 1e6;
}

double facts_coverage(const struct facts *f)
{
    const struct row_capture *c = &f->capture;
    return c->from_records ? NAN : facts_ratio(c->stream_bytes, c->stream_bytes + c->gap_bytes);
}

double facts_clients_error(const struct facts *f)
{
    return facts_total(f, "clients_estimated") ? hll_error(ROW_CLIENTS_BITS) : 0;
}

const char *facts_privacy(const struct facts *f)
{
    uint64_t all = facts_total(f, "exchanges") - facts_total(f, "ignored"), strict = facts_total(f, "networks");
    return !all ? NULL : !strict ? "standard" : strict >= all ? "strict" : "mixed";
}

bool facts_unsized(uint64_t sum, uint64_t unsized)
{
    return !sum && unsized;
}

bool facts_untimed(const struct row_endpoint *e)
{
    return e->requests && isnan(facts_quantiles(e->latency).p50);
}

bool facts_bytes_saved_unknown(const struct row_endpoint *e, const struct row_rung *r)
{
    return r->hits && facts_unsized(r->bytes_saved, e->declared[DECLARED_unsized_response]);
}

bool facts_server_saved_unknown(const struct row_endpoint *e, const struct row_rung *r)
{
    return r->hits && !r->server_us_saved && !e->server_n;
}

double facts_repeat_content(const struct row_endpoint *e)
{
    const struct row_rung *longest = NULL;
    for (int i = 0; i < LADDER_RUNGS; i++)
        longest = e->ttl[i].ttl_s ? &e->ttl[i] : longest;
    if (!e->repeats_same && longest && longest->hits && longest->hits == longest->unknown_hits)
        return NAN;
    return facts_ratio(e->repeats_same, e->eligible);
}

bool facts_drops_known(const struct facts *f)
{
    const struct row_capture *c = &f->capture;
    return !c->from_records && (c->live || c->kernel_dropped || c->interface_dropped);
}

double facts_ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : NAN;
}

double facts_repeat_ratio(uint64_t keys, uint64_t eligible)
{
    return eligible ? 1 - (double)keys / (double)eligible : NAN;
}

double facts_hit_ratio(const struct row_rung *r)
{
    return facts_ratio(r->hits, r->lookups);
}

double facts_hit_ratio_low(const struct row_rung *r)
{
    return facts_ratio(r->hits > r->coalesced ? r->hits - r->coalesced : 0, r->lookups);
}

struct facts_bracket facts_hit_bracket(const struct row_endpoint *e, const struct row_rung *r)
{
    struct sampling_stored s;
    sampling_read(&s, e->sampling);
    double low = facts_hit_ratio_low(r), high = facts_hit_ratio(r);
    if (!s.level || !r->lookups)
        return (struct facts_bracket){low, high};
    double wide = 3 * (double)s.spread[r - e->ttl] / (double)r->lookups;
    return (struct facts_bracket){fmax(low - wide, 0), fmin(high + wide, 1)};
}

double facts_top_client(const struct row_endpoint *e)
{
    struct sources s;
    return sources_read(&s, e->sources) && s.n ? sources_share(&s) : NAN;
}

bool facts_few_sampled(const struct row_endpoint *e)
{
    struct sampling_stored s;
    return sampling_read(&s, e->sampling) && s.level && s.keys < SAMPLING_FEW;
}

double facts_sampling_rate(uint64_t level)
{
    return ldexp(1, -(int)(level < SAMPLING_LEVELS ? level : SAMPLING_LEVELS));
}

double facts_stale_ratio(const struct row_rung *r)
{
    return facts_ratio(r->stale_hits, r->hits > r->unknown_hits ? r->hits - r->unknown_hits : 0);
}

double facts_hit_ratio_warm(const struct row_rung *r)
{
    return facts_ratio(r->warm_hits, r->warm_lookups);
}

void facts_name(struct buf *out, const struct row_endpoint *e)
{
    struct slice operation = row_operation_apart(e);
    buf_slice(out, e->method);
    if (e->method.n)
        buf_char(out, ' ');
    buf_slice(out, e->service);
    buf_slice(out, e->route);
    if (operation.n)
        buf_char(out, '#');
    buf_slice(out, operation);
}

bool facts_long_enough(const struct row_rung *r, double duration_s)
{
    return duration_s >= 3. * r->ttl_s && r->warm_lookups >= 100;
}

bool facts_profiled(const struct row_client *c)
{
    return c->peak_1s > 0;
}

const struct row_rung *facts_rung(const struct row_endpoint *e, uint32_t ttl_s)
{
    for (int i = 0; i < LADDER_RUNGS; i++)
        if (e->ttl[i].ttl_s == ttl_s)
            return &e->ttl[i];
    return NULL;
}

struct facts_quantiles facts_shown(struct facts_quantiles q)
{
    double most = isnan(q.max) ? INFINITY : q.max;
    double *each[] = {&q.p50, &q.p95, &q.p99};
    for (int i = 0; i < 3; i++)
        *each[i] = *each[i] > most ? most : *each[i];
    return q;
}

struct facts_quantiles facts_quantiles(struct slice blob)
{
    struct hist_dense d;
    if (!hist_read(blob, &d) || !d.n)
        return (struct facts_quantiles){NAN, NAN, NAN, NAN};
    return (struct facts_quantiles){hist_quantile(&d, .5) / 1e6, hist_quantile(&d, .95) / 1e6,
                                    hist_quantile(&d, .99) / 1e6, d.max == UINT64_MAX ? NAN : (double)d.max / 1e6};
}

double facts_declared_ttl(const struct row_endpoint *e, double q)
{
    struct hist_dense d;
    if (!hist_read(e->declared_ttl, &d) || !d.n)
        return NAN;
    return fmin(fmax(hist_quantile(&d, q), (double)d.min), (double)d.max);
}

uint64_t facts_judged(const struct row_endpoint *e)
{
    uint64_t n = 0;
    for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
        n += e->reasons[i];
    return n;
}

double facts_storable(const struct row_endpoint *e)
{
    return facts_ratio(e->declared[DECLARED_storable_shared], facts_judged(e) - e->reasons[REASON_REVALIDATED]);
}

enum reason facts_blocker(const struct row_endpoint *e)
{
    enum reason most = REASON_NONE;
    for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
        if (i != REASON_REVALIDATED && i != REASON_EXPLICIT && i != REASON_HEURISTIC &&
            e->reasons[i] > (most ? e->reasons[most] : 0))
            most = (enum reason)i;
    return most;
}

double facts_fresh_s(const struct row_endpoint *e, double stale, bool *open)
{
    double fresh = NAN;
    *open = false;
    for (int i = 0; i < LADDER_RUNGS; i++) {
        double ratio = facts_stale_ratio(&e->ttl[i]);
        if (!e->ttl[i].warm_lookups || isnan(ratio))
            continue;
        if (ratio > stale)
            return isnan(fresh) ? 0 : fresh;
        fresh = e->ttl[i].ttl_s;
    }
    *open = !isnan(fresh);
    return fresh;
}
