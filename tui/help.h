/* help: the keys, from their table, and what the columns mean, from theirs. */
#ifndef TUI_HELP_H
#define TUI_HELP_H

#include "tui/grid.h"

/* From line y on; returns how many lines it takes. */
unsigned help_draw(struct grid *g, int y);

#endif
