#include "analysis/report/conduct.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/interval.h"
#include "analysis/report/facts.h"
#include "base/human.h"

enum { DENIED_FEW = 3, SCAN_FEW = 20 };

static void null(struct json *j, const char *key)
{
    json_key(j, key);
    json_null(j);
}

static void storm(struct json *j, const struct retries_storm *s)
{
    json_key_u64(j, "storms", s->storms);
    json_key_micros(j, "first_storm", s->storms ? s->first_s * 1000000 : INT64_MIN);
}

/* ---- endpoints ---- */

static void error_ratio(struct json *j, const struct row_endpoint *e)
{
    double p = e->requests ? (double)e->errors / (double)e->requests : NAN;
    struct interval i = interval_wilson(p, (double)e->requests, INTERVAL_Z95);
    json_key(j, "error_ratio");
    json_open(j, '{');
    json_key_double(j, "value", p);
    json_key_double(j, "low", e->requests ? i.low : NAN);
    json_key_double(j, "high", e->requests ? i.high : NAN);
    json_close(j, '}');
}

static void concurrency(struct json *j, const struct row_endpoint *e, const struct behaviour *b,
                        const struct behaviour_endpoint *seen)
{
    json_key(j, "concurrency");
    json_open(j, '{');
    if (facts_untimed(e) && !seen->inflight.area_us) {
        null(j, "mean");
        null(j, "peak");
        json_close(j, '}');
        return;
    }
    json_key_double(j, "mean", behaviour_concurrency(b, seen));
    json_key_u64(j, "peak", seen->inflight.peak);
    json_close(j, '}');
}

static void error_classes(struct json *j, const struct behaviour_endpoint *seen)
{
    json_key(j, "error_classes");
    json_open(j, '{');
    for (int i = 0; i < ERROR_CLASSES; i++)
        json_key_u64(j, error_class_names[i], seen->class[i]);
    json_key_micros(j, "server_seconds", (int64_t)seen->failed_us);
    json_close(j, '}');
}

/* The member `expiry`; null: no stampede at the end of a lifetime. */
static void expiry(struct json *j, const struct expiry_sums *s)
{
    json_key(j, "expiry");
    if (!s->stampedes) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "stampedes", s->stampedes);
    json_key_micros(j, "first", s->first_us);
    json_key_u64(j, "requests", s->requests);
    json_key_u64(j, "coalescable", s->coalescable);
    json_key_micros(j, "server_seconds", (int64_t)s->server_us);
    json_key_u64(j, "most_in_a_second", s->most);
    json_key_u64(j, "lifetime_s", s->lifetime_s);
    json_key_double(j, "jitter_s", EXPIRY_JITTER * (double)s->lifetime_s);
    json_key_double(j, "most_in_a_second_with_jitter", expiry_spread(s));
    json_close(j, '}');
}

/* Where the time between an answer's first and last byte went; unknown: of connections that were not seen whole. */
static void transfer(struct json *j, const struct behaviour_endpoint *seen)
{
    json_key(j, "transfer");
    json_open(j, '{');
    json_key_micros(j, "seconds", (int64_t)seen->transfer_us);
    json_key_micros(j, "window_seconds", seen->judged_us ? (int64_t)seen->window_us : INT64_MIN);
    json_key_micros(j, "loss_seconds", seen->judged_us ? (int64_t)seen->loss_us : INT64_MIN);
    json_key_micros(j, "server_seconds",
                    seen->judged_us ? (int64_t)(seen->judged_us - seen->window_us - seen->loss_us) : INT64_MIN);
    json_key_micros(j, "unknown_seconds", (int64_t)(seen->transfer_us - seen->judged_us));
    json_close(j, '}');
}

static void coalescing(struct json *j, const struct behaviour_endpoint *seen)
{
    json_key(j, "coalescing");
    json_open(j, '{');
    json_key_u64(j, "coalescable", seen->coalescable);
    json_key_micros(j, "server_seconds", (int64_t)seen->coalescable_us);
    json_key_u64(j, "bytes", seen->coalescable_bytes);
    json_key_u64(j, "max_fanin", seen->most_alike);
    expiry(j, &seen->expiry);
    json_close(j, '}');
}

/* The member `schedule`; null: changes follow no clock, or too few were seen. */
static void schedule(struct json *j, const struct schedule *s)
{
    struct schedule_found f = s ? schedule_find(s) : (struct schedule_found){0};
    json_key(j, "schedule");
    if (!f.period_s) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "period_s", f.period_s);
    json_key_double(j, "at_s", f.at_s);
    json_key_u64(j, "changes", f.changes);
    json_key_double(j, "concentration", f.concentration);
    json_key_double(j, "p", f.p);
    json_close(j, '}');
}

