#include "analysis/peaks.h"

#include <string.h>

#include "base/floor.h"
#include "base/cold.h"
#include "base/prefetch.h"

enum { RING_SMALLEST = 4, RING_LARGEST = 12, BUCKETS_CLASS = 6 };

_Static_assert(sizeof(struct peaks_buckets) <= sizeof(uint64_t) << BUCKETS_CLASS, "buckets fit their block");

enum { NARROW_US = 1000000, WIDE_US = 10000000 };
static const int64_t window_us[PEAKS_WINDOWS] = {NARROW_US, WIDE_US};

/* The n least bits. */
static uint64_t low(int64_t n)
{
    return n <= 0 ? 0 : ((uint64_t)1 << n) - 1;
}

static uint32_t *count_ago(struct peaks *a, int ago)
{
    return &a->count[(a->second - ago) & (PEAKS_SECONDS - 1)];
}

/* Moves on to `second`; what falls out of the last 10 and 60 is taken off their sums. Only seconds with arrivals are
 * looked at. */
static void advance_seconds(struct peaks *a, int64_t second)
{
    int64_t by = second - a->second < 60 ? second - a->second : 60;
    if (by <= 0)
        return;
    for (uint64_t m = a->busy & low(10) & ~low(10 - by); m; m &= m - 1)
        a->sum10 -= *count_ago(a, __builtin_ctzll(m));
    for (uint64_t m = a->busy & ~low(60 - by); m; m &= m - 1) {
        uint32_t *gone = count_ago(a, __builtin_ctzll(m));
        a->sum60 -= *gone;
        *gone = 0;
    }
    a->busy = a->busy << by & low(60);
    a->second = second;
}

static void keep_most(uint32_t *peak, uint32_t n)
{
    if (n > *peak)
        *peak = n;
}

void peaks_align(struct peaks *a, int64_t us)
{
    int64_t second = floor_div(us, 1000000);
    if (second != a->second)
        advance_seconds(a, second);
    a->busy |= 1;
    a->sum10++;
    a->sum60++;
    keep_most(&a->peak1, ++a->count[second & (PEAKS_SECONDS - 1)]);
    keep_most(&a->peak10, a->sum10);
    keep_most(&a->peak60, a->sum60);
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
    keep_most(&w->high, ++w->sum);
}

/* Twice as many time stamps; the oldest kept ones stay. */
static COLD bool grow_ring(struct peaks *p, struct blocks *pool, uint64_t oldest)
{
    unsigned class = p->ring ? p->class + 1u : RING_SMALLEST;
    uint32_t ring = class <= RING_LARGEST ? blocks_take(pool, class) : 0;
    if (!ring)
        return false;
    uint64_t *from = blocks_at(pool, p->ring), *to = blocks_at(pool, ring);
    for (uint64_t i = oldest; i < p->n; i++)
        to[i & ((1u << class) - 1)] = from[i & ((1u << p->class) - 1)];
    if (p->ring)
        blocks_give(pool, p->ring, p->class);
    p->ring = ring;
    p->class = (uint8_t) class;
    return true;
}

static int64_t stamp(const struct peaks *p, const struct blocks *pool, uint64_t i)
{
    return (int64_t)blocks_at(pool, p->ring)[i & ((1u << p->class) - 1)];
}

/* Without room for one arrival more the oldest stamp is lost to the windows that still hold it. */
static COLD void lose_oldest(struct peaks *p, uint64_t size)
{
    for (unsigned i = 0; i < PEAKS_WINDOWS; i++)
        if (size == 0 || p->window[i].tail == p->n - size) {
            p->window[i].inexact = true;
            p->window[i].tail++;
        }
}

/* The first arrival after `gone`; there is one. None to two leave, most often: how many cannot be foretold, so that is
 * no branch. */
static inline uint64_t first_after(const uint64_t *ring, uint64_t mask, uint64_t tail, int64_t gone)
{
    tail += (int64_t)ring[tail & mask] <= gone;
    tail += (int64_t)ring[tail & mask] <= gone;
    while ((int64_t)ring[tail & mask] <= gone)
        tail++;
    return tail;
}

