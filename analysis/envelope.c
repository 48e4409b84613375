#include "analysis/envelope.h"

#include <math.h>

#include "base/clones.h"

void envelope_rates(double rate[ENVELOPE_RATES])
{
    for (int i = 0; i < ENVELOPE_RATES; i++)
        rate[i] = 0.1 * pow(10, 0.2083 * i);
}

enum { GROUP = 4 };

_Static_assert(ENVELOPE_RATES % GROUP == 0, "groups are whole");

/* How many rates need be looked at: of the higher ones the bucket, which held one arrival, is full again each time, and
 * holds one again. It is fuller for each than for the one below. */
static unsigned lasting(const struct envelope *e, const double *rate, const double *dt, unsigned n)
{
    double least = dt[0];
    unsigned rates = ENVELOPE_RATES;
    for (unsigned i = 1; i < n; i++)
        least = dt[i] < least ? dt[i] : least;
    while (rates && e->level[rates - GROUP] == 1 && rate[rates - GROUP] * least >= 1)
        rates -= GROUP;
    return rates;
}

/* Several rates at a time, which the compiler sees to: none of these numbers is infinite (Makefile). */
CLONES void envelope_add(struct envelope *restrict e, const double rate[restrict ENVELOPE_RATES],
                         const double *restrict dt, unsigned n)
{
    unsigned rates = lasting(e, rate, dt, n);
    for (unsigned i = 0; i < rates; i++) {
        double level = e->level[i], burst = e->burst[i], r = rate[i];
        unsigned k = 0;
        do {
            double left = level - r * dt[k];
            level = (left > 0 ? left : 0) + 1;
            burst = level > burst ? level : burst;
        } while (++k < n);
        e->level[i] = level;
        e->burst[i] = burst;
    }
}
