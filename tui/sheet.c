#include "tui/sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/human.h"

enum { ROWS_MOST = 500, NAMED = 3 };

enum show { AUTO, TEXT, COUNT, SECONDS, BYTES, PERCENT, NUMBER, MOMENT, LENGTH, CALLERS, YES, IF_ANY };

struct shape_column {
    const char *path, *title; /* path: members, joined with dots */
    enum show show;
};

/* `inner`: the list in the member, NULL: it is the member. `column` NULL: what the first row holds. `each`: the rows
 * are in this list of each row, and ^ in a path is the outer one. `skip`: rows with a number there are left out. */
struct shape {
    const char *member, *inner, *title, *says;
    const struct shape_column *column;
    const char *each, *skip;
};

static const struct shape_column services[] = {{"service", "service", TEXT},
                                               {"requests", "requests", COUNT},
                                               {"grade", "grade", TEXT},
                                               {"score", "score", NUMBER},
                                               {"worst.endpoint", "worst endpoint", IF_ANY},
                                               {"worst.grade", "", IF_ANY},
                                               {0}};
static const struct shape_column versions[] = {{"service", "service", TEXT},
                                               {"version", "version", TEXT},
                                               {"endpoints", "endpts", COUNT},
                                               {"requests", "requests", COUNT},
                                               {"errors", "errors", COUNT},
                                               {"clients", "clients", COUNT},
                                               {"last", "last seen", MOMENT},
                                               {"callers", "most of them from", CALLERS},
                                               {0}};
static const struct shape_column limits[] = {{"by", "told apart by", TEXT},
                                             {"clients", "clients", COUNT},
                                             {"kept", "alike", COUNT},
                                             {"rate", "rate/s", NUMBER},
                                             {"burst", "burst", COUNT},
                                             {"turned_away", "turned away", LENGTH},
                                             {"not_advised", "not advised:", IF_ANY},
                                             {0}};
static const struct shape_column addresses[] = {{"address", "address", TEXT},    {"credentials", "credentials", COUNT},
                                                {"requests", "requests", COUNT}, {"denied", "denied", COUNT},
                                                {"stuffing", "guessing", YES},   {0}};
static const struct shape_column sockets[] = {{"id", "endpoint", TEXT},
                                              {"websocket.opened", "opened", COUNT},
                                              {"websocket.open_s", "open", SECONDS},
                                              {"websocket.messages_client", "asked", COUNT},
                                              {"websocket.messages_server", "told", COUNT},
                                              {"websocket.bytes_client", "asked", BYTES},
                                              {"websocket.bytes_server", "told", BYTES},
                                              {"websocket.whole", "all seen", YES},
                                              {0}};
static const struct shape_column dependencies[] = {
    {"caller", "caller", TEXT},      {"callee", "called", TEXT},
    {"calls", "calls", COUNT},       {"calls_per_request", "each", NUMBER},
    {"time_share", "time", PERCENT}, {"latency_mean_s", "mean", SECONDS},
    {"failed", "failed", COUNT},     {"failures_passed_on", "passed on", COUNT},
    {"confidence", "sure", PERCENT}, {0}};
static const struct shape_column backends[] = {{"^service", "service", TEXT},
                                               {"server", "server", TEXT},
                                               {"requests", "requests", COUNT},
                                               {"share", "share", PERCENT},
                                               {"server_time.mean", "mean", SECONDS},
                                               {"server_time.p95", "p95", SECONDS},
                                               {"errors", "errors", COUNT},
                                               {"keep_alive.connections", "conns", COUNT},
                                               {"beside_peers.slow", "slower", YES},
                                               {"beside_peers.bad", "fails more", YES},
                                               {0}};
static const struct shape_column capacity[] = {
    {"service", "service", TEXT},         {"server", "server", TEXT},
    {"concurrency_mean", "mean", NUMBER}, {"concurrency_p95", "busy", NUMBER},
    {"concurrency_peak", "most", COUNT},  {"throughput_peak", "most/s", NUMBER},
    {"usl.knee", "knee", NUMBER},         {"usl.max_throughput", "limit/s", NUMBER},
    {"headroom", "free", PERCENT},        {"with_caching.headroom", "cached", PERCENT},
    {"usl.reason", "no fit:", IF_ANY},    {0}};

