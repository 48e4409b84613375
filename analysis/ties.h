/* ties: what the exchange records of a DB tell of the state that ties clients to a server, and of who calls which
 * endpoint with what credential, read once in order of arrival (ALGORITHMS.md 9.1). Nothing of it is counted while
 * capturing. Bounded: TIES_BONDS of client and endpoint; what finds no room is counted. */
#ifndef ANALYSIS_TIES_H
#define ANALYSIS_TIES_H

#include "analysis/stateless.h"
#include "analysis/store/read.h"
#include "analysis/unsafe.h"
#include "analysis/versions.h"

enum { TIES_BONDS = 1 << 19, TIES_PRIORS = 16, TIES_ORDERS = 1 << 16 };

struct ties_endpoint {
    struct stateless_seen seen;
    uint64_t clear;                  /* requests with a credential, not over TLS as seen here */
    uint64_t keyed;                  /* requests with an Idempotency-Key */
    uint64_t deprecation, sunset;    /* answers that carry these fields */
    uint64_t refused, refused_us;    /* requests without a cookie that were answered 401 or 403; their server time */
    uint64_t strayed_us;             /* server time of stateless_seen.moved that failed */
    struct stateless_share replicas; /* answers of other servers between two equal ones of one, to one client within 60
                                        s; that differ (ALGORITHMS.md 4.2) */
    struct stateless_share alone;    /* the same within one server: what differs without another's doing */
    uint64_t served_n[STATELESS_BACKENDS], served_us[STATELESS_BACKENDS]; /* by backend: with a server time; its sum */
};

struct ties {
    bool any;    /* there are records; false: nothing below is known */
    bool failed; /* out of memory, or a record is damaged: what is here is not all */
    uint64_t records, untracked;
    struct ties_endpoint *endpoint; /* by id */
    size_t n_endpoints;
    struct versions versions;
    struct unsafe_found *changes; /* of GETs, those that are proven; once for a GET and a reader */
    uint32_t n_changes;
};

enum ties_replicas { TIES_ONE_SERVER, TIES_REPLICAS_UNKNOWN, TIES_REPLICAS_AGREE, TIES_REPLICAS_DISAGREE };

/* Whether the servers of an endpoint answer the same at the same time. */
enum ties_replicas ties_replicas(const struct ties_endpoint *e);

/* Between store_read_begin and end; of the window, if one is read. */
void ties_read(struct ties *t, struct store_reader *r);
void ties_free(struct ties *t);
/* NULL: nothing is known of it. */
const struct ties_endpoint *ties_endpoint(const struct ties *t, uint32_t id);

#endif
