/* ranking: seconds an hour that users or backends spend and could save, from counts (ALGORITHMS.md 8.8). Pure. */
#ifndef ANALYSIS_RANKING_H
#define ANALYSIS_RANKING_H

#include "base/hist.h"

/* What it takes to mend a thing; the score is divided by it. */
enum ranking_effort { EFFORT_HEADER = 1, EFFORT_CONFIG = 2, EFFORT_CODE = 4 };

/* In an hour of `duration_s`; NaN when that is unknown or 0. */
double ranking_per_hour(double seconds, double duration_s);
/* Confidence in the rate of a thing that was seen n times: 1 less the relative standard error of the count, times the
 * share of the bytes that was seen (NaN: unknown, counts as all). */
double ranking_confidence(uint64_t n, double coverage);
double ranking_score(double seconds_per_hour, double confidence, enum ranking_effort effort);

/* Seconds beyond the 95 % quantile, in all; *n: how many were beyond. */
double ranking_tail(const struct hist_dense *d, uint64_t *n);
/* Payload decade: 0 below 10 octets, 1 below 100, ... */
unsigned ranking_decade(double bytes);
/* Median of n values; sorts them. NaN for n = 0. */
double ranking_median(double *v, unsigned n);

#endif
