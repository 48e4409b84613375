#include "analysis/store/read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/store/bind.h"
#include "analysis/store/block.h"
#include "analysis/store/compose.h"
#include "analysis/store/join.h"
#include "analysis/store/schema.h"

struct store_reader {
    sqlite3 *db; /* between begin and end */
    char path[512];
    sqlite3_stmt *capture; /* its text is borrowed until end */
    struct block_tools tools;
    struct store_span window; /* while `windowed` */
    bool windowed;
    size_t joined;     /* audits, when they are several */
    uint64_t file;     /* which one it is, as of before it was opened */
    char failure[256]; /* what could not be read since begin; "": nothing */
};

/* Reading stopped early: remembered, for the loops below give no verdict of their own. */
static void note(struct store_reader *r, const char *what)
{
    if (!*r->failure)
        snprintf(r->failure, sizeof r->failure, "%.120s cannot be read in full: %.100s", r->path, what);
}

static bool trouble(struct store_reader *r, char why[256])
{
    int error = sqlite3_errcode(r->db);
    if (error == SQLITE_NOTADB)
        snprintf(why, 256, "%.200s is no DB", r->path);
    else if (error == SQLITE_OK)
        snprintf(why, 256, "%.200s is damaged: its tables cannot be read", r->path);
    else
        snprintf(why, 256, "%.120s: %.100s", r->path, sqlite3_errmsg(r->db));
    return false;
}

static uint64_t which_file(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return 0;
    const uint64_t parts[] = {st.st_dev, st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
                              (uint64_t)st.st_mtim.tv_nsec};
    uint64_t h = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        h = (h ^ parts[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

bool store_read_begin(struct store_reader *r, char why[256])
{
    r->file = which_file(r->path);
    *r->failure = 0;
    r->windowed = false;
    r->joined = 0;
    if (access(r->path, R_OK) != 0) {
        snprintf(why, 256, "%.150s: %s", r->path, strerror(errno));
        return false;
    }
    bool ok = sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_busy_timeout(r->db, 2000);
        ok = sqlite3_exec(r->db, "PRAGMA temp_store = MEMORY; BEGIN", NULL, NULL, NULL) == SQLITE_OK;
        enum schema_state state = ok ? schema_look(r->db) : SCHEMA_BROKEN;
        if (ok && state == SCHEMA_GOOD)
            return true;
        if (ok && state != SCHEMA_BROKEN) {
            schema_explain(state, r->path, r->db, why);
            store_read_end(r);
            return false;
        }
    }
    trouble(r, why);
    store_read_end(r);
    return false;
}

void store_read_end(struct store_reader *r)
{
    sqlite3_finalize(r->capture);
    r->capture = NULL;
    sqlite3_close(r->db);
    r->db = NULL;
}

struct store_reader *store_read_open(const char *path, char why[256])
{
    struct store_reader *r = calloc(1, sizeof *r);
    if (!r || (size_t)snprintf(r->path, sizeof r->path, "%s", path) >= sizeof r->path) {
        snprintf(why, 256, r ? "the DB's path is longer than 511 characters" : "out of memory");
        free(r);
        return NULL;
    }
    if (!store_read_begin(r, why)) {
        free(r);
        return NULL;
    }
    store_read_end(r);
    return r;
}

void store_read_close(struct store_reader *r)
{
    if (!r)
        return;
    if (r->db)
        store_read_end(r);
    block_tools_free(&r->tools);
    free(r);
}

const char *store_read_failure(const struct store_reader *r)
{
    return *r->failure ? r->failure : NULL;
}

static sqlite3_stmt *prepare(struct store_reader *r, const char *sql)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(r->db, sql, -1, &q, NULL) != SQLITE_OK)
        note(r, sqlite3_errmsg(r->db));
    return q;
}