/* The member `quota`; null where answers said nothing of one, and none asked to wait. */
static void quota(struct json *j, const struct quota_sums *q)
{
    json_key(j, "quota");
    if (!q || !quota_any(q)) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "answers", q->answers);
    json_key_double(j, "limit", q->answers && q->limit >= 0 ? (double)q->limit : NAN);
    json_key_double(j, "limit_least", q->answers && q->least >= 0 ? (double)q->least : NAN);
    json_key_double(j, "limit_most", q->answers && q->most >= 0 ? (double)q->most : NAN);
    json_key_double(j, "window_s", q->answers && q->window_s >= 0 ? (double)q->window_s : NAN);
    json_key_double(j, "remaining_least", q->answers && q->remaining_least >= 0 ? (double)q->remaining_least : NAN);
    json_key_u64(j, "exhausted", q->exhausted);
    json_key_u64(j, "asked_on", q->asked_on);
    json_key(j, "retry_after");
    json_open(j, '{');
    json_key_u64(j, "asked", q->asked);
    json_key_u64(j, "honoured", q->kept);
    json_key_u64(j, "ignored", q->broken);
    json_close(j, '}');
    json_close(j, '}');
}

void conduct_endpoint(struct json *j, const struct row_endpoint *e, const struct behaviour *b)
{
    const struct behaviour_endpoint *seen = behaviour_endpoint(b, e->id);
    error_ratio(j, e);
    if (!seen) {
        null(j, "concurrency");
        null(j, "error_classes");
        null(j, "transfer");
        null(j, "coalescing");
        null(j, "retries");
        null(j, "quota");
        null(j, "schedule");
        return;
    }
    concurrency(j, e, b, seen);
    error_classes(j, seen);
    transfer(j, seen);
    coalescing(j, seen);
    json_key(j, "retries");
    json_open(j, '{');
    json_key_u64(j, "retries", seen->retries);
    storm(j, &seen->storm);
    json_close(j, '}');
    quota(j, &seen->quota);
    schedule(j, seen->schedule);
}

/* ---- clients ---- */

static void retries(struct json *j, const struct behaviour_client *seen)
{
    struct backoff k = behaviour_backoff(seen);
    json_key(j, "retries");
    json_open(j, '{');
    json_key_u64(j, "retries", seen->retries);
    json_key_u64(j, "chains", seen->chains);
    json_key_u64(j, "longest_chain", seen->longest);
    json_key_double(j, "amplification", (double)seen->requests / (double)(seen->requests - seen->retries));
    json_key(j, "backoff");
    json_str(j, backoff_name(k.kind));
    json_key(j, "jitter");
    if (k.kind == BACKOFF_UNKNOWN)
        json_null(j);
    else
        json_bool(j, k.jitter);
    json_key_double(j, "gap_ratio_median", k.ratio);
    json_key_double(j, "gap_median_s", behaviour_pause(seen));
    json_key_u64(j, "asked_to_wait", seen->asked_to_wait);
    json_key_u64(j, "retry_after_violations", seen->early);
    storm(j, &seen->storm);
    json_close(j, '}');
}

/* Null: too many clients, or none of its actions is over. */
static void chattiness(struct json *j, const struct chatty_client *c)
{
    json_key(j, "chattiness");
    if (!c) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "actions", c->actions);
    json_key_u64(j, "unbroken", c->unbroken);
    json_key_double(j, "requests_median", chatty_quantile(c->requests, .5));
    json_key_double(j, "requests_p95", chatty_quantile(c->requests, .95));
    json_key_double(j, "depth_median", chatty_quantile(c->depth, .5));
    json_key_u64(j, "depth_max", c->deepest);
    json_key_double(j, "round_trips_waited", c->actions ? (double)c->waits / (double)c->actions : NAN);
    json_close(j, '}');
}

/* ALGORITHMS.md 7.7; only credentials are claimed. */
static const char *confidence(const struct row_client *c, const struct behaviour_client *seen)
{
    if (slice_eq(c->identity, SLICE("address")) || slice_eq(c->identity, SLICE("forwarded")) || !seen->requests)
        return NULL;
    return seen->good ? "verified" : seen->denied == seen->requests ? "unauthenticated" : "claimed";
}

