/* clients: the table of clients, and one client in full. */
#ifndef TUI_CLIENTS_H
#define TUI_CLIENTS_H

#include "tui/table.h"

extern const struct table clients_table;

/* One client from line y on; what is outside of the grid's clip is not seen. Returns how many lines it takes. */
unsigned clients_detail(const struct moment_client *c, const struct table_view *v, struct grid *g, int y);

#endif
