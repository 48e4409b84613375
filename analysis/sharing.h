/* sharing: whether clients may be given each other's answers (ALGORITHMS.md 5.2 and 5.3), from what they were answered.
 * Two answers of a key may differ because the credential matters or because time passed, so only what lies between two
 * equal answers to one credential counts: A, B, A. If both A are the same, nothing changed meanwhile (but for a
 * reversal in between), and a B that differs means that the credential matters. All that lies between counts, A, B, C,
 * A, so that the number of comparisons does not fall with the number of clients; but a client that is answered
 * several times in a row counts once.
 *
 * The contexts (key and variant) that are watched stand in a table with one place for each of their hashes; an old one
 * gives way, a young one now and then. A client without credentials counts as one more credential.
 *
 * Errors are not alike: calling a shared answer private costs hits, the reverse hands out what is not the asker's. So
 * `shared` takes no disagreement at all, ten different pairs of credentials and three networks. */
#ifndef ANALYSIS_SHARING_H
#define ANALYSIS_SHARING_H

#include "base/buf.h"

enum { SHARING_CONTEXTS = 1 << 14, SHARING_WINDOW_MS = 600000, SHARING_WORDS = 4 };

struct sharing_context {
    uint64_t context; /* 0: free */
    uint32_t who, content, at_ms;
    uint32_t between[2];        /* who was answered since, latest first; 0: nobody */
    uint16_t others, differing; /* answers since to somebody else than the one before; of them, with other content */
};

/* Of an endpoint. Sets are bits by hash, so that their sizes are estimates. */
struct sharing {
    uint64_t sandwiches, differing;
    uint64_t visits, anonymous; /* complete answers 2xx; of them, to requests without any credential */
    uint64_t credentials[SHARING_WORDS], networks[SHARING_WORDS], pairs[SHARING_WORDS];
};

struct sharing_visit {
    uint64_t context; /* hash of key and variant; not 0 */
    uint64_t who;     /* hash of the client */
    uint64_t network; /* hash of its network: /24 or /48 */
    bool anonymous;   /* neither identity, Authorization nor Cookie */
    uint32_t content; /* 0 unknown: the visit counts, and is compared with nothing */
    uint32_t now_ms;  /* modulo 2^32 */
};

static inline struct sharing_context *sharing_place(struct sharing_context table[SHARING_CONTEXTS], uint64_t context)
{
    return &table[context >> 32 & (SHARING_CONTEXTS - 1)];
}

/* A complete answer 2xx, in order of time for its context. sums NULL: rebuild the table, count nothing. */
void sharing_visit(struct sharing_context table[SHARING_CONTEXTS], const struct sharing_visit *v, struct sharing *sums);
void sharing_merge(struct sharing *into, const struct sharing *from);
/* A blob of varints; reading a damaged one gives false and zeroes. */
void sharing_write(const struct sharing *s, struct buf *out);
bool sharing_read(struct sharing *s, struct slice blob);

enum sharing_verdict { SHARING_UNDECIDED, SHARING_SHARED, SHARING_PRIVATE };

struct sharing_input {
    struct sharing seen;
    uint64_t personal; /* answers marked so: Set-Cookie, private */
    unsigned family;   /* endpoints judged together, for the level of each test */
};

struct sharing_result {
    enum sharing_verdict verdict;
    const char *reason;                  /* words; static */
    double credentials, pairs, networks; /* about how many */
    uint64_t sandwiches, differing;
    uint64_t needed; /* sandwiches still wanting when that is what is wanting; 0: does not apply */
};

struct sharing_result sharing_judge(const struct sharing_input *in);
const char *sharing_name(enum sharing_verdict v); /* "shared", "private", "undecided" */

#endif
