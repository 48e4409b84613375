/* gaps: moments of the times between arrivals, burstiness, and the period of a poller (ALGORITHMS.md 7.2). */
#ifndef ANALYSIS_GAPS_H
#define ANALYSIS_GAPS_H

#include <stdint.h>

/* Gaps by size for their median, in the buckets of base/hist.h from 1 ms to 19 h. Counts are halved when one of them is
 * full. */
enum { GAPS_FIRST = 6, GAPS_OCTAVES = 27 };

struct gaps {
    uint64_t n;
    double mean, m2; /* Welford; seconds */
    uint16_t count[GAPS_OCTAVES][32];
};

/* n arrivals, in order, each so many microseconds after the one before. */
void gaps_add(struct gaps *g, const int64_t *dt, unsigned n);
/* Asks for the count that such an arrival changes. */
void gaps_prefetch(const struct gaps *g, int64_t dt);
/* (sigma - mu) / (sigma + mu), -1 periodic, 0 Poisson, 1 bursty (Goh and Barabasi). NaN: fewer than 2 gaps, or all of
 * them 0. */
double gaps_burstiness(const struct gaps *g);
/* Median gap in seconds when burstiness is under -0.7 over at least 30 gaps, else NaN. */
double gaps_period(const struct gaps *g);

#endif
