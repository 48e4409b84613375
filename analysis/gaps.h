/* gaps: moments of the times between arrivals, burstiness, and the period of a poller (ALGORITHMS.md 7.2). */
#ifndef ANALYSIS_GAPS_H
#define ANALYSIS_GAPS_H

#include "base/hist.h"

struct gaps {
    double mean, m2; /* Welford; seconds */
    struct hist us;  /* for the median */
};

/* dt microseconds after the arrival before. */
void gaps_add(struct gaps *g, struct hist_pool *pool, int64_t dt);
/* (sigma - mu) / (sigma + mu), -1 periodic, 0 Poisson, 1 bursty (Goh and Barabasi). NaN: fewer than 2 gaps, or all of
 * them 0. */
double gaps_burstiness(const struct gaps *g);
/* Median gap in seconds when burstiness is under -0.7 over at least 30 gaps, else NaN. */
double gaps_period(const struct gaps *g, const struct hist_pool *pool);

#endif
