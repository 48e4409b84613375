#include "analysis/rekey.h"

#include <stdlib.h>

#include "analysis/cacheable.h"
#include "analysis/ladder.h"
#include "analysis/named.h"
#include "analysis/restore.h"
#include "analysis/slab.h"
#include "analysis/target.h"
#include "base/floor.h"

enum { SECOND_MS = 1000, LIST_WORDS = (VARY_LISTS + 64) / 64 };

/* A key of the DB, by its id. What is said of a side is said of the key that stands for it there. */
struct keyed {
    uint32_t stands[REKEY_SIDES]; /* id of the first key that is the same there; 0: not read */
    uint16_t wish;                /* + 1 */
    uint8_t visits[REKEY_SIDES];  /* look-ups, at most 2 */
    uint8_t seen;                 /* bit per side: was looked up */
    int64_t last_us[REKEY_SIDES];
};

struct same {
    uint64_t hash;
    uint32_t id;
};

/* Which lists of Vary can be left out as a whole, and which name what should be left out. */
struct lists {
    uint64_t free[LIST_WORDS], kept[LIST_WORDS];
};

struct walk {
    struct rekey *out;
    const struct rekey_wish *wish;
    struct named named;
    uint16_t *wish_of; /* by endpoint id; + 1 */
    struct lists *lists;
    struct ladder_sums (*sums)[REKEY_SIDES];
    struct slab keyed, same, slots;
    struct map same_map, slot_map;
    struct hash_key key;
    struct sandwich *contexts;
    uint64_t *network; /* by address id */
    size_t n_networks;
    uint32_t other;   /* id of the client `(other)`, which is many */
    int64_t start_us; /* of the first record that is a request's; INT64_MAX before */
    struct buf text;
};

static bool bit(const uint64_t set[LIST_WORDS], uint32_t i)
{
    return set[i / 64] >> i % 64 & 1;
}

/* ---- which keys are the same ---- */

static bool leaves_out(const struct rekey_wish *w, enum rekey_key side, struct slice parameter)
{
    struct slice name = slice_sub(parameter, 0, slice_find(parameter, '=', 0));
    for (unsigned i = 0; i < w->n; i++)
        if ((w->name[i].part == REKEY_QUERY || (side == REKEY_FREED && w->name[i].part == REKEY_BUSTER)) &&
            slice_eq(slice_str(w->name[i].text), name))
            return true;
    return false;
}

static uint64_t hash_of(struct walk *w, const struct rekey_wish *wish, enum rekey_key side, const struct row_key *k)
{
    char *normal = NULL;
    struct key_text text = {k->target, slice_sub(k->target, 0, slice_find(k->target, '?', 0))};
    struct slice parameter;
    if (!target_is_plain(k->target) && (normal = malloc(k->target.n + 1)))
        text = target_key(k->target, normal);
    struct slice query = slice_sub(text.whole, text.path.n + 1, text.whole.n);
    w->text.n = 0;
    buf_slice(&w->text, k->service);
    buf_slice(&w->text, text.path);
    while (slice_next(&query, '&', &parameter))
        if (!leaves_out(wish, side, parameter)) {
            buf_char(&w->text, '&');
            buf_slice(&w->text, parameter);
        }
    w->out->failed |= w->text.failed || (!normal && !target_is_plain(k->target));
    free(normal);
    return hash_mix(hash_bytes(&w->key, 'k', w->text.p, w->text.n) + (wish->endpoint * 4u + side));
}

static bool add_key(void *context, const struct row_key *k)
{
    struct walk *w = context;
    uint32_t endpoint = named_resolve(&w->named, k->endpoint), wish = endpoint ? w->wish_of[endpoint] : 0;
    if (!wish || !k->id || k->id >= REKEY_KEYS)
        return true;
    struct keyed *keyed = slab_at(&w->keyed, k->id);
    const struct rekey_side *side = w->out->endpoint[wish - 1].side;
    keyed->wish = (uint16_t)wish;
    keyed->stands[REKEY_TODAY] = k->id;
    for (enum rekey_key s = REKEY_LEARNED; s < REKEY_SIDES; s++) {
        if (!side[s].asked)
            continue;
        uint32_t row = slab_row(&w->same, &w->same_map, hash_of(w, &w->wish[wish - 1], s, k));
        if (row == SLAB_NONE || w->out->failed) {
            w->out->failed = true;
            return false;
        }
        struct same *first = slab_at(&w->same, row);
        if (!first->id)
            first->id = k->id;
        keyed->stands[s] = first->id;
    }
    return true;
}

