/* pauses: the times between the runs of an audit that was continued: nobody watched then. Each is a counter of the
 * store (what: pause; name: its beginning, microseconds since 1970; value: its length). */
#ifndef REPORT_PAUSES_H
#define REPORT_PAUSES_H

#include "analysis/report/facts.h"
#include "base/json.h"

/* Microseconds of pauses between the two times; *n (may be NULL): how many of them touch it. */
int64_t pauses_within(const struct facts *f, int64_t from_us, int64_t to_us, uint64_t *n);
/* `pauses` of the report's capture, where there are any. */
void pauses_json(struct json *j, const struct facts *f);
/* One line of text, without its end. False: there are none. */
bool pauses_line(const struct facts *f, struct buf *out);

#endif
