/* clients: who called, how much and how fast (CONTRACT: clients[]; ALGORITHMS.md 7). Every client is counted. Four
 * fifths of the profiles (peaks, envelope, gaps) go to whom comes first, from the first arrival; the last fifth to
 * those whose guaranteed count in Space-Saving is
 * 32. No profile is taken away again, so that when rows are written cannot be seen in them. Who has none is summed in
 * `(other)`. */
#ifndef ANALYSIS_CLIENTS_H
#define ANALYSIS_CLIENTS_H

#include "analysis/blocks.h"
#include "analysis/budget.h"
#include "analysis/envelope.h"
#include "analysis/gaps.h"
#include "analysis/peaks.h"
#include "analysis/store/rows.h"
#include "base/hll.h"
#include "base/map.h"
#include "base/prefetch.h"
#include "capture/exchange.h"

enum {
    CLIENTS_ADDRESSES = 64,
    CLIENTS_SHOWN = 16,
    CLIENTS_ADMIT = 32,
    CLIENTS_WORD = 8,
    CLIENTS_NAME = 64,
    CLIENTS_WAITING = PEAKS_TOGETHER,
    CLIENTS_WAIT_US = INT32_MAX, /* after the visit before; later ones do not wait */
    CLIENTS_MET = 6 << ROW_CLIENTS_BITS >> 3
};

struct client {
    uint64_t hash;
    uint64_t who; /* identity << 48 | 48-bit hash */
    uint64_t requests, bytes, errors, throttled;
    int64_t first_us, last_us; /* last: never runs backwards */
    int64_t minute;            /* the last one it was counted in */
    uint64_t from_network;     /* addr_network_bits of where the last one came from, */
    uint8_t from[16];          /* itself, */
    uint32_t from_id;          /* and its id; 0: nowhere yet */
    uint8_t from_known;
    bool dirty;
    uint8_t addresses_class;
    uint32_t id;                 /* row id; 0: no row yet */
    uint32_t profile;            /* + 1 */
    uint32_t address;            /* the latest */
    uint32_t addresses;          /* block of ids; 0 while there is one at most */
    uint32_t name;               /* place + 1 in clients.names; 0: none */
    uint16_t n_addresses;        /* at most CLIENTS_ADDRESSES are told apart */
} __attribute__((aligned(128))); /* counts in the first cache line, the rest in the second */

_Static_assert(sizeof(struct client) == 128, "two lines");

/* What peaks, envelope and gaps are to know of visits waits in the first line: they are much memory, which is then
 * fetched for many at once. */
struct profile {
    bool started;
    uint8_t n_waiting, may_wait;      /* may: until then (peaks_calm) */
    int32_t waiting[CLIENTS_WAITING]; /* microseconds since the visit before */
    struct peaks peaks __attribute__((aligned(64)));
    struct envelope envelope;
    struct gaps gaps;
} __attribute__((aligned(64)));

struct client_sums {
    uint64_t requests, bytes, errors, throttled;
    int64_t first_us, last_us;
};

struct clients {
    uint64_t salt;
    struct slab rows, profiles, dirty;
    struct map map;
    struct blocks rings, lists;
    struct spacesaving *heavy; /* made when the profiles are all taken */
    uint32_t heavy_most;
    double rate[ENVELOPE_RATES];
    uint32_t next_id;
    uint32_t other;          /* row id of `(other)`; 0: nobody is in it */
    struct client_sums rest; /* what is in it */
    bool rest_dirty;
    uint64_t overflow; /* exchanges of clients that are not even counted one by one */
    bool estimated;    /* there are more of them than rows: some had no room, or none in the store over a restart */
    struct slab names; /* of CLIENTS_WORD octets: a length and so many octets; no room unless they are asked for */
    uint8_t met[CLIENTS_MET]; /* all of them (base/hll.h) */
};

/* What one exchange adds. */
struct client_visit {
    int64_t us;
    uint64_t bytes;
    uint32_t address;
    bool error, throttled;
};

bool clients_init(struct clients *c, const struct budget *b, const struct hash_key *key);
/* There will be names, in so many octets. False: no address space. */
bool clients_init_names(struct clients *c, uint64_t bytes);
/* What it is called, when it has no name yet: at most CLIENTS_NAME octets. Without room, or if none are to be kept, it
 * is left. */
