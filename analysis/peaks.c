#include "analysis/peaks.h"

#include <stddef.h>
#include <string.h>

#include "base/floor.h"
#include "base/cold.h"
#include "base/prefetch.h"

enum { RING_SMALLEST = 4, RING_LARGEST = 12, RING_CALM = 10, BUCKETS_CLASS = 6, LINE = 8 };

#define N_MOST (UINT32_C(1) << 31)

_Static_assert(sizeof(struct peaks_buckets) <= sizeof(uint64_t) << BUCKETS_CLASS, "buckets fit their block");
_Static_assert(offsetof(struct peaks, count) == 64, "a line");
_Static_assert(PEAKS_TOGETHER <= 1 << RING_SMALLEST, "what calm arrivals push out was there before");
_Static_assert(1 << RING_CALM < PEAKS_EXACT / 2, "calm arrivals begin no brackets");

enum { SECOND_US = 1000000, NARROW_US = 1000000, WIDE_US = 10000000 };
static const int64_t window_us[PEAKS_WINDOWS] = {NARROW_US, WIDE_US};

/* The last 10 and 60 seconds: a bit per second ago. */
#define LAST_10 ((UINT64_C(1) << 10) - 1)
#define LAST_60 ((UINT64_C(1) << 60) - 1)

static uint32_t *count_ago(struct peaks *p, int ago)
{
    return &p->count[(p->second - ago) & (PEAKS_SECONDS - 1)];
}

/* Moves on by so many seconds; what falls out of the last 10 and 60 is taken off their sums. Only seconds with arrivals
 * are looked at. */
static inline void advance(struct peaks *p, int64_t by)
{
    int64_t least = by < 60 ? by : 60;
    uint32_t gone10 = 0, gone60 = 0;
    if (by <= 0)
        return;
    for (uint64_t m = p->busy & LAST_10 & ~(LAST_10 >> least); m; m &= m - 1)
        gone10 += *count_ago(p, __builtin_ctzll(m));
    for (uint64_t m = p->busy & ~(LAST_60 >> least); m; m &= m - 1) {
        uint32_t *gone = count_ago(p, __builtin_ctzll(m));
        gone60 += *gone;
        *gone = 0;
    }
    p->sum10 -= gone10;
    p->sum60 -= gone60;
    p->busy = p->busy << least & LAST_60;
    p->second += by;
}

static inline uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* An arrival in the latest second. */
static inline void count_second(struct peaks *p)
{
    uint32_t *count = count_ago(p, 0);
    p->busy |= 1;
    p->peak1 = most(p->peak1, ++*count);
    p->peak10 = most(p->peak10, ++p->sum10);
    p->peak60 = most(p->peak60, ++p->sum60);
}

/* Arrivals in aligned seconds, none before the latest one. */
static void align(struct peaks *p, const int64_t *us, unsigned n)
{
    int64_t start = p->second * SECOND_US;
    for (unsigned i = 0; i < n; i++) {
        int64_t by = (int64_t)((uint64_t)(us[i] - start) / SECOND_US);
        advance(p, by);
        count_second(p);
        start += by * SECOND_US;
    }
}

static struct peaks_buckets *buckets_at(const struct peaks_window *w, const struct blocks *pool)
{
    return (struct peaks_buckets *)blocks_at(pool, w->buckets);
}

static void add_bucket(struct peaks_buckets *w, int64_t bucket)
{
    if (bucket - w->last >= PEAKS_BUCKETS) {
        memset(w->count, 0, sizeof w->count);
        w->sum = 0;
        w->last = bucket;
    }
    while (w->last < bucket) {
        w->last++;
        w->at = w->at + 1 == PEAKS_BUCKETS ? 0 : w->at + 1;
        w->sum -= w->count[w->at];
        w->count[w->at] = 0;
    }
    w->count[w->at]++;
    w->high = most(w->high, ++w->sum);
}

static uint32_t ring_size(const struct peaks *p)
{
    return UINT32_C(1) << p->class;
}

/* The stamp of an arrival that the ring holds, by its number. */
static int64_t stamp(const struct peaks *p, const struct blocks *pool, uint32_t i)
{
    return (int64_t)blocks_at(pool, p->ring)[i & (ring_size(p) - 1)];
}

/* Twice as many time stamps, with those that it held. */
static bool grow_ring(struct peaks *p, struct blocks *pool)
{
    unsigned class = p->ring ? p->class + 1u : RING_SMALLEST;
    uint32_t ring = class <= RING_LARGEST ? blocks_take(pool, class) : 0;
    if (!ring)
        return false;
    uint64_t *to = blocks_at(pool, ring);
    for (uint32_t i = p->n - ring_size(p); p->ring && i < p->n; i++)
        to[i & ((1u << class) - 1)] = (uint64_t)stamp(p, pool, i);
    if (p->ring)
        blocks_give(pool, p->ring, p->class);
    p->ring = ring;
    p->class = (uint8_t) class;
    return true;
}

/* A ring that is full of arrivals of the last 10 s, or none, becomes larger; else the oldest stamp is lost to the
 * windows that still hold it. */
static COLD void make_room(struct peaks *p, struct blocks *pool, int64_t us)
{
    if (grow_ring(p, pool))
        return;
    for (unsigned i = 0; i < PEAKS_WINDOWS; i++)
        p->inexact[i] |= !p->ring || stamp(p, pool, p->n) > us - window_us[i];
}

