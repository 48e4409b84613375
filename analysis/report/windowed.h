/* windowed: what a report says of the time that it is of, and of what that time alone cannot tell. */
#ifndef REPORT_WINDOWED_H
#define REPORT_WINDOWED_H

#include "analysis/report/facts.h"
#include "base/json.h"

/* Member `window` {from, to, unknown {name: why}}, or `joined` {audits, ...} of several; none for a whole audit. */
void windowed_json(struct json *j, const struct facts *f);
/* Two lines for people; nothing for the whole audit. `lead` goes before each. */
void windowed_text(const struct facts *f, const char *lead, struct buf *out);

#endif