void clients_name(struct clients *c, uint32_t row, struct slice name);
struct slice clients_named(const struct clients *c, const struct client *at); /* empty: it has none */
void clients_fini(struct clients *c);

static inline struct client *clients_at(const struct clients *c, uint32_t row)
{
    return (struct client *)(void *)c->rows.base + row;
}

/* Place in the table. The 48 bits are a keyed hash already; the salt keeps the place unknown to who reads the
 * pseudonyms. */
static inline uint64_t clients_hash(const struct clients *c, enum identity kind, uint64_t hash)
{
    return hash_mix(((uint64_t)kind << 48 | hash) + c->salt);
}

/* Row of the client, or MAP_NONE. */
static inline uint32_t clients_find(const struct clients *c, enum identity kind, uint64_t hash)
{
    return map_find(&c->map, clients_hash(c, kind, hash));
}

/* Row of the client, made on first sight; MAP_NONE when there is no room. */
uint32_t clients_row(struct clients *c, enum identity kind, uint64_t hash);
/* How many there are: exact while each has a row. */
uint64_t clients_count(const struct clients *c);
/* Those of an earlier run, of whom not all have rows. False: not as clients.met is. */
bool clients_meet(struct clients *c, const void *met, size_t n);
/* NULL when it has none now; to be settled before it is read. */
static inline struct profile *clients_profile(const struct clients *c, const struct client *at)
{
    return at->profile ? (struct profile *)(void *)c->profiles.base + (at->profile - 1) : NULL;
}

/* Asks for the memory that a visit will touch; then, with that there, for what it will touch if nothing may wait any
 * longer. */
static inline void clients_prefetch(const struct clients *c, uint32_t row)
{
    const struct profile *p = clients_profile(c, clients_at(c, row));
    if (p)
        prefetch(p);
}

void clients_prefetch_full(const struct profile *p);
static inline void clients_prefetch_rest(const struct clients *c, uint32_t row)
{
    const struct profile *p = clients_profile(c, clients_at(c, row));
    if (p && p->n_waiting + 1 == p->may_wait)
        clients_prefetch_full(p);
}

/* Counts one exchange of the row (MAP_NONE: into `(other)`). */
void clients_visit_any(struct clients *c, uint32_t row, const struct client_visit *v);

static inline void clients_count_visit(struct client *at, const struct client_visit *v)
{
    at->requests++;
    at->bytes += v->bytes;
    at->errors += v->error;
    at->throttled += v->throttled;
    at->first_us = v->us < at->first_us ? v->us : at->first_us;
    at->last_us = v->us > at->last_us ? v->us : at->last_us;
}

/* Whether a visit so long after the one before waits beside others, and nothing else comes of it. */
static inline bool clients_waits(const struct client *at, const struct profile *p, const struct client_visit *v,
                                 int64_t dt)
{
    return p->n_waiting + 1 < p->may_wait && dt <= CLIENTS_WAIT_US && at->dirty && v->address == at->address;
}

/* The same. Most are of clients that are followed, come from where they came from before, and wait. */
static inline void clients_visit(struct clients *c, uint32_t row, const struct client_visit *v)
{
    struct client *at = row == MAP_NONE ? NULL : clients_at(c, row);
    if (at && at->profile) {
        struct profile *p = clients_profile(c, at);
        int64_t dt = v->us > at->last_us ? v->us - at->last_us : 0;
        if (clients_waits(at, p, v, dt)) {
            clients_count_visit(at, v);
            p->waiting[p->n_waiting++] = (int32_t)dt;
            return;
        }
    }
    clients_visit_any(c, row, v);
}

/* Row id to write into exchange records. */
static inline uint32_t clients_id(const struct clients *c, uint32_t row)
{
    return row != MAP_NONE && clients_at(c, row)->id ? clients_at(c, row)->id : c->other;
}

void clients_address(struct clients *c, struct client *at, uint32_t address);
/* The first of its addresses, in order of first use; returns how many were written. */
unsigned clients_addresses(const struct clients *c, const struct client *at, uint32_t out[CLIENTS_SHOWN]);
/* Tells peaks, envelope and gaps of a client what waits. */
void clients_settle(struct clients *c, const struct client *at);
/* Gives it a free profile and a row id; false when there is none free. `id` 0: the next one. */
bool clients_admit(struct clients *c, uint32_t row, uint32_t id);
void clients_touch(struct clients *c, uint32_t row);

#endif
