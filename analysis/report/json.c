/* The report as one JSON object (CONTRACT section 4). Keys that this analysis does not fill are null. */
#include <math.h>
#include <stdio.h>

#include "analysis/changes.h"
#include "analysis/limitadvice.h"
#include "analysis/live.h"
#include "analysis/report/eased.h"
#include "analysis/report/facts.h"
#include "analysis/report/advice.h"
#include "analysis/report/bottlenecks.h"
#include "analysis/report/cached.h"
#include "analysis/report/callers.h"
#include "analysis/report/servers.h"
#include "analysis/report/capacities.h"
#include "analysis/report/conduct.h"
#include "analysis/report/demanded.h"
#include "analysis/report/blockers.h"
#include "analysis/report/keyadvice.h"
#include "analysis/report/limits.h"
#include "analysis/report/longlived.h"
#include "analysis/report/operations.h"
#include "analysis/report/pauses.h"
#include "analysis/report/placement.h"
#include "analysis/report/tied.h"
#include "analysis/report/unread.h"
#include "analysis/report/verdict.h"
#include "analysis/report/versioned.h"
#include "analysis/report/windowed.h"
#include "analysis/report/writers.h"
#include "analysis/standing.h"
#include "base/json.h"
#include "analysis/store/rows.h"

struct listing {
    struct json *j;
    double duration_s;
    const struct facts *facts;
    const struct advice_list *advice;
    const struct behaviour *behaviour;
    const struct ties *ties;
    const struct limits *limits;
};

static void nulls(struct json *j, const char *const names[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_key(j, names[i]);
        json_null(j);
    }
}
#define NULLS(j, ...)                                                                                                  \
    nulls(j, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void counters(struct json *j, const char *key, const struct facts *f, const char *what)
{
    json_key(j, key);
    json_open(j, '{');
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->counter[i].what, what) && f->counter[i].value)
            json_key_u64(j, f->counter[i].name, f->counter[i].value);
    json_close(j, '}');
}

/* Packet counters are unknown when the audit came from records. */
static void packet_u64(struct json *j, const char *key, const struct facts *f, uint64_t v)
{
    json_key(j, key);
    if (f->capture.from_records)
        json_null(j);
    else
        json_u64(j, v);
}

/* A sum of sizes: null where none was known. */
static void sized(struct json *j, const char *key, uint64_t sum, uint64_t unsized)
{
    json_key(j, key);
    if (facts_unsized(sum, unsized))
        json_null(j);
    else
        json_u64(j, sum);
}

static void saved(struct json *j, const struct row_endpoint *e, const struct row_rung *r)
{
    json_key(j, "bytes_saved");
    if (facts_bytes_saved_unknown(e, r))
        json_null(j);
    else
        json_u64(j, r->bytes_saved);
    json_key(j, "server_seconds_saved");
    if (facts_server_saved_unknown(e, r))
        json_null(j);
    else
        json_micros(j, (int64_t)r->server_us_saved);
}

/* Distinct keys; of a window those first seen in it are known, and how many look-ups were of keys seen before. */
static void keys(struct json *j, const struct facts *f, uint64_t n, uint64_t eligible)
{
    if (f->windowed) {
        NULLS(j, "keys");
        json_key_u64(j, "keys_first_seen", n);
        json_key_u64(j, "repeats", eligible > n ? eligible - n : 0);
    } else {
        json_key_u64(j, "keys", n);
    }
}

static void repeat_ratio(struct json *j, const struct facts *f, uint64_t n, uint64_t eligible)
{
    json_key_double(j, "repeat_ratio", f->windowed ? NAN : facts_repeat_ratio(n, eligible));
}

static void identity_order(struct json *j, const struct facts *f)
{
    json_key(j, "identity_order");
    if (!f->capture.identity_order.n) {
        json_null(j);
        return;
    }
    json_open(j, '[');
    for (unsigned i = 0; i < idorder_count(&f->order); i++) {
        char word[IDORDER_TEXT];
        idorder_word(&f->order, idorder_at(&f->order, i), word);
        json_str(j, word);
    }
    json_close(j, ']');
}

