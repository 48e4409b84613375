/* replay: the recorded arrivals once more, in order, against a cache or a limit that is not there (CONTRACT section 6:
 * whatif). Reads the exchange blocks of a DB; knows nothing of how the result is shown. Time never runs backwards for a
 * key or for what a limit counts by (ALGORITHMS.md 0.2). */
#ifndef ANALYSIS_REPLAY_H
#define ANALYSIS_REPLAY_H

#include "analysis/capacity.h"
#include "analysis/limiter.h"
#include "analysis/named.h"
#include "analysis/ttlcache.h"

enum { REPLAY_SLOTS = 1 << 24, REPLAY_COUNTED = 1 << 22 };

/* What a limit counts by. */
enum replay_per { REPLAY_CLIENT, REPLAY_ADDRESS, REPLAY_SERVICE, REPLAY_ENDPOINT, REPLAY_PERS };

extern const char *const replay_pers[REPLAY_PERS]; /* names: "client", ... */

/* One endpoint behind a cache. */
struct replay_ttl {
    uint32_t endpoint; /* as resolved by named_find */
    int64_t ttl_us;
    struct ttlcache_sums sums; /* result */
    struct capacity *capacity; /* is shown the look-ups, too; NULL: not asked for */
    uint64_t unkept;           /* result: look-ups of what the product keeps no answers of, for what they vary on */
    uint64_t untracked;        /* result: eligible, but its key had no name or there was no room for a slot */
};

/* One client (address, service, endpoint) under the limit. */
struct replay_counted {
    uint64_t hash;
    uint32_t id;
    struct slice name; /* text of struct replay */
    size_t name_at;
    struct limiter_key key;
    int64_t last_us, first_rejected_us, longest_wait_ms;
    uint64_t requests, rejected, delayed, run, longest_run; /* runs of rejected requests */
};

struct replay_options {
    struct named *named;
    enum ttlcache_profile profile;
    const uint32_t *key_of; /* another key, by that of the record (keyspec_map); NULL: the same */
    size_t n_keys;
    bool key_client; /* and each client has copies of its own */
    struct replay_ttl *ttl;
    size_t n_ttl;
    const struct limit *limit; /* NULL: none */
    enum replay_per per;
    void (*progress)(void *context, uint64_t done, uint64_t of); /* may be NULL */
    void *context;
};

struct replay {
    uint64_t records, audited;      /* replayed; exchanges the audit counted */
    int64_t from_us, to_us;         /* first and last arrival replayed; TIME_NONE (INT64_MIN): none */
    struct replay_counted *counted; /* most rejected first, then most requests, then by name */
    size_t n_counted;
    uint64_t requests, rejected, delayed, hit; /* hit: how many of `counted` were rejected at least once */
    uint64_t untold;                           /* requests of whom no name is known: not in the others */
    uint64_t peak_admitted;                    /* most let through in one second of Unix time */
    struct buf text;
};

/* Between store_read_begin and end. False: of some clients the network alone is known, so that a limit per address
 * would count nobody rightly. */
bool replay_knows_addresses(struct store_reader *r);
/* Between store_read_begin and end. False: `why` is one line. */
bool replay_run(struct store_reader *r, const struct replay_options *o, struct replay *out, char why[256]);
void replay_free(struct replay *p);

#endif
