/* restore: what the analysis needs of an earlier run of the same audit, as a set of steps over the stored rows. The
 * store's reader is adapted to it by the caller, so that analysis/ knows no reader. */
#ifndef ANALYSIS_RESTORE_H
#define ANALYSIS_RESTORE_H

#include "analysis/store/rows.h"
#include "analysis/vary.h"

/* Each step fills *out with the next row and returns false after the last one; text is good until the next step. A NULL
 * step has no rows. Order: addresses, keys, endpoints and clients by id; exchanges in arrival order; minutes by time;
 * counters in any. */
struct restore {
    void *context;
    bool complete; /* the blocks hold every exchange of the audit, with its key (nothing was sampled): they are
                      replayed with counting on, which gives the same state */
    bool (*address)(void *context, struct row_address *out);
    bool (*key)(void *context, struct row_key *out);
    bool (*client)(void *context, struct row_client *out);
    bool (*endpoint)(void *context, struct row_endpoint *out);
    bool (*exchange)(void *context, struct row_exchange *out);
    bool (*counter)(void *context, struct row_counter *out);
    bool (*minute)(void *context, struct row_minute *out); /* the last four are enough */
    bool (*capture)(void *context, struct row_capture *out);
    bool (*cache)(void *context, struct row_cache *out); /* those of keys after the others */
};

/* Bits of row_exchange.flags that the analysis adds for its own replay, beside FLAG_* and ROW_*. */
enum {
    REPLAY_VARY_SHIFT = 16, /* number of the Vary list in effect; its text is the counter "vary" of that value */
    REPLAY_VARY_MASK = VARY_LISTS,
    REPLAY_THROTTLED = 1u << 26, /* 429, or 503 with Retry-After */
    REPLAY_HEAD = 1u << 27,      /* the method was HEAD; keys do not tell it from GET */
};
/* The Vary list in effect; 0: none. */
static inline uint32_t replay_list(const struct row_exchange *x)
{
    return x->flags >> REPLAY_VARY_SHIFT & REPLAY_VARY_MASK;
}

_Static_assert(!(FLAGS_ALL & ((uint32_t)REPLAY_VARY_MASK << REPLAY_VARY_SHIFT | REPLAY_THROTTLED | REPLAY_HEAD |
                              ROW_TLS | ROW_ORPHAN | (uint32_t)ROW_FILLABLE | (uint32_t)ROW_ELIGIBLE)),
               "each bit says one thing");

#endif
