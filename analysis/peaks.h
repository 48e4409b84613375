/* peaks: most arrivals of one client in aligned seconds (1, 10, 60 consecutive ones of Unix time) and in half-open
 * sliding windows of 1 s and 10 s (CONTRACT: clients[]; ALGORITHMS.md 7.1). Sliding windows are exact while they hold
 * at most PEAKS_EXACT arrivals, from then on the upper end of a bracket: the most in 65 consecutive buckets of 1/64 of
 * the window. Buckets are kept from half of that on: before, no 65 of them can hold PEAKS_EXACT, since two windows
 * cover them. Arrivals come in order, microseconds. */
#ifndef ANALYSIS_PEAKS_H
#define ANALYSIS_PEAKS_H

#include "analysis/blocks.h"

enum { PEAKS_EXACT = 4096, PEAKS_SECONDS = 64, PEAKS_BUCKETS = 65, PEAKS_WINDOWS = 2, PEAKS_TOGETHER = 15 };

struct peaks_window {
    uint32_t peak;
    uint32_t buckets; /* block of struct peaks_buckets; 0: none */
};

struct peaks_buckets {
    int64_t last; /* the last one with an arrival */
    uint32_t sum, high;
    uint32_t at; /* place of `last` in count */
    uint32_t count[PEAKS_BUCKETS];
};

/* All but the counts takes one cache line. */
struct peaks {
    uint32_t n; /* arrivals that the ring was told, as far as they matter: how many it holds, and where the next goes */
    uint32_t ring; /* block of 2^class time stamps; 0: none */
    uint8_t class;
    bool inexact[PEAKS_WINDOWS];               /* the ring was too small for this window */
    struct peaks_window window[PEAKS_WINDOWS]; /* 1 s, 10 s */
    uint32_t peak1, peak10, peak60, sum10, sum60;
    int64_t second;                /* the last one with an arrival */
    uint64_t busy;                 /* bit per second ago: those of the last 60 with arrivals */
    uint32_t count[PEAKS_SECONDS]; /* by second modulo 64 */
};

/* One arrival, not before the last. Rings come from `pool`; when it is empty the windows are brackets, from aligned
 * seconds if need be. */
void peaks_add(struct peaks *p, struct blocks *pool, int64_t us);
/* So many arrivals, PEAKS_TOGETHER at most, after the last one at `us`, will take nothing from the pool, whenever they
 * come: so they may be told later, and together. */
unsigned peaks_calm(const struct peaks *p, const struct blocks *pool, int64_t us);
/* Such arrivals, in order. */
void peaks_add_calm(struct peaks *p, struct blocks *pool, const int64_t *us, unsigned n);
/* Asks for the memory that calm arrivals will touch besides *p itself. */
void peaks_prefetch(const struct peaks *p, const struct blocks *pool);
/* Gives the ring back. */
void peaks_drop(struct peaks *p, struct blocks *pool);
/* Most in a sliding window: 0: 1 s, 1: 10 s. */
uint64_t peaks_sliding(const struct peaks *p, const struct blocks *pool, unsigned window);

#endif
