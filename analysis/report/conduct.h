/* conduct: what the exchange records tell of an endpoint or a client, as members of the JSON report; null without
 * records. */
#ifndef REPORT_CONDUCT_H
#define REPORT_CONDUCT_H

#include "analysis/behaviour.h"
#include "base/json.h"

/* The members `concurrency`, `error_ratio`, `error_classes`, `transfer`, `coalescing`, `retries`, `quota` and
 * `schedule` of an endpoint. */
void conduct_endpoint(struct json *j, const struct row_endpoint *e, const struct behaviour *b);
/* The members `retries`, `quota`, `identity_confidence`, `diurnal`, `chattiness`, `activity`, `flags` and `says` of a
 * client. */
void conduct_client(struct json *j, const struct row_client *c, const struct behaviour *b);
/* The member `n_plus_one` of the report. */
void conduct_runs(struct json *j, const struct behaviour *b);
/* The member `waterfalls`: chains of requests that are made again and again; null: unknown. */
void conduct_chains(struct json *j, const struct behaviour *b);
/* The member `shared_addresses`: those that several credentials came from. */
void conduct_addresses(struct json *j, struct store_reader *r, const struct behaviour *b);
/* The member `behaviour`: which records all of that is from. */
void conduct_source(struct json *j, const struct behaviour *b);

#endif
