#include "tui/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/human.h"

bool grid_init(struct grid *g, unsigned width, unsigned height)
{
    free(g->cell);
    *g = (struct grid){.width = width, .height = height, .bottom = (int)height};
    g->cell = calloc((size_t)width * height + 1, sizeof *g->cell);
    if (!g->cell) {
        *g = (struct grid){0};
        return false;
    }
    for (size_t i = 0; i < (size_t)width * height; i++)
        g->cell[i] = (struct cell){.code = ' ', .width = 1};
    return true;
}

void grid_free(struct grid *g)
{
    free(g->cell);
    *g = (struct grid){0};
}

void grid_clip(struct grid *g, int top, int bottom)
{
    g->top = top < 0 ? 0 : top;
    g->bottom = bottom > (int)g->height ? (int)g->height : bottom;
}

static bool inside(const struct grid *g, int y)
{
    return y >= g->top && y < g->bottom;
}

/* The next character of text that human_cell wrote: well-formed for certain. */
static uint32_t next_code(struct slice *s)
{
    unsigned char first = (unsigned char)s->p[0];
    size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t v = n == 1 ? first : first & (0x7fu >> n);
    for (size_t i = 1; i < n && i < s->n; i++)
        v = v << 6 | ((unsigned char)s->p[i] & 0x3f);
    *s = slice_sub(*s, n, s->n);
    return v;
}

/* How many columns a character of human_cell's output takes: asked of human_cell itself, so that there is one opinion.
 */
static unsigned columns_of(struct slice character)
{
    struct buf two = {0};
    if ((unsigned char)character.p[0] < 0x80)
        return 1;
    human_cell(&two, character, 2);
    unsigned columns = two.n == character.n ? 2 : 1; /* no blank was added to fill two columns */
    buf_free(&two);
    return columns;
}

static void place(struct grid *g, int y, unsigned x, enum style style, struct slice text)
{
    struct cell *row = g->cell + (size_t)y * g->width;
    while (text.n && x < g->width) {
        struct slice at = text;
        uint32_t code = next_code(&text);
        at.n -= text.n;
        unsigned width = columns_of(at);
        if (x + width > g->width)
            break;
        row[x++] = (struct cell){.code = code, .style = (uint8_t)style, .width = (uint8_t)width};
        if (width == 2)
            row[x++] = (struct cell){.style = (uint8_t)style};
    }
}

static size_t trailing_blanks(struct slice s)
{
    size_t n = 0;
    while (n < s.n && s.p[s.n - 1 - n] == ' ')
        n++;
    return n;
}

void grid_put(struct grid *g, int y, unsigned x, unsigned width, enum style style, struct slice text)
{
    struct buf cell = {0};
    if (!inside(g, y) || x >= g->width)
        return;
    human_cell(&cell, text, width < g->width - x ? width : g->width - x);
    if (!cell.failed)
        place(g, y, x, style, slice_of(cell.p, cell.n));
    buf_free(&cell);
}

void grid_right(struct grid *g, int y, unsigned x, unsigned width, enum style style, const char *text)
{
    unsigned n = (unsigned)strlen(text);
    if (n > width)
        n = width;
    grid_put(g, y, x, width - n, style, SLICE(""));
    grid_put(g, y, x + width - n, n, style, slice_str(text));
}

unsigned grid_print(struct grid *g, int y, unsigned x, enum style style, const char *format, ...)
{
    char text[512];
    struct buf cell = {0};
    va_list args;
    if (!inside(g, y) || x >= g->width)
        return x;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    unsigned room = g->width - x;
    human_cell(&cell, slice_str(text), room);
    /* What was padded is not part of the text. */
    size_t padded = trailing_blanks(slice_of(cell.p, cell.n)), own = trailing_blanks(slice_str(text));
    padded = padded > own ? padded - own : 0;
    if (!cell.failed)
        place(g, y, x, style, slice_of(cell.p, cell.n - padded));
    buf_free(&cell);
    return x + room - (unsigned)padded;
}

void grid_fill(struct grid *g, int y, unsigned x, unsigned n, enum style style, uint32_t code)
{
    if (!inside(g, y))
        return;
    for (unsigned end = x + n; x < end && x < g->width; x++)
        g->cell[(size_t)y * g->width + x] = (struct cell){.code = code, .style = (uint8_t)style, .width = 1};
}

void grid_select(struct grid *g, int y)
{
    if (inside(g, y))
        for (unsigned x = 0; x < g->width; x++)
            g->cell[(size_t)y * g->width + x].selected = true;
}

void grid_utf8(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_char(out, (char)code);
        return;
    }
    if (code >= 0x10000)
        buf_char(out, (char)(0xf0 | code >> 18));
    if (code >= 0x800)
        buf_char(out, (char)(code >= 0x10000 ? 0x80 | (code >> 12 & 0x3f) : 0xe0 | code >> 12));
    buf_char(out, (char)(code >= 0x800 ? 0x80 | (code >> 6 & 0x3f) : 0xc0 | code >> 6));
    buf_char(out, (char)(0x80 | (code & 0x3f)));
}

void grid_text(const struct grid *g, struct buf *out)
{
    for (unsigned y = 0; y < g->height; y++) {
        size_t begin = out->n;
        for (unsigned x = 0; x < g->width; x++) {
            const struct cell *c = &g->cell[(size_t)y * g->width + x];
            if (c->width)
                grid_utf8(out, c->code);
        }
        if (!out->failed)
            out->n -= trailing_blanks(slice_of(out->p + begin, out->n - begin));
        buf_char(out, '\n');
    }
}
