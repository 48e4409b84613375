/* query: the parameters of a target's query as parts of the request (ALGORITHMS.md 0.3), remembered by key. Names and
 * values are taken as they stand in the target, which capture has redacted. */
#ifndef ANALYSIS_QUERY_H
#define ANALYSIS_QUERY_H

#include "capture/exchange.h"

enum { QUERY_PARTS = 16, QUERY_MEMO = 256, QUERY_PATHS = 64, QUERY_PATH = 55 };

struct query {
    uint64_t key; /* the hash it is remembered by */
    uint64_t
        rest; /* sum of the hashes of parameters beyond QUERY_PARTS; of a repeated name all but the first are parts */
    unsigned n;
    struct part part[QUERY_PARTS];
};

/* Paths that were asked for with a query lately, each with the hash of its text in a key. */
struct query_paths {
    struct query_path {
        uint64_t hash;
        uint8_t n; /* of the path; 0: free */
        char text[QUERY_PATH];
    } path[QUERY_PATHS];
};

/* What was kept of this very path; 0: nothing, or no longer. */
uint64_t query_path_hash(const struct query_paths *p, const struct hash_key *key, struct slice path);
/* Longer ones than QUERY_PATH are not kept. */
void query_path_keep(struct query_paths *p, const struct hash_key *key, struct slice path, uint64_t hash);

/* Splits what follows the '?'. Text of the parts is borrowed from it. without_credential: parameters that may have been
 * the client's API key are left out, since they are who asks. */
void query_split(struct query *q, const struct hash_key *key, struct slice text, bool without_credential);

/* Borrows the text of the parts from another place that holds the same. */
void query_move(struct query *q, const char *from, const char *to);

#endif
