#include "analysis/live.h"

#include <stddef.h>

#include "analysis/numbers.h"
#include "base/json.h"
#include "base/cold.h"
#include "base/prefetch.h"

#define EACH_TTL(i) for (unsigned i = 0; i < LIVE_TTLS; i++)

enum { ENTRY_CLASS = 2, LEAST_CLASS = 4, MOST_CLASS = 8, ENTRIES = 1 << (MOST_CLASS - ENTRY_CLASS), HEAD_CLASS = 8 };

const uint32_t live_ttl_s[LIVE_TTLS] = {1, 5, 10, 30, 60, 300, 600, 1800, 3600, 86400};

#define PART(ms) (((ms) + LIVE_PARTS - 1) / LIVE_PARTS)
#define SPAN(s)                                                                                                        \
    {                                                                                                                  \
        (s) * INT64_C(1000), PART((s)*INT64_C(1000))                                                                   \
    }

static const struct span {
    int64_t ttl, part; /* ms */
} spans[LIVE_TTLS] = {SPAN(1),   SPAN(5),   SPAN(10),   SPAN(30),   SPAN(60),
                      SPAN(300), SPAN(600), SPAN(1800), SPAN(3600), SPAN(86400)};

/* The ladder's rungs that are looked at, and which each of ours is. */
#define RUNGS (1u << 0 | 1u << 2 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 8 | 1u << 9 | 1u << 11 | 1u << 12 | 1u << 17)
static const uint8_t rung_of[LIVE_TTLS] = {0, 2, 3, 5, 6, 8, 9, 11, 12, 17};

/* What was filled within one part of T, which begins with the first fill. */
struct entry {
    int64_t first; /* ms */
    uint32_t span; /* to the last one, ms */
    uint32_t n;
    uint64_t bytes;
    uint64_t later; /* sum of bytes times the ms since `first` */
};

/* One lifetime. */
struct queue {
    uint32_t block;                    /* ring of entries; 0: none yet */
    uint8_t room;                      /* places in it, a power of two */
    uint8_t head;                      /* the oldest, anywhere modulo the ring */
    uint8_t n;                         /* how many; the newest is still filled */
    int64_t last;                      /* the latest fill, ms */
    uint64_t bytes, entries;           /* in the queue */
    uint64_t gone_bytes, gone_entries; /* were there for all of T */
    uint64_t peak_bytes, peak_entries; /* the most there was before something left; what is there now may be more */
};

/* Fills of a look-up that the queues do not know yet. */
struct fills {
    int64_t now;
    uint64_t bytes; /* of all n */
    uint32_t n;
};

/* Four lifetimes at a time. */
typedef uint32_t lanes __attribute__((vector_size(16)));
enum { LANES = sizeof(lanes) / sizeof(uint32_t), VECTORS = (LIVE_TTLS + LANES - 1) / LANES };

struct state {
    lanes filled[VECTORS];  /* of a lifetime: which of those that wait it is filled by, a bit for each */
    uint32_t lost;          /* queues that there was no room for, by the ladder's rungs */
    int64_t due[LIVE_TTLS]; /* nothing of a queue expires before, ms */
    struct queue queue[LIVE_TTLS] __attribute__((aligned(64)));
    struct {
        uint64_t byte_s, entry_s;
        uint32_t byte_ms, entry_ms;
    } before[LIVE_TTLS]; /* of earlier runs */
    struct fills wait[LIVE_WAIT];
};

_Static_assert(sizeof(struct entry) == sizeof(uint64_t) << ENTRY_CLASS, "entries fill a block");
_Static_assert(sizeof(struct queue) == 64, "a cache line");
_Static_assert(LIVE_WAIT <= 32, "a bit for each");
_Static_assert(sizeof(struct state) <= sizeof(uint64_t) << HEAD_CLASS, "fits into its block");
_Static_assert(LIVE_PARTS + 2 <= 1 << (MOST_CLASS - ENTRY_CLASS), "what is there at once fits into the largest ring");

static struct state *state_of(const struct live *l, const struct blocks *pool)
{
    return (struct state *)(void *)blocks_at(pool, l->block);
}

static struct entry *entry_at(const struct queue *q, const struct blocks *pool, unsigned i)
{
    return (struct entry *)(void *)blocks_at(pool, q->block) + ((q->head + i) & (q->room - 1u));
}

static unsigned class_of(const struct queue *q)
{
    return (unsigned)__builtin_ctz(q->room) + ENTRY_CLASS;
}

