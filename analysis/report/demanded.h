/* demanded: when how much is asked for (analysis/demand.h), as members of the JSON report and as sections. */
#ifndef REPORT_DEMANDED_H
#define REPORT_DEMANDED_H

#include "analysis/report/facts.h"
#include "base/json.h"

/* The members `demand`, `demand_by_hour`, `demand_by_weekday` and `demand_by_hour_of_week`. */
void demanded_json(struct json *j, struct store_reader *r, const struct facts *f);
/* A line a weekday; nothing where less than two hours had requests. */
void demanded_text(struct store_reader *r, const struct facts *f, struct buf *out);
void demanded_markdown(struct store_reader *r, const struct facts *f, struct buf *out);

#endif
