#include "analysis/gaps.h"

#include <math.h>

#include "base/hist.h"

enum { POLLER_GAPS = 30, FIRST = GAPS_FIRST * HIST_SUB, BUCKETS = GAPS_OCTAVES * HIST_SUB };

_Static_assert(HIST_SUB == 32, "an octave has as many counts");

static void halve(struct gaps *g)
{
    uint16_t *c = &g->count[0][0];
    for (unsigned i = 0; i < BUCKETS; i++)
        c[i] /= 2;
}

static unsigned bucket(int64_t dt)
{
    unsigned at = hist_index((uint64_t)dt);
    at = at < FIRST ? 0 : at - FIRST;
    return at < BUCKETS ? at : BUCKETS - 1;
}

static void count(struct gaps *g, int64_t dt)
{
    uint16_t *c = &g->count[0][0] + bucket(dt);
    if (*c == UINT16_MAX)
        halve(g);
    ++*c;
}

/* First the counts, which lie apart: so their memory is waited for at once. */
void gaps_add(struct gaps *g, const int64_t *dt, const double *seconds, unsigned n)
{
    double mean = g->mean, m2 = g->m2;
    for (unsigned i = 0; i < n; i++)
        count(g, dt[i]);
    for (unsigned i = 0; i < n; i++) {
        double delta = seconds[i] - mean;
        mean += delta / (double)++g->n;
        m2 += delta * (seconds[i] - mean);
    }
    g->mean = mean;
    g->m2 = m2;
}

double gaps_burstiness(const struct gaps *g)
{
    if (g->n < 2)
        return NAN;
    double sigma = sqrt(g->m2 / (double)g->n);
    return sigma + g->mean > 0 ? (sigma - g->mean) / (sigma + g->mean) : NAN;
}

double gaps_period(const struct gaps *g)
{
    const uint16_t *c = &g->count[0][0];
    uint64_t all = 0, seen = 0;
    if (g->n < POLLER_GAPS || !(gaps_burstiness(g) < -0.7))
        return NAN;
    for (unsigned i = 0; i < BUCKETS; i++)
        all += c[i];
    for (unsigned i = 0; i < BUCKETS; i++)
        if ((seen += c[i]) * 2 >= all)
            return hist_middle(i + FIRST) / 1e6;
    return NAN;
}
