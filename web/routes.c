#include "web/routes.h"

#include <stdio.h>

#include "analysis/report/report.h"
#include "analysis/store/read.h"
#include "base/json.h"
#include "analysis/report/assets.h"
#include "web/metrics.h"
#include "analysis/report/series.h"
#include "web/snapshot.h"

void routes_init(struct routes *r, const char *db, const struct access *access, bool tls)
{
    *r = (struct routes){.db = db, .access = *access, .tls = tls};
    pthread_mutex_init(&r->lock, NULL);
}

void routes_fini(struct routes *r)
{
    body_release(r->report);
    pthread_mutex_destroy(&r->lock);
}

/* ---- one moment of the DB ---- */

/* NULL: answered with 503 and why. Whoever gets a reader closes it with end_moment. */
static struct store_reader *begin_moment(struct routes *r, struct answer *a)
{
    char why[256];
    struct store_reader *reader = store_read_open(r->db, why);
    if (reader && store_read_begin(reader, why))
        return reader;
    store_read_close(reader);
    answer_error(a, 503, why, NULL);
    return NULL;
}

static void end_moment(struct store_reader *reader)
{
    store_read_end(reader);
    store_read_close(reader);
}

static const char *param(const struct query *q, const char *name)
{
    for (unsigned i = 0; i < q->params; i++)
        if (!strcmp(q->param[i].name, name))
            return q->param[i].value ? q->param[i].value : "";
    return NULL;
}

/* ---- report and exports ---- */

static int64_t state_now(struct store_reader *reader, char why[256])
{
    if (!store_read_begin(reader, why))
        return -1;
    int64_t v = store_read_state(reader);
    store_read_end(reader);
    return v;
}

/* Writing the report of a large audit takes time: it is kept until the DB changes, and written once however many ask.
 * The state is read first, so that what is kept is never older than its number. */
static struct body *newest_report(struct routes *r, struct store_reader *reader, char why[256])
{
    static const struct report_options options = {0};
    struct body *result = NULL;
    pthread_mutex_lock(&r->lock);
    int64_t state = state_now(reader, why);
    if (state >= 0 && (!r->report || state != r->report_state)) {
        struct buf out = {0};
        struct body *fresh = report_write(reader, REPORT_JSON, &options, &out, why) ? body_take(&out) : NULL;
        buf_free(&out);
        body_release(r->report);
        r->report = fresh;
        r->report_state = state;
    }
    if (state >= 0 && r->report)
        result = body_share(r->report);
    pthread_mutex_unlock(&r->lock);
    return result;
}

/* Whether the query has no other parameters than the list `names`. False: the answer says so. */
static bool only_params(const struct query *q, const char *names, struct answer *a)
{
    char why[128];
    for (unsigned i = 0; i < q->params; i++) {
        struct slice rest = slice_str(names), name = {NULL, 0};
        while (slice_next(&rest, ',', &name) && !slice_eq(name, slice_str(q->param[i].name)))
            ;
        if (slice_eq(name, slice_str(q->param[i].name)))
            continue;
        snprintf(why, sizeof why, "unknown parameter; allowed: %s", names);
        answer_error(a, 400, why, names);
        return false;
    }
    return true;
}

/* from and to of a report. False: the answer says what is wrong. */
static bool report_span(const struct query *q, struct report_span *s, struct answer *a)
{
    const char *from = param(q, "from"), *to = param(q, "to");
    if (!only_params(q, "from, to", a))
        return false;
    if ((!from || span_moment(from, &s->from)) && (!to || span_moment(to, &s->to)))
        return true;
    answer_error(a, 400, "from, to: RFC 3339, Unix seconds, or -2h before the end", NULL);
    return false;
}

/* A window is written anew for each who asks; what is wrong with it is the asker's. */
static void report_window(struct store_reader *reader, const struct report_options *o, struct answer *a)
{
    char why[256];
    struct buf out = {0};
    if (report_write(reader, REPORT_JSON, o, &out, why))
        answer_buf(a, 200, "application/json", &out);
    else
        answer_error(a, 400, why, NULL);
    buf_free(&out);
}

