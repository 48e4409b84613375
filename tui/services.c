#include "tui/services.h"

#include <math.h>
#include <stdlib.h>

#include "base/human.h"
#include "tui/chart.h"
#include "tui/overview.h"

enum { WIDEST = 60, TEXT_ENOUGH = 24, TEXT_LEAST = 12, CURVE = 48 };

/* Columns a text takes. */
static unsigned width_of(struct slice s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n < WIDEST ? n : WIDEST;
}

struct widths {
    unsigned width[INSIGHT_COLUMNS], sum; /* width 0: left out; sum with a blank behind each */
};

static void add_up(const struct insight_sheet *s, struct widths *w)
{
    w->sum = 0;
    for (unsigned i = 0; i < s->columns; i++)
        w->sum += w->width[i] ? w->width[i] + 1 : 0;
}

/* Long texts give way first, then a long one at the end, then all texts, then columns from the end. */
static void make_room(const struct insight_sheet *s, struct widths *w, unsigned room)
{
    add_up(s, w);
    while (w->sum > room) {
        unsigned longest = 0, last = s->columns - 1;
        for (unsigned i = 1; i < s->columns; i++)
            if (!s->head[i].number && w->width[i] > w->width[longest])
                longest = i;
        while (last && !w->width[last])
            last--;
        bool tail = last && !s->head[last].number && w->width[last] >= TEXT_ENOUGH;
        if (w->width[longest] > TEXT_ENOUGH || (!tail && w->width[longest] > TEXT_LEAST))
            w->width[longest]--;
        else if (last)
            w->width[last] = 0;
        else
            return;
        add_up(s, w);
    }
}

static void measure(const struct insight_sheet *s, struct widths *w, unsigned room)
{
    *w = (struct widths){.sum = 0};
    for (unsigned i = 0; i < s->columns; i++) {
        w->width[i] = width_of(s->head[i].title);
        for (uint32_t row = 0; row < s->rows; row++) {
            unsigned n = width_of(s->cell[(size_t)row * s->columns + i]);
            w->width[i] = n > w->width[i] ? n : w->width[i];
        }
        w->width[i] += w->width[i] != 0 && i + 1 < s->columns; /* two blanks between columns */
    }
    make_room(s, w, room);
}

static void put(struct grid *g, int y, unsigned x, unsigned width, enum style style, bool right, struct slice text)
{
    unsigned n = width_of(text), gap = right && n + 1 < width ? width - 1 - n : 0;
    grid_put(g, y, x + gap, width - gap, style, text);
}

static int sheet(const struct insight_sheet *s, struct grid *g, int y)
{
    struct widths w;
    measure(s, &w, g->width > 2 ? g->width - 1 : 1);
    unsigned x = grid_print(g, y, 1, STYLE_BOLD, "%.*s", (int)s->title.n, s->title.p);
    if (x + 2 + s->says.n < g->width)
        grid_put(g, y++, x + 2, g->width - x - 2, STYLE_DIM, s->says);
    else
        y += 1 + (int)overview_wrap(g, y + 1, 1, 2, STYLE_DIM, s->says);
    grid_fill(g, y, 0, g->width, STYLE_HEAD, ' ');
    for (uint32_t row = 0; row <= s->rows; row++, y++) {
        x = 1;
        for (unsigned i = 0; i < s->columns; i++) {
            struct slice text = row ? s->cell[(size_t)(row - 1) * s->columns + i] : s->head[i].title;
            if (w.width[i])
                put(g, y, x, w.width[i], row ? STYLE_PLAIN : STYLE_HEAD, s->head[i].number, text);
            x += w.width[i] ? w.width[i] + 1 : 0;
        }
    }
    return y + 1;
}

/* Throughput by what is under way at once, to twice the knee or what was seen. */
static int curve(const struct insight_curve *c, struct grid *g, int y)
{
    uint64_t value[CURVE];
    double last = fmax(fmax(2 * (isnan(c->knee) ? 0 : c->knee), isnan(c->peak) ? 0 : c->peak), 2), most = 0;
    unsigned n = g->width > 4 ? g->width - 4 < CURVE ? g->width - 4 : CURVE : 1;
    for (unsigned i = 0; i < n; i++)
        most = fmax(most, insight_throughput(c, last * (i + 1) / n));
    for (unsigned i = 0; i < n; i++)
        value[i] = (uint64_t)(1000 * insight_throughput(c, last * (i + 1) / n) / most);
    struct buf text = {0};
    buf_printf(&text, "%.*s: at most %.6g requests a second", (int)c->name.n, c->name.p, c->limit);
    overview_wrap(g, y++, 1, 1, STYLE_PLAIN, slice_of(text.p, text.n));
    buf_free(&text);
    chart_columns(g, y + 3, 2, 1, 4, STYLE_CHART, value, n, 1000);
    y += 4;
    unsigned knee = isnan(c->knee) ? n : (unsigned)(c->knee / last * n);
    grid_print(g, y, 2, STYLE_DIM, "1");
    if (knee && knee < n)
        grid_print(g, y, 1 + knee, STYLE_KEY, "▲ knee at %.0f", c->knee);
    grid_right(g, y, 2 + n - 5, 5, STYLE_DIM, human_count((uint64_t)last).text);
    if (n + 22 < g->width)
        grid_print(g, y, 3 + n, STYLE_DIM, "under way at once");
    return y + 2;
}

unsigned services_draw(const struct insight *i, struct grid *g, int y)
{
    int from = y;
    for (uint32_t s = 0; s < i->sheets; s++) {
        y = sheet(&i->sheet[s], g, y);
        for (unsigned c = 0; c < i->curves && slice_eq(i->sheet[s].title, SLICE("capacity")); c++)
            y = curve(&i->curve[c], g, y);
    }
    if (!i->sheets)
        grid_print(g, y++, 1, STYLE_DIM, "nothing is known of services yet");
    return (unsigned)(y - from);
}
