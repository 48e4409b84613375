#include "tui/endpoints.h"

#include <inttypes.h>
#include <math.h>

#include "tui/chart.h"
#include "tui/overview.h"

#define NUMBER(name, value)                                                                                            \
    static double name(const void *row, const struct table_view *v)                                                    \
    {                                                                                                                  \
        const struct moment_endpoint *e = row;                                                                         \
        (void)v;                                                                                                       \
        return (double)(value);                                                                                        \
    }
NUMBER(requests, e->requests)
NUMBER(rate, v->now->captured_s > 0 ? (double)e->requests / v->now->captured_s : NAN)
NUMBER(repeat, e->repeat)
NUMBER(hit, e->ttl[v->rung].hit)
NUMBER(stale, e->ttl[v->rung].stale)
NUMBER(p50, e->latency.p50)
NUMBER(p95, e->latency.p95)
NUMBER(p99, e->latency.p99)
NUMBER(errors, e->errors)
NUMBER(throttled, e->throttled)
NUMBER(clients, e->clients)
NUMBER(bytes, e->response_bytes)
NUMBER(server, e->server_s)
#undef NUMBER

enum { ROOMY = 26 }; /* screens of more rows have blank ones between the parts of details */

static struct slice method(const void *row)
{
    return ((const struct moment_endpoint *)row)->method;
}

static struct slice place(const void *row)
{
    return ((const struct moment_endpoint *)row)->place;
}

/* The route tells endpoints apart: of the service only the end is kept, when room is short. */
static void shorten(const void *row, unsigned width, struct buf *out)
{
    const struct moment_endpoint *e = row;
    size_t route_n = e->place.n - e->service_n;
    size_t service_room = width > route_n + 1 ? width - (unsigned)route_n - 1 : 0;
    if (service_room < e->service_n) {
        buf_str(out, "…");
        /* No half characters: what human_cell would show as '?' is left out. */
        size_t from = e->service_n - service_room;
        while (from < e->service_n && ((unsigned char)e->place.p[from] & 0xc0) == 0x80)
            from++;
        buf_slice(out, slice_sub(e->place, from, e->place.n));
    } else {
        buf_slice(out, e->place);
    }
}

static const struct column column[] = {
    {"method", "", 6, 7, 0, method, NULL, NULL, NULL, NULL, false},
    {"endpoint", "service and route; variable segments are named by class", 22, 100, 0, place, shorten, NULL, NULL,
     NULL, false},
    {"reqs", "requests", 5, 5, 1, NULL, NULL, requests, show_count, NULL, false},
    {"req/s", "requests per second over the whole audit", 5, 5, 8, NULL, NULL, rate, show_per_second, NULL, false},
    {"rep%", "of what a cache could answer (GET, HEAD): repeats of an earlier request", 4, 4, 7, NULL, NULL, repeat,
     show_percent, NULL, false},
    {"hit%", "of look-ups, answered by a cache that keeps answers for the TTL (t)", 4, 4, 2, NULL, NULL, hit,
     show_percent, NULL, false},
    {"stale%", "of those, answered with content that had changed", 6, 6, 5, NULL, NULL, stale, show_percent, tone_stale,
     false},
    {"p50", "half of the answers were complete within this time", 7, 7, 11, NULL, NULL, p50, show_seconds, NULL, false},
    {"p95", "95 % of the answers", 7, 7, 4, NULL, NULL, p95, show_seconds, NULL, false},
    {"p99", "99 % of the answers", 7, 7, 10, NULL, NULL, p99, show_seconds, NULL, false},
    {"errors", "status 5xx, 429, or no answer", 6, 6, 3, NULL, NULL, errors, show_count, tone_trouble, false},
    {"thrott", "throttled: 429, and 503 with Retry-After", 6, 6, 13, NULL, NULL, throttled, show_count, tone_trouble,
     false},
    {"clients", "distinct clients", 7, 7, 12, NULL, NULL, clients, show_count, NULL, false},
    {"bytes", "of answers' bodies", 9, 9, 14, NULL, NULL, bytes, show_bytes, NULL, false},
    {"server", "server time, summed up", 7, 7, 9, NULL, NULL, server, show_seconds, NULL, false},
};

static uint32_t count(const struct moment *m)
{
    return m->endpoints;
}

static const void *row_of(const struct moment *m, uint32_t i)
{
    return &m->endpoint[i];
}

static uint32_t id_of(const void *row)
{
    return ((const struct moment_endpoint *)row)->id;
}

static struct slice name_of(const void *row)
{
    return ((const struct moment_endpoint *)row)->name;
}

_Static_assert(sizeof column / sizeof *column <= TABLE_COLUMNS, "TABLE_COLUMNS");

const struct table endpoints_table = {"endpoints", column, sizeof column / sizeof *column, 2, count, row_of, id_of,
                                      name_of,     NULL};

