/* origins: what comes before the path in a key: method class and service, as hash; most exchanges repeat a few. HEAD
 * counts as GET. */
#ifndef ANALYSIS_ORIGINS_H
#define ANALYSIS_ORIGINS_H

#include "base/hash.h"

enum { ORIGINS_MEMO = 64, ORIGINS_TEXT = 104 };

struct origin {
    uint64_t hash;
    bool head, reads; /* the method: HEAD; GET or HEAD */
    uint8_t method;   /* enum classify_method */
};

struct origins {
    struct hash_key key;
    struct origin_memo {
        struct origin is;
        uint16_t method_n, n; /* of the text; 0: free */
        char text[ORIGINS_TEXT];
    } __attribute__((aligned(128))) memo[ORIGINS_MEMO];
};

void origins_init(struct origins *o, const struct hash_key *key);
struct origin origins_find(struct origins *o, struct slice method, struct slice service);

#endif
