#include "base/map.h"

#include "base/pages.h"

enum { SMALLEST = 64 };

/* Positions for so many rows at a load of at most 1/2: beyond that 64 steps would now and then not be enough. */
static uint64_t positions_for(uint32_t rows)
{
    uint64_t n = SMALLEST;
    while (n / 2 < rows)
        n *= 2;
    return n;
}

bool map_init(struct map *m, const void *rows, size_t unit, uint32_t most)
{
    *m = (struct map){pages_table(SMALLEST * sizeof *m->slot), rows, unit, SMALLEST - 1, 0, most};
    return m->slot != NULL;
}

void map_free(struct map *m)
{
    pages_release(m->slot, ((size_t)m->mask + 1) * sizeof *m->slot);
    *m = (struct map){0};
}

size_t map_bytes(uint32_t most)
{
    return (size_t)(positions_for(most) * sizeof(struct map_slot) * 3 / 2);
}

static bool put(struct map_slot *slot, uint32_t mask, struct map_slot s)
{
    uint32_t at = s.tag & mask;
    for (unsigned i = 0; i < MAP_PROBES; i++, at = (at + 1) & mask)
        if (!slot[at].index) {
            slot[at] = s;
            return true;
        }
    return false;
}

static bool grow(struct map *m)
{
    uint32_t positions = (m->mask + 1) * 2;
    struct map_slot *slot = pages_table(positions * sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t i = 0; i <= m->mask; i++)
        if (m->slot[i].index &&
            !put(slot, positions - 1, m->slot[i])) { /* 64 steps: next to impossible at half the load */
            pages_release(slot, positions * sizeof *slot);
            return false;
        }
    pages_release(m->slot, ((size_t)m->mask + 1) * sizeof *m->slot);
    m->slot = slot;
    m->mask = positions - 1;
    return true;
}

bool map_insert(struct map *m, uint64_t hash, uint32_t row)
{
    if (m->used >= m->most)
        return false;
    if (m->used + 1 > m->mask / 2 && !grow(m))
        return false;
    if (!put(m->slot, m->mask, (struct map_slot){(uint32_t)(hash >> 32), row + 1}))
        return false;
    m->used++;
    return true;
}

/* Closes the hole by moving back what was pushed over it. */
static void close_hole(struct map *m, uint32_t hole)
{
    for (uint32_t at = (hole + 1) & m->mask; m->slot[at].index; at = (at + 1) & m->mask) {
        uint32_t home = m->slot[at].tag & m->mask;
        if (((at - home) & m->mask) < ((at - hole) & m->mask))
            continue;
        m->slot[hole] = m->slot[at];
        hole = at;
    }
    m->slot[hole] = (struct map_slot){0};
}

void map_remove(struct map *m, uint64_t hash, uint32_t row)
{
    uint32_t at = (uint32_t)(hash >> 32) & m->mask;
    for (unsigned i = 0; i < MAP_PROBES; i++, at = (at + 1) & m->mask) {
        if (!m->slot[at].index)
            return;
        if (m->slot[at].index != row + 1)
            continue;
        close_hole(m, at);
        m->used--;
        return;
    }
}
