#include "analysis/slab.h"

#include "base/pages.h"

bool slab_init(struct slab *s, size_t unit, uint32_t most)
{
    *s = (struct slab){pages_reserve(unit * most), unit, 0, 0, most};
    return s->base;
}

void slab_ahead(struct slab *s, uint32_t row)
{
    do {
        uint32_t there = (uint32_t)(pages_ahead(s->base, s->unit * s->ready, s->unit * s->most) / s->unit);
        s->ready = there > s->ready ? there : s->ready + 1; /* or a row is larger than what is asked for at once */
    } while (s->ready <= row);
}

void slab_fini(struct slab *s)
{
    pages_release(s->base, s->unit * s->most);
    *s = (struct slab){0};
}
