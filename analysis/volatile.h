/* volatile: which fields of an endpoint's JSON bodies differ every time without meaning anything (a time stamp, a
 * request id), and so keep it from being cached (ALGORITHMS.md 4.3). Fed with the leaves of bodies: the hash of each
 * (path, index and value), the path's id, and what kind of value it is; a body's identity is the sum of the hashes, so
 * that a field is taken out of it by subtracting.
 *
 * Pairs are consecutive answers of one key within a minute. Of the pairs that differ the smallest set of paths that
 * explains them is sought greedily; those of the set that are time stamps, request ids or durations become the mask,
 * the others are fast fields: content that changes often. The mask freezes after 200 pairs and then has an epoch;
 * contents of different epochs cannot be compared. When it explains under 90 % of the differing pairs among a thousand,
 * learning begins again, and the old mask holds until it has ended.
 *
 * Bounded: 64 keys, 256 paths (leaves of further ones stay in the identity); 330 kB an endpoint while bodies are
 * looked at, nothing for a key elsewhere. */
#ifndef ANALYSIS_VOLATILE_H
#define ANALYSIS_VOLATILE_H

#include "base/buf.h"

enum { VOLATILE_KEYS = 64, VOLATILE_PATHS = 256, VOLATILE_FIELDS = 8, VOLATILE_PAIRS = 200, VOLATILE_APART_MS = 60000 };

/* What a value looks like, from its text alone (and the time of the answer). */
enum volatile_value {
    VOLATILE_OTHER,
    VOLATILE_TIME,     /* RFC 3339, or an integer within a day of now in s, ms, us or ns */
    VOLATILE_ID,       /* UUID, ULID, hex or base64url of 16 characters and more */
    VOLATILE_INTEGER,  /* any other */
    VOLATILE_DURATION, /* a small number whose name says took, elapsed, duration or latency */
    VOLATILE_VALUES
};

struct volatile_leaf {
    uint64_t path, hash;
    uint64_t number; /* orders values of a path: the time or the integer; 0 for others */
    enum volatile_value value;
};

struct volatile_body {
    uint64_t key, sum; /* sum of all leaf hashes, also of those that are not given */
    int64_t now;       /* ms */
    const struct volatile_leaf *leaf;
    unsigned n;
};

/* What a path's values were, all in all. The first three are ignorable. */
enum volatile_class {
    VOLATILE_TIMESTAMP,
    VOLATILE_REQUEST_ID,
    VOLATILE_TOOK,
    VOLATILE_COUNTER,
    VOLATILE_RANDOM,
    VOLATILE_DATA,
    VOLATILE_CLASSES
};

const char *volatile_class_name(enum volatile_class c); /* "timestamp", "request_id", "duration", "counter", ... */

struct volatile_field {
    uint64_t path;
    enum volatile_class class;
    bool masked;
    uint64_t pairs, diff, gap_ms; /* pairs that had it, those in which it differed, their gaps */
    double change_s;              /* time between changes as if gaps were equal; NaN unknown */
};

struct volatile_result {
    uint32_t epoch;            /* 0: not frozen yet; the fields are what is thought so far */
    uint64_t pairs, different; /* of answers; of those, with different bodies */
    uint64_t explained;        /* of the different ones, by the fields */
    uint64_t masked;           /* of the different ones, by the mask alone: the same content */
    unsigned n;
    struct volatile_field field[VOLATILE_FIELDS]; /* in the order in which they explain */
};

struct volatile_learner;

struct volatile_learner *volatile_new(void); /* NULL: out of memory */
void volatile_free(struct volatile_learner *l);
/* Bytes of one, for the budget. */
size_t volatile_bytes(void);
/* Learns from a body of the endpoint; keys beyond those watched are passed over. */
void volatile_take(struct volatile_learner *l, const struct volatile_body *b);
/* Identity of a body without what the mask leaves out, and the mask's epoch: identities of the same epoch are
 * comparable. Epoch 0: no mask, the sum as it is. */
uint64_t volatile_identity(const struct volatile_learner *l, const struct volatile_body *b, uint32_t *epoch);
void volatile_result(const struct volatile_learner *l, struct volatile_result *out);

/* Results of several sensors: counts of equal paths are added, mask and classes are those with more pairs behind. */
void volatile_merge(struct volatile_result *into, const struct volatile_result *from);
/* Appends JSON: [epoch, pairs, different, explained, masked, [path, class, masked, pairs, diff, gap_ms], ...] */
void volatile_write(const struct volatile_result *r, struct buf *out);
/* False when the text is damaged; then *r is empty. */
bool volatile_read(struct volatile_result *r, struct slice text);
/* A mask that was learned before holds on in a new learner. */
void volatile_restore(struct volatile_learner *l, const struct volatile_result *r);

#endif
