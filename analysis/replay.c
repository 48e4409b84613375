#include "analysis/replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/copies.h"
#include "analysis/restore.h"
#include "analysis/slab.h"
#include "base/floor.h"
#include "capture/exchange.h"

enum { PROGRESS_EVERY = 1 << 16 };

const char *const replay_pers[REPLAY_PERS] = {"client", "address", "service", "endpoint"};

/* When a key was asked for last, whatever its variant. */
struct clock {
    uint64_t hash;
    int64_t last_us;
};

struct walk {
    const struct replay_options *o;
    struct replay *out;
    struct slab slots, clocks, counted;
    struct map slot_map, clock_map, counted_map;
    struct ttlcache_slot none;            /* where a look-up finds nothing and leaves nothing */
    uint32_t *ttl_of;                     /* place in o->ttl + 1, by endpoint */
    uint64_t unkept[VARY_LISTS / 64 + 1]; /* bit i: answers that vary on list i are not kept */
    struct limiter limiter;
    uint32_t other; /* id of the client `(other)`, which is many */
    int64_t second;
    uint64_t admitted; /* in that second */
};

static int64_t forward(int64_t *last_us, int64_t us, bool first)
{
    us = row_sane_us(us);
    if (first || us > *last_us)
        *last_us = us;
    return *last_us;
}

static uint32_t key_of(const struct walk *w, const struct row_exchange *x)
{
    return w->o->key_of ? x->key < w->o->n_keys ? w->o->key_of[x->key] : 0 : x->key;
}

/* The key's time: all its exchanges move it, look-ups or not. */
static bool key_time(struct walk *w, uint32_t key, const struct row_exchange *x, int64_t *us)
{
    uint32_t before = w->clocks.used, row = slab_row(&w->clocks, &w->clock_map, hash_mix((uint64_t)key << 32));
    if (row == SLAB_NONE)
        return false;
    *us = forward(&((struct clock *)slab_at(&w->clocks, row))->last_us, x->arrival_us, row == before);
    return true;
}

static void look_up_limited(struct capacity *c, uint64_t hash, const struct ttlcache_visit *v)
{
    capacity_visit(c, &(struct capacity_visit){hash, floor_div(v->us, 1000), v->bytes, v->fillable});
}

static struct ttlcache_slot *no_copy(struct walk *w, uint64_t hash, struct ttlcache_visit *v)
{
    v->fillable = false;
    w->none = (struct ttlcache_slot){.hash = hash};
    return &w->none;
}

/* HAProxy's copy that answers, or the one that what comes fills. NULL: no room. A copy that is left beside the new one,
 * in the same coding, answers before it until both are replaced: then nothing is filled. */
static struct ttlcache_slot *slot_by_coding(struct walk *w, uint64_t hash, const struct row_exchange *x, int64_t ttl_us,
                                            struct ttlcache_visit *v)
{
    struct ttlcache_slot *copy[COPIES_CODINGS], *chosen;
    for (unsigned i = 0; i < COPIES_CODINGS; i++) {
        uint32_t row = slab_row(&w->slots, &w->slot_map, hash_mix(hash + i));
        if (row == SLAB_NONE)
            return NULL;
        copy[i] = slab_at(&w->slots, row);
    }
    chosen = copies_choose(copy, x->accepts, ttl_us, v->us);
    if (chosen)
        return chosen;
    if (v->fillable)
        copies_replace(copy, x->accepts, ttl_us, v->us);
    chosen = copy[copies_coding(x->content, x->accepts)];
    return chosen->filled ? no_copy(w, chosen->hash, v) : chosen;
}

