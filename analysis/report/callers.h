/* callers: who calls whom, as every document says it: the service dependency map (ALGORITHMS.md 8.2). */
#ifndef REPORT_CALLERS_H
#define REPORT_CALLERS_H

#include "analysis/behaviour.h"
#include "base/json.h"

/* The members `hops` (what could be joined, and why not) and `dependencies`; null: nothing carries an id, or no record
 * is kept. coverage: share of the bytes that was seen, NaN unknown. */
void callers_json(struct json *j, const struct behaviour *b, double coverage);
/* The sections; nothing where nothing could be joined. */
void callers_text(const struct behaviour *b, double coverage, unsigned top, unsigned width, struct buf *out);
void callers_markdown(const struct behaviour *b, double coverage, unsigned top, struct buf *out);

#endif