/* A queue that is worked on: what each fill asks for is at hand. */
struct work {
    struct queue *q; /* its head and n, and when it is due, are not so until put_back */
    int64_t due;
    struct span span;
    struct entry *ring, *newest; /* newest: NULL: none */
    unsigned room, head, n;      /* of the ring */
};

#define INLINE static inline __attribute__((always_inline))

INLINE struct entry *place_of(const struct work *w, unsigned i)
{
    return &w->ring[(w->head + i) & (w->room - 1u)];
}

INLINE void take_ring(struct work *w, struct entry *ring, unsigned room)
{
    w->ring = ring;
    w->head = w->q->head;
    w->n = w->q->n;
    w->room = room;
    w->newest = w->n ? place_of(w, w->n - 1) : NULL;
}

static struct entry *ring_of(const struct queue *q, const struct blocks *pool)
{
    return (struct entry *)(void *)blocks_at(pool, q->block);
}

INLINE void take_out(struct work *w, struct queue *q, const struct state *s, size_t i, const struct blocks *pool)
{
    w->q = q;
    w->due = s->due[i];
    w->span = spans[i];
    take_ring(w, ring_of(q, pool), q->room);
}

INLINE void put_back(struct state *s, size_t i, const struct work *w)
{
    w->q->head = (uint8_t)w->head;
    w->q->n = (uint8_t)w->n;
    s->due[i] = w->due;
}

/* Those all of whose fills have been there for T. */
INLINE void expire(struct work *w, int64_t now)
{
    struct queue *q = w->q;
    for (; w->n; w->n--, w->head++) {
        const struct entry *e = place_of(w, 0);
        w->due = e->first + (int64_t)e->span + w->span.ttl;
        if (now < w->due)
            return;
        q->bytes -= e->bytes;
        q->entries -= e->n;
        q->gone_bytes += e->bytes;
        q->gone_entries += e->n;
    }
    w->due = INT64_MIN;
    w->newest = NULL;
}

/* More than ever was there at once, unless some of it is no more. */
INLINE void note_peak(struct work *w, int64_t now)
{
    struct queue *q = w->q;
    if (now >= w->due)
        expire(w, now);
    q->peak_bytes = q->bytes > q->peak_bytes ? q->bytes : q->peak_bytes;
    q->peak_entries = q->entries > q->peak_entries ? q->entries : q->peak_entries;
}

/* Room for one entry more. */
static COLD bool grow(struct queue *q, struct blocks *pool)
{
    unsigned class = q->block ? class_of(q) + 1 : LEAST_CLASS;
    struct queue bigger = *q;
    bigger.room = (uint8_t)(1u << class >> ENTRY_CLASS);
    bigger.head = 0;
    bigger.block = class <= MOST_CLASS ? blocks_take(pool, class) : 0;
    if (!bigger.block)
        return false;
    for (unsigned i = 0; i < q->n; i++)
        *entry_at(&bigger, pool, i) = *entry_at(q, pool, i);
    if (q->block)
        blocks_give(pool, q->block, class_of(q));
    *q = bigger;
    return true;
}

/* The same of one that is worked on, where none is free; there is none beyond the ring's where pool is NULL. By value,
 * so that the work is done in registers. */
static COLD struct work make_room(struct work w, struct blocks *pool, int64_t now)
{
    expire(&w, now);
    if (w.n < w.room)
        return w;
    w.q->head = (uint8_t)w.head;
    w.q->n = (uint8_t)w.n;
    if (pool && grow(w.q, pool))
        take_ring(&w, ring_of(w.q, pool), w.q->room);
    return w;
}

/* Another entry, the newest. False: no room. */
INLINE bool append(struct work *w, struct blocks *pool, const struct entry *e)
{
    if (w->n == w->room)
        *w = make_room(*w, pool, e->first);
    if (w->n == w->room)
        return false;
    w->newest = place_of(w, w->n++);
    *w->newest = *e;
    return true;
}

/* Joins the newest entry if that began less than a part ago; time does not run backwards. False: no room. */
INLINE bool fill(struct work *w, struct blocks *pool, const struct fills *f)
{
    struct queue *q = w->q;
    struct entry *e = w->newest;
    int64_t now = f->now > q->last ? f->now : q->last;
    if (e && now - e->first < w->span.part) {
        e->span = (uint32_t)(now - e->first);
        e->n += f->n;
        e->bytes += f->bytes;
        e->later += f->bytes * e->span;
    } else if (!append(w, pool, &(struct entry){now, 0, f->n, f->bytes, 0})) {
        return false;
    }
    q->last = now;
    q->entries += f->n;
    q->bytes += f->bytes;
    if (q->bytes > q->peak_bytes || q->entries > q->peak_entries)
        note_peak(w, now);
    return true;
}

