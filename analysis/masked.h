/* masked: endpoints whose bodies differ by fields that mean nothing (analysis/volatile.h), and what a cache in front of
 * them would serve stale if those were not there: a second ladder, over the answers that capture looked into, of 64
 * keys at most. Bounded by the budget: an endpoint without room is not learned of. */
#ifndef ANALYSIS_MASKED_H
#define ANALYSIS_MASKED_H

#include "analysis/fields.h"
#include "analysis/ladder.h"
#include "analysis/slab.h"

struct masked {
    struct slab rows; /* row 0 is none */
    uint32_t free;    /* chained */
    uint64_t refused; /* endpoints without room */
};

bool masked_init(struct masked *m, uint32_t endpoints);
void masked_fini(struct masked *m);

#endif
