/* hurts: the table of bottlenecks: what costs time that could be saved, and below it what was seen of the chosen one
 * and what to do. */
#ifndef TUI_HURTS_H
#define TUI_HURTS_H

#include "tui/table.h"

extern const struct table hurts_table;

#endif
