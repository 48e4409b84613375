#include "analysis/etags.h"

#include "base/hash.h"

bool etags_init(struct etags *e, uint32_t most)
{
    e->next = 0;
    e->evicted = 0;
    return slab_init(&e->rows, sizeof(struct etag_row), most) && map_init(&e->map, e->rows.base, e->rows.unit, most);
}

void etags_fini(struct etags *e)
{
    map_free(&e->map);
    slab_fini(&e->rows);
}

/* The key's hash is keyed already. */
static uint64_t hash_of(uint64_t key, uint32_t tag)
{
    return hash_mix(key + tag * 0x9e3779b97f4a7c15u);
}

static struct etag_row *row_at(const struct etags *e, uint32_t at)
{
    return slab_at(&e->rows, at);
}

static uint32_t oldest(struct etags *e)
{
    uint32_t at = e->next;
    e->next = at + 1 < e->rows.most ? at + 1 : 0;
    map_remove(&e->map, row_at(e, at)->hash, at);
    e->evicted++;
    return at;
}

void etags_learn(struct etags *e, uint64_t key, uint32_t tag, uint32_t content)
{
    uint64_t hash = hash_of(key, tag);
    uint32_t at = map_find(&e->map, hash);
    if (at != MAP_NONE) {
        row_at(e, at)->content = content;
        return;
    }
    at = slab_take(&e->rows);
    if (at == SLAB_NONE)
        at = oldest(e);
    *row_at(e, at) = (struct etag_row){hash, content};
    map_insert(&e->map, hash, at);
}

void etags_prefetch(const struct etags *e, uint64_t key, uint32_t tag)
{
    map_prefetch(&e->map, hash_of(key, tag));
}

uint32_t etags_content(const struct etags *e, uint64_t key, uint32_t tag)
{
    uint32_t at = map_find(&e->map, hash_of(key, tag));
    return at == MAP_NONE ? 0 : row_at(e, at)->content;
}
