#include "analysis/gaps.h"

#include <math.h>

enum { POLLER_GAPS = 30 };

void gaps_add(struct gaps *g, struct hist_pool *pool, int64_t dt)
{
    double seconds = (double)dt / 1e6, delta = seconds - g->mean;
    hist_add(&g->us, pool, (uint64_t)dt);
    g->mean += delta / (double)g->us.n;
    g->m2 += delta * (seconds - g->mean);
}

double gaps_burstiness(const struct gaps *g)
{
    if (g->us.n < 2)
        return NAN;
    double sigma = sqrt(g->m2 / (double)g->us.n);
    return sigma + g->mean > 0 ? (sigma - g->mean) / (sigma + g->mean) : NAN;
}

double gaps_period(const struct gaps *g, const struct hist_pool *pool)
{
    struct hist_dense d = {0};
    if (g->us.n < POLLER_GAPS || !(gaps_burstiness(g) < -0.7))
        return NAN;
    hist_dense_add(&d, &g->us, pool);
    return hist_quantile(&d, 0.5) / 1e6;
}