static struct ttlcache_slot *slot_for(struct walk *w, uint32_t key, const struct row_exchange *x, int64_t ttl_us,
                                      struct ttlcache_visit *v)
{
    uint64_t hash = hash_mix((uint64_t)key << 32 | copies_variant(w->o->profile, x->variant, x->accepts));
    bool past = copies_asked_past(w->o->profile, x->notes >> NOTE_AT_forced_refresh & 1);
    if (w->o->key_client)
        hash = hash_mix(hash + x->client);
    if (past && (x->variant || !v->fillable))
        return no_copy(w, hash, v);
    if (w->o->profile == TTLCACHE_HAPROXY && x->accepts)
        return slot_by_coding(w, hash, x, ttl_us, v);
    uint32_t row = slab_row(&w->slots, &w->slot_map, hash);
    struct ttlcache_slot *slot = row == SLAB_NONE ? NULL : slab_at(&w->slots, row);
    if (slot && past)
        slot->filled = false;
    return slot;
}

static bool keeps(const struct walk *w, const struct row_exchange *x)
{
    uint32_t list = replay_list(x);
    return !(w->unkept[list / 64] >> list % 64 & 1);
}

static void look_up(struct walk *w, const struct row_exchange *x, struct replay_ttl *t)
{
    struct ttlcache_visit v = {.us = 0,
                               .ttfb_us = row_sane_us(x->ttfb_us),
                               .fetch_us =
                                   x->duration_us < 0 ? -1 : x->duration_us - (x->request_us > 0 ? x->request_us : 0),
                               .content = x->content,
                               .error = x->status >= 400,
                               .fillable = x->flags & ROW_FILLABLE && keeps(w, x) &&
                                           copies_filled_by(w->o->profile, x->status, x->flags & REPLAY_HEAD),
                               .bytes = x->response_bytes,
                               .server_us = x->server_us < 0 ? 0 : (uint64_t)x->server_us};
    uint32_t key = key_of(w, x);
    bool known = key && key_time(w, key, x, &v.us);
    if (!(x->flags & ROW_ELIGIBLE))
        return;
    t->unkept += !keeps(w, x);
    struct ttlcache_slot *slot = known ? slot_for(w, key, x, t->ttl_us, &v) : NULL;
    if (!slot)
        t->untracked++;
    else
        ttlcache_visit(slot, w->o->profile, t->ttl_us, &v, &t->sums);
    if (slot && t->capacity)
        look_up_limited(t->capacity, slot->hash, &v);
}

/* Who the limit counts this request for; 0: unknown. */
static uint32_t counted_by(const struct walk *w, const struct row_exchange *x)
{
    switch (w->o->per) {
    case REPLAY_CLIENT:
        return x->client == w->other ? 0 : x->client;
    case REPLAY_ADDRESS:
        return x->address;
    case REPLAY_SERVICE:
        return named_service_of(w->o->named, x->key, x->endpoint);
    default:
        return named_resolve(w->o->named, x->endpoint);
    }
}

static void admit(struct walk *w, int64_t us)
{
    int64_t second = us / 1000000 - (us % 1000000 < 0);
    if (second > w->second) {
        w->second = second;
        w->admitted = 0;
    }
    if (++w->admitted > w->out->peak_admitted)
        w->out->peak_admitted = w->admitted;
}

static void judge(struct walk *w, struct replay_counted *c, int64_t us)
{
    struct limiter_answer answer = limiter_ask(&w->limiter, &c->key, us);
    c->requests++;
    c->delayed += answer.wait_ms != 0;
    if ((int64_t)answer.wait_ms > c->longest_wait_ms)
        c->longest_wait_ms = (int64_t)answer.wait_ms;
    if (answer.accepted) {
        c->run = 0;
        admit(w, us);
        return;
    }
    if (!c->rejected++)
        c->first_rejected_us = us;
    if (++c->run > c->longest_run)
        c->longest_run = c->run;
}

static void limit(struct walk *w, const struct row_exchange *x)
{
    uint32_t id = counted_by(w, x), before = w->counted.used;
    uint32_t row = id ? slab_row(&w->counted, &w->counted_map, hash_mix(id)) : SLAB_NONE;
    if (row == SLAB_NONE) {
        w->out->untold++;
        return;
    }
    struct replay_counted *c = slab_at(&w->counted, row);
    c->id = id;
    judge(w, c, forward(&c->last_us, x->arrival_us, row == before));
}

