/* keys: the keys that are followed, their endpoints, names and the slots of their variants. Bounded: when its share of
 * memory is used up (rows, bytes of names or slots) the caller drops some (analysis/admission.h); rows then move up, in
 * order, with their names, and `generation` says so: a row number or a borrowed name is good within one generation, the
 * id for ever. The bound depends on
 * the traffic alone, never on when names were written. */
#ifndef ANALYSIS_KEYS_H
#define ANALYSIS_KEYS_H

#include "analysis/budget.h"
#include "analysis/ladder.h"
#include "analysis/sampling.h"
#include "analysis/slab.h"
#include "analysis/today.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/prefetch.h"
#include "base/slice.h"

enum { KEYS_VARIANTS = 1024 }; /* of a key: else a field that Vary names could fill the table with one key */

struct key {
    uint64_t hash;
    int64_t last_us;    /* arrival; time never runs backwards for a key */
    int64_t written_us; /* last successful write to the target; INT64_MIN: none */
    uint32_t slot;      /* the variant visited last, + 1 */
    uint32_t content;   /* of the previous eligible answer; 0 unknown */
    uint32_t name;      /* where its text begins: method, service, target */
    uint32_t target_n;
    uint32_t tag, tag_content; /* the tag learned last and what it stands for */
    uint32_t tag_s;            /* arrival of the answer it was learned from, Unix seconds */
    uint32_t full_bytes;       /* body of its latest full answer; 0: none yet */
    uint16_t endpoint;         /* may be an alias by now; ids fit by analysis/budget.def */
    uint16_t service_n, vary;  /* vary: list of its last response that had one */
    uint8_t method_n;
    bool eligible : 1, tag_strong : 1; /* eligible: was looked up before */
    bool query : 1, hot : 1;           /* query: the target has one; hot: followed whatever its hash */
    bool operation : 1, safe : 1;      /* its name has an operation; that changes nothing */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct key) == 64, "a key is one cache line");

struct keys {
    struct slab rows, names, slots;
    struct map map, slot_map;
    struct slab ids;      /* by row, ascending; used from the first drop on, row + 1 before */
    struct slab owners;   /* key row of each slot */
    struct slab today;    /* struct today of each slot; meaningful where it says so */
    struct slab counted;  /* struct sampling_key by row, where the endpoint is sampled */
    struct slab promoted; /* ids of hot keys, in order of promotion */
    uint32_t next_id;
    uint32_t generation;    /* how often rows moved */
    uint32_t written;       /* rows handed to the store */
    uint32_t promoted_told; /* hot keys of which the store knows */
};

bool keys_init(struct keys *k, const struct budget *b);
void keys_fini(struct keys *k);

static inline struct key *keys_at(const struct keys *k, uint32_t row)
{
    return (struct key *)(void *)k->rows.base + row;
}

/* Row of a key, or MAP_NONE. */
static inline uint32_t keys_find(const struct keys *k, uint64_t hash)
{
    return map_find(&k->map, hash);
}

/* What names the key in exchange blocks and in the store. */
static inline uint32_t keys_id(const struct keys *k, uint32_t row)
{
    return k->generation ? *(const uint32_t *)slab_at(&k->ids, row) : row + 1;
}

static inline struct sampling_key *keys_counted(const struct keys *k, const struct key *at)
{
    return (struct sampling_key *)slab_at(&k->counted, (uint32_t)(at - (const struct key *)(const void *)k->rows.base));
}

/* Whether a new key with a name of so many bytes, and a slot, might find no room. */
static inline bool keys_tight(const struct keys *k, size_t name_n)
{
    return k->rows.used == k->rows.most || k->slots.used == k->slots.most || k->names.most - k->names.used < name_n;
}

/* Row with this id, or MAP_NONE. */
uint32_t keys_row(const struct keys *k, uint32_t id);
/* The next new key gets this id, which none has reached; before the first drop only, the last row's id + 1 is given. */
void keys_number(struct keys *k, uint32_t id);
/* From now on hot. False: there are enough of them. */
bool keys_promote(struct keys *k, uint32_t row);
/* None is hot any more. */
void keys_demote(struct keys *k);
/* Drops the keys that `keeps` does not want, with their slots and names. False: out of memory, nothing is changed. */
bool keys_drop(struct keys *k, bool (*keeps)(void *context, const struct key *at), void *context);

/* Which operation of an API a request asks for; name n 0: none is told. */
struct keys_operation {
    struct slice name; /* at most UINT8_MAX octets */
    bool safe;
};

/* A new key; MAP_NONE when there is no room. HEAD is named GET. */
uint32_t keys_add(struct keys *k, uint64_t hash, struct slice method, struct slice service, struct slice target,
                  struct keys_operation operation);
struct slice keys_method(const struct keys *k, const struct key *at);
struct slice keys_service(const struct keys *k, const struct key *at);
struct slice keys_target(const struct keys *k, const struct key *at);
struct keys_operation keys_operation(const struct keys *k, const struct key *at);
/* The one visited last; there is one. */
static inline const struct ladder_slot *keys_slot_at(const struct keys *k, const struct key *at)
{
    return (const struct ladder_slot *)(const void *)k->slots.base + at->slot - 1;
}

/* Slot of a variant by its hash, one that was not visited last; as keys_slot. */
struct ladder_slot *keys_slot_of(struct keys *k, struct key *at, uint64_t hash, int64_t now);

/* Slot of a variant, a fresh one at `now` (ms) if there was none; NULL when there is no room, or the key has
 * KEYS_VARIANTS. */
static inline struct ladder_slot *keys_slot(struct keys *k, struct key *at, uint32_t variant, int64_t now)
{
    uint64_t hash = hash_mix(at->hash + variant * 0xd6e8feb86659fd93u); /* the key's hash is keyed already */
    if (at->slot && keys_slot_at(k, at)->hash == hash)
        return (struct ladder_slot *)(void *)k->slots.base + (at->slot - 1);
    return keys_slot_of(k, at, hash, now);
}

static inline struct today *keys_today(const struct keys *k, const struct ladder_slot *slot)
{
    return (struct today *)(void *)k->today.base + (slot - (const struct ladder_slot *)(const void *)k->slots.base);
}

/* Asks for the cache lines of the slot that will most likely be visited. */
static inline void keys_prefetch_slot(const struct keys *k, const struct key *at)
{
    if (!at->slot)
        return;
    const char *p = (const char *)keys_slot_at(k, at);
    prefetch(p);
    prefetch(p + 64);
    prefetch(p + 128);
    prefetch(p + 192);
}

#endif
