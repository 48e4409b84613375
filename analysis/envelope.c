#include "analysis/envelope.h"

#include <math.h>

#ifdef NO_MULTIVERSION
#define CLONES
#else
#define CLONES __attribute__((target_clones("avx2", "default")))
#endif

void envelope_rates(double rate[ENVELOPE_RATES])
{
    for (int i = 0; i < ENVELOPE_RATES; i++)
        rate[i] = 0.1 * pow(10, 0.2083 * i);
}

CLONES void envelope_add(struct envelope *restrict e, const double rate[restrict ENVELOPE_RATES], double dt)
{
    for (int i = 0; i < ENVELOPE_RATES; i++) {
        double left = e->level[i] - rate[i] * dt;
        double level = (left > 0 ? left : 0) + 1;
        e->level[i] = level;
        e->burst[i] = level > e->burst[i] ? level : e->burst[i];
    }
}