static void one(void *context, const struct row_exchange *x)
{
    struct walk *w = context;
    struct replay *out = w->out;
    if (!out->records++ || x->arrival_us < out->from_us)
        out->from_us = x->arrival_us;
    if (x->arrival_us > out->to_us)
        out->to_us = x->arrival_us;
    if (w->o->progress && out->records % PROGRESS_EVERY == 0)
        w->o->progress(w->o->context, out->records, out->audited);
    if (x->flags & ROW_ORPHAN)
        return;
    uint32_t endpoint = w->o->n_ttl ? named_resolve(w->o->named, x->endpoint) : 0;
    if (endpoint && w->ttl_of[endpoint])
        look_up(w, x, &w->o->ttl[w->ttl_of[endpoint] - 1]);
    if (w->o->limit)
        limit(w, x);
}

static bool add_list(void *context, const struct row_counter *c)
{
    struct walk *w = context;
    if (strcmp(c->what, "vary") == 0 && c->value <= VARY_LISTS && !copies_kept(w->o->profile, c->name))
        w->unkept[c->value / 64] |= UINT64_C(1) << c->value % 64;
    return true;
}

static bool open_ttl(struct walk *w, struct store_reader *r)
{
    const struct replay_options *o = w->o;
    store_read_counters(r, add_list, w);
    w->ttl_of = calloc(o->named->n_endpoints + 1, sizeof *w->ttl_of);
    if (!w->ttl_of || !slab_init(&w->slots, sizeof(struct ttlcache_slot), REPLAY_SLOTS) ||
        !slab_init(&w->clocks, sizeof(struct clock), REPLAY_SLOTS))
        return false;
    for (size_t i = 0; i < o->n_ttl; i++)
        w->ttl_of[o->ttl[i].endpoint] = (uint32_t)i + 1;
    return map_init(&w->slot_map, w->slots.base, w->slots.unit, REPLAY_SLOTS) &&
           map_init(&w->clock_map, w->clocks.base, w->clocks.unit, REPLAY_SLOTS);
}

static bool find_other(void *context, const struct row_client *row)
{
    struct walk *w = context;
    if (slice_eq(row->client, SLICE("(other)")))
        w->other = row->id;
    return !w->other;
}

static bool open_limit(struct walk *w, struct store_reader *r)
{
    w->limiter.limit = *w->o->limit;
    w->second = INT64_MIN;
    if (!slab_init(&w->counted, sizeof(struct replay_counted), REPLAY_COUNTED) ||
        !map_init(&w->counted_map, w->counted.base, w->counted.unit, REPLAY_COUNTED))
        return false;
    if (w->o->per == REPLAY_CLIENT)
        store_read_clients(r, find_other, w);
    return true;
}

static void close_walk(struct walk *w)
{
    for (uint32_t i = 0; i < w->counted.used; i++)
        limiter_forget(&w->limiter, &((struct replay_counted *)slab_at(&w->counted, i))->key);
    map_free(&w->slot_map);
    map_free(&w->clock_map);
    map_free(&w->counted_map);
    slab_fini(&w->slots);
    slab_fini(&w->clocks);
    slab_fini(&w->counted);
    free(w->ttl_of);
}

/* ---- the result ---- */

static void name(struct walk *w, uint32_t id, struct slice text)
{
    uint32_t row = map_find(&w->counted_map, hash_mix(id));
    if (row == MAP_NONE)
        return;
    struct replay_counted *c = slab_at(&w->counted, row);
    c->name_at = w->out->text.n;
    c->name.n = text.n;
    buf_slice(&w->out->text, text);
}

static bool name_client(void *context, const struct row_client *row)
{
    name(context, row->id, row->client);
    return true;
}

static bool name_address(void *context, const struct row_address *row)
{
    name(context, row->id, row->text);
    return true;
}

