/* noted: what stands in no ranking but should be known of an endpoint: contents that change by the clock, servers that
 * disagree, limits that are in force. Nothing where there is none of it. */
#ifndef REPORT_NOTED_H
#define REPORT_NOTED_H

#include "analysis/behaviour.h"
#include "analysis/ties.h"
#include "base/buf.h"

/* The section ALSO SEEN of the text: `top` lines of each kind at most. */
void noted_text(struct store_reader *r, const struct behaviour *b, const struct ties *t, unsigned top, struct buf *out);

#endif
