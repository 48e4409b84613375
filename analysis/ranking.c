#include "analysis/ranking.h"

#include <math.h>
#include <stdlib.h>

double ranking_per_hour(double seconds, double duration_s)
{
    return duration_s > 0 ? seconds * 3600 / duration_s : NAN;
}

double ranking_confidence(uint64_t n, double coverage)
{
    double seen = isnan(coverage) ? 1 : coverage;
    return n ? (1 - 1 / sqrt((double)n)) * seen : 0;
}

double ranking_score(double seconds_per_hour, double confidence, enum ranking_effort effort)
{
    return seconds_per_hour * confidence / effort;
}

double ranking_tail(const struct hist_dense *d, uint64_t *n)
{
    double beyond = 0, p95 = hist_quantile(d, .95);
    *n = 0;
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        if (d->count[i] && hist_middle(i) > p95) {
            beyond += (hist_middle(i) - p95) * (double)d->count[i];
            *n += d->count[i];
        }
    return beyond / 1e6;
}

unsigned ranking_decade(double bytes)
{
    unsigned decade = 0;
    for (; bytes >= 10; bytes /= 10)
        decade++;
    return decade;
}

static int by_value(const void *x, const void *y)
{
    const double *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

double ranking_median(double *v, unsigned n)
{
    if (!n)
        return NAN;
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}
