/* fragment: a small table of sets; a bit for every eight bytes of a packet says what has come. */
#include "capture/fragment.h"

#include <stdlib.h>

enum { UNIT = 8, UNITS = (FRAGMENT_MAX + UNIT - 1) / UNIT, WORDS = (UNITS + 63) / 64, ROOM_STEP = 4096 };

struct body {
    uint64_t have[WORDS]; /* a bit a unit */
    uint8_t p[];
};

struct datagram {
    uint64_t hash; /* of what tells packets apart; 0: free */
    int64_t first_ts, last_ts;
    struct body *body; /* NULL: refused, later pieces are of no use */
    uint32_t room;     /* bytes of body->p */
    uint32_t total;    /* length, 0 while unknown */
    uint32_t reach;    /* end of the furthest piece */
    uint32_t whole_n;  /* captured bytes without a cut */
    uint32_t units, pieces;
    uint8_t protocol; /* as the first of its bytes says it: the others' is not looked at (RFC 8200 section 4.5) */
};

struct fragments {
    struct datagram table[FRAGMENT_SETS][FRAGMENT_WAYS];
    struct hash_key key;
    uint64_t *memory, limit;
    struct whole whole;
    struct body *done; /* whole.p is in it */
    uint32_t done_room;
};

struct fragments *fragments_new(const struct hash_key *key, uint64_t *memory, uint64_t limit)
{
    struct fragments *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->key = *key;
    t->memory = memory;
    t->limit = limit;
    return t;
}

static void body_release(struct fragments *t, struct body *b, uint32_t room)
{
    if (!b)
        return;
    *t->memory -= sizeof *b + room;
    free(b);
}

/* It will never be whole. */
static void refuse(struct fragments *t, struct datagram *d, struct capture_stats *stats)
{
    body_release(t, d->body, d->room);
    d->body = NULL;
    stats->unparsed_packets += d->pieces;
    stats->unparsed_by[UNPARSED_FRAGMENT] += d->pieces;
    d->pieces = 0;
}

static void forget(struct fragments *t, struct datagram *d, struct capture_stats *stats)
{
    refuse(t, d, stats);
    *d = (struct datagram){0};
}

void fragments_finish(struct fragments *t, struct capture_stats *stats)
{
    for (unsigned i = 0; i < FRAGMENT_SETS * FRAGMENT_WAYS; i++)
        forget(t, &t->table[i / FRAGMENT_WAYS][i % FRAGMENT_WAYS], stats);
}

void fragments_free(struct fragments *t)
{
    struct capture_stats nobody = {0};
    if (!t)
        return;
    fragments_finish(t, &nobody);
    body_release(t, t->done, t->done_room);
    free(t);
}

/* IPv4 tells packets apart by the protocol, too; IPv6 by addresses and identification alone. */
static uint64_t hash_of(const struct fragments *t, const struct piece *p)
{
    uint8_t key[42] = {p->v6, p->v6 ? 0 : p->protocol};
    memcpy(key + 2, &p->id, 4);
    memcpy(key + 6, &p->scope, 4);
    memcpy(key + 10, p->ip + (p->v6 ? 8 : 12), p->v6 ? 32 : 8);
    return hash_bytes(&t->key, 'f', key, sizeof key) | 1;
}

/* The packet of the piece; a new one takes a free place, or that of the oldest. */
static struct datagram *place(struct fragments *t, const struct piece *p, struct capture_stats *stats)
{
    uint64_t hash = hash_of(t, p);
    struct datagram *set = t->table[hash >> 32 & (FRAGMENT_SETS - 1)], *oldest = set;
    for (unsigned i = 0; i < FRAGMENT_WAYS; i++) {
        if (set[i].hash && p->ts - set[i].first_ts > FRAGMENT_LIFE_US)
            forget(t, &set[i], stats);
        if (set[i].hash == hash)
            return &set[i];
        if (!set[i].hash || (oldest->hash && set[i].first_ts < oldest->first_ts))
            oldest = &set[i];
    }
    forget(t, oldest, stats);
    *oldest = (struct datagram){.hash = hash, .first_ts = p->ts, .last_ts = p->ts, .whole_n = UINT32_MAX};
    return oldest;
}

