#include "analysis/envelope.h"

#include <math.h>

#include "base/clones.h"

void envelope_rates(double rate[ENVELOPE_RATES])
{
    for (int i = 0; i < ENVELOPE_RATES; i++)
        rate[i] = 0.1 * pow(10, 0.2083 * i);
}

/* One step after the other, which the compiler takes several rates at a time for. */
CLONES void envelope_add(struct envelope *restrict e, const double rate[restrict ENVELOPE_RATES], double dt)
{
    double left[ENVELOPE_RATES];
    for (int i = 0; i < ENVELOPE_RATES; i++)
        left[i] = e->level[i] - rate[i] * dt;
    for (int i = 0; i < ENVELOPE_RATES; i++)
        left[i] = left[i] > 0 ? left[i] : 0;
    for (int i = 0; i < ENVELOPE_RATES; i++) {
        e->level[i] = left[i] += 1;
        e->burst[i] = left[i] > e->burst[i] ? left[i] : e->burst[i];
    }
}