/* Of a day or more; a part of one has no shape. */
static void diurnal(struct json *j, const struct behaviour_client *seen, double seconds)
{
    uint32_t most = 0;
    uint64_t sum = 0;
    json_key(j, "diurnal");
    if (!(seconds >= 86400)) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key(j, "hours_utc");
    json_open(j, '[');
    for (int i = 0; i < 24; i++) {
        json_u64(j, seen->hour[i]);
        sum += seen->hour[i];
        most = seen->hour[i] > most ? seen->hour[i] : most;
    }
    json_close(j, ']');
    json_key_double(j, "peak_ratio", sum ? most * 24. / (double)sum : NAN);
    json_close(j, '}');
}

/* For pictures: arrivals in slots of a round length. */
static void activity(struct json *j, const struct behaviour *b, uint32_t client)
{
    const uint32_t *slot = behaviour_activity(b, client);
    json_key(j, "activity");
    if (!slot) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key(j, "from");
    json_i64(j, b->scale.from_s);
    json_key_u64(j, "step_s", (uint64_t)b->scale.step_s);
    json_key(j, "requests");
    json_open(j, '[');
    for (unsigned i = 0; i < b->scale.n; i++)
        json_u64(j, slot[i]);
    json_close(j, ']');
    json_close(j, '}');
}

enum sign {
#define SIGN(name, words) SIGN_##name,
#include "analysis/report/sign.def"
#undef SIGN
    SIGNS
};

/* A bit for each. */
static unsigned signs_of(const struct row_client *c, const struct behaviour_client *seen)
{
    unsigned is = 0;
    is |= (unsigned)!isnan(c->poller_period_s) << SIGN_poller;
    is |= (unsigned)(c->throttled > 0) << SIGN_throttled;
    if (!seen)
        return is;
    is |= (unsigned)(seen->early > 0) << SIGN_ignores_retry_after;
    is |= (unsigned)(seen->quota && seen->quota->sums.asked_on) << SIGN_ignores_quota;
    is |= (unsigned)(seen->flood > 0) << SIGN_flood;
    is |= (unsigned)(seen->storm.storms > 0) << SIGN_retry_storm;
    is |= (unsigned)(seen->runs >= DENIED_FEW) << SIGN_n_plus_one;
    is |= (unsigned)suspect_scan(seen->requests, seen->refused, seen->since, seen->distinct) << SIGN_scan;
    is |= (unsigned)seen->ids.monotone << SIGN_scraper;
    is |= (unsigned)(seen->credential && seen->several) << SIGN_many_addresses;
    return is;
}

static void flags(struct json *j, unsigned is)
{
    static const char *const names[] = {
#define SIGN(name, words) #name,
#include "analysis/report/sign.def"
#undef SIGN
    };
    json_key(j, "flags");
    json_open(j, '[');
    for (int i = 0; i < SIGNS; i++)
        if (is >> i & 1)
            json_str(j, names[i]);
    json_close(j, ']');
}

static void say_retries(struct json *j, const struct behaviour_client *seen)
{
    struct backoff k = behaviour_backoff(seen);
    double pause = behaviour_pause(seen);
    struct buf text = {0};
    buf_printf(&text, "%s %s, up to %s attempts", human_count(seen->retries).text,
               seen->retries == 1 ? "retry" : "retries", human_count(seen->longest).text);
    if (backoff_name(k.kind))
        buf_printf(&text, "; its waits are %s%s", backoff_name(k.kind), k.jitter ? " with jitter" : "");
    if (!isnan(pause))
        buf_printf(&text, ", %s in the median", human_seconds(pause).text);
    json_slice(j, slice_of(text.p, text.n));
    buf_free(&text);
}

/* The same in words, for people. */
static void says(struct json *j, const struct row_client *c, const struct behaviour_client *seen, unsigned is)
{
    static const char *const words[] = {
#define SIGN(name, words) words,
#include "analysis/report/sign.def"
#undef SIGN
    };
    const char *confident = seen ? confidence(c, seen) : NULL;
    char polls[64];
    json_key(j, "says");
    json_open(j, '[');
    for (int i = 0; i < SIGNS; i++) {
        snprintf(polls, sizeof polls, "asks every %s", human_seconds(c->poller_period_s).text);
        if (is >> i & 1)
            json_str(j, i == SIGN_poller ? polls : words[i]);
    }
    if (seen && seen->retries)
        say_retries(j, seen);
    if (confident && strcmp(confident, "unauthenticated") == 0)
        json_str(j, "never got in with this credential");
    json_close(j, ']');
}