static void report(struct routes *r, const struct query *q, struct answer *a)
{
    char why[256] = "out of memory";
    struct report_options options = {0};
    if (!report_span(q, &options.span, a))
        return;
    struct store_reader *reader = store_read_open(r->db, why);
    if (reader && span_given(&options.span)) {
        report_window(reader, &options, a);
        store_read_close(reader);
        return;
    }
    if (reader)
        a->body = newest_report(r, reader, why);
    store_read_close(reader);
    if (a->body) {
        a->status = 200;
        a->type = "application/json";
        return;
    }
    answer_error(a, 503, why, NULL);
}

static void no_such_export(struct answer *a)
{
    char names[256] = "";
    size_t used = 0;
    for (int f = 0; f < REPORT_FORMATS && used < sizeof names; f++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", f ? ", " : "",
                                 report_format_name((enum report_format)f));
    answer_error(a, 404, "no such format", names);
}

static const char *export_type(const char *name)
{
    static const char *const table[][2] = {{"json", "application/json"},
                                           {"text", "text/plain; charset=utf-8"},
                                           {"markdown", "text/markdown; charset=utf-8"},
                                           {"csv", "text/csv; charset=utf-8"},
                                           {"html", "text/html; charset=utf-8"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i][0], name))
            return table[i][1];
    return "application/octet-stream";
}

static void export_as(struct routes *r, struct slice name, const struct query *q, struct answer *a)
{
    struct report_options options = {0};
    enum report_format format;
    char text[32], why[256];
    struct buf out = {0};
    snprintf(text, sizeof text, "%.*s", (int)(name.n < 31 ? name.n : 31), name.p);
    if (!report_format_by_name(text, &format)) {
        no_such_export(a);
        return;
    }
    if (!report_span(q, &options.span, a))
        return;
    struct store_reader *reader = store_read_open(r->db, why);
    if (reader && report_write(reader, format, &options, &out, why)) {
        answer_buf(a, 200, export_type(text), &out);
        snprintf(a->disposition, sizeof a->disposition, "attachment; filename=\"spanwise.%s\"",
                 format == REPORT_TEXT       ? "txt"
                 : format == REPORT_MARKDOWN ? "md"
                                             : text);
    } else
        answer_error(a, reader && span_given(&options.span) ? 400 : 503, why, NULL);
    store_read_close(reader);
    buf_free(&out);
}

/* ---- series, metrics, health, events ---- */

static void timeseries(struct routes *r, const struct query *q, struct answer *a)
{
    char why[512], metrics[256];
    struct series s;
    struct buf out = {0};
    struct json j = {&out, false};
    series_names(metrics, sizeof metrics);
    if (!only_params(q, "metric, from, to, step", a))
        return;
    if (!series_parse(&s, param(q, "metric"), param(q, "from"), param(q, "to"), param(q, "step"), why)) {
        answer_error(a, 400, why, strncmp(why, "metric", 6) ? NULL : metrics);
        return;
    }
    struct store_reader *reader = begin_moment(r, a);
    if (!reader)
        return;
    if (series_write(&s, reader, &j, why)) {
        buf_char(&out, '\n');
        answer_buf(a, 200, "application/json", &out);
    } else
        answer_error(a, 400, why, NULL);
    end_moment(reader);
    buf_free(&out);
}

static bool contains(struct slice hay, struct slice needle)
{
    for (size_t i = 0; i + needle.n <= hay.n; i++)
        if (slice_ieq(slice_sub(hay, i, i + needle.n), needle))
            return true;
    return false;
}

static void metrics(struct routes *r, const struct query *q, struct answer *a)
{
    bool openmetrics = contains(q->accept, SLICE("application/openmetrics-text"));
    struct buf out = {0};
    struct store_reader *reader = begin_moment(r, a);
    if (!reader)
        return;
    metrics_write(reader, openmetrics, &out);
    end_moment(reader);
    answer_buf(a, 200,
               openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                           : "text/plain; version=0.0.4; charset=utf-8",
               &out);
}

/* Without a token anybody may ask this: why it is not well is told, the path is part of it only where everything else
 * is open, too. */
