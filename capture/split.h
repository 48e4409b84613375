/* split: connections of which one direction came on one VLAN or VNI and the other on another (asymmetric routing). They
 * are kept apart, as equal addresses in different networks are different connections; this says how many look so. */
#ifndef CAPTURE_SPLIT_H
#define CAPTURE_SPLIT_H

#include "base/hash.h"

enum { SPLIT_PLACES = 1024 }; /* a later one takes an earlier one's place: what is found is a lower bound */

/* One direction alone. */
struct split_half {
    uint64_t hash; /* of addresses and ports, without scope; 0: free */
    uint32_t scope;
    int dir; /* index of the sender */
};

struct split {
    struct split_half halves[SPLIT_PLACES];
};

/* Whether `h` is the other half of one seen before, which then is forgotten; else it is kept. */
static inline bool split_meets(struct split *t, struct split_half h)
{
    struct split_half *at = &t->halves[h.hash % SPLIT_PLACES];
    bool other = at->hash == h.hash && at->dir != h.dir && at->scope != h.scope;
    *at = h;
    if (other)
        at->hash = 0;
    return other;
}

#endif
