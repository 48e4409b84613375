/* snapshot: the few numbers that move while capturing, as one small JSON object. Costs a handful of look-ups, whatever
 * the DB's size. */
#ifndef WEB_SNAPSHOT_H
#define WEB_SNAPSHOT_H

#include "analysis/store/read.h"
#include "base/buf.h"

/* Between store_read_begin and end. Returns whether more may come: the audit was not closed in order yet. */
bool snapshot_write(struct store_reader *r, struct buf *out);

#endif