/* Puts arrivals into the ring. Each window ends with one: it holds more than the most so far, by this one, if the
 * arrival so many before it is still in (us - W, us]. */
static void put(struct peaks *p, const struct blocks *pool, const int64_t *us, unsigned n_us)
{
    uint32_t n = p->n, narrow = p->window[0].peak, wide = p->window[1].peak, last = ring_size(p) - 1;
    int64_t *ring = (int64_t *)blocks_at(pool, p->ring);
    for (unsigned i = 0; i < n_us; i++, n++) {
        ring[n & last] = us[i];
        if (ring[(n - narrow) & last] > us[i] - NARROW_US)
            narrow += narrow <= n && narrow <= last;
        if (ring[(n - wide) & last] > us[i] - WIDE_US)
            wide += wide <= n && wide <= last;
    }
    p->n = n < N_MOST ? n : n - N_MOST / 2;
    p->window[0].peak = narrow;
    p->window[1].peak = wide;
}

/* Whether all that the ring can hold would be in the wide window of this arrival, and it besides. */
static bool is_full(const struct peaks *p, const struct blocks *pool, int64_t us)
{
    return p->n >= ring_size(p) && stamp(p, pool, p->n) > us - WIDE_US;
}

/* Begins with what the ring still has, the latest arrival included. */
static void start_buckets(struct peaks *p, struct blocks *pool, unsigned window, int64_t us)
{
    struct peaks_window *w = &p->window[window];
    uint32_t from = p->n > ring_size(p) ? p->n - ring_size(p) : 0;
    w->buckets = blocks_take(pool, BUCKETS_CLASS);
    if (!w->buckets)
        return;
    for (uint32_t i = from; i < p->n && p->ring; i++)
        add_bucket(buckets_at(w, pool), floor_div(stamp(p, pool, i), window_us[window] / 64));
    if (!p->ring)
        add_bucket(buckets_at(w, pool), floor_div(us, window_us[window] / 64));
}

/* Whether some window has a bracket, or needs one from now on; the wide one holds what the narrow one does. */
static bool has_brackets(const struct peaks *p)
{
    return p->window[1].peak >= PEAKS_EXACT / 2 || p->inexact[0] || p->inexact[1];
}

static COLD void add_brackets(struct peaks *p, struct blocks *pool, int64_t us)
{
    for (unsigned i = 0; i < PEAKS_WINDOWS; i++) {
        struct peaks_window *w = &p->window[i];
        if (w->buckets)
            add_bucket(buckets_at(w, pool), floor_div(us, window_us[i] / 64));
        else if (w->peak >= PEAKS_EXACT / 2 || p->inexact[i])
            start_buckets(p, pool, i, us);
    }
}

void peaks_add(struct peaks *p, struct blocks *pool, int64_t us)
{
    if (!p->ring || is_full(p, pool, us))
        make_room(p, pool, us);
    if (p->ring)
        put(p, pool, &us, 1);
    if (has_brackets(p))
        add_brackets(p, pool, us);
    if (!p->busy)
        p->second = floor_div(us, SECOND_US);
    align(p, &us, 1);
}

/* As many as stamps that they push out have left the wide window already. */
unsigned peaks_calm(const struct peaks *p, const struct blocks *pool, int64_t us)
{
    unsigned n = PEAKS_TOGETHER;
    if (!p->ring || p->class > RING_CALM || has_brackets(p))
        return 0;
    while (n && p->n + n > ring_size(p) && stamp(p, pool, p->n + n - 1) > us - WIDE_US)
        n--;
    return n;
}

void peaks_add_calm(struct peaks *p, struct blocks *pool, const int64_t *us, unsigned n)
{
    put(p, pool, us, n);
    align(p, us, n);
}

void peaks_prefetch(const struct peaks *p, const struct blocks *pool)
{
    const uint64_t *ring = blocks_at(pool, p->ring);
    uint32_t last = ring_size(p) - 1;
    prefetch(&ring[p->n & last]);
    prefetch(&ring[(p->n + LINE) & last]);
    for (unsigned i = 0; i < PEAKS_WINDOWS; i++)
        prefetch(&ring[(p->n - p->window[i].peak) & last]);
}

void peaks_drop(struct peaks *p, struct blocks *pool)
{
    if (p->ring)
        blocks_give(pool, p->ring, p->class);
    for (unsigned i = 0; i < PEAKS_WINDOWS; i++)
        if (p->window[i].buckets)
            blocks_give(pool, p->window[i].buckets, BUCKETS_CLASS);
    memset(p, 0, sizeof *p);
}

/* Without buckets: any 1 s lies in two aligned seconds, any 10 s in eleven. */
uint64_t peaks_sliding(const struct peaks *p, const struct blocks *pool, unsigned window)
{
    const struct peaks_window *w = &p->window[window];
    if (!p->inexact[window])
        return w->peak;
    if (w->buckets) {
        uint32_t high = buckets_at(w, pool)->high;
        return high > w->peak ? high : w->peak;
    }
    return window ? (uint64_t)p->peak10 + p->peak1 : 2 * (uint64_t)p->peak1;
}
