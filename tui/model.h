/* model: what the person chose (screen, order, filter, TTL, row) over the newest moment. Keys change it; views show it.
 */
#ifndef TUI_MODEL_H
#define TUI_MODEL_H

#include "tui/keys.h"
#include "tui/list.h"

enum shown {
    SCREEN_OVERVIEW,
    SCREEN_ENDPOINTS,
    SCREEN_CLIENTS,
    SCREEN_HURTS,
    SCREEN_TIES,
    SCREEN_SERVICES,
    SCREENS,
    TABLES = SCREEN_TIES /* the screens from the second to this one are tables */
};
enum wish { WISH_NONE, WISH_REDRAW, WISH_QUIT };

struct model {
    struct moment *now;      /* owned; NULL until there is one */
    struct insight *insight; /* owned; NULL until there is one */
    bool insight_failed;     /* the newest could not be had */
    int64_t insight_us;      /* the clock when it came */
    enum shown screen;
    bool detail, help, paused, typing; /* typing: keys go into the filter */
    unsigned rung;
    struct list list[TABLES]; /* of each table */
    enum shown detail_of;     /* whose row is in details */
    uint32_t detail_id;
    int scroll;        /* of details and help: lines above the screen */
    bool end;          /* sent to their last line, whichever that is */
    uint32_t page;     /* rows or lines that fit; the view says */
    const char *db;    /* borrowed */
    char trouble[256]; /* why the newest refresh failed; empty: it did not */
    int64_t wall_us;   /* the clock, for the age of live data */
};

/* `db`: its path, for the header. */
void model_init(struct model *m, const char *db);
void model_free(struct model *m);
/* The model owns the moment from now on. */
void model_take(struct model *m, struct moment *now);
/* So is what a study found; NULL: it failed. */
void model_take_insight(struct model *m, struct insight *found, int64_t wall_us);
/* Whether what is on the screen needs one, or there was none yet. */
bool model_wants_insight(const struct model *m);
enum wish model_key(struct model *m, uint32_t code);

enum key_place model_place(const struct model *m);
struct table_view model_view(const struct model *m);
/* Of the screen; NULL where it is no table. */
const struct table *model_table(const struct model *m);
struct list *model_list(struct model *m);
/* The row in details; NULL: it is not there any more. */
const void *model_detail_row(const struct model *m);

#endif
