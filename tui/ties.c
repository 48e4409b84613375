#include "tui/ties.h"

#include <inttypes.h>
#include <math.h>

#include "tui/overview.h"

#define NUMBER(name, value)                                                                                            \
    static double name(const void *row, const struct table_view *v)                                                    \
    {                                                                                                                  \
        const struct insight_ties *t = row;                                                                            \
        (void)v;                                                                                                       \
        return (double)(value);                                                                                        \
    }
NUMBER(score, t->score)
NUMBER(requests, t->requests)
NUMBER(clients, t->clients)
#undef NUMBER

static struct slice grade(const void *row)
{
    struct slice s = ((const struct insight_ties *)row)->grade;
    return s.n ? s : SLICE("-");
}

static struct slice name_of(const void *row)
{
    return ((const struct insight_ties *)row)->name;
}

static struct slice by(const void *row)
{
    return ((const struct insight_ties *)row)->by;
}

static struct slice untold(const void *row)
{
    return ((const struct insight_ties *)row)->untold;
}

/* Of a long name the end is kept, which tells endpoints apart. */
static void shorten(const void *row, unsigned width, struct buf *out)
{
    struct slice all = name_of(row);
    size_t method = slice_find(all, ' ', 0) + 1;
    size_t room = width > method + 1 ? width - method - 1 : 0, from = all.n > room ? all.n - room : 0;
    while (from < all.n && ((unsigned char)all.p[from] & 0xc0) == 0x80)
        from++;
    buf_slice(out, slice_sub(all, 0, method));
    buf_str(out, "…");
    buf_slice(out, slice_sub(all, from > method ? from : method, all.n));
}

static const struct column column[] = {
    {"grade", "A: any server can answer any request; E: only one can; -: too little was seen", 5, 5, 0, grade, NULL,
     NULL, NULL, NULL, false},
    {"score", "100 less what each signal takes off", 5, 5, 0, NULL, NULL, score, show_count, NULL, true},
    {"reqs", "requests", 5, 5, 3, NULL, NULL, requests, show_count, NULL, false},
    {"clients", "distinct clients", 7, 7, 4, NULL, NULL, clients, show_count, NULL, false},
    {"endpoint", "", 31, 100, 0, name_of, shorten, NULL, NULL, NULL, false},
    {"tied by", "signals that take something off (?: while they are not told); Enter shows the evidence", 10, 24, 1, by,
     NULL, NULL, NULL, NULL, false},
    {"not told", "signals that the traffic does not show either way", 12, 24, 2, untold, NULL, NULL, NULL, NULL, false},
};

static uint32_t count(const struct moment *m)
{
    return m->insight && m->insight->records ? m->insight->n_ties : 0;
}

static const void *row_of(const struct moment *m, uint32_t i)
{
    return &m->insight->ties[i];
}

static uint32_t id_of(const void *row)
{
    return ((const struct insight_ties *)row)->id;
}

/* The evidence of what ties it, then what was wanting for the rest. */
static void below(const void *row, struct grid *g, int y, unsigned lines)
{
    static const enum tied order[] = {TIED, TIED_UNKNOWN};
    const struct insight_ties *t = row;
    int end = y + (int)lines;
    if (!t->by.n)
        grid_print(g, y++, 1, STYLE_DIM, "%s",
                   !t->signals       ? "no records of it are kept"
                   : t->servers == 1 ? "nothing that was seen ties clients to a server; one server was seen"
                                     : "nothing that was seen ties clients to a server");
    for (unsigned o = 0; o < 2; o++)
        for (unsigned i = 0; i < t->signals && y < end; i++) {
            const struct insight_signal *s = &t->signal[i];
            if (s->state != order[o])
                continue;
            grid_put(g, y, 1, 4, o ? STYLE_DIM : STYLE_WARN, s->number);
            unsigned x = o ? grid_print(g, y, 6, STYLE_DIM, "not told: ") : 6;
            grid_put(g, y++, x, g->width > x ? g->width - x : 0, o ? STYLE_DIM : STYLE_PLAIN, s->says);
        }
}

const struct table ties_table = {"endpoints", column, sizeof column / sizeof *column, 1, count, row_of, id_of,
                                 name_of,     below};

/* ---- one endpoint ---- */

static int signal(const struct insight_signal *s, struct grid *g, int y)
{
    static const struct {
        const char *words;
        enum style style;
    } state[] = {
        [TIED_UNKNOWN] = {"not told", STYLE_DIM}, [TIED_NOT] = {"no", STYLE_GOOD}, [TIED] = {"yes", STYLE_WARN}};
    bool wide = g->width >= 70;
    grid_put(g, y, 1, 4, STYLE_KEY, s->number);
    grid_put(g, y, 5, wide ? 44 : g->width > 16 ? g->width - 16 : 0, STYLE_PLAIN, s->means);
    unsigned x = wide ? 50 : g->width > 10 ? g->width - 10 : 0;
    grid_print(g, y, x, state[s->state].style, "%s", state[s->state].words);
    if (wide && s->deducted)
        grid_print(g, y, x + 10, STYLE_BOLD, "-%u", s->deducted);
    if (wide && s->n)
        grid_right(g, y, x + 15, 8, STYLE_PLAIN, human_count(s->n).text);
    y++;
    return y + (int)overview_wrap(g, y, 5, 2, STYLE_DIM, s->says);
}

static int heading(struct grid *g, int y)
{
    grid_fill(g, y, 0, g->width, STYLE_HEAD, ' ');
    grid_print(g, y, 1, STYLE_HEAD, "signal");
    if (g->width >= 70) {
        grid_print(g, y, 50, STYLE_HEAD, "seen");
        grid_print(g, y, 60, STYLE_HEAD, "score");
        grid_right(g, y, 65, 8, STYLE_HEAD, "of");
    }
    return y + 1;
}

unsigned ties_detail(const struct insight_ties *t, struct grid *g, int y)
{
    int from = y;
    if (t->grade.n)
        grid_print(g, y++, 1, STYLE_BOLD, "%.*s, %.0f of 100", (int)t->grade.n, t->grade.p, t->score);
    else
        grid_print(g, y++, 1, STYLE_BOLD, "no grade: too little was seen");
    y += (int)overview_wrap(g, y, 1, 2, STYLE_DIM,
                            SLICE("A: any server can answer any request, so that it can be moved, restarted and "
                                  "spread; E: only one can"));
    struct buf text = {0};
    buf_printf(&text, "%s request%s of %s client%s", human_count(t->requests).text, human_s(t->requests),
               human_count(t->clients).text, human_s(t->clients));
    if (t->servers == 1)
        buf_str(&text, "; one server was seen: that another could answer was not put to the test");
    if (t->least)
        buf_printf(&text, "; the weakest signal that decides stands on %s", human_count(t->least).text);
    if (t->untold.n)
        buf_printf(&text, "; not told either way: %.*s", (int)t->untold.n, t->untold.p);
    y += (int)overview_wrap(g, y, 1, 3, STYLE_PLAIN, slice_of(text.p, text.n));
    buf_free(&text);
    y = heading(g, y + (g->height > 16));
    for (unsigned i = 0; i < t->signals; i++)
        y = signal(&t->signal[i], g, y);
    if (!t->signals)
        grid_print(g, y++, 1, STYLE_DIM, "no exchange records of it are kept (--exchanges)");
    return (unsigned)(y - from);
}
