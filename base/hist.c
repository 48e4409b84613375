#include "base/hist.h"

#include <math.h>

#include "base/cursor.h"
#include "base/pages.h"

static const char magic[4] = {'L', 'L', '1', 5};

uint64_t hist_low(unsigned index)
{
    if (index < HIST_SUB)
        return index;
    return (uint64_t)(index % HIST_SUB + HIST_SUB) << (index / HIST_SUB - 1);
}

uint64_t hist_width(unsigned index)
{
    return index < HIST_SUB ? 1 : (uint64_t)1 << (index / HIST_SUB - 1);
}

double hist_middle(unsigned index)
{
    return (double)hist_low(index) + (double)(hist_width(index) - 1) / 2;
}

void hist_pool_init(struct hist_pool *pool, struct hist_page *memory, uint32_t most)
{
    *pool = (struct hist_pool){memory, 1, most, most};
}

/* The page of an octave, taken on first use. NULL: none left. */
static struct hist_page *page_of(struct hist *h, struct hist_pool *pool, unsigned octave)
{
    if (!h->page[octave]) {
        if (pool->used >= pool->most)
            return NULL;
        if (pool->used >= pool->ready)
            pool->ready = pages_rows(pool->page, sizeof *pool->page, pool->ready, pool->used, pool->most);
        h->page[octave] = pool->used++;
    }
    return &pool->page[h->page[octave]];
}

static void widen(struct hist *h, uint64_t n, uint64_t min, uint64_t max)
{
    if (!h->n || min < h->min)
        h->min = min;
    if (!h->n || max > h->max)
        h->max = max;
    h->n += n;
}

static void count(struct hist *h, struct hist_pool *pool, unsigned index, uint64_t n)
{
    struct hist_page *page = page_of(h, pool, index / HIST_SUB);
    if (!page) {
        h->lost += n;
        return;
    }
    uint32_t *c = &page->count[index % HIST_SUB];
    *c = n > UINT32_MAX - *c ? UINT32_MAX : *c + (uint32_t)n;
}

void hist_add_many(struct hist *h, struct hist_pool *pool, uint64_t v, uint64_t n)
{
    widen(h, n, v, v);
    h->sum += v * n;
    count(h, pool, hist_index(v), n);
}

void hist_merge(struct hist *into, const struct hist *from, struct hist_pool *pool)
{
    if (!from->n)
        return;
    widen(into, from->n, from->min, from->max);
    into->sum += from->sum;
    into->lost += from->lost;
    for (unsigned o = 0; o < HIST_OCTAVES; o++)
        if (from->page[o] && !into->page[o])
            into->page[o] = from->page[o]; /* `from` is given up */
        else if (from->page[o])
            for (unsigned i = 0; i < HIST_SUB; i++)
                if (pool->page[from->page[o]].count[i])
                    count(into, pool, o * HIST_SUB + i, pool->page[from->page[o]].count[i]);
}

void hist_load(struct hist *h, const struct hist_dense *d, struct hist_pool *pool)
{
    *h = (struct hist){.n = d->n, .sum = d->sum, .min = d->min, .max = d->max};
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        if (d->count[i])
            count(h, pool, i, d->count[i]);
}

static void dense_widen(struct hist_dense *d, uint64_t n, uint64_t sum, uint64_t min, uint64_t max)
{
    if (!n)
        return;
    if (!d->n || min < d->min)
        d->min = min;
    if (!d->n || max > d->max)
        d->max = max;
    d->n += n;
    d->sum += sum;
}

void hist_dense_add(struct hist_dense *d, const struct hist *h, const struct hist_pool *pool)
{
    dense_widen(d, h->n, h->sum, h->min, h->max);
    for (unsigned o = 0; o < HIST_OCTAVES; o++)
        if (h->page[o])
            for (unsigned i = 0; i < HIST_SUB; i++)
                d->count[o * HIST_SUB + i] += pool->page[h->page[o]].count[i];
}

void hist_dense_merge(struct hist_dense *into, const struct hist_dense *from)
{
    dense_widen(into, from->n, from->sum, from->min, from->max);
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        into->count[i] += from->count[i];
}

double hist_quantile(const struct hist_dense *d, double q)
{
    uint64_t counted = 0, seen = 0;
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        counted += d->count[i];
    if (!counted)
        return NAN;
    double rank = ceil(q * (double)counted);
    uint64_t want = rank < 1 ? 1 : (uint64_t)rank;
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        if ((seen += d->count[i]) >= want)
            return hist_middle(i);
    return (double)d->max;
}

static void put_head(struct buf *out, uint64_t n, uint64_t sum, uint64_t min, uint64_t max)
{
    buf_add(out, magic, sizeof magic);
    buf_varint(out, n);
    buf_varint(out, sum);
    buf_varint(out, n ? min : 0);
    buf_varint(out, n ? max : 0);
}

/* *last: the bucket written before. */
static inline void put_pair(struct buf *out, unsigned *last, unsigned index, uint64_t n)
{
    if (!n)
        return;
    buf_varint(out, index - *last);
    buf_varint(out, n);
    *last = index;
}

void hist_write(const struct hist_dense *d, struct buf *out)
{
    unsigned last = 0;
    put_head(out, d->n, d->sum, d->min, d->max);
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        put_pair(out, &last, i, d->count[i]);
}

void hist_write_paged(const struct hist *h, const struct hist_pool *pool, struct buf *out)
{
    unsigned last = 0;
    put_head(out, h->n, h->sum, h->min, h->max);
    for (unsigned o = 0; o < HIST_OCTAVES; o++)
        for (unsigned i = 0; h->page[o] && i < HIST_SUB; i++)
            put_pair(out, &last, o * HIST_SUB + i, pool->page[h->page[o]].count[i]);
}

static bool read_pairs(struct cursor *c, struct hist_dense *d)
{
    uint64_t at = 0;
    while (cursor_left(c)) {
        at += cursor_varint(c);
        uint64_t n = cursor_varint(c);
        if (c->bad || at >= HIST_BUCKETS)
            return false;
        d->count[at] += n;
    }
    return !c->bad;
}

bool hist_read(struct slice blob, struct hist_dense *d)
{
    struct cursor c = cursor_of(blob.p, blob.n);
    memset(d, 0, sizeof *d);
    if (!blob.n)
        return true;
    const uint8_t *head = cursor_take(&c, sizeof magic);
    if (!head || memcmp(head, magic, sizeof magic) != 0)
        return false;
    d->n = cursor_varint(&c);
    d->sum = cursor_varint(&c);
    d->min = cursor_varint(&c);
    d->max = cursor_varint(&c);
    if (!c.bad && read_pairs(&c, d))
        return true;
    memset(d, 0, sizeof *d);
    return false;
}
