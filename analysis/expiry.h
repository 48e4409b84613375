/* expiry: stampedes at the end of a lifetime (ALGORITHMS.md 7.8): an answer declares how long it may be kept, and when
 * that is over many ask at once: five or more requests within 1 s from that moment on begin while the same is under
 * way. Collapsing them into one (coalescing) spares their server time; ending copies at moments spread over a tenth of
 * the lifetime (jitter) spreads those of different keys and clients. Calls come in order of arrival, microseconds.
 * Bounded by EXPIRY_MOST keys, of which a newer one takes an older one's place. */
#ifndef ANALYSIS_EXPIRY_H
#define ANALYSIS_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

enum { EXPIRY_MOST = 1 << 16, EXPIRY_FEW = 5, EXPIRY_NEAR_US = 1000000 };
#define EXPIRY_JITTER 0.1 /* of the lifetime */

struct expiry;

struct expiry_call {
    uint64_t hash; /* of what is asked for; not 0 */
    uint32_t endpoint;
    uint32_t lifetime; /* 1 + seconds that the answer may be kept by a shared cache; 0: it does not say */
    bool alike;        /* the same was under way when it began */
    int64_t start_us, answered_us;
    uint64_t server_us;
};

/* Of an endpoint. Zero-initialise. */
struct expiry_sums {
    uint64_t stampedes, requests;    /* ends of lifetimes that were one; requests near them */
    uint64_t coalescable, server_us; /* of these, begun while the same was under way; their server time */
    uint32_t most;                   /* requests near one end */
    uint64_t lifetime_s;             /* of the entry with the most; means nothing without a stampede */
    int64_t first_us;                /* end of the first one's lifetime; likewise */
};

/* `sums` of an endpoint, where stampedes are added. NULL: out of memory. */
struct expiry *expiry_new(struct expiry_sums *(*sums)(void *context, uint32_t endpoint), void *context);
void expiry_free(struct expiry *x);
void expiry_take(struct expiry *x, const struct expiry_call *c);
void expiry_end(struct expiry *x);
/* Requests a second at one end when copies end over a tenth of the lifetime instead of at once. */
double expiry_spread(const struct expiry_sums *s);

#endif
