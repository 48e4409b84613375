#include "analysis/slab.h"

#include "base/pages.h"

bool slab_init(struct slab *s, size_t unit, uint32_t most)
{
    *s = (struct slab){pages_reserve(unit * most), unit, 0, 0, most};
    return s->base;
}

void slab_ahead(struct slab *s, uint32_t row)
{
    s->ready = pages_rows(s->base, s->unit, s->ready, row, s->most);
}

void slab_fini(struct slab *s)
{
    pages_release(s->base, s->unit * s->most);
    *s = (struct slab){0};
}