static void capture(struct json *j, const struct facts *f)
{
    const struct row_capture *c = &f->capture;
    json_key(j, "capture");
    json_open(j, '{');
    json_key(j, "sources");
    json_raw(j, c->sources.n ? c->sources : SLICE("[]"));
    json_key_micros(j, "started", c->started_us);
    json_key_micros(j, "ended", c->ended_us);
    json_key_double(j, "duration_s", facts_duration_s(f));
    pauses_json(j, f);
    identity_order(j, f);
    packet_u64(j, "packets", f, c->packets);
    packet_u64(j, "bytes", f, c->bytes);
    packet_u64(j, "kernel_dropped", f, c->kernel_dropped);
    packet_u64(j, "interface_dropped", f, c->interface_dropped);
    packet_u64(j, "duplicates", f, c->duplicates);
    packet_u64(j, "retransmitted", f, c->retransmitted);
    packet_u64(j, "unparsed_packets", f, c->unparsed_packets);
    packet_u64(j, "quic_packets", f, facts_counted(f, "packets", "quic"));
    packet_u64(j, "cut_packets", f, facts_counted(f, "packets", "cut"));
    packet_u64(j, "cut_bytes", f, facts_counted(f, "packets", "cut_bytes"));
    packet_u64(j, "flows", f, c->flows);
    packet_u64(j, "flows_midstream", f, c->flows_midstream);
    packet_u64(j, "flows_oneway", f, c->flows_oneway);
    packet_u64(j, "flows_split", f, c->flows_split);
    if (c->from_records)
        NULLS(j, "flows_opaque");
    else
        counters(j, "flows_opaque", f, "opaque");
    if (c->from_records)
        NULLS(j, "unparsed");
    else
        counters(j, "unparsed", f, "unparsed");
    packet_u64(j, "gaps", f, c->gaps);
    packet_u64(j, "gap_bytes", f, c->gap_bytes);
    packet_u64(j, "acked_unseen_bytes", f, c->acked_unseen_bytes);
    json_key_double(j, "coverage", facts_coverage(f));
    if (c->from_records)
        NULLS(j, "encapsulations");
    else
        counters(j, "encapsulations", f, "encapsulation");
    cached_udp_json(j, f);
    if (facts_counted(f, "packets", "mistimed"))
        json_key_u64(j, "mistimed_packets", facts_counted(f, "packets", "mistimed"));
    if (facts_counted(f, "unread", "heads"))
        json_key_u64(j, "heads_unread", facts_counted(f, "unread", "heads"));
    json_key_u64(j, "memory_ceiling_bytes", c->memory_ceiling_bytes);
    json_key_u64(j, "memory_peak_bytes", c->memory_peak_bytes);
    json_key_double(j, "sampling_rate", facts_sampling_rate(facts_total(f, "sampling_level")));
    json_key(j, "privacy");
    json_str(j, facts_privacy(f));
    eased_json(j, f);
    json_key(j, "live");
    json_bool(j, c->live && !c->ended);
    windowed_json(j, f);
    json_close(j, '}');
}

static void totals(struct json *j, const struct facts *f)
{
    static const char *const plain[] = {"exchanges", "complete", "unanswered", "orphan_responses", "ignored"};
    uint64_t eligible = facts_total(f, "eligible");
    json_key(j, "totals");
    json_open(j, '{');
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        json_key_u64(j, plain[i], facts_total(f, plain[i]));
    json_key_u64(j, "clients", facts_total(f, "clients"));
    json_key_double(j, "clients_error", facts_clients_error(f));
    json_key_u64(j, "services", facts_total(f, "services"));
    json_key_u64(j, "endpoints", f->endpoints);
    keys(j, f, facts_total(f, "keys"), eligible);
    sized(j, "request_bytes", facts_total(f, "request_bytes"), f->unsized[0]);
    sized(j, "response_bytes", facts_total(f, "response_bytes"), f->unsized[1]);
    counters(j, "methods", f, "method");
    counters(j, "statuses", f, "status");
    counters(j, "protocols", f, "protocol");
    json_key_u64(j, "eligible", eligible);
    repeat_ratio(j, f, facts_total(f, "keys"), eligible);
    json_key_u64(j, "late_records", facts_total(f, "late_records"));
    json_close(j, '}');
}

static void verdict(struct json *j, const struct facts *f)
{
    static const char *const names[] = {"ok", "partial", "little", "nothing"};
    struct buf lines = {0};
    enum verdict v = verdict_of(f, &lines);
    struct slice rest = slice_of(lines.p, lines.n), line;
    json_key(j, "verdict");
    json_open(j, '{');
    json_key(j, "state");
    json_str(j, names[v]);
    json_key(j, "says");
    json_open(j, '[');
    while (slice_next(&rest, '\n', &line))
        if (line.n)
            json_slice(j, line);
    json_close(j, ']');
    json_close(j, '}');
    buf_free(&lines);
}

