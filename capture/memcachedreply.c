#include "capture/memcachedreply.h"

#include <stdlib.h>

#include "capture/memcachedop.h"

struct reply_held {
    struct reply_held *next;
    struct reply_part part;
    /* while messages are told from each other */
    uint32_t came;           /* place among those that are kept */
    uint32_t message, first; /* message: among those of as many datagrams; first: where its first datagram came */
    uint32_t rank;           /* place of the key that it begins with */
    char p[];
};

enum { RANK_END = UINT32_MAX };

/* ---- what is kept ---- */

static struct reply_held *held_new(struct memcachedreply *r, struct cache_env *e, const struct reply_part *d)
{
    size_t size = sizeof(struct reply_held) + d->n;
    bool room = r->n < REPLY_HELD && r->bytes + d->n <= REPLY_BYTES && *e->h1->memory + size <= e->h1->memory_limit;
    struct reply_held *h = room ? malloc(size) : NULL;
    if (!h)
        return NULL;
    *e->h1->memory += size;
    h->next = NULL;
    h->part = *d;
    h->part.p = h->p;
    memcpy(h->p, d->p, d->n);
    h->came = r->n++;
    h->message = h->first = h->rank = 0;
    r->bytes += d->n;
    return h;
}

static void held_free(struct memcachedreply *r, struct cache_env *e, struct reply_held *h)
{
    *e->h1->memory -= sizeof *h + h->part.n;
    r->n--;
    r->bytes -= h->part.n;
    explicit_bzero(h->p, h->part.n);
    free(h);
}

static void drop_first(struct memcachedreply *r, struct cache_env *e)
{
    struct reply_held *h = r->first;
    r->first = h->next;
    if (!r->first)
        r->last = NULL;
    held_free(r, e, h);
}

void memcachedreply_drop(struct memcachedreply *r, struct cache_env *e)
{
    while (r->first)
        drop_first(r, e);
}

static bool keep_behind(struct memcachedreply *r, struct cache_env *e, const struct reply_part *d,
                        struct reply_held *before)
{
    struct reply_held *h = held_new(r, e, d);
    if (!h)
        return false;
    h->next = before ? before->next : r->first;
    *(before ? &before->next : &r->first) = h;
    if (!h->next)
        r->last = h;
    return true;
}

bool memcachedreply_keep(struct memcachedreply *r, struct cache_env *e, const struct reply_part *d)
{
    return keep_behind(r, e, d, r->last);
}

/* By its number, unless it is there. */
static bool keep_in_order(struct memcachedreply *r, struct cache_env *e, const struct reply_part *d)
{
    struct reply_held *before = NULL;
    if (r->last && r->last->part.seq < d->seq)
        return keep_behind(r, e, d, r->last);
    for (struct reply_held *h = r->first; h && h->part.seq <= d->seq; h = h->next) {
        if (h->part.seq == d->seq)
            return true;
        before = h;
    }
    return keep_behind(r, e, d, before);
}

/* ---- one message at a time ---- */

static void hand_on(struct memcachedreply *r, struct memcached *m, struct cache_env *e, const struct reply_part *d)
{
    struct chunk c = {d->p, d->n, d->ts, d->order, r->offset, ACK_UNKNOWN};
    if (d->n)
        memcached_feed(m, e, 1, &c);
    if (d->wire_n > d->n)
        memcached_gap(m, e, 1, d->wire_n - d->n);
    r->offset += d->wire_n;
    r->next = d->seq + 1u;
}

/* So many datagrams are missing: where the others' length is known, what they carried is a hole as long. */
static void miss(struct memcachedreply *r, struct memcached *m, struct cache_env *e, uint32_t n)
{
    uint64_t octets = r->full ? (uint64_t)n * r->full : UINT32_MAX;
    memcached_gap(m, e, 1, octets);
    r->offset += octets;
}

bool memcachedreply_add(struct memcachedreply *r, struct memcached *m, struct cache_env *e, const struct reply_part *d)
{
    if (!r->total) {
        r->total = d->total;
        r->next = r->full = 0;
    }
    if (d->total != r->total)
        return false;
    if (d->seq + 1u < d->total)
        r->full = d->wire_n;
    if (d->seq > r->next)
        return keep_in_order(r, e, d);
    if (d->seq == r->next)
        hand_on(r, m, e, d);
    while (r->first && r->first->part.seq == r->next) {
        hand_on(r, m, e, &r->first->part);
        drop_first(r, e);
    }
    if (r->next == r->total)
        r->total = 0;
    return true;
}

uint32_t memcachedreply_end(struct memcachedreply *r, struct memcached *m, struct cache_env *e)
{
    uint32_t missing = 0;
    while (r->first) {
        uint32_t n = r->first->part.seq - r->next;
        if (n)
            miss(r, m, e, n);
        missing += n;
        hand_on(r, m, e, &r->first->part);
        drop_first(r, e);
    }
    if (r->total)
        missing += r->total - r->next;
    r->total = 0;
    return missing;
}

