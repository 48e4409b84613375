/* ttlcache: Model Z for one lifetime of any length, with the freshness edge of a product (CONTRACT: ttl[], whatif
 * --profile; ALGORITHMS.md 3.1). The ladder answers for twenty lifetimes at once; for those, with profile `exact`, this
 * gives the same counts. */
#ifndef ANALYSIS_TTLCACHE_H
#define ANALYSIS_TTLCACHE_H

#include <stdbool.h>
#include <stdint.h>

enum ttlcache_profile {
    TTLCACHE_EXACT,   /* t - f < T in whole milliseconds, f the arrival */
    TTLCACHE_NGINX,   /* floor(t) <= floor(f) + T in whole seconds, f the answer's first byte */
    TTLCACHE_VARNISH, /* t - f < T, f the answer's first byte */
    TTLCACHE_HAPROXY, /* floor(t) < floor(f) + T in whole seconds, f the answer's first byte */
    TTLCACHE_PROFILES
};

extern const char *const ttlcache_profiles[TTLCACHE_PROFILES]; /* names: "exact", ... */

/* One key and variant. Zero-initialise, but for hash. */
struct ttlcache_slot {
    uint64_t hash;
    int64_t fresh_from, filled_ms; /* f, microseconds; arrival of the fetch */
    uint32_t content;              /* 0: unknown */
    uint16_t fetch;                /* how long the fetch took, 4 ms units */
    bool filled, error;
};

struct ttlcache_sums {
    uint64_t lookups, hits, stale, unknown, masked, coalesced, bytes, server_us;
    uint64_t wrong; /* of `stale`: the copy was not a second old, so the key is to blame rather than time */
};

struct ttlcache_visit {
    int64_t us;       /* arrival, never less than the slot's last */
    int64_t ttfb_us;  /* last request byte to first response byte; < 0: unknown, then f is the arrival */
    int64_t fetch_us; /* last request byte to last response byte; < 0: unknown */
    uint32_t content;
    bool error, fillable;
    uint64_t bytes, server_us;
};

/* Whether it has a copy that the product gives out at `us`. */
bool ttlcache_fresh(const struct ttlcache_slot *s, enum ttlcache_profile profile, int64_t ttl_us, int64_t us);
/* One look-up; true: a hit. */
bool ttlcache_visit(struct ttlcache_slot *s, enum ttlcache_profile profile, int64_t ttl_us,
                    const struct ttlcache_visit *v, struct ttlcache_sums *sums);

#endif
