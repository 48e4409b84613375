/* versioned: which versions of APIs are there, and who calls which, as a member of the JSON report and as a section of
 * the text. */
#ifndef REPORT_VERSIONED_H
#define REPORT_VERSIONED_H

#include "analysis/store/read.h"
#include "analysis/ties.h"
#include "base/json.h"

/* The member `versions`; null without records. */
void versioned_json(struct json *j, struct store_reader *r, const struct ties *t);
/* The section WHO CALLS WHICH VERSION; nothing where no path has one. */
void versioned_text(struct store_reader *r, const struct ties *t, unsigned top, struct buf *out);

#endif
