/* inflight: which requests were under way at the same time (ALGORITHMS.md 7.8 and 8.4). Calls come in order of their
 * start and last over [start, end), microseconds. Says how many of the same request were under way when one began
 * (coalescing would have spared it), and for each group the area under its number of calls: L = area / time, by Little
 * the sum of what each call lasts within the span. */
#ifndef ANALYSIS_INFLIGHT_H
#define ANALYSIS_INFLIGHT_H

#include "base/map.h"

enum { INFLIGHT_MOST = 1 << 16 }; /* calls under way at once; those beyond are counted in `untracked` */

/* Zero-initialise. */
struct inflight_group {
    uint64_t area_us;   /* call microseconds within the span */
    uint32_t now, peak; /* under way; most at once within the span */
};

struct inflight;

/* Counts what lies in [from_us, to_us). NULL: out of memory. */
struct inflight *inflight_new(int64_t from_us, int64_t to_us);
void inflight_free(struct inflight *f);
/* Returns how many with the same hash are under way; hash 0: it is like no other. `group` must outlive f. */
uint32_t inflight_add(struct inflight *f, struct inflight_group *group, uint64_t hash, int64_t start_us,
                      int64_t end_us);
uint64_t inflight_untracked(const struct inflight *f); /* in no peak, and no match of later ones */

#endif
