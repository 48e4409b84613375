/* slab: an array whose address space is reserved at once and whose memory is touched as it fills, so that indices and
 * pointers stay good while it grows and an idle bound costs nothing. Rows are zero when first taken. */
#ifndef ANALYSIS_SLAB_H
#define ANALYSIS_SLAB_H

#include "base/map.h"

#define SLAB_NONE UINT32_MAX

struct slab {
    char *base;
    size_t unit;                /* bytes of a row */
    uint32_t used, ready, most; /* ready: rows whose memory was asked for */
};

/* False: no address space. */
bool slab_init(struct slab *s, size_t unit, uint32_t most);
/* The same for rows that are hit at random (pages_table). */
bool slab_init_table(struct slab *s, size_t unit, uint32_t most);
void slab_fini(struct slab *s);

/* Asks for the memory of all rows up to this one, and of some that come next. */
void slab_ahead(struct slab *s, uint32_t row);

/* Rows up to this one, below `most`, will be written soon: of a slab whose rows are not taken one by one. */
static inline void slab_reach(struct slab *s, uint32_t row)
{
    if (row >= s->ready)
        slab_ahead(s, row);
}

/* The next row, or SLAB_NONE when all are taken. */
static inline uint32_t slab_take(struct slab *s)
{
    if (s->used >= s->most)
        return SLAB_NONE;
    slab_reach(s, s->used);
    return s->used++;
}

static inline void *slab_at(const struct slab *s, uint32_t row)
{
    return s->base + (size_t)row * s->unit;
}

/* Row of a hash that rows begin with, taken when it is new; SLAB_NONE: no room. */
static inline uint32_t slab_row(struct slab *s, struct map *map, uint64_t hash)
{
    uint32_t row = map_find(map, hash);
    if (row != MAP_NONE)
        return row;
    row = s->used < s->most && map_insert(map, hash, s->used) ? slab_take(s) : SLAB_NONE;
    if (row != SLAB_NONE)
        *(uint64_t *)slab_at(s, row) = hash;
    return row;
}

static inline uint64_t slab_bytes(const struct slab *s)
{
    return (uint64_t)s->used * s->unit;
}

#endif