static void quantiles(struct json *j, struct facts_quantiles q, bool with_max)
{
    json_key_double(j, "p50", q.p50);
    json_key_double(j, "p95", q.p95);
    json_key_double(j, "p99", q.p99);
    if (with_max)
        json_key_double(j, "max", q.max);
}

/* live NULL: of a window. What a lifetime that is not watched holds is unknown; one that nothing filled holds nothing.
 */
static const struct live_sum *live_of(const struct row_rung *r, const struct live_sum live[LIVE_TTLS])
{
    static const struct live_sum nothing = {.known = true, .watched_ms = 1}, unknown;
    for (int i = 0; i < LIVE_TTLS; i++)
        if (live_ttl_s[i] == r->ttl_s)
            return !live ? &unknown : r->cycles ? &live[i] : &nothing;
    return &unknown;
}

static void live_peaks(struct json *j, const struct live_sum *s)
{
    if (!s->known) {
        NULLS(j, "live_bytes_peak", "live_entries_peak");
        return;
    }
    json_key_u64(j, "live_bytes_peak", s->peak_bytes);
    json_key_u64(j, "live_entries_peak", s->peak_entries);
}

static void live_means(struct json *j, const struct live_sum *s)
{
    double watched_s = s->known && s->watched_ms ? (double)s->watched_ms / 1e3 : NAN;
    json_key_double(j, "live_bytes_mean", live_byte_s(s) / watched_s);
    json_key_double(j, "live_entries_mean", live_entry_s(s) / watched_s);
}

/* What the estimates of a sampled endpoint rest on; hot keys are followed besides. */
static void sampling(struct json *j, const struct row_endpoint *e)
{
    struct sampling_stored s;
    sampling_read(&s, e->sampling);
    json_key_double(j, "sampling_rate", facts_sampling_rate(s.level));
    if (s.level)
        json_key_u64(j, "sampled_keys", s.keys);
    else
        NULLS(j, "sampled_keys");
}

/* How far the ratios of a lifetime can be relied upon. */
static enum standing rung_standing(const struct row_endpoint *e, const struct row_rung *r, double duration_s)
{
    if (!facts_long_enough(r, duration_s))
        return STANDING_SHORT_WINDOW;
    return facts_few_sampled(e) ? STANDING_LOW_N : STANDING_OK;
}

static void rung(struct json *j, const struct row_endpoint *e, const struct row_rung *r,
                 const struct live_sum live[LIVE_TTLS], const struct listing *l)
{
    double duration_s = l->duration_s;
    struct facts_bracket bracket = facts_hit_bracket(e, r);
    json_open(j, '{');
    json_key_u64(j, "ttl_s", r->ttl_s);
    json_key_u64(j, "lookups", r->lookups);
    json_key_u64(j, "hits", r->hits);
    json_key_u64(j, "stale_hits", r->stale_hits);
    json_key_u64(j, "unknown_hits", r->unknown_hits);
    json_key_u64(j, "errors_masked", r->errors_masked);
    json_key_u64(j, "coalesced", r->coalesced);
    json_key_double(j, "hit_ratio", facts_hit_ratio(r));
    json_key_double(j, "hit_ratio_warm", facts_hit_ratio_warm(r));
    json_key_double(j, "stale_ratio", facts_stale_ratio(r));
    saved(j, e, r);
    live_peaks(j, live_of(r, live));
    json_key_double(j, "hit_ratio_low", bracket.low);
    json_key_double(j, "hit_ratio_high", bracket.high);
    json_key_u64(j, "fills", r->cycles);
    json_key_u64(j, "fills_hit", r->cycles_hit);
    json_key_u64(j, "fills_stale", r->cycles_stale);
    json_key_u64(j, "swr_async", r->swr_async);
    json_key_u64(j, "stale_purgeable", r->stale_purgeable);
    live_means(j, live_of(r, live));
    json_key_double(j, "repeat_ratio", behaviour_repeats(l->behaviour, e, (unsigned)(r - e->ttl)));
    json_key(j, "verdict");
    json_str(j, standing_name(rung_standing(e, r, duration_s)));
    json_close(j, '}');
}

