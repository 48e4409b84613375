/* state: the analysis from within; for the files of analysis/ alone. */
#ifndef ANALYSIS_STATE_H
#define ANALYSIS_STATE_H

#include "analysis/addresses.h"
#include "analysis/admission.h"
#include "analysis/analysis.h"
#include "analysis/caches.h"
#include "analysis/clients.h"
#include "analysis/declare.h"
#include "analysis/endpoints.h"
#include "analysis/etags.h"
#include "analysis/keys.h"
#include "analysis/learned.h"
#include "analysis/masked.h"
#include "analysis/minutes.h"
#include "analysis/origins.h"
#include "analysis/pairs.h"
#include "analysis/query.h"
#include "analysis/target.h"
#include "analysis/totals.h"
#include "analysis/trie.h"
#include "analysis/vary.h"
#include "analysis/writes.h"
#include "base/floor.h"

#define ANALYSIS_WINDOW_US INT64_C(3600000000)

/* Microseconds; -1: unknown. */
struct times {
    int64_t request, ttfb, duration, server;
};

/* An exchange distilled to what is stored, with what it refers to. */
struct fact {
    struct row_exchange row;

    /* What is known of a request before it is taken; of a record ms alone, and that origin.method, text and pair are
     * 0. */
    const struct exchange *x;
    struct origin origin;
    uint64_t text, hash; /* of the target's text, 0: not known; of the key */
    uint64_t read;       /* of the key that GET has for the target, which a write is of; of a read its own */
    uint64_t who, place; /* of the client; its place in the table */
    uint64_t pair;       /* of both, where both are known; else 0 */
    struct times times;
    int64_t us, ms; /* when: arrival, then never before the key's last, by observe_key() */
    enum identity kind;
    uint32_t key, client; /* rows, or MAP_NONE: not known whether they exist, then that there are none */
    uint32_t generation;  /* of the rows of keys */

    /* observe_key() and depend_compare() fill it. */
    bool error, given; /* given: a whole answer that says what the resource is to the client */
    bool refused;      /* where there is a learner: the answer is an error that is the request's own */
    uint32_t repeats;  /* of how many keys it is a repeat */
    uint32_t clients;  /* how many there were */
    uint32_t learner;  /* that its parts are held against its answer by; 0: none */
};

struct analysis {
    struct analysis_options options;
    struct hash_key key;
    struct store *store;
    struct slab page_memory;
    struct hist_pool pages;
    struct endpoints endpoints;
    struct keys keys;
    struct admission admission;
    struct etags etags;
    struct pairs pairs;
    struct clients clients;
    struct addresses addresses;
    struct caches caches;
    struct origins origins;
    struct declarer declarer;
    struct minutes minutes;
    struct totals totals;
    struct trie *trie;
    struct sandwich *contexts; /* SHARING_CONTEXTS of them */
    struct sandwich *equals;   /* SHARING_EQUALS of them, of requests with equal header fields */
    bool equals_used;
    struct learning learning;
    struct query queries[QUERY_MEMO];
    struct query_paths query_paths;
    uint32_t query_generation; /* of the names of keys that their text is borrowed from */
    uint64_t credential_name;  /* of the part that stands for the client */
    struct masked masked;
    struct writes writes;
    struct vary *vary;
    uint32_t vary_written;
    int64_t window_us, window_ends;   /* the open hour; TIME_NONE and INT64_MIN: none */
    int64_t start_us, start_ms;       /* arrival of the first exchange; start_us INT64_MAX: none yet */
    int64_t greatest;                 /* arrival */
    int64_t first_us, last_us;        /* first request byte, last byte seen; of records */
    struct capture_stats stats, base; /* of this run; of the runs before */
    bool stats_known;
    int64_t base_started, base_ended; /* of the runs before */
    unsigned base_pauses;             /* between them */
    uint64_t memory_peak, own_peak;   /* own_peak: of analysis_memory() before something was dropped */
    struct buf text;                  /* scratch: key text, row text */
    struct buf route, latency, server, lifetimes, live, declared_ttl, sharing, sampling, sources, learned, fields;
    struct buf written, addresses_text;
    bool failed;                          /* out of memory while taking; what was dropped is not counted */
    unsigned n_taken, settled;            /* of the batch; so many are counted everywhere */
    struct fact taken[ANALYSIS_TOGETHER]; /* whose keys have seen them; other sums wait for those of the batch */
};

