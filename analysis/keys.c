#include "analysis/keys.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/target.h"

enum { HOT_SHARE = 8 }; /* one of so many keys may be hot */

bool keys_init(struct keys *k, const struct budget *b)
{
    uint32_t rows = b->most[ROOM_KEYS], slots = b->most[ROOM_SLOTS];
    k->written = k->generation = k->promoted_told = 0;
    k->next_id = 1;
    return slab_init_table(&k->rows, sizeof(struct key), rows) && slab_init(&k->names, 1, b->most[ROOM_NAMES]) &&
           slab_init(&k->slots, sizeof(struct ladder_slot), slots) && slab_init(&k->ids, sizeof(uint32_t), rows) &&
           slab_init(&k->owners, sizeof(uint32_t), slots) && slab_init(&k->today, sizeof(struct today), slots) &&
           slab_init(&k->counted, sizeof(struct sampling_key), rows) &&
           slab_init(&k->promoted, sizeof(uint32_t), rows / HOT_SHARE) &&
           map_init(&k->map, k->rows.base, k->rows.unit, rows) &&
           map_init(&k->slot_map, k->slots.base, k->slots.unit, slots);
}

void keys_fini(struct keys *k)
{
    struct slab *slabs[] = {&k->rows, &k->names, &k->slots, &k->ids, &k->owners, &k->today, &k->counted, &k->promoted};
    map_free(&k->map);
    map_free(&k->slot_map);
    for (size_t i = 0; i < sizeof slabs / sizeof *slabs; i++)
        slab_fini(slabs[i]);
}

static void put_name(struct keys *k, struct slice s)
{
    if (s.n)
        slice_copy(k->names.base + k->names.used, s);
    k->names.used += (uint32_t)s.n;
}

/* After the target: its length, its text. */
static void put_operation(struct keys *k, struct slice name)
{
    char n = (char)(unsigned char)name.n;
    put_name(k, slice_of(&n, name.n != 0));
    put_name(k, name);
}

static uint32_t name_length(const struct keys *k, const struct key *at)
{
    struct slice operation = keys_operation(k, at).name;
    return at->method_n + at->service_n + at->target_n + (uint32_t)operation.n + at->operation;
}

