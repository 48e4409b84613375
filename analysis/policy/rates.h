/* rates: how much a client may ask, for all clients that are told apart by the same thing (ALGORITHMS.md 7.5), and how
 * much a service is asked by all. */
#ifndef POLICY_RATES_H
#define POLICY_RATES_H

#include "analysis/policy/rules.h"
#include "analysis/policy/seen.h"

/* Fills rules->rate from the clients of the store. */
void rates_load(struct rules *r, struct store_reader *reader, const struct facts *f);
/* The limit of a service from its recorded arrivals. */
void rates_service(struct rule_service *s, const struct seen_service *v, const double rate[ENVELOPE_RATES],
                   double headroom, const struct facts *f);

#endif
