/* fragment: IP packets from their fragments (RFC 791, RFC 8200 section 4.5), in any order. What overlaps is no packet
 * (RFC 5722; IPv4 likewise, since receivers disagree on which copy counts), a piece that comes twice is ignored.
 * Bounded in packets under way, in bytes and in time; pieces that never made a packet count as unparsed. */
#ifndef CAPTURE_FRAGMENT_H
#define CAPTURE_FRAGMENT_H

#include "capture/segment.h"

enum { FRAGMENT_SETS = 64, FRAGMENT_WAYS = 4, FRAGMENT_MAX = 65535, FRAGMENT_NESTED_MAX = 4 };
#define FRAGMENT_LIFE_US INT64_C(30000000)

/* A fragment as a frame brings it; borrows from it. */
struct piece {
    int64_t ts;
    const uint8_t *ip; /* the IP header: 20 bytes of IPv4 or 40 of IPv6 */
    const uint8_t *p;  /* captured payload, n of wire_n bytes */
    uint32_t n, wire_n;
    uint32_t offset, id, scope;
    uint8_t protocol; /* of the payload as a whole */
    bool v6, last;
};

/* A packet put together; lives until the next call. n < wire_n: the rest was cut by the snap length. */
struct whole {
    int64_t ts; /* of the latest of its pieces */
    const uint8_t *p;
    uint32_t n, wire_n, scope;
    uint8_t protocol;
    bool v6;
    uint8_t ip[40];
};

struct fragments;

/* What is held counts into *memory, up to the limit. NULL: out of memory. */
struct fragments *fragments_new(const struct hash_key *key, uint64_t *memory, uint64_t limit);
void fragments_free(struct fragments *t);
/* The packet that the piece makes whole, or NULL. */
const struct whole *fragments_add(struct fragments *t, const struct piece *p, struct capture_stats *stats);
/* Nothing more comes: what is not whole is counted. */
void fragments_finish(struct fragments *t, struct capture_stats *stats);

#endif
