/* vary: the lists of request fields that responses nominate, and the variant an exchange belongs to (RFC 9111
 * section 4.1). Lists are interned, so that a key can remember which one was its last. */
#ifndef ANALYSIS_VARY_H
#define ANALYSIS_VARY_H

#include "capture/exchange.h"

enum { VARY_LISTS = 511, VARY_NAMES = 16, VARY_TEXT = 512 };

struct vary;

struct vary *vary_new(const struct hash_key *key); /* NULL: out of memory */
void vary_free(struct vary *v);

/* Number of the list, from 1; 0 for an empty one. The order of names, their case and repetitions do not matter. Lists
 * beyond the bounds are cut or shared; both are counted. */
uint32_t vary_list(struct vary *v, struct slice text);
/* Whether `*` is in it: then nothing can be reused. */
bool vary_star(const struct vary *v, uint32_t list);
/* What a request's Accept-Encoding says, where a list names it: what it offers, ANY if all (`*`, or there is no such
 * field); above, a hash of its members in their order. */
enum {
    ACCEPTS_BR = 1,
    ACCEPTS_ZSTD = 2,
    ACCEPTS_GZIP = 4,
    ACCEPTS_NAMED = 8, /* always, where a list names it */
    ACCEPTS_ANY = 16,
    ACCEPTS_SHIFT = 5,
};

struct variant {
    uint32_t hash;    /* of what the list nominates, of Accept-Encoding its best offer; 0 for list 0, else never 0 */
    uint32_t accepts; /* ACCEPTS_*; 0: the list does not name it */
};

struct variant vary_variant(struct vary *v, uint32_t list, const struct exchange *x);

/* The variant's hash without what it has of Accept-Encoding. */
static inline uint32_t vary_rest(uint32_t hash, uint32_t accepts)
{
    static const uint32_t marks[] = {0x9e3779b9, 0x7f4a7c15, 0x85ebca6b, 0xc2b2ae35};
    return accepts ? hash ^ marks[__builtin_ctz(accepts & (ACCEPTS_NAMED | (ACCEPTS_NAMED - 1)))] : hash;
}

unsigned vary_count(const struct vary *v);
struct slice vary_text(const struct vary *v, uint32_t list); /* normalised */
uint64_t vary_overflow(const struct vary *v);

/* What an Accept-Encoding offers: "br", "zstd", "gzip" or "identity", the first of them. Pure. */
struct slice vary_encoding(struct slice accept_encoding);

#endif
