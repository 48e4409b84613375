/* sums: what of an endpoint can be added up, as one list of counters by place: plain counters, the ladder, what is
 * declared, reasons, gaps between look-ups, histograms (classes M-sum and M-part of ALGORITHMS.md 0.4). A window is the
 * difference of two such lists, a longer window the sum of windows; both are exact. Internal to the store. */
#ifndef STORE_SUMS_H
#define STORE_SUMS_H

#include "analysis/store/rows.h"
#include "base/buf.h"

/* Where each kind begins. They stand in the DB. */
enum {
    SUMS_SCALAR = 0,
    SUMS_MULTI = 64, /* multi-valued keys; gaps that were lost */
    SUMS_LOST = 65,
    SUMS_DECLARED = 128,
    SUMS_REASON = 192,
    SUMS_LADDER = 256, /* 32 rungs for each place of rung.def */
    SUMS_GAPS = 1024,  /* 256 buckets for each of: unchanged, changed, ms unchanged, ms changed */
    SUMS_LATENCY = 2048,
    SUMS_SERVER = 4096,
    SUMS_DECLARED_TTL = 6144,
    SUMS_END = 8192
};

struct sum {
    uint32_t place;
    int64_t value; /* may be below 0: what an endpoint had goes to the one it is united into */
};

/* Ascending places, none of them 0. Zero-initialise; after failed nothing in it is whole. */
struct sums {
    struct sum *at;
    size_t n, cap;
    bool failed;
};

void sums_free(struct sums *s);
/* Replaces *s by what the row holds. */
void sums_of(struct sums *s, const struct row_endpoint *row);
/* into += times * more, which is 1 or -1. */
void sums_add(struct sums *into, const struct sums *more, int times);
int64_t sums_value(const struct sums *s, uint32_t place);

/* Puts the sums into a row in place of what it had; text goes into `text` and is borrowed from it. What cannot be added
 * up becomes empty: clients, the versions in lifetimes, live, sharing, learned, writes, sources. Names, times and what
 * estimates rest on stay. */
void sums_into(const struct sums *s, struct row_endpoint *row, struct buf text[4]);

/* Blob: for each run of places with equal values LEB128 of twice the distance to the place before, plus 1 if the run is
 * longer than one; the difference to the value before, zigzag; and then, if so, by how many places it is longer. */
void sums_write(const struct sums *s, struct buf *out);
/* False: damaged; then it is empty. */
bool sums_read(struct sums *s, struct slice blob);

#endif
