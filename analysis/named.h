/* named: the dictionaries of a DB, for who reads exchange records back: what an endpoint's id stands for after all
 * unions, which service a key belongs to, and an endpoint's id from what people write. Memory is bounded by the
 * dictionaries, ids by DENSE_MOST. */
#ifndef ANALYSIS_NAMED_H
#define ANALYSIS_NAMED_H

#include "analysis/store/read.h"
#include "base/buf.h"
#include "base/dense.h"
#include "base/hash.h"
#include "base/map.h"

enum { NAMED_SERVICES = 1 << 20 };

struct named_endpoint {
    uint32_t alias; /* 0: none */
    uint32_t service;
    uint32_t method_at, service_at, route_at; /* in text */
    uint32_t method_n, service_n, route_n;
};

struct named_service {
    uint64_t hash;
    uint32_t at, n; /* in text */
};

struct named {
    struct named_endpoint *endpoint; /* by id */
    uint32_t *service_of;            /* number of a key's service, by the key's id */
    struct named_service *service;   /* by number - 1 */
    size_t n_endpoints, n_keys;
    uint32_t n_services;
    struct map services;
    struct hash_key key;
    struct buf text;
    bool failed;
};

/* Between store_read_begin and end. `keys`: services of keys, too. False: out of memory. */
bool named_load(struct named *n, struct store_reader *r, bool keys);
void named_free(struct named *n);

/* The endpoint that counts for this id; 0: there is none. */
uint32_t named_resolve(const struct named *n, uint32_t endpoint);
/* An id, or METHOD SERVICE/ROUTE, or that with #OPERATION (HEAD is GET; the service with or without http(s)://). 0:
 * there is none. */
uint32_t named_find(const struct named *n, struct slice what);
/* The end of a chain of unions: alias[id] is id where it ends, 0 where nothing was read. 0: it has none. */
uint32_t named_follow(const uint32_t *alias, size_t n, uint32_t id);
struct slice named_method(const struct named *n, uint32_t endpoint);
struct slice named_service(const struct named *n, uint32_t endpoint);
struct slice named_route(const struct named *n, uint32_t endpoint); /* with #operation, where that is not its path */
/* Number of the service of a key (or, key 0, of an endpoint), 0: unknown; and its name. */
uint32_t named_service_of(const struct named *n, uint32_t key, uint32_t endpoint);
struct slice named_service_name(const struct named *n, uint32_t service);

#endif