static const struct shape_column caches[] = {
    {"^server", "server", TEXT},     {"pattern", "keys", TEXT},          {"commands", "commands", COUNT},
    {"hit_ratio", "hits", PERCENT},  {"misses", "misses", COUNT},        {"misses_again", "again", COUNT},
    {"ttl.p50", "TTL set", SECONDS}, {"age_at_hit.p50", "age", SECONDS}, {"value_bytes", "values", BYTES},
    {"latency.p50", "p50", SECONDS}, {"latency.p99", "p99", SECONDS},    {0}};
static const struct shape_column unread[] = {{"server", "server", TEXT},
                                             {"server_name", "name", TEXT},
                                             {"client", "client", TEXT},
                                             {"reason", "why", IF_ANY},
                                             {"connections", "conns", COUNT},
                                             {"bytes_client", "asked", BYTES},
                                             {"bytes_server", "told", BYTES},
                                             {"version", "TLS", TEXT},
                                             {"alpn_chosen", "speaks", TEXT},
                                             {"hello_s", "hello", SECONDS},
                                             {"ja4", "ja4", TEXT},
                                             {0}};

/* In the order of the screen. */
static const struct shape shapes[] = {
    {.member = "statelessness",
     .inner = "services",
     .title = "services",
     .says = "grade A: any server can answer any request; E: only one can (5 has each endpoint)",
     .column = services},
    {.member = "dependencies",
     .title = "who calls whom",
     .says = "each: calls for each request of the caller; time: the share of its time",
     .column = dependencies},
    {.member = "backends",
     .title = "backends",
     .says = "how work is spread over the servers of a service",
     .column = backends,
     .each = "servers"},
    {.member = "capacity",
     .title = "capacity",
     .says = "under way at once; knee: beyond so many throughput falls; free: what busy seconds leave",
     .column = capacity,
     .skip = "endpoint"},
    {.member = "redis",
     .title = "Redis",
     .says = "by patterns of keys; again: misses of what had been there; age: of what is hit",
     .column = caches,
     .each = "patterns"},
    {.member = "memcached",
     .title = "memcached",
     .says = "by patterns of keys; again: misses of what had been there; age: of what is hit",
     .column = caches,
     .each = "patterns"},
    {.member = "llm", .title = "language models"},
    {.member = "limits",
     .title = "how much a client may ask",
     .says = "nobody who behaves is turned away; who would be: screen 3 by limit%",
     .column = limits},
    {.member = "versions", .title = "versions", .says = "of APIs, by their paths", .column = versions},
    {.member = "websocket",
     .title = "WebSockets",
     .says = "messages and bytes that clients sent (asked), and servers (told)",
     .column = sockets},
    {.member = "shared_addresses",
     .title = "addresses of several credentials",
     .says = "guessing: many, and most of them refused",
     .column = addresses},
    {.member = "opaque", .title = "not decoded", .says = "what is known of it all the same", .column = unread},
    {.member = "flows_opaque", .title = "connections not decoded", .says = "by the reason"},
};

static const struct shape *shape_of(const char *member)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].member, member) == 0)
            return &shapes[i];
    return NULL;
}

bool sheet_is(const char *member)
{
    return shape_of(member) != NULL;
}

/* ---- one cell ---- */

static const cJSON *member_at(const cJSON *row, const char *path)
{
    char name[64];
    while (row && *path) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), path);
        row = cJSON_GetObjectItemCaseSensitive(row, name);
        path += n + (path[n] == '.');
    }
    return row;
}

