/* endpoints: the table of endpoints, and one endpoint in full. */
#ifndef TUI_ENDPOINTS_H
#define TUI_ENDPOINTS_H

#include "tui/table.h"

extern const struct table endpoints_table;

/* One endpoint from line y on; what is outside of the grid's clip is not seen. Returns how many lines it takes. */
unsigned endpoints_detail(const struct moment_endpoint *e, const struct table_view *v, struct grid *g, int y);

#endif
