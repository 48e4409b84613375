/* behaviour: how clients and endpoints behaved, from the exchange records of a DB, read once in order of arrival: what
 * was under way at once, retries, runs, kinds of errors (ALGORITHMS.md 7.8, 8.4, 8.5, 8.9). Nothing of it is counted
 * while capturing, so it costs no capture anything; it covers what records there are. */
#ifndef ANALYSIS_BEHAVIOUR_H
#define ANALYSIS_BEHAVIOUR_H

#include "analysis/activity.h"
#include "analysis/expiry.h"
#include "analysis/floods.h"
#include "analysis/inflight.h"
#include "analysis/polling.h"
#include "analysis/quota.h"
#include "analysis/recurrence.h"
#include "analysis/backends.h"
#include "analysis/chatty.h"
#include "analysis/hops.h"
#include "analysis/named.h"
#include "analysis/retries.h"
#include "analysis/schedule.h"
#include "analysis/store/read.h"
#include "analysis/suspect.h"

/* Kinds of errors (ALGORITHMS.md 8.5); an exchange has one at most, the first of these. */
enum error_class {
    ERRORS_SERVER,
    ERRORS_THROTTLED,
    ERRORS_CLIENT,
    ERRORS_TRANSPORT,
    ERRORS_PROTOCOL,
    ERRORS_APPLICATION,
    ERROR_CLASSES
};

extern const char *const error_class_names[ERROR_CLASSES];

struct behaviour_endpoint {
    uint64_t requests;
    uint64_t class[ERROR_CLASSES];
    uint64_t failed, failed_us; /* as CONTRACT's errors; their server time */
    struct inflight_group inflight;
    uint64_t coalescable, coalescable_us, coalescable_bytes; /* safe requests begun while the same was under way */
    uint32_t most_alike;                                     /* of one request under way at once */
    uint64_t retries, retries_us;                            /* retries_us: their server time */
    struct polling_sums polling;
    struct quota_sums quota;
    struct expiry_sums expiry;
    struct schedule *schedule;              /* NULL: no change was seen, or there is no memory */
    uint64_t transfer_us, transfer_bytes;   /* of whole answers: first to last byte */
    uint64_t judged_us, window_us, loss_us; /* of transfers whose two directions and beginning were seen: in all, held
                                               up by the client's window, by loss; the rest is the server's pace */
    struct retries_storm storm;
    struct recurrence_sums recurrence;
};

enum { BEHAVIOUR_RATIOS = 128, BEHAVIOUR_GAPS = 128 };

/* How a client waits; the first ones are kept. */
struct behaviour_waits {
    float ratio[BEHAVIOUR_RATIOS], gap_s[BEHAVIOUR_GAPS];
    unsigned n_ratios, n_gaps;
};

/* What a client was told of quotas. */
struct behaviour_quota {
    struct quota_sums sums;
    struct quota_told told;
};

struct behaviour_client {
    uint64_t requests, good, denied, refused; /* answered 2xx; 401 or 403; 4xx in all */
    uint64_t throttled, asked_to_wait;        /* 429 and 503 with Retry-After; of those, with a time */
    uint64_t retries, chains, retries_us,
        early;                     /* chains with a retry; server time of retries; before Retry-After allowed */
    uint32_t longest;              /* attempts of a chain */
    uint64_t runs, run_calls;      /* N+1 events; their calls */
    struct behaviour_waits *waits; /* NULL: no retry, or no memory */
    struct retries_storm storm;
    uint64_t since, distinct; /* requests since the first 4xx, and different ones among them */
    struct suspect_ids ids;
    struct behaviour_quota *quota; /* NULL: it was told nothing, or there is no memory */
    uint32_t hour[24];             /* requests by hour of the day, UTC */
    uint32_t active;               /* its place in struct behaviour.activity, 1 and more; 0: none */
    bool credential;               /* not known by its address alone */
    bool several;                  /* it came from more than one address, certainly */
    uint16_t flood;                /* 1 + its place in struct behaviour.floods; 0: none */
};

/* An address that credentials came from. */
struct behaviour_address {
    uint64_t requests, denied; /* denied: 401, 403 */
    uint32_t credentials;
};

/* N+1 events of a trigger (0: none was seen) and a child, endpoint ids. */
struct behaviour_runs {
    uint64_t hash;
    uint32_t trigger, child;
    bool within;                        /* made while the trigger was answered, not after it */
    uint64_t events, calls, sequential; /* sequential: steps; steps in all: calls - events */
    uint64_t clients_mask;              /* a bit for each client, folded: how many there were at least */
    uint64_t rtt_us;                    /* sum over the steps, of those whose round trip is known */
};

enum { BEHAVIOUR_RUNS = 4096, BEHAVIOUR_WAITERS = 8192, BEHAVIOUR_PAIRS = 1 << 20, BEHAVIOUR_ACTIVE = 4096 };

struct behaviour {
    bool any;    /* there are records; false: nothing below is known */
    bool whole;  /* those of the whole audit, or window */
    bool failed; /* out of memory, or a record is damaged: what is here is not all */
    uint64_t records;
    uint64_t vague;                      /* requests of whose client no more is known than the network that it is in */
    int64_t from_us, to_us;              /* first and last byte of what they cover */
    struct behaviour_endpoint *endpoint; /* by id */
    size_t n_endpoints;
    struct behaviour_client *client; /* by id */
    size_t n_clients;
    struct behaviour_address *address; /* by id */
    size_t n_addresses;
    struct behaviour_runs *runs;          /* most calls first */
    struct activity_scale scale;          /* of the audit or window, as far as records go back */
    uint32_t (*activity)[ACTIVITY_SLOTS]; /* arrivals of the clients with most requests */
    uint32_t n_runs;
    struct floods floods;      /* none in a window */
    struct hops *hops;         /* who calls whom; NULL: not known */
    struct chatty *chatty;     /* what clients do in one go; NULL: not known */
    struct backends *backends; /* servers of each service; NULL: not known */
    struct named named;        /* names of endpoints and services */
    uint32_t waiters;
    uint64_t untracked; /* calls and failed attempts that there was no room for, and runs of further pairs */
};

/* Between store_read_begin and end; of the window, if one is read. audited: exchanges that were counted. */
void behaviour_read(struct behaviour *b, struct store_reader *r, uint64_t audited);
void behaviour_free(struct behaviour *b);
/* Share of the look-ups whose key was looked up within that rung's time before (ALGORITHMS.md 2.2); NaN: the records
 * are not of all of them. */
double behaviour_repeats(const struct behaviour *b, const struct row_endpoint *e, unsigned rung);
/* NULL: nothing is known of it. */
const struct behaviour_endpoint *behaviour_endpoint(const struct behaviour *b, uint32_t id);
const struct behaviour_client *behaviour_client(const struct behaviour *b, uint32_t id);
/* Arrivals by slots of b->scale; NULL: not known. */
const uint32_t *behaviour_activity(const struct behaviour *b, uint32_t client);
double behaviour_seconds(const struct behaviour *b); /* that the records cover; NaN: none */
/* By Little's law (ALGORITHMS.md 8.4); NaN: unknown. */
double behaviour_concurrency(const struct behaviour *b, const struct behaviour_endpoint *e);
/* Median pause before a retry, s; NaN: no retry. */
double behaviour_pause(const struct behaviour_client *c);
struct backoff behaviour_backoff(const struct behaviour_client *c);
/* It scans, or goes through ids one by one (ALGORITHMS.md 7.8): what it asks for is nothing that a limit must let
 * through. */
bool behaviour_abuses(const struct behaviour_client *c);

#endif
