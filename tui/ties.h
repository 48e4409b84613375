/* ties: what ties clients to a server, by endpoint: the table of grades, and one endpoint with all its signals. */
#ifndef TUI_TIES_H
#define TUI_TIES_H

#include "tui/table.h"

extern const struct table ties_table;

/* One endpoint from line y on; what is outside of the grid's clip is not seen. Returns how many lines it takes. */
unsigned ties_detail(const struct insight_ties *t, struct grid *g, int y);

#endif