static void healthz(struct routes *r, const struct query *q, struct answer *a)
{
    char why[256];
    struct store_reader *reader = store_read_open(r->db, why);
    (void)q;
    if (reader)
        answer_text(a, 200, "ok");
    else
        answer_text(a, 503, *r->access.token ? "the DB cannot be read" : why);
    store_read_close(reader);
}

static void events(struct routes *r, const struct query *q, struct answer *a)
{
    (void)r;
    (void)q;
    a->status = 200;
    a->type = "text/event-stream; charset=utf-8";
    a->stream = true;
}

void routes_event(struct routes *r, struct buf *out, bool *more)
{
    char why[256];
    struct store_reader *reader = store_read_open(r->db, why);
    *more = true;
    if (!reader || !store_read_begin(reader, why)) {
        store_read_close(reader);
        struct json j = {out, false};
        buf_str(out, "event: trouble\ndata: ");
        json_str(&j, why);
        buf_str(out, "\n\n");
        return;
    }
    buf_str(out, "event: snapshot\ndata: ");
    *more = snapshot_write(reader, out);
    buf_str(out, *more ? "\n\n" : "\n\nevent: ended\ndata: {}\n\n");
    end_moment(reader);
}

/* ---- which is whose ---- */

static const struct {
    const char *path;
    void (*answer)(struct routes *r, const struct query *q, struct answer *a);
} table[] = {{"/api/v1/report", report},
             {"/api/v1/timeseries", timeseries},
             {"/api/v1/events", events},
             {"/metrics", metrics},
             {"/healthz", healthz}};

static void asset(const struct asset *file, const struct query *q, struct answer *a)
{
    a->fixed = true;
    a->type = file->type;
    memcpy(a->etag, file->etag, sizeof a->etag);
    a->status = contains(q->if_none_match, slice_str(file->etag)) ? 304 : 200;
    if (a->status == 200 && !(a->body = body_static(file->bytes)))
        a->status = 500;
}

/* The token in the address bar becomes a cookie at once. */
static void trade_token(struct routes *r, const char *token, struct answer *a)
{
    if (*r->access.token && !access_token(&r->access, slice_str(token))) {
        answer_text(a, 401, "That is not the token.");
        a->challenge = true;
        return;
    }
    a->status = 303;
    snprintf(a->location, sizeof a->location, "/");
    if (*r->access.token)
        snprintf(a->cookie, sizeof a->cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s", r->access.cookie,
                 r->access.session, r->tls ? "; Secure" : "");
}

static void dispatch(struct routes *r, const struct query *q, struct answer *a)
{
    struct slice path = q->access.path;
    const struct asset *file = assets_find(path);
    if (file) {
        asset(file, q, a);
        return;
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (slice_eq(slice_str(table[i].path), path)) {
            table[i].answer(r, q, a);
            return;
        }
    if (slice_starts(path, SLICE("/api/v1/export/")))
        export_as(r, slice_sub(path, 15, path.n), q, a);
    else
        answer_error(
            a, 404, "no such address",
            "/, /api/v1/report, /api/v1/timeseries, /api/v1/events, /api/v1/export/{format}, /metrics, /healthz");
}

void routes_answer(struct routes *r, const struct query *q, struct answer *a)
{
    enum verdict_access v = access_check(&r->access, &q->access);
    const char *token = param(q, "token");
    if (v == ACCESS_HOST)
        answer_text(a, 421,
                    "This name is not one of ours: use the address, localhost, or start with --host-name NAME.");
    else if (v == ACCESS_METHOD) {
        answer_text(a, 405, "Only GET and HEAD: nothing can be changed here.");
        snprintf(a->allow, sizeof a->allow, "GET, HEAD");
    } else if (token && slice_eq(q->access.path, SLICE("/")))
        trade_token(r, token, a);
    else if (v == ACCESS_UNKNOWN) {
        answer_text(a, 401, "A token is needed: open /?token=..., or send Authorization: Bearer ...");
        a->challenge = true;
    } else
        dispatch(r, q, a);
}
