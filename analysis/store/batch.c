#include "analysis/store/batch.h"

#include <stdlib.h>

#include "analysis/store/bind.h"

/* What a cleared batch keeps for the next one; the rest is given back. */
enum { TEXT_PIECE = 64 * 1024, KEEP_PIECES = 16, KEEP_ROWS = 8192 };

struct batch_text {
    struct batch_text *next;
    size_t used, size;
    char p[];
};

/* ---- filling ---- */

static void *grow(void *row, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return row;
    size_t want = *cap ? *cap * 2 : 64;
    void *p = realloc(row, want * size);
    if (p)
        *cap = want;
    return p;
}

#define ADD(name)                                                                                                      \
    struct row_##name *batch_##name(struct batch *b)                                                                   \
    {                                                                                                                  \
        static struct row_##name spare;                                                                                \
        struct row_##name *p = grow(b->name.row, &b->name.cap, b->name.n, sizeof *p);                                  \
        if (!p) {                                                                                                      \
            b->failed = true;                                                                                          \
            return &spare;                                                                                             \
        }                                                                                                              \
        b->name.row = p;                                                                                               \
        p += b->name.n++;                                                                                              \
        memset(p, 0, sizeof *p);                                                                                       \
        return p;                                                                                                      \
    }
ADD(endpoint)
ADD(client)
ADD(address)
ADD(minute)
ADD(counter)
ADD(cache)
ADD(opaque)
#undef ADD

struct row_key *batch_key(struct batch *b)
{
    static struct row_key spare;
    struct batch_keys *k = b->last_keys;
    if (!k || k->n == KEYS_TOGETHER) {
        k = malloc(sizeof *k);
        if (!k) {
            b->failed = true;
            return &spare;
        }
        *(b->keys ? &b->last_keys->next : &b->keys) = k;
        b->last_keys = k;
        k->next = NULL;
        k->n = 0;
    }
    k->row[k->n] = (struct row_key){0};
    return &k->row[k->n++];
}

static void free_keys(struct batch *b)
{
    while (b->keys) {
        struct batch_keys *next = b->keys->next;
        free(b->keys);
        b->keys = next;
    }
    b->last_keys = NULL;
}

/* A piece with room for n bytes: one used before, or a new one. NULL: out of memory. */
static struct batch_text *piece_for(struct batch *b, size_t n)
{
    struct batch_text *t = b->spare;
    if (t && n <= t->size) {
        b->spare = t->next;
        b->n_spare--;
    } else {
        size_t size = n > TEXT_PIECE ? n : TEXT_PIECE;
        t = malloc(sizeof *t + size);
        if (!t)
            return NULL;
        t->size = size;
    }
    t->used = 0;
    t->next = b->text;
    b->text = t;
    return t;
}

struct slice batch_copy(struct batch *b, struct slice text)
{
    struct batch_text *t = b->text;
    if (!t || t->size - t->used < text.n)
        t = piece_for(b, text.n);
    if (!t) {
        b->failed = true;
        return (struct slice){"", 0};
    }
    char *at = t->p + t->used;
    if (text.n)
        memcpy(at, text.p, text.n);
    t->used += text.n;
    return slice_of(at, text.n);
}

static void free_texts(struct batch_text *t)
{
    while (t) {
        struct batch_text *next = t->next;
        free(t);
        t = next;
    }
}

static void clear_texts(struct batch *b)
{
    while (b->text) {
        struct batch_text *t = b->text;
        b->text = t->next;
        if (b->n_spare == KEEP_PIECES || t->size != TEXT_PIECE) {
            free(t);
            continue;
        }
        t->next = b->spare;
        b->spare = t;
        b->n_spare++;
    }
}

#define LISTS(DO) DO(endpoint) DO(client) DO(address) DO(minute) DO(counter) DO(cache) DO(opaque)

void batch_clear(struct batch *b)
{
    clear_texts(b);
    free_keys(b);
#define CLEAR(name)                                                                                                    \
    b->name.n = 0;                                                                                                     \
    if (b->name.cap > KEEP_ROWS) {                                                                                     \
        free(b->name.row);                                                                                             \
        b->name.row = NULL;                                                                                            \
        b->name.cap = 0;                                                                                               \
    }
    LISTS(CLEAR)
#undef CLEAR
    b->has_capture = b->failed = b->turns = false;
}

void batch_free(struct batch *b)
{
    free_texts(b->text);
    free_texts(b->spare);
    free_keys(b);
#define FREE(name) free(b->name.row);
    LISTS(FREE)
#undef FREE
    *b = (struct batch){0};
}

/* ---- writing ---- */

/* OR FAIL: what fails is not undone by itself, so that SQLite need not note pages as they were before. */
#define REPLACE "INSERT OR REPLACE"
#define ADD "INSERT OR FAIL"

