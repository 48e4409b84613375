/* endpoints: counters of each endpoint. Ids start at 1 and are never used again; one that was united into another is
 * its alias and its counters moved there, so that totals stay exact. Id OTHER takes what no endpoint is left for. */
#ifndef ANALYSIS_ENDPOINTS_H
#define ANALYSIS_ENDPOINTS_H

#include "analysis/blocks.h"
#include "analysis/budget.h"
#include "analysis/ladder.h"
#include "analysis/live.h"
#include "analysis/sampling.h"
#include "analysis/store/rows.h"
#include "analysis/sharing.h"
#include "analysis/sources.h"
#include "base/hist.h"

/* WebSockets; columns of the same names. */
struct socket_sums {
    uint64_t websockets, us, messages[2], bytes[2], lost;
};

/* Server-sent events; columns of the same names. */
struct event_sums {
    uint64_t streams, us, events, bytes, gaps, gap_us, gap_max_us, resumed, lost;
};

/* Exchanges that declared the same, of which `declared`, `reasons` and `declared_ttl` do not know yet. */
struct declared_recent {
    uint32_t notes, lifetime; /* of struct row_exchange */
    uint64_t n;
};

enum { DECLARED_RECENT_BITS = 2 };

/* What every exchange of it reads and changes comes first. */
struct endpoint {
    uint32_t alias, node;         /* node of the trie */
    bool dirty, other, unlearned; /* unlearned: there was no room for a learner */
    bool grpc;                    /* its route is a gRPC method, literally */
    bool safe;                    /* its operation changes nothing, whatever its method */
    bool masked;                  /* its bodies are compared under a mask (analysis/masked.h) */
    uint8_t set_class;
    uint32_t learner;    /* row of analysis/learning.h; 0: none */
    uint32_t set;        /* clients seen, two bits per client number; block of 2^set_class words */
    uint32_t tail;       /* row of `tails`, 0: all its keys are followed */
    uint32_t writes;     /* row of what writes do to it (analysis/writes.h), 0: none */
    uint32_t fields;     /* row of what is learned of its bodies (analysis/masked.h), 0: none */
    uint32_t gaps_asked; /* gaps that were asked for writes, or might have been */
    struct live live;
    uint64_t requests;
    int64_t first_us, last_us;
    uint64_t eligible, clients, request_bytes, response_bytes, errors, throttled, unanswered;
    struct declared_recent recent[1 << DECLARED_RECENT_BITS]; /* what most declare is one of a few */
    uint64_t server_us_total, keys, repeats_same, observed_gaps, changes;
    struct hist latency, server;
    struct changes_sums lifetimes;
    struct sources sources; /* of repeats */
    struct sharing sharing;
    struct ladder_sums ladder;
    uint64_t declared[DECLARED_COUNT], reasons[REASON_COUNT]; /* endpoints_settle makes them whole */
    struct hist declared_ttl;                                 /* seconds */
    struct socket_sums sockets;
    struct event_sums events;
    uint64_t operation_answers; /* answers to its operation that were read for errors */
} __attribute__((aligned(64)));

struct endpoints {
    struct slab rows; /* row 0 is none */
    struct slab dirty;
    struct slab tails;  /* struct sampling_tail; row 0 is none */
    uint32_t free_tail; /* chained through `segment` */
    uint32_t segments;  /* numbers given */
    struct blocks sets, lifetimes, live;
    struct hist_pool *pages;
    uint32_t other;        /* id of `(other)`, 0 while nobody needed it */
    uint64_t sets_refused; /* clients that no set had room for: `clients` is then at least that */
};

bool endpoints_init(struct endpoints *e, const struct budget *b, struct hist_pool *pages);
void endpoints_fini(struct endpoints *e);

static inline struct endpoint *endpoints_at(const struct endpoints *e, uint32_t id)
{
    return (struct endpoint *)(void *)e->rows.base + id;
}

