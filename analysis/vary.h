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
/* What the list nominates in the request, hashed; 0 for list 0, else never 0. */
uint32_t vary_variant(struct vary *v, uint32_t list, const struct exchange *x);

unsigned vary_count(const struct vary *v);
struct slice vary_text(const struct vary *v, uint32_t list); /* normalised */
uint64_t vary_overflow(const struct vary *v);

/* What an Accept-Encoding offers: "br", "zstd", "gzip" or "identity", the first of them. Pure. */
struct slice vary_encoding(struct slice accept_encoding);

#endif
