/* read: the read side of a DB, for everyone but the writer. Works beside a live writer and on a finished DB in a folder
 * that cannot be written. Between begin and end everything comes from one moment; outside of it the file is not held
 * open, so that a writer can end in order. Text in rows is borrowed for the call. */
#ifndef STORE_READ_H
#define STORE_READ_H

#include "analysis/store/rows.h"

struct store_reader;

/* from_s <= t < to_s, seconds since 1970. */
struct store_span {
    int64_t from_s, to_s;
};

/* Checks that the file is a DB this version can read. NULL: `why` is one line. */
struct store_reader *store_read_open(const char *path, char why[256]);
void store_read_close(struct store_reader *r);

/* One consistent moment. False: `why` is one line; the reader stays usable. */
bool store_read_begin(struct store_reader *r, char why[256]);
void store_read_end(struct store_reader *r);

/* The rest only between begin and end. */

/* NULL, or one line: something could not be read since begin (a damaged file), so that what was given out is not all.
 */
const char *store_read_failure(const struct store_reader *r);

/* From here to the end rows are those of a window: what can be added up is that of its hours, or days (ALGORITHMS.md
 * 0.4: M-sum, M-part); what cannot is empty: of endpoints clients, live, sharing, learned, writes, sources and the
 * versions in lifetimes; peaks and all that follows of clients; what was counted of packets. `keys` are those first
 * seen in it, addresses those of the whole audit. *got is the window, rounded outward to hours, or days where hours are
 * gone. False: none is kept of that time, or trouble; `why` is one line. */
bool store_read_window(struct store_reader *r, struct store_span asked, struct store_span *got, char why[256]);
/* The window that is read; false: the whole. */
bool store_read_window_is(const struct store_reader *r, struct store_span *got);
/* From now to store_read_end what is read is the sum of this audit and others (analysis/store/join.h), and as of a
 * window. `others` are not begun, and are not begun afterwards. False: they cannot be joined, or trouble; `why` is one
 * line. */
bool store_read_join(struct store_reader *r, struct store_reader *const *others, size_t n, char why[256]);
/* How many audits are read as one; 0: it is one. */
size_t store_read_joined(const struct store_reader *r);

/* The schema's number. */
unsigned store_read_schema(struct store_reader *r);
/* Grows with every commit: unchanged means nothing new. */
int64_t store_read_version(struct store_reader *r);
/* Another number after every commit and for every file that came to stand at the path; not below 0. */
int64_t store_read_state(struct store_reader *r);
/* False: nothing was captured into it yet; *row is all zero then, times TIME_NONE. Text lives until store_read_end,
 * or store_read_window. */
bool store_read_capture(struct store_reader *r, struct row_capture *row);
/* Most requests first, then by name; united endpoints are left out. `each` returns false to stop. */
void store_read_endpoints(struct store_reader *r, bool (*each)(void *context, const struct row_endpoint *row),
                          void *context);
bool store_read_endpoint(struct store_reader *r, uint32_t id,
                         bool (*each)(void *context, const struct row_endpoint *row), void *context);
void store_read_clients(struct store_reader *r, bool (*each)(void *context, const struct row_client *row),
                        void *context);
/* How many rows the two above give. */
uint64_t store_read_count_endpoints(struct store_reader *r);
uint64_t store_read_count_clients(struct store_reader *r);
/* In order of name. */
void store_read_counters(struct store_reader *r, bool (*each)(void *context, const struct row_counter *row),
                         void *context);
uint64_t store_read_counter(struct store_reader *r, const char *what, const char *name);
/* Minutes from <= minute < to, in order. */
void store_read_minutes(struct store_reader *r, int64_t from, int64_t to,
                        bool (*each)(void *context, const struct row_minute *row), void *context);
/* Most octets first; nothing of a window, and in a DB of an older schema. */
void store_read_opaque(struct store_reader *r, bool (*each)(void *context, const struct row_opaque *row),
                       void *context);
/* The same by id, of the whole audit. */
void store_read_all_opaque(struct store_reader *r, bool (*each)(void *context, const struct row_opaque *row),
                           void *context);
/* By id. Endpoints here include the united ones. */
void store_read_keys(struct store_reader *r, bool (*each)(void *context, const struct row_key *row), void *context);
void store_read_addresses(struct store_reader *r, bool (*each)(void *context, const struct row_address *row),
                          void *context);
void store_read_all_endpoints(struct store_reader *r, bool (*each)(void *context, const struct row_endpoint *row),
                              void *context);
/* By protocol and server: its own row first, then patterns, keys and commands, most commands first. None of a window,
 * and none of a DB of an older schema. */
void store_read_caches(struct store_reader *r, bool (*each)(void *context, const struct row_cache *row), void *context);
/* All stored exchange records in order of arrival. False: a block is damaged; what stood before it was read. */
bool store_read_exchanges(struct store_reader *r, void (*each)(void *context, const struct row_exchange *row),
                          void *context);
/* One block of them, the first with an id greater than `after`. *id: its id, 0 when there is none. False: it is
 * damaged. */
bool store_read_block(struct store_reader *r, int64_t after, int64_t *id,
                      void (*each)(void *context, const struct row_exchange *row), void *context);
/* How many of them there are. */
uint64_t store_read_exchange_count(struct store_reader *r);

#endif
