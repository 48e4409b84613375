/* unread: connections that were not read: who speaks with whom, how much and how fast, and why they stay closed. */
#ifndef REPORT_UNREAD_H
#define REPORT_UNREAD_H

#include "analysis/report/facts.h"
#include "base/json.h"

/* Member `opaque`: a row for each client, server and kind of hello, most octets first; null where packets are not
 * known, and in a window. */
void unread_json(struct json *j, struct store_reader *r, const struct facts *f);
/* The section WHAT WAS NOT READ; nothing when there was none. */
void unread_text(struct store_reader *r, unsigned top, struct buf *out);
/* The same as a table; `cell` writes foreign text harmlessly. */
void unread_markdown(struct store_reader *r, unsigned top, struct buf *out,
                     void (*cell)(struct buf *out, struct slice text));

#endif
