/* gathering: how the files beside bottlenecks.c add what they find to the list. */
#ifndef REPORT_GATHERING_H
#define REPORT_GATHERING_H

#include "analysis/report/bottlenecks.h"

struct gathering;

/* `seconds` in `of_s`, seen n times. NULL: it is nothing, or no memory. */
struct bottleneck *gathering_add(struct gathering *g, enum bottleneck_kind kind, enum ranking_effort effort,
                                 double seconds, uint64_t n);
/* Of an endpoint; p NULL: there is none. Borrowed until the next endpoint is met. */
struct slice gathering_name(const struct gathering *g, uint32_t id);
/* It is about this endpoint, which was met. */
void gathering_at(const struct gathering *g, struct bottleneck *b, uint32_t id);
/* Members of the evidence. */
void gathering_count(struct bottleneck *b, const char *name, uint64_t n);
void gathering_number(struct bottleneck *b, const char *name, double v);

/* stateful.c: what the state that ties clients to a server costs; when all endpoints have been met. */
void stateful_find(struct gathering *g, const struct ties *t);
/* pressing.c: storms of retries, pollers and stampedes of an endpoint; clients that flood. */
void pressing_endpoint(struct gathering *g, uint32_t id, const struct behaviour_endpoint *seen);
void pressing_client(struct gathering *g, const struct row_client *c, const struct behaviour *b,
                     const struct behaviour_client *seen);

#endif
