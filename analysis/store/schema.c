#include "analysis/store/schema.h"

#include <stdio.h>
#include <string.h>

#define SQL_ID "INTEGER PRIMARY KEY"
#define SQL_U32 "INTEGER NOT NULL"
#define SQL_U64 "INTEGER NOT NULL"
#define SQL_I64 "INTEGER"
#define SQL_REAL "REAL"
#define SQL_BOOL "INTEGER NOT NULL"
#define SQL_TEXT "TEXT NOT NULL"
#define SQL_BLOB "BLOB NOT NULL"
#define SQL_LADDER "TEXT NOT NULL"
#define SQL_COUNTS "TEXT NOT NULL"
#define SQL_ENVELOPE "TEXT NOT NULL"
#define COLUMN(kind, name, holds) ", " #name " " SQL_##kind

static const char endpoint[] =
#define TABLE_endpoint
#include "analysis/store/columns.def"
#undef TABLE_endpoint
    ;
static const char client[] =
#define TABLE_client
#include "analysis/store/columns.def"
#undef TABLE_client
    ;
static const char minute[] =
#define TABLE_minute
#include "analysis/store/columns.def"
#undef TABLE_minute
    ;
static const char capture[] =
#define TABLE_capture
#include "analysis/store/columns.def"
#undef TABLE_capture
    ;
static const char key[] =
#define TABLE_key
#include "analysis/store/columns.def"
#undef TABLE_key
    ;
static const char address[] =
#define TABLE_address
#include "analysis/store/columns.def"
#undef TABLE_address
    ;
static const char cache[] =
#define TABLE_cache
#include "analysis/store/columns.def"
#undef TABLE_cache
    ;
/* Came with schema 3. */
static const char opaque[] =
#define TABLE_opaque
#include "analysis/store/columns.def"
#undef TABLE_opaque
    ;
#undef COLUMN

static const char others[] =
    "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE counter(what TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY(what, name)) "
    "WITHOUT ROWID;"
    "CREATE TABLE exchange_block(id INTEGER PRIMARY KEY, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, n "
    "INTEGER NOT NULL,"
    " format INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE VIEW ladder AS SELECT e.id AS endpoint, e.method, e.service, e.route, json_extract(r.value, '$[0]') AS "
    "ttl_s,"
    " json_extract(r.value, '$[1]') AS lookups"
#define RUNG_COLUMN(place, name, how, what) ", json_extract(r.value, '$[" #place "]') AS " #name
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
    " FROM endpoint e, json_each(e.ttl) r WHERE e.alias = 0;"
    "CREATE VIEW envelope AS SELECT c.id AS client_id, c.client, json_extract(r.value, '$[0]') / 1e6 AS rate,"
    " json_extract(r.value, '$[1]') / 1e6 AS burst FROM client c, json_each(c.envelope) r;"
    "CREATE VIEW busiest AS SELECT method || ' ' || service || route AS endpoint, requests, eligible, keys,"
    " round(1.0 - 1.0 * keys / nullif(eligible, 0), 4) AS repeat_ratio, errors, round(server_us_total / 1e6, 3) AS "
    "server_seconds"
    " FROM endpoint WHERE alias = 0 ORDER BY requests DESC;";