/* ---- details ---- */

static int head(const struct moment_endpoint *e, const struct table_view *v, struct grid *g, int y)
{
    bool wide = g->width >= 70;
    unsigned x = grid_print(g, y, 1, STYLE_BOLD, "%s request%s", human_count(e->requests).text, human_s(e->requests));
    x = grid_print(g, y, x, STYLE_PLAIN, ", %s, of %s%s client%s", human_rate(e->requests, v->now->captured_s).text,
                   v->now->clients_estimated ? "at least " : "", human_count(e->clients).text, human_s(e->clients));
    if (!wide)
        y++, x = 1;
    grid_print(g, y++, x, STYLE_PLAIN, "%s%s asked, %s answered", wide ? ", " : "", human_bytes(e->request_bytes).text,
               human_bytes(e->response_bytes).text);
    x = grid_print(g, y, 1, e->errors ? STYLE_WARN : STYLE_DIM, "%s errors", human_count(e->errors).text);
    x = grid_print(g, y, x, e->throttled ? STYLE_WARN : STYLE_DIM, ", %s throttled", human_count(e->throttled).text);
    grid_print(g, y++, x, e->unanswered ? STYLE_WARN : STYLE_DIM, ", %s unanswered", human_count(e->unanswered).text);
    return y;
}

static int sentence(struct grid *g, int y, const struct buf *text)
{
    return y + (int)overview_wrap(g, y, 1, 2, STYLE_PLAIN, slice_of(text->p, text->n));
}

static int repeats(const struct moment_endpoint *e, struct grid *g, int y)
{
    struct buf text = {0};
    if (!e->eligible) {
        buf_str(&text, "nothing that a cache could answer (GET or HEAD, complete)");
    } else {
        buf_printf(&text, "%s cacheable by method, keys: %s, %s repeat", human_count(e->eligible).text,
                   human_count(e->keys).text, human_percent(e->repeat).text);
    }
    y = sentence(g, y, &text);
    buf_free(&text);
    return y;
}

static void quantile_line(struct grid *g, int y, const char *name, const struct quantiles *q)
{
    const double value[] = {q->p50, q->p95, q->p99, q->max};
    grid_print(g, y, 1, STYLE_PLAIN, "%s", name);
    for (unsigned i = 0; i < 4; i++)
        grid_right(g, y, 9 + i * 8, 7, isnan(value[i]) ? STYLE_DIM : STYLE_PLAIN, show_seconds(value[i]).text);
}

static int times(const struct moment_endpoint *e, struct grid *g, int y)
{
    static const char *const title[] = {"p50", "p95", "p99", "max"};
    grid_fill(g, y, 0, g->width, STYLE_HEAD, ' ');
    grid_print(g, y, 1, STYLE_HEAD, "time");
    for (unsigned i = 0; i < 4; i++)
        grid_right(g, y, 9 + i * 8, 7, STYLE_HEAD, title[i]);
    quantile_line(g, y + 1, "answer", &e->latency);
    quantile_line(g, y + 2, "server", &e->server);
    if (g->width >= 60)
        grid_print(g, y + 2, 45, STYLE_DIM, "%s altogether", show_seconds(e->server_s).text);
    return y + 3;
}

/* Columns of the curve: TTL, hit%, bar, stale%, and what it saves where there is room. */
struct curve {
    unsigned bar, stale, saved, server; /* where they begin; saved 0: left out */
    unsigned bar_width;
};

static struct curve curve_of(unsigned width)
{
    struct curve c = {.bar = 17};
    unsigned right = width > 1 ? width - 1 : 0;
    if (width >= 60) {
        c.server = right - 8;
        c.saved = c.server - 10;
        right = c.saved;
    }
    c.stale = right > 8 ? right - 7 : 0;
    c.bar_width = c.stale > c.bar ? c.stale - c.bar : 0;
    return c;
}

static void curve_head(const struct curve *c, struct grid *g, int y)
{
    grid_fill(g, y, 0, g->width, STYLE_HEAD, ' ');
    grid_right(g, y, 2, 7, STYLE_HEAD, "TTL");
    grid_right(g, y, 9, 6, STYLE_HEAD, "hit%");
    grid_put(g, y, c->bar, c->bar_width, STYLE_HEAD,
             slice_str(c->bar_width < 30 ? "█ same ▒ stale" : "█ same content  ▒ stale"));
    grid_right(g, y, c->stale, 7, STYLE_HEAD, "stale%");
    if (c->saved) {
        grid_right(g, y, c->saved, 10, STYLE_HEAD, "saved");
        grid_right(g, y, c->server, 8, STYLE_HEAD, "server");
    }
}

