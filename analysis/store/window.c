#include "analysis/store/window.h"

#include <stdlib.h>

#include "analysis/store/bind.h"
#include "base/floor.h"

/* ---- what changed ---- */

static bool touch(struct window_touched *t, uint32_t id)
{
    size_t at = id / 64;
    if (at >= t->words) {
        size_t words = at < 64 ? 128 : at * 2;
        uint64_t *p = realloc(t->word, words * sizeof *p);
        if (!p)
            return false;
        memset(p + t->words, 0, (words - t->words) * sizeof *p);
        t->word = p;
        t->words = words;
    }
    t->word[at] |= (uint64_t)1 << id % 64;
    return true;
}

/* The least id from *id on; false: none is left. */
static bool next_touched(const struct window_touched *t, uint32_t *id)
{
    for (size_t at = *id / 64; at < t->words; at++) {
        uint64_t left = t->word[at];
        if (at == *id / 64)
            left &= UINT64_MAX << *id % 64;
        if (left) {
            *id = (uint32_t)(at * 64) + (uint32_t)__builtin_ctzll(left);
            return true;
        }
    }
    return false;
}

static void untouch(struct window_touched *t)
{
    if (t->words)
        memset(t->word, 0, t->words * sizeof *t->word);
}

bool window_note(struct window *w, const struct batch *b)
{
    for (size_t i = 0; i < b->endpoint.n; i++)
        w->failed |= !touch(&w->endpoint, b->endpoint.row[i].id);
    for (size_t i = 0; i < b->client.n; i++)
        w->failed |= !touch(&w->client, b->client.row[i].id);
    return !w->failed;
}

/* ---- opening ---- */

static bool prepare(struct window *w, const char *sql, sqlite3_stmt **q)
{
    return sqlite3_prepare_v3(w->db, sql, -1, SQLITE_PREPARE_PERSISTENT, q, NULL) == SQLITE_OK;
}

static bool touch_all(struct window *w, const char *sql, struct window_touched *t)
{
    sqlite3_stmt *q = NULL;
    int step = SQLITE_ERROR;
    if (prepare(w, sql, &q))
        while ((step = sqlite3_step(q)) == SQLITE_ROW)
            w->failed |= !touch(t, (uint32_t)sqlite3_column_int64(q, 0));
    sqlite3_finalize(q);
    return step == SQLITE_DONE && !w->failed;
}

/* An audit that goes on: what the hour that is open had changed until then. */
static bool find_touched(struct window *w)
{
    return touch_all(w,
                     "SELECT e.id FROM endpoint e LEFT JOIN window_endpoint m ON m.span_s = 0 AND m.start_s = 0 AND "
                     "m.endpoint = e.id WHERE e.requests IS NOT ifnull(m.requests, 0)",
                     &w->endpoint) &&
           touch_all(w,
                     "SELECT c.id FROM client c LEFT JOIN window_client m ON m.span_s = 0 AND m.start_s = 0 AND "
                     "m.client = c.id WHERE c.requests IS NOT ifnull(m.requests, 0)",
                     &w->client);
}

bool window_open(struct window *w, sqlite3 *db, int64_t retain_s, bool fresh)
{
    *w = (struct window){.db = db, .retain_s = retain_s};
    return prepare(w, "SELECT * FROM endpoint WHERE id = ?", &w->endpoint_row) &&
           prepare(w, "SELECT sums FROM window_endpoint WHERE span_s = 0 AND start_s = 0 AND endpoint = ?",
                   &w->endpoint_before) &&
           prepare(w, "INSERT OR REPLACE INTO window_endpoint VALUES(?,?,?,?,?,?,?,?,?)", &w->endpoint_put) &&
           prepare(w,
                   "SELECT c.requests, c.bytes, c.errors, c.throttled, m.requests, m.bytes, m.errors, m.throttled"
                   " FROM client c LEFT JOIN window_client m ON m.span_s = 0 AND m.start_s = 0 AND m.client = c.id"
                   " WHERE c.id = ?",
                   &w->client_row) &&
           prepare(w, "INSERT OR REPLACE INTO window_client VALUES(?,?,?,?,?,?,?)", &w->client_put) &&
           (fresh || find_touched(w));
}

void window_fini(struct window *w)
{
    sqlite3_finalize(w->endpoint_row);
    sqlite3_finalize(w->endpoint_before);
    sqlite3_finalize(w->endpoint_put);
    sqlite3_finalize(w->client_row);
    sqlite3_finalize(w->client_put);
    free(w->endpoint.word);
    free(w->client.word);
    sums_free(&w->now);
    sums_free(&w->before);
    buf_free(&w->blob);
    *w = (struct window){0};
}

/* ---- a boundary ---- */

