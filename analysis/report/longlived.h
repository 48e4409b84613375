/* longlived: WebSockets and streams of server-sent events: how many, how long, how much passes and how often. */
#ifndef REPORT_LONGLIVED_H
#define REPORT_LONGLIVED_H

#include "analysis/report/facts.h"
#include "base/json.h"

/* Members `websocket` and `events` of an endpoint; null where it has none. */
void longlived_json(struct json *j, const struct facts *f, const struct row_endpoint *e);
/* The section WHAT STAYS OPEN; nothing when nothing did. */
void longlived_text(struct store_reader *r, const struct facts *f, unsigned top, unsigned width, struct buf *out);
/* The same as a table; `name` writes an endpoint's name harmlessly. */
void longlived_markdown(struct store_reader *r, const struct facts *f, unsigned top, struct buf *out,
                        void (*name)(struct buf *out, const struct row_endpoint *e));

#endif
