#include "analysis/endpoints.h"

#include "base/prefetch.h"

bool endpoints_init(struct endpoints *e, const struct budget *b, struct hist_pool *pages)
{
    uint32_t most = b->most[ROOM_ENDPOINTS];
    e->pages = pages;
    if (!slab_init(&e->rows, sizeof(struct endpoint), most + 2) || !slab_init(&e->dirty, sizeof(uint32_t), most + 2) ||
        !blocks_init(&e->sets, b->most[ROOM_SETS]) || !blocks_init(&e->lifetimes, b->most[ROOM_LIFETIMES]) ||
        !blocks_init(&e->live, b->most[ROOM_LIVE]) ||
        !slab_init(&e->tails, sizeof(struct sampling_tail), b->most[ROOM_TAILS]))
        return false;
    slab_take(&e->rows);
    slab_take(&e->tails);
    return true;
}

void endpoints_fini(struct endpoints *e)
{
    slab_fini(&e->rows);
    slab_fini(&e->dirty);
    slab_fini(&e->tails);
    blocks_fini(&e->sets);
    blocks_fini(&e->lifetimes);
    blocks_fini(&e->live);
}

void endpoints_soil(struct endpoints *e, uint32_t id)
{
    endpoints_at(e, id)->dirty = true;
    *(uint32_t *)slab_at(&e->dirty, slab_take(&e->dirty)) = id;
}

static uint32_t take(struct endpoints *e)
{
    uint32_t id = slab_take(&e->rows);
    *endpoints_at(e, id) = (struct endpoint){.first_us = INT64_MAX, .last_us = INT64_MIN};
    return id;
}

uint32_t endpoints_open(struct endpoints *e, uint32_t node)
{
    if (e->rows.used + !e->other >= e->rows.most)
        return 0;
    uint32_t id = take(e);
    endpoints_at(e, id)->node = node;
    return id;
}

uint32_t endpoints_other(struct endpoints *e)
{
    if (!e->other) {
        e->other = take(e);
        endpoints_at(e, e->other)->other = true;
    }
    return e->other;
}

void endpoints_prefetch(const struct endpoint *at)
{
    prefetch_lines(at, offsetof(struct endpoint, sharing));
    prefetch_lines(&at->ladder.recent, sizeof at->ladder.recent);
    prefetch(&at->declared[DECLARED_pairs]);
    prefetch(&at->declared[DECLARED_COUNT - 1]);
    prefetch(at->sharing.credentials);
    prefetch(&at->sharing.networks[SHARING_WORDS - 1]);
}

uint32_t endpoints_of_alias(struct endpoints *e, uint32_t id)
{
    struct endpoint *at = endpoints_at(e, id);
    while (at->alias) {
        struct endpoint *next = endpoints_at(e, at->alias);
        id = at->alias;
        if (next->alias)
            at->alias = next->alias; /* halves the way for the next time */
        at = next;
    }
    return id;
}

bool endpoints_set_room(struct endpoints *e, struct endpoint *at, uint32_t word)
{
    unsigned class = at->set ? at->set_class : 0;
    while (word >= 1u << class)
        class ++;
    uint32_t set = class < BLOCKS_CLASSES ? blocks_take(&e->sets, class) : 0;
    if (!set)
        return false;
    if (at->set) {
        memcpy(blocks_at(&e->sets, set), blocks_at(&e->sets, at->set), sizeof(uint64_t) << at->set_class);
        blocks_give(&e->sets, at->set, at->set_class);
    }
    at->set = set;
    at->set_class = (uint8_t) class;
    return true;
}

enum { FIRST_BIT = NOTE_AT_storable_shared, BITS = DECLARED_unsized_response + 1 };

