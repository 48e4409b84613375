#include "analysis/store/compose.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/store/bind.h"
#include "analysis/store/window.h"
#include "base/floor.h"
#include "base/human.h"

struct composing {
    sqlite3 *db;
    struct store_span span;
    int64_t open_s;  /* the hour that is open */
    bool open;       /* it belongs to the window */
    uint32_t *root;  /* by id of an endpoint: what it was united into, or itself */
    struct sums *by; /* by id, of those that were not united */
    uint32_t ids;
    struct sums one;
    bool failed; /* out of memory */
};

static bool run(struct composing *c, const char *sql)
{
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Runs a statement with the window in it: ?1 from, ?2 to, ?3 whether the open hour belongs to it. NULL: a query that
 * has no row left. */
static sqlite3_stmt *ask(struct composing *c, const char *sql)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(c->db, sql, -1, &q, NULL) != SQLITE_OK)
        return NULL;
    const int64_t value[] = {c->span.from_s, c->span.to_s, c->open};
    for (int i = 0; i < sqlite3_bind_parameter_count(q) && i < 3; i++)
        sqlite3_bind_int64(q, i + 1, value[i]);
    return q;
}

static bool change(struct composing *c, const char *sql)
{
    sqlite3_stmt *q = ask(c, sql);
    bool ok = q && sqlite3_step(q) == SQLITE_DONE;
    sqlite3_finalize(q);
    return ok;
}

/* ---- which windows ---- */

static bool extent(struct composing *c, struct store_span *all)
{
    sqlite3_stmt *q = NULL;
    bool some = sqlite3_prepare_v2(c->db, "SELECT window_us FROM main.capture", -1, &q, NULL) == SQLITE_OK &&
                sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL;
    if (some)
        c->open_s = sqlite3_column_int64(q, 0) / 1000000;
    sqlite3_finalize(q);
    if (!some)
        return false;
    *all = (struct store_span){c->open_s, c->open_s + WINDOW_HOUR};
    q = ask(c, "SELECT min(start_s), max(start_s + span_s) FROM main.window_total WHERE span_s > 0");
    if (q && sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        int64_t from = sqlite3_column_int64(q, 0), to = sqlite3_column_int64(q, 1);
        all->from_s = from < all->from_s ? from : all->from_s;
        all->to_s = to > all->to_s ? to : all->to_s;
    }
    sqlite3_finalize(q);
    return true;
}

/* To whole hours, and to whole days where there is nothing shorter. */
static void round_out(struct composing *c, struct store_span all)
{
    struct store_span *s = &c->span;
    s->from_s = s->from_s <= all.from_s ? all.from_s : floor_div(s->from_s, WINDOW_HOUR) * WINDOW_HOUR;
    s->to_s = s->to_s >= all.to_s ? all.to_s : -floor_div(-s->to_s, WINDOW_HOUR) * WINDOW_HOUR;
    sqlite3_stmt *q = ask(c, "SELECT min(start_s), max(start_s + span_s) FROM main.window_total"
                             " WHERE span_s = 86400 AND start_s < ?2 AND start_s + span_s > ?1");
    if (q && sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        int64_t from = sqlite3_column_int64(q, 0), to = sqlite3_column_int64(q, 1);
        s->from_s = from < s->from_s ? from : s->from_s;
        s->to_s = to > s->to_s ? to : s->to_s;
    }
    sqlite3_finalize(q);
    c->open = c->open_s >= s->from_s && c->open_s < s->to_s;
}

static bool choose(struct composing *c, char why[256])
{
    struct store_span all;
    if (!extent(c, &all)) {
        snprintf(why, 256, "no hours are kept in this DB: it was written before they were, or holds nothing yet");
        return false;
    }
    if (c->span.from_s >= all.to_s || c->span.to_s <= all.from_s) {
        snprintf(why, 256, "nothing is kept of that time: the hours and days of this audit go from %s to %s UTC",
                 human_moment(all.from_s * 1000000).text, human_moment(all.to_s * 1000000).text);
        return false;
    }
    round_out(c, all);
    return true;
}

/* ---- endpoints ---- */