static bool done(sqlite3_stmt *q)
{
    bool ok = sqlite3_step(q) == SQLITE_DONE;
    sqlite3_reset(q);
    return ok;
}

static bool put_endpoint(struct window *w, int64_t span_s, int64_t start_s, uint32_t id, const struct sums *s)
{
    static const uint32_t shown[] = {0 /* requests */, 1 /* eligible */, 5 /* errors */, 4 /* response_bytes */,
                                     13 /* server_us_total */};
    sqlite3_stmt *q = w->endpoint_put;
    w->blob.n = 0;
    sums_write(s, &w->blob);
    sqlite3_bind_int64(q, 1, span_s);
    sqlite3_bind_int64(q, 2, start_s);
    sqlite3_bind_int64(q, 3, id);
    for (int i = 0; i < 5; i++)
        sqlite3_bind_int64(q, 4 + i, sums_value(s, SUMS_SCALAR + shown[i]));
    bind_blob(q, 9, slice_of(w->blob.p, w->blob.n));
    w->failed |= w->blob.failed || s->failed;
    return !w->failed && done(q);
}

/* The cumulative row as it is, and what of it was there at the last boundary. */
static bool load_endpoint(struct window *w, uint32_t id)
{
    struct row_endpoint row;
    memset(&row, 0, sizeof row);
    sqlite3_bind_int64(w->endpoint_row, 1, id);
    sqlite3_bind_int64(w->endpoint_before, 1, id);
    bool there = sqlite3_step(w->endpoint_row) == SQLITE_ROW;
    if (there) {
        sqlite3_stmt *q = w->endpoint_row;
        int i = 0;
#define COLUMN(kind, name, holds) READ_##kind(q, i++, &row, name);
#define TABLE_endpoint
#include "analysis/store/columns.def"
#undef TABLE_endpoint
#undef COLUMN
        sums_of(&w->now, &row);
    }
    w->before.n = 0;
    if (sqlite3_step(w->endpoint_before) == SQLITE_ROW)
        sums_read(&w->before, column_blob(w->endpoint_before, 0));
    sqlite3_reset(w->endpoint_row);
    sqlite3_reset(w->endpoint_before);
    return there;
}

static bool close_endpoint(struct window *w, int64_t start_s, uint32_t id)
{
    if (!load_endpoint(w, id))
        return true;
    if (!put_endpoint(w, 0, 0, id, &w->now))
        return false;
    if (start_s == INT64_MIN)
        return true;
    sums_add(&w->now, &w->before, -1);
    return w->now.failed || w->now.n == 0 ? !w->now.failed : put_endpoint(w, WINDOW_HOUR, start_s, id, &w->now);
}

enum { CLIENT_COUNTS = 4 };

static bool put_client(struct window *w, int64_t span_s, int64_t start_s, uint32_t id, const int64_t v[CLIENT_COUNTS])
{
    sqlite3_stmt *q = w->client_put;
    sqlite3_bind_int64(q, 1, span_s);
    sqlite3_bind_int64(q, 2, start_s);
    sqlite3_bind_int64(q, 3, id);
    for (int i = 0; i < CLIENT_COUNTS; i++)
        sqlite3_bind_int64(q, 4 + i, v[i]);
    return done(q);
}

static bool close_client(struct window *w, int64_t start_s, uint32_t id)
{
    int64_t now[CLIENT_COUNTS], delta[CLIENT_COUNTS];
    sqlite3_stmt *q = w->client_row;
    sqlite3_bind_int64(q, 1, id);
    bool there = sqlite3_step(q) == SQLITE_ROW;
    for (int i = 0; i < CLIENT_COUNTS && there; i++) {
        now[i] = sqlite3_column_int64(q, i);
        delta[i] = now[i] - sqlite3_column_int64(q, CLIENT_COUNTS + i); /* NULL: 0 */
    }
    sqlite3_reset(q);
    if (!there || !delta[0])
        return true;
    return put_client(w, 0, 0, id, now) && (start_s == INT64_MIN || put_client(w, WINDOW_HOUR, start_s, id, delta));
}

