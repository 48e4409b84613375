/* polling: clients that ask for the same thing at even intervals, and how often that brought nothing new
 * (ALGORITHMS.md 7.2 and 8.8). A poller of a key has 30 gaps and a burstiness (Goh and Barabasi) below -0.7; its client
 * may do other things as well. Reads come in order of arrival, microseconds. Bounded: what finds no room among the
 * four places of its hash is counted as lost; one that was silent for an hour gives way. */
#ifndef ANALYSIS_POLLING_H
#define ANALYSIS_POLLING_H

#include <stdbool.h>
#include <stdint.h>

enum { POLLING_MOST = 1 << 16, POLLING_GAPS = 30, POLLING_SILENT_S = 3600 };

struct polling;

struct polling_read {
    uint32_t client, key, endpoint; /* not 0 */
    uint32_t content;               /* 0: unknown */
    int64_t at_us;
    uint64_t server_us;
    bool unmodified; /* answered 304 */
};

/* Of an endpoint. Zero-initialise. */
struct polling_sums {
    uint64_t pollers, polls;
    uint64_t idle, idle_us; /* polls whose answer was the one before; server time of these */
    double period_s;        /* mean gap of the poller with the most polls; means nothing without pollers */
    uint64_t most;          /* its polls */
};

/* `sums` of an endpoint, where pollers are added. NULL: out of memory. */
struct polling *polling_new(struct polling_sums *(*sums)(void *context, uint32_t endpoint), void *context);
void polling_free(struct polling *p);
void polling_read(struct polling *p, const struct polling_read *r);
/* Counts those that are still at it. */
void polling_end(struct polling *p);
uint64_t polling_lost(const struct polling *p);

#endif
