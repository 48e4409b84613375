/* limitadvice: a rate and a burst that reject nobody who behaves (ALGORITHMS.md 7.5), from the envelopes of clients
 * alone. Pure. A client's sustained rate is the least of the ladder at which its bucket drains within the tolerance;
 * who stands above the Tukey fence of the others is left out and named by the caller. Between two rates of the ladder
 * the bucket needed is read off the chord, which is never too little: the envelope is convex. */
#ifndef ANALYSIS_LIMITADVICE_H
#define ANALYSIS_LIMITADVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limitadvice_options {
    double tolerance_s; /* a bucket drains in at most this; 10 */
    double headroom;    /* 1.25 */
    double share;       /* of the clients kept that may be rejected; 0 */
};

#define LIMITADVICE_DEFAULT ((struct limitadvice_options){10, 1.25, 0})

/* Buckets needed at each of n growing rates. */
struct limitadvice_client {
    const double *need;
    bool abuse;         /* given: leave it out */
    bool outlier;       /* result */
    double rate, burst; /* result: its sustained rate, the bucket it needs there */
};

struct limitadvice {
    double rate;         /* requests a second, two significant digits; NaN: no client is kept */
    uint64_t burst;      /* depth of the bucket */
    uint64_t nginx_rate; /* rounded up to what limit_req takes */
    bool per_minute;     /* that one is in r/m */
    uint64_t nginx_burst;
    size_t kept;
};

/* The bucket needed at any rate, read off the ladder. */
double limitadvice_need(const double *rates, const double *need, unsigned n, double rate);
/* False: out of memory. */
bool limitadvice_of(const double *rates, unsigned n, struct limitadvice_client *clients, size_t n_clients,
                    const struct limitadvice_options *o, struct limitadvice *out);

#endif
