/* tied: what ties clients to a server (ALGORITHMS.md 9), as members of the JSON report and as a section of the text. */
#ifndef REPORT_TIED_H
#define REPORT_TIED_H

#include "analysis/report/facts.h"
#include "analysis/report/written.h"
#include "analysis/ties.h"
#include "base/json.h"

/* The member `statelessness` of an endpoint; null without records. */
void tied_endpoint(struct json *j, const struct row_endpoint *e, const struct facts *f, const struct ties *t,
                   const struct written_names *names);
/* The member `replicas` of an endpoint: whether its servers answer the same at the same time; null without records, and
 * where it has one server. */
void tied_replicas(struct json *j, const struct row_endpoint *e, const struct ties *t);
/* The member `management` of an endpoint: kinds of credentials, those in the clear, what is deprecated, writes without
 * an idempotency key (null: the method needs none). */
void tied_management(struct json *j, const struct row_endpoint *e, const struct ties *t);
/* The member `statelessness` of the report: each service's grade, by traffic, and its worst endpoint. */
void tied_services(struct json *j, struct store_reader *r, const struct facts *f, const struct ties *t);
/* The section WHAT TIES CLIENTS TO A SERVER; nothing where no endpoint has a grade. After it the
 * versions (analysis/report/versioned.h), which come from the same reading. */
void tied_text(struct store_reader *r, const struct facts *f, const struct ties *t, const struct written_names *names,
               unsigned top, unsigned width, struct buf *out);

#endif
