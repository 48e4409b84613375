/* overview: can it be trusted, how much traffic, what a cache could do, who and what asks most. */
#ifndef TUI_OVERVIEW_H
#define TUI_OVERVIEW_H

#include "tui/table.h"

/* In rows y to y + height - 1; what does not fit is left out, the least important first. */
void overview_draw(const struct table_view *v, struct grid *g, int y, unsigned height);

/* Text broken at blanks into at most `lines` lines from x; the last one is cut. Returns how many it took. */
unsigned overview_wrap(struct grid *g, int y, unsigned x, unsigned lines, enum style style, struct slice text);

#endif