/* Came with schema 3. */
static const char windows[] =
    "CREATE TABLE window_endpoint(span_s INTEGER NOT NULL, start_s INTEGER NOT NULL, endpoint INTEGER NOT NULL,"
    " requests INTEGER NOT NULL, eligible INTEGER NOT NULL, errors INTEGER NOT NULL, response_bytes INTEGER NOT NULL,"
    " server_us INTEGER NOT NULL, sums BLOB NOT NULL, PRIMARY KEY(span_s, start_s, endpoint)) WITHOUT ROWID;"
    "CREATE TABLE window_client(span_s INTEGER NOT NULL, start_s INTEGER NOT NULL, client INTEGER NOT NULL,"
    " requests INTEGER NOT NULL, bytes INTEGER NOT NULL, errors INTEGER NOT NULL, throttled INTEGER NOT NULL,"
    " PRIMARY KEY(span_s, start_s, client)) WITHOUT ROWID;"
    "CREATE TABLE window_total(span_s INTEGER NOT NULL, start_s INTEGER NOT NULL, what TEXT NOT NULL, name TEXT NOT "
    "NULL, value INTEGER NOT NULL, PRIMARY KEY(span_s, start_s, what, name)) WITHOUT ROWID;"
    "CREATE VIEW hourly AS SELECT datetime(w.start_s, 'unixepoch') AS utc, w.span_s / 3600 AS hours, e.id AS endpoint,"
    " e.method, e.service, e.route, sum(w.requests) AS requests, sum(w.eligible) AS eligible, sum(w.errors) AS errors,"
    " sum(w.response_bytes) AS response_bytes, round(sum(w.server_us) / 1e6, 3) AS server_seconds"
    " FROM window_endpoint w JOIN endpoint o ON o.id = w.endpoint"
    " JOIN endpoint e ON e.id = CASE o.alias WHEN 0 THEN o.id ELSE o.alias END"
    " WHERE w.span_s > 0 GROUP BY w.span_s, w.start_s, e.id ORDER BY w.start_s, requests DESC;";

/* Came with schema 2. */
static const char declared_views[] =
    "CREATE VIEW declared AS SELECT id AS endpoint, method, service, route"
#define DECLARED(name, bit, what) ", ifnull(json_extract(declared, '$." #name "'), 0) AS " #name
#include "analysis/store/declared.def"
#undef DECLARED
    " FROM endpoint WHERE alias = 0;"
    "CREATE VIEW reason AS SELECT e.id AS endpoint, e.method, e.service, e.route, r.key AS reason, r.value AS exchanges"
    " FROM endpoint e, json_each(e.reasons) r WHERE e.alias = 0;";

/* Steps from version N to N + 1, first to last. What an older version did not count is empty: unknown. */
static const struct {
    const char *tables, *views;
} migrations[SCHEMA_VERSION - 1] = {
    {"ALTER TABLE endpoint ADD COLUMN lifetimes TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE endpoint ADD COLUMN live TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE endpoint ADD COLUMN declared TEXT NOT NULL DEFAULT '{}';"
     "ALTER TABLE endpoint ADD COLUMN reasons TEXT NOT NULL DEFAULT '{}';"
     "ALTER TABLE endpoint ADD COLUMN declared_ttl BLOB NOT NULL DEFAULT x'';"
     "ALTER TABLE endpoint ADD COLUMN sharing BLOB NOT NULL DEFAULT x'';",
     declared_views},
    {"ALTER TABLE endpoint ADD COLUMN learned BLOB NOT NULL DEFAULT x'';"
     "ALTER TABLE endpoint ADD COLUMN writes TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE endpoint ADD COLUMN sampling TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE endpoint ADD COLUMN sources TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE endpoint ADD COLUMN fields TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE endpoint ADD COLUMN websockets INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN websocket_us INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN websocket_messages_client INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN websocket_messages_server INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN websocket_bytes_client INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN websocket_bytes_server INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN websocket_lost INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN event_streams INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN event_stream_us INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN events INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN event_bytes INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN event_gaps INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN event_gap_us INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN event_gap_max_us INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN event_streams_resumed INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN event_streams_lost INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN operation_safe INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE endpoint ADD COLUMN operation_answers INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE key ADD COLUMN hot INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE key ADD COLUMN operation TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE key ADD COLUMN safe INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE capture ADD COLUMN window_us INTEGER;"
     "ALTER TABLE capture ADD COLUMN retransmitted INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE capture ADD COLUMN flows_split INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE capture ADD COLUMN clients_met BLOB NOT NULL DEFAULT x'';"
     "ALTER TABLE capture ADD COLUMN identity_order TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE capture ADD COLUMN secret_mark TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE client ADD COLUMN name TEXT NOT NULL DEFAULT '';",
     windows},
};

