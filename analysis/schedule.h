/* schedule: whether the contents of an endpoint change by the clock (ALGORITHMS.md 4.4): when changes fall within a
 * minute, five, a quarter of an hour, an hour, a day, by Rayleigh's test. A change is known to lie in the gap between
 * two visits; only gaps of at most an eighth of a period count for it, and what is tested is where changes fall beyond
 * where the gaps lie, so that visits by the clock are no schedule. Of changes in one 32nd of a period one counts: what
 * changes together is one change. Times are microseconds, in order. */
#ifndef ANALYSIS_SCHEDULE_H
#define ANALYSIS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum { SCHEDULE_PERIODS = 5, SCHEDULE_BINS = 32 };

/* Of one period. Zero-initialise. */
struct schedule_period {
    uint64_t watched_ms[SCHEDULE_BINS]; /* gaps, by their middle */
    uint32_t changes[SCHEDULE_BINS];
    int64_t last; /* the 32nd that a change was counted in last, + 1; 0: none */
};

struct schedule {
    struct schedule_period period[SCHEDULE_PERIODS];
};

struct schedule_found {
    uint32_t period_s;    /* 0: none; the longest that fits */
    double at_s;          /* after a multiple of the period in Unix time */
    uint64_t changes;     /* that were tested */
    double concentration; /* 0: anywhere, 1: always at the same moment */
    double p;             /* that it is chance, for all periods together */
};

/* A gap between two visits of a key, and whether a change ended it. */
void schedule_gap(struct schedule *s, int64_t from_us, int64_t to_us, bool changed);
struct schedule_found schedule_find(const struct schedule *s);

#endif
