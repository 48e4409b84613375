/* predict: what the rules of a policy will do, by replaying the recorded exchanges with the product's own edges; what
 * `policy` prints beside them and `verify` holds them to. */
#ifndef CMD_PREDICT_H
#define CMD_PREDICT_H

#include "analysis/policy/policy.h"
#include "analysis/ttlcache.h"

/* The edge that goes by this name; TTLCACHE_EXACT when there is none. */
enum ttlcache_profile predict_profile(const char *name);
/* Fills in the figures of caches and limits, raises limits that the product's whole numbers would make too tight, and
 * marks what is to be renewed in the background. Without records the ladder's figures stay. Between store_read_begin
 * and end. False: `why` is one line. */
bool predict_rules(const struct policy_product *product, struct rules *r, struct store_reader *reader, char why[256]);

#endif
