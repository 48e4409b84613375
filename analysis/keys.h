/* keys: every key seen, its endpoint, its name and the slots of its variants. Bounded: beyond its share of memory (rows
 * or bytes of names) new keys are not tracked, which the caller counts. The bound depends on the traffic alone, never
 * on when names were written. */
#ifndef ANALYSIS_KEYS_H
#define ANALYSIS_KEYS_H

#include "analysis/budget.h"
#include "analysis/ladder.h"
#include "analysis/slab.h"
#include "base/map.h"
#include "base/slice.h"

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
    bool eligible : 1, tag_strong : 1, query : 1; /* eligible: was looked up before; query: the target has one */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct key) == 64, "a key is one cache line");

struct keys {
    struct slab rows, names, slots;
    struct map map, slot_map;
    uint32_t written; /* keys handed to the store */
};

bool keys_init(struct keys *k, const struct budget *b);
void keys_fini(struct keys *k);

static inline struct key *keys_at(const struct keys *k, uint32_t row)
{
    return (struct key *)slab_at(&k->rows, row);
}

/* Row of a key, or MAP_NONE. Its id is row + 1. */
static inline uint32_t keys_find(const struct keys *k, uint64_t hash)
{
    return map_find(&k->map, hash);
}

/* A new key; MAP_NONE when there is no room. HEAD is named GET. */
uint32_t keys_add(struct keys *k, uint64_t hash, struct slice method, struct slice service, struct slice target);
struct slice keys_method(const struct keys *k, const struct key *at);
struct slice keys_service(const struct keys *k, const struct key *at);
struct slice keys_target(const struct keys *k, const struct key *at);
/* Slot of a variant, a fresh one at `now` (ms) if there was none; NULL when there is no room. */
struct ladder_slot *keys_slot(struct keys *k, struct key *at, uint32_t variant, int64_t now);

/* Asks for the cache lines of the slot that will most likely be visited. */
static inline void keys_prefetch_slot(const struct keys *k, const struct key *at)
{
    if (!at->slot)
        return;
    const char *p = slab_at(&k->slots, at->slot - 1);
    __builtin_prefetch(p, 1);
    __builtin_prefetch(p + 64, 1);
    __builtin_prefetch(p + 128, 1);
    __builtin_prefetch(p + 192, 1);
}

#endif