static bool ends(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* How a number is shown is told by its name (CONTRACT section 4: seconds, bytes, ratios). */
static enum show show_of(const char *path)
{
    static const char *const seconds[] = {"_s", "p50", "p95", "p99", ".max", "seconds", "seconds_per_hour"};
    static const char *const shares[] = {"ratio", "share", "coverage", "confidence"};
    static const char *const moments[] = {"first", "last", "from", "to", "started", "ended"};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        if (ends(path, seconds[i]))
            return SECONDS;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (ends(path, shares[i]))
            return PERCENT;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        if (strcmp(path, moments[i]) == 0)
            return MOMENT;
    return strstr(path, "bytes") ? BYTES : NUMBER;
}

static struct human number(double v)
{
    struct human h;
    if (v == floor(v) && fabs(v) < 1e15)
        return v < 0 ? (snprintf(h.text, sizeof h.text, "%.0f", v), h) : human_count((uint64_t)v);
    snprintf(h.text, sizeof h.text, fabs(v) >= 100 ? "%.0f" : fabs(v) >= 10 ? "%.1f" : "%.2f", v);
    return h;
}

static struct human shown(enum show show, const char *path, double v)
{
    switch (show == AUTO ? show_of(path) : show) {
    case SECONDS:
        return human_seconds(v);
    case BYTES:
        return human_bytes(v > 0 ? (uint64_t)v : 0);
    case PERCENT:
        return human_percent(v);
    case MOMENT:
        return human_moment((int64_t)(v * 1e6));
    default:
        return number(v);
    }
}

static void callers(struct buf *out, const cJSON *list)
{
    const cJSON *one;
    int n = 0;
    cJSON_ArrayForEach(one, list)
    {
        const cJSON *client = cJSON_GetObjectItemCaseSensitive(one, "client");
        const cJSON *requests = cJSON_GetObjectItemCaseSensitive(one, "requests");
        if (n++ == NAMED) {
            buf_str(out, ", …");
            return;
        }
        buf_printf(out, "%s%s (%s)", n > 1 ? ", " : "", cJSON_IsString(client) ? client->valuestring : "?",
                   human_count((uint64_t)(requests ? requests->valuedouble : 0)).text);
    }
}

/* Numbers that name an endpoint. */
static bool names_endpoint(const char *path)
{
    static const char *const names[] = {"id", "endpoint", "trigger", "child", "endpoint_id"};
    const char *last = strrchr(path, '.');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(last ? last + 1 : path, names[i]) == 0)
            return true;
    return false;
}

/* A reason of ours: not_reached. */
static void words(struct buf *out, const char *name)
{
    for (; *name; name++)
        buf_char(out, *name == '_' ? ' ' : *name);
}

static void cell(struct buf *out, const struct shape_column *c, const cJSON *v, const struct sheet_names *names)
{
    if (c->show == CALLERS)
        callers(out, v);
    else if (c->show == LENGTH)
        buf_printf(out, "%d", cJSON_GetArraySize(v));
    else if (cJSON_IsString(v) && c->show == IF_ANY)
        words(out, v->valuestring);
    else if (cJSON_IsString(v))
        buf_str(out, v->valuestring);
    else if (cJSON_IsBool(v))
        buf_str(out, cJSON_IsTrue(v) ? "yes" : "no");
    else if (cJSON_IsNumber(v) && names_endpoint(c->path))
        buf_slice(out, names->endpoint(names->context, (uint32_t)v->valuedouble));
    else if (cJSON_IsNumber(v))
        buf_str(out, shown(c->show, c->path, v->valuedouble).text);
    else if (c->show != IF_ANY)
        buf_char(out, '-'); /* not known */
}

/* ---- columns ---- */

struct columns {
    struct shape_column column[INSIGHT_COLUMNS];
    char path[INSIGHT_COLUMNS][96], title[INSIGHT_COLUMNS][64];
    unsigned n;
};

static void add_column(struct columns *c, const char *outer, const cJSON *v)
{
    if (c->n == INSIGHT_COLUMNS || !v->string ||
        !(cJSON_IsString(v) || cJSON_IsNumber(v) || cJSON_IsBool(v) || cJSON_IsNull(v)))
        return;
    snprintf(c->path[c->n], sizeof c->path[0], "%.40s%s%.48s", outer, *outer ? "." : "", v->string);
    snprintf(c->title[c->n], sizeof c->title[0], "%.20s%s%.40s", outer, *outer ? " " : "", v->string);
    for (char *p = c->title[c->n]; *p; p++)
        *p = *p == '_' ? ' ' : *p;
    c->column[c->n] = (struct shape_column){c->path[c->n], c->title[c->n], AUTO};
    c->n++;
}

/* What a row holds, and the objects in it. */
static void columns_of(struct columns *c, const cJSON *row)
{
    const cJSON *v, *inner;
    cJSON_ArrayForEach(v, row)
    {
        if (cJSON_IsObject(v))
            cJSON_ArrayForEach(inner, v) add_column(c, v->string, inner);
        else
            add_column(c, "", v);
    }
}

static void columns_known(struct columns *c, const struct shape_column *known)
{
    while (known[c->n].path && c->n < INSIGHT_COLUMNS) {
        c->column[c->n] = known[c->n];
        c->n++;
    }
}

