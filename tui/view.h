/* view: the whole screen: title bar, a line about what is shown, the body, the keys. */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "tui/model.h"

/* Draws all of g anew (it must be empty), and keeps the model's page and scrolling within what there is. */
void view_draw(struct model *m, struct grid *g);

#endif
