/* keys: the keys that are followed, their endpoints, names and the slots of their variants. What most exchanges need of
 * a key lies side by side, in one page: pages cost more to find than lines. Bounded: when its share of memory is used
 * up (rows, bytes of names or slots of further variants) the caller drops some (analysis/admission.h); rows then move
 * up, in order, with their names, and `generation` says so: a row number or a borrowed name is good within one
 * generation, the id for ever. The bound depends on the traffic alone, never on when names were written. */
#ifndef ANALYSIS_KEYS_H
#define ANALYSIS_KEYS_H

#include "analysis/budget.h"
#include "analysis/ladder.h"
#include "analysis/sampling.h"
#include "analysis/slab.h"
#include "analysis/today.h"
#include "analysis/writes.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/prefetch.h"
#include "base/slice.h"

enum { KEYS_VARIANTS = 1024 }; /* of a key: else a field that Vary names could fill the table with one key */

struct key {
    uint64_t hash;
    int64_t last_us;                   /* arrival; time never runs backwards for a key */
    int64_t written_us;                /* last successful write to the target; INT64_MIN: none */
    uint32_t slot : 26;                /* of the variant visited last: 0: none yet, 1: `own`, row + 2 of another */
    bool eligible : 1, tag_strong : 1; /* eligible: was looked up before */
    bool query : 1, hot : 1;           /* query: the target has one; hot: followed whatever its hash */
    bool operation : 1, safe : 1;      /* its name has an operation; that changes nothing */
    uint32_t content;                  /* of the previous eligible answer; 0 unknown */
    uint32_t tag, tag_content;         /* the tag learned last and what it stands for */
    uint32_t tag_s;                    /* arrival of the answer it was learned from, Unix seconds */
    uint32_t full_bytes;               /* body of its latest full answer; 0: none yet */
    uint16_t endpoint;                 /* may be an alias by now; ids fit by analysis/budget.def */
    uint16_t vary;                     /* list of its last response that had one */
    struct today today;                /* beside `own`; meaningful where that says so */
    /* lines two to five */
    struct ladder_slot own; /* of the variant that came first; in the place of its hash the variant */
    /* line six: what few exchanges read */
    struct writes_name written; /* names that a write may bind it by; uri 0: not made yet */
    uint32_t name;              /* where its text begins: method, service, target */
    uint32_t target_n;
    uint16_t service_n;
    uint8_t method_n;
    bool plain; /* the target is its own text (analysis/target.h) */
};

_Static_assert(offsetof(struct key, own) == 64 && sizeof(struct key) == 384, "a key is six cache lines");

enum { KEYS_OWN = 1, KEYS_FURTHER = 2 }; /* key.slot */

struct keys {
    struct slab rows, names, slots;
    struct map map, slot_map;
    struct slab ids;      /* by row, ascending; used from the first drop on, row + 1 before */
    struct slab owners;   /* key row of each further slot */
    struct slab today;    /* struct today of each of these */
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
static inline struct ladder_slot *keys_slot_at(const struct keys *k, const struct key *at)
{
    const struct ladder_slot *further = (const struct ladder_slot *)(const void *)k->slots.base;
    return (struct ladder_slot *)(at->slot == KEYS_OWN ? &at->own : &further[at->slot - KEYS_FURTHER]);
}

/* Slot of a variant that is not in use as `own`, or not yet; as keys_slot. */
struct ladder_slot *keys_slot_of(struct keys *k, struct key *at, uint32_t variant, int64_t now);

/* Slot of a variant, a fresh one at `now` (ms) if there was none; NULL when there is no room, or the key has
 * KEYS_VARIANTS. From now on the one visited last. */
static inline struct ladder_slot *keys_slot(struct keys *k, struct key *at, uint32_t variant, int64_t now)
{
    if (!at->slot || at->own.hash != variant)
        return keys_slot_of(k, at, variant, now);
    at->slot = KEYS_OWN;
    return &at->own;
}

/* What stands beside the slot visited last. */
static inline struct today *keys_today(const struct keys *k, const struct key *at)
{
    const struct today *further = (const struct today *)(const void *)k->today.base;
    return (struct today *)(at->slot == KEYS_OWN ? &at->today : &further[at->slot - KEYS_FURTHER]);
}

/* Asks for what an exchange of the key in that row will most likely need. */
static inline void keys_prefetch(const struct keys *k, uint32_t row)
{
    prefetch_lines(keys_at(k, row), offsetof(struct key, written));
}

/* The same of what is not in its row; that is there by now. */
static inline void keys_prefetch_slot(const struct keys *k, const struct key *at)
{
    if (at->slot < KEYS_FURTHER)
        return;
    prefetch_lines(keys_slot_at(k, at), sizeof(struct ladder_slot));
    prefetch(keys_today(k, at));
}

#endif
