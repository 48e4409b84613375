/* pairs: which clients asked for which keys, so that repeats of one client can be told from repeats of another's
 * (ALGORITHMS.md 2.2: RRR_client). A set of hashes that grows by doubling; when its bound is reached every other one is
 * followed, told by its hash, and each of those counts for two, and so on: what is counted stays unbiased. */
#ifndef ANALYSIS_PAIRS_H
#define ANALYSIS_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/prefetch.h"

struct pairs {
    uint64_t *place; /* 0: free; the low bits of a hash but the least say where it stands */
    uint32_t mask;   /* places - 1 */
    uint32_t used, most;
    unsigned level; /* hashes whose upper bits, so many, are not 0 are passed over */
};

/* Of `most` pairs at once, at 24 bytes each while it grows. False: out of memory. */
bool pairs_init(struct pairs *p, uint32_t most);
void pairs_fini(struct pairs *p);

/* What a pair is followed by, of the keyed hashes of both; never 0. */
static inline uint64_t pairs_hash(uint64_t key, uint64_t client)
{
    return hash_mix(key ^ hash_mix(client)) | 1;
}

/* Where it would stand first; its least bit is always set. */
static inline uint32_t pairs_home(const struct pairs *p, uint64_t hash)
{
    return (uint32_t)(hash >> 1) & p->mask;
}

/* The client asked for the key. How many new pairs this stands for: 0 when it is known or not followed. */
uint64_t pairs_meet(struct pairs *p, uint64_t hash);

/* Asks ahead for where the pair stands. */
static inline void pairs_prefetch(const struct pairs *p, uint64_t hash)
{
    prefetch(&p->place[pairs_home(p, hash)]);
}

size_t pairs_bytes(const struct pairs *p);

#endif