/* The key that stands for a record's; NULL: it is not known. */
static struct keyed *standing_for(const struct walk *w, const struct row_exchange *x, uint32_t wish, enum rekey_key s,
                                  uint32_t *id)
{
    const struct keyed *k = x->key && x->key < REKEY_KEYS ? slab_at(&w->keyed, x->key) : NULL;
    if (!k || k->wish != wish || !k->stands[s])
        return NULL;
    *id = k->stands[s];
    return slab_at(&w->keyed, *id);
}

/* ---- what Vary names ---- */

static enum rekey_part *field_of(struct rekey_wish *w, struct slice name)
{
    for (unsigned i = 0; i < w->n; i++)
        if (w->name[i].part >= REKEY_FIELD && slice_eq(slice_str(w->name[i].text), name))
            return &w->name[i].part;
    return NULL;
}

static bool add_list(void *context, const struct row_counter *c)
{
    struct walk *w = context;
    if (strcmp(c->what, "vary") != 0 || c->value > VARY_LISTS)
        return true;
    for (size_t i = 0; i < w->out->n; i++) {
        struct rekey_wish wish = w->wish[i];
        struct slice rest = c->name, name;
        bool all = true, some = false;
        while (slice_next(&rest, ',', &name)) {
            const enum rekey_part *part = field_of(&wish, slice_trim(name));
            all &= part != NULL;
            some |= part && *part == REKEY_FIELD;
        }
        if (some)
            (all ? w->lists[i].free : w->lists[i].kept)[c->value / 64] |= UINT64_C(1) << c->value % 64;
    }
    return true;
}

/* ---- records ---- */

static uint32_t wish_for(const struct walk *w, const struct row_exchange *x)
{
    uint32_t endpoint = x->flags & ROW_ORPHAN ? 0 : named_resolve(&w->named, x->endpoint);
    return endpoint ? w->wish_of[endpoint] : 0;
}

/* First reading: what is asked for twice. */
static void count(void *context, const struct row_exchange *x)
{
    struct walk *w = context;
    uint32_t wish = wish_for(w, x), id;
    if (!w->out->records++ || x->arrival_us < w->out->from_us)
        w->out->from_us = x->arrival_us;
    if (w->out->records == 1 || x->arrival_us > w->out->to_us)
        w->out->to_us = x->arrival_us;
    if (w->start_us == INT64_MAX && !(x->flags & ROW_ORPHAN))
        w->start_us = x->arrival_us;
    for (enum rekey_key s = REKEY_TODAY; wish && (x->flags & ROW_ELIGIBLE) && s < REKEY_SIDES; s++) {
        struct keyed *k = standing_for(w, x, wish, s, &id);
        if (k && !k->visits[s])
            w->out->endpoint[wish - 1].side[s].keys++;
        if (k && k->visits[s] < 2)
            k->visits[s]++;
    }
}

static void fill_visit(const struct walk *w, const struct row_exchange *x, int64_t us, struct ladder_visit *v)
{
    *v = (struct ladder_visit){.now = floor_div(us, 1000),
                               .start = floor_div(w->start_us, 1000),
                               .purged = INT64_MIN,
                               .content = x->content,
                               .error = x->status >= 400,
                               .fillable = x->flags & ROW_FILLABLE,
                               .fetch_us =
                                   x->duration_us < 0 ? -1 : x->duration_us - (x->request_us > 0 ? x->request_us : 0),
                               .bytes = x->response_bytes,
                               .server_us = x->server_us < 0 ? 0 : (uint64_t)x->server_us};
}

/* Every lifetime is a second or more. */
static void count_wrong(const struct ladder_slot *s, const struct ladder_visit *v, uint64_t wrong[LADDER_RUNGS])
{
    for (unsigned i = 0; i < LADDER_RUNGS && !v->error; i++)
        wrong[i] += (uint32_t)v->now - s->f[i] < SECOND_MS && cacheable_comparable(s->h[i], v->content) &&
                    s->h[i] != v->content;
}

