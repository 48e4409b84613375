#include "analysis/report/servers.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/interval.h"
#include "analysis/report/writers.h"
#include "base/dense.h"
#include "base/human.h"

/* ---- names ---- */

static bool add_name(void *context, const struct row_address *row)
{
    struct server_names *s = context;
    if (row->id >= s->n || !s->at[row->id])
        return true;
    s->at[row->id] = (uint32_t)s->text.n;
    buf_slice(&s->text, row->text);
    s->end[row->id] = s->text.failed ? 0 : (uint32_t)s->text.n;
    return !s->text.failed && s->text.n < UINT32_MAX / 2;
}

static const struct backend *list_of(const struct behaviour *b, uint32_t *n)
{
    *n = 0;
    return b->any && !b->failed && b->backends ? backends_list(b->backends, n) : NULL;
}

void server_names_load(struct server_names *s, struct store_reader *r, const struct behaviour *b)
{
    uint32_t n;
    const struct backend *row = list_of(b, &n);
    *s = (struct server_names){0};
    for (uint32_t i = 0; i < n; i++)
        if (dense_grow((void **)&s->at, &s->n, row[i].server, sizeof *s->at) &&
            dense_grow((void **)&s->end, &s->n_end, row[i].server, sizeof *s->end))
            s->at[row[i].server] = 1;
    if (s->n && s->n == s->n_end)
        store_read_addresses(r, add_name, s);
}

void server_names_free(struct server_names *s)
{
    buf_free(&s->text);
    free(s->at);
    free(s->end);
    *s = (struct server_names){0};
}

struct slice server_name(const struct server_names *s, uint32_t id)
{
    if (id >= s->n || id >= s->n_end || !s->end[id])
        return (struct slice){NULL, 0};
    return slice_of(s->text.p + s->at[id], s->end[id] - s->at[id]);
}

/* ---- what is said ---- */

static double share_of(const struct backend_group *g, const struct backend *s)
{
    return s->relay || g->unsure || !g->requests ? NAN : (double)s->requests / (double)g->requests;
}

static double per_connection(const struct backend *s)
{
    return s->connections ? (double)s->requests / (double)s->connections : NAN;
}

static double excess_of(const struct backend_beside *s)
{
    return s->n ? s->time_s / s->expected_s : NAN;
}

/* The worst of it, in a few words; empty: nothing. */
static const char *word_of(const struct behaviour *b, const struct backend_group *g, const struct backend *s)
{
    return s->beside.bad                      ? "fails more than its peers"
           : s->beside.slow                   ? "slower than its peers"
           : backends_left(b->backends, g, s) ? "got nothing any more"
           : s->relay                         ? "passes requests on"
           : s->unsure                        ? "may pass requests on"
                                              : "";
}

static const char unsure_why[] = "clients of a server's own network are known by that network alone: who passes "
                                 "requests on, and so who is whose peer, cannot be told";

static const char *balance_of(const struct backend_group *g)
{
    return g->unsure           ? "unknown"
           : g->peers < 2      ? "single"
           : g->uneven         ? "uneven"
           : g->requests < 100 ? "unknown"
                               : "even";
}

/* ---- JSON ---- */

static void times(struct json *j, const struct behaviour *b, const struct backend *s)
{
    struct hist_dense d;
    backends_time(b->backends, s, &d);
    json_key(j, "server_time");
    json_open(j, '{');
    json_key_double(j, "p50", hist_quantile(&d, .5) / 1e6);
    json_key_double(j, "p95", hist_quantile(&d, .95) / 1e6);
    json_key_double(j, "p99", hist_quantile(&d, .99) / 1e6);
    json_key_double(j, "mean", d.n ? (double)d.sum / (double)d.n / 1e6 : NAN);
    json_close(j, '}');
}

static void errors(struct json *j, const struct backend *s)
{
    double p = (double)s->failed / (double)s->requests;
    struct interval i = interval_wilson(p, (double)s->requests, INTERVAL_Z95);
    json_key_u64(j, "errors", s->failed);
    json_key_u64(j, "unanswered", s->unanswered);
    json_key(j, "error_ratio");
    json_open(j, '{');
    json_key_double(j, "value", p);
    json_key_double(j, "low", i.low);
    json_key_double(j, "high", i.high);
    json_close(j, '}');
}

/* Numbers of connections are not in every record. */
static void connections(struct json *j, const struct backend *s)
{
    json_key(j, "keep_alive");
    if (!s->connections) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "connections", s->connections);
    json_key_double(j, "requests_per_connection", per_connection(s));
    json_key_u64(j, "used_once", s->used_once);
    json_key_double(j, "reopened", s->vague ? NAN : (double)s->reopened);
    json_key(j, "handshake_seconds");
    if (s->vague)
        json_null(j);
    else
        json_micros(j, (int64_t)s->reopened_us);
    json_close(j, '}');
}

static void beside(struct json *j, const struct backend_beside *s)
{
    json_key(j, "beside_peers");
    if (!s->n) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "requests", s->n);
    json_key_double(j, "server_s", s->time_s);
    json_key_double(j, "expected_s", s->expected_s);
    json_key_double(j, "time_ratio", excess_of(s));
    json_key_double(j, "z", s->z);
    json_key_double(j, "errors", s->failed);
    json_key_double(j, "expected_errors", s->expected_failed);
    json_key(j, "slow");
    json_bool(j, s->slow);
    json_key(j, "bad");
    json_bool(j, s->bad);
    json_close(j, '}');
}