static void name_endpoints(struct walk *w)
{
    const struct named *n = w->o->named;
    struct buf text = {0};
    for (uint32_t i = 0; i < w->counted.used; i++) {
        uint32_t id = ((struct replay_counted *)slab_at(&w->counted, i))->id;
        text.n = 0;
        buf_slice(&text, named_method(n, id));
        if (text.n)
            buf_char(&text, ' ');
        buf_slice(&text, named_service(n, id));
        buf_slice(&text, named_route(n, id));
        w->out->text.failed |= text.failed;
        name(w, id, slice_of(text.p, text.n));
    }
    buf_free(&text);
}

static void name_all(struct walk *w, struct store_reader *r)
{
    if (w->o->per == REPLAY_CLIENT)
        store_read_clients(r, name_client, w);
    else if (w->o->per == REPLAY_ADDRESS)
        store_read_addresses(r, name_address, w);
    else if (w->o->per == REPLAY_ENDPOINT)
        name_endpoints(w);
    for (uint32_t i = 0; i < w->counted.used && w->o->per == REPLAY_SERVICE; i++) {
        uint32_t id = ((struct replay_counted *)slab_at(&w->counted, i))->id;
        name(w, id, named_service_name(w->o->named, id));
    }
}

static int by_rejected(const void *a, const void *b)
{
    const struct replay_counted *x = a, *y = b;
    if (x->rejected != y->rejected)
        return x->rejected < y->rejected ? 1 : -1;
    if (x->requests != y->requests)
        return x->requests < y->requests ? 1 : -1;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int order = n ? memcmp(x->name.p, y->name.p, n) : 0;
    return order ? order : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

static bool list(struct walk *w)
{
    struct replay *out = w->out;
    uint32_t n = w->counted.used;
    out->counted = malloc((n + 1) * sizeof *out->counted);
    if (!out->counted || out->text.failed)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct replay_counted *c = &out->counted[i];
        *c = *(struct replay_counted *)slab_at(&w->counted, i);
        c->name.p = c->name.n ? out->text.p + c->name_at : "";
        out->requests += c->requests;
        out->rejected += c->rejected;
        out->delayed += c->delayed;
        out->hit += c->rejected != 0;
    }
    out->n_counted = n;
    qsort(out->counted, n, sizeof *out->counted, by_rejected);
    return true;
}

static bool find_network(void *context, const struct row_address *row)
{
    bool *found = context;
    *found = slice_find(row->text, '/', 0) < row->text.n;
    return !*found;
}

bool replay_knows_addresses(struct store_reader *r)
{
    bool networks = false;
    store_read_addresses(r, find_network, &networks);
    return !networks;
}

static bool run(struct walk *w, struct store_reader *r, char why[256])
{
    if ((w->o->n_ttl && !open_ttl(w, r)) || (w->o->limit && !open_limit(w, r))) {
        snprintf(why, 256, "out of memory");
        return false;
    }
    if (!store_read_exchanges(r, one, w)) {
        snprintf(why, 256, "a block of exchange records is damaged");
        return false;
    }
    if (w->limiter.full) {
        snprintf(why, 256, "this sliding log would need more than %d MiB", LIMITER_LOG_MOST >> 20);
        return false;
    }
    if (!w->o->limit)
        return true;
    name_all(w, r);
    if (!list(w)) {
        snprintf(why, 256, "out of memory");
        return false;
    }
    return true;
}

bool replay_run(struct store_reader *r, const struct replay_options *o, struct replay *out, char why[256])
{
    struct walk w = {.o = o, .out = out};
    *out = (struct replay){.from_us = TIME_NONE, .to_us = TIME_NONE};
    out->audited = store_read_counter(r, "total", "exchanges");
    bool good = run(&w, r, why);
    close_walk(&w);
    if (!good)
        replay_free(out);
    return good;
}

void replay_free(struct replay *p)
{
    free(p->counted);
    buf_free(&p->text);
    *p = (struct replay){0};
}
