/* compare: counts what the audit after shows of each rule, in one pass over its records (analysis/watched.h) and one
 * over the rows of each audit, and lets analysis/promise.h judge it. */
#include "cmd/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/limitspec.h"
#include "analysis/replay.h"
#include "analysis/watched.h"
#include "base/dense.h"
#include "capture/exchange.h"
#include "cmd/predict.h"

#define LIMIT_ROOM 0.005 /* of the requests of a limit, that a product's clock may decide otherwise */
#define SHOWN_LEAST 0.01 /* share of answers in which a cache must show, for them to be believed */
#define SLOWER_S 0.001   /* by which a quantile must be slower, and by a tenth, to be called so */
static const double quantile[VERIFY_QUANTILES] = {0.5, 0.95, 0.99};

/* What was counted of all that is no rule's, by place of the service. */
struct other {
    uint64_t before, after, slice[WATCHED_SLICES];
};

struct work {
    const struct compare *o;
    struct rules *rules;
    struct verify_show *show;
    struct watched_rule *watched_rule;
    struct watched watched;
    uint32_t *after_id; /* by place among the cache rules; 0: not there */
    uint32_t *rule_of;  /* endpoint of the audit before -> place + 1 */
    size_t n_rule_of;
    size_t *rule_at; /* watched rule -> place among the cache rules */
    size_t n_watched;
    struct other *other; /* by place of the service */
    bool *there;         /* the later audit has the service */
    uint8_t *carrier;    /* enum carrier + 1, by client of the later audit */
    size_t n_carriers;
    uint8_t *plain; /* 1: plain path, 2: not, by key of the later audit */
    size_t n_plain;
    bool failed;
};

static void *list_room(struct work *w, void *list, size_t *n, uint32_t id, size_t size)
{
    void *grown = dense_room(list, n, id, size);
    w->failed |= !grown;
    return grown ? grown : list;
}

static bool add_client(void *context, const struct row_client *c)
{
    struct work *w = context;
    w->carrier = list_room(w, w->carrier, &w->n_carriers, c->id, 1);
    if (c->id < w->n_carriers)
        w->carrier[c->id] = (uint8_t)(1 + carrier_of(c->identity));
    return !w->failed;
}

/* As the file for nginx has it: only a path that reads the same decoded is kept. */
static bool plain_path(struct slice target)
{
    size_t end = slice_find(target, '?', 0);
    for (size_t i = 0; i < end; i++)
        if (!ascii_digit(target.p[i]) && !ascii_alpha(target.p[i]) && !strchr("/._~:@-", target.p[i]))
            return false;
    for (size_t i = 0; i + 1 < end; i++)
        if (target.p[i] == '/' && (target.p[i + 1] == '/' || target.p[i + 1] == '.'))
            return false;
    return true;
}

static bool add_key(void *context, const struct row_key *k)
{
    struct work *w = context;
    w->plain = list_room(w, w->plain, &w->n_plain, k->id, 1);
    if (k->id < w->n_plain)
        w->plain[k->id] = plain_path(k->target) ? 1 : 2;
    return !w->failed;
}

static uint32_t resolve(const void *context, uint32_t endpoint)
{
    return named_resolve(((const struct work *)context)->o->named, endpoint);
}

/* Which way the rule sends this request, by the credentials that were recorded of it. */
static enum watched_turn turn(const void *context, size_t rule, const struct row_exchange *x)
{
    const struct work *w = context;
    const struct rule_cache *c = &w->rules->cache[w->rule_at[rule]];
    enum carrier carrier =
        x->client < w->n_carriers && w->carrier[x->client] ? (enum carrier)(w->carrier[x->client] - 1) : CARRIERS;
    bool cookie = x->notes >> NOTE_AT_cookie_present & 1, anonymous = carrier >= CARRIER_ADDRESS && !cookie;
    if ((x->key < w->n_plain && w->plain[x->key] == 2) || (x->managed & MANAGED_BESIDES))
        return WATCHED_UNSURE;
    if (carrier == CARRIERS)
        return WATCHED_UNSURE;
    if ((cookie && !c->carrier[CARRIER_COOKIE]) || (carrier < CARRIER_ADDRESS && !c->carrier[carrier]))
        return WATCHED_PASSED;
    return c->needed && anonymous ? WATCHED_PASSED : WATCHED_RULED;
}

