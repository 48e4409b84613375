/* hops: exchanges of one trace joined across what they pass: which requests a service makes to answer one
 * (ALGORITHMS.md 8.2: W3C traceparent, X-Request-Id). Calls come in order of arrival. A call is made for the request
 * that came to the address that it comes from, with the same trace (else the same request id), and was under way when
 * it began, or had ended at most HOPS_AFTER_US before; of several the one that began last. Where no addresses agree (an
 * address is translated on the way), for the one that it lies within, if it came from elsewhere: `by_time`. What
 * carries neither id is not joined: who calls whom is then not known. Bounded: HOPS_OPEN calls with an id are
 * remembered. */
#ifndef ANALYSIS_HOPS_H
#define ANALYSIS_HOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOPS_AFTER_US INT64_C(5000000)

enum {
    HOPS_OPEN = 1 << 17,
    HOPS_EDGES = 1 << 14,
    HOPS_CALLS = 256, /* of one request; further ones are counted in `untracked` */
    HOPS_TIERS = 4,   /* a service that passes requests on to itself is told apart so many times */
    HOPS_DEEP = 512   /* calls of one trace that are looked through for the one that it was made for */
};

struct hops_call {
    uint32_t trace, request_id;        /* 0: none */
    uint32_t endpoint, service;        /* ids, numbers; not 0 */
    uint32_t target;                   /* what is asked for, whatever the service; 0: unknown */
    uint32_t client_host, server_host; /* numbers of addresses; 0: unknown */
    uint32_t client_network;           /* number of the one that the client is in; 0: unknown */
    int64_t start_us, end_us;          /* first byte of the request, last of the answer */
    bool ended;                        /* end_us is known */
    bool failed, inside;               /* inside: it is counted */
    uint32_t server;                   /* given back with the calls made for it */
};

/* The request that a call is made for. */
struct hops_parent {
    uint64_t number;   /* of all calls with an id; 0: not known */
    uint32_t endpoint; /* 0: not known */
    uint32_t server;
    bool passed_on; /* the call is the request itself, within its service */
};

/* Calls from one to another: of endpoints, or of services. */
struct hops_edge {
    uint64_t hash;
    uint32_t caller, callee;
    uint32_t caller_service, callee_service;
    uint8_t caller_tier, callee_tier; /* how often it was passed on within its service */
    bool relayed;                     /* they ask for the same as what they are made for: it is passed on */
    uint64_t calls;                   /* made */
    uint64_t requests;                /* of the caller, that made one at least */
    uint64_t covered_us;              /* of these requests' time, while at least one was under way */
    uint64_t ended, us;               /* calls that ended, and how long they took */
    uint64_t failed;                  /* calls */
    uint64_t passed_on;               /* requests that failed, one of these calls having failed */
    uint64_t after;                   /* calls that began after the answer was whole */
    uint64_t by_request_id;           /* joined by X-Request-Id; the others by traceparent */
    uint64_t ambiguous;               /* calls that could be of another request, too */
    uint64_t by_time;                 /* calls whose address tells nothing */
};

/* Requests with an id, and their time; own_us: while none of their calls was under way. */
struct hops_asked {
    uint64_t requests, us, own_us;
};

/* Endpoints by id, services by number; `asked` by HOPS_TIERS times that, + tier. */
struct hops_level {
    struct hops_edge *edge; /* after hops_end by what is called most; those of endpoints by service, then so */
    struct hops_asked *asked;
    uint32_t n_edges;
    size_t n_asked;
};

struct hops_sums {
    struct hops_level endpoint, service;
    uint64_t traced, identified; /* calls with a traceparent; with a request id alone */
    uint64_t joined, relayed;
    uint64_t untracked; /* calls or edges that there was no room for */
};

struct hops;

struct hops *hops_new(void); /* NULL: out of memory */
void hops_free(struct hops *h);
struct hops_parent hops_add(struct hops *h, const struct hops_call *c);
/* Counts what is still open. The sums are whole then, and live as long as h. */
void hops_end(struct hops *h);
const struct hops_sums *hops_sums(const struct hops *h);
/* Of an edge of services those of their endpoints, *n of them. */
const struct hops_edge *hops_within(const struct hops_sums *s, const struct hops_edge *services, uint32_t *n);
/* Share of an edge's calls that are certainly of the request that they are counted for. */
double hops_certain(const struct hops_edge *e);

#endif