static void curve_line(const struct curve *c, const struct moment_rung *r, bool chosen, bool beyond, struct grid *g,
                       int y)
{
    double stale = isnan(r->stale) ? 0 : r->stale * r->hit;
    enum style style = beyond ? STYLE_DIM : chosen ? STYLE_BOLD : STYLE_PLAIN;
    if (chosen)
        grid_fill(g, y, 0, 1, STYLE_BOLD, 0x25b8);
    grid_right(g, y, 2, 7, style, show_ttl(r->ttl_s).text);
    grid_right(g, y, 9, 6, style, show_percent(r->hit).text);
    chart_bar(g, y, c->bar, c->bar_width, r->hit - stale, stale);
    grid_right(g, y, c->stale, 7, beyond ? STYLE_DIM : tone_stale(r->stale), show_percent(r->stale).text);
    if (c->saved) {
        grid_right(g, y, c->saved, 10, style, show_bytes((double)r->bytes_saved).text);
        grid_right(g, y, c->server, 8, style, show_seconds(r->server_s).text);
    }
}

/* TTLs longer than the audit differ from the first such one by what was not seen alone: they are left out. */
static int curve(const struct moment_endpoint *e, const struct table_view *v, struct grid *g, int y)
{
    struct curve c = curve_of(g->width);
    double duration = v->now->duration_s;
    unsigned beyond = 0;
    curve_head(&c, g, y++);
    for (unsigned i = 0; i < LADDER_RUNGS; i++) {
        beyond += !isnan(duration) && e->ttl[i].ttl_s > duration;
        if (beyond < 2 || i == v->rung)
            curve_line(&c, &e->ttl[i], i == v->rung, beyond != 0, g, y++);
    }
    if (beyond)
        grid_print(g, y++, 1, STYLE_DIM, "from %s on longer than the audit: lower bounds, all alike",
                   show_ttl(e->ttl[LADDER_RUNGS - beyond].ttl_s).text);
    return y;
}

/* ---- what is said of it ---- */

static int labelled(struct grid *g, int y, struct slice label, enum style style, struct slice text)
{
    enum { LABEL = 15 };
    unsigned x = g->width >= 60 ? LABEL + 2 : 3;
    grid_put(g, y, 1, LABEL, STYLE_DIM, label);
    y += x == 3;
    return y + (int)overview_wrap(g, y, x, 4, style, text);
}

static int saying(const struct moment_endpoint *e, struct grid *g, int y)
{
    struct slice rest = e->saying, line;
    while (slice_next(&rest, '\n', &line)) {
        size_t tab = slice_find(line, '\t', 0);
        struct slice label = slice_sub(line, 0, tab);
        if (tab < line.n)
            y = labelled(g, y, label, slice_eq(label, SLICE("advice")) ? STYLE_BOLD : STYLE_PLAIN,
                         slice_sub(line, tab + 1, line.n));
    }
    return y;
}

/* The bottlenecks that are of it. What a cache would save stands in the advice. */
static int hurts(const struct moment_endpoint *e, const struct insight *i, struct grid *g, int y)
{
    struct buf text = {0};
    for (uint32_t n = 0; n < i->hurts; n++) {
        const struct insight_hurt *h = &i->hurt[n];
        if (h->endpoint != e->id || slice_eq(h->kind, SLICE("cache")))
            continue;
        text.n = 0;
        buf_printf(&text, "%s an hour, %.*s: %.*s", human_seconds(h->seconds_per_hour).text, (int)h->says.n, h->says.p,
                   (int)h->why.n, h->why.p);
        y = labelled(g, y, SLICE("bottleneck"), STYLE_PLAIN, slice_of(text.p, text.n));
    }
    buf_free(&text);
    return y;
}

static int ties(const struct moment_endpoint *e, const struct insight *i, struct grid *g, int y)
{
    const struct insight_ties *t = insight_ties(i, e->id);
    struct buf text = {0};
    if (!t || !t->grade.n)
        return y;
    buf_printf(&text, "grade %.*s, %.0f of 100", (int)t->grade.n, t->grade.p, t->score);
    for (unsigned n = 0; n < t->signals; n++)
        if (t->signal[n].state == TIED)
            buf_printf(&text, "; %.*s", (int)t->signal[n].says.n, t->signal[n].says.p);
    y = labelled(g, y, SLICE("stateless"), STYLE_PLAIN, slice_of(text.p, text.n));
    buf_free(&text);
    return y;
}

unsigned endpoints_detail(const struct moment_endpoint *e, const struct table_view *v, struct grid *g, int y)
{
    int from = y;
    y = head(e, v, g, y);
    y = repeats(e, g, y);
    y = saying(e, g, y);
    if (v->now->insight)
        y = ties(e, v->now->insight, g, hurts(e, v->now->insight, g, y));
    y = times(e, g, y + (g->height > ROOMY));
    if (e->eligible)
        y = curve(e, v, g, y + (g->height > ROOMY));
    return (unsigned)(y - from);
}
