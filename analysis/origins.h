/* origins: what comes before the path in a key: method class and service, as hash; most exchanges repeat a few. HEAD
 * counts as GET. */
#ifndef ANALYSIS_ORIGINS_H
#define ANALYSIS_ORIGINS_H

#include "analysis/classify.h"
#include "base/hash.h"

enum { ORIGINS_MEMO_BITS = 7, ORIGINS_METHOD = 8 /* octets of methods that are remembered */ };

struct origin {
    uint64_t hash;
    uint64_t get;     /* hash that GET has for the service */
    bool head, reads; /* the method: HEAD; GET or HEAD */
    uint8_t method;   /* enum classify_method */
    uint8_t counted;  /* place + 1 of the method in the totals; 0: not known, or not there */
};

/* Whether it may change something (RFC 9110 section 9.2.1). */
static inline bool origin_writes(const struct origin *o)
{
    return o->method != METHOD_READ && o->method != METHOD_SAFE;
}

struct origins {
    struct hash_key key;
    struct origin_memo {
        uint64_t seen; /* keyed hash of method and service; 0: free */
        struct origin is;
    } memo[1 << ORIGINS_MEMO_BITS];
};

void origins_init(struct origins *o, const struct hash_key *key);
/* May be written to (`counted`); good until the next call. */
struct origin *origins_place(struct origins *o, struct origin_memo *m, uint64_t seen, struct slice method,
                             struct slice service);

/* At most eight octets, beside their number whole. */
static inline uint64_t origins_word(struct slice method)
{
    uint32_t first, last;
    if (method.n < sizeof first)
        return !method.n
                   ? 0
                   : (uint64_t)(unsigned char)method.p[0] << 16 | (uint64_t)(unsigned char)method.p[method.n / 2] << 8 |
                         (unsigned char)method.p[method.n - 1];
    memcpy(&first, method.p, sizeof first);
    memcpy(&last, method.p + method.n - sizeof last, sizeof last);
    return (uint64_t)first << 32 | last;
}

/* Good until the next call. */
static inline struct origin *origins_find(struct origins *o, struct slice method, struct slice service)
{
    if (method.n > ORIGINS_METHOD)
        return origins_place(o, &o->memo[0], 0, method, service);
    uint64_t seen = hash_fold(origins_word(method) ^ o->key.k0, hash_quick(&o->key, service.p, service.n) + method.n);
    struct origin_memo *m = &o->memo[seen >> (64 - ORIGINS_MEMO_BITS)];
    return m->seen == seen && seen ? &m->is : origins_place(o, m, seen, method, service);
}

#endif