/* The slot of a key and variant; *once when it is asked for once. NULL: no room. */
static struct ladder_slot *slot_of(struct walk *w, const struct keyed *k, uint64_t hash, enum rekey_key s, int64_t now,
                                   struct ladder_slot *once)
{
    uint32_t before = w->slots.used;
    uint32_t row = k->visits[s] > 1 ? slab_row(&w->slots, &w->slot_map, hash) : SLAB_NONE;
    struct ladder_slot *slot = row != SLAB_NONE ? slab_at(&w->slots, row) : k->visits[s] > 1 ? NULL : once;
    if (slot && (row == before || slot == once))
        ladder_reset(slot, now);
    return slot;
}

/* Whole answers that say what the resource is to this client, as analysis/observe.c takes them. */
static void compare(struct walk *w, const struct row_exchange *x, uint32_t wish, uint64_t context, int64_t us)
{
    bool tells = x->status == 304 || (x->status >= 200 && x->status < 300 && x->status != 206);
    if ((x->flags & REPLAY_HEAD) || !x->client || x->client == w->other)
        return;
    struct sharing_visit v = {.context = context,
                              .who = hash_mix(x->client),
                              .network = x->address < w->n_networks ? w->network[x->address] : 0,
                              .anonymous = w->wish[wish - 1].anonymous,
                              .content = x->content,
                              .now_ms = (uint32_t)floor_div(us, 1000)};
    if (tells)
        sharing_visit(w->contexts, &v, &w->out->endpoint[wish - 1].sharing);
    else
        sharing_refuse(w->contexts, &v, x->status);
}

static bool look_up(struct walk *w, const struct row_exchange *x, uint32_t wish, enum rekey_key s, bool last)
{
    struct rekey_endpoint *e = &w->out->endpoint[wish - 1];
    struct ladder_slot once;
    struct ladder_visit v;
    uint32_t id, variant = s != REKEY_TODAY && bit(w->lists[wish - 1].free, replay_list(x)) ? 0 : x->variant;
    struct keyed *k = standing_for(w, x, wish, s, &id);
    if (!k)
        return false;
    int64_t us = row_sane_us(x->arrival_us);
    us = k->last_us[s] = us > k->last_us[s] ? us : k->last_us[s];
    if (!(x->flags & ROW_ELIGIBLE))
        return true;
    uint64_t hash = hash_mix(hash_mix((uint64_t)id << 32 | variant) + s);
    fill_visit(w, x, us, &v);
    struct ladder_slot *slot = slot_of(w, k, hash, s, v.now, &once);
    if (!slot)
        return false;
    count_wrong(slot, &v, e->side[s].wrong);
    ladder_visit(slot, &v, &w->sums[wish - 1][s]);
    if (k->seen >> s & 1 && x->client != w->other)
        sources_add(&e->side[s].sources, x->client);
    k->seen |= (uint8_t)(1u << s);
    if (last)
        compare(w, x, wish, hash, us);
    return true;
}

/* Second reading. */
static void replay(void *context, const struct row_exchange *x)
{
    struct walk *w = context;
    uint32_t wish = wish_for(w, x);
    bool good = true;
    if (!wish)
        return;
    struct rekey_endpoint *e = &w->out->endpoint[wish - 1];
    enum rekey_key last = e->side[REKEY_FREED].asked ? REKEY_FREED : REKEY_LEARNED;
    for (enum rekey_key s = REKEY_TODAY; s < REKEY_SIDES; s++)
        if (e->side[s].asked)
            good &= look_up(w, x, wish, s, s == last);
    if (!(x->flags & ROW_ELIGIBLE))
        return;
    e->lookups++;
    e->untracked += !good;
    e->kept |= bit(w->lists[wish - 1].kept, replay_list(x));
}

/* ---- the whole ---- */

static bool find_other(void *context, const struct row_client *row)
{
    struct walk *w = context;
    if (slice_eq(row->client, SLICE("(other)")))
        w->other = row->id;
    return !w->other;
}

/* /24 of IPv4, /48 of IPv6; what is neither stands for itself. */
static bool add_network(void *context, const struct row_address *row)
{
    struct walk *w = context;
    struct addr a;
    if (!dense_grow((void **)&w->network, &w->n_networks, row->id, sizeof *w->network))
        return true;
    w->network[row->id] =
        addr_parse(row->text, &a) ? addr_network_bits(&a) : hash_bytes(&w->key, 'n', row->text.p, row->text.n);
    return true;
}

