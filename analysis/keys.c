#include "analysis/keys.h"

#include <string.h>

#include "base/hash.h"

bool keys_init(struct keys *k, const struct budget *b)
{
    k->written = 0;
    return slab_init(&k->rows, sizeof(struct key), b->most[ROOM_KEYS]) &&
           slab_init(&k->names, 1, b->most[ROOM_NAMES]) &&
           slab_init(&k->slots, sizeof(struct ladder_slot), b->most[ROOM_SLOTS]) &&
           map_init(&k->map, k->rows.base, k->rows.unit, b->most[ROOM_KEYS]) &&
           map_init(&k->slot_map, k->slots.base, k->slots.unit, b->most[ROOM_SLOTS]);
}

void keys_fini(struct keys *k)
{
    map_free(&k->map);
    map_free(&k->slot_map);
    slab_fini(&k->rows);
    slab_fini(&k->names);
    slab_fini(&k->slots);
}

static void put_name(struct keys *k, struct slice s)
{
    if (s.n)
        memcpy(k->names.base + k->names.used, s.p, s.n);
    k->names.used += (uint32_t)s.n;
}

uint32_t keys_add(struct keys *k, uint64_t hash, struct slice method, struct slice service, struct slice target)
{
    if (slice_eq(method, SLICE("HEAD")))
        method = SLICE("GET");
    method = slice_sub(method, 0, UINT8_MAX);
    service = slice_sub(service, 0, UINT16_MAX);
    if (k->names.most - k->names.used < method.n + service.n + target.n || k->rows.used == k->rows.most)
        return MAP_NONE;
    struct key *at = keys_at(k, k->rows.used);
    *at = (struct key){.hash = hash,
                       .last_us = INT64_MIN,
                       .written_us = INT64_MIN,
                       .name = k->names.used,
                       .target_n = (uint32_t)target.n,
                       .service_n = (uint16_t)service.n,
                       .method_n = (uint8_t)method.n,
                       .query = slice_find(target, '?', 0) < target.n};
    if (!map_insert(&k->map, hash, k->rows.used))
        return MAP_NONE;
    put_name(k, method);
    put_name(k, service);
    put_name(k, target);
    return slab_take(&k->rows);
}

struct slice keys_method(const struct keys *k, const struct key *at)
{
    return slice_of(k->names.base + at->name, at->method_n);
}

struct slice keys_service(const struct keys *k, const struct key *at)
{
    return slice_of(k->names.base + at->name + at->method_n, at->service_n);
}

struct slice keys_target(const struct keys *k, const struct key *at)
{
    return slice_of(k->names.base + at->name + at->method_n + at->service_n, at->target_n);
}

static struct ladder_slot *slot_at(const struct keys *k, uint32_t row)
{
    return slab_at(&k->slots, row);
}

static uint32_t new_slot(struct keys *k, uint64_t hash, int64_t now)
{
    if (k->slots.used == k->slots.most)
        return MAP_NONE;
    struct ladder_slot *s = slot_at(k, k->slots.used);
    s->hash = hash;
    ladder_reset(s, now);
    return map_insert(&k->slot_map, hash, k->slots.used) ? slab_take(&k->slots) : MAP_NONE;
}

struct ladder_slot *keys_slot(struct keys *k, struct key *at, uint32_t variant, int64_t now)
{
    uint64_t hash = hash_mix(at->hash + variant * 0xd6e8feb86659fd93u); /* the key's hash is keyed already */
    if (at->slot && slot_at(k, at->slot - 1)->hash == hash)
        return slot_at(k, at->slot - 1);
    uint32_t row = at->slot ? map_find(&k->slot_map, hash) : MAP_NONE;
    if (row == MAP_NONE)
        row = new_slot(k, hash, now);
    if (row == MAP_NONE)
        return NULL;
    at->slot = row + 1;
    return slot_at(k, row);
}
