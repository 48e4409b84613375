/* services: the lists of the report that are about services and what is behind them, one after the other: grades, who
 * calls whom, backends, capacity with its curve, caches, limits, versions, what was not decoded. */
#ifndef TUI_SERVICES_H
#define TUI_SERVICES_H

#include "tui/grid.h"
#include "tui/insight.h"

/* All of it from line y on; what is outside of the grid's clip is not seen. Returns how many lines it takes. */
unsigned services_draw(const struct insight *i, struct grid *g, int y);

#endif
