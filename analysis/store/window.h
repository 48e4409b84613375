/* window: rows per hour of packet time, and per day what is older than --retain (ALGORITHMS.md 0.4). A row is what was
 * added to the cumulative rows while the hour was open. Rows of span 0 hold the cumulative sums at the last boundary,
 * so that the open hour is a difference, too, and nothing has to be kept in memory or after a kill. Internal to the
 * store, within the writer's transactions. */
#ifndef STORE_WINDOW_H
#define STORE_WINDOW_H

#include <sqlite3.h>

#include "analysis/store/batch.h"
#include "analysis/store/sums.h"

enum { WINDOW_HOUR = 3600, WINDOW_DAY = 86400, WINDOW_DAYS_KEPT = 10 /* times as long as hours */ };

/* Which counters (c) windows have: those of packets are no deltas of exchanges, and distinct things do not add up. */
#define WINDOW_ADDS_UP                                                                                                 \
    "c.what IN ('total', 'method', 'status', 'protocol') AND NOT (c.what = 'total' AND c.name IN ('clients', "         \
    "'clients_estimated', 'services', 'sampling_level'))"

/* Ids of rows that changed since the last boundary, a bit each. */
struct window_touched {
    uint64_t *word;
    size_t words;
};

struct window {
    sqlite3 *db;
    int64_t retain_s;
    struct window_touched endpoint, client;
    struct sums now, before;
    struct buf blob;
    sqlite3_stmt *endpoint_row, *endpoint_before, *endpoint_put, *client_row, *client_put;
    bool failed; /* out of memory */
};

/* `fresh`: what is in the tables is about to be deleted. False: sqlite3_errmsg says why. */
bool window_open(struct window *w, sqlite3 *db, int64_t retain_s, bool fresh);
void window_fini(struct window *w);

/* After the rows of a batch were written. */
bool window_note(struct window *w, const struct batch *b);
/* Ends the hour that began at start_s, if it is known, and begins another one at next_s; folds and drops what is too
 * old then. False: sqlite3_errmsg says why, unless `failed`. */
bool window_close(struct window *w, int64_t start_s, int64_t next_s);

#endif
