/* clients: the table of clients. */
#ifndef TUI_CLIENTS_H
#define TUI_CLIENTS_H

#include "tui/table.h"

extern const struct table clients_table;

#endif