static uint32_t waits(const struct state *s, size_t i)
{
    return s->filled[i / LANES][i % LANES];
}

/* What waits goes into a queue, as if each had been there all the time. False: no room. */
INLINE bool fill_waiting(struct work *w, const struct state *s, size_t i, struct blocks *pool)
{
    bool room = true;
    for (uint32_t left = waits(s, i); left && room; left &= left - 1)
        room = fill(w, pool, &s->wait[__builtin_ctz(left)]);
    return room;
}

static void settle(struct state *s, struct blocks *pool)
{
    EACH_TTL(i)
    {
        struct work w;
        if (s->lost >> rung_of[i] & 1)
            continue;
        take_out(&w, &s->queue[i], s, i, pool);
        s->lost |= fill_waiting(&w, s, i, pool) ? 0 : 1u << rung_of[i];
        put_back(s, i, &w);
    }
    memset(s->filled, 0, sizeof s->filled);
}

static COLD bool begin(struct live *l, struct blocks *pool)
{
    l->block = l->lost ? 0 : blocks_take(pool, HEAD_CLASS);
    l->lost = !l->block;
    for (unsigned i = 0; l->block && i < LIVE_TTLS; i++)
        state_of(l, pool)->queue[i].last = INT64_MIN;
    return l->block;
}

void live_fill_many(struct live *l, struct blocks *pool, uint32_t filled, int64_t now, uint64_t bytes, uint32_t n)
{
    static const lanes rung[VECTORS] = {
        {1u << 0, 1u << 2, 1u << 3, 1u << 5}, {1u << 6, 1u << 8, 1u << 9, 1u << 11}, {1u << 12, 1u << 17}};
    if (!(filled & RUNGS) || (!l->block && !begin(l, pool)))
        return;
    struct state *s = state_of(l, pool);
    for (unsigned i = 0; i < VECTORS; i++)
        s->filled[i] |= (lanes)((filled & rung[i]) != 0) & 1u << l->waiting;
    s->wait[l->waiting++] = (struct fills){now, bytes * n, n};
    if (l->waiting < LIVE_WAIT)
        return;
    settle(s, pool);
    l->waiting = 0;
}

void live_fill(struct live *l, struct blocks *pool, uint32_t filled, int64_t now, uint64_t bytes)
{
    live_fill_many(l, pool, filled, now, bytes, 1);
}

/* What will leave the queues when they take what waits, their newest entries, and where more will stand. */
static COLD void expect(const struct state *s, const struct blocks *pool)
{
    EACH_TTL(i)
    {
        const struct queue *q = &s->queue[i];
        if (!q->block)
            continue;
        for (unsigned at = 0; at < 8; at += 2)
            prefetch(entry_at(q, pool, at));
        for (unsigned at = 0; at < 6; at += 2)
            prefetch(entry_at(q, pool, q->n - 1u + at));
    }
}

void live_prefetch(const struct live *l, const struct blocks *pool)
{
    if (!l->block)
        return;
    const struct state *s = state_of(l, pool);
    prefetch(s);
    prefetch(&s->wait[l->waiting]);
    if (l->waiting >= LIVE_WAIT - 2)
        expect(s, pool);
}

/* Two entries of one part, in order of time. */
static void join(struct entry *a, const struct entry *b)
{
    int64_t apart = b->first - a->first, last = apart + (int64_t)b->span;
    a->later += b->later + b->bytes * (uint64_t)apart;
    a->span = (int64_t)a->span > last ? a->span : (uint32_t)last;
    a->n += b->n;
    a->bytes += b->bytes;
}

/* The entries of both in order of time, parts begun anew. Returns how many. */
static unsigned in_order(const struct work *a, const struct work *b, int64_t part, struct entry out[2 * ENTRIES])
{
    unsigned n = 0;
    for (unsigned x = 0, y = 0; x < a->n || y < b->n;) {
        bool mine = y == b->n || (x < a->n && place_of(a, x)->first <= place_of(b, y)->first);
        const struct entry *e = mine ? place_of(a, x++) : place_of(b, y++);
        if (n && e->first - out[n - 1].first < part)
            join(&out[n - 1], e);
        else
            out[n++] = *e;
    }
    return n;
}

