/* envelope: the smallest bucket depth b*(r) for which a token bucket of rate r, starting full, rejects nothing
 * (ALGORITHMS.md 7.3), on a ladder of rates. */
#ifndef ANALYSIS_ENVELOPE_H
#define ANALYSIS_ENVELOPE_H

#include "analysis/store/rows.h"

struct envelope {
    double level[ENVELOPE_RATES], burst[ENVELOPE_RATES];
};

/* The rates: 0.1 * 10^(0.2083 i) per second. */
void envelope_rates(double rate[ENVELOPE_RATES]);
/* n arrivals, one at least, each so many seconds after the one before (the first of all: any dt). */
void envelope_add(struct envelope *e, const double rate[ENVELOPE_RATES], const double *dt, unsigned n);

#endif