static void staleness(struct json *j, const struct row_endpoint *e, const struct written_names *names)
{
    struct changes_stored stored;
    changes_read(&stored, e->lifetimes);
    struct changes_result r = changes_result(&stored);
    json_key(j, "staleness");
    json_open(j, '{');
    json_key_u64(j, "observed_gaps", e->observed_gaps);
    json_key_u64(j, "changes", e->changes);
    json_key_double(j, "mean_lifetime_s", r.poisson.mean_s);
    json_key_double(j, "low_s", r.poisson.mean_low);
    json_key_double(j, "high_s", r.poisson.mean_high);
    json_key(j, "model");
    json_str(j, lifetime_model_name(r.poisson.model));
    json_key_double(j, "median_low_s", r.versions.median_low);
    json_key_double(j, "median_high_s", r.versions.median_high);
    json_key_u64(j, "multi_valued", stored.multi_valued);
    written_json(j, e, names);
    json_close(j, '}');
}

/* All or none: a DB from before reasons were kept has none. */
static bool judged(struct json *j, const char *key, const struct row_endpoint *e)
{
    json_key(j, key);
    if (facts_judged(e))
        return true;
    json_null(j);
    return false;
}

/* What the headers of today give, beside what the advised lifetime would. */
static void today(struct json *j, const struct row_endpoint *e, const struct advice *a)
{
    const uint64_t *d = e->declared;
    uint64_t hits = d[DECLARED_today_hits], known = hits - d[DECLARED_today_unknown], lookups = e->ttl[0].lookups;
    json_key(j, "today");
    json_open(j, '{');
    json_key_u64(j, "lookups", lookups);
    json_key_u64(j, "fills", d[DECLARED_today_fills]);
    json_key_u64(j, "hits", hits);
    json_key_u64(j, "stale_hits", d[DECLARED_today_stale]);
    json_key_u64(j, "unknown_hits", d[DECLARED_today_unknown]);
    json_key_double(j, "hit_ratio", facts_ratio(hits, lookups));
    json_key_double(j, "stale_ratio", facts_ratio(d[DECLARED_today_stale], known));
    saved(j, e,
          &(struct row_rung){
              .hits = hits, .bytes_saved = d[DECLARED_today_bytes], .server_us_saved = d[DECLARED_today_us]});
    json_close(j, '}');
    json_key(j, "advised");
    const struct row_rung *r = a && advice_keeps(a) ? facts_rung(e, a->lifetime.ttl_s) : NULL;
    if (!r) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "ttl_s", r->ttl_s);
    json_key_u64(j, "hits", r->hits);
    json_key_double(j, "hit_ratio", facts_hit_ratio(r));
    json_key_double(j, "stale_ratio", facts_stale_ratio(r));
    json_key_u64(j, "bytes_saved", r->bytes_saved);
    json_key_micros(j, "server_seconds_saved", (int64_t)r->server_us_saved);
    json_close(j, '}');
}

/* a NULL: of a window, for which nothing is advised. */
static void declared(struct json *j, const struct row_endpoint *e, const struct advice *a)
{
    const uint64_t *d = e->declared;
    if (!judged(j, "declared", e))
        return;
    json_open(j, '{');
    json_key_u64(j, "storable_shared", d[DECLARED_storable_shared]);
    json_key_u64(j, "storable_private", d[DECLARED_storable_private]);
    json_key(j, "reasons");
    json_open(j, '{');
    for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
        if (e->reasons[i])
            json_key_u64(j, row_reasons[i], e->reasons[i]);
    json_close(j, '}');
    json_key_double(j, "ttl_median", facts_declared_ttl(e, .5));
    json_key_u64(j, "storable_cdn", d[DECLARED_storable_cdn]);
    json_key_u64(j, "nginx", d[DECLARED_nginx]);
    json_key_u64(j, "varnish", d[DECLARED_varnish]);
    json_key_u64(j, "needs_validation", d[DECLARED_needs_validation]);
    json_key_u64(j, "immutable", d[DECLARED_immutable]);
    json_key_u64(j, "forced_refresh", d[DECLARED_forced_refresh]);
    json_key_u64(j, "cookie_present", d[DECLARED_cookie_present]);
    json_key_u64(j, "personal", d[DECLARED_personal]);
    today(j, e, a);
    json_close(j, '}');
}

