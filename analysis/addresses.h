/* addresses: numbers network addresses, with or without port, and networks. Ids start at 1; 0 is none (unknown, or no
 * room). */
#ifndef ANALYSIS_ADDRESSES_H
#define ANALYSIS_ADDRESSES_H

#include "analysis/slab.h"
#include "base/map.h"
#include "capture/exchange.h"

enum { ADDRESSES_MEMO_BITS = 8 };

struct address {
    uint64_t hash;
    uint64_t network; /* addr_network_bits */
    struct addr addr; /* port 0: without */
};

/* The octets; port and what is known of it. */
struct address_words {
    uint64_t w[3];
};

struct addresses {
    struct hash_key key;
    struct slab rows;
    struct map map;
    uint32_t written; /* handed to the store */
    uint64_t overflow;
    bool networks; /* some are known by their network alone */
    struct addresses_memo {
        struct address_words is;
        uint32_t id;                  /* 0: free */
    } memo[1 << ADDRESSES_MEMO_BITS]; /* lately asked for, by place */
};

bool addresses_init(struct addresses *a, const struct hash_key *key, uint32_t most);
void addresses_fini(struct addresses *a);
/* The id, looked up and kept in the memo. */
uint32_t addresses_look_up(struct addresses *a, struct address_words w, struct addresses_memo *memo);

static inline uint32_t addresses_id(struct addresses *a, const struct addr *addr, bool with_port)
{
    struct address_words w;
    if (!addr->known)
        return 0;
    memcpy(w.w, addr->ip, sizeof addr->ip);
    w.w[2] = (with_port ? addr->port : 0) | (uint64_t)addr->known << 16;
    uint64_t mixed = (w.w[0] ^ w.w[1] ^ w.w[2] << 7) * 0x9e3779b97f4a7c15u;
    struct addresses_memo *m = &a->memo[mixed >> (64 - ADDRESSES_MEMO_BITS)];
    bool same = m->is.w[0] == w.w[0] && m->is.w[1] == w.w[1] && m->is.w[2] == w.w[2];
    return same && m->id ? m->id : addresses_look_up(a, w, m);
}

static inline const struct address *addresses_row(const struct addresses *a, uint32_t id)
{
    return (const struct address *)(void *)a->rows.base + (id - 1);
}

/* Whether no more than the network is known of it; id may be 0. */
static inline bool addresses_is_network(const struct addresses *a, uint32_t id)
{
    return a->networks && id && addresses_row(a, id)->addr.known == ADDR_NETWORK;
}

static inline const struct addr *addresses_at(const struct addresses *a, uint32_t id)
{
    return &addresses_row(a, id)->addr;
}

#endif
