/* table: rows of a moment in columns. A screen describes its columns once; sorting, fitting the width and drawing
 * follow from it. */
#ifndef TUI_TABLE_H
#define TUI_TABLE_H

#include "base/human.h"
#include "tui/grid.h"
#include "tui/moment.h"

enum { TABLE_COLUMNS = 24 };

/* What a number of a column may depend on besides its row. */
struct table_view {
    const struct moment *now;
    unsigned rung; /* of the ladder: the TTL chosen */
};

/* Either text or number is set. */
struct column {
    const char *title, *meaning;
    unsigned least, most; /* columns of the screen; most > least: it grows */
    unsigned rank;        /* the highest is left out first when room is short; 0 never */
    struct slice (*text)(const void *row);
    void (*shorten)(const void *row, unsigned width, struct buf *out); /* NULL: cut at the end */
    double (*number)(const void *row, const struct table_view *v);     /* NaN: unknown, sorts last */
    struct human (*show)(double number);
    enum style (*tone)(double number); /* NULL: plain */
    bool rises;                        /* numbers that are sorted from the least on */
};

struct table {
    const char *noun; /* "endpoints" */
    const struct column *column;
    unsigned columns, sort; /* sort: the column to begin with */
    uint32_t (*count)(const struct moment *m);
    const void *(*row)(const struct moment *m, uint32_t i);
    uint32_t (*id)(const void *row);
    struct slice (*name)(const void *row); /* what a filter looks into */
    /* Below the rows, about the chosen one: draws in at most `lines` lines. NULL: nothing. */
    void (*below)(const void *row, struct grid *g, int y, unsigned lines);
};

struct list;

/* Headings at y and rows below, in `height` lines altogether. list NULL: the rows in the order of the moment, nothing
 * selected. The list's `top` must be right (list_scroll). */
void table_draw(const struct table *t, const struct table_view *v, const struct list *list, struct grid *g, int y,
                unsigned height);

/* Ways to show a number, and tones. */
struct human show_count(double n);
struct human show_per_second(double n);
struct human show_percent(double ratio);
struct human show_seconds(double s);
struct human show_bytes(double n);
struct human show_ttl(uint32_t seconds); /* 30 s, 5 min, 8 h, 7 d */
struct human show_signed(double n);      /* -1.00 to 1.00 */
enum style tone_quiet(double n);         /* dim when 0 or unknown */
enum style tone_trouble(double n);       /* a warning unless 0 or unknown */
enum style tone_stale(double ratio);

#endif
