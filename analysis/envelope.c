#include "analysis/envelope.h"

#include <math.h>

#include "base/clones.h"

void envelope_rates(double rate[ENVELOPE_RATES])
{
    for (int i = 0; i < ENVELOPE_RATES; i++)
        rate[i] = 0.1 * pow(10, 0.2083 * i);
}

/* Four rates at a time; the compiler lowers it to what the machine has. Aligned to doubles alone. */
typedef double quad __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t quad_mask __attribute__((vector_size(32)));

CLONES void envelope_add(struct envelope *restrict e, const double rate[restrict ENVELOPE_RATES], double dt)
{
    for (int i = 0; i < ENVELOPE_RATES; i += 4) {
        quad *level = (quad *)&e->level[i], *burst = (quad *)&e->burst[i];
        quad left = *level - *(const quad *)&rate[i] * dt;
        left = (quad)((quad_mask)left & (left > 0)) + 1;
        quad_mask more = left > *burst;
        *level = left;
        *burst = (quad)(((quad_mask)left & more) | ((quad_mask)*burst & ~more));
    }
}
