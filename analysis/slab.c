#include "analysis/slab.h"

#include "base/pages.h"

enum { LARGE = 64 << 10 }; /* a row of which parts may stay untouched */

static bool start(struct slab *s, void *base, size_t unit, uint32_t ready, uint32_t most)
{
    *s = (struct slab){base, unit, 0, ready, most};
    return base;
}

bool slab_init(struct slab *s, size_t unit, uint32_t most)
{
    return start(s, pages_reserve(unit * most), unit, unit < LARGE ? 0 : most, most);
}

bool slab_init_table(struct slab *s, size_t unit, uint32_t most)
{
    return start(s, pages_table(unit * most), unit, most, most);
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
