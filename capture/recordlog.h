/* recordlog: an exchange in the formats of other tools: Apache's combined log (GoAccess and its like read it), and
 * HAR 1.2 (a browser's network panel loads it). Both say less than a record; nothing reads them back here. */
#ifndef CAPTURE_RECORDLOG_H
#define CAPTURE_RECORDLOG_H

#include "base/buf.h"
#include "capture/exchange.h"

/* Appends one line. */
void recordlog_combined(const struct exchange *x, struct buf *out);
/* Appends one entry; those before and after it come with the same document. Bodies are sizes alone. */
void recordlog_har(const struct exchange *x, struct buf *out);
void recordlog_har_begin(struct buf *out);
void recordlog_har_end(struct buf *out);

#endif
