/* store: the write side of the one place that names SQLite. One writer thread commits at most once a second of wall
 * time and at the end; the analyzer never waits for the disk (offline it waits when closed blocks pile up; live the
 * oldest are dropped, counted). All calls come from the analyzer's thread. Readers: store/read.h. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "analysis/store/rows.h"

struct store;

enum store_mode {
    STORE_NEW,      /* refuse a file that holds an audit */
    STORE_CONTINUE, /* go on with the audit that is there; a new one where there is none */
    STORE_FRESH,    /* drop the audit that is there, in the first commit's transaction */
};

struct store_options {
    enum store_mode mode;
    uint64_t exchanges;    /* records to keep in blocks; 0: none */
    bool wait_when_behind; /* offline */
    unsigned file_mode;    /* 0600, or 0640 with group */
    int group;             /* gid, -1: leave */
    int64_t retain_s; /* hours older than that become days (whole ones), days go after ten times as long; 0: never */
};

/* Opens or makes the file. NULL: error text is in `why`, what to do included; *usage is set when it is the user's
 * choice to make (an audit is there, exit 2) rather than a failure (exit 1). A newer schema, another writer, no
 * permission are all refused here. */
struct store *store_open(const char *path, const struct store_options *options, char why[256], bool *usage);

/* True when the writer is idle and the last commit began at least a second ago: fill a batch and submit it. Cheap. */
bool store_wants(const struct store *s);

/* Appends to the batch being filled. Rows returned are zeroed and valid until the next call of the same kind. */
struct row_endpoint *store_endpoint(struct store *s);
struct row_client *store_client(struct store *s);
struct row_key *store_key(struct store *s);
struct row_address *store_address(struct store *s);
struct row_cache *store_cache(struct store *s);
struct row_minute *store_minute(struct store *s);
struct row_opaque *store_opaque(struct store *s);
struct row_capture *store_capture(struct store *s);
/* `what` must be a constant; the name is copied. */
void store_counter(struct store *s, const char *what, struct slice name, uint64_t value);
/* Copies text into the batch. */
struct slice store_text(struct store *s, struct slice text);

/* The batch being filled ends the hour of packet time that began at `from` (TIME_NONE: not known) and begins that of
 * `to`: what was added since the last such batch becomes the hour's rows. Microseconds since 1970. */
void store_turn(struct store *s, int64_t from, int64_t to);
/* A batch handed over now would not wait for the one before. */
bool store_idle(const struct store *s);

/* Adds one record to the open block (any time, not only while a batch is filled). */
void store_exchange(struct store *s, const struct row_exchange *x);
/* n records, each `apart` octets behind the one before. */
void store_exchanges(struct store *s, const struct row_exchange *x, size_t apart, unsigned n);

/* Hands the batch over, together with the blocks closed since and the open one. */
void store_submit(struct store *s);

/* NULL, or why nothing more can be written (disk full, file gone): one line. Sticky; the rows written stay readable. */
const char *store_failure(const struct store *s);
uint64_t store_blocks_dropped(const struct store *s);

/* Waits for the writer, checkpoints, leaves WAL mode. False when something was lost; then `why` says it. True with a
 * `why` that is not empty: all is kept, but somebody holds the DB open, so that it could not leave WAL mode. Frees s.
 */
bool store_close(struct store *s, char why[256]);

#endif