static bool load_roots(struct composing *c)
{
    sqlite3_stmt *q = ask(c, "SELECT ifnull(max(id), 0) + 1 FROM main.endpoint");
    c->ids = q && sqlite3_step(q) == SQLITE_ROW ? (uint32_t)sqlite3_column_int64(q, 0) : 1;
    sqlite3_finalize(q);
    c->root = calloc(c->ids, sizeof *c->root);
    c->by = calloc(c->ids, sizeof *c->by);
    c->failed = !c->root || !c->by;
    q = c->failed ? NULL : ask(c, "SELECT id, alias FROM main.endpoint");
    while (q && sqlite3_step(q) == SQLITE_ROW)
        c->root[sqlite3_column_int64(q, 0)] = (uint32_t)sqlite3_column_int64(q, 1);
    sqlite3_finalize(q);
    return !c->failed;
}

static struct sums *sums_for(struct composing *c, int64_t id)
{
    if (id < 0 || id >= c->ids)
        return NULL;
    uint32_t at = (uint32_t)id;
    for (uint32_t steps = 0; c->root[at] && c->root[at] < c->ids && steps < c->ids; steps++)
        at = c->root[at];
    return &c->by[at];
}

static void add(struct composing *c, int64_t id, int times)
{
    struct sums *into = sums_for(c, id);
    if (!into)
        return;
    sums_add(into, &c->one, times);
    c->failed |= into->failed;
}

static void add_blob(struct composing *c, int64_t id, struct slice blob, int times)
{
    c->one.n = 0;
    if (sums_read(&c->one, blob))
        add(c, id, times);
}

#define COLUMN(kind, name, holds) READ_##kind(q, i++, row, name);
static int load_row(sqlite3_stmt *q, struct row_endpoint *row)
{
    int i = 0;
    memset(row, 0, sizeof *row);
#define TABLE_endpoint
#include "analysis/store/columns.def"
#undef TABLE_endpoint
    return i;
}
#undef COLUMN

static void add_closed(struct composing *c)
{
    sqlite3_stmt *q = ask(c, "SELECT endpoint, sums FROM main.window_endpoint"
                             " WHERE span_s IN (3600, 86400) AND start_s >= ?1 AND start_s < ?2");
    while (q && sqlite3_step(q) == SQLITE_ROW)
        add_blob(c, sqlite3_column_int64(q, 0), column_blob(q, 1), 1);
    sqlite3_finalize(q);
}

static void add_open(struct composing *c)
{
    struct row_endpoint row;
    sqlite3_stmt *q = ask(c, "SELECT e.*, m.sums FROM main.endpoint e LEFT JOIN main.window_endpoint m ON m.span_s = 0"
                             " AND m.start_s = 0 AND m.endpoint = e.id WHERE e.requests IS NOT ifnull(m.requests, 0)");
    while (q && sqlite3_step(q) == SQLITE_ROW) {
        int before = load_row(q, &row);
        sums_of(&c->one, &row);
        c->failed |= c->one.failed;
        add(c, row.id, 1);
        add_blob(c, row.id, column_blob(q, before), -1);
    }
    sqlite3_finalize(q);
}

/* One row into the temporary table. */
static bool write_endpoint(struct batch_writer *w, struct row_endpoint *row, const struct sums *s, struct buf text[4])
{
    struct batch b = {.endpoint = {row, 1, 1}};
    sums_into(s, row, text);
    return batch_write(w, &b);
}

static bool write_endpoints(struct composing *c)
{
    struct batch_writer w = {0};
    struct row_endpoint row;
    struct buf text[4] = {0};
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(c->db, "SELECT * FROM main.endpoint WHERE id = ?", -1, &q, NULL) == SQLITE_OK &&
              run(c, "CREATE TEMP TABLE endpoint AS SELECT * FROM main.endpoint WHERE 0") && batch_prepare(&w, c->db);
    for (uint32_t id = 0; ok && id < c->ids; id++) {
        if (sums_value(&c->by[id], SUMS_SCALAR) <= 0)
            continue;
        sqlite3_bind_int64(q, 1, id);
        if (sqlite3_step(q) == SQLITE_ROW) {
            load_row(q, &row);
            ok = write_endpoint(&w, &row, &c->by[id], text);
        }
        sqlite3_reset(q);
    }
    for (int i = 0; i < 4; i++) {
        c->failed |= text[i].failed;
        buf_free(&text[i]);
    }
    sqlite3_finalize(q);
    batch_finalize(&w);
    return ok;
}

