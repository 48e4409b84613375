#include "analysis/slab.h"

#include "base/pages.h"

bool slab_init(struct slab *s, size_t unit, uint32_t most)
{
    *s = (struct slab){pages_reserve(unit * most), unit, 0, 0, most};
    return s->base;
}

void slab_ahead(struct slab *s)
{
    s->ready = (uint32_t)(pages_ahead(s->base, s->unit * s->used, s->unit * s->most) / s->unit);
    if (s->ready <= s->used)
        s->ready = s->used + 1; /* a row larger than what is asked for at once */
}

void slab_fini(struct slab *s)
{
    pages_release(s->base, s->unit * s->most);
    *s = (struct slab){0};
}
