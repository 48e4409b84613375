/* usl: the Universal Scalability Law (Gunther; ALGORITHMS.md 8.6), fitted to seconds of which the concurrency N and the
 * throughput X are known: X(N) = gamma N / (1 + sigma (N - 1) + kappa N (N - 1)). By Little's law R = N / X is linear
 * in (1, N - 1, N (N - 1)); least squares weighed by 1 / R^2, coefficients not below 0. All that is kept are sums, a
 * set for each block of time, so that fits of parts add up to that of the whole and leaving a block out is a
 * subtraction. */
#ifndef ANALYSIS_USL_H
#define ANALYSIS_USL_H

#include <stdbool.h>
#include <stdint.h>

enum { USL_BLOCKS = 20, USL_BINS = 64, USL_WINDOWS = 120 };

/* Normal equations of the seconds of a block. */
struct usl_sums {
    uint64_t n;
    double matrix[6]; /* upper triangle by rows */
    double right[3];
};

/* Seconds of like concurrency, for a plot. */
struct usl_bin {
    uint64_t n;
    double concurrency, throughput, throughput2, response_s; /* sums over them; throughput2: of squares */
};

/* Zero-initialise. */
struct usl {
    struct usl_sums block[USL_BLOCKS];
    struct usl_bin bin[USL_BINS];
};

/* Why there is no fit; the first that holds. */
enum usl_refusal {
    USL_FITS,
    USL_FEW,         /* under 120 seconds that can be used */
    USL_NARROW,      /* N at its 95 % quantile is under three times that at 5 % */
    USL_CLUSTERED,   /* they lie in less than half of the blocks */
    USL_BAD,         /* the law misses the response times by more than half of them */
    USL_NOT_REACHED, /* the most throughput is over twice that at the 95 % quantile of N: none was seen, or far off; or
                      * the busiest seconds gave clearly more than the law says of them */
    USL_FLAT, /* throughput was near its most at the 5 % quantile already: a constant rate and slow answers look so, too
               */
    USL_UNSTABLE, /* leaving a block out moves the most throughput: interval wider than 30 % each way */
};

/* 95 % by leaving out blocks in turn (jackknife). */
struct usl_value {
    double value, low, high;
};

/* NaN: unknown. */
struct usl_fit {
    enum usl_refusal refused;
    uint64_t windows;
    struct usl_value gamma, sigma, kappa;
    struct usl_value knee; /* N with the most throughput; NaN: throughput levels off, kappa cannot be told from 0 */
    struct usl_value most; /* throughput there, or what it levels off at */
    bool fell;             /* seconds beyond the knee were seen to give less than those near it */
    double error;          /* root of the mean square of the relative error of R */
};

/* A second with n under way on average and x answered; block: its part of the time, 0 to USL_BLOCKS - 1. */
void usl_add(struct usl *u, unsigned block, double n, double x);
/* low and high: the 5 and 95 % quantiles of N. Refused: all values are NaN. */
struct usl_fit usl_fit(const struct usl *u, double low, double high);
/* The law, and the response time by it. */
double usl_throughput(const struct usl_fit *f, double n);
double usl_response_s(const struct usl_fit *f, double n);
/* Concurrency from and up to which seconds are in a bin; the first and last take what is beyond. */
double usl_bin_low(unsigned bin);
const char *usl_refusal_name(enum usl_refusal r); /* for JSON; NULL: it fits */

#endif