/* ---- which rule is which endpoint there ---- */

static struct slice name_of(struct work *w, const struct rule_cache *c)
{
    struct buf name = {0};
    buf_str(&name, "GET ");
    buf_slice(&name, w->rules->services[c->service].name);
    plain_text(&c->route, &name);
    struct slice kept = rules_keep(w->rules, slice_of(name.p, name.n));
    w->failed |= name.failed;
    buf_free(&name);
    return kept;
}

static bool is_cached(const struct rule_cache *c)
{
    return !c->pass && c->ttl_s;
}

static bool find_rules(struct work *w)
{
    struct rules *r = w->rules;
    w->watched_rule = calloc(r->n_cache + 1, sizeof *w->watched_rule);
    w->after_id = calloc(r->n_cache + 1, sizeof *w->after_id);
    w->rule_at = calloc(r->n_cache + 1, sizeof *w->rule_at);
    w->other = calloc(r->n_services + 1, sizeof *w->other);
    w->there = calloc(r->n_services + 1, sizeof *w->there);
    if (!w->watched_rule || !w->after_id || !w->rule_at || !w->other || !w->there)
        return false;
    for (size_t i = 0; i < r->n_cache && !w->failed; i++) {
        const struct rule_cache *c = &r->cache[i];
        if (!is_cached(c))
            continue;
        w->after_id[i] = named_find(w->o->named, name_of(w, c));
        w->rule_of = list_room(w, w->rule_of, &w->n_rule_of, c->endpoint, sizeof *w->rule_of);
        if (c->endpoint < w->n_rule_of)
            w->rule_of[c->endpoint] = (uint32_t)i + 1;
        if (!w->after_id[i])
            continue;
        w->rule_at[w->n_watched] = i;
        w->watched_rule[w->n_watched++] = (struct watched_rule){.endpoint = w->after_id[i],
                                                                .ttl_us = (int64_t)c->ttl_s * 1000000,
                                                                .refresh = c->refresh && w->o->product->renews,
                                                                .override = c->override};
    }
    return !w->failed;
}

static size_t service_at(const struct work *w, struct slice name)
{
    size_t i = 0;
    while (i < w->rules->n_services && !slice_eq(w->rules->services[i].name, name))
        i++;
    return i;
}

static bool add_before(void *context, const struct row_endpoint *e)
{
    struct work *w = context;
    size_t at = service_at(w, e->service);
    if (at < w->rules->n_services && !(e->id < w->n_rule_of && w->rule_of[e->id]))
        w->other[at].before += e->requests;
    return true;
}

static bool is_watched(const struct work *w, uint32_t after)
{
    for (size_t i = 0; i < w->n_watched; i++)
        if (w->watched_rule[i].endpoint == after)
            return true;
    return false;
}

static bool add_after(void *context, const struct row_endpoint *e)
{
    struct work *w = context;
    size_t at = service_at(w, e->service);
    if (at == w->rules->n_services)
        return true;
    w->there[at] = true;
    if (is_watched(w, e->id) || e->id >= w->watched.n_endpoints)
        return true;
    const struct watched_count *n = &w->watched.endpoint[e->id];
    w->other[at].after += n->n;
    for (int i = 0; i < WATCHED_SLICES; i++)
        w->other[at].slice[i] += n->slice[i];
    return true;
}

/* ---- one cache rule ---- */

/* An endpoint's row, copied: the reader lends its text. */
struct endpoint {
    uint64_t requests, eligible, from_cache;
    struct hist_dense latency;
};

static bool copy_endpoint(void *context, const struct row_endpoint *e)
{
    struct endpoint *out = context;
    out->requests = e->requests;
    out->eligible = e->eligible;
    out->from_cache = e->declared[DECLARED_from_cache];
    hist_read(e->latency, &out->latency);
    return true;
}