static bool endpoints(struct composing *c)
{
    if (!load_roots(c))
        return false;
    add_closed(c);
    if (c->open)
        add_open(c);
    return !c->failed && write_endpoints(c);
}

/* ---- the rest ---- */

/* What was added between two moments: closed windows, and of the open one what is there less what was. */
#define ADDED(table, id, now, columns, minus, where)                                                                   \
    "(SELECT " id ", " columns " FROM main.window_" table                                                              \
    " WHERE span_s IN (3600, 86400) AND start_s >= ?1 AND start_s < ?2"                                                \
    " UNION ALL SELECT " now ", " columns " FROM main." where " UNION ALL SELECT " id ", " minus                       \
    " FROM main.window_" table " WHERE span_s = 0 AND ?3)"

static bool clients(struct composing *c)
{
    return change(
        c, "CREATE TEMP TABLE client AS SELECT c.id AS id, c.client AS client, c.identity AS identity,"
           " c.addresses AS addresses, c.n_addresses AS n_addresses, w.requests AS requests, w.bytes AS bytes,"
           " w.errors AS errors, w.throttled AS throttled, 0, 0, 0, 0, 0, NULL, NULL, c.first_us AS first_us,"
           " c.last_us AS last_us, c.envelope AS envelope, c.name AS name FROM main.client c JOIN (SELECT client,"
           " sum(requests) AS requests, sum(bytes) AS bytes, sum(errors) AS errors, sum(throttled) AS"
           " throttled FROM " ADDED("client", "client", "id", "requests, bytes, errors, throttled",
                                    "-requests, -bytes, -errors, -throttled",
                                    "client WHERE ?3") " GROUP BY client) w ON w.client = c.id WHERE w.requests > 0");
}

static bool counters(struct composing *c)
{
    return change(c, "CREATE TEMP TABLE counter AS SELECT what, name, sum(value) AS value FROM " ADDED(
                         "total", "what, name", "what, name", "value", "-value",
                         "counter c WHERE ?3 AND " WINDOW_ADDS_UP) " GROUP BY what, name") &&
           run(c, "INSERT INTO temp.counter SELECT what, name, value FROM main.counter"
                  " WHERE what = 'total' AND name = 'sampling_level' OR what = 'pause'") &&
           run(c, "INSERT INTO temp.counter SELECT 'total', 'clients', count(*) FROM temp.client"
                  " WHERE client <> '(other)'") &&
           run(c, "INSERT INTO temp.counter SELECT 'total', 'services', count(DISTINCT service) FROM temp.endpoint"
                  " WHERE route <> '(other)'");
}

/* What was counted of packets is not known by the hour. */
static bool capture(struct composing *c)
{
    return run(c, "CREATE TEMP TABLE capture AS SELECT * FROM main.capture") &&
           change(c, "UPDATE temp.capture SET started_us = max(started_us, ?1 * 1000000), from_records = 1,"
                     " ended_us = max(started_us, min(ended_us, ?2 * 1000000))") &&
           change(c, "UPDATE temp.capture SET ended_us = max(started_us, ended_us)") &&
           change(c, "CREATE TEMP TABLE minute AS SELECT * FROM main.minute WHERE minute * 60 >= ?1"
                     " AND minute * 60 < ?2");
}

bool compose_window(sqlite3 *db, struct store_span asked, struct store_span *got, char why[256])
{
    struct composing c = {.db = db, .span = asked};
    *why = 0;
    bool ok = choose(&c, why);
    bool chosen = ok;
    ok = ok && endpoints(&c) && clients(&c) && counters(&c) && capture(&c);
    if (chosen && !ok)
        snprintf(why, 256, "%.200s", c.failed ? "out of memory" : sqlite3_errmsg(db));
    *got = c.span;
    for (uint32_t i = 0; c.by && i < c.ids; i++)
        sums_free(&c.by[i]);
    sums_free(&c.one);
    free(c.by);
    free(c.root);
    return ok;
}
