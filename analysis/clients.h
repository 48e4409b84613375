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
#include "capture/exchange.h"

enum {
    CLIENTS_ADDRESSES = 64,
    CLIENTS_SHOWN = 16,
    CLIENTS_ADMIT = 32,
    CLIENTS_WORD = 8,
    CLIENTS_NAME = 64,
    CLIENTS_WAITING = 12,
    CLIENTS_MET = 6 << ROW_CLIENTS_BITS >> 3
};

struct client {
    uint64_t hash;
    uint64_t who; /* identity << 48 | 48-bit hash */
    uint64_t requests, bytes, errors, throttled;
    int64_t first_us, last_us; /* last: never runs backwards */
    int64_t minute;            /* the last one it was counted in */
    uint32_t id;               /* row id; 0: no row yet */
    uint32_t profile;          /* + 1 */
    uint32_t address;          /* the latest */
    uint32_t addresses;        /* block of ids; 0 while there is one at most */
    uint16_t n_addresses;      /* at most CLIENTS_ADDRESSES are told apart */
    uint8_t addresses_class;
    bool dirty;
    uint32_t from_id; /* where the last one came from: its id and itself; 0: nowhere yet */
    uint8_t from[16];
    uint32_t name; /* place + 1 in clients.names; 0: none */
    uint8_t from_known;
} __attribute__((aligned(128))); /* counts in the first cache line, the rest in the second */

/* What every visit changes comes first, and is asked for in this order: a line, and one of the peaks. What aligned
 * seconds, envelope and gaps are to know of visits waits: they are much memory, which is then fetched for many at once.
 */
struct profile {
    int64_t last_us;
    uint32_t client; /* row */
    bool started;
    uint8_t n_waiting;
    uint32_t waiting[CLIENTS_WAITING]; /* times since the visit before, microseconds; longer ones do not wait */
    struct peaks peaks;
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
/* Ask for the memory that a visit will touch: first the profile, then what it points to. */
void clients_prefetch(const struct clients *c, uint32_t row);
void clients_prefetch_rings(const struct clients *c, uint32_t row);
/* Counts one exchange of the row (MAP_NONE: into `(other)`). */
void clients_visit(struct clients *c, uint32_t row, const struct client_visit *v);
/* Row id to write into exchange records. */
uint32_t clients_id(struct clients *c, uint32_t row);
void clients_address(struct clients *c, struct client *at, uint32_t address);
/* The first of its addresses, in order of first use; returns how many were written. */
unsigned clients_addresses(const struct clients *c, const struct client *at, uint32_t out[CLIENTS_SHOWN]);
/* Tells aligned seconds, envelope and gaps what waits. */
void clients_settle(const struct clients *c, struct profile *p);
/* NULL when it has none now; to be settled before it is read. */
struct profile *clients_profile(const struct clients *c, const struct client *at);
/* Gives it a free profile and a row id; false when there is none free. `id` 0: the next one. */
bool clients_admit(struct clients *c, uint32_t row, uint32_t id);
void clients_touch(struct clients *c, uint32_t row);

#endif
