/* keyspec: another cache key than the whole target, for whatif: `path` (no query), `without:NAME,NAME`,
 * `only:NAME,NAME` of the query's parameters, and `client` (each client its own copies; also beside one of the others,
 * joined with '+'). Header fields are not in exchange records but for what Vary names, and stay in the key as they are.
 */
#ifndef ANALYSIS_KEYSPEC_H
#define ANALYSIS_KEYSPEC_H

#include "analysis/store/read.h"

enum { KEYSPEC_NAMES = 32 };

enum keyspec_query { KEYSPEC_WHOLE, KEYSPEC_NONE, KEYSPEC_WITHOUT, KEYSPEC_ONLY };

struct keyspec {
    enum keyspec_query query;
    struct slice name[KEYSPEC_NAMES]; /* borrowed from the text */
    unsigned n;
    bool client;
};

/* False: `why` is one line. */
bool keyspec_parse(struct slice text, struct keyspec *out, char why[160]);
/* By the id of each key of the DB the least id that has the same key by `k`; *n entries, to be freed. Between
 * store_read_begin and end. NULL: out of memory. */
uint32_t *keyspec_map(const struct keyspec *k, struct store_reader *r, size_t *n);

#endif
