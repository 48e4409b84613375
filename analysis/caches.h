/* caches: what Redis and memcached are seen doing: by server, by command, by pattern of keys, and the keys asked for
 * most. Bounded by the budget: further rows are counted in those named "(other)"; of keys the rarely asked make room
 * (Space-Saving within sets of four, ALGORITHMS.md 7.6). Nothing is touched until the first command is seen. */
#ifndef ANALYSIS_CACHES_H
#define ANALYSIS_CACHES_H

#include "analysis/budget.h"
#include "analysis/slab.h"
#include "analysis/store/rows.h"
#include "base/hist.h"
#include "capture/exchange.h"

enum { CACHES_FILL_US = 60000000, CACHES_SLOW_US = 10000, CACHES_LARGE = 64 << 10, CACHES_HOT = 32, CACHES_NAME = 96 };

struct caches_row {
    uint64_t hash;
    uint8_t what; /* enum cache_row */
    uint8_t proto;
    bool dirty;
    char server[56], name[CACHES_NAME];
    uint64_t count[CACHE_COUNTS];
    int64_t first_us, last_us;
    struct hist latency, ttl, age, fill; /* us; ms; ms; us */
};

/* A key asked for; a set is four of them. */
struct caches_key {
    uint64_t hash;
    int64_t set_us, expires_us, miss_us; /* TIME_NONE: not seen; expires_us 0: never */
    uint32_t commands, error;            /* at most `error` of commands are another's */
    uint32_t hits, pattern;              /* row */
};

struct caches {
    struct slab rows;
    struct map map;
    struct caches_key *key;
    uint32_t n_keys;
    uint32_t other[CACHE_ROWS]; /* row + 1; 0: none */
    bool dirty;
};

bool caches_init(struct caches *c, const struct budget *b);
void caches_fini(struct caches *c);
/* One exchange with x->cache. */
void caches_take(struct caches *c, const struct exchange *x, struct hist_pool *pages);
uint64_t caches_bytes(const struct caches *c);

struct store;
/* Rows that changed, and the keys asked for most. */
void caches_commit(struct caches *c, struct store *s, const struct hist_pool *pages);
/* A row of an earlier run of the audit. */
void caches_load(struct caches *c, const struct row_cache *row, struct hist_pool *pages);

#endif
