#include "analysis/watched.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/copies.h"
#include "analysis/restore.h"
#include "analysis/slab.h"
#include "base/dense.h"
#include "base/floor.h"
#include "base/map.h"
#include "capture/exchange.h"

enum { SECOND_US = 1000000 };

/* A key and variant of a rule. */
struct slot {
    uint64_t hash;
    struct ttlcache_slot model;
    int64_t from_us, until_us; /* the fetch's first byte and its end */
    int64_t ages_us;           /* of the hits since, whose content is known */
    uint64_t hits;
    uint32_t content, key;
    bool filled;
};

/* The same of a client; and who fetched a content last. */
struct own {
    uint64_t hash;
    int64_t from_us;
};

struct content {
    uint64_t hash;
    int64_t from_us;
    uint32_t key;
};

struct walk {
    const struct watched_options *o;
    struct watched *out;
    uint32_t *rule_of; /* place + 1, by endpoint */
    size_t n_rule_of;
    struct slab slots, owns, contents;
    struct map slot_map, own_map, content_map;
    bool failed;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    return hash_mix(hash_mix(a) + b);
}

/* ---- when a copy grows old (ttlcache.h) ---- */

static bool whole_seconds(enum ttlcache_profile p)
{
    return p == TTLCACHE_NGINX || p == TTLCACHE_HAPROXY;
}

static int64_t end_of(enum ttlcache_profile p, int64_t from_us, int64_t ttl_us)
{
    if (!whole_seconds(p))
        return from_us + ttl_us;
    return (floor_div(from_us, SECOND_US) + (p == TTLCACHE_NGINX)) * SECOND_US + ttl_us;
}

static int64_t distance(int64_t a, int64_t b)
{
    return a < b ? b - a : a - b;
}

/* Whether the decision hangs on less than the band; where seconds are counted, also on which one the copy is from. */
static bool near_end(enum ttlcache_profile p, int64_t from_us, int64_t ttl_us, int64_t us, int64_t band)
{
    int64_t off = distance(us, end_of(p, from_us, ttl_us));
    int64_t part = from_us - floor_div(from_us, SECOND_US) * SECOND_US;
    bool border = whole_seconds(p) && (part < band || SECOND_US - part < band);
    return off < band || (border && off < SECOND_US + band);
}

/* ---- contents of other keys ---- */

/* Whether another key of the rule fetched this content within its lifetime. */
static bool of_another(struct walk *w, size_t rule, const struct row_exchange *x)
{
    uint32_t row = x->content ? map_find(&w->content_map, mix(rule, x->content)) : MAP_NONE;
    const struct content *c = row == MAP_NONE ? NULL : slab_at(&w->contents, row);
    return c && c->key != x->key && x->arrival_us - c->from_us <= w->o->rule[rule].ttl_us + SECOND_US;
}

static void fetched_content(struct walk *w, size_t rule, const struct row_exchange *x)
{
    uint32_t row = x->content ? slab_row(&w->contents, &w->content_map, mix(rule, x->content)) : SLAB_NONE;
    if (row == SLAB_NONE)
        return;
    struct content *c = slab_at(&w->contents, row);
    c->from_us = x->arrival_us;
    c->key = x->key;
}

/* ---- one request ---- */

/* What the copy held was replaced at `us`: where the content is another, its change came somewhere in between. */
static void close_cycle(struct watched_sums *n, struct slot *s, uint32_t content, int64_t us)
{
    if (s->hits && content && s->content) {
        n->cycles++;
        n->cycle_hits += s->hits;
        if (content != s->content) {
            n->changed_hits += s->hits;
            n->stale += us > s->from_us ? (double)s->ages_us / (double)(us - s->from_us) : 0;
        }
    }
    s->hits = 0;
    s->ages_us = 0;
}

static bool may_keep(const struct walk *w, const struct watched_rule *r, const struct row_exchange *x)
{
    unsigned reason = x->notes & NOTE_REASON;
    bool forbidden = reason == REASON_PRIVATE || reason == REASON_SET_COOKIE || reason == REASON_VARY_STAR ||
                     (reason == REASON_NO_STORE && !r->override);
    return (x->flags & ROW_FILLABLE) && copies_filled_by(w->o->profile, x->status, x->flags & REPLAY_HEAD) &&
           !forbidden && !(x->notes >> NOTE_AT_personal & 1);
}

static void add_age(struct hist_dense *h, int64_t us)
{
    uint64_t ms = us > 0 ? (uint64_t)us / 1000 : 0;
    h->count[hist_index(ms)]++;
    h->sum += ms;
    h->min = !h->n || ms < h->min ? ms : h->min;
    h->max = ms > h->max ? ms : h->max;
    h->n++;
}