/* Room for `end` bytes. False: there is none. */
static bool make_room(struct fragments *t, struct datagram *d, uint32_t end)
{
    uint32_t room = (end + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
    if (d->body && room <= d->room)
        return true;
    uint64_t more = room - d->room + (d->body ? 0 : sizeof *d->body);
    struct body *b = *t->memory + more > t->limit ? NULL : realloc(d->body, sizeof *b + room);
    if (!b)
        return false;
    if (!d->body)
        memset(b->have, 0, sizeof b->have);
    memset(b->p + d->room, 0, room - d->room);
    *t->memory += more;
    d->body = b;
    d->room = room;
    return true;
}

/* Whether the piece can be of this packet at all: lengths and ends that fit together. */
static bool fits(struct datagram *d, const struct piece *p)
{
    uint32_t end = p->offset + p->wire_n;
    if (!p->wire_n || end > FRAGMENT_MAX || (!p->last && p->wire_n % UNIT))
        return false;
    if (d->total ? end > d->total || (p->last && end != d->total) : p->last && d->reach > end)
        return false;
    if (p->last)
        d->total = end;
    return true;
}

/* Units of the piece that have come already. */
static uint32_t units_had(const struct body *b, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += b->have[i / 64] >> (i % 64) & 1;
    return n;
}

/* False: the piece contradicts what has come. */
static bool put(struct datagram *d, const struct piece *p, struct capture_stats *stats)
{
    uint32_t end = p->offset + p->wire_n, from = p->offset / UNIT, to = (end + UNIT - 1) / UNIT;
    uint32_t had = units_had(d->body, from, to);
    if (!p->offset)
        d->protocol = p->protocol;
    if (had == to - from && memcmp(d->body->p + p->offset, p->p, p->n) == 0)
        return true; /* it came twice */
    if (had) {
        stats->overlap_bytes += p->wire_n;
        return false;
    }
    memcpy(d->body->p + p->offset, p->p, p->n);
    for (uint32_t i = from; i < to; i++)
        d->body->have[i / 64] |= UINT64_C(1) << (i % 64);
    d->units += to - from;
    d->reach = end > d->reach ? end : d->reach;
    d->last_ts = p->ts > d->last_ts ? p->ts : d->last_ts;
    if (p->n < p->wire_n && p->offset + p->n < d->whole_n)
        d->whole_n = p->offset + p->n;
    return true;
}

/* The packet leaves the table. */
static const struct whole *finish(struct fragments *t, struct datagram *d, const struct piece *p)
{
    struct whole w = {.ts = d->last_ts,
                      .p = d->body->p,
                      .n = d->whole_n < d->total ? d->whole_n : d->total,
                      .wire_n = d->total,
                      .scope = p->scope,
                      .protocol = d->protocol,
                      .v6 = p->v6};
    memcpy(w.ip, p->ip, p->v6 ? 40 : 20);
    body_release(t, t->done, t->done_room);
    t->done = d->body;
    t->done_room = d->room;
    t->whole = w;
    *d = (struct datagram){0};
    return &t->whole;
}

const struct whole *fragments_add(struct fragments *t, const struct piece *p, struct capture_stats *stats)
{
    struct datagram *d = place(t, p, stats);
    bool refused = !d->body && d->reach;
    d->pieces++;
    if (refused || !fits(d, p) || !make_room(t, d, p->offset + p->wire_n) || !put(d, p, stats)) {
        d->reach = FRAGMENT_MAX;
        refuse(t, d, stats);
        return NULL;
    }
    bool whole = d->total && d->units == (d->total + UNIT - 1) / UNIT;
    return whole ? finish(t, d, p) : NULL;
}
