/* interval: what a share seen in so many trials tells about the true one (ALGORITHMS.md 4.5). Pure. Shares are 0..1. */
#ifndef ANALYSIS_INTERVAL_H
#define ANALYSIS_INTERVAL_H

#define INTERVAL_Z95 1.96 /* of the two-sided 95 % that every document prints */

struct interval {
    double low, high;
};

/* Wilson's interval for a share p of n trials; z standard deviations. n at or below 0: 0..1. n need not be whole: where
 * trials are correlated it is their effective number. */
struct interval interval_wilson(double p, double n, double z);
/* Clopper and Pearson's one-sided bounds for k of n: the true share is above the low one (below the high one) with at
 * least 1 - alpha. k above n counts as n; n 0: 0 and 1. */
double interval_low(double k, double n, double alpha);
double interval_high(double k, double n, double alpha);
/* Regularised incomplete beta function I_x(a, b), a and b above 0; relative error about 1e-12. */
double interval_beta(double x, double a, double b);
/* The z below which a share p of the standard normal lies; -+INFINITY at 0 and 1. */
double interval_normal(double p);

#endif