/* ---- several messages ---- */

static int compare(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static const struct reply_held *at(const void *p)
{
    return *(const struct reply_held *const *)p;
}

/* Datagrams of one number, of messages of one length, beside each other. */
static int by_number(const void *p, const void *q)
{
    const struct reply_held *a = at(p), *b = at(q);
    int n = compare(a->part.total, b->part.total);
    n = n ? n : compare(a->part.seq, b->part.seq);
    return n ? n : compare(a->came, b->came);
}

static int by_message(const void *p, const void *q)
{
    const struct reply_held *a = at(p), *b = at(q);
    int n = compare(a->part.total, b->part.total);
    n = n ? n : compare(a->message, b->message);
    return n ? n : compare(a->part.seq, b->part.seq);
}

static int by_turn(const void *p, const void *q)
{
    const struct reply_held *a = at(p), *b = at(q);
    int n = compare(a->rank, b->rank);
    n = n ? n : compare(a->first, b->first);
    return n ? n : compare(a->part.seq, b->part.seq);
}

/* Where among the keys of the one command the key of its value stands; what has none comes last. */
static uint32_t rank_of(struct memcached *m, struct cache_env *e, const struct reply_part *d)
{
    struct slice rest = slice_of(d->p, d->n), word, key;
    const struct cacheop *op = cacheops_first(&m->ops.waiting);
    enum memcached_form form = op->command->rule;
    if (m->binary || m->ops.waiting.n != 1 || (form != FORM_GET && form != FORM_GAT))
        return 0;
    if (d->seq || !slice_next(&rest, ' ', &word) || !slice_eq(word, SLICE("VALUE")) || !slice_next(&rest, ' ', &key))
        return RANK_END;
    uint64_t hash = cachekeys_hash(e->keys, key);
    for (uint32_t i = 0; i < op->n_keys; i++)
        if (cacheops_key(&m->ops.waiting, i)->hash == hash)
            return i;
    return RANK_END;
}

/* The datagrams in the order in which they are read. */
static void sort_messages(struct memcachedreply *r, struct memcached *m, struct cache_env *e, struct reply_held **list)
{
    uint32_t n = 0;
    for (struct reply_held *h = r->first; h; h = h->next)
        list[n++] = h;
    qsort(list, n, sizeof *list, by_number);
    for (uint32_t i = 1; i < n; i++) {
        bool same = list[i]->part.total == list[i - 1]->part.total && list[i]->part.seq == list[i - 1]->part.seq;
        list[i]->message = same ? list[i - 1]->message + 1 : 0;
    }
    qsort(list, n, sizeof *list, by_message);
    for (uint32_t i = 0; i < n; i++) {
        bool same = i && list[i]->part.total == list[i - 1]->part.total && list[i]->message == list[i - 1]->message;
        list[i]->first = same ? list[i - 1]->first : list[i]->came;
        list[i]->rank = same ? list[i - 1]->rank : rank_of(m, e, &list[i]->part);
    }
    qsort(list, n, sizeof *list, by_turn);
}

/* Returns the datagrams that are missing. */
static uint32_t read_messages(struct memcachedreply *r, struct memcached *m, struct cache_env *e,
                              struct reply_held *const *list)
{
    uint32_t missing = 0;
    r->offset = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct reply_held *h = list[i], *before = i ? list[i - 1] : NULL;
        bool begins = !before || before->first != h->first;
        if (begins) {
            missing += before ? before->part.total - r->next : 0;
            r->next = r->full = 0;
        }
        if (h->part.seq + 1u < h->part.total)
            r->full = h->part.wire_n;
        if (h->part.seq > r->next)
            miss(r, m, e, h->part.seq - r->next);
        missing += h->part.seq - r->next;
        hand_on(r, m, e, &h->part);
    }
    return missing + (r->n ? list[r->n - 1]->part.total - r->next : 0);
}

uint32_t memcachedreply_settle(struct memcachedreply *r, struct memcached *m, struct cache_env *e)
{
    struct reply_held *list[REPLY_HELD];
    struct memcached trial = *m;
    if (!r->n || !m->ops.waiting.n || !cacheops_try(&m->ops, &trial.ops)) {
        memcachedreply_drop(r, e);
        return 0;
    }
    sort_messages(r, m, e, list);
    uint32_t missing = read_messages(r, &trial, e, list);
    bool good = trial.ops.trust != CACHEOPS_LOST;
    cacheops_untry(&trial.ops);
    explicit_bzero(trial.side, sizeof trial.side);
    if (good)
        read_messages(r, m, e, list);
    else
        cacheops_lose(&m->ops, e);
    memcachedreply_drop(r, e);
    return missing;
}
