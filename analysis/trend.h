/* trend: whether two things rise together, by ranks (Spearman; ALGORITHMS.md 8.5: server time with concurrency). Keeps
 * up to TREND_MOST pairs in order; when it is full every other one is dropped, and from then on every other one kept.
 */
#ifndef ANALYSIS_TREND_H
#define ANALYSIS_TREND_H

#include <stdint.h>

enum { TREND_MOST = 2048, TREND_LEAST = 300 };

/* Zero-initialise. */
struct trend {
    float x[TREND_MOST], y[TREND_MOST];
    uint32_t n;
    uint64_t seen, stride; /* stride - 1: pairs left out after each that is kept */
};

void trend_add(struct trend *t, double x, double y);
/* -1 to 1; ties share their rank. NaN: fewer than TREND_LEAST pairs, no memory, or one of the two never changes. */
double trend_spearman(const struct trend *t);

#endif