static bool prepare(sqlite3 *db, sqlite3_stmt **q, const char *how, const char *table, const char *columns,
                    unsigned rows)
{
    struct buf sql = {0};
    buf_printf(&sql, "%s INTO %s VALUES", how, table);
    for (unsigned row = 0; row < rows; row++) {
        buf_str(&sql, row ? ",(" : "(");
        for (const char *p = columns; *p; p++)
            if (*p == ',')
                buf_str(&sql, p == columns ? "?" : ",?");
        buf_str(&sql, ")");
    }
    bool ok = !sql.failed && sqlite3_prepare_v3(db, sql.p, (int)sql.n, SQLITE_PREPARE_PERSISTENT, q, NULL) == SQLITE_OK;
    buf_free(&sql);
    return ok;
}

/* One ',' a column: all that the placeholders need. */
#define COLUMN(kind, name, holds) ","
static const char endpoint_columns[] =
#define TABLE_endpoint
#include "analysis/store/columns.def"
#undef TABLE_endpoint
    ;
static const char client_columns[] =
#define TABLE_client
#include "analysis/store/columns.def"
#undef TABLE_client
    ;
static const char key_columns[] =
#define TABLE_key
#include "analysis/store/columns.def"
#undef TABLE_key
    ;
static const char address_columns[] =
#define TABLE_address
#include "analysis/store/columns.def"
#undef TABLE_address
    ;
static const char minute_columns[] =
#define TABLE_minute
#include "analysis/store/columns.def"
#undef TABLE_minute
    ;
static const char cache_columns[] =
#define TABLE_cache
#include "analysis/store/columns.def"
#undef TABLE_cache
    ;
static const char capture_columns[] =
#define TABLE_capture
#include "analysis/store/columns.def"
#undef TABLE_capture
    ;
static const char opaque_columns[] =
#define TABLE_opaque
#include "analysis/store/columns.def"
#undef TABLE_opaque
    ;
#undef COLUMN

bool batch_prepare(struct batch_writer *w, sqlite3 *db)
{
    return prepare(db, &w->endpoint, REPLACE, "endpoint", endpoint_columns, 1) &&
           prepare(db, &w->client, REPLACE, "client", client_columns, 1) &&
           prepare(db, &w->key, REPLACE, "key", key_columns, 1) &&
           prepare(db, &w->address, REPLACE, "address", address_columns, 1) &&
           prepare(db, &w->minute, REPLACE, "minute", minute_columns, 1) &&
           prepare(db, &w->capture, REPLACE, "capture", capture_columns, 1) &&
           prepare(db, &w->counter, REPLACE, "counter", ",,,", 1) &&
           prepare(db, &w->cache, REPLACE, "cache", cache_columns, 1) &&
           prepare(db, &w->opaque, REPLACE, "opaque", opaque_columns, 1) &&
           sqlite3_prepare_v2(db, "DELETE FROM capture", -1, &w->clear_capture, NULL) == SQLITE_OK;
}

void batch_finalize(struct batch_writer *w)
{
    sqlite3_finalize(w->endpoint);
    sqlite3_finalize(w->client);
    sqlite3_finalize(w->key);
    sqlite3_finalize(w->keys);
    sqlite3_finalize(w->next_keys);
    sqlite3_finalize(w->address);
    sqlite3_finalize(w->minute);
    sqlite3_finalize(w->capture);
    sqlite3_finalize(w->counter);
    sqlite3_finalize(w->cache);
    sqlite3_finalize(w->opaque);
    sqlite3_finalize(w->clear_capture);
    *w = (struct batch_writer){0};
}

static bool run(sqlite3_stmt *q)
{
    bool ok = sqlite3_step(q) == SQLITE_DONE;
    sqlite3_reset(q);
    return ok;
}

#define COLUMN(kind, name, holds) BIND_##kind(q, ++i, row, name, scratch);

static bool write_endpoint(sqlite3_stmt *q, const struct row_endpoint *row, struct buf *scratch)
{
    int i = 0;
#define TABLE_endpoint
#include "analysis/store/columns.def"
#undef TABLE_endpoint
    return run(q);
}

static bool write_client(sqlite3_stmt *q, const struct row_client *row, struct buf *scratch)
{
    int i = 0;
#define TABLE_client
#include "analysis/store/columns.def"
#undef TABLE_client
    return run(q);
}

static bool write_address(sqlite3_stmt *q, const struct row_address *row)
{
    int i = 0;
#define TABLE_address
#include "analysis/store/columns.def"
#undef TABLE_address
    return run(q);
}

static bool write_minute(sqlite3_stmt *q, const struct row_minute *row)
{
    int i = 0;
#define TABLE_minute
#include "analysis/store/columns.def"
#undef TABLE_minute
    return run(q);
}

static bool write_cache(sqlite3_stmt *q, const struct row_cache *row)
{
    int i = 0;
#define TABLE_cache
#include "analysis/store/columns.def"
#undef TABLE_cache
    return run(q);
}

static bool write_capture(sqlite3_stmt *q, const struct row_capture *row)
{
    int i = 0;
#define TABLE_capture
#include "analysis/store/columns.def"
#undef TABLE_capture
    return run(q);
}

