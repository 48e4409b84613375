#include "tui/table.h"

#include <math.h>
#include <stdio.h>

#include "tui/list.h"

enum { NARROW = 60, MARK = 0x25b8, FALLING = 0x25bc, RISING = 0x25b2 };

/* Widths of the columns of this table on a screen; 0: left out. */
struct layout {
    unsigned width[TABLE_COLUMNS];
};

static unsigned least_of(const struct column *c, unsigned width)
{
    return width < NARROW && c->text ? (c->least * 2 + 2) / 3 : c->least;
}

static unsigned total(const struct table *t, const struct layout *l)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < t->columns; i++)
        sum += l->width[i] ? l->width[i] + 1 : 0;
    return sum;
}

static void leave_out(const struct table *t, struct layout *l, unsigned width)
{
    while (total(t, l) > width) {
        unsigned worst = TABLE_COLUMNS;
        for (unsigned i = 0; i < t->columns; i++)
            if (l->width[i] && t->column[i].rank &&
                (worst == TABLE_COLUMNS || t->column[i].rank > t->column[worst].rank))
                worst = i;
        if (worst == TABLE_COLUMNS)
            return;
        l->width[worst] = 0;
    }
}

/* What no row has anything to say in needs no room. */
static bool is_empty(const struct table *t, const struct moment *m, const struct column *c)
{
    uint32_t n = t->count(m), i = 0;
    while (c->text && i < n && !c->text(t->row(m, i)).n)
        i++;
    return c->text && i == n && c->rank;
}

static void lay_out(const struct table *t, const struct moment *m, struct layout *l, unsigned width)
{
    for (unsigned i = 0; i < t->columns; i++)
        l->width[i] = is_empty(t, m, &t->column[i]) ? 0 : least_of(&t->column[i], width);
    leave_out(t, l, width);
    unsigned left = width > total(t, l) ? width - total(t, l) : 0;
    for (bool grew = true; left && grew;) {
        grew = false;
        for (unsigned i = 0; i < t->columns && left; i++)
            if (l->width[i] && l->width[i] < t->column[i].most) {
                l->width[i]++;
                left--;
                grew = true;
            }
    }
}

static void heading(const struct column *c, unsigned width, const struct list *list, bool sorts, struct grid *g, int y,
                    unsigned x)
{
    enum style style = sorts ? STYLE_SORT : STYLE_HEAD;
    uint32_t mark = (c->text || c->rises) == list->reverse ? FALLING : RISING;
    unsigned n = (unsigned)strlen(c->title);
    if (c->text)
        grid_put(g, y, x, width, style, slice_sub(slice_str(c->title), 0, width));
    else
        grid_right(g, y, x, width, style, c->title);
    if (sorts)
        grid_fill(g, y, !c->text ? x + width - n - 1 : x + n, 1, style, mark);
}

static void headings(const struct table *t, const struct layout *l, const struct list *list, struct grid *g, int y)
{
    static const struct list unsorted = {.sort = TABLE_COLUMNS};
    unsigned x = 1;
    grid_fill(g, y, 0, g->width, STYLE_HEAD, ' ');
    for (unsigned i = 0; i < t->columns; i++)
        if (l->width[i]) {
            heading(&t->column[i], l->width[i], list ? list : &unsorted, list && list->sort == i, g, y, x);
            x += l->width[i] + 1;
        }
}

static void text_cell(const struct column *c, const void *row, unsigned width, struct grid *g, int y, unsigned x)
{
    struct buf shorter = {0};
    struct slice text = c->text(row);
    if (c->shorten && text.n > width) {
        c->shorten(row, width, &shorter);
        text = slice_of(shorter.p, shorter.n);
    }
    grid_put(g, y, x, width, STYLE_PLAIN, text);
    buf_free(&shorter);
}

static void draw_row(const struct table *t, const struct layout *l, const struct table_view *v, const void *row,
                     struct grid *g, int y)
{
    unsigned x = 1;
    for (unsigned i = 0; i < t->columns; i++) {
        const struct column *c = &t->column[i];
        if (!l->width[i])
            continue;
        if (c->text) {
            text_cell(c, row, l->width[i], g, y, x);
        } else {
            double n = c->number(row, v);
            grid_right(g, y, x, l->width[i],
                       isnan(n)  ? STYLE_DIM
                       : c->tone ? c->tone(n)
                                 : STYLE_PLAIN,
                       c->show(n).text);
        }
        x += l->width[i] + 1;
    }
}

void table_draw(const struct table *t, const struct table_view *v, const struct list *list, struct grid *g, int y,
                unsigned height)
{
    struct layout l;
    uint32_t n = list ? list->n : t->count(v->now), top = list ? list->top : 0;
    lay_out(t, v->now, &l, g->width);
    if (!height)
        return;
    headings(t, &l, list, g, y);
    for (uint32_t i = top; i < n && i - top + 1 < height; i++) {
        int at = y + 1 + (int)(i - top);
        draw_row(t, &l, v, t->row(v->now, list ? list->order[i] : i), g, at);
        if (list && i == list->at) {
            grid_fill(g, at, 0, 1, STYLE_PLAIN, MARK);
            grid_select(g, at);
        }
    }
}

/* ---- numbers ---- */

static struct human unknown(void)
{
    return (struct human){"-"};
}

struct human show_count(double n)
{
    return isnan(n) ? unknown() : human_count((uint64_t)n);
}

struct human show_per_second(double n)
{
    struct human h;
    if (isnan(n))
        return unknown();
    if (n >= 9999.5)
        return human_count((uint64_t)n);
    snprintf(h.text, sizeof h.text,
             n >= 99.95             ? "%.0f"
             : n >= 0.995 || n == 0 ? "%.1f"
             : n >= 0.01            ? "%.2f"
                                    : "<0.01",
             n);
    return h;
}

struct human show_percent(double ratio)
{
    return human_short_percent(ratio);
}

struct human show_seconds(double s)
{
    return human_seconds(s);
}

struct human show_bytes(double n)
{
    return isnan(n) ? unknown() : human_bytes((uint64_t)n);
}

struct human show_ttl(uint32_t s)
{
    struct human h;
    unsigned unit = s % 86400 == 0 ? 86400 : s % 3600 == 0 ? 3600 : s % 60 == 0 ? 60 : 1;
    snprintf(h.text, sizeof h.text, "%u %s", s / unit,
             unit == 86400  ? "d"
             : unit == 3600 ? "h"
             : unit == 60   ? "min"
                            : "s");
    return h;
}

struct human show_signed(double n)
{
    struct human h;
    if (isnan(n))
        return unknown();
    snprintf(h.text, sizeof h.text, "%.2f", fabs(n) < 0.005 ? 0.0 : n); /* no "-0.00" */
    return h;
}

enum style tone_quiet(double n)
{
    return n > 0 ? STYLE_PLAIN : STYLE_DIM;
}

enum style tone_trouble(double n)
{
    return n > 0 ? STYLE_WARN : STYLE_DIM;
}

enum style tone_stale(double ratio)
{
    return ratio >= 0.05 ? STYLE_WARN : ratio > 0 ? STYLE_PLAIN : STYLE_DIM;
}
