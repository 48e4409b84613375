/* peaks: most arrivals of one client in aligned seconds (1, 10, 60 consecutive ones of Unix time) and in half-open
 * sliding windows of 1 s and 10 s (CONTRACT: clients[]; ALGORITHMS.md 7.1). Sliding windows are exact while they hold
 * at most PEAKS_EXACT arrivals, from then on the upper end of a bracket: the most in 65 consecutive buckets of 1/64 of
 * the window. Arrivals come in order, microseconds. */
#ifndef ANALYSIS_PEAKS_H
#define ANALYSIS_PEAKS_H

#include "analysis/blocks.h"

enum { PEAKS_EXACT = 4096, PEAKS_SECONDS = 64, PEAKS_BUCKETS = 65, PEAKS_WINDOWS = 2 };

struct peaks_aligned {
    int64_t second; /* the last one with an arrival */
    uint32_t sum10, sum60;
    uint32_t peak1, peak10, peak60;
    uint32_t count[PEAKS_SECONDS]; /* by second modulo 64 */
};

struct peaks_window {
    int64_t bucket; /* the last one with an arrival */
    uint64_t tail;  /* arrivals that left the window, of all */
    uint32_t sum, high, peak;
    uint32_t inexact; /* the ring was too small for this window */
    uint32_t at;      /* place of `bucket` in count */
    uint32_t count[PEAKS_BUCKETS];
};

struct peaks {
    struct peaks_aligned aligned;
    struct peaks_window window[PEAKS_WINDOWS]; /* 1 s, 10 s */
    uint64_t n;                                /* arrivals so far */
    uint32_t ring;                             /* block of 2^class time stamps; 0: none */
    uint8_t class;
};

/* One arrival, not before the last. Rings come from `pool`; when it is empty the windows are brackets. */
void peaks_add(struct peaks *p, struct blocks *pool, int64_t us);
/* Gives the ring back. */
void peaks_drop(struct peaks *p, struct blocks *pool);
/* Most in a sliding window: 0: 1 s, 1: 10 s. */
uint64_t peaks_sliding(const struct peaks *p, unsigned window);

#endif