static void fill(struct walk *w, size_t rule, const struct row_exchange *x, struct slot *s)
{
    struct watched_sums *n = &w->out->sums[rule];
    if (!may_keep(w, &w->o->rule[rule], x))
        return;
    close_cycle(n, s, x->content, x->arrival_us);
    n->fills++;
    n->alike += of_another(w, rule, x);
    fetched_content(w, rule, x);
    s->filled = true;
    s->from_us = x->arrival_us + (x->ttfb_us > 0 ? x->ttfb_us : 0);
    s->until_us = x->arrival_us + (x->duration_us > 0 ? x->duration_us : 0);
    s->content = x->content;
    s->key = x->key;
}

/* A copy that came back with another content than was fetched was renewed unseen, at the latest now. */
static void hit_content(struct watched_sums *n, struct slot *s, const struct row_exchange *x)
{
    if (!x->content)
        return;
    if (s->content && s->content != x->content)
        close_cycle(n, s, x->content, x->arrival_us);
    s->content = x->content;
    s->ages_us += x->arrival_us - s->from_us;
    s->hits++;
}

static void judge_unfilled(struct walk *w, size_t rule, const struct row_exchange *x, bool hit)
{
    struct watched_sums *n = &w->out->sums[rule];
    const struct watched_rule *r = &w->o->rule[rule];
    /* What was fetched before the audit began is too old by now. */
    bool begun = x->arrival_us > w->out->from_us + r->ttl_us + SECOND_US + WATCHED_BAND_US;
    if (!hit || !begun || r->refresh)
        return;
    n->judged++;
    n->late++;
    n->unfound++;
}

/* The client's own last fetch of the key, and whether that would be fresh. */
static bool own_fresh(struct walk *w, size_t rule, const struct row_exchange *x, uint64_t key, bool fetch)
{
    uint32_t before = w->owns.used, row = slab_row(&w->owns, &w->own_map, mix(key, x->client));
    struct own *o = row == SLAB_NONE ? NULL : slab_at(&w->owns, row);
    bool fresh = o && row != before && x->arrival_us < end_of(w->o->profile, o->from_us, w->o->rule[rule].ttl_us);
    if (o && fetch)
        o->from_us = x->arrival_us;
    return fresh;
}

static void judge_filled(struct walk *w, size_t rule, const struct row_exchange *x, struct slot *s, bool hit, bool own)
{
    struct watched_sums *n = &w->out->sums[rule];
    const struct watched_rule *r = &w->o->rule[rule];
    int64_t took = s->until_us - s->from_us, band = WATCHED_BAND_US > took ? WATCHED_BAND_US : took;
    bool fresh = x->arrival_us < end_of(w->o->profile, s->from_us, r->ttl_us);
    if (x->arrival_us < s->until_us + 1000 || near_end(w->o->profile, s->from_us, r->ttl_us, x->arrival_us, band))
        return;
    if (r->refresh && !fresh) { /* whoever asks now has it renewed */
        s->until_us = x->arrival_us + took;
        s->from_us = x->arrival_us;
        return;
    }
    n->judged++;
    n->fresh += fresh;
    n->early += fresh && !hit;
    n->early_client += fresh && !hit && !own;
    n->late += !fresh && hit;
    n->given += hit;
    n->given_own += hit && own;
    if (hit)
        add_age(&n->hit_age, x->arrival_us - s->from_us);
    else if (fresh)
        add_age(&n->early_age, x->arrival_us - s->from_us);
}

static void look_up(struct walk *w, size_t rule, const struct row_exchange *x)
{
    struct watched_sums *n = &w->out->sums[rule];
    const struct watched_rule *r = &w->o->rule[rule];
    bool hit = x->notes >> NOTE_AT_from_cache & 1;
    n->lookups++;
    n->shown += x->notes >> NOTE_AT_cache_seen & 1;
    n->hits += hit;
    enum watched_turn turn = w->o->turn(w->o->context, rule, x);
    if (turn != WATCHED_RULED) {
        n->passed += turn == WATCHED_PASSED;
        n->passed_hits += hit && turn == WATCHED_PASSED;
        return;
    }
    uint64_t hash = mix(mix(rule, x->key), copies_variant(w->o->profile, x->variant, x->accepts));
    uint32_t row = x->key ? slab_row(&w->slots, &w->slot_map, hash) : SLAB_NONE;
    if (row == SLAB_NONE) {
        n->untracked++;
        return;
    }
    struct slot *s = slab_at(&w->slots, row);
    struct ttlcache_visit v = {.us = x->arrival_us,
                               .ttfb_us = x->ttfb_us,
                               .fetch_us = -1,
                               .content = x->content,
                               .error = x->status >= 400,
                               .fillable = may_keep(w, r, x)};
    bool past = copies_asked_past(w->o->profile, x->notes >> NOTE_AT_forced_refresh & 1) && !hit;
    s->model.filled &= !past;
    ttlcache_visit(&s->model, w->o->profile, r->ttl_us, &v, &n->model);
    if (past) { /* that it got no copy says nothing of the copies */
        fill(w, rule, x, s);
        return;
    }
    n->ruled_hits += hit;
    bool own = own_fresh(w, rule, x, hash, !hit);
    n->foreign += hit && x->content && s->content != x->content && of_another(w, rule, x);
    if (s->filled)
        judge_filled(w, rule, x, s, hit, own);
    else
        judge_unfilled(w, rule, x, hit);
    if (!hit)
        fill(w, rule, x, s);
    else if (s->filled)
        hit_content(n, s, x);
}

