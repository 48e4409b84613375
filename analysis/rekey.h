/* rekey: what a cache would do if the parts of requests that do not matter were not in its key (ALGORITHMS.md 5.4): the
 * ladder of an endpoint once more over the exchange records of a DB, under today's key and under others. Read when a
 * report is written, so that no capture pays for it.
 *
 * What can be left out are parameters, which stand in the names of keys, and what Vary names where all of that can go:
 * a record keeps it as one hash. Records are read twice: only what is asked for twice needs a slot. */
#ifndef ANALYSIS_REKEY_H
#define ANALYSIS_REKEY_H

#include "analysis/sharing.h"
#include "analysis/sources.h"
#include "analysis/store/read.h"

enum {
    REKEY_WISHES = 512,      /* endpoints, those with most requests first */
    REKEY_RECORDS = 1 << 23, /* more are not read again */
    REKEY_KEYS = 1 << 22,    /* keys with a greater id are not followed */
    REKEY_SLOTS = 1 << 18,   /* of all keys and variants that are asked for twice, at 256 bytes */
};

/* Keys as they are; without what was shown not to matter; and without what makes every key new, too. */
enum rekey_key { REKEY_TODAY, REKEY_LEARNED, REKEY_FREED, REKEY_SIDES };

enum rekey_part {
    REKEY_QUERY,    /* a parameter that does not matter */
    REKEY_BUSTER,   /* a parameter that never comes twice */
    REKEY_FIELD,    /* a field of Vary that does not matter */
    REKEY_CONSTANT, /* a field of Vary that is always the same */
};

struct rekey_wish {
    uint32_t endpoint;
    bool anonymous; /* no request of it has a credential */
    unsigned n;
    struct rekey_name {
        char text[LEARN_NAME + 1];
        enum rekey_part part;
    } name[LEARN_DIMS];
};

struct rekey_side {
    bool asked; /* false: the same as the one before */
    uint64_t keys;
    struct row_rung rung[LADDER_RUNGS]; /* but for stale_purgeable */
    uint64_t wrong[LADDER_RUNGS];       /* stale hits of what is not a second old: the key is to blame, not time */
    struct sources sources;             /* who repeats */
};

struct rekey_endpoint {
    uint32_t endpoint;
    uint64_t lookups;   /* in the records */
    uint64_t untracked; /* of them: the key has no name in the DB, or there was no room for it */
    bool kept;          /* some fields that do not matter stay in: Vary named them beside others */
    struct rekey_side side[REKEY_SIDES];
    struct sharing sharing; /* of clients, under the last key that was asked for */
};

struct rekey {
    bool failed;      /* out of memory, or a record is damaged */
    bool too_many;    /* records: not read */
    bool whole;       /* the records are of the whole audit */
    uint64_t records; /* read */
    int64_t from_us, to_us;
    struct rekey_endpoint *endpoint; /* as the wishes */
    size_t n;
};

/* Between store_read_begin and end. audited: exchanges that were counted. */
void rekey_read(struct rekey *out, struct store_reader *r, const struct rekey_wish *wish, size_t n, uint64_t audited);
void rekey_free(struct rekey *k);
/* NULL: it was not wished for. */
const struct rekey_endpoint *rekey_endpoint(const struct rekey *k, uint32_t endpoint);

#endif
