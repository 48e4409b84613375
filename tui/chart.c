#include "tui/chart.h"

#include <math.h>

enum { FULL = 0x2588, SHADED = 0x2592, DOT = 0xb7, EIGHTH_UP = 0x2580, EIGHTH_LEFT = 0x2590 };

static double within(double ratio)
{
    return isnan(ratio) || ratio < 0 ? 0 : ratio > 1 ? 1 : ratio;
}

void chart_bar(struct grid *g, int y, unsigned x, unsigned width, double solid, double shaded)
{
    solid = within(solid);
    shaded = within(solid + within(shaded)) - solid;
    unsigned dark = shaded > 0 ? (unsigned)ceil(shaded * width - 0.25) : 0;
    /* Eighths only where nothing follows: a broken block beside a shaded one leaves a slit. */
    unsigned eighths = dark ? 8 * (unsigned)lround(solid * width) : (unsigned)lround(solid * width * 8);
    unsigned full = eighths / 8, part = eighths % 8;
    if (!eighths && solid > 0 && !dark)
        part = 1;
    grid_fill(g, y, x, width, STYLE_DIM, DOT);
    grid_fill(g, y, x, full, STYLE_CHART, FULL);
    if (part)
        grid_fill(g, y, x + full++, 1, STYLE_CHART, EIGHTH_LEFT - part);
    if (full + dark > width)
        full = width > dark ? width - dark : 0;
    grid_fill(g, y, x + full, dark, STYLE_WARN, SHADED);
}

/* In eighths of a row. */
static unsigned height_of(uint64_t value, uint64_t top, unsigned height)
{
    unsigned n = top ? (unsigned)lround((double)value / (double)top * height * 8) : 0;
    return value && !n ? 1 : n > height * 8 ? height * 8 : n;
}

void chart_columns(struct grid *g, int bottom, unsigned x, unsigned each, unsigned height, enum style style,
                   const uint64_t *value, unsigned n, uint64_t top)
{
    for (unsigned i = 0; i < n; i++, x += each) {
        unsigned eighths = height_of(value[i], top, height);
        if (!eighths)
            grid_fill(g, bottom, x, 1, STYLE_DIM, DOT);
        for (int y = bottom; eighths; y--) {
            unsigned here = eighths < 8 ? eighths : 8;
            grid_fill(g, y, x, each, style, EIGHTH_UP + here);
            eighths -= here;
        }
    }
}
