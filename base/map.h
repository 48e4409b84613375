/* map: finds rows of an array by their 64-bit hash. The array is the owner's; each row begins with its hash (uint64_t),
 * which is its identity: equal hashes are the same row. Hashes of what traffic chooses must be keyed (base/hash.h). 8
 * bytes a position, open addressing with linear probing, at most 64 steps; grows by doubling up to a bound. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefetch.h"

#define MAP_NONE UINT32_MAX

struct map_slot {
    uint32_t tag;   /* upper half of the hash; its low bits are the position */
    uint32_t index; /* row + 1; 0: free */
};

struct map {
    struct map_slot *slot;
    const char *rows;
    size_t unit;         /* bytes of a row */
    uint32_t mask, used; /* positions - 1 */
    uint32_t most;       /* rows it may come to hold */
};

enum { MAP_PROBES = 64 };

/* Rows of `unit` bytes at `rows`, which must not move. False: out of memory. */
bool map_init(struct map *m, const void *rows, size_t unit, uint32_t most);
void map_free(struct map *m);
/* Bytes that a map of so many rows comes to need while it grows, at most. */
size_t map_bytes(uint32_t most);
/* Enters a row that is not there. False: full, out of memory, or 64 steps were not enough; nothing changed then. */
bool map_insert(struct map *m, uint64_t hash, uint32_t row);
/* Takes a row out, if it is in. */
void map_remove(struct map *m, uint64_t hash, uint32_t row);

static inline uint64_t map_hash_at(const struct map *m, uint32_t row)
{
    return *(const uint64_t *)(const void *)(m->rows + (size_t)row * m->unit);
}

static inline void map_prefetch(const struct map *m, uint64_t hash)
{
    prefetch(&m->slot[(uint32_t)(hash >> 32) & m->mask]);
}

/* Asks for the row that the hash's own position names, most often the one, without a jump that would wait for the
 * position to come. */
static inline void map_guess(const struct map *m, uint64_t hash)
{
    uint32_t index = m->slot[(uint32_t)(hash >> 32) & m->mask].index;
    prefetch(m->rows + (size_t)(index - (index != 0)) * m->unit);
}

/* Asks for the first row whose tag is that of the hash, most likely the one, and says which; MAP_NONE: it is not there.
 */
static inline uint32_t map_expect(const struct map *m, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32), at = tag & m->mask;
    for (unsigned i = 0; i < MAP_PROBES; i++, at = (at + 1) & m->mask) {
        const struct map_slot *s = &m->slot[at];
        if (!s->index)
            return MAP_NONE;
        if (s->tag != tag)
            continue;
        const char *row = m->rows + (size_t)(s->index - 1) * m->unit;
        prefetch(row);
        if (m->unit > 64)
            prefetch(row + 64);
        return s->index - 1;
    }
    return MAP_NONE;
}

/* The row with this hash, or MAP_NONE. */
static inline uint32_t map_find(const struct map *m, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32), at = tag & m->mask;
    for (unsigned i = 0; i < MAP_PROBES; i++, at = (at + 1) & m->mask) {
        const struct map_slot *s = &m->slot[at];
        if (!s->index)
            return MAP_NONE;
        if (s->tag == tag && map_hash_at(m, s->index - 1) == hash)
            return s->index - 1;
    }
    return MAP_NONE;
}

/* The same, of what map_expect said; the map is as it was then. */
static inline uint32_t map_expected(const struct map *m, uint64_t hash, uint32_t row)
{
    return row == MAP_NONE || map_hash_at(m, row) == hash ? row : map_find(m, hash);
}

#endif
