/* writers: the writer of each format. Internal to report/. */
#ifndef REPORT_WRITERS_H
#define REPORT_WRITERS_H

#include "analysis/report/facts.h"
#include "analysis/report/report.h"

void report_json(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out);
void report_csv(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out);
void report_markdown(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out);
/* One file that needs nothing else: the page of web/ with the report in it, and without JavaScript the text. */
void report_html(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out);
void report_text(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out);

/* Names from traffic, cut, and without what Markdown would take for its own. */
void markdown_foreign(struct buf *out, struct slice text);

#endif
