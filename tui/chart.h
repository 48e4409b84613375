/* chart: bars out of block characters. */
#ifndef TUI_CHART_H
#define TUI_CHART_H

#include "tui/grid.h"

/* A bar of `width` columns, full at 1, from the left: `solid` of it full, then `shaded` of it shaded, the rest dotted.
 * NaN is 0. */
void chart_bar(struct grid *g, int y, unsigned x, unsigned width, double solid, double shaded);
/* n upright bars, each `each` columns wide and at most `height` rows high above row `bottom` (inclusive), full at
 * `top`. Nothing above 0 is invisible; 0 is a dot. */
void chart_columns(struct grid *g, int bottom, unsigned x, unsigned each, unsigned height, enum style style,
                   const uint64_t *value, unsigned n, uint64_t top);

#endif