static void conditional(struct json *j, const struct row_endpoint *e)
{
    const uint64_t *d = e->declared;
    if (!judged(j, "conditional", e))
        return;
    json_open(j, '{');
    json_key_u64(j, "reads", d[DECLARED_reads]);
    json_key_u64(j, "conditional", d[DECLARED_conditional]);
    json_key_u64(j, "not_modified", d[DECLARED_not_modified]);
    json_key_double(j, "cond_ratio", facts_ratio(d[DECLARED_conditional], d[DECLARED_reads]));
    json_key_double(j, "revalidation_success", facts_ratio(d[DECLARED_not_modified], d[DECLARED_conditional]));
    json_key(j, "validator_coverage");
    json_open(j, '{');
    json_key_u64(j, "full", d[DECLARED_full]);
    json_key_double(j, "strong_etag", facts_ratio(d[DECLARED_strong_etag], d[DECLARED_full]));
    json_key_double(j, "weak_etag", facts_ratio(d[DECLARED_weak_etag], d[DECLARED_full]));
    json_key_double(j, "last_modified", facts_ratio(d[DECLARED_last_modified], d[DECLARED_full]));
    json_close(j, '}');
    json_key_u64(j, "wasted_full", d[DECLARED_wasted_full]);
    for (int i = DECLARED_wasted_full_bytes; i <= DECLARED_bytes_saved_by_304; i++)
        json_key_u64(j, row_declared[i], d[i]);
    json_close(j, '}');
}

static void cache_in_path(struct json *j, const struct row_endpoint *e)
{
    const uint64_t *d = e->declared;
    if (!judged(j, "cache_in_path", e))
        return;
    json_open(j, '{');
    json_key_u64(j, "seen", d[DECLARED_cache_seen]);
    json_key_u64(j, "hits", d[DECLARED_from_cache]);
    json_key_double(j, "share", facts_ratio(d[DECLARED_from_cache], e->requests - e->unanswered));
    json_key_double(j, "hit_ratio", facts_ratio(d[DECLARED_from_cache], d[DECLARED_cache_seen]));
    json_close(j, '}');
}

static void sharing(struct json *j, const struct row_endpoint *e, const struct facts *f)
{
    struct sharing_result s = advice_of(e, f).sharing;
    json_key(j, "sharing");
    json_open(j, '{');
    json_key(j, "verdict");
    json_str(j, sharing_name(s.verdict));
    json_key_double(j, "credentials", s.credentials);
    json_key_double(j, "pairs", s.pairs);
    json_key_double(j, "networks", s.networks);
    json_key_u64(j, "comparisons", s.sandwiches);
    json_key_u64(j, "differing", s.differing);
    json_key_u64(j, "comparisons_needed", s.needed);
    json_key(j, "reason");
    json_str(j, s.reason);
    json_key(j, "claim");
    if (*s.claim)
        json_str(j, s.claim);
    else
        json_null(j);
    json_close(j, '}');
}

static void evidence(struct json *j, const struct advice *a)
{
    json_key(j, "evidence");
    json_open(j, '{');
    json_key_u64(j, "ttl_s", a->lifetime.ttl_s);
    json_key_double(j, "hit_ratio", a->lifetime.hit_ratio);
    json_key_double(j, "hit_ratio_low", a->lifetime.hits.low);
    json_key_double(j, "hit_ratio_high", a->lifetime.hits.high);
    json_key_double(j, "stale_ratio", a->lifetime.stale_ratio);
    json_key_u64(j, "cycles", a->lifetime.cycles);
    json_key_u64(j, "comparisons", a->sharing.sandwiches);
    json_key_u64(j, "differing", a->sharing.differing);
    json_key(j, "blocked_by");
    json_str(j, a->blocker);
    json_key_u64(j, "blocked", a->blocked);
    json_key_double(j, "write_recall", a->write_recall);
    json_close(j, '}');
}

/* Advice on a key stands on comparisons alone. */
static void key_evidence(struct json *j, const struct advised *a)
{
    json_key(j, "evidence");
    json_open(j, '{');
    json_key_u64(j, "comparisons", a->comparisons);
    json_key_u64(j, "differing", a->differing);
    json_close(j, '}');
}

static bool is_of_key(const struct advice *a)
{
    return a->kind == ADVICE_KEY || a->kind == ADVICE_VARY || a->kind == ADVICE_BUSTER;
}