/* ---- the table ---- */

static bool counts(enum show show)
{
    return show == COUNT || show == SECONDS || show == BYTES || show == PERCENT || show == NUMBER || show == LENGTH;
}

static void begin(struct insight_sheet *s, const struct columns *c, struct kept *text)
{
    s->columns = c->n;
    for (unsigned i = 0; i < c->n; i++)
        s->head[i] = (struct insight_head){kept_slice(text, slice_str(c->column[i].title)), counts(c->column[i].show)};
}

/* False: out of memory. */
static bool more_rows(struct insight_sheet *s, size_t rows)
{
    struct slice *more = realloc(s->cell, (rows * s->columns + 1) * sizeof *more);
    s->cell = more ? more : s->cell;
    return more != NULL;
}

static void add_row(struct insight_sheet *s, const struct columns *c, const cJSON *row, const cJSON *outer,
                    const struct sheet_names *names, struct kept *text)
{
    struct buf b = {0};
    for (unsigned i = 0; i < c->n; i++) {
        const char *path = c->column[i].path;
        const cJSON *v = *path == '^' ? member_at(outer, path + 1) : member_at(row, path);
        cell(&b, &c->column[i], v, names);
        s->head[i].number |= cJSON_IsNumber(v) && !names_endpoint(path);
        s->cell[(size_t)s->rows * c->n + i] = kept_buf(text, &b);
    }
    s->rows++;
    buf_free(&b);
}

/* {reason: n}: two columns. */
static bool read_counts(struct insight_sheet *s, const cJSON *object, struct kept *text)
{
    const cJSON *v;
    s->columns = 2;
    s->head[0] = (struct insight_head){SLICE("reason"), false};
    s->head[1] = (struct insight_head){SLICE("count"), true};
    s->cell = calloc((size_t)cJSON_GetArraySize(object) * 2 + 1, sizeof *s->cell);
    if (!s->cell)
        return false;
    cJSON_ArrayForEach(v, object)
    {
        s->cell[2 * s->rows] = kept_slice(text, slice_str(v->string ? v->string : ""));
        s->cell[2 * s->rows + 1] = kept_slice(text, slice_str(number(v->valuedouble).text));
        s->rows++;
    }
    return true;
}

/* The rows of a list; outer NULL: it is the member itself. */
static bool read_rows(struct insight_sheet *s, const struct shape *shape, const struct columns *c, const cJSON *list,
                      const cJSON *outer, const struct sheet_names *names, struct kept *text)
{
    const cJSON *row;
    if (!more_rows(s, s->rows + (size_t)cJSON_GetArraySize(list)))
        return false;
    cJSON_ArrayForEach(row, list)
    {
        if (s->rows < ROWS_MOST && !(shape->skip && cJSON_IsNumber(member_at(row, shape->skip))))
            add_row(s, c, row, outer, names, text);
    }
    return true;
}

static bool read_list(struct insight_sheet *s, const struct shape *shape, const cJSON *list,
                      const struct sheet_names *names, struct kept *text)
{
    struct columns c = {.n = 0};
    const cJSON *outer;
    bool ok = true;
    if (shape->column)
        columns_known(&c, shape->column);
    else
        columns_of(&c, list->child);
    if (!c.n)
        return true;
    begin(s, &c, text);
    if (!shape->each)
        return read_rows(s, shape, &c, list, NULL, names, text);
    cJSON_ArrayForEach(outer, list) ok &=
        read_rows(s, shape, &c, cJSON_GetObjectItemCaseSensitive(outer, shape->each), outer, names, text);
    return ok;
}

bool sheet_read(struct insight_sheet *out, const char *member, const cJSON *list, const struct sheet_names *names,
                struct kept *text)
{
    const struct shape *shape = shape_of(member);
    *out = (struct insight_sheet){.title = slice_str(shape->title), .says = slice_str(shape->says ? shape->says : "")};
    out->order = (unsigned)(shape - shapes);
    if (shape->inner)
        list = cJSON_GetObjectItemCaseSensitive(list, shape->inner);
    if (cJSON_IsObject(list))
        return read_counts(out, list, text);
    return !cJSON_IsArray(list) || !list->child || read_list(out, shape, list, names, text);
}

void sheet_free(struct insight_sheet *s)
{
    free(s->cell);
}