static bool write_opaque(sqlite3_stmt *q, const struct row_opaque *row)
{
    int i = 0;
#define TABLE_opaque
#include "analysis/store/columns.def"
#undef TABLE_opaque
    return run(q);
}
#undef COLUMN

#define SAME_ID(name) (row->name == before->name)
#define SAME_U32(name) (row->name == before->name)
#define SAME_BOOL(name) (row->name == before->name)
#define SAME_TEXT(name) slice_same(row->name, before->name)

/* To the parameters behind i, but for that which stays NULL (0: all). `before`: the row that is bound to them, or NULL.
 * What is bound stays, so only what differs is: much of a key is as in others. */
#define COLUMN(kind, name, holds)                                                                                      \
    if (++i != null && (!before || !SAME_##kind(name)))                                                                \
        BIND_##kind(q, i, row, name, scratch);
static int bind_key(sqlite3_stmt *q, int i, int null, const struct row_key *row, const struct row_key *before)
{
#define TABLE_key
#include "analysis/store/columns.def"
#undef TABLE_key
    return i;
}
#undef COLUMN

/* All of k, of which `before` was written last by the same statement. Without ids but the first one's, so that SQLite
 * makes each one more than the greatest there is: a third less work. */
static bool write_many(sqlite3_stmt *q, bool ids, const struct batch_keys *k, const struct batch_keys *before)
{
    for (int n = 0, i = 0; n < KEYS_TOGETHER; n++)
        i = bind_key(q, i, ids || !n ? 0 : i + 1, &k->row[n], before ? &before->row[n] : NULL);
    return run(q) && (ids || sqlite3_last_insert_rowid(sqlite3_db_handle(q)) == k->row[KEYS_TOGETHER - 1].id);
}

static bool prepare_many(sqlite3_stmt **q, sqlite3 *db, const char *how)
{
    return *q || prepare(db, q, how, "key", key_columns, KEYS_TOGETHER);
}

/* Whether they are the next ones: their ids follow on the greatest, one by one. */
static bool are_next(const struct batch_writer *w, const struct batch_keys *k)
{
    bool next = w->next_key > 0;
    for (unsigned n = 0; next && n < k->n; n++)
        next = k->row[n].id == w->next_key + n;
    return next;
}

static void note_keys(struct batch_writer *w, const struct batch_keys *k)
{
    for (unsigned n = 0; w->next_key && n < k->n; n++)
        w->next_key = k->row[n].id < w->next_key ? w->next_key : (int64_t)k->row[n].id + 1;
}

static bool write_keys(struct batch_writer *w, const struct batch *b)
{
    const struct batch_keys *k = b->keys, *before[2] = {NULL, NULL};
    sqlite3 *db = sqlite3_db_handle(w->key);
    bool ok = true;
    for (; ok && k && k->n == KEYS_TOGETHER; k = k->next) {
        bool next = are_next(w, k);
        sqlite3_stmt **q = next ? &w->next_keys : &w->keys;
        ok = prepare_many(q, db, next ? ADD : REPLACE) && write_many(*q, !next, k, before[next]);
        before[next] = k;
        note_keys(w, k);
    }
    for (unsigned n = 0; ok && k && n < k->n; n++) {
        bind_key(w->key, 0, 0, &k->row[n], n ? &k->row[n - 1] : NULL);
        ok = run(w->key);
    }
    if (k)
        note_keys(w, k);
    return ok;
}

static bool write_counter(sqlite3_stmt *q, const struct row_counter *row)
{
    bind_text(q, 1, slice_str(row->what));
    bind_text(q, 2, row->name);
    bind_u64(q, 3, row->value);
    return run(q);
}

bool batch_write(struct batch_writer *w, const struct batch *b)
{
    struct buf scratch = {0};
    bool ok = true;
    for (size_t n = 0; ok && n < b->endpoint.n; n++)
        ok = write_endpoint(w->endpoint, &b->endpoint.row[n], &scratch);
    for (size_t n = 0; ok && n < b->client.n; n++)
        ok = write_client(w->client, &b->client.row[n], &scratch);
    ok = ok && write_keys(w, b);
    for (size_t n = 0; ok && n < b->address.n; n++)
        ok = write_address(w->address, &b->address.row[n]);
    for (size_t n = 0; ok && n < b->minute.n; n++)
        ok = write_minute(w->minute, &b->minute.row[n]);
    for (size_t n = 0; ok && n < b->counter.n; n++)
        ok = write_counter(w->counter, &b->counter.row[n]);
    for (size_t n = 0; ok && n < b->cache.n; n++)
        ok = write_cache(w->cache, &b->cache.row[n]);
    for (size_t n = 0; ok && n < b->opaque.n; n++)
        ok = write_opaque(w->opaque, &b->opaque.row[n]);
    if (ok && b->has_capture)
        ok = run(w->clear_capture) && write_capture(w->capture, &b->capture);
    buf_free(&scratch);
    return ok;
}