/* Of a ring that is full or none: lets go of what is no longer in (now - W, now], else there is a larger one, else the
 * oldest is lost. */
static COLD void make_room(struct peaks *p, struct blocks *pool, int64_t us)
{
    uint64_t size = p->ring ? 1u << p->class : 0;
    for (unsigned i = 0; i < PEAKS_WINDOWS; i++)
        while (p->window[i].tail < p->n && stamp(p, pool, p->window[i].tail) <= us - window_us[i])
            p->window[i].tail++;
    uint64_t oldest = p->window[PEAKS_WINDOWS - 1].tail;
    if (p->n - oldest == size && !grow_ring(p, pool, oldest))
        lose_oldest(p, size);
}

/* Takes the arrival in, and lets go of what is no longer in (now - W, now]. */
static void add_exact(struct peaks *p, struct blocks *pool, int64_t us)
{
    uint64_t n = p->n;
    if (!p->ring || (n - p->window[PEAKS_WINDOWS - 1].tail) >> p->class)
        make_room(p, pool, us);
    p->n = n + 1;
    if (!p->ring) {
        for (unsigned i = 0; i < PEAKS_WINDOWS; i++)
            p->window[i].tail = n + 1;
        return;
    }
    uint64_t *ring = blocks_at(pool, p->ring), mask = (UINT64_C(1) << p->class) - 1;
    ring[n & mask] = (uint64_t)us;
    for (unsigned i = 0; i < PEAKS_WINDOWS; i++) {
        p->window[i].tail = first_after(ring, mask, p->window[i].tail, us - window_us[i]);
        keep_most(&p->window[i].peak, (uint32_t)(n + 1 - p->window[i].tail));
    }
}

/* Begins with what the ring still has, the latest arrival included. */
static void start_buckets(struct peaks *p, struct blocks *pool, unsigned window, int64_t us)
{
    struct peaks_window *w = &p->window[window];
    uint64_t size = p->ring ? 1u << p->class : 0, from = p->n > size ? p->n - size : 0;
    w->buckets = blocks_take(pool, BUCKETS_CLASS);
    if (!w->buckets)
        return;
    for (uint64_t i = from; i < p->n && p->ring; i++)
        add_bucket(buckets_at(w, pool), floor_div(stamp(p, pool, i), window_us[window] / 64));
    if (!p->ring)
        add_bucket(buckets_at(w, pool), floor_div(us, window_us[window] / 64));
}

/* Whether some window has a bracket, or needs one from now on; the wide one holds what the narrow one does. */
static bool has_brackets(const struct peaks *p)
{
    return p->window[1].peak >= PEAKS_EXACT / 2 || p->window[0].inexact || p->window[1].inexact;
}

static COLD void add_brackets(struct peaks *p, struct blocks *pool, int64_t us)
{
    for (unsigned i = 0; i < PEAKS_WINDOWS; i++) {
        struct peaks_window *w = &p->window[i];
        if (w->buckets)
            add_bucket(buckets_at(w, pool), floor_div(us, window_us[i] / 64));
        else if (w->peak >= PEAKS_EXACT / 2 || w->inexact)
            start_buckets(p, pool, i, us);
    }
}

void peaks_add(struct peaks *p, struct blocks *pool, int64_t us)
{
    add_exact(p, pool, us);
    if (has_brackets(p))
        add_brackets(p, pool, us);
}

void peaks_prefetch(const struct peaks *p, const struct blocks *pool)
{
    uint64_t mask = ((uint64_t)1 << p->class) - 1;
    const uint64_t *ring = blocks_at(pool, p->ring);
    prefetch(&ring[p->n & mask]);
    for (unsigned i = 0; i < PEAKS_WINDOWS; i++)
        prefetch(&ring[p->window[i].tail & mask]);
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
    if (!w->inexact)
        return w->peak;
    if (w->buckets) {
        uint32_t high = buckets_at(w, pool)->high;
        return high > w->peak ? high : w->peak;
    }
    return window ? (uint64_t)p->peak10 + p->peak1 : 2 * (uint64_t)p->peak1;
}