/* Saves nothing that could be told: before a lifetime is known, or the records of the key's look-ups. */
static bool is_unpriced(const struct advice *a)
{
    return (a->kind == ADVICE_FIELD && a->lifetime.action != RECOMMEND_CACHE) ||
           (a->kind == ADVICE_KEY && isnan(a->price.requests_per_s));
}

static bool is_correction(const struct advice *a)
{
    return a->kind == ADVICE_FIX || a->kind == ADVICE_VARY;
}

static bool is_of_tags(const struct advice *a)
{
    return a->kind == ADVICE_LIES || a->kind == ADVICE_TAGS;
}

static void saves(struct json *j, const struct advised *of)
{
    const struct advice *a = &of->advice;
    bool some = !is_correction(a);
    json_key(j, "saves");
    json_open(j, '{');
    if (is_unpriced(a)) {
        json_key_double(j, "requests", NAN);
        json_key_double(j, "bytes", NAN);
        json_key_double(j, "server_seconds", NAN);
        json_close(j, '}');
        return;
    }
    json_key_u64(j, "requests", some ? a->lifetime.requests_saved : 0);
    json_key(j, "bytes");
    if (some && facts_unsized(a->lifetime.bytes_saved, of->unsized))
        json_null(j);
    else
        json_u64(j, some ? a->lifetime.bytes_saved : 0);
    json_key(j, "server_seconds");
    if (some && !a->lifetime.server_us_saved && of->untimed)
        json_null(j);
    else
        json_micros(j, some ? (int64_t)a->lifetime.server_us_saved : 0);
    json_close(j, '}');
}

/* At the rate that was seen. */
static void saves_per_day(struct json *j, const struct advised *of)
{
    const struct advice *a = &of->advice;
    json_key(j, "saves_per_day");
    if (is_correction(a) || is_unpriced(a)) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_double(j, "requests", a->price.requests_per_s * 86400);
    json_key_double(j, "bytes", !a->price.bytes_per_h && of->unsized ? NAN : a->price.bytes_per_h * 24);
    json_key_double(j, "server_seconds", !a->price.server_s_per_h && of->untimed ? NAN : a->price.server_s_per_h * 24);
    json_close(j, '}');
}

static void recommendation(struct json *j, const struct advised *a)
{
    char id[64];
    snprintf(id, sizeof id, "%s-%u", advice_own_name(a->advice.kind), a->endpoint);
    json_open(j, '{');
    json_key(j, "id");
    json_str(j, id);
    json_key_u64(j, "endpoint", a->endpoint);
    json_key(j, "kind");
    json_str(j, advice_name(a->advice.kind));
    json_key_text(j, "target", slice_of(a->target.p, a->target.n));
    json_key_text(j, "action", slice_of(a->action.p, a->action.n));
    json_key_text(j, "why", slice_of(a->why.p, a->why.n));
    if (is_of_key(&a->advice) || is_of_tags(&a->advice))
        key_evidence(j, a);
    else
        evidence(j, &a->advice);
    saves(j, a);
    saves_per_day(j, a);
    json_key_double(j, "risk",
                    is_correction(&a->advice) || is_of_tags(&a->advice) || is_unpriced(&a->advice)
                        ? 0
                        : a->advice.lifetime.stale_high);
    json_key_double(j, "confidence", 0.95); /* the level of the bounds and tests that it stands on */
    json_key(j, "verdict");
    json_str(j, standing_name(a->advice.standing));
    json_close(j, '}');
}

/* What rests on all that was seen. */
static void of_the_whole(struct json *j, const struct row_endpoint *e, const struct facts *f)
{
    struct key_advice advised;
    struct blockers blocked;
    if (f->windowed) {
        NULLS(j, "key_advice", "sharing", "blockers", "repeat_ratio_client", "placement");
        return;
    }
    key_advice_of(&advised, e, f);
    key_advice_json(j, &advised, e, f);
    sharing(j, e, f);
    blockers_of(&blocked, e, f);
    blockers_json(j, &blocked);
    struct advice advice = advice_of(e, f);
    struct placement place = placement_of(e, f, &advice);
    placement_json(j, &place);
}

/* They are told apart as long as each client has a row: of more, those that were told apart are some of them. */
static void distinct_clients(struct json *j, const struct facts *f, const struct row_endpoint *e)
{
    if (f->windowed) {
        NULLS(j, "clients", "clients_at_least");
        return;
    }
    if (facts_clients_error(f) > 0)
        NULLS(j, "clients");
    else
        json_key_u64(j, "clients", e->clients);
    json_key_u64(j, "clients_at_least", e->clients);
}