static void merge(struct state *a, struct state *b, unsigned ttl, struct blocks *pool)
{
    struct entry all[2 * ENTRIES];
    struct work into, from;
    struct queue *to = &a->queue[ttl], *q = &b->queue[ttl];
    take_out(&into, to, a, ttl, pool);
    take_out(&from, q, b, ttl, pool);
    int64_t last = to->last > q->last ? to->last : q->last;
    expire(&into, last);
    expire(&from, last);
    unsigned n = in_order(&into, &from, spans[ttl].part, all), i = 0;
    into.n = 0;
    while (i < n && append(&into, pool, &all[i]))
        i++;
    a->lost |= i < n ? 1u << rung_of[ttl] : 0;
    into.due = INT64_MIN;
    to->last = last;
    to->bytes += q->bytes;
    to->entries += q->entries;
    to->gone_bytes += q->gone_bytes;
    to->gone_entries += q->gone_entries;
    to->peak_bytes += q->peak_bytes;
    to->peak_entries += q->peak_entries;
    put_back(a, ttl, &into);
}

typedef unsigned __int128 product; /* of bytes or entries and ms */

static product milliseconds(uint64_t seconds, uint32_t ms)
{
    return (product)seconds * 1000 + ms;
}

/* A sum in whole seconds and what is beyond. */
static void add(uint64_t *seconds, uint32_t *ms, product more)
{
    product all = milliseconds(*seconds, *ms) + more;
    *seconds = all / 1000 < INT64_MAX ? (uint64_t)(all / 1000) : (uint64_t)INT64_MAX;
    *ms = (uint32_t)(all % 1000);
}

void live_merge(struct live *into, const struct live *from, struct blocks *pool)
{
    if (!into->block && from->block)
        begin(into, pool);
    into->lost |= from->lost;
    if (!into->block || !from->block)
        return;
    struct state *a = state_of(into, pool), *b = state_of(from, pool);
    settle(a, pool);
    settle(b, pool);
    into->waiting = 0;
    a->lost |= b->lost;
    EACH_TTL(i)
    {
        merge(a, b, i, pool);
        add(&a->before[i].byte_s, &a->before[i].byte_ms, milliseconds(b->before[i].byte_s, b->before[i].byte_ms));
        add(&a->before[i].entry_s, &a->before[i].entry_ms, milliseconds(b->before[i].entry_s, b->before[i].entry_ms));
    }
}

void live_drop(struct live *l, struct blocks *pool)
{
    if (l->block) {
        struct state *s = state_of(l, pool);
        EACH_TTL(i)
        if (s->queue[i].block)
            blocks_give(pool, s->queue[i].block, class_of(&s->queue[i]));
        blocks_give(pool, l->block, HEAD_CLASS);
    }
    *l = (struct live){0};
}

/* How long a fill was there by the end, which was so long after the part began; it came `later` than that. */
static int64_t there(int64_t since, int64_t later, int64_t ttl)
{
    int64_t ms = since - later;
    return ms < 0 ? 0 : ms < ttl ? ms : ttl;
}

/* Of one fill, or of two: the first and the last. */
static void sum_few(const struct entry *e, int64_t since, int64_t ttl, product *bytes, product *entries)
{
    uint64_t last = e->span ? e->later / e->span : 0;
    int64_t first_ms = there(since, 0, ttl), last_ms = there(since, e->span, ttl);
    *bytes += (product)(e->bytes - last) * (product)first_ms + (product)last * (product)last_ms;
    *entries += e->n < 2 ? (product)first_ms : (product)(first_ms + last_ms);
}

/* Of many, of which the middle is known. */
static void sum_many(const struct entry *e, int64_t since, int64_t ttl, product *bytes, product *entries)
{
    double middle = e->bytes ? (double)e->later / (double)e->bytes : e->span / 2.;
    double ms = (double)since - middle;
    ms = ms < 0 ? 0 : ms < (double)ttl ? ms : (double)ttl;
    *entries += (product)(e->n * ms + .5);
    if (since <= ttl && since >= (int64_t)e->span)
        *bytes += (product)e->bytes * (product)since - e->later;
    else
        *bytes += (product)((double)e->bytes * ms + .5);
}

/* What waits goes into a copy of the queue, and of its ring: when something is read must not matter to who finds the
 * pool empty. */
static void fill_aside(struct work *w, const struct state *s, unsigned ttl_at, struct entry ring[ENTRIES])
{
    for (unsigned i = 0; i < w->n; i++)
        ring[i] = *place_of(w, i);
    w->q->head = 0;
    take_ring(w, ring, ENTRIES);
    fill_waiting(w, s, ttl_at, NULL);
}