static void server(struct json *j, const struct behaviour *b, const struct backend_group *g, const struct backend *s,
                   const struct server_names *names)
{
    json_open(j, '{');
    json_key_text(j, "server", server_name(names, s->server));
    json_key(j, "role");
    json_str(j, s->relay ? "relay" : s->unsure ? NULL : "server");
    json_key_u64(j, "requests", s->requests);
    json_key_double(j, "share", share_of(g, s));
    errors(j, s);
    times(j, b, s);
    connections(j, s);
    beside(j, &s->beside);
    json_key_micros(j, "first", s->first_us);
    json_key_micros(j, "last", s->last_us);
    json_key(j, "left");
    if (g->unsure)
        json_null(j);
    else
        json_bool(j, backends_left(b->backends, g, s));
    json_close(j, '}');
}

void servers_json(struct json *j, const struct behaviour *b, const struct server_names *names, bool none)
{
    uint32_t n_rows, n = 0;
    const struct backend *row = list_of(b, &n_rows);
    json_key(j, "backends");
    if (!n_rows && !none) {
        json_null(j);
        return;
    }
    const struct backend_group *g = n_rows ? backends_groups(b->backends, &n) : NULL;
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++) {
        json_open(j, '{');
        json_key_text(j, "service", named_service_name(&b->named, g[i].service));
        json_key_double(j, "peers", g[i].unsure ? NAN : g[i].peers);
        json_key_double(j, "requests", g[i].unsure ? NAN : (double)g[i].requests);
        json_key(j, "balance");
        json_str(j, balance_of(&g[i]));
        json_key_double(j, "imbalance", g[i].imbalance);
        json_key(j, "reason");
        json_str(j, g[i].unsure ? unsure_why : NULL);
        json_key(j, "servers");
        json_open(j, '[');
        for (uint32_t k = 0; k < g[i].n; k++)
            server(j, b, &g[i], &row[g[i].from + k], names);
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* ---- text ---- */

/* Seconds; nobody is shown a quantile above the longest. */
static double shown_s(const struct hist_dense *d, double q)
{
    return fmin(hist_quantile(d, q), d->n ? (double)d->max : NAN) / 1e6;
}

enum { NUMBERS = 92, ADDRESS = 22 };

static void line(const struct behaviour *b, const struct backend_group *g, const struct backend *s,
                 const struct server_names *names, unsigned width, struct buf *out)
{
    struct hist_dense d;
    const char *word = word_of(b, g, s);
    backends_time(b->backends, s, &d);
    buf_str(out, "  ");
    human_cell(out, named_service_name(&b->named, g->service), width - NUMBERS);
    buf_char(out, ' ');
    human_cell(out, server_name(names, s->server), ADDRESS);
    buf_printf(out, " %7s %5s %7s %7s %7s %7s", human_count(s->requests).text, human_short_percent(share_of(g, s)).text,
               human_seconds(shown_s(&d, .5)).text, human_seconds(shown_s(&d, .95)).text, human_count(s->failed).text,
               s->connections ? human_count(s->connections).text : "-");
    buf_printf(out, "%s%s\n", *word ? "  " : "", word);
}

void servers_text(const struct behaviour *b, const struct server_names *names, const char *caveat, unsigned top,
                  unsigned width, struct buf *out)
{
    uint32_t n_rows, n = 0, shown = 0, all = 0;
    const struct backend *row = list_of(b, &n_rows);
    const struct backend_group *g = n_rows ? backends_groups(b->backends, &n) : NULL;
    for (uint32_t i = 0; i < n; i++)
        all += g[i].n > 1 ? g[i].n : 0;
    if (!all)
        return;
    buf_str(out,
            "\nWHO ANSWERS\n  services with several servers; beside their peers servers are held against what those "
            "need for the same requests\n  ");
    if (caveat)
        buf_printf(out, "%s\n  ", caveat);
    human_cell(out, SLICE("service"), width - NUMBERS);
    buf_char(out, ' ');
    human_cell(out, SLICE("server"), ADDRESS);
    buf_str(out, " request     %     p50     p95  failed   conns\n");
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; g[i].n > 1 && k < g[i].n && shown < top; k++, shown++)
            line(b, &g[i], &row[g[i].from + k], names, width, out);
        if (g[i].uneven && shown < top)
            buf_printf(out, "  … unevenly: one of %u gets %.1f times its even share\n", g[i].peers, g[i].imbalance);
    }
    if (all > shown)
        buf_printf(out, "  … and %u more servers (--top N, or --format json for all)\n", all - shown);
}

/* ---- markdown ---- */

void servers_markdown(const struct behaviour *b, const struct server_names *names, const char *caveat, unsigned top,
                      struct buf *out)
{
    uint32_t n_rows, n = 0, shown = 0;
    const struct backend *row = list_of(b, &n_rows);
    const struct backend_group *g = n_rows ? backends_groups(b->backends, &n) : NULL;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; g[i].n > 1 && k < g[i].n && shown < top; k++, shown++) {
            const struct backend *s = &row[g[i].from + k];
            struct hist_dense d;
            backends_time(b->backends, s, &d);
            if (!shown)
                buf_printf(out,
                           "\n## Who answers\n\nServices with several servers.%s%s\n\n"
                           "| service | server | requests | share | p50 | p95 | failed | |\n"
                           "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n",
                           caveat ? " " : "", caveat ? caveat : "");
            buf_str(out, "| ");
            markdown_foreign(out, named_service_name(&b->named, g[i].service));
            buf_str(out, " | ");
            markdown_foreign(out, server_name(names, s->server));
            buf_printf(out, " | %s | %s | %s | %s | %s | %s |\n", human_count(s->requests).text,
                       human_percent(share_of(&g[i], s)).text, human_seconds(shown_s(&d, .5)).text,
                       human_seconds(shown_s(&d, .95)).text, human_count(s->failed).text, word_of(b, &g[i], s));
        }
}
