/* client: one client in full: what it asks over time, how it behaves, what it needs and what the advised limit gives.
 */
#ifndef TUI_CLIENT_H
#define TUI_CLIENT_H

#include "tui/table.h"

/* From line y on; what is outside of the grid's clip is not seen. Returns how many lines it takes. */
unsigned client_detail(const struct moment_client *c, const struct table_view *v, struct grid *g, int y);

#endif