static double seconds_of(const struct hist_dense *h, double q)
{
    double us = hist_quantile(h, q);
    return isnan(us) ? NAN : us / 1e6;
}

/* Said: the quantile of those that are still fetched. Slower: by more than the ranks of both leave open. */
static void set_latency(struct verify_rule *v, const struct endpoint *before, const struct endpoint *after)
{
    for (int i = 0; i < VERIFY_QUANTILES; i++) {
        struct verify_latency *l = &v->latency[i];
        double q = quantile[i], at = promise_quantile(q, v->said);
        double most = isnan(at) ? q : at;
        *l = (struct verify_latency){.q = q,
                                     .before = seconds_of(&before->latency, q),
                                     .said = isnan(at) ? NAN : seconds_of(&before->latency, at),
                                     .from_cache = isnan(at) && !isnan(v->said),
                                     .seen = seconds_of(&after->latency, q)};
        double high = seconds_of(&before->latency, promise_quantile_bounds(most, (double)before->latency.n).high);
        double low = seconds_of(&after->latency, promise_quantile_bounds(q, (double)after->latency.n).low);
        l->slower = low > high * 1.1 + SLOWER_S;
    }
}

static double span_s(int64_t from_us, int64_t to_us)
{
    return from_us == TIME_NONE || to_us == TIME_NONE ? NAN : (double)(to_us - from_us) / 1e6;
}

/* Requests of all that no rule touches, after to before, a second. NaN: not known. */
static double volume_of(const struct work *w, const struct other *o)
{
    double volume = facts_ratio(o->after, o->before) * facts_watched_s(w->o->before.facts) /
                    span_s(w->watched.from_us, w->watched.to_us);
    return o->before < PROMISE_LEAST || o->after < PROMISE_LEAST ? NAN : volume;
}

static enum promise_reason judge_origin(struct work *w, const struct rule_cache *c, const struct watched_sums *s,
                                        const struct endpoint *before, struct verify_rule *v)
{
    const struct other *o = &w->other[c->service];
    const struct rule_figures *f = &c->figures;
    const struct watched_count *n = &w->watched.endpoint[w->after_id[c - w->rules->cache]];
    struct promise_rates rates = {.before = before->eligible,
                                  .after = s->model.lookups,
                                  .other_before = o->before,
                                  .other_after = o->after,
                                  .dispersion = fmax(watched_dispersion(n->slice), watched_dispersion(o->slice))};
    double low = facts_ratio(f->hits - f->coalesced, f->lookups), high = v->said, volume = volume_of(w, o);
    v->spared = promise_spared(&rates, &v->spared_of);
    v->expected = isnan(volume) ? NAN : promise_at_volume(v->said, volume);
    if (!isnan(volume)) {
        low = fmin(low, promise_at_volume(low, volume));
        high = fmax(high, v->expected);
    }
    return promise_origin(&(struct promise_origin){s, low, high, v->spared_of});
}

static void set_seen(struct verify_rule *v, const struct watched_sums *s)
{
    v->requests = s->lookups;
    v->expected = facts_ratio(s->model.hits, s->model.lookups);
    v->seen = facts_ratio(s->ruled_hits, s->model.lookups);
    v->seen_of = interval_wilson(v->seen, (double)s->model.lookups, INTERVAL_Z95);
    v->passed = s->passed;
    v->stale_seen = promise_stale(s, &v->stale_of);
    v->judged = s->judged;
    v->early = s->early;
    v->late = s->late;
    v->passed_hits = s->passed_hits;
    double ms = hist_quantile(&s->hit_age, 0.95);
    v->oldest_s = isnan(ms) ? NAN : ms / 1000;
}

