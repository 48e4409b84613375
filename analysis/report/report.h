/* report: the audit as a document, from the store alone. One writer per format over the same rows. Numbers that could
 * not be known are null (JSON) or "-" (text), never 0. The same rows give the same bytes. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "analysis/report/span.h"
#include "base/buf.h"

enum report_format { REPORT_TEXT, REPORT_MARKDOWN, REPORT_HTML, REPORT_JSON, REPORT_CSV, REPORT_FORMATS };

struct report_options {
    unsigned top;                       /* rows of each table in text and markdown; 0: 10, 20 */
    unsigned width;                     /* columns of text, at least 100; 0: 120 */
    struct report_span span;            /* nothing given: the whole audit */
    struct store_reader *const *others; /* audits that are added to it; without a span */
    size_t n_others;
};

/* "text", "markdown", "html", "json", "csv": false when there is no such format. */
bool report_format_by_name(const char *name, enum report_format *out);
const char *report_format_name(enum report_format f);

/* Reads one moment of the DB and appends it as a document. False: `why` is one line, and what was appended is not
 * whole. */
bool report_write(struct store_reader *r, enum report_format format, const struct report_options *o, struct buf *out,
                  char why[256]);

#endif
