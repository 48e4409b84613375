/* moment: one consistent state of a DB, copied into memory with what the screens show already worked out. Owns its
 * text. The only file of this room that knows the store's rows and the report's words. */
#ifndef TUI_MOMENT_H
#define TUI_MOMENT_H

#include "analysis/store/read.h"
#include "tui/insight.h"

enum { MOMENT_MINUTES = 512, MOMENT_STATUSES = 6, MOMENT_ADVICE = 5 };
enum trust { TRUST_GOOD, TRUST_PARTIAL, TRUST_LITTLE };

struct quantiles {
    double p50, p95, p99, max; /* seconds; NaN: nothing was measured */
};

struct moment_rung {
    uint32_t ttl_s;
    double hit, stale; /* ratios: of look-ups, of hits with known content; NaN: unknown */
    uint64_t lookups, hits, stale_hits, known_hits, bytes_saved;
    double server_s; /* seconds of server time saved */
};

struct moment_endpoint {
    uint32_t id;
    struct slice method, service, route, operation;
    struct slice name;  /* all of them, for filters: "GET api.example/v1/x" */
    struct slice place; /* service without http://, and route */
    size_t service_n;   /* so many bytes of place are the service */
    uint64_t requests, eligible, keys, clients, request_bytes, response_bytes, errors, throttled, unanswered;
    uint64_t repeats_same, observed_gaps, changes;
    double repeat; /* ratio; NaN: nothing eligible */
    double server_s;
    struct quantiles latency, server;
    struct moment_rung ttl[LADDER_RUNGS];
    struct slice saying; /* what is known beside the numbers: lines `label \t sentence` */
};

struct moment_advice {
    struct slice kind, target, action, why;
};

struct moment_client {
    uint32_t id;
    struct slice client, identity, addresses, address, called, name; /* address: the first one and "+n" */
    uint64_t n_addresses, requests, bytes, errors, throttled;
    uint64_t peak_1s, peak_10s, peak_60s, sliding_1s, sliding_10s;
    double burstiness, poller_period_s;
    int64_t first_us, last_us;
    double envelope_rate[ENVELOPE_RATES], envelope_burst[ENVELOPE_RATES];
};

struct moment_minute {
    int64_t minute; /* Unix time / 60 */
    uint64_t requests, errors;
};

struct moment {
    int64_t state; /* of the DB */
    bool any, live, ended, from_records;
    int64_t started_us, ended_us; /* TIME_NONE as in row_capture */
    double duration_s, coverage;  /* NaN: unknown */
    double captured_s;            /* without pauses: what rates are of */
    uint64_t packets, flows, dropped;
    uint64_t exchanges, eligible, keys, services, unanswered, orphans, request_bytes, response_bytes, errors, throttled;
    uint64_t status[MOMENT_STATUSES]; /* by class; 0: what is none of 1xx to 5xx */
    enum trust trust;
    struct buf sentences;                        /* of the verdict, a line each */
    struct moment_rung ttl[LADDER_RUNGS];        /* all endpoints together */
    struct moment_minute minute[MOMENT_MINUTES]; /* the last ones, in order, as many as `minutes` */
    unsigned minutes;
    struct moment_endpoint *endpoint; /* most requests first */
    uint32_t endpoints;
    struct moment_client *client;
    uint32_t clients;
    uint64_t all_clients;                       /* also those that had no room */
    bool clients_estimated;                     /* there were such: an endpoint has at least as many as it tells of */
    struct moment_advice advice[MOMENT_ADVICE]; /* most important first, as many as `shown_advice` of `n_advice` */
    uint32_t n_advice, shown_advice;
    const struct insight *insight; /* the newest, of this moment or an earlier one; NULL: none yet. Not owned */
    struct kept text;
};

/* Between store_read_begin and end. NULL: out of memory. */
struct moment *moment_read(struct store_reader *r);
void moment_free(struct moment *m);

#endif
