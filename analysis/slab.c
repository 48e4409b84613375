#include "analysis/slab.h"

#include "base/pages.h"

enum { LARGE = 64 << 10 }; /* a row of which parts may stay untouched */

bool slab_init(struct slab *s, size_t unit, uint32_t most)
{
    bool large = unit >= LARGE;
    *s = (struct slab){pages_reserve(unit * most), unit, 0, large ? most : 0, most};
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