static enum promise_reason judge_cache(struct work *w, const struct rule_cache *c, const struct watched_sums *s,
                                       const struct endpoint *before, struct verify_rule *v)
{
    bool shown = (double)s->shown > SHOWN_LEAST * (double)s->lookups;
    v->evidence = shown ? "answers" : "origin";
    if (before->from_cache * 100 > before->requests)
        return PROMISE_CACHE_BEFORE;
    if (s->untracked * 100 > s->lookups)
        return PROMISE_NO_ROOM;
    if (shown)
        return promise_cache(&(struct promise_cache){s, c->refresh && w->o->product->renews, v->stale_most});
    v->seen = v->stale_seen = NAN;
    return judge_origin(w, c, s, before, v);
}

static enum promise_reason no_audit(const struct work *w)
{
    double coverage = facts_coverage(w->o->after.facts);
    return coverage < PROMISE_COVERAGE                 ? PROMISE_LOW_COVERAGE
           : !w->watched.records && w->watched.audited ? PROMISE_NO_RECORDS
                                                       : PROMISE_AS_SAID;
}

static void blank(struct verify_rule *v)
{
    *v = (struct verify_rule){.said = NAN,
                              .expected = NAN,
                              .seen = NAN,
                              .seen_of = {NAN, NAN},
                              .stale_said = NAN,
                              .stale_most = NAN,
                              .stale_seen = NAN,
                              .stale_of = {NAN, NAN},
                              .spared = NAN,
                              .spared_of = {NAN, NAN},
                              .oldest_s = NAN};
    for (int i = 0; i < VERIFY_QUANTILES; i++)
        v->latency[i] = (struct verify_latency){.q = quantile[i], .before = NAN, .said = NAN, .seen = NAN};
}

static void verify_cache(struct work *w, size_t at, struct verify_rule *v)
{
    const struct rule_cache *c = &w->rules->cache[at];
    const struct rule_figures *f = &c->figures;
    struct endpoint before = {0}, after = {0};
    const struct watched_sums *s = NULL;
    blank(v);
    v->kind = SLICE("cache");
    v->id = c->id;
    v->what = name_of(w, c);
    v->doubt = c->doubt;
    v->ttl_s = c->ttl_s;
    v->said = facts_ratio(f->hits, f->lookups);
    v->stale_said = facts_ratio(f->stale, f->hits - f->unknown);
    v->stale_most =
        isnan(v->stale_said) ? c->advice.lifetime.stale_high : fmax(v->stale_said, c->advice.lifetime.stale_high);
    for (size_t i = 0; i < w->n_watched; i++)
        if (w->rule_at[i] == at)
            s = &w->watched.sums[i];
    v->reason = no_audit(w);
    if (v->reason != PROMISE_AS_SAID)
        return;
    if (!s) {
        v->reason = w->there[c->service] ? PROMISE_NO_ENDPOINT : PROMISE_NO_SERVICE;
        return;
    }
    store_read_endpoint(w->o->before.reader, c->endpoint, copy_endpoint, &before);
    store_read_endpoint(w->o->after.reader, w->after_id[at], copy_endpoint, &after);
    set_seen(v, s);
    set_latency(v, &before, &after);
    v->reason = judge_cache(w, c, s, &before, v);
}

/* ---- one limit ---- */

struct throttling {
    enum carrier carrier;
    uint64_t n;
};

static bool add_throttled(void *context, const struct row_client *c)
{
    struct throttling *t = context;
    t->n += carrier_of(c->identity) == t->carrier ? c->throttled : 0;
    return true;
}

static uint64_t rejected_of(const struct watched_count *list, size_t n, uint32_t id, bool refused)
{
    return id >= n ? 0 : list[id].rejected + (refused ? list[id].refused : 0);
}

static void add_counted(struct verify_rule *v, const struct replay_counted *k, uint64_t seen, struct rules *r)
{
    v->requests += k->requests;
    v->rejected_expected += k->rejected;
    v->rejected_seen += seen;
    if ((k->rejected || seen) && v->n_clients < VERIFY_NAMED)
        v->client[v->n_clients++] = (struct verify_client){rules_keep(r, k->name), k->requests, k->rejected, seen};
}