static bool endpoint(void *context, const struct row_endpoint *e)
{
    const struct listing *l = context;
    struct json *j = l->j;
    struct live_sum live[LIVE_TTLS];
    live_read(live, e->live);
    json_open(j, '{');
    json_key_u64(j, "id", e->id);
    json_key_text(j, "method", e->method);
    json_key_text(j, "service", e->service);
    json_key_text(j, "route", e->route);
    json_key_text(j, "operation", e->operation.n ? e->operation : (struct slice){NULL, 0});
    json_key_u64(j, "requests", e->requests);
    json_key_u64(j, "eligible", e->eligible);
    keys(j, l->facts, e->keys, e->eligible);
    repeat_ratio(j, l->facts, e->keys, e->eligible);
    json_key_double(j, "repeat_ratio_content", facts_repeat_content(e));
    distinct_clients(j, l->facts, e);
    sized(j, "request_bytes", e->request_bytes, e->declared[DECLARED_unsized_request]);
    sized(j, "response_bytes", e->response_bytes, e->declared[DECLARED_unsized_response]);
    json_key_u64(j, "errors", e->errors);
    json_key(j, "latency");
    json_open(j, '{');
    quantiles(j, facts_quantiles(e->latency), true);
    json_close(j, '}');
    json_key(j, "server_time");
    json_open(j, '{');
    quantiles(j, facts_quantiles(e->server_time), false);
    json_key(j, "total");
    if (e->server_n)
        json_micros(j, (int64_t)e->server_us_total);
    else
        json_null(j);
    json_close(j, '}');
    conduct_endpoint(j, e, l->behaviour);
    struct advice advice = advice_of(e, l->facts);
    declared(j, e, l->facts->windowed ? NULL : &advice);
    conditional(j, e);
    cache_in_path(j, e);
    json_key(j, "ttl");
    json_open(j, '[');
    for (int i = 0; i < LADDER_RUNGS; i++)
        if (e->ttl[i].ttl_s)
            rung(j, e, &e->ttl[i], l->facts->windowed ? NULL : live, l);
    json_close(j, ']');
    staleness(j, e, &l->advice->names);
    of_the_whole(j, e, l->facts);
    tied_endpoint(j, e, l->facts, l->ties, &l->advice->names);
    tied_replicas(j, e, l->ties);
    tied_management(j, e, l->ties);
    sampling(j, e);
    longlived_json(j, l->facts, e);
    operations_json(j, e, l->behaviour);
    json_key_double(j, "top_client_share", facts_top_client(e));
    const struct advised *advised = advice_of_endpoint(l->advice, e->id);
    json_key(j, "recommendation");
    if (advised)
        recommendation(j, advised);
    else
        json_null(j);
    json_close(j, '}');
    return true;
}

static void addresses(struct json *j, struct slice list)
{
    struct slice one;
    json_key(j, "addresses");
    json_open(j, '[');
    while (slice_next(&list, ',', &one))
        json_slice(j, one);
    json_close(j, ']');
}

static void peaks(struct json *j, const struct row_client *c)
{
    if (!facts_profiled(c)) {
        NULLS(j, "peak", "sliding");
        return;
    }
    json_key(j, "peak");
    json_open(j, '{');
    json_key_u64(j, "1s", c->peak_1s);
    json_key_u64(j, "10s", c->peak_10s);
    json_key_u64(j, "60s", c->peak_60s);
    json_close(j, '}');
    json_key(j, "sliding");
    json_open(j, '{');
    json_key_u64(j, "1s", c->sliding_1s);
    json_key_u64(j, "10s", c->sliding_10s);
    json_close(j, '}');
}

