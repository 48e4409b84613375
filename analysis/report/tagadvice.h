/* tagadvice: what is wrong with an endpoint's validators (ALGORITHMS.md 1.4): an ETag that stands for different
 * contents tells clients to keep what is wrong; one that differs for equal contents, or that the server does not heed,
 * has bodies sent again to clients that have them. */
#ifndef REPORT_TAGADVICE_H
#define REPORT_TAGADVICE_H

#include "analysis/report/advice.h"

enum advice_kind tag_advice_kind(const struct row_endpoint *e); /* ADVICE_LIES, ADVICE_TAGS or ADVICE_NONE */
/* What it stands on: answers that were compared, and those that are wrong. */
void tag_advice_numbers(const struct row_endpoint *e, uint64_t *compared, uint64_t *wrong);
/* One line each. */
void tag_advice_action(const struct row_endpoint *e, struct buf *out);
void tag_advice_why(const struct row_endpoint *e, struct buf *out);

/* Equal contents under different ETags, more than one pair in a hundred. */
bool tag_advice_unstable(const struct row_endpoint *e);
/* Conditional requests answered in full though nothing changed, more than one in a hundred. */
bool tag_advice_unheeded(const struct row_endpoint *e);

#endif
