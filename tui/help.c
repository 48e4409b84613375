#include "tui/help.h"

#include "tui/clients.h"
#include "tui/endpoints.h"
#include "tui/hurts.h"
#include "tui/keys.h"
#include "tui/overview.h"
#include "tui/ties.h"

static int columns(const struct table *t, const char *of, struct grid *g, int y)
{
    grid_print(g, y++, 1, STYLE_BOLD, "columns of %s", of);
    for (unsigned i = 0; i < t->columns; i++)
        if (t->column[i].meaning[0]) {
            grid_put(g, y, 2, 9, STYLE_KEY, slice_str(t->column[i].title));
            y += (int)overview_wrap(g, y, 11, 4, STYLE_PLAIN, slice_str(t->column[i].meaning));
        }
    return y;
}

unsigned help_draw(struct grid *g, int y)
{
    int from = y;
    for (unsigned i = 0; i < keys_n; i++)
        if (keys[i].help[0]) {
            grid_put(g, y, 2, 6, STYLE_KEY, slice_str(keys[i].written));
            y += (int)overview_wrap(g, y, 11, 2, STYLE_PLAIN, slice_str(keys[i].help));
        }
    y = columns(&endpoints_table, "endpoints", g, y + 1);
    y = columns(&clients_table, "clients", g, y + 1);
    y = columns(&hurts_table, "bottlenecks", g, y + 1);
    y = columns(&ties_table, "statelessness", g, y + 1);
    return (unsigned)(y - from);
}
