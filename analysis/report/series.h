/* series: minutes of the capture as points of one metric. */
#ifndef REPORT_SERIES_H
#define REPORT_SERIES_H

#include "analysis/store/read.h"
#include "base/json.h"

enum series_metric {
#define SERIES(name, unit, help) SERIES_##name,
#include "analysis/report/series.def"
#undef SERIES
    SERIES_COUNT
};

enum { SERIES_POINTS = 10000, SERIES_STEP = 60 };

struct series {
    enum series_metric metric;
    int64_t from_s, to_s; /* Unix seconds; INT64_MIN / INT64_MAX: as far as the capture goes */
    int64_t step_s;       /* a multiple of 60 */
};

/* As they stand in the query; NULL or empty: not given. False: `why` is one line that names what is allowed. */
bool series_parse(struct series *s, const char *metric, const char *from, const char *to, const char *step,
                  char why[512]);
/* Between store_read_begin and end: {metric, unit, from, to, step, points: [[t, value], …]}. False: too many points,
 * `why` says so. */
bool series_write(const struct series *s, struct store_reader *r, struct json *j, char why[512]);
/* Appends the names, joined with ", ". */
void series_names(char *out, size_t n);

#endif