uint32_t keys_add(struct keys *k, uint64_t hash, struct slice method, struct slice service, struct slice target,
                  struct keys_operation operation)
{
    size_t operation_n = operation.name.n + (operation.name.n != 0);
    if (slice_eq(method, SLICE("HEAD")))
        method = SLICE("GET");
    method = slice_sub(method, 0, UINT8_MAX);
    service = slice_sub(service, 0, UINT16_MAX);
    if (k->names.most - k->names.used < method.n + service.n + target.n + operation_n || k->rows.used == k->rows.most)
        return MAP_NONE;
    struct key *at = keys_at(k, k->rows.used);
    slab_reach(&k->rows, k->rows.used);
    slab_reach(&k->ids, k->rows.used);
    *at = (struct key){.hash = hash,
                       .last_us = INT64_MIN,
                       .written_us = INT64_MIN,
                       .name = k->names.used,
                       .target_n = (uint32_t)target.n,
                       .service_n = (uint16_t)service.n,
                       .method_n = (uint8_t)method.n,
                       .query = slice_find(target, '?', 0) < target.n,
                       .plain = target_is_plain(target),
                       .operation = operation_n != 0,
                       .safe = operation.safe};
    if (!map_insert(&k->map, hash, k->rows.used))
        return MAP_NONE;
    slab_reach(&k->names, k->names.used + (uint32_t)(method.n + service.n + target.n + operation_n) - 1);
    put_name(k, method);
    put_name(k, service);
    put_name(k, target);
    put_operation(k, operation.name);
    *(uint32_t *)slab_at(&k->ids, k->rows.used) = k->next_id++;
    if (k->generation) /* before, it is zero */
        *keys_counted(k, at) = (struct sampling_key){0};
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

struct keys_operation keys_operation(const struct keys *k, const struct key *at)
{
    struct keys_operation none = {{"", 0}, false};
    if (!at->operation)
        return none;
    const char *p = k->names.base + at->name + at->method_n + at->service_n + at->target_n;
    return (struct keys_operation){slice_of(p + 1, (unsigned char)*p), at->safe};
}

static struct ladder_slot *slot_at(const struct keys *k, uint32_t row)
{
    return (struct ladder_slot *)(void *)k->slots.base + row;
}

static uint32_t *owner_at(const struct keys *k, uint32_t slot)
{
    return slab_at(&k->owners, slot);
}

static uint32_t new_slot(struct keys *k, uint64_t hash, int64_t now)
{
    if (k->slots.used == k->slots.most)
        return MAP_NONE;
    struct ladder_slot *s = slot_at(k, k->slots.used);
    slab_reach(&k->slots, k->slots.used);
    slab_reach(&k->owners, k->slots.used);
    slab_reach(&k->today, k->slots.used);
    s->hash = hash;
    ladder_reset(s, now);
    return map_insert(&k->slot_map, hash, k->slots.used) ? slab_take(&k->slots) : MAP_NONE;
}

/* The key has as many as it may. */
static bool variants_full(struct keys *k, struct key *at)
{
    struct sampling_key *c = keys_counted(k, at);
    if (c->variants + 1 >= KEYS_VARIANTS)
        return true;
    c->variants++;
    return false;
}

/* Of a variant that did not come first. */
static struct ladder_slot *further_slot(struct keys *k, struct key *at, uint64_t hash, int64_t now)
{
    uint32_t row = map_find(&k->slot_map, hash);
    if (row == MAP_NONE && !variants_full(k, at))
        row = new_slot(k, hash, now);
    if (row == MAP_NONE)
        return NULL;
    *owner_at(k, row) = (uint32_t)(at - keys_at(k, 0));
    at->slot = row + KEYS_FURTHER;
    return slot_at(k, row);
}

struct ladder_slot *keys_slot_of(struct keys *k, struct key *at, uint32_t variant, int64_t now)
{
    if (at->slot) {
        uint64_t hash = hash_mix(at->hash + variant * 0xd6e8feb86659fd93u); /* the key's hash is keyed already */
        bool last = at->slot != KEYS_OWN && keys_slot_at(k, at)->hash == hash;
        return last ? keys_slot_at(k, at) : further_slot(k, at, hash, now);
    }
    at->own.hash = variant;
    ladder_reset(&at->own, now);
    at->slot = KEYS_OWN;
    return &at->own;
}

uint32_t keys_row(const struct keys *k, uint32_t id)
{
    uint32_t from = 0, to = k->rows.used;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (*(const uint32_t *)slab_at(&k->ids, middle) < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < k->rows.used && *(const uint32_t *)slab_at(&k->ids, from) == id ? from : MAP_NONE;
}

void keys_number(struct keys *k, uint32_t id)
{
    if (id > k->next_id) {
        k->next_id = id;
        k->generation++; /* from now on ids are no row numbers */
    }
}

bool keys_promote(struct keys *k, uint32_t row)
{
    uint32_t at = slab_take(&k->promoted);
    if (at == SLAB_NONE)
        return false;
    *(uint32_t *)slab_at(&k->promoted, at) = *(uint32_t *)slab_at(&k->ids, row);
    keys_at(k, row)->hot = true;
    return true;
}

void keys_demote(struct keys *k)
{
    for (uint32_t row = 0; row < k->rows.used; row++)
        keys_at(k, row)->hot = false;
    k->promoted.used = k->promoted_told = 0;
}

/* ---- dropping: what stays moves up, in order ---- */

/* Anew rather than hole by hole: that half of it goes is usual. What 64 steps do not find (next to impossible) starts
 * over as a new key. */
static void remap(struct map *m, const struct slab *rows)
{
    memset(m->slot, 0, ((size_t)m->mask + 1) * sizeof *m->slot);
    m->used = 0;
    for (uint32_t i = 0; i < rows->used; i++)
        map_insert(m, *(const uint64_t *)slab_at(rows, i), i);
}

static void move_name(struct keys *k, struct key *at, uint32_t to)
{
    memmove(k->names.base + to, k->names.base + at->name, name_length(k, at));
    at->name = to;
}

static void move_row(const struct slab *s, uint32_t from, uint32_t to)
{
    if (from != to)
        memcpy(slab_at(s, to), slab_at(s, from), s->unit);
}

/* moved[row] becomes the new row, or MAP_NONE. */
static void drop_rows(struct keys *k, bool (*keeps)(void *context, const struct key *at), void *context,
                      uint32_t *moved)
{
    uint32_t kept = 0, names = 0, written = 0;
    for (uint32_t row = 0; row < k->rows.used; row++) {
        struct key *at = keys_at(k, row);
        moved[row] = MAP_NONE;
        if (!keeps(context, at))
            continue;
        move_name(k, at, names);
        names += name_length(k, at);
        written += row < k->written;
        at->written.uri = 0; /* its route may have become another's */
        move_row(&k->rows, row, kept);
        move_row(&k->ids, row, kept);
        move_row(&k->counted, row, kept);
        moved[row] = kept++;
    }
    k->rows.used = kept;
    k->names.used = names;
    k->written = written;
}

static void drop_slots(struct keys *k, const uint32_t *moved)
{
    uint32_t kept = 0;
    for (uint32_t slot = 0; slot < k->slots.used; slot++) {
        uint32_t owner = moved[*owner_at(k, slot)];
        if (owner == MAP_NONE)
            continue;
        struct key *at = keys_at(k, owner);
        if (at->slot == slot + KEYS_FURTHER)
            at->slot = kept + KEYS_FURTHER; /* no later slot has that number any more */
        move_row(&k->slots, slot, kept);
        move_row(&k->today, slot, kept);
        *owner_at(k, kept++) = owner;
    }
    k->slots.used = kept;
}

bool keys_drop(struct keys *k, bool (*keeps)(void *context, const struct key *at), void *context)
{
    uint32_t *moved = malloc(((size_t)k->rows.used + 1) * sizeof *moved);
    if (!moved)
        return false;
    drop_rows(k, keeps, context, moved);
    drop_slots(k, moved);
    free(moved);
    remap(&k->map, &k->rows);
    remap(&k->slot_map, &k->slots);
    k->generation++;
    return true;
}