/* take.c: what stands for a target in a key, until the next call, its hash, and that of the key. */
struct key_text take_key_text(struct analysis *a, struct slice target);
uint64_t take_text_hash(const struct analysis *a, struct slice text);
uint64_t take_key_hash(const struct analysis *a, struct origin origin, uint64_t text, struct slice operation);

/* depend.c: asks for what answers are held against, which observe() and depend_observe() read. */
void depend_expect(const struct analysis *a, const struct exchange *x, const struct key *key, uint32_t variant);
/* depend.c: holds an answer against others to equal parts, after observe_key(), and names the learner. */
void depend_compare(struct analysis *a, struct fact *f);
/* depend.c: tells it. */
void depend_observe(struct analysis *a, const struct fact *f);
/* Before endpoints_unite. */
void depend_unite(struct analysis *a, uint32_t from, uint32_t into);
/* What is stored of it, until the next call; and taken up again. */
struct slice depend_write(struct analysis *a, const struct endpoint *e);
void depend_load(struct analysis *a, uint32_t id, struct slice blob);
/* masked.c: the leaves of an answer's body, or what it refuses, after observe(); else as those of depend.c. */
void masked_observe(struct analysis *a, const struct exchange *x, const struct fact *f);
void masked_unite(struct analysis *a, struct endpoint *from, struct endpoint *into);
struct slice masked_write(struct analysis *a, const struct endpoint *e);
void masked_load(struct analysis *a, struct endpoint *e, struct slice text);

/* bound.c. Whether bound_visit will most likely look for a write. */
bool bound_asks(const struct analysis *a, const struct endpoint *e);
/* Asks ahead for what bound_visit of this row will read, in three steps (0 to 2) with some time between. False: no more
 * steps, it will read nothing that is not near. */
bool bound_expect(const struct analysis *a, uint32_t row, unsigned step);
/* A successful write to the target of this key, by that endpoint, at `now`, ms. */
void bound_write(struct analysis *a, uint32_t row, uint32_t endpoint, int64_t now);
/* A look-up of the key that ended a gap. */
void bound_visit(struct analysis *a, uint32_t row, struct endpoint *e, int64_t now, struct changes_gap gap);
void bound_unite(struct analysis *a, struct endpoint *from, struct endpoint *into);
/* For the store, and back. */
struct slice bound_text(struct analysis *a, const struct endpoint *e, struct buf *out);
void bound_load(struct analysis *a, struct endpoint *e, struct slice text);

/* take.c: counts what was taken of the batch wherever it is not counted yet: before anything is united, dropped or
 * written. */
void take_settle(struct analysis *a);

/* observe.c: what depends on what happened to the key before; then whose it is, and all that only adds up. */
void observe_key(struct analysis *a, struct fact *f, bool counting);
void observe_sums(struct analysis *a, struct fact *f, size_t n);
/* observe.c: lets every metric see the fact; `counting` off rebuilds slots, tags and sets alone. Fills row.client and
 * row.endpoint. */
void observe(struct analysis *a, struct fact *f, bool counting);
/* How answers of clients are held against each other; false: this one says nothing. */
bool observe_as_shared(const struct analysis *a, const struct fact *f, const struct key *key,
                       struct sharing_visit *out);
/* A request that is counted and not analysed. */
void observe_ignored(struct analysis *a, const struct row_exchange *row, struct slice method);
/* An answer without its request. */
void observe_orphan(struct analysis *a, const struct row_exchange *row);
/* commit.c: before keys are dropped, those that the store does not know yet are handed over. From files this waits for
 * the writer; live, it does nothing while the writer is busy, and records of those keys are left without a target. */
void analysis_commit_names(struct analysis *a);
/* commit.c: an exchange that arrived at `us` is about to be taken and the open hour is over: its rows are written and
 * another one begins. Live, while the writer is busy, it goes on. */
void analysis_turn(struct analysis *a, int64_t us);
/* Endpoint of a path not seen before; never 0. `literal`: nothing in it varies. */
uint32_t observe_endpoint(struct analysis *a, struct slice method, struct slice service, struct slice path,
                          bool literal, struct keys_operation operation);

#endif