/* False: no more rows, or trouble (noted). */
static bool next_row(struct store_reader *r, sqlite3_stmt *q)
{
    int step = q ? sqlite3_step(q) : SQLITE_DONE;
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        note(r, sqlite3_errmsg(r->db));
    return step == SQLITE_ROW;
}

/* One number; 0 when there is none. Frees q. */
static int64_t number(struct store_reader *r, sqlite3_stmt *q)
{
    int64_t v = next_row(r, q) ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return v;
}

/* What was read of the capture is no longer what it says. */
static void forget_capture(struct store_reader *r)
{
    sqlite3_finalize(r->capture);
    r->capture = NULL;
}

bool store_read_window(struct store_reader *r, struct store_span asked, struct store_span *got, char why[256])
{
    forget_capture(r);
    r->windowed = compose_window(r->db, asked, got, why);
    r->window = *got;
    return r->windowed;
}

bool store_read_join(struct store_reader *r, struct store_reader *const *others, size_t n, char why[256])
{
    size_t begun = 0;
    while (begun < n && store_read_begin(others[begun], why))
        begun++;
    r->windowed = begun == n && join_audits(r->db, r, others, n, &r->window, why);
    forget_capture(r);
    r->joined = r->windowed ? n + 1 : 0;
    for (size_t i = 0; i < begun; i++) {
        if (store_read_failure(others[i]) && !*r->failure)
            snprintf(r->failure, sizeof r->failure, "%s", store_read_failure(others[i]));
        store_read_end(others[i]);
    }
    return r->windowed;
}

size_t store_read_joined(const struct store_reader *r)
{
    return r->joined;
}

bool store_read_window_is(const struct store_reader *r, struct store_span *got)
{
    *got = r->window;
    return r->windowed;
}

unsigned store_read_schema(struct store_reader *r)
{
    return (unsigned)number(r, prepare(r, "PRAGMA user_version"));
}

int64_t store_read_version(struct store_reader *r)
{
    return number(r, prepare(r, "SELECT value FROM meta WHERE name = 'commits'"));
}

int64_t store_read_state(struct store_reader *r)
{
    return (int64_t)((r->file + (uint64_t)store_read_version(r)) & INT64_MAX);
}

/* ---- rows ---- */

/* A DB of an older schema lacks the last ones: they stay 0. */
#define COLUMN(kind, name, holds)                                                                                      \
    if (i < sqlite3_data_count(q))                                                                                     \
        READ_##kind(q, i, row, name);                                                                                  \
    i++;

static void load_capture(sqlite3_stmt *q, struct row_capture *row)
{
    int i = 0;
#define TABLE_capture
#include "analysis/store/columns.def"
#undef TABLE_capture
}

static void load_endpoint(sqlite3_stmt *q, struct row_endpoint *row)
{
    int i = 0;
#define TABLE_endpoint
#include "analysis/store/columns.def"
#undef TABLE_endpoint
}

static void load_client(sqlite3_stmt *q, struct row_client *row)
{
    int i = 0;
#define TABLE_client
#include "analysis/store/columns.def"
#undef TABLE_client
}

static void load_minute(sqlite3_stmt *q, struct row_minute *row)
{
    int i = 0;
#define TABLE_minute
#include "analysis/store/columns.def"
#undef TABLE_minute
}

static void load_key(sqlite3_stmt *q, struct row_key *row)
{
    int i = 0;
#define TABLE_key
#include "analysis/store/columns.def"
#undef TABLE_key
}

static void load_cache(sqlite3_stmt *q, struct row_cache *row)
{
    int i = 0;
#define TABLE_cache
#include "analysis/store/columns.def"
#undef TABLE_cache
}

static void load_address(sqlite3_stmt *q, struct row_address *row)
{
    int i = 0;
#define TABLE_address
#include "analysis/store/columns.def"
#undef TABLE_address
}

static void load_opaque(sqlite3_stmt *q, struct row_opaque *row)
{
    int i = 0;
#define TABLE_opaque
#include "analysis/store/columns.def"
#undef TABLE_opaque
}

