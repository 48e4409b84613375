/* addresses: numbers network addresses, with or without port, and networks. Ids start at 1; 0 is none (unknown, or no
 * room). */
#ifndef ANALYSIS_ADDRESSES_H
#define ANALYSIS_ADDRESSES_H

#include "analysis/slab.h"
#include "base/map.h"
#include "capture/exchange.h"

enum { ADDRESSES_MEMO = 4096, ADDRESSES_SHIFT = 64 - 12 };

struct address {
    uint64_t hash;
    uint64_t network; /* addr_network_bits */
    struct addr addr; /* port 0: without */
};

struct addresses {
    struct hash_key key;
    struct slab rows;
    struct map map;
    uint32_t written;              /* handed to the store */
    uint32_t memo[ADDRESSES_MEMO]; /* ids lately asked for, by place */
    uint64_t overflow;
};

bool addresses_init(struct addresses *a, const struct hash_key *key, uint32_t most);
void addresses_fini(struct addresses *a);
uint32_t addresses_id(struct addresses *a, const struct addr *addr, bool with_port);

static inline const struct address *addresses_row(const struct addresses *a, uint32_t id)
{
    return (const struct address *)(void *)a->rows.base + (id - 1);
}

static inline const struct addr *addresses_at(const struct addresses *a, uint32_t id)
{
    return &addresses_row(a, id)->addr;
}

#endif
