/* retries: requests that a client sent again after they had failed, and how it waits (ALGORITHMS.md 7.8). A retry is
 * the same request of the same client within 60 s after the end of a failed attempt. Attempts come in order of their
 * start, microseconds. */
#ifndef ANALYSIS_RETRIES_H
#define ANALYSIS_RETRIES_H

#include "base/map.h"

enum { RETRIES_MOST = 1 << 16, RETRIES_WITHIN_S = 60 }; /* failed attempts remembered at once */

struct retries;

struct retries_call {
    uint64_t hash; /* of client and request; not 0 */
    int64_t start_us, end_us;
    int64_t wait_us; /* what its answer's Retry-After asks for; -1: nothing */
    bool failed;
};

struct retries_seen {
    bool retry, early; /* early: before Retry-After allowed it */
    uint32_t attempt;  /* 1: the first of its chain */
    double gap_s;      /* since the failure; NaN: no retry */
    double ratio;      /* of this gap to the one before; NaN: there was none, or it was 0 */
};

/* NULL: out of memory. */
struct retries *retries_new(void);
void retries_free(struct retries *r);
struct retries_seen retries_add(struct retries *r, const struct retries_call *c);
uint64_t retries_lost(const struct retries *r); /* failed attempts forgotten before their 60 s were over */

enum backoff_kind { BACKOFF_UNKNOWN, BACKOFF_FIXED, BACKOFF_EXPONENTIAL, BACKOFF_IRREGULAR };

enum { BACKOFF_FEW = 3 }; /* ratios for a class, at least */

struct backoff {
    enum backoff_kind kind;
    bool jitter;  /* the ratios vary by more than a tenth (standard deviation over mean) */
    double ratio; /* median; NaN: too few */
};

/* Of n ratios; sorts them. */
struct backoff retries_backoff(float *ratio, unsigned n);
const char *backoff_name(enum backoff_kind k); /* NULL: unknown */

/* A window of 10 s, aligned, of one group. Zero-initialise. */
struct retries_storm {
    int64_t window; /* Unix time / 10 s */
    uint32_t requests, retries, errors;
    uint32_t storms; /* windows that were one */
    int64_t first_s; /* the first of them, Unix time; means nothing while there was none */
};

enum { STORM_S = 10, STORM_FEW = 10 }; /* requests of a window, at least */

void storm_add(struct retries_storm *s, int64_t us, bool retry, bool error);
/* Judges the window that is open, too; call it once, at the end. */
void storm_close(struct retries_storm *s);

#endif