void conduct_client(struct json *j, const struct row_client *c, const struct behaviour *b)
{
    const struct behaviour_client *seen = slice_eq(c->identity, SLICE("(other)")) ? NULL : behaviour_client(b, c->id);
    json_key(j, "identity_confidence");
    json_str(j, seen ? confidence(c, seen) : NULL);
    if (seen)
        retries(j, seen);
    else
        null(j, "retries");
    quota(j, seen && seen->quota ? &seen->quota->sums : NULL);
    if (seen)
        diurnal(j, seen, behaviour_seconds(b));
    else
        null(j, "diurnal");
    chattiness(j, seen ? chatty_client(b->chatty, c->id) : NULL);
    if (seen)
        activity(j, b, c->id);
    else
        null(j, "activity");
    unsigned is = signs_of(c, seen);
    flags(j, is);
    says(j, c, seen, is);
}

/* ---- the whole ---- */

static void run(struct json *j, const struct behaviour_runs *r)
{
    json_open(j, '{');
    json_key(j, "trigger");
    if (r->trigger)
        json_u64(j, r->trigger);
    else
        json_null(j);
    json_key(j, "within");
    json_bool(j, r->within);
    json_key_u64(j, "child", r->child);
    json_key_u64(j, "events", r->events);
    json_key_u64(j, "requests", r->calls);
    json_key_double(j, "length_mean", (double)r->calls / (double)r->events);
    json_key_double(j, "sequential_share", (double)r->sequential / (double)(r->calls - r->events));
    json_key_u64(j, "round_trips", r->calls - r->events);
    json_close(j, '}');
}

void conduct_runs(struct json *j, const struct behaviour *b)
{
    if (!b->any || b->failed) {
        null(j, "n_plus_one");
        return;
    }
    json_key(j, "n_plus_one");
    json_open(j, '[');
    for (uint32_t i = 0; i < b->n_runs; i++)
        run(j, &b->runs[i]);
    json_close(j, ']');
}

static void chain(struct json *j, const struct chatty_chain *k)
{
    double n = (double)k->actions;
    json_open(j, '{');
    json_key(j, "endpoints");
    json_open(j, '[');
    for (uint32_t i = 0; i < k->n; i++)
        json_u64(j, k->endpoint[i]);
    json_close(j, ']');
    json_key_u64(j, "actions", k->actions);
    json_key_double(j, "expected_by_chance", k->expected);
    json_key_u64(j, "clients_at_least", (uint64_t)__builtin_popcountll(k->clients_mask));
    json_key_double(j, "requests_mean", (double)k->requests / n);
    json_key_u64(j, "round_trips", k->n - 1);
    json_key_double(j, "duration_mean_s", (double)k->us / n / 1e6);
    json_key_double(j, "rtt_seconds", (double)k->rtt_us / 1e6);
    json_close(j, '}');
}

void conduct_chains(struct json *j, const struct behaviour *b)
{
    uint32_t n = 0;
    if (!b->any || b->failed) {
        null(j, "waterfalls");
        return;
    }
    const struct chatty_chain *k = chatty_chains(b->chatty, &n);
    json_key(j, "waterfalls");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        chain(j, &k[i]);
    json_close(j, ']');
}

struct sharers {
    struct json *j;
    const struct behaviour *b;
};

static bool shared_address(void *context, const struct row_address *row)
{
    const struct sharers *s = context;
    const struct behaviour_address *a = row->id < s->b->n_addresses ? &s->b->address[row->id] : NULL;
    if (!a || a->credentials < 2)
        return true;
    json_open(s->j, '{');
    json_key_text(s->j, "address", row->text);
    json_key_u64(s->j, "credentials", a->credentials);
    json_key_u64(s->j, "requests", a->requests);
    json_key_u64(s->j, "denied", a->denied);
    json_key(s->j, "stuffing");
    json_bool(s->j, suspect_stuffing(a->credentials, a->requests, a->denied));
    json_close(s->j, '}');
    return true;
}

void conduct_addresses(struct json *j, struct store_reader *r, const struct behaviour *b)
{
    if (!b->any || b->failed || b->vague) {
        null(j, "shared_addresses");
        return;
    }
    json_key(j, "shared_addresses");
    json_open(j, '[');
    store_read_addresses(r, shared_address, &(struct sharers){j, b});
    json_close(j, ']');
}

void conduct_source(struct json *j, const struct behaviour *b)
{
    json_key(j, "behaviour");
    json_open(j, '{');
    json_key_u64(j, "records", b->records);
    json_key_micros(j, "from", b->any ? b->from_us : INT64_MIN);
    json_key_micros(j, "to", b->any ? b->to_us : INT64_MIN);
    json_key(j, "whole");
    json_bool(j, b->any && b->whole && !b->failed);
    json_key_u64(j, "untracked", b->untracked);
    json_key_u64(j, "networks", b->vague);
    json_close(j, '}');
}
