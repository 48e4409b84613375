/* keyadvice: which parts of its requests belong into an endpoint's cache key (ALGORITHMS.md 5.4), from what was learned
 * of them. */
#ifndef REPORT_KEYADVICE_H
#define REPORT_KEYADVICE_H

#include "analysis/learned.h"
#include "analysis/report/facts.h"
#include "analysis/sharing.h"
#include "analysis/standing.h"
#include "base/json.h"

struct key_advice {
    struct learned learned;
    struct learned_result result[LEARN_DIMS];
    struct sharing seen;
    int followed; /* the one field that can be why answers of one key differ, though it was not compared by itself; -1
                   */
};

void key_advice_of(struct key_advice *a, const struct row_endpoint *e, const struct facts *f);

/* Whether the part belongs to an answer's cache key as things are: in the query, or named by Vary. */
bool key_advice_in_key(const struct key_advice *a, unsigned dim);
/* In the key without need. */
bool key_advice_drops(const struct key_advice *a, unsigned dim);
/* A field that decides answers which do not say so in Vary: caches hand out the wrong ones. */
bool key_advice_lacks_vary(const struct key_advice *a, unsigned dim);
/* Of the query, and never the same twice: every look-up has a key of its own. */
bool key_advice_busts(const struct key_advice *a, unsigned dim);
/* How many are so. */
unsigned key_advice_count(const struct key_advice *a, bool (*is)(const struct key_advice *a, unsigned dim));

/* What the advice as a whole may rest on: how much was captured. */
enum standing key_advice_standing(const struct facts *f);

/* The member `key_advice`. */
void key_advice_json(struct json *j, const struct key_advice *a, const struct row_endpoint *e, const struct facts *f);
/* One line each: what to do about what is dropped, about what Vary lacks, about what makes each key new; and the
 * evidence. */
void key_advice_drop_action(const struct key_advice *a, struct buf *out);
void key_advice_vary_action(const struct key_advice *a, struct buf *out);
void key_advice_vary_names(const struct key_advice *a, struct buf *out);
void key_advice_bust_action(const struct key_advice *a, struct buf *out);
void key_advice_bust_why(const struct key_advice *a, struct buf *out);
void key_advice_why(const struct key_advice *a, bool (*is)(const struct key_advice *a, unsigned dim), struct buf *out);

#endif
