/* loads: how much each backend (service and server) has under way and answers in a second, and what that says of its
 * capacity, from the exchange records of a DB (ALGORITHMS.md 8.4, 8.6). They are read twice in order of arrival: first
 * who there is and what it is asked for, then each second. Nothing of it is counted while capturing. Bounded:
 * LOADS_MOST backends and parts of them, LOADS_MIX pairs of a backend and an endpoint; what finds no room is counted.
 */
#ifndef ANALYSIS_LOADS_H
#define ANALYSIS_LOADS_H

#include "analysis/named.h"
#include "analysis/queueing.h"
#include "analysis/trend.h"
#include "analysis/underway.h"
#include "analysis/usl.h"
#include "base/hist.h"

enum { LOADS_MOST = 1 << 12, LOADS_MIX = 1 << 16, LOADS_FEW = 5 };

enum load_scope {
    LOAD_PAIR,     /* a service at one server */
    LOAD_SERVICE,  /* a service at all of its servers: it has more than one */
    LOAD_SERVER,   /* all services of a server: it has more than one */
    LOAD_ENDPOINT, /* one of the most asked endpoints of a pair that has more than one */
    LOAD_SCOPES
};

/* What of a load is one endpoint's. */
struct load_mix {
    uint64_t hash;
    uint32_t load, endpoint;
    uint64_t n, busy_us; /* answers; how long they took in all */
};

/* Seconds in which something was answered whole, by what became of them; of the rest the first that holds. */
struct load_seconds {
    uint64_t all, usable;
    uint64_t few;     /* fewer than LOADS_FEW answers, or all in no time */
    uint64_t damaged; /* bytes were not captured */
    uint64_t failing; /* a fifth or more of it failed, or never ended */
    uint64_t mixed;   /* asked for other things than usual */
};

struct load {
    uint64_t hash;
    enum load_scope scope;
    uint32_t service;                       /* number of struct named; 0: none, or many */
    uint32_t server;                        /* id of an address; 0: unknown, or many */
    uint32_t endpoint;                      /* LOAD_ENDPOINT */
    uint32_t whole;                         /* LOAD_ENDPOINT: place of its pair, + 1 */
    struct slice service_name, server_name; /* NULL p: none, unknown, or many */
    uint64_t exchanges;                     /* with a request */
    uint64_t untimed;                       /* of them, answered whole in a time that no record says */
    uint64_t tunnels;                       /* of those, upgrades and CONNECT: in none of the following */
    uint64_t answered;                      /* of those, of which it is known when they ended */
    uint32_t mix_at, mix_n;                 /* in struct loads, most answers first */
    uint32_t part[UNDERWAY_KINDS];          /* places of the loads of its first endpoints, + 1 */
    uint64_t area_us;                       /* under way, call microseconds */
    uint32_t peak;                          /* most at once */
    uint64_t most;                          /* answers in one second */
    struct load_seconds seconds;
    double throughput_p95, concurrency_p95; /* of seconds with an answer; NaN: unknown */
    double usable_low, usable_high;         /* 5 and 95 % of the concurrency of usable ones; NaN: there are none */
    double slows; /* rank correlation of server time and concurrency by seconds; NaN: unknown */
    struct queueing_found queueing;
    struct trend *trend; /* NULL: of an endpoint, no memory, or nothing yet */
    struct usl usl;
    struct usl_fit fit;
    struct hist rate, depth, usable; /* answers, and area_us, of a second */
    uint64_t passed;                 /* answers of the seconds so far */
};

struct loads {
    bool any;    /* there are records; false: nothing below is known */
    bool failed; /* out of memory, or a record is damaged: what is here is not all */
    uint64_t records, untracked;
    int64_t from_us, to_us; /* first and last byte of what they cover */
    struct load *load;
    struct load **order; /* by scope, most exchanges first; `n` */
    uint32_t n;
    struct load_mix *mix;
    uint32_t n_mix;
    struct named names;
    struct buf servers;
    uint32_t *server_at; /* place in `servers` by id, + 1; text ends in 0 */
    size_t n_servers;
};

/* Between store_read_begin and end; of the window, if one is read. */
void loads_read(struct loads *l, struct store_reader *r);
void loads_free(struct loads *l);
double loads_seconds(const struct loads *l); /* that the records cover; NaN: none */
/* Mean number under way, by Little's law; NaN: unknown. */
double loads_concurrency(const struct loads *l, const struct load *x);

#endif
