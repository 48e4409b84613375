#include "analysis/origins.h"

void origins_init(struct origins *o, const struct hash_key *key)
{
    memset(o, 0, sizeof *o);
    o->key = *key;
}

static uint64_t key_of(const struct origins *o, struct slice method, struct slice service)
{
    uint64_t h[2] = {hash_bytes(&o->key, 'm', method.p, method.n), hash_bytes(&o->key, 'o', service.p, service.n)};
    return hash_words(&o->key, h, 2);
}

static struct origin make(const struct origins *o, struct slice method, struct slice service)
{
    struct origin is = {.head = slice_eq(method, SLICE("HEAD")), .method = (uint8_t)classify_method(method)};
    is.reads = is.method == METHOD_READ;
    is.get = key_of(o, SLICE("GET"), service);
    is.hash = is.reads ? is.get : key_of(o, method, service);
    return is;
}

struct origin *origins_place(struct origins *o, struct origin_memo *m, uint64_t seen, struct slice method,
                             struct slice service)
{
    *m = (struct origin_memo){seen, make(o, method, service)};
    return &m->is;
}
