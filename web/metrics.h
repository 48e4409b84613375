/* metrics: the audit's totals and its busiest endpoints as Prometheus text (0.0.4) or OpenMetrics 1.0. */
#ifndef WEB_METRICS_H
#define WEB_METRICS_H

#include "analysis/store/read.h"
#include "base/buf.h"

enum { METRICS_ENDPOINTS = 50 };

/* Between store_read_begin and end. */
void metrics_write(struct store_reader *r, bool openmetrics, struct buf *out);

#endif
