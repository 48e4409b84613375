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

struct words {
    uint64_t w[3];
};

static struct words words_of(const struct addr *addr, bool with_port)
{
    struct words out;
    memcpy(out.w, addr->ip, 16);
    out.w[2] = (with_port ? addr->port : 0) | (uint64_t)addr->known << 16;
    return out;
}

static bool same(const struct addr *a, struct words b)
{
    return memcmp(a->ip, b.w, 16) == 0 && (a->port | (uint64_t)a->known << 16) == b.w[2];
}

static uint32_t look_up(struct addresses *a, struct words w)
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
    at->network = addr_network_bits(&at->addr);
    return row + 1;
}

uint32_t addresses_id(struct addresses *a, const struct addr *addr, bool with_port)
{
    if (!addr->known)
        return 0;
    struct words w = words_of(addr, with_port);
    uint32_t *memo = &a->memo[(w.w[0] ^ w.w[1] ^ w.w[2] << 7) * 0x9e3779b97f4a7c15u >> ADDRESSES_SHIFT];
    if (!*memo || !same(addresses_at(a, *memo), w))
        *memo = look_up(a, w);
    return *memo;
}