/* What is in the queue has been there since it was filled, at most T. */
static void sum(const struct state *s, unsigned ttl_at, const struct blocks *pool, int64_t end, struct live_sum *out)
{
    struct work w;
    struct queue q = s->queue[ttl_at];
    struct entry ring[ENTRIES];
    take_out(&w, &q, s, ttl_at, pool);
    if (out->known && waits(s, ttl_at))
        fill_aside(&w, s, ttl_at, ring);
    expire(&w, q.last);
    int64_t ttl = w.span.ttl;
    product bytes = (product)q.gone_bytes * (product)ttl, entries = (product)q.gone_entries * (product)ttl;
    for (unsigned i = 0; i < w.n; i++) {
        const struct entry *e = place_of(&w, i);
        int64_t since = end > e->first ? end - e->first : 0;
        if (since - (int64_t)e->span >= ttl) {
            bytes += (product)e->bytes * (product)ttl;
            entries += (product)e->n * (product)ttl;
        } else {
            (e->n <= 2 ? sum_few : sum_many)(e, since, ttl, &bytes, &entries);
        }
    }
    add(&out->byte_s, &out->byte_ms, bytes);
    add(&out->entry_s, &out->entry_ms, entries);
    out->peak_bytes = q.peak_bytes;
    out->peak_entries = q.peak_entries;
}

void live_sums(const struct live *l, const struct blocks *pool, int64_t start, int64_t end,
               struct live_sum out[LIVE_TTLS])
{
    EACH_TTL(i)
    {
        out[i] = (struct live_sum){0};
        if (!l->block || l->lost)
            continue;
        const struct state *s = state_of(l, pool);
        out[i] = (struct live_sum){.known = !(s->lost >> rung_of[i] & 1),
                                   .byte_s = s->before[i].byte_s,
                                   .entry_s = s->before[i].entry_s,
                                   .byte_ms = s->before[i].byte_ms,
                                   .entry_ms = s->before[i].entry_ms,
                                   .watched_ms = end > start ? (uint64_t)(end - start) : 0};
        sum(s, i, pool, end, &out[i]);
    }
}

void live_load(struct live *l, struct blocks *pool, const struct live_sum from[LIVE_TTLS])
{
    if (!begin(l, pool))
        return;
    struct state *s = state_of(l, pool);
    EACH_TTL(i)
    {
        s->lost |= from[i].known ? 0 : 1u << rung_of[i];
        s->queue[i].peak_bytes = from[i].peak_bytes;
        s->queue[i].peak_entries = from[i].peak_entries;
        s->before[i].byte_s = from[i].byte_s;
        s->before[i].entry_s = from[i].entry_s;
        s->before[i].byte_ms = from[i].byte_ms;
        s->before[i].entry_ms = from[i].entry_ms;
    }
}

void live_write(const struct live_sum s[LIVE_TTLS], struct buf *out)
{
    struct json j = {out, false};
    json_open(&j, '[');
    EACH_TTL(i)
    {
        if (!s[i].known)
            continue;
        json_open(&j, '[');
        json_u64(&j, live_ttl_s[i]);
        json_u64(&j, s[i].peak_bytes);
        json_u64(&j, s[i].peak_entries);
        json_u64(&j, s[i].byte_s);
        json_u64(&j, s[i].entry_s);
        json_u64(&j, s[i].watched_ms);
        json_u64(&j, s[i].byte_ms);
        json_u64(&j, s[i].entry_ms);
        json_close(&j, ']');
    }
    json_close(&j, ']');
}

/* Whether lists have what is beyond whole seconds: those of older DBs end before. */
static bool has_beyond(struct slice text)
{
    size_t from = slice_find(text, '[', 1), to = slice_find(text, ']', 0);
    unsigned commas = 0;
    for (size_t i = from; i < to; i++)
        commas += text.p[i] == ',';
    return commas > 5;
}

static uint32_t next_ms(struct numbers *n)
{
    uint64_t ms = numbers_next(n);
    n->bad |= ms > 999;
    return ms > 999 ? 0 : (uint32_t)ms;
}

bool live_read(struct live_sum out[LIVE_TTLS], struct slice text)
{
    struct numbers n = numbers_of(text);
    bool beyonds = has_beyond(text);
    memset(out, 0, LIVE_TTLS * sizeof *out);
    while (numbers_more(&n)) {
        uint64_t ttl = numbers_next(&n);
        struct live_sum s = {.known = true};
        s.peak_bytes = numbers_next(&n);
        s.peak_entries = numbers_next(&n);
        s.byte_s = numbers_next(&n);
        s.entry_s = numbers_next(&n);
        s.watched_ms = numbers_next(&n);
        s.byte_ms = beyonds ? next_ms(&n) : 0;
        s.entry_ms = beyonds ? next_ms(&n) : 0;
        EACH_TTL(i)
        if (ttl == live_ttl_s[i])
            out[i] = s;
    }
    if (n.bad)
        memset(out, 0, LIVE_TTLS * sizeof *out);
    return !n.bad;
}
