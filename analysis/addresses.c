#include "analysis/addresses.h"

bool addresses_init(struct addresses *a, const struct hash_key *key, uint32_t most)
{
    memset(a, 0, sizeof *a);
    a->key = *key;
    return slab_init(&a->rows, sizeof(struct address), most) && map_init(&a->map, a->rows.base, a->rows.unit, most);
}

void addresses_fini(struct addresses *a)
{
    map_free(&a->map);
    slab_fini(&a->rows);
}

static uint32_t look_up(struct addresses *a, struct address_words w)
{
    uint64_t hash = hash_words(&a->key, w.w, 3);
    uint32_t row = map_find(&a->map, hash);
    if (row != MAP_NONE)
        return row + 1;
    if (a->rows.used == a->rows.most || !map_insert(&a->map, hash, a->rows.used)) {
        a->overflow++;
        return 0;
    }
    row = slab_take(&a->rows);
    struct address *at = slab_at(&a->rows, row);
    at->hash = hash;
    memcpy(at->addr.ip, w.w, 16);
    at->addr.port = (uint16_t)w.w[2];
    at->addr.known = (uint8_t)(w.w[2] >> 16);
    a->networks |= at->addr.known == ADDR_NETWORK;
    at->network = addr_network_bits(&at->addr);
    return row + 1;
}

uint32_t addresses_look_up(struct addresses *a, struct address_words w, struct addresses_memo *memo)
{
    *memo = (struct addresses_memo){w, look_up(a, w)};
    return memo->id;
}
