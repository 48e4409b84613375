#include "tui/hurts.h"

#include <math.h>

#include "tui/overview.h"

#define NUMBER(name, value)                                                                                            \
    static double name(const void *row, const struct table_view *v)                                                    \
    {                                                                                                                  \
        const struct insight_hurt *h = row;                                                                            \
        (void)v;                                                                                                       \
        return (double)(value);                                                                                        \
    }
NUMBER(rank, h->rank)
NUMBER(per_hour, h->seconds_per_hour)
NUMBER(seen, h->seen)
NUMBER(sure, h->confidence)
NUMBER(effort, h->effort)
#undef NUMBER

static struct slice says(const void *row)
{
    return ((const struct insight_hurt *)row)->says;
}

static struct slice place(const void *row)
{
    return ((const struct insight_hurt *)row)->place;
}

/* The route tells endpoints apart: what is too long loses its middle. */
static void shorten(const void *row, unsigned width, struct buf *out)
{
    struct slice all = place(row);
    size_t method = slice_find(all, ' ', 0) + 1;
    size_t room = width > method + 1 ? width - method - 1 : 0, from = all.n > room ? all.n - room : 0;
    if (method > 9 || from <= method) {
        buf_slice(out, all);
        return;
    }
    while (from < all.n && ((unsigned char)all.p[from] & 0xc0) == 0x80)
        from++;
    buf_slice(out, slice_sub(all, 0, method));
    buf_str(out, "…");
    buf_slice(out, slice_sub(all, from, all.n));
}

static struct human show_effort(double n)
{
    static const struct human header = {"header"}, config = {"config"}, code = {"code"};
    return n == 1 ? header : n == 2 ? config : code;
}

static const struct column column[] = {
    {"rank", "time an hour, times how sure that is, by the effort to mend it", 5, 5, 0, NULL, NULL, rank, show_count,
     NULL, true},
    {"an hour", "time that users or servers could save in an hour; savings overlap", 7, 8, 0, NULL, NULL, per_hour,
     show_seconds, NULL, false},
    {"what", "", 20, 32, 0, says, NULL, NULL, NULL, NULL, false},
    {"where", "endpoint or client; Enter opens it", 24, 100, 0, place, shorten, NULL, NULL, NULL, false},
    {"seen", "how often", 5, 5, 3, NULL, NULL, seen, show_count, NULL, false},
    {"sure%", "confidence: from how often it was seen, and how much of the traffic", 5, 5, 4, NULL, NULL, sure,
     show_percent, NULL, false},
    {"mend", "what it takes: a header, configuration, code", 6, 6, 2, NULL, NULL, effort, show_effort, NULL, true},
};

static uint32_t count(const struct moment *m)
{
    return m->insight ? m->insight->hurts : 0;
}

static const void *row_of(const struct moment *m, uint32_t i)
{
    return &m->insight->hurt[i];
}

static uint32_t id_of(const void *row)
{
    return ((const struct insight_hurt *)row)->id;
}

static struct slice name_of(const void *row)
{
    return ((const struct insight_hurt *)row)->name;
}

static int labelled(struct grid *g, int y, const char *label, enum style style, struct slice text, unsigned lines)
{
    grid_put(g, y, 1, 6, STYLE_DIM, slice_str(label));
    unsigned n = lines ? overview_wrap(g, y, 7, lines, style, text) : 0;
    return y + (int)n;
}

static void below(const void *row, struct grid *g, int y, unsigned lines)
{
    const struct insight_hurt *h = row;
    bool roomy = lines >= 5;
    y = labelled(g, y, "where", STYLE_PLAIN, h->target, 1);
    y = labelled(g, y, "seen", STYLE_PLAIN, h->why, roomy ? 2 : 1);
    labelled(g, y, "do", STYLE_BOLD, h->action, roomy ? 2 : 1);
}

const struct table hurts_table = {"bottlenecks", column, sizeof column / sizeof *column, 0, count, row_of, id_of,
                                  name_of,       below};
