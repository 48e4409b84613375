/* quota: limits that are in force already, as answers tell them (capture/quotasaid.h), and whether clients keep to them
 * and to Retry-After (ALGORITHMS.md 7.8). An exchange's record carries them in 64 bits; 0 where its answer said
 * nothing. What a client was told of an endpoint counts for its next request there. Calls come in order of arrival,
 * microseconds. */
#ifndef ANALYSIS_QUOTA_H
#define ANALYSIS_QUOTA_H

#include <stdbool.h>

#include "base/slice.h"

/* What an answer said; -1: it did not say. */
struct quota_said {
    int64_t limit, remaining; /* requests; at most QUOTA_MOST */
    int64_t reset_s, window_s;
};

enum { QUOTA_MOST = (1 << 20) - 2 };

/* Of the sealed field; `now_s`: when it was answered, Unix time, since a reset may be given as a moment. */
uint64_t quota_pack(struct slice field, int64_t now_s);
struct quota_said quota_unpack(uint64_t packed);

/* Of an endpoint or a client. Zero-initialise. */
struct quota_sums {
    uint64_t answers;             /* that said something of a quota */
    int64_t limit, window_s;      /* the latest that was said; means nothing while answers is 0; -1: not said */
    int64_t least, most;          /* limits; likewise */
    int64_t remaining_least;      /* likewise */
    uint64_t exhausted;           /* answers that left nothing */
    uint64_t asked_on;            /* requests before the reset of what had been used up */
    uint64_t asked, kept, broken; /* answers with a Retry-After; next requests after that time, and before it */
};

/* What one client was told last. Zero-initialise. */
struct quota_told {
    struct {
        uint32_t endpoint; /* 0: nothing */
        int64_t from_us, until_us;
    } wait, reset;
};

struct quota_call {
    uint32_t endpoint;
    int64_t start_us, end_us;
    uint64_t packed;
    int64_t wait_us; /* Retry-After; -1: none */
};

/* told NULL: the client is not known. */
void quota_take(struct quota_sums *endpoint, struct quota_sums *client, struct quota_told *told,
                const struct quota_call *c);
static inline bool quota_any(const struct quota_sums *s)
{
    return s->answers || s->asked;
}

#endif
