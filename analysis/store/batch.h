/* batch: the rows of one commit, by value. Internal to the store. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include <sqlite3.h>

#include "analysis/store/rows.h"

#define BATCH_LIST(name)                                                                                               \
    struct {                                                                                                           \
        struct row_##name *row;                                                                                        \
        size_t n, cap;                                                                                                 \
    } name

struct batch_text; /* a piece of copied text */

/* Keys that one statement writes where there are so many: two thirds of the work that as many statements are. There may
 * be a hundred thousand of them, so they are not moved as they grow in number. */
enum { KEYS_TOGETHER = 64 };
struct batch_keys {
    struct batch_keys *next;
    unsigned n;
    struct row_key row[KEYS_TOGETHER];
};

struct batch {
    BATCH_LIST(endpoint);
    BATCH_LIST(client);
    struct batch_keys *keys, *last_keys; /* all but the last are full */
    BATCH_LIST(address);
    BATCH_LIST(minute);
    BATCH_LIST(counter);
    BATCH_LIST(cache);
    BATCH_LIST(opaque);
    struct row_capture capture;
    bool has_capture, failed;        /* failed: out of memory, the commit would not be whole */
    bool turns;                      /* ends the hour window_s, and begins the one of next_s */
    int64_t window_s, next_s;        /* window_s INT64_MIN: it is not known when that hour began */
    struct batch_text *text, *spare; /* in use; kept from earlier */
    unsigned n_spare;
};

/* A zeroed row at the end of a list. Never NULL: without memory it is a spare one and `failed` is set. */
struct row_endpoint *batch_endpoint(struct batch *b);
struct row_client *batch_client(struct batch *b);
struct row_key *batch_key(struct batch *b);
struct row_address *batch_address(struct batch *b);
struct row_minute *batch_minute(struct batch *b);
struct row_counter *batch_counter(struct batch *b);
struct row_cache *batch_cache(struct batch *b);
struct row_opaque *batch_opaque(struct batch *b);
struct slice batch_copy(struct batch *b, struct slice text);
void batch_clear(struct batch *b);
void batch_free(struct batch *b);

/* Prepared statements of a connection, one a table; keys and next_keys: of many, made when they are. */
struct batch_writer {
    sqlite3_stmt *endpoint, *client, *key, *keys, *next_keys, *address, *minute, *counter, *cache, *opaque, *capture,
        *clear_capture;
    int64_t next_key; /* behind the greatest id, by who is the only one to write the table; 0: not known */
};

/* False: sqlite3_errmsg says why. */
bool batch_prepare(struct batch_writer *w, sqlite3 *db);
void batch_finalize(struct batch_writer *w);
/* Writes the rows, within the caller's transaction. False: sqlite3_errmsg says why. */
bool batch_write(struct batch_writer *w, const struct batch *b);

#endif