#undef COLUMN

/* Gives the rows of q to `each` until it returns false; frees q. */
#define EACH(table)                                                                                                    \
    static void each_##table(struct store_reader *r, sqlite3_stmt *q,                                                  \
                             bool (*each)(void *, const struct row_##table *), void *context)                          \
    {                                                                                                                  \
        struct row_##table row;                                                                                        \
        memset(&row, 0, sizeof row);                                                                                   \
        while (next_row(r, q)) {                                                                                       \
            load_##table(q, &row);                                                                                     \
            if (!each(context, &row))                                                                                  \
                break;                                                                                                 \
        }                                                                                                              \
        sqlite3_finalize(q);                                                                                           \
    }
EACH(endpoint)
EACH(client)
EACH(minute)
EACH(key)
EACH(address)
EACH(cache)
EACH(opaque)
#undef EACH

bool store_read_capture(struct store_reader *r, struct row_capture *row)
{
    *row = (struct row_capture){.started_us = INT64_MIN, .ended_us = INT64_MIN, .window_us = INT64_MIN};
    if (!r->capture) { /* asked again, it stays on its row: the text that was given out is there */
        r->capture = prepare(r, "SELECT * FROM capture");
        next_row(r, r->capture);
    }
    if (!sqlite3_data_count(r->capture))
        return false;
    load_capture(r->capture, row);
    return true;
}

void store_read_endpoints(struct store_reader *r, bool (*each)(void *context, const struct row_endpoint *row),
                          void *context)
{
    each_endpoint(
        r,
        prepare(r, "SELECT * FROM endpoint WHERE alias = 0 ORDER BY requests DESC, method, service, route, operation"),
        each, context);
}

void store_read_all_endpoints(struct store_reader *r, bool (*each)(void *context, const struct row_endpoint *row),
                              void *context)
{
    each_endpoint(r, prepare(r, "SELECT * FROM endpoint ORDER BY id"), each, context);
}

bool store_read_endpoint(struct store_reader *r, uint32_t id,
                         bool (*each)(void *context, const struct row_endpoint *row), void *context)
{
    struct row_endpoint row;
    sqlite3_stmt *q = prepare(r, "SELECT * FROM endpoint WHERE id = ?");
    if (q)
        sqlite3_bind_int64(q, 1, id);
    bool there = next_row(r, q);
    if (there) {
        memset(&row, 0, sizeof row);
        load_endpoint(q, &row);
        each(context, &row);
    }
    sqlite3_finalize(q);
    return there;
}

uint64_t store_read_count_endpoints(struct store_reader *r)
{
    return (uint64_t)number(r, prepare(r, "SELECT count(*) FROM endpoint WHERE alias = 0"));
}

uint64_t store_read_count_clients(struct store_reader *r)
{
    return (uint64_t)number(r, prepare(r, "SELECT count(*) FROM client"));
}

void store_read_clients(struct store_reader *r, bool (*each)(void *context, const struct row_client *row),
                        void *context)
{
    each_client(r, prepare(r, "SELECT * FROM client ORDER BY requests DESC, client"), each, context);
}

void store_read_minutes(struct store_reader *r, int64_t from, int64_t to,
                        bool (*each)(void *context, const struct row_minute *row), void *context)
{
    sqlite3_stmt *q = prepare(r, "SELECT * FROM minute WHERE minute >= ? AND minute < ? ORDER BY minute");
    if (q) {
        sqlite3_bind_int64(q, 1, from);
        sqlite3_bind_int64(q, 2, to);
    }
    each_minute(r, q, each, context);
}

void store_read_keys(struct store_reader *r, bool (*each)(void *context, const struct row_key *row), void *context)
{
    each_key(r, prepare(r, "SELECT * FROM key ORDER BY id"), each, context);
}

void store_read_addresses(struct store_reader *r, bool (*each)(void *context, const struct row_address *row),
                          void *context)
{
    each_address(r, prepare(r, "SELECT * FROM address ORDER BY id"), each, context);
}

void store_read_caches(struct store_reader *r, bool (*each)(void *context, const struct row_cache *row), void *context)
{
    if (r->windowed || !number(r, prepare(r, "SELECT count(*) FROM sqlite_schema WHERE name = 'cache'")))
        return;
    each_cache(r, prepare(r, "SELECT * FROM cache ORDER BY proto DESC, server, what DESC, commands DESC, name"), each,
               context);
}

static bool has_opaque(struct store_reader *r)
{
    return number(r, prepare(r, "SELECT count(*) FROM main.sqlite_schema WHERE name = 'opaque'")) > 0;
}

void store_read_opaque(struct store_reader *r, bool (*each)(void *context, const struct row_opaque *row), void *context)
{
    if (!r->windowed && has_opaque(r))
        each_opaque(r,
                    prepare(r, "SELECT * FROM opaque WHERE connections > 0 ORDER BY bytes_client + bytes_server DESC, "
                               "client, server, id"),
                    each, context);
}

void store_read_all_opaque(struct store_reader *r, bool (*each)(void *context, const struct row_opaque *row),
                           void *context)
{
    if (has_opaque(r))
        each_opaque(r, prepare(r, "SELECT * FROM opaque ORDER BY id"), each, context);
}

void store_read_counters(struct store_reader *r, bool (*each)(void *context, const struct row_counter *row),
                         void *context)
{
    sqlite3_stmt *q = prepare(r, "SELECT what, name, value FROM counter ORDER BY what, name");
    while (next_row(r, q)) {
        struct row_counter row = {(const char *)sqlite3_column_text(q, 0), column_text(q, 1), column_u64(q, 2)};
        if (!each(context, &row))
            break;
    }
    sqlite3_finalize(q);
}

uint64_t store_read_counter(struct store_reader *r, const char *what, const char *name)
{
    sqlite3_stmt *q = prepare(r, "SELECT value FROM counter WHERE what = ? AND name = ?");
    uint64_t v = 0;
    if (q) {
        sqlite3_bind_text(q, 1, what, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 2, name, -1, SQLITE_STATIC);
        if (next_row(r, q))
            v = column_u64(q, 0);
    }
    sqlite3_finalize(q);
    return v;
}

bool store_read_exchanges(struct store_reader *r, void (*each)(void *context, const struct row_exchange *row),
                          void *context)
{
    sqlite3_stmt *q = prepare(r, "SELECT n, format, data FROM exchange_block ORDER BY id");
    bool ok = q != NULL;
    while (ok && next_row(r, q))
        ok = block_read(&r->tools, sqlite3_column_int(q, 1), column_blob(q, 2), (uint32_t)column_u64(q, 0), each,
                        context);
    sqlite3_finalize(q);
    return ok && !store_read_failure(r);
}

bool store_read_block(struct store_reader *r, int64_t after, int64_t *id,
                      void (*each)(void *context, const struct row_exchange *row), void *context)
{
    sqlite3_stmt *q = prepare(r, "SELECT id, n, format, data FROM exchange_block WHERE id > ? ORDER BY id LIMIT 1");
    bool ok = true;
    *id = 0;
    if (q)
        sqlite3_bind_int64(q, 1, after);
    if (next_row(r, q)) {
        *id = sqlite3_column_int64(q, 0);
        ok = block_read(&r->tools, sqlite3_column_int(q, 2), column_blob(q, 3), (uint32_t)column_u64(q, 1), each,
                        context);
    }
    sqlite3_finalize(q);
    return ok;
}

uint64_t store_read_exchange_count(struct store_reader *r)
{
    int64_t n = number(r, prepare(r, "SELECT ifnull(sum(n), 0) FROM exchange_block"));
    return n > 0 ? (uint64_t)n : 0;
}
