/* recurrence: how soon keys are asked for again (ALGORITHMS.md 2.2: the gap repeat ratio, RRR_W), from exchange records
 * in order of arrival. What is asked for again within W bounds what any cache can answer that lets go of an entry W
 * after its last use. Memory is 16 bytes a key. */
#ifndef ANALYSIS_RECURRENCE_H
#define ANALYSIS_RECURRENCE_H

#include "analysis/store/rows.h"

enum { RECURRENCE_KEYS = 1 << 22 }; /* keys with a greater id are not followed */

struct recurrence {
    struct recurrence_key *key; /* by id */
    size_t n;
};

/* Of an endpoint; zero-initialise. */
struct recurrence_sums {
    uint64_t lookups, untracked;      /* untracked: of them, those whose key is not followed */
    uint64_t again[LADDER_RUNGS + 1]; /* by the least of the ladder's times that the gap is within; the last: longer */
};

/* One record. `sums` NULL: it is not counted, only remembered. */
void recurrence_visit(struct recurrence *r, const struct row_exchange *x, struct recurrence_sums *sums);
void recurrence_free(struct recurrence *r);
/* Share of the look-ups whose key was looked up at most that rung's time before. NaN: none, or not known of all. */
double recurrence_within(const struct recurrence_sums *s, unsigned rung);

#endif
