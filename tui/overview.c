#include "tui/overview.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "tui/chart.h"
#include "tui/clients.h"
#include "tui/endpoints.h"

enum { FIGURE = 26, TIGHT = 12 }; /* columns of one figure; so few rows that everything else goes before figures */

/* Rows left, from the top down. */
struct page {
    struct grid *g;
    const struct table_view *v;
    int y;
    unsigned left;
};

static void took(struct page *p, unsigned rows)
{
    rows = rows < p->left ? rows : p->left;
    p->y += (int)rows;
    p->left -= rows;
}

/* ---- sentences ---- */

/* Bytes of the first line: as many words as go into `width`; a word longer than that is cut. */
static size_t line_break(struct slice text, unsigned width)
{
    if (text.n <= width)
        return text.n;
    size_t at = width;
    while (at && text.p[at] != ' ')
        at--;
    return at ? at : width;
}

unsigned overview_wrap(struct grid *g, int y, unsigned x, unsigned lines, enum style style, struct slice text)
{
    unsigned n = 0, width = g->width > x + 1 ? g->width - x - 1 : 1;
    for (text = slice_trim(text); text.n && n < lines; n++) {
        size_t take = n + 1 < lines ? line_break(text, width) : text.n;
        grid_put(g, y + (int)n, x, width, style, slice_sub(text, 0, take));
        text = slice_trim(slice_sub(text, take, text.n));
    }
    return n;
}

static void verdict(struct page *p)
{
    const struct moment *m = p->v->now;
    struct slice all = slice_of(m->sentences.p, m->sentences.n), line;
    unsigned most = p->left < TIGHT ? 2 : 5;
    bool good = m->trust == TRUST_GOOD; /* said of an audit without HTTP: what it has instead */
    enum style style = good ? STYLE_BOLD : m->trust == TRUST_PARTIAL ? STYLE_WARN : STYLE_BAD;
    while (most && slice_next(&all, '\n', &line)) {
        if (!line.n)
            continue;
        grid_fill(p->g, p->y, 1, 1, style, good ? ' ' : '!');
        unsigned n = overview_wrap(p->g, p->y, 3, most < 2 ? 1 : 2, style, line);
        took(p, n);
        most -= n < most ? n : most;
    }
    if (good && all.p)
        took(p, overview_wrap(p->g, p->y, 3, 1, STYLE_DIM, SLICE("6 shows them")));
}

static void promise(struct page *p)
{
    const struct moment_rung *r = &p->v->now->ttl[p->v->rung];
    char text[256];
    if (!r->lookups || !p->left)
        return;
    snprintf(text, sizeof text, "A %s cache would answer %s of %s look-ups, %s of those stale.",
             show_ttl(r->ttl_s).text, human_percent(r->hit).text, human_count(r->lookups).text,
             isnan(r->stale) ? "none" : human_percent(r->stale).text);
    took(p, overview_wrap(p->g, p->y, 1, 2, STYLE_BOLD, slice_str(text)));
}

/* ---- figures ---- */

struct figure {
    const char *label;
    char value[56];
    enum style style;
};

static void set(struct figure *f, const char *label, enum style style, const char *value, const char *more)
{
    *f = (struct figure){.label = label, .style = style};
    snprintf(f->value, sizeof f->value, "%s%s%s", value, *more ? " " : "", more);
}

static struct human share(uint64_t part, uint64_t all)
{
    return human_percent(all && part ? (double)part / (double)all : NAN);
}

/* Most important first. Returns how many. */
static unsigned figures(const struct moment *m, struct figure f[12])
{
    unsigned n = 0;
    double repeat = m->eligible ? 1 - (double)m->keys / (double)m->eligible : NAN;
    set(&f[n++], "requests", STYLE_BOLD, human_count(m->exchanges).text, human_rate(m->exchanges, m->captured_s).text);
    set(&f[n++], "errors", tone_trouble((double)m->errors), human_count(m->errors).text,
        m->errors ? share(m->errors, m->exchanges).text : "");
    set(&f[n++], "repeats", STYLE_PLAIN, human_percent(repeat).text, "");
    set(&f[n++], "endpoints", STYLE_PLAIN, human_count(m->endpoints).text, "");
    struct human clients = human_count(m->all_clients);
    set(&f[n++], "clients", STYLE_PLAIN, m->clients_estimated ? "about" : clients.text,
        m->clients_estimated ? clients.text : "");
    set(&f[n++], "answers", STYLE_PLAIN, human_bytes(m->response_bytes).text, "");
    set(&f[n++], "throttled", tone_trouble((double)m->throttled), human_count(m->throttled).text, "");
    set(&f[n++], "unanswered", tone_trouble((double)m->unanswered), human_count(m->unanswered).text, "");
    set(&f[n++], "services", STYLE_PLAIN, human_count(m->services).text, "");
    if (m->from_records)
        return n;
    set(&f[n++], "bytes seen", m->coverage < 0.98 ? STYLE_WARN : STYLE_PLAIN, human_percent(m->coverage).text, "");
    set(&f[n++], "dropped", tone_trouble((double)m->dropped), human_count(m->dropped).text, "");
    set(&f[n++], "packets", STYLE_PLAIN, human_count(m->packets).text, "");
    return n;
}

