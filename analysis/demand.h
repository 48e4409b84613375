/* demand: how much is asked for by hour of the day and weekday (UTC), from the minutes of a DB (ALGORITHMS.md 8.3). A
 * cell is an hour of a weekday; what is counted adds up over cells, and over windows. A minute without a row had no
 * request; an hour without any is left out, for the capture may have paused: it cannot be told. */
#ifndef ANALYSIS_DEMAND_H
#define ANALYSIS_DEMAND_H

#include "analysis/store/read.h"
#include "base/hist.h"

enum { DEMAND_DAYS = 7, DEMAND_HOURS = 24, DEMAND_ALL = -1 };

struct demand_cell {
    struct hist_dense requests; /* a minute: n are minutes, sum the requests */
    uint64_t errors, response_bytes, server_us;
};

struct demand {
    struct demand_cell cell[DEMAND_DAYS][DEMAND_HOURS]; /* Monday first */
    uint64_t hours, silent_hours;                       /* with a request; left out */
};

/* Between store_read_begin and end, of [from_us, to_us), which the capture covered; of the window, if one is read.
 * NULL: out of memory. */
struct demand *demand_new(struct store_reader *r, int64_t from_us, int64_t to_us);
void demand_free(struct demand *d);
/* Adds up a weekday, an hour of the day, or with DEMAND_ALL all of them. */
void demand_sum(const struct demand *d, int day, int hour, struct demand_cell *out);
const char *demand_day(int day); /* "Mon" */

#endif