static bool open_tables(struct walk *w, struct store_reader *r)
{
    size_t n = w->out->n;
    w->wish_of = calloc(w->named.n_endpoints + 1, sizeof *w->wish_of);
    w->lists = calloc(n, sizeof *w->lists);
    w->sums = aligned_alloc(_Alignof(struct ladder_sums), n * sizeof *w->sums);
    w->contexts = calloc(SHARING_CONTEXTS, sizeof *w->contexts);
    if (!w->wish_of || !w->lists || !w->sums || !w->contexts || !hash_key_random(&w->key) ||
        !slab_init(&w->keyed, sizeof(struct keyed), REKEY_KEYS) ||
        !slab_init(&w->same, sizeof(struct same), 2 * REKEY_KEYS) ||
        !slab_init(&w->slots, sizeof(struct ladder_slot), REKEY_SLOTS) ||
        !map_init(&w->same_map, w->same.base, w->same.unit, 2 * REKEY_KEYS) ||
        !map_init(&w->slot_map, w->slots.base, w->slots.unit, REKEY_SLOTS))
        return false;
    memset(w->sums, 0, n * sizeof *w->sums);
    for (size_t i = 0; i < n; i++)
        if (w->wish[i].endpoint < w->named.n_endpoints)
            w->wish_of[w->wish[i].endpoint] = (uint16_t)(i + 1);
    store_read_counters(r, add_list, w);
    store_read_clients(r, find_other, w);
    store_read_addresses(r, add_network, w);
    store_read_keys(r, add_key, w);
    return !w->out->failed;
}

static void close_tables(struct walk *w)
{
    named_free(&w->named);
    map_free(&w->same_map);
    map_free(&w->slot_map);
    slab_fini(&w->keyed);
    slab_fini(&w->same);
    slab_fini(&w->slots);
    buf_free(&w->text);
    free(w->wish_of);
    free(w->lists);
    free(w->sums);
    free(w->contexts);
    free(w->network);
}

static void ask(struct rekey_endpoint *e, const struct rekey_wish *w)
{
    e->endpoint = w->endpoint;
    e->side[REKEY_TODAY].asked = true;
    for (unsigned i = 0; i < w->n; i++) {
        e->side[REKEY_LEARNED].asked |= w->name[i].part == REKEY_QUERY || w->name[i].part == REKEY_FIELD;
        e->side[REKEY_FREED].asked |= w->name[i].part == REKEY_BUSTER;
    }
}

void rekey_read(struct rekey *out, struct store_reader *r, const struct rekey_wish *wish, size_t n, uint64_t audited)
{
    struct walk w = {.out = out, .wish = wish, .start_us = INT64_MAX};
    *out = (struct rekey){.n = n < REKEY_WISHES ? n : REKEY_WISHES};
    out->too_many = store_read_exchange_count(r) > REKEY_RECORDS;
    if (!out->n || out->too_many)
        return;
    out->endpoint = calloc(out->n, sizeof *out->endpoint);
    for (size_t i = 0; out->endpoint && i < out->n; i++)
        ask(&out->endpoint[i], &wish[i]);
    out->failed = !out->endpoint || !named_load(&w.named, r, false) || !open_tables(&w, r) ||
                  !store_read_exchanges(r, count, &w) || !store_read_exchanges(r, replay, &w);
    out->whole = out->records == audited;
    for (size_t i = 0; !out->failed && i < out->n; i++)
        for (enum rekey_key s = REKEY_TODAY; s < REKEY_SIDES; s++)
            ladder_row(&w.sums[i][s], out->endpoint[i].side[s].rung);
    close_tables(&w);
}

void rekey_free(struct rekey *k)
{
    free(k->endpoint);
    *k = (struct rekey){0};
}

const struct rekey_endpoint *rekey_endpoint(const struct rekey *k, uint32_t endpoint)
{
    for (size_t i = 0; k->endpoint && i < k->n; i++)
        if (k->endpoint[i].endpoint == endpoint)
            return &k->endpoint[i];
    return NULL;
}
