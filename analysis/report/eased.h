/* eased: what a live capture gave up because the machine did not keep up (ALGORITHMS.md 11.3), from the counters
 * `eased`, `eased_us` and `skipped`. */
#ifndef REPORT_EASED_H
#define REPORT_EASED_H

#include "analysis/report/facts.h"
#include "base/json.h"

/* Member `degraded` [{step, times, seconds}], the first step first, empty when nothing was given up; with connections
 * that were left out {packets, flows} beside it in `skipped`. Both null where packets are not known, and in a window.
 */
void eased_json(struct json *j, const struct facts *f);
/* One line for people; nothing when nothing was given up. False: that. */
bool eased_line(const struct facts *f, struct buf *out);

#endif
