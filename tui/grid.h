/* grid: the screen as cells of text and style, without a terminal: what a view draws, a test reads and curses paints.
 * Whatever is put in is made harmless (human_cell) and cut to the room there is; rows outside the clip are not touched.
 */
#ifndef TUI_GRID_H
#define TUI_GRID_H

#include "base/buf.h"

enum style {
    STYLE_PLAIN,
    STYLE_DIM,
    STYLE_BOLD,
    STYLE_BAR,  /* the title bar */
    STYLE_HERE, /* where one is, in the title bar */
    STYLE_HEAD, /* headings of columns */
    STYLE_SORT, /* heading of the column that sorts */
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_CHART,
    STYLE_KEY,
    STYLES
};

struct cell {
    uint32_t code;
    uint8_t style, width; /* width 0: the right half of a wide character */
    bool selected;
};

struct grid {
    unsigned width, height;
    int top, bottom; /* clip: rows top <= y < bottom are drawn */
    struct cell *cell;
};

/* An empty grid of this size; false: out of memory, the grid is then 0 x 0. Earlier content is dropped. */
bool grid_init(struct grid *g, unsigned width, unsigned height);
void grid_free(struct grid *g);
void grid_clip(struct grid *g, int top, int bottom);

/* Text in exactly `width` columns from x, cut or padded. */
void grid_put(struct grid *g, int y, unsigned x, unsigned width, enum style style, struct slice text);
/* The same with the text at the right end; for plain ASCII. */
void grid_right(struct grid *g, int y, unsigned x, unsigned width, enum style style, const char *text);
/* Text in its own width, up to the right edge. Returns the column after it. */
unsigned grid_print(struct grid *g, int y, unsigned x, enum style style, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* One character `n` times, as long as there is room. */
void grid_fill(struct grid *g, int y, unsigned x, unsigned n, enum style style, uint32_t code);
void grid_select(struct grid *g, int y);

/* All rows as UTF-8 lines, without blanks at their ends. */
void grid_text(const struct grid *g, struct buf *out);
/* Appends one code point as UTF-8. */
void grid_utf8(struct buf *out, uint32_t code);

#endif