static void count(struct walk *w, struct watched_count **list, size_t *entries, uint32_t id,
                  const struct row_exchange *x)
{
    struct watched_count *grown = id ? dense_room(*list, entries, id, sizeof **list) : NULL;
    double at = (double)(x->arrival_us - w->o->from_us) / (double)(w->o->to_us - w->o->from_us + 1) * WATCHED_SLICES;
    if (!grown) {
        w->failed |= id && id < DENSE_MOST;
        return;
    }
    *list = grown;
    grown[id].n++;
    grown[id].rejected += x->status == 429;
    grown[id].refused += x->status == 503;
    if (at >= 0 && at < WATCHED_SLICES)
        grown[id].slice[(int)at]++;
}

static void one(void *context, const struct row_exchange *x)
{
    struct walk *w = context;
    struct watched *out = w->out;
    if (!out->records++ || x->arrival_us < out->from_us)
        out->from_us = x->arrival_us;
    if (x->arrival_us > out->to_us)
        out->to_us = x->arrival_us;
    if (x->flags & ROW_ORPHAN)
        return;
    uint32_t endpoint = w->o->resolve(w->o->context, x->endpoint);
    count(w, &out->endpoint, &out->n_endpoints, endpoint, x);
    count(w, &out->client, &out->n_clients, x->client, x);
    if (endpoint < w->n_rule_of && w->rule_of[endpoint] && (x->flags & ROW_ELIGIBLE))
        look_up(w, w->rule_of[endpoint] - 1, x);
}

static bool open_walk(struct walk *w)
{
    const struct watched_options *o = w->o;
    w->out->sums = calloc(o->n_rules + 1, sizeof *w->out->sums);
    if (!w->out->sums || !slab_init(&w->slots, sizeof(struct slot), WATCHED_SLOTS) ||
        !slab_init(&w->owns, sizeof(struct own), WATCHED_SLOTS) ||
        !slab_init(&w->contents, sizeof(struct content), WATCHED_SLOTS))
        return false;
    for (size_t i = 0; i < o->n_rules; i++) {
        void *list = dense_room(w->rule_of, &w->n_rule_of, o->rule[i].endpoint, sizeof *w->rule_of);
        if (!list)
            return false;
        w->rule_of = list;
        w->rule_of[o->rule[i].endpoint] = (uint32_t)i + 1;
    }
    return map_init(&w->slot_map, w->slots.base, w->slots.unit, WATCHED_SLOTS) &&
           map_init(&w->own_map, w->owns.base, w->owns.unit, WATCHED_SLOTS) &&
           map_init(&w->content_map, w->contents.base, w->contents.unit, WATCHED_SLOTS);
}

bool watched_run(struct store_reader *r, const struct watched_options *o, struct watched *out, char why[256])
{
    struct walk w = {.o = o, .out = out};
    *out = (struct watched){.from_us = TIME_NONE, .to_us = TIME_NONE};
    out->audited = store_read_counter(r, "total", "exchanges");
    bool good = open_walk(&w);
    snprintf(why, 256, "out of memory");
    if (good && !store_read_exchanges(r, one, &w)) {
        snprintf(why, 256, "a block of exchange records is damaged");
        good = false;
    }
    good = good && !w.failed;
    map_free(&w.slot_map);
    map_free(&w.own_map);
    map_free(&w.content_map);
    slab_fini(&w.slots);
    slab_fini(&w.owns);
    slab_fini(&w.contents);
    free(w.rule_of);
    if (!good)
        watched_free(out);
    return good;
}

void watched_free(struct watched *w)
{
    free(w->sums);
    free(w->endpoint);
    free(w->client);
    *w = (struct watched){0};
}

double watched_dispersion(const uint64_t slice[WATCHED_SLICES])
{
    double sum = 0, squares = 0;
    for (int i = 0; i < WATCHED_SLICES; i++) {
        sum += (double)slice[i];
        squares += (double)slice[i] * (double)slice[i];
    }
    double mean = sum / WATCHED_SLICES, variance = (squares - sum * mean) / (WATCHED_SLICES - 1);
    return mean > 0 && variance > mean ? variance / mean : 1;
}
