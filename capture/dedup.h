/* dedup: second copies of packets, as two mirrors of one path make them (port and VLAN mirrored, both ends of a link, a
 * bridge and its ports). TCP drops their bytes anyway; what they would spoil are round trips, counts of
 * retransmissions, and connections that have just ended. Remembers the last DEDUP_SETS * DEDUP_WAYS segments at most. A
 * sender that repeats itself uses a new IP identification; where there is none (IPv6, atomic datagrams of RFC 6864)
 * only what comes within DEDUP_BARE_US is a copy, sooner than any retransmission timer (RFC 6298 section 2.4). The hop
 * count may differ: copies from both sides of a router are copies. */
#ifndef CAPTURE_DEDUP_H
#define CAPTURE_DEDUP_H

#include "capture/segment.h"

enum { DEDUP_SETS = 1024, DEDUP_WAYS = 4, DEDUP_ID_US = 50000, DEDUP_BARE_US = 2000 };
enum { DEDUP_TIME_BITS = 16, DEDUP_TIME_SHIFT = 6 }; /* times of 64 us, which wrap after 4 s */

/* Marks of segments, latest first: 48 bits of their hash, 16 of their time. 0: none. */
struct dedup {
    uint64_t marks[DEDUP_SETS][DEDUP_WAYS];
};

static inline uint64_t dedup_fold(uint64_t a, uint64_t b)
{
    __uint128_t m = (__uint128_t)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* `flow`: keyed hash of the connection with its scope; `key`: odd and secret. */
static inline uint64_t dedup_hash(const struct segment *s, uint32_t flow, int dir, uint64_t key)
{
    uint64_t a = ((uint64_t)s->seq << 32 | s->ack) ^ key;
    uint64_t b = (uint64_t)s->ip_id << 48 | (uint64_t)s->checksum << 32 | s->wire_n;
    uint64_t c = (uint64_t)s->tsval << 32 | s->tsecr;
    uint64_t d = (uint64_t)flow << 32 | (uint64_t)s->window << 16 | (uint64_t)dir << 8 | s->flags;
    return dedup_fold(dedup_fold(a, b ^ 0x9e3779b97f4a7c15u) ^ c, d ^ key);
}

/* Where copies of a segment with these numbers are looked for. */
static inline uint64_t *dedup_set(struct dedup *t, uint32_t flow, uint32_t seq, uint32_t ack)
{
    return t->marks[(flow + seq * 0x9e3779b1u + ack * 0x85ebca77u) / (UINT32_MAX / DEDUP_SETS + 1)];
}

/* Whether the segment was seen a moment ago; else it is remembered. */
static inline bool dedup_seen(struct dedup *t, const struct segment *s, uint32_t flow, uint64_t hash)
{
    enum { TIME = (1 << DEDUP_TIME_BITS) - 1 };
    uint64_t *set = dedup_set(t, flow, s->seq, s->ack);
    uint64_t mark = (hash & ~(uint64_t)TIME) | ((uint64_t)(s->ts >> DEDUP_TIME_SHIFT) & TIME);
    for (int i = 0; i < DEDUP_WAYS; i++) {
        if ((set[i] ^ mark) > TIME)
            continue;
        int apart = (int16_t)((mark & TIME) - (set[i] & TIME));
        if ((apart < 0 ? -apart : apart) <= (s->ip_id ? DEDUP_ID_US : DEDUP_BARE_US) >> DEDUP_TIME_SHIFT)
            return true;
    }
    for (int i = DEDUP_WAYS - 1; i > 0; i--)
        set[i] = set[i - 1];
    set[0] = mark;
    return false;
}

#endif
