/* span: the time that a report is of, as users write it: RFC 3339 (2026-11-25T10:00:00Z, or a day), Unix seconds, or
 * back from the end of the audit (-2h). */
#ifndef REPORT_SPAN_H
#define REPORT_SPAN_H

#include "analysis/store/read.h"

enum moment_kind { MOMENT_NONE, MOMENT_AT, MOMENT_FROM_END };

struct moment {
    enum moment_kind kind;
    int64_t s; /* Unix seconds, a fraction rounded down; or seconds before the end */
};

struct report_span {
    struct moment from, to;
};

static inline bool span_given(const struct report_span *s)
{
    return s->from.kind != MOMENT_NONE || s->to.kind != MOMENT_NONE;
}

/* False: it is none of these. */
bool span_moment(const char *text, struct moment *out);
/* Whether it ends before it begins. end_s: the audit's end, Unix seconds. */
bool span_reversed(const struct report_span *s, int64_t end_s);
/* Between store_read_begin and end: what is read from here on is that time, in whole hours. False: `why` is one line.
 */
bool span_choose(const struct report_span *s, struct store_reader *r, char why[256]);

#endif