static void totals(struct page *p)
{
    struct figure f[12];
    bool narrow = p->g->width < 2 * FIGURE;
    unsigned n = figures(p->v->now, f), width = narrow ? p->g->width / 2 + 1 : FIGURE;
    unsigned each = narrow ? 2 : p->g->width / width;
    unsigned rows = (n + each - 1) / each, most = p->left < TIGHT ? 3 : 4, label = narrow ? 10 : 12;
    rows = rows < most ? rows : most;
    for (unsigned i = 0; i < n && i / each < rows; i++) {
        int y = p->y + (int)(i / each);
        unsigned x = 1 + i % each * width;
        grid_put(p->g, y, x, label - 1, STYLE_DIM, slice_str(f[i].label));
        grid_put(p->g, y, x + label, width - label - 1, f[i].style, slice_str(f[i].value));
    }
    took(p, rows);
}

static void statuses(struct page *p)
{
    static const struct {
        const char *name;
        enum style style;
    } class[MOMENT_STATUSES] = {{"none", STYLE_WARN}, {"1xx", STYLE_PLAIN}, {"2xx", STYLE_GOOD},
                                {"3xx", STYLE_PLAIN}, {"4xx", STYLE_WARN},  {"5xx", STYLE_BAD}};
    const struct moment *m = p->v->now;
    uint64_t all = 0;
    for (unsigned i = 0; i < MOMENT_STATUSES; i++)
        all += m->status[i];
    if (!all || !p->left)
        return;
    unsigned x = p->g->width < 2 * FIGURE ? 1 : 13;
    if (x > 1)
        grid_print(p->g, p->y, 1, STYLE_DIM, "statuses");
    for (unsigned i = 1; i <= MOMENT_STATUSES; i++) {
        unsigned c = i % MOMENT_STATUSES;
        if (!m->status[c])
            continue;
        x = grid_print(p->g, p->y, x, class[c].style, "%s", class[c].name);
        x = grid_print(p->g, p->y, x, STYLE_PLAIN, " %s", human_count(m->status[c]).text);
        x = p->g->width < 110 ? x + (p->g->width < 2 * FIGURE ? 2 : 3)
                              : grid_print(p->g, p->y, x, STYLE_DIM, " (%s)   ", share(m->status[c], all).text);
    }
    took(p, 1);
}

/* ---- requests per minute ---- */

struct series {
    uint64_t requests[MOMENT_MINUTES], errors[MOMENT_MINUTES];
    uint64_t most, most_errors;
    int64_t first;
    unsigned n;
};

/* The last `most` minutes without holes. */
static void series_of(const struct moment *m, unsigned most, struct series *s)
{
    *s = (struct series){0};
    if (!m->minutes)
        return;
    int64_t last = m->minute[m->minutes - 1].minute;
    s->first = m->minute[0].minute;
    if (last - s->first >= (int64_t)most)
        s->first = last - most + 1;
    s->n = (unsigned)(last - s->first + 1);
    for (unsigned i = 0; i < m->minutes; i++) {
        const struct moment_minute *from = &m->minute[i];
        if (from->minute < s->first)
            continue;
        unsigned at = (unsigned)(from->minute - s->first);
        s->requests[at] = from->requests;
        s->errors[at] = from->errors;
        s->most = from->requests > s->most ? from->requests : s->most;
        s->most_errors = from->errors > s->most_errors ? from->errors : s->most_errors;
    }
}

static void clock_text(int64_t minute, char text[8])
{
    time_t t = (time_t)(minute * 60);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, 8, "%H:%M", &tm);
}

static void axis(struct page *p, const struct series *s, unsigned each)
{
    char first[8], last[8];
    unsigned end = 1 + s->n * each;
    clock_text(s->first, first);
    clock_text(s->first + s->n - 1, last);
    grid_print(p->g, p->y, 1, STYLE_DIM, "%s", first);
    if (s->n > 1 && end >= 14)
        grid_print(p->g, p->y, end - 5, STYLE_DIM, "%s UTC", last);
    took(p, 1);
}

