/* hist: log-linear histogram of non-negative integers, 32 sub-buckets per octave (ALGORITHMS.md section 8.3). Below 64
 * exact, above at most 1/64 off at the midpoint. Two forms: `struct hist` counts in pages of one octave taken on first
 * use, so that an empty one is small; `struct hist_dense` is plain, for quantiles, merging and blobs. Values from 2^37
 * on share the top bucket. */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include "base/buf.h"
#include "base/prefetch.h"

enum { HIST_SUB_BITS = 5, HIST_SUB = 1 << HIST_SUB_BITS, HIST_OCTAVES = 33, HIST_BUCKETS = HIST_OCTAVES * HIST_SUB };

/* Pages shared by many histograms. The memory is the caller's: `most` pages; page 0 is never given out. */
struct hist_page {
    uint32_t count[HIST_SUB];
};

struct hist_pool {
    struct hist_page *page;
    uint32_t used, most;
    uint32_t ready; /* pages whose memory was asked for: all, unless whoever has it of pages_reserve says 0 */
};

struct hist {
    uint64_t n, sum, min, max; /* min and max mean nothing while n is 0 */
    uint64_t lost;             /* values that no page could be had for; they are in n, sum, min, max alone */
    uint32_t page[HIST_OCTAVES];
};

struct hist_dense {
    uint64_t n, sum, min, max;
    uint64_t count[HIST_BUCKETS];
};

static inline unsigned hist_index(uint64_t v)
{
    unsigned shift = (63 ^ (unsigned)__builtin_clzll(v | HIST_SUB)) - HIST_SUB_BITS; /* exact below twice HIST_SUB */
    unsigned at = shift * HIST_SUB + (unsigned)(v >> shift);
    return at < HIST_BUCKETS ? at : HIST_BUCKETS - 1;
}

/* Least value of the bucket, and how many values it spans. */
uint64_t hist_low(unsigned index);
uint64_t hist_width(unsigned index);
double hist_middle(unsigned index);

/* The pages' memory must be zero. */
void hist_pool_init(struct hist_pool *pool, struct hist_page *memory, uint32_t most);
/* As n times hist_add; n is not 0. */
void hist_add_many(struct hist *h, struct hist_pool *pool, uint64_t v, uint64_t n);

static inline void hist_add(struct hist *h, struct hist_pool *pool, uint64_t v)
{
    unsigned index = hist_index(v);
    uint32_t page = h->page[index / HIST_SUB];
    if (!page) {
        hist_add_many(h, pool, v, 1);
        return;
    }
    if (v < h->min)
        h->min = v;
    if (v > h->max)
        h->max = v;
    h->n++;
    h->sum += v;
    uint32_t *c = &pool->page[page].count[index % HIST_SUB];
    *c += *c != UINT32_MAX;
}

/* Asks for the count that v would change. */
static inline void hist_prefetch(const struct hist *h, const struct hist_pool *pool, uint64_t v)
{
    unsigned at = hist_index(v);
    prefetch(&pool->page[h->page[at / HIST_SUB]].count[at % HIST_SUB]);
}

/* Adds what is in `from` to `into`. */
void hist_merge(struct hist *into, const struct hist *from, struct hist_pool *pool);
/* The reverse of hist_dense_add, for a histogram that is empty. */
void hist_load(struct hist *h, const struct hist_dense *d, struct hist_pool *pool);

/* Adds h to a dense one (zeroed, or holding something already). */
void hist_dense_add(struct hist_dense *d, const struct hist *h, const struct hist_pool *pool);
void hist_dense_merge(struct hist_dense *into, const struct hist_dense *from);
/* Midpoint of the bucket that holds the q-quantile (0..1): smallest index whose cumulative count is at least ceil(q n),
 * at least 1. NaN when nothing was counted. */
double hist_quantile(const struct hist_dense *d, double q);

/* Blob: "LL1", subbits (5), n, sum, min, max, then pairs (gap of index, count), all LEB128. The first gap is the index
 * itself, later ones the distance to the previous index. The blob of merged histograms is the blob of the merged data.
 */
void hist_write(const struct hist_dense *d, struct buf *out);
void hist_write_paged(const struct hist *h, const struct hist_pool *pool, struct buf *out);
/* False when the blob is damaged; then d is zero. An empty slice gives an empty histogram. */
bool hist_read(struct slice blob, struct hist_dense *d);

#endif
