/* sheet: lists of the report as tables of text. Which columns a list has and how they are shown stands in one table;
 * a list of another shape is shown with what its first row holds. Internal to insight. */
#ifndef TUI_SHEET_H
#define TUI_SHEET_H

#include <cjson/cJSON.h>

#include "tui/insight.h"

/* What a row may have to look up. */
struct sheet_names {
    struct slice (*endpoint)(void *context, uint32_t id); /* empty: not known */
    void *context;
};

/* Whether a member of the report (or `capture.flows_opaque`) is shown as a sheet. */
bool sheet_is(const char *member);
/* *out gets its rows; nothing there to show: rows is 0. `cell` belongs to the caller. False: out of memory. */
bool sheet_read(struct insight_sheet *out, const char *member, const cJSON *list, const struct sheet_names *names,
                struct kept *text);
void sheet_free(struct insight_sheet *s);

#endif
