/* gaps: moments of the times between arrivals, burstiness, and the period of a poller (ALGORITHMS.md 7.2). */
#ifndef ANALYSIS_GAPS_H
#define ANALYSIS_GAPS_H

#include <stdint.h>

#include "base/prefetch.h"

/* Gaps by size for their median, in the buckets of base/hist.h from 1 ms to 19 h. Counts are halved when one of them is
 * full. */
enum { GAPS_FIRST = 6, GAPS_OCTAVES = 27 };

struct gaps {
    uint16_t count[GAPS_OCTAVES][32]; /* an octave takes a cache line */
    uint64_t n;
    double mean, m2; /* Welford; seconds */
};

/* n arrivals, in order, each so long after the one before: microseconds, and the same in seconds. */
void gaps_add(struct gaps *g, const int64_t *dt, const double *seconds, unsigned n);
/* Asks for the count that such an arrival changes. */
static inline void gaps_prefetch(const struct gaps *g, int64_t dt)
{
    int octave = 63 - __builtin_clzll((uint64_t)dt | 1) - 4 - GAPS_FIRST;
    prefetch(g->count[octave < 0 ? 0 : octave < GAPS_OCTAVES ? octave : GAPS_OCTAVES - 1]);
}

/* (sigma - mu) / (sigma + mu), -1 periodic, 0 Poisson, 1 bursty (Goh and Barabasi). NaN: fewer than 2 gaps, or all of
 * them 0. */
double gaps_burstiness(const struct gaps *g);
/* Median gap in seconds when burstiness is under -0.7 over at least 30 gaps, else NaN. */
double gaps_period(const struct gaps *g);

#endif