static bool run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int pragma(sqlite3 *db, const char *text)
{
    sqlite3_stmt *q = NULL;
    int value = -1;
    if (sqlite3_prepare_v2(db, text, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        value = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return value;
}

enum schema_state schema_look(sqlite3 *db)
{
    int tables = pragma(db, "SELECT count(*) FROM sqlite_schema"), version = pragma(db, "PRAGMA user_version");
    if (tables < 0 || version < 0)
        return SCHEMA_BROKEN;
    if (version > SCHEMA_VERSION)
        return SCHEMA_NEWER;
    if (pragma(db, "PRAGMA application_id") != SCHEMA_APPLICATION)
        return tables || version ? SCHEMA_FOREIGN : SCHEMA_EMPTY;
    return version ? SCHEMA_GOOD : SCHEMA_EMPTY;
}

static bool make_table(sqlite3 *db, const char *name, const char *columns)
{
    char sql[8192];
    snprintf(sql, sizeof sql, "CREATE TABLE %s(%s)", name, columns + 2);
    return run(db, sql);
}

static bool make_all(sqlite3 *db)
{
    return make_table(db, "endpoint", endpoint) && make_table(db, "client", client) &&
           make_table(db, "minute", minute) && make_table(db, "capture", capture) && make_table(db, "key", key) &&
           make_table(db, "address", address) && make_table(db, "cache", cache) && make_table(db, "opaque", opaque) &&
           run(db, others) && run(db, declared_views) && run(db, windows);
}

static bool mark(sqlite3 *db)
{
    char version[96];
    snprintf(version, sizeof version, "PRAGMA application_id = %d; PRAGMA user_version = %d", SCHEMA_APPLICATION,
             SCHEMA_VERSION);
    return run(db, version);
}

bool schema_make(sqlite3 *db)
{
    int from = pragma(db, "PRAGMA user_version");
    for (int v = from; v > 0 && v < SCHEMA_VERSION; v++)
        if (!run(db, migrations[v - 1].tables) || !run(db, migrations[v - 1].views) ||
            (v == 2 && !make_table(db, "cache", cache)))
            return false;
    if (from > 0 && from < 3 && !make_table(db, "opaque", opaque))
        return false;
    return (from != 0 || make_all(db)) && mark(db);
}

/* One table or view; 0 when there is none left. */
static int drop_one(sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    char sql[512];
    int found = -1;
    if (sqlite3_prepare_v2(db,
                           "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table') AND name <> 'meta'"
                           " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' LIMIT 1",
                           -1, &q, NULL) == SQLITE_OK) {
        int step = sqlite3_step(q);
        found = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
        if (found > 0)
            sqlite3_snprintf(sizeof sql, sql, "DROP %s \"%w\"", sqlite3_column_text(q, 0), sqlite3_column_text(q, 1));
    }
    sqlite3_finalize(q);
    return found > 0 ? (run(db, sql) ? 1 : -1) : found;
}

bool schema_remake(sqlite3 *db)
{
    int left;
    while ((left = drop_one(db)) > 0)
        ;
    return left == 0 && make_all(db) && run(db, "DELETE FROM meta WHERE name <> 'commits'") && mark(db);
}

void schema_explain(enum schema_state state, const char *path, sqlite3 *db, char why[256])
{
    switch (state) {
    case SCHEMA_NEWER:
        snprintf(why, 256, "%.150s was made by a newer spanwise (schema %d; this one knows up to %d): use that version",
                 path, pragma(db, "PRAGMA user_version"), SCHEMA_VERSION);
        break;
    case SCHEMA_FOREIGN:
        snprintf(why, 256, "%.180s is a SQLite file, but no spanwise DB", path);
        break;
    case SCHEMA_BROKEN:
        snprintf(why, 256, "%.120s cannot be read as a DB: %.100s", path, sqlite3_errmsg(db));
        break;
    case SCHEMA_EMPTY:
        snprintf(why, 256, "%.180s holds no audit yet", path);
        break;
    case SCHEMA_GOOD:
        break;
    }
}
