/* lifetime: how fast contents change, from visits at irregular times (ALGORITHMS.md 4.4a; Cho and Garcia-Molina, TOIT
 * 2003). Changes are taken to be a Poisson process: after a gap g the content differs with probability
 * 1 - exp(-rate g). Gaps are kept by size, changed and unchanged ones apart, as counts and sums; the rate is that of
 * the buckets' means, within 0.15 % of that of the gaps. M-sum: merging is adding, for any split of the
 * traffic. This form, of 3,840 bytes, is for evaluation; an endpoint keeps its gaps in analysis/gaptable.h. */
#ifndef ANALYSIS_LIFETIME_H
#define ANALYSIS_LIFETIME_H

#include "base/buf.h"

/* 4 per octave, from 1 ms to 2^20 s; both ends take what is beyond. */
enum { LIFETIME_BUCKETS = 120 };

struct lifetime_bucket {
    uint64_t n[2], sum_ms[2]; /* [1]: gaps after which the content differed */
};

struct lifetime {
    struct lifetime_bucket bucket[LIFETIME_BUCKETS];
};

static inline unsigned lifetime_index(uint64_t gap_ms)
{
    if (gap_ms < 2)
        return 0;
    unsigned e = 63 - (unsigned)__builtin_clzll(gap_ms);
    unsigned quarter = (unsigned)(e < 2 ? gap_ms << (2 - e) : gap_ms >> (e - 2)) & 3;
    unsigned at = 4 * e + quarter;
    return at < LIFETIME_BUCKETS ? at : LIFETIME_BUCKETS - 1;
}

/* One gap between two visits of a key whose contents are known and comparable. */
static inline void lifetime_add(struct lifetime *l, uint64_t gap_ms, bool changed)
{
    struct lifetime_bucket *b = &l->bucket[lifetime_index(gap_ms)];
    b->n[changed]++;
    b->sum_ms[changed] += gap_ms;
}

void lifetime_merge(struct lifetime *into, const struct lifetime *from);
/* Appends JSON: [[bucket, unchanged, changed, ms unchanged, ms changed], ...], the buckets that hold something. */
void lifetime_write(const struct lifetime *l, struct buf *out);
/* False when the text is damaged; then *l is zero. Empty text: nothing seen. */
bool lifetime_read(struct lifetime *l, struct slice text);

enum lifetime_model {
    LIFETIME_UNSEEN,    /* no gap */
    LIFETIME_UNCHANGED, /* no change: only a least lifetime is known */
    LIFETIME_POISSON,
    LIFETIME_TOO_FAST, /* every visit found another content: only a greatest lifetime is known */
};

/* For the report: "poisson", ...; NULL for LIFETIME_UNSEEN. */
const char *lifetime_model_name(enum lifetime_model m);

/* What is not known is NaN. Rates are per second. */
struct lifetime_result {
    enum lifetime_model model;
    uint64_t gaps, changes;
    double observed_s;          /* sum of the gaps: key-seconds watched */
    double rate, low, high;     /* 95 %: two-sided for LIFETIME_POISSON, else the one bound there is */
    double error;               /* standard error of the rate */
    double mean_s;              /* 1 / rate */
    double mean_low, mean_high; /* 1 / high, 1 / low */
    double regular;             /* rate as if all gaps were equal, with their reduced bias */
};

struct lifetime_result lifetime_result(const struct lifetime *l);
/* Age in seconds at which an entry is stale with probability beta; NaN for a rate that is not known. */
double lifetime_ttl(double rate, double beta);

#endif
