/* sharing: whether clients may be given each other's answers (ALGORITHMS.md 5.2 and 5.3), from what they were answered.
 * Contexts are key and variant, the component that is tested is the credential (analysis/sandwich.h). A client without
 * credentials counts as one more credential.
 *
 * Errors are not alike: calling a shared answer private costs hits, the reverse hands out what is not the asker's. So
 * `shared` takes no disagreement at all, ten different pairs of credentials and three networks.
 *
 * Keys of an endpoint may differ in that: /me beside /{int}. Comparisons are kept by sixteenths of the keys, too: where
 * one of those shows plainly that the credential matters and another as plainly no difference, the endpoint is mixed.
 * That costs nobody privacy: without it the endpoint would be private or undecided.
 *
 * Key and variant leave out the fields that no Vary names, so that what depends on one of them looks private. So once
 * answers differed, those to equal header fields are held against each other as well (5.1), in a table of their own.
 * Where a field that no Vary names is shown to decide answers (analysis/learning.h), or nothing differs between clients
 * that send the same, only what differs there speaks against sharing. Where the comparisons of analysis/learning.h, all
 * parts equal, show that the credential does not matter, they decide; and where it does, whether it does so among those
 * that make the same claim, too. */
#ifndef ANALYSIS_SHARING_H
#define ANALYSIS_SHARING_H

#include "analysis/learned.h"
#include "analysis/sandwich.h"
#include "base/buf.h"
#include "base/hash.h"

enum { SHARING_CONTEXTS = 1 << 14, SHARING_EQUALS = 1 << 13, SHARING_WORDS = 4, SHARING_PARTS = 16 };

/* Of an endpoint; what each answer reads or changes comes first. Sets are bits by hash, so that their sizes are
 * estimates. */
struct sharing {
    uint64_t sandwiches, differing;
    uint64_t visits, anonymous; /* complete answers 2xx; of them, to requests without any credential */
    uint64_t credentials[SHARING_WORDS], networks[SHARING_WORDS];
    uint64_t given;           /* clients that had such an answer; counted by who knows them, 0: not counted */
    uint64_t refused, barred; /* comparisons within which a credential, a request without any, was refused the answer */
    uint64_t pairs[SHARING_WORDS];
    struct sharing_part { /* the comparisons of contexts with that part of the hash */
        uint32_t sandwiches, differing;
    } part[SHARING_PARTS];
    struct sharing_equal { /* the comparisons of answers to equal header fields */
        uint64_t sandwiches, differing, pairs[SHARING_WORDS];
    } equal;
};

struct sharing_visit {
    uint64_t context; /* hash of key and variant; not 0 */
    uint64_t who;     /* hash of the client */
    uint64_t network; /* hash of its network: /24 or /48 */
    bool anonymous;   /* neither identity, Authorization nor Cookie */
    uint32_t content; /* 0 unknown: the visit counts, and is compared with nothing */
    uint32_t now_ms;  /* modulo 2^32 */
};

/* Where it is, or would be: a context has two places, in one cache line, so that which ones meet, which depends on the
 * secret, hardly ever shows. */
static inline struct sandwich *sharing_places(struct sandwich *table, unsigned places, uint64_t context)
{
    return &table[hash_mix(context) >> 32 & (places - 2)]; /* variants differ in the lower half alone */
}

static inline struct sandwich *sharing_place(struct sandwich *table, unsigned places, uint64_t context)
{
    struct sandwich *two = sharing_places(table, places, context);
    if (two[0].context == context || two[1].context == context)
        return two + (two[0].context != context);
    if (!two[0].context || !two[1].context)
        return two + (two[0].context != 0);
    return two + (context >> 24 & 1);
}

/* A complete answer 2xx, in order of time for its context. sums NULL: rebuild the table, count nothing. */
void sharing_visit(struct sandwich table[SHARING_CONTEXTS], const struct sharing_visit *v, struct sharing *sums);
/* A complete answer of another status: 403 and 404 refuse; 401 does where there is no credential, else it says only
 * that this one is no good. The content is not read. */
void sharing_refuse(struct sandwich table[SHARING_CONTEXTS], const struct sharing_visit *v, uint16_t status);
/* The same as sharing_visit, of a visit whose context has the request's header fields in it. */
void sharing_visit_equal(struct sandwich table[SHARING_EQUALS], const struct sharing_visit *v, struct sharing *sums);
enum { SHARING_EQUAL_AFTER = 64, SHARING_EQUAL_CLEAR = 256 };

/* Whether the next one should be shown to that: answers of one key differed, and it is not plain yet that equal fields
 * change nothing about it. Names of fields become parts of requests when they were met 32 times (capture/parts.c). */
static inline bool sharing_wants_equal(const struct sharing *s)
{
    return s->differing && s->visits > SHARING_EQUAL_AFTER && s->equal.differing < SHARING_EQUAL_CLEAR;
}

void sharing_merge(struct sharing *into, const struct sharing *from);
/* A blob of varints; reading a damaged one gives false and zeroes. */
void sharing_write(const struct sharing *s, struct buf *out);
bool sharing_read(struct sharing *s, struct slice blob);

enum sharing_verdict {
    SHARING_UNDECIDED,
    SHARING_SHARED,
    SHARING_PRIVATE,
    SHARING_TENANT, /* among those whose credentials make the same claim; never beyond */
    SHARING_MIXED   /* some keys are private, others are not: nothing that holds for all of them */
};

struct sharing_input {
    struct sharing seen;
    uint64_t personal;             /* answers marked so: Set-Cookie, private */
    unsigned family;               /* endpoints judged together, for the level of each test */
    const struct learned *learned; /* with all other parts equal; NULL: not known */
    unsigned tests;                /* the family of those */
    bool unlooked;                 /* clients are not told by all credentials: such requests are no visits */
};

struct sharing_result {
    enum sharing_verdict verdict;
    const char *reason;     /* words; static */
    double credentials;     /* how many; about, where they were not counted */
    double pairs, networks; /* about how many */
    uint64_t sandwiches, differing;
    char claim[LEARN_NAME + 1]; /* SHARING_TENANT: which; else empty */
    bool unnamed;               /* answers depend on a field that no Vary names: SHARING_SHARED holds if one did */
    bool refused;               /* some clients are refused what others are given */
    bool barred;                /* requests without any credential are refused what is given to credentials */
    bool anonymous;             /* no request carried a credential: clients are addresses */
    uint64_t needed;            /* sandwiches still wanting when that is what is wanting; 0: does not apply */
};

/* Whether it can only be header fields that answers of one key follow: between clients that send the same, none
 * differed. */
bool sharing_fields_explain(const struct sharing *s, unsigned family);
/* Whether this field may be the one, or one of them: not if it goes with the credential, or if hardly two clients send
 * the same. */
bool sharing_may_follow(const struct sharing *s, const struct learned *l, unsigned dim, unsigned tests);

struct sharing_result sharing_judge(const struct sharing_input *in);
const char *sharing_name(enum sharing_verdict v); /* "shared", "private", "tenant", "mixed", "undecided" */
/* Why what sharing would save is not priced; NULL: clients may share. */
const char *sharing_bars(enum sharing_verdict v);

#endif
