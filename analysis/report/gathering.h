/* gathering: what bottlenecks are found from, and how one is added; for the files that find them. */
#ifndef REPORT_GATHERING_H
#define REPORT_GATHERING_H

#include "analysis/report/bottlenecks.h"

/* What of an endpoint is needed when all have been met. */
struct met {
    uint32_t id;
    unsigned decade;
    double mean_s, median_s, least_s; /* server time */
    uint64_t server_n;
    size_t name_at, name_n;
};

struct gathering {
    struct bottleneck_list *list;
    const struct facts *facts;
    const struct behaviour *behaviour;
    const struct ties *ties;
    double hours_s, coverage; /* of the rows */
    double server_s;          /* of all endpoints */
    struct met *met;
    size_t n, cap;
    struct buf names;
};

/* `seconds` in `of_s`, seen n times. NULL: it is nothing, or no memory. */
struct bottleneck *gathering_add(struct gathering *g, enum bottleneck_kind kind, enum ranking_effort effort,
                                 double seconds, double of_s, uint64_t n);
/* NULL: no such endpoint. */
const struct met *gathering_met(const struct gathering *g, uint32_t id);
struct slice gathering_name(const struct gathering *g, const struct met *m);
/* Members of the evidence. */
void gathering_count(struct bottleneck *b, const char *name, uint64_t n);
void gathering_number(struct bottleneck *b, const char *name, double v);

/* stateful.c: what the state that ties clients to a server costs; when all endpoints have been met. */
void stateful_find(struct gathering *g);
/* pressing.c: storms of retries and pollers of an endpoint; clients that flood. */
void pressing_endpoint(struct gathering *g, const struct met *m, const struct behaviour_endpoint *seen);
void pressing_client(struct gathering *g, const struct row_client *c, const struct behaviour_client *seen);

#endif