#define DECLARED(name, bit, what)                                                                                      \
    _Static_assert((bit) ? DECLARED_##name == (bit)-FIRST_BIT : (int)DECLARED_##name >= BITS, "bits first, in order");
#include "analysis/store/declared.def"
#undef DECLARED

static void declare_many(struct endpoints *e, struct endpoint *at, const struct declared_recent *what)
{
    if (!what->n)
        return;
    at->reasons[what->notes & NOTE_REASON] += what->n;
    for (uint32_t bits = what->notes >> FIRST_BIT; bits; bits &= bits - 1)
        at->declared[__builtin_ctz(bits)] += what->n;
    if (what->lifetime)
        hist_add_many(&at->declared_ttl, e->pages, what->lifetime - 1, what->n);
}

/* The first one is counted at once, so that the histogram has its page from when it is needed. */
void endpoints_declared_new(struct endpoints *e, struct endpoint *at, struct declared_recent *place,
                            const struct row_exchange *r)
{
    declare_many(e, at, place);
    *place = (struct declared_recent){r->notes, r->lifetime, 1};
    declare_many(e, at, place);
    place->n = 0;
}

void endpoints_settle(struct endpoints *e, struct endpoint *at)
{
    for (int i = 0; i < 1 << DECLARED_RECENT_BITS; i++) {
        declare_many(e, at, &at->recent[i]);
        at->recent[i].n = 0;
    }
}

static void unite_declared(struct endpoints *e, struct endpoint *into, struct endpoint *from)
{
    endpoints_settle(e, from);
    for (int i = 0; i < DECLARED_COUNT; i++)
        into->declared[i] += from->declared[i];
    for (int i = 0; i < REASON_COUNT; i++)
        into->reasons[i] += from->reasons[i];
    hist_merge(&into->declared_ttl, &from->declared_ttl, e->pages);
}

void endpoints_websocket(struct endpoint *at, const struct websocket_facts *w)
{
    struct socket_sums *s = &at->sockets;
    s->websockets++;
    s->us += (uint64_t)w->duration_us;
    s->lost += w->lost[0] || w->lost[1];
    for (int role = 0; role < 2; role++) {
        s->messages[role] += w->messages[role];
        s->bytes[role] += w->bytes[role];
    }
}

static void add_events(struct event_sums *into, const struct event_sums *from)
{
    into->streams += from->streams;
    into->us += from->us;
    into->events += from->events;
    into->bytes += from->bytes;
    into->gaps += from->gaps;
    into->gap_us += from->gap_us;
    into->gap_max_us = from->gap_max_us > into->gap_max_us ? from->gap_max_us : into->gap_max_us;
    into->resumed += from->resumed;
    into->lost += from->lost;
}

void endpoints_events(struct endpoint *at, const struct event_facts *e)
{
    struct event_sums one = {1,         e->duration_us, e->events,  e->bytes, e->gaps,
                             e->gap_us, e->gap_max_us,  e->resumed, e->lost};
    add_events(&at->events, &one);
}

static void unite_sockets(struct socket_sums *into, const struct socket_sums *from)
{
    into->websockets += from->websockets;
    into->us += from->us;
    into->lost += from->lost;
    for (int role = 0; role < 2; role++) {
        into->messages[role] += from->messages[role];
        into->bytes[role] += from->bytes[role];
    }
}

#define ASKED UINT64_C(0x5555555555555555)

static void unite_sets(struct endpoints *e, struct endpoint *into, struct endpoint *from)
{
    if (!from->set)
        return;
    const uint64_t *bits = blocks_at(&e->sets, from->set);
    for (uint32_t w = 0; w < 1u << from->set_class; w++)
        for (uint64_t left = bits[w] & ASKED; left; left &= left - 1) {
            unsigned at = (unsigned)__builtin_ctzll(left);
            endpoints_client(e, into, w * 32 + at / 2, bits[w] >> at & 2);
        }
    blocks_give(&e->sets, from->set, from->set_class);
}

/* ---- sampling ---- */

static struct sampling_tail *tail_at(const struct endpoints *e, uint32_t row)
{
    return (struct sampling_tail *)slab_at(&e->tails, row);
}

struct sampling_tail *endpoints_sample(struct endpoints *e, struct endpoint *at)
{
    uint32_t row = e->free_tail;
    if (row)
        e->free_tail = tail_at(e, row)->segment;
    else
        row = slab_take(&e->tails);
    if (row == SLAB_NONE)
        return NULL;
    at->tail = row;
    *tail_at(e, row) = (struct sampling_tail){.segment = ++e->segments};
    return tail_at(e, row);
}

void endpoints_close_tail(struct endpoints *e, struct endpoint *at)
{
    sampling_close(endpoints_tail(e, at), ++e->segments, &at->ladder, &at->repeats_same);
}

bool endpoints_thin(struct endpoints *e, uint32_t id)
{
    struct endpoint *at = endpoints_at(e, id);
    if (!at->tail && !endpoints_sample(e, at))
        return false;
    struct sampling_tail *t = endpoints_tail(e, at);
    if (t->level == SAMPLING_LEVELS)
        return false;
    endpoints_close_tail(e, at);
    t->level++;
    endpoints_touch(e, id);
    return true;
}

/* Both at the higher level; keys that are not in its sample are not followed any more. */
static void unite_tails(struct endpoints *e, struct endpoint *into, struct endpoint *from)
{
    if (into->tail)
        endpoints_close_tail(e, into);
    if (!from->tail)
        return;
    endpoints_close_tail(e, from);
    if (!into->tail) {
        into->tail = from->tail;
        return;
    }
    sampling_merge(endpoints_tail(e, into), endpoints_tail(e, from));
    endpoints_tail(e, from)->segment = e->free_tail;
    e->free_tail = from->tail;
}

void endpoints_unite(struct endpoints *e, uint32_t from, uint32_t into)
{
    struct endpoint *a = endpoints_at(e, into), *b = endpoints_at(e, from);
    unite_tails(e, a, b);
    a->requests += b->requests;
    a->eligible += b->eligible;
    a->keys += b->keys;
    a->request_bytes += b->request_bytes;
    a->response_bytes += b->response_bytes;
    a->errors += b->errors;
    a->throttled += b->throttled;
    a->unanswered += b->unanswered;
    a->repeats_same += b->repeats_same;
    a->observed_gaps += b->observed_gaps;
    a->changes += b->changes;
    a->server_us_total += b->server_us_total;
    add_events(&a->events, &b->events);
    unite_sockets(&a->sockets, &b->sockets);
    a->operation_answers += b->operation_answers;
    a->safe &= b->safe;
    a->first_us = b->first_us < a->first_us ? b->first_us : a->first_us;
    a->last_us = b->last_us > a->last_us ? b->last_us : a->last_us;
    unite_sets(e, a, b);
    hist_merge(&a->latency, &b->latency, e->pages);
    hist_merge(&a->server, &b->server, e->pages);
    ladder_merge(&a->ladder, &b->ladder);
    changes_merge(&a->lifetimes, &b->lifetimes, &e->lifetimes);
    changes_drop(&b->lifetimes, &e->lifetimes);
    sharing_merge(&a->sharing, &b->sharing);
    sources_merge(&a->sources, &b->sources);
    live_merge(&a->live, &b->live, &e->live);
    live_drop(&b->live, &e->live);
    unite_declared(e, a, b);
    bool dirty = b->dirty;
    *b = (struct endpoint){.alias = into, .node = b->node, .dirty = dirty, .first_us = INT64_MAX, .last_us = INT64_MIN};
    endpoints_touch(e, from);
    endpoints_touch(e, into);
}
