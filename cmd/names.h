/* names: the dictionaries of a DB in memory: ids of exchange records back to keys, addresses and clients. */
#ifndef CMD_NAMES_H
#define CMD_NAMES_H

#include "analysis/store/read.h"
#include "base/buf.h"
#include "capture/exchange.h"

struct names_client {
    uint64_t hash;
    struct slice name; /* what it is called; empty: not known */
    uint8_t identity;
};

struct names {
    struct row_key *key; /* by id; text is ours */
    struct addr *address;
    struct names_client *client;
    size_t n_keys, n_addresses, n_clients;
    struct buf text; /* of keys and clients: offsets while it grows, pointers once it is whole */
    bool failed;
};

/* Between store_read_begin and end. False: out of memory. */
bool names_load(struct names *n, struct store_reader *r);
void names_free(struct names *n);
const struct row_key *names_key(const struct names *n, uint32_t id); /* NULL: unknown */
void names_address(const struct names *n, uint32_t id, struct addr *out);
void names_client(const struct names *n, uint32_t id, struct exchange *x);

#endif
