/* survival: how long versions of a content live, without a model (ALGORITHMS.md 4.4b; Turnbull 1976). A version that
 * was born in (b0, b1] and died in (d0, d1] lived longer than d0 - b1 and at most d1 - b0; one that is alive longer
 * than its last visit - b1. Both ends are kept as cells of lifetime; what is stored is how many versions have which
 * pair of cells. M-sum. 32 bytes for an endpoint, and a table out of the pool of 8 bytes a pair at most three quarters
 * full: 128 bytes to 64 KiB. Nothing for a key: analysis/changes.h holds what is alive. */
#ifndef ANALYSIS_SURVIVAL_H
#define ANALYSIS_SURVIVAL_H

#include "analysis/blocks.h"
#include "base/buf.h"

/* Cell 0 is (0, 1 s], then 4 an octave up to 42 days, the last one is the tail. Cells are open below. */
enum {
    SURVIVAL_CELLS = 89,
    SURVIVAL_TAIL = SURVIVAL_CELLS - 1,
    SURVIVAL_PAIRS = SURVIVAL_CELLS * (SURVIVAL_CELLS + 1) / 2
};

struct survival {
    uint32_t table; /* block of 2^class words: count << 16 | right << 8 | left, by open addressing; a word never
                       becomes free again */
    uint8_t class;
    uint16_t used;
    uint64_t lost;          /* versions that no room was left for */
    uint64_t deaths, close; /* deaths seen, and those of them that are known to a tenth */
};

/* The cell of the least (the greatest) lifetime, in ms. */
unsigned survival_least(uint64_t longer_than);
unsigned survival_most(uint64_t at_most);
/* Where a cell begins, seconds; that of SURVIVAL_CELLS is infinite. */
double survival_edge(unsigned cell);

/* A version died: it lived longer than, and at most, so many ms. */
void survival_died(struct survival *s, struct blocks *pool, uint64_t longer_than, uint64_t at_most);
/* A version is known to live longer than falls into this cell; `left` takes that back. */
void survival_alive(struct survival *s, struct blocks *pool, unsigned cell);
void survival_alive_no_more(struct survival *s, struct blocks *pool, unsigned cell);
/* Ask for the count that survival_died, survival_alive of this would change. */
void survival_expect_death(const struct survival *s, const struct blocks *pool, uint64_t longer_than, uint64_t at_most);
void survival_expect_alive(const struct survival *s, const struct blocks *pool, unsigned cell);
void survival_merge(struct survival *into, const struct survival *from, struct blocks *pool);
/* Gives the table back. */
void survival_drop(struct survival *s, struct blocks *pool);

/* One pair of cells, the way it is evaluated. */
struct survival_count {
    uint8_t left, right;
    uint64_t n;
};

/* Those that hold something, in order. */
unsigned survival_counts(const struct survival *s, const struct blocks *pool,
                         struct survival_count out[SURVIVAL_PAIRS]);
/* Appends JSON: [deaths, close, [left, right, versions], ...], in order. */
void survival_write(const struct survival *s, const struct blocks *pool, struct buf *out);

/* What was stored, read back without a pool. */
struct survival_list {
    uint64_t deaths, close;
    unsigned n;
    struct survival_count count[SURVIVAL_PAIRS];
};

/* False when the text is damaged; then *l is empty. Empty text: nothing seen. */
bool survival_read(struct survival_list *l, struct slice text);
/* Puts what was read into an empty one. */
void survival_load(struct survival *s, struct blocks *pool, const struct survival_list *l);

/* The estimate: mass of runs of cells, in order; where within its run a mass lies cannot be told. */
struct survival_run {
    uint8_t left, right;
    double mass;
};

struct survival_curve {
    unsigned n, steps;
    struct survival_run run[SURVIVAL_CELLS];
};

/* The non-parametric maximum of the likelihood, by expectation and maximisation over Turnbull's innermost intervals. */
void survival_turnbull(const struct survival_count *c, unsigned n, struct survival_curve *out);
/* Kaplan and Meier's, every death at the end of its interval; for versions that are watched closely. */
void survival_kaplan_meier(const struct survival_count *c, unsigned n, struct survival_curve *out);
/* Share that lives longer than the edge where `cell` begins: least and most that fits. */
double survival_low(const struct survival_curve *c, unsigned cell);
double survival_high(const struct survival_curve *c, unsigned cell);
/* The median lies in (low, high], seconds; high is infinite when it lies beyond what was watched. */
void survival_median(const struct survival_curve *c, double *low, double *high);

struct survival_result {
    uint64_t versions, deaths;
    bool close;                     /* Kaplan and Meier's: more than half of the deaths are known to a tenth */
    double median_low, median_high; /* NaN: unknown; no version was seen to die, or the end cannot be told */
    struct survival_curve curve;
};

struct survival_result survival_result(const struct survival_list *l);
/* 95 % of the median over resamples of the versions (a Poisson number of each pair, from `seed`): the same for the same
 * input. Costs `resamples` estimates. */
void survival_bootstrap(const struct survival_list *l, unsigned resamples, uint64_t seed, double *low, double *high);

#endif
