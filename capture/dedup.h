/* dedup: second copies of packets, as two mirrors of one path make them (port and VLAN mirrored, both ends of a link, a
 * bridge and its ports). TCP drops their bytes anyway; what they would spoil are round trips, counts of
 * retransmissions, and connections that have just ended. Remembers the last DEDUP_SETS * DEDUP_WAYS segments at most. A
 * sender that repeats itself uses a new IP identification; where there is none (IPv6, atomic datagrams of RFC 6864)
 * only what comes within DEDUP_BARE_US is a copy, sooner than any retransmission timer (RFC 6298 section 2.4). The hop
 * count may differ: copies from both sides of a router are copies. */
#ifndef CAPTURE_DEDUP_H
#define CAPTURE_DEDUP_H

#include <stdlib.h>

#include "base/hash.h"
#include "base/order.h"
#include "capture/segment.h"

enum { DEDUP_SETS = 1024, DEDUP_WAYS = 4, DEDUP_ID_US = 50000, DEDUP_BARE_US = 2000 };
enum {
    DEDUP_TIME_BITS = 16,
    DEDUP_TIME_SHIFT = 6,
    DEDUP_TIME = (1 << DEDUP_TIME_BITS) - 1
}; /* times of 64 us, which wrap after 4 s */

/* Marks of segments, latest first: 48 bits of their hash, 16 of their time; the hash's other bits are the set. 0: none.
 */
struct dedup {
    _Alignas(64) uint64_t marks[DEDUP_SETS][DEDUP_WAYS];
};

/* To be freed; NULL: out of memory. calloc would let every other set lie in two cache lines. */
static inline struct dedup *dedup_new(void)
{
    struct dedup *t = aligned_alloc(_Alignof(struct dedup), sizeof *t);
    return t ? memset(t, 0, sizeof *t) : NULL;
}

/* Of all that a copy has in common with the segment. */
static inline uint64_t dedup_hash(const struct segment *s, const struct hash_key *key)
{
    uint64_t odd = key->k1 | 1, h = hash_fold(s->words[0] ^ odd, s->words[2] ^ 0x9e3779b97f4a7c15u);
    return hash_fold(h ^ s->words[1], s->words[3] ^ odd);
}

/* Where copies of a segment with this hash are looked for. */
static inline uint64_t *dedup_set(struct dedup *t, uint64_t hash)
{
    return t->marks[hash % DEDUP_SETS];
}

static inline bool dedup_near(uint64_t a, uint64_t b, bool has_id)
{
    int apart = (int16_t)(a - b);
    return (apart < 0 ? -apart : apart) <= (has_id ? DEDUP_ID_US : DEDUP_BARE_US) >> DEDUP_TIME_SHIFT;
}

static __attribute__((noinline)) bool dedup_among(const uint64_t *set, uint64_t mark, bool has_id)
{
    for (int i = 0; i < DEDUP_WAYS; i++)
        if ((set[i] ^ mark) <= DEDUP_TIME && dedup_near(mark, set[i], has_id))
            return true;
    return false;
}

/* The half of a mark that is all hash. */
static inline uint32_t dedup_half(const uint64_t *mark)
{
    uint32_t half;
    memcpy(&half, (const char *)mark + ORDER_LITTLE * sizeof half, sizeof half);
    return half;
}

static inline uint64_t dedup_mark(const struct segment *s, uint64_t hash)
{
    return (hash & ~(uint64_t)DEDUP_TIME) | ((uint64_t)(s->ts >> DEDUP_TIME_SHIFT) & DEDUP_TIME);
}

/* Remembers a segment that is no copy. */
static inline void dedup_put(struct dedup *t, const struct segment *s, uint64_t hash)
{
    uint64_t *set = dedup_set(t, hash), two[2];
    _Static_assert(DEDUP_WAYS == 4, "as they are moved here");
    memcpy(two, set + 1, sizeof two);
    memcpy(set + 2, two, sizeof two);
    set[1] = set[0];
    set[0] = dedup_mark(s, hash);
}

/* Whether the segment was seen a moment ago; else it is remembered. */
static inline bool dedup_seen(struct dedup *t, const struct segment *s, uint64_t hash)
{
    const uint64_t *set = dedup_set(t, hash);
    uint32_t half = (uint32_t)(hash >> 32);
    if (__builtin_expect(dedup_half(set) == half || dedup_half(set + 1) == half || dedup_half(set + 2) == half ||
                             dedup_half(set + 3) == half,
                         0) &&
        dedup_among(set, dedup_mark(s, hash), s->ip_id != 0))
        return true;
    dedup_put(t, s, hash);
    return false;
}

#endif