/* Asks for what an exchange of it changes. */
void endpoints_prefetch(const struct endpoint *at);
/* A new one at this node of the trie; 0 when all are taken (the last id is kept for `(other)`). */
uint32_t endpoints_open(struct endpoints *e, uint32_t node);
/* `(other)`, made on first need. */
uint32_t endpoints_other(struct endpoints *e);
/* Of an alias: what it stands for today. */
uint32_t endpoints_of_alias(struct endpoints *e, uint32_t id);

/* The one that an id stands for today. */
static inline uint32_t endpoints_resolve(struct endpoints *e, uint32_t id)
{
    return endpoints_at(e, id)->alias ? endpoints_of_alias(e, id) : id;
}

/* Moves all counters; `from` becomes an alias. */
void endpoints_unite(struct endpoints *e, uint32_t from, uint32_t into);
/* Counts what an exchange of this endpoint declares. */
void endpoints_declared_new(struct endpoints *e, struct endpoint *at, struct declared_recent *place,
                            const struct row_exchange *r);
static inline void endpoints_declared(struct endpoints *e, struct endpoint *at, const struct row_exchange *r)
{
    uint32_t mixed = (r->notes + r->lifetime * 0x85ebca6bu) * 0x9e3779b1u;
    struct declared_recent *place = &at->recent[mixed >> (32 - DECLARED_RECENT_BITS)];
    if (place->notes == r->notes && place->lifetime == r->lifetime)
        place->n++;
    else
        endpoints_declared_new(e, at, place, r);
}

/* Before its declarations are read. */
void endpoints_settle(struct endpoints *e, struct endpoint *at);
/* Counts a stream of events that an exchange of this endpoint answered with. */
void endpoints_events(struct endpoint *at, const struct event_facts *e);
/* Counts a WebSocket that an exchange of this endpoint opened. */
void endpoints_websocket(struct endpoint *at, const struct websocket_facts *w);
/* Room for the word in the set of clients; false when the pool has none. */
bool endpoints_set_room(struct endpoints *e, struct endpoint *at, uint32_t word);

/* Notes that the client with this number (from 0) was here. Two bits a client: it asked; it was given a whole answer.
 */
static inline void endpoints_client(struct endpoints *e, struct endpoint *at, uint32_t client, bool given)
{
    uint32_t word = client / 32;
    if ((!at->set || word >> at->set_class) && !endpoints_set_room(e, at, word)) {
        e->sets_refused++;
        return;
    }
    uint64_t *bits = (uint64_t *)blocks_at(&e->sets, at->set) + word, bit = (uint64_t)1 << 2 * (client % 32);
    uint64_t whole = given ? bit << 1 : 0, new = (bit | whole) & ~*bits;
    if (!new)
        return;
    at->clients += (new &bit) != 0;
    at->sharing.given += (new &whole) != 0;
    *bits |= new;
}

/* Asks for what that will change. */
static inline void endpoints_prefetch_client(const struct endpoints *e, const struct endpoint *at, uint32_t client)
{
    if (at->set)
        prefetch((const uint64_t *)blocks_at(&e->sets, at->set) + client / 32);
}

static inline struct sampling_tail *endpoints_tail(const struct endpoints *e, const struct endpoint *at)
{
    return (struct sampling_tail *)slab_at(&e->tails, at->tail);
}

/* Follows half as many of its keys from now on. False: no room, or it cannot be fewer. */
bool endpoints_thin(struct endpoints *e, uint32_t id);
/* Sampled at level 0, that is not yet; NULL: no room. */
struct sampling_tail *endpoints_sample(struct endpoints *e, struct endpoint *at);
/* Begins a new segment. */
void endpoints_close_tail(struct endpoints *e, struct endpoint *at);
/* The same of one that is clean. */
void endpoints_soil(struct endpoints *e, uint32_t id);

/* To be written with the next batch. */
static inline void endpoints_touch(struct endpoints *e, uint32_t id)
{
    if (!endpoints_at(e, id)->dirty)
        endpoints_soil(e, id);
}

#endif