static void minutes(struct page *p)
{
    unsigned room = p->g->width > 2 ? p->g->width - 2 : 1;
    struct series s;
    series_of(p->v->now, room < MOMENT_MINUTES ? room : MOMENT_MINUTES, &s);
    if (!s.n || p->left < 3)
        return;
    unsigned each = room / s.n < 4 ? room / s.n : 4, height = p->left >= 26 ? 4 : p->left >= 8 ? 2 : 1;
    took(p, p->left > TIGHT);
    unsigned x = grid_print(p->g, p->y, 1, STYLE_BOLD, "requests per minute");
    grid_print(p->g, p->y, x, STYLE_DIM, "  at most %s, at last %s", human_count(s.most).text,
               human_count(s.requests[s.n - 1]).text);
    took(p, 1);
    chart_columns(p->g, p->y + (int)height - 1, 1, each, height, STYLE_CHART, s.requests, s.n, s.most);
    took(p, height);
    if (s.most_errors && p->left > 10) {
        chart_columns(p->g, p->y, 1, each, 1, STYLE_BAD, s.errors, s.n, s.most_errors);
        if (1 + s.n * each + 24 < p->g->width)
            grid_print(p->g, p->y, 2 + s.n * each, STYLE_DIM, "errors, at most %s", human_count(s.most_errors).text);
        took(p, 1);
    }
    if (p->left > 3)
        axis(p, &s, each);
}

/* ---- what to do ---- */

/* The first of what is advised, two lines each, where most of the screen is left for the rest. */
static void advice(struct page *p)
{
    const struct moment *m = p->v->now;
    unsigned most = p->left >= 36 ? 3 : p->left >= 24 ? 2 : p->left >= 12 ? 1 : 0;
    if (!m->shown_advice || !most)
        return;
    took(p, p->left > TIGHT);
    unsigned x = grid_print(p->g, p->y, 1, STYLE_BOLD, "what to do");
    most = m->shown_advice < most ? m->shown_advice : most;
    if (m->n_advice > most)
        grid_print(p->g, p->y, x, STYLE_DIM, "  %u of %u: all in the report", most, m->n_advice);
    took(p, 1);
    for (unsigned i = 0; i < most; i++) {
        const struct moment_advice *a = &m->advice[i];
        grid_put(p->g, p->y, 1, 10, slice_eq(a->kind, SLICE("fix")) ? STYLE_BAD : STYLE_GOOD, a->kind);
        took(p, overview_wrap(p->g, p->y, 12, 1, STYLE_PLAIN, a->target));
        took(p, overview_wrap(p->g, p->y, 12, 1, STYLE_DIM, a->action));
    }
}

/* The bottlenecks that are first, a line each, on screens that have room for them. */
static void hurts(struct page *p)
{
    const struct insight *i = p->v->now->insight;
    unsigned most = p->left >= 34 ? 4 : p->left >= 24 ? 2 : 0;
    if (!i || !i->hurts || !most)
        return;
    most = i->hurts < most ? i->hurts : most;
    took(p, 1);
    unsigned x = grid_print(p->g, p->y, 1, STYLE_BOLD, "where it hurts");
    grid_print(p->g, p->y, x, STYLE_DIM, "  time an hour that could be saved; %u of %" PRIu32 ": 4 shows all", most,
               i->hurts);
    took(p, 1);
    for (unsigned n = 0; n < most; n++) {
        const struct insight_hurt *h = &i->hurt[n];
        grid_right(p->g, p->y, 1, 8, STYLE_PLAIN, human_seconds(h->seconds_per_hour).text);
        grid_put(p->g, p->y, 12, 32, STYLE_PLAIN, h->says);
        grid_put(p->g, p->y, 46, p->g->width > 47 ? p->g->width - 47 : 0, STYLE_PLAIN, h->place);
        took(p, 1);
    }
}

/* ---- the busiest ---- */

static void busiest(struct page *p, const struct table *t, unsigned rows)
{
    uint32_t n = t->count(p->v->now);
    rows = rows < p->left ? rows : p->left;
    if (rows < 3 || !n)
        return;
    rows = n + 1 < rows ? n + 1 : rows;
    table_draw(t, p->v, NULL, p->g, p->y, rows);
    took(p, rows);
}

void overview_draw(const struct table_view *v, struct grid *g, int y, unsigned height)
{
    struct page p = {g, v, y, height};
    verdict(&p);
    promise(&p);
    totals(&p);
    statuses(&p);
    advice(&p);
    hurts(&p);
    minutes(&p);
    took(&p, p.left > 8);
    unsigned clients = v->now->clients + 1 < p.left * 2 / 5 ? v->now->clients + 1 : p.left * 2 / 5;
    busiest(&p, &endpoints_table, p.left - clients - (p.left > 14));
    took(&p, p.left > clients);
    busiest(&p, &clients_table, p.left);
}