/* The replay of a limit on the later arrivals, beside what was answered. `of`: those whom it counts; CARRIERS: all of
 * the service `name`. */
static bool replay_after(struct work *w, const char *spec, enum carrier of, size_t service, struct verify_rule *v,
                         char why[256])
{
    struct limit limit;
    struct replay p;
    struct replay_options o = {
        .named = w->o->named, .limit = &limit, .per = of == CARRIERS ? REPLAY_SERVICE : REPLAY_CLIENT};
    if (!limitspec_parse(slice_str(spec), &limit, why) || !replay_run(w->o->after.reader, &o, &p, why))
        return false;
    uint64_t refused = 0, rejected = 0;
    for (size_t i = 0; i < w->watched.n_clients; i++) {
        rejected += w->watched.client[i].rejected;
        refused += w->watched.client[i].refused;
    }
    bool by_503 = !rejected && refused; /* what nginx answers when it is not told otherwise */
    for (size_t i = 0; i < p.n_counted; i++) {
        const struct replay_counted *k = &p.counted[i];
        uint64_t seen = 0;
        if (of != CARRIERS && carrier_of(slice_sub(k->name, 0, slice_find(k->name, ':', 0))) != of)
            continue;
        if (of == CARRIERS && !slice_eq(k->name, w->rules->services[service].name))
            continue;
        if (of != CARRIERS)
            seen = rejected_of(w->watched.client, w->watched.n_clients, k->id, by_503);
        for (uint32_t e = 1; of == CARRIERS && e < w->watched.n_endpoints; e++)
            if (named_resolve(w->o->named, e) == e && slice_eq(named_service(w->o->named, e), k->name))
                seen += rejected_of(w->watched.endpoint, w->watched.n_endpoints, e, by_503);
        add_counted(v, k, seen, w->rules);
    }
    replay_free(&p);
    return true;
}

static bool has_service(const struct work *w)
{
    bool any = false;
    for (size_t i = 0; i < w->rules->n_services; i++)
        any |= w->there[i];
    return any;
}

static void judge_limit(struct work *w, uint64_t rejected_before, struct verify_rule *v)
{
    v->expected = facts_ratio(v->rejected_expected, v->requests);
    v->seen = facts_ratio(v->rejected_seen, v->requests);
    v->seen_of = interval_wilson(v->seen, (double)v->requests, INTERVAL_Z95);
    v->reason = no_audit(w);
    if (v->reason != PROMISE_AS_SAID)
        return;
    v->reason = promise_limit(
        &(struct promise_limit){v->requests, v->rejected_expected, v->rejected_seen, rejected_before, LIMIT_ROOM});
    if (!has_service(w))
        v->reason = PROMISE_NO_SERVICE;
    else if (!v->requests)
        v->reason = PROMISE_NO_CLIENTS;
}

static bool verify_rate(struct work *w, const struct rule_rate *rate, struct verify_rule *v, char why[256])
{
    struct buf spec = {0};
    struct throttling t = {rate->carrier, 0};
    blank(v);
    v->kind = SLICE("limit");
    v->id = slice_str(carrier_names[rate->carrier]);
    buf_printf(&spec, "clients told apart by %s", carrier_names[rate->carrier]);
    v->what = rules_keep(w->rules, slice_of(spec.p, spec.n));
    spec.n = 0;
    w->o->product->limit(rate, &spec);
    v->spec = rules_keep(w->rules, slice_of(spec.p, spec.n));
    buf_free(&spec);
    v->doubt = rate->doubt;
    v->said = rate->replayed ? facts_ratio(rate->rejected, rate->requests) : NAN;
    store_read_clients(w->o->before.reader, add_throttled, &t);
    bool ok = replay_after(w, v->spec.p, rate->carrier, 0, v, why);
    judge_limit(w, t.n, v);
    if (v->reason != PROMISE_NO_SERVICE && !idorder_equal(&w->o->before.facts->order, &w->o->after.facts->order))
        v->reason = PROMISE_OTHER_IDENTITY;
    return ok;
}