static bool run(struct window *w, const char *sql, int64_t a, int64_t b)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(w->db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_bind_int64(q, 1, a);
        sqlite3_bind_int64(q, 2, b);
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool close_totals(struct window *w, int64_t start_s)
{
    return (start_s == INT64_MIN ||
            run(w,
                "INSERT OR REPLACE INTO window_total SELECT 3600, ?1, c.what, c.name, c.value - ifnull(m.value, 0)"
                " FROM counter c LEFT JOIN window_total m ON m.span_s = 0 AND m.start_s = 0 AND m.what = c.what"
                " AND m.name = c.name WHERE " WINDOW_ADDS_UP " AND c.value IS NOT ifnull(m.value, 0)",
                start_s, 0)) &&
           run(w,
               "INSERT OR REPLACE INTO window_total SELECT 0, 0, c.what, c.name, c.value FROM counter c "
               "WHERE " WINDOW_ADDS_UP,
               0, 0);
}

/* ---- retention ---- */

static bool fold_endpoint(struct window *w, int64_t day, uint32_t id, struct sums *sum)
{
    bool ok = !sum->n || put_endpoint(w, WINDOW_DAY, day, id, sum);
    sum->n = 0;
    return ok;
}

/* Hours of a day become one row for each endpoint. */
static bool fold_endpoints(struct window *w, int64_t before_s)
{
    sqlite3_stmt *q = NULL;
    struct sums sum = {0};
    int64_t day = 0, id = 0;
    int step = SQLITE_ERROR;
    bool ok = prepare(w,
                      "SELECT start_s - (start_s % 86400 + 86400) % 86400, endpoint, sums FROM window_endpoint"
                      " WHERE span_s = 3600 AND start_s < ? ORDER BY 1, 2",
                      &q);
    if (ok)
        sqlite3_bind_int64(q, 1, before_s);
    while (ok && (step = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t row_day = sqlite3_column_int64(q, 0), row_id = sqlite3_column_int64(q, 1);
        if (row_day != day || row_id != id)
            ok = fold_endpoint(w, day, (uint32_t)id, &sum);
        day = row_day;
        id = row_id;
        sums_read(&w->before, column_blob(q, 2));
        sums_add(&sum, &w->before, 1);
    }
    sqlite3_finalize(q);
    ok = ok && step == SQLITE_DONE && fold_endpoint(w, day, (uint32_t)id, &sum);
    sums_free(&sum);
    return ok && run(w, "DELETE FROM window_endpoint WHERE span_s = 3600 AND start_s < ?1", before_s, 0);
}

static bool fold_rest(struct window *w, int64_t before_s)
{
    return run(w,
               "INSERT OR REPLACE INTO window_client SELECT 86400, start_s - (start_s % 86400 + 86400) % 86400 AS day,"
               " client, sum(requests), sum(bytes), sum(errors), sum(throttled) FROM window_client"
               " WHERE span_s = 3600 AND start_s < ?1 GROUP BY day, client",
               before_s, 0) &&
           run(w, "DELETE FROM window_client WHERE span_s = 3600 AND start_s < ?1", before_s, 0) &&
           run(w,
               "INSERT OR REPLACE INTO window_total SELECT 86400, start_s - (start_s % 86400 + 86400) % 86400 AS day,"
               " what, name, sum(value) FROM window_total WHERE span_s = 3600 AND start_s < ?1"
               " GROUP BY day, what, name",
               before_s, 0) &&
           run(w, "DELETE FROM window_total WHERE span_s = 3600 AND start_s < ?1", before_s, 0) &&
           run(w, "DELETE FROM minute WHERE minute < ?1 / 60", before_s, 0);
}

static bool drop_days(struct window *w, int64_t before_s)
{
    return run(w, "DELETE FROM window_endpoint WHERE span_s = 86400 AND start_s < ?1", before_s, 0) &&
           run(w, "DELETE FROM window_client WHERE span_s = 86400 AND start_s < ?1", before_s, 0) &&
           run(w, "DELETE FROM window_total WHERE span_s = 86400 AND start_s < ?1", before_s, 0);
}

/* The beginning of the day that this moment is in: whole days are folded and dropped. */
static int64_t whole_day(int64_t s)
{
    return floor_div(s, WINDOW_DAY) * WINDOW_DAY;
}

static bool retain(struct window *w, int64_t now_s)
{
    int64_t fold = whole_day(now_s - w->retain_s), drop = whole_day(now_s - WINDOW_DAYS_KEPT * w->retain_s);
    sqlite3_stmt *q = NULL;
    bool ok = prepare(w, "SELECT 1 FROM window_total WHERE span_s = 3600 AND start_s < ? LIMIT 1", &q);
    if (ok)
        sqlite3_bind_int64(q, 1, fold);
    bool some = ok && sqlite3_step(q) == SQLITE_ROW;
    sqlite3_finalize(q);
    return ok && (!some || (fold_endpoints(w, fold) && fold_rest(w, fold))) && drop_days(w, drop);
}

bool window_close(struct window *w, int64_t start_s, int64_t next_s)
{
    bool ok = true;
    for (uint32_t id = 0; ok && next_touched(&w->endpoint, &id); id++)
        ok = close_endpoint(w, start_s, id);
    for (uint32_t id = 0; ok && next_touched(&w->client, &id); id++)
        ok = close_client(w, start_s, id);
    untouch(&w->endpoint);
    untouch(&w->client);
    return ok && close_totals(w, start_s) && retain(w, next_s);
}