static void envelope(struct json *j, const struct row_client *c)
{
    if (!facts_profiled(c)) {
        NULLS(j, "envelope");
        return;
    }
    json_key(j, "envelope");
    json_open(j, '[');
    for (int i = 0; i < ENVELOPE_RATES; i++) {
        json_open(j, '{');
        json_key_double(j, "rate", c->envelope_rate[i]);
        json_key_double(j, "burst", c->envelope_burst[i]);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* What this client alone would need, with headroom (ALGORITHMS.md 7.5). */
static void recommended(struct json *j, const struct row_client *c)
{
    struct limitadvice_options o = LIMITADVICE_DEFAULT;
    struct limitadvice_client one = {.need = c->envelope_burst};
    struct limitadvice a;
    if (!facts_profiled(c) || !limitadvice_of(c->envelope_rate, ENVELOPE_RATES, &one, 1, &o, &a)) {
        NULLS(j, "recommended");
        return;
    }
    json_key(j, "recommended");
    json_open(j, '{');
    json_key_double(j, "rate", a.rate);
    json_key_u64(j, "burst", a.burst);
    json_close(j, '}');
}

static bool client(void *context, const struct row_client *c)
{
    const struct listing *l = context;
    struct json *j = l->j;
    json_open(j, '{');
    json_key_text(j, "client", c->client);
    json_key_text(j, "identity", c->identity);
    json_key_text(j, "name", c->name.n ? c->name : (struct slice){NULL, 0});
    addresses(j, c->addresses);
    json_key_u64(j, "requests", c->requests);
    sized(j, "bytes", c->bytes, l->facts->unsized[0] + l->facts->unsized[1]);
    json_key_u64(j, "errors", c->errors);
    json_key_u64(j, "throttled", c->throttled);
    peaks(j, c);
    json_key_double(j, "burstiness", c->burstiness);
    json_key_double(j, "poller_period_s", c->poller_period_s);
    envelope(j, c);
    recommended(j, c);
    limits_client_json(j, l->limits, c, l->facts);
    conduct_client(j, c, l->behaviour);
    json_close(j, '}');
    return true;
}

static void recommendations(struct json *j, const struct facts *f, const struct advice_list *list)
{
    if (f->windowed) {
        NULLS(j, "recommendations");
        return;
    }
    json_key(j, "recommendations");
    json_open(j, '[');
    for (size_t i = 0; i < list->n; i++)
        recommendation(j, &list->item[i]);
    json_close(j, ']');
}

void report_json(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out)
{
    struct json j = {out, false};
    struct advice_list list;
    struct bottleneck_list hurts;
    struct behaviour behaviour;
    struct ties ties;
    struct limits limits;
    struct server_names names;
    struct loads loads;
    struct relief relief;
    struct listing all = {&j, facts_watched_s(f), f, &list, &behaviour, &ties, &limits};
    bool none = !f->endpoints && !facts_total(f, "exchanges"); /* so there is nothing that could not be known */
    (void)o;
    advice_list(&list, r, f);
    behaviour_read(&behaviour, r, facts_total(f, "exchanges"));
    ties_read(&ties, r);
    limits_load(&limits, r, &behaviour, f, LIMITADVICE_DEFAULT.headroom);
    loads_read(&loads, r);
    relief_of(&relief, r, f, &list);
    bottleneck_list(&hurts, r, f, &behaviour, &ties, &list, &loads);
    json_open(&j, '{');
    json_key(&j, "tool");
    json_open(&j, '{');
    json_key(&j, "name");
    json_str(&j, "spanwise");
    json_key(&j, "version");
    json_str(&j, SPANWISE_VERSION);
    json_key_u64(&j, "schema", store_read_schema(r));
    json_close(&j, '}');
    verdict(&j, f);
    capture(&j, f);
    totals(&j, f);
    json_key(&j, "endpoints");
    json_open(&j, '[');
    store_read_endpoints(r, endpoint, &all);
    json_close(&j, ']');
    json_key(&j, "clients");
    json_open(&j, '[');
    store_read_clients(r, client, &all);
    json_close(&j, ']');
    limits_json(&j, &limits, f);
    limits_free(&limits);
    bottleneck_json(&j, &hurts);
    conduct_runs(&j, &behaviour);
    conduct_chains(&j, &behaviour);
    conduct_addresses(&j, r, &behaviour);
    conduct_source(&j, &behaviour);
    callers_json(&j, &behaviour, facts_coverage(f));
    server_names_load(&names, r, &behaviour);
    servers_json(&j, &behaviour, &names, none);
    server_names_free(&names);
    tied_services(&j, r, f, &ties);
    versioned_json(&j, r, &ties);
    ties_free(&ties);
    bottleneck_list_free(&hurts);
    behaviour_free(&behaviour);
    recommendations(&j, f, &list);
    capacity_json(&j, &loads, &relief, none);
    demanded_json(&j, r, f);
    relief_free(&relief);
    loads_free(&loads);
    advice_list_free(&list);
    unread_json(&j, r, f);
    cached_json(&j, r);
    json_close(&j, '}');
    buf_char(out, '\n');
}