struct refusing {
    struct slice service;
    uint64_t n;
};

static bool add_refused(void *context, const struct row_endpoint *e)
{
    struct refusing *t = context;
    t->n += slice_eq(e->service, t->service) ? e->throttled : 0;
    return true;
}

static bool verify_service(struct work *w, size_t at, struct verify_rule *v, char why[256])
{
    const struct rule_service *s = &w->rules->services[at];
    struct buf spec = {0};
    struct refusing t = {s->name, 0};
    blank(v);
    v->kind = SLICE("limit");
    v->id = s->id;
    v->what = s->name;
    v->doubt = s->doubt;
    w->o->product->limit_all(s, &spec);
    v->spec = rules_keep(w->rules, slice_of(spec.p, spec.n));
    buf_free(&spec);
    v->said = 0; /* its bucket is made so that none of the recorded requests is rejected */
    store_read_endpoints(w->o->before.reader, add_refused, &t);
    bool ok = replay_after(w, v->spec.p, CARRIERS, at, v, why);
    judge_limit(w, t.n, v);
    if (!v->requests && v->reason == PROMISE_NO_CLIENTS)
        v->reason = PROMISE_NO_SERVICE;
    return ok;
}

/* ---- all of them ---- */

static bool verify_limits(struct work *w, char why[256])
{
    const struct policy_product *p = w->o->product;
    struct verify_show *s = w->show;
    bool ok = true;
    for (size_t i = 0; ok && p->limit && i < w->rules->n_rate; i++)
        if (!p->can || p->can(w->rules, &w->rules->rate[i]))
            ok = verify_rate(w, &w->rules->rate[i], &s->rule[s->n++], why);
    for (size_t i = 0; ok && p->limit_all && w->o->rate && i < w->rules->n_services; i++)
        if (!isnan(w->rules->services[i].rate) && (!w->rules->services[i].doubt || w->o->force))
            ok = verify_service(w, i, &s->rule[s->n++], why);
    return ok;
}

static bool watch(struct work *w, char why[256])
{
    const struct facts *f = w->o->after.facts;
    struct watched_options o = {.rule = w->watched_rule,
                                .n_rules = w->n_watched,
                                .profile = predict_profile(w->o->product->profile),
                                .from_us = f->capture.started_us,
                                .to_us = f->capture.ended_us,
                                .resolve = resolve,
                                .turn = turn,
                                .context = w};
    return watched_run(w->o->after.reader, &o, &w->watched, why);
}

static bool compare_all(struct work *w, char why[256])
{
    snprintf(why, 256, "out of memory");
    store_read_clients(w->o->after.reader, add_client, w);
    store_read_keys(w->o->after.reader, add_key, w);
    if (w->failed || !find_rules(w) || !watch(w, why))
        return false;
    store_read_endpoints(w->o->before.reader, add_before, w);
    store_read_endpoints(w->o->after.reader, add_after, w);
    w->show->rule = calloc(w->rules->n_cache + w->rules->n_rate + w->rules->n_services + 1, sizeof *w->show->rule);
    if (!w->show->rule)
        return false;
    for (size_t i = 0; i < w->rules->n_cache; i++)
        if (is_cached(&w->rules->cache[i]))
            verify_cache(w, i, &w->show->rule[w->show->n++]);
    if (!verify_limits(w, why))
        return false;
    for (size_t i = 0; i < w->show->n; i++)
        w->show->verdicts[promise_verdict_of(w->show->rule[i].reason)]++;
    return !w->failed && !w->rules->failed;
}

bool compare_run(const struct compare *o, struct verify_show *out, char why[256])
{
    struct work w = {.o = o, .rules = o->rules, .show = out};
    bool ok = compare_all(&w, why);
    watched_free(&w.watched);
    free(w.watched_rule);
    free(w.after_id);
    free(w.rule_of);
    free(w.rule_at);
    free(w.other);
    free(w.there);
    free(w.carrier);
    free(w.plain);
    return ok;
}
