/* capacity: what a cache of limited size would answer (ALGORITHMS.md 3.7). A cache that evicts what was used longest
 * ago keeps about everything that was asked for within some time, so the curve of (mean bytes held, hit ratio) over
 * that idle limit is the curve over the size. One endpoint, three lifetimes, 24 idle limits from 1 s to 7 days. Times
 * are whole milliseconds. The curve is that of the whole period; where load differs much by the hour, the peak needs
 * more. */
#ifndef ANALYSIS_CAPACITY_H
#define ANALYSIS_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

enum { CAPACITY_IDLES = 24, CAPACITY_TTLS = 3, CAPACITY_KEYS = 1 << 20 };

struct capacity;

/* One look-up of a key (and variant). */
struct capacity_visit {
    uint64_t hash;
    int64_t ms; /* never less than the one before */
    uint64_t bytes;
    bool fillable;
};

/* A point of the curve: what is held on average when nothing stays longer than idle_s without being asked for. */
struct capacity_point {
    double ttl_s, idle_s; /* ttl_s: INFINITY for no lifetime */
    double bytes, entries, hit_ratio;
};

/* The lifetimes are ttl_ms, a quarter of it, and none. NULL: out of memory. */
struct capacity *capacity_new(int64_t ttl_ms);
void capacity_free(struct capacity *c);
void capacity_visit(struct capacity *c, const struct capacity_visit *v);
/* Once, at the end: the points, by lifetime as above, then by idle limit. */
void capacity_end(struct capacity *c, int64_t start_ms, int64_t end_ms,
                  struct capacity_point out[CAPACITY_TTLS * CAPACITY_IDLES]);
/* Keys that there was no room for; they are in no point. */
uint64_t capacity_lost(const struct capacity *c);
/* Most bytes and entries fresh at once with the first lifetime and no limit; exact. False: too many fills to tell. */
bool capacity_peak(const struct capacity *c, uint64_t *bytes, uint64_t *entries);
/* What to give the cache: the peak and a tenth, and so much for each entry. */
uint64_t capacity_recommended(uint64_t peak_bytes, uint64_t peak_entries, uint64_t overhead);
/* The hit ratio at a size between two points of one lifetime; beyond the last point, the last. NaN: no look-ups. */
double capacity_at(const struct capacity_point curve[CAPACITY_IDLES], double bytes);

#endif
