/* advice: what to do about an endpoint, from its stored counters: how long a shared cache may keep its answers, or why
 * not, and what stands in the way (ALGORITHMS.md 3.9 and 5.3). What clients may not share is never advised. */
#ifndef REPORT_ADVICE_H
#define REPORT_ADVICE_H

#include "analysis/recommend.h"
#include "analysis/report/facts.h"
#include "analysis/report/written.h"
#include "analysis/sharing.h"
#include "analysis/sources.h"

enum advice_kind {
    ADVICE_NONE,  /* nothing that the evidence carries */
    ADVICE_CACHE, /* declare a lifetime for shared caches */
    ADVICE_FIX,   /* what is declared lets shared caches hand one client's answer to another */
    ADVICE_PURGE, /* keep long, purge on write */
    ADVICE_REVALIDATE,
    ADVICE_MICRO,  /* keep for a second */
    ADVICE_KEY,    /* what does not decide answers leaves the cache key */
    ADVICE_VARY,   /* a fix: what decides them is not named by Vary */
    ADVICE_FIELD,  /* a fix: a field that means nothing keeps bodies from being the same */
    ADVICE_LIES,   /* a fix: an ETag stands for different contents */
    ADVICE_TAGS,   /* a fix: equal contents have different ETags, or are sent again to who has them */
    ADVICE_BUSTER, /* what makes each key new leaves the cache key, if people agree */
    ADVICE_NOT,    /* may be shared, but changes too fast to be kept at all */
};

struct advice {
    enum advice_kind kind;
    struct sharing_result sharing;
    struct recommendation lifetime; /* what the ladder alone says */
    struct recommendation purged;   /* with a purge on the writes that change it; RECOMMEND_NOTHING: none is known */
    enum standing standing;
    bool sampled;                 /* with too few keys for an estimate */
    const char *blocker;          /* what is declared now that keeps shared caches from it; NULL: nothing */
    uint64_t blocked;             /* exchanges with it */
    struct recommend_price price; /* what the advice saves */
    uint32_t writer;              /* ADVICE_PURGE: endpoint whose writes change it */
    double write_recall;          /* share of its changes that come with such a write; NaN: none does reliably */
    bool by_rfc;                  /* a cache that sees the writes does it by itself (RFC 9111 section 4.4) */
};

struct advice advice_of(const struct row_endpoint *e, const struct facts *f);
/* The same with another share of stale hits than RECOMMEND_BUDGET. */
struct advice advice_within(const struct row_endpoint *e, const struct facts *f, double budget);
/* The fields that its answers follow and Vary does not name, as in `accept, x-plan`; false: none, or it is not known.
 */
bool advice_vary(const struct row_endpoint *e, const struct facts *f, struct buf *names);
/* Whether it is to keep answers for a->lifetime.ttl_s. */
bool advice_keeps(const struct advice *a);
const char *advice_name(enum advice_kind k); /* for JSON */
/* What no other advice on the same endpoint is called: `vary`, `etag_lies`. */
const char *advice_own_name(enum advice_kind k);
/* One line each, UTF-8: what to do, and the evidence for it. */
void advice_action(const struct advice *a, struct buf *out);
void advice_why(const struct advice *a, const struct row_endpoint *e, struct buf *out);

/* What is wanting where nothing is advised, or why nothing should be. */
void advice_wanting(const struct advice *a, struct buf *out);

/* What is advised of every endpoint, what saves most first; ties by name. */
struct advised {
    struct advice advice;
    uint32_t endpoint;
    double seconds;                  /* server time it saves in an hour */
    bool unsized, untimed;           /* octets, server time: what it saves of them is not known, and stands as 0 */
    uint64_t comparisons, differing; /* ADVICE_KEY, ADVICE_VARY: what it stands on */
    struct buf target, action, why;
    struct buf place, repeats; /* where copies of shared answers belong, and why there; empty: it does not say */
};

struct advice_list {
    struct advised *item;
    size_t n, cap;
    struct written_names names; /* of all endpoints */
    bool failed;                /* out of memory: some are missing */
};

/* Between store_read_begin and end. Names alone for a window: advice rests on the whole audit. */
void advice_list(struct advice_list *l, struct store_reader *r, const struct facts *f);
void advice_list_free(struct advice_list *l);
/* That of an endpoint, what is advised of its lifetime before what is of its key; or NULL. */
const struct advised *advice_of_endpoint(const struct advice_list *l, uint32_t endpoint);

/* A rung as the rule for lifetimes wants it; what a purge would have mended is left 0. */
struct recommend_rung advice_rung(const struct row_rung *r);

#endif
