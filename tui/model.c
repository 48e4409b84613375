#include "tui/model.h"

#include <stdlib.h>

#include "tui/clients.h"
#include "tui/endpoints.h"
#include "tui/hurts.h"
#include "tui/ties.h"

enum { RUNG_60_S = 6 }; /* of the ladder, until a moment says better */

static const struct table *const tables[TABLES] = {&endpoints_table, &clients_table, &hurts_table, &ties_table};

void model_init(struct model *m, const char *db)
{
    *m = (struct model){.db = db, .rung = RUNG_60_S, .page = 1};
    for (int i = 0; i < TABLES; i++)
        list_init(&m->list[i], tables[i]);
}

void model_free(struct model *m)
{
    for (int i = 0; i < TABLES; i++)
        list_free(&m->list[i]);
    moment_free(m->now);
    insight_free(m->insight);
    m->now = NULL;
    m->insight = NULL;
}

struct table_view model_view(const struct model *m)
{
    return (struct table_view){m->now, m->rung};
}

static bool is_table(enum shown screen)
{
    return screen > SCREEN_OVERVIEW && screen <= TABLES;
}

const struct table *model_table(const struct model *m)
{
    return is_table(m->screen) ? tables[m->screen - 1] : NULL;
}

struct list *model_list(struct model *m)
{
    return is_table(m->screen) ? &m->list[m->screen - 1] : NULL;
}

static void refresh(struct model *m)
{
    struct table_view v = model_view(m);
    for (int i = 0; i < TABLES && m->now; i++)
        list_refresh(&m->list[i], tables[i], &v);
}

void model_take(struct model *m, struct moment *now)
{
    moment_free(m->now);
    m->now = now;
    m->now->insight = m->insight;
    refresh(m);
}

void model_take_insight(struct model *m, struct insight *found, int64_t wall_us)
{
    m->insight_failed = !found;
    if (!found)
        return;
    insight_free(m->insight);
    m->insight = found;
    m->insight_us = wall_us;
    if (m->now)
        m->now->insight = found;
    refresh(m);
}

bool model_wants_insight(const struct model *m)
{
    return !m->insight || m->detail || m->screen >= SCREEN_CLIENTS;
}

enum key_place model_place(const struct model *m)
{
    return m->help                                            ? AT_HELP
           : m->detail                                        ? AT_DETAIL
           : m->screen >= SCREEN_HURTS && is_table(m->screen) ? AT_STUDIED
           : is_table(m->screen)                              ? AT_TABLE
           : m->screen == SCREEN_SERVICES                     ? AT_SERVICES
                                                              : AT_OVERVIEW;
}

const void *model_detail_row(const struct model *m)
{
    const struct table *t = m->detail ? tables[m->detail_of - 1] : NULL;
    for (uint32_t i = 0; t && m->now && i < t->count(m->now); i++)
        if (t->id(t->row(m->now, i)) == m->detail_id)
            return t->row(m->now, i);
    return NULL;
}

/* ---- keys ---- */

/* Appends one character to the filter, if it fits. */
static void type(char filter[LIST_FILTER], uint32_t code)
{
    struct buf b = {0};
    size_t n = strlen(filter);
    grid_utf8(&b, code);
    if (!b.failed && n + b.n < LIST_FILTER) {
        memcpy(filter + n, b.p, b.n);
        filter[n + b.n] = 0;
    }
    buf_free(&b);
}

static void erase(char filter[LIST_FILTER])
{
    size_t n = strlen(filter);
    while (n && ((unsigned char)filter[n - 1] & 0xc0) == 0x80)
        n--;
    filter[n ? n - 1 : 0] = 0;
}

static void type_key(struct model *m, uint32_t code)
{
    struct list *l = model_list(m);
    if (code == PRESS_ENTER || code == PRESS_ESCAPE)
        m->typing = false;
    if (code == PRESS_ESCAPE || code == ('u' & 0x1f))
        l->filter[0] = 0;
    else if (code == PRESS_ERASE)
        erase(l->filter);
    else if (code >= ' ' && code < PRESS_UP && code != 0x7f)
        type(l->filter, code);
    list_top(l);
    refresh(m);
}

/* The view stops it at the end. */
static void scroll(struct model *m, int64_t by)
{
    m->end = by == LIST_END || (m->end && by > 0);
    m->scroll = by < -m->scroll ? 0 : by > 100000 ? 100000 : m->scroll + (int)by;
}

static void scroll_top(struct model *m)
{
    m->scroll = 0;
    m->end = false;
}

static void go(struct model *m, int screen)
{
    m->screen = (enum shown)((screen + SCREENS) % SCREENS);
    m->detail = m->help = false;
    scroll_top(m);
}

static void move(struct model *m, int64_t by)
{
    struct table_view v = model_view(m);
    struct list *l = model_list(m);
    if (m->help || m->detail || m->screen == SCREEN_SERVICES)
        scroll(m, by);
    else if (l && m->now)
        list_move(l, model_table(m), &v, by);
}

static uint32_t endpoint_of(const struct moment *m, const struct insight_hurt *h)
{
    uint32_t id = h->endpoint;
    for (uint32_t i = 0; !id && i < m->endpoints; i++)
        if (slice_eq(m->endpoint[i].name, h->place))
            id = m->endpoint[i].id;
    return id;
}

static uint32_t client_of(const struct moment *m, struct slice name)
{
    for (uint32_t i = 0; i < m->clients; i++)
        if (slice_eq(m->client[i].client, name))
            return m->client[i].id;
    return 0;
}

/* A bottleneck is of an endpoint or a client: that opens. What names neither is looked for by its target. */
static bool find_what_it_is_about(struct model *m, const struct insight_hurt *h)
{
    uint32_t endpoint = h->client.n ? 0 : endpoint_of(m->now, h);
    m->detail_of = endpoint ? SCREEN_ENDPOINTS : SCREEN_CLIENTS;
    m->detail_id = endpoint ? endpoint : client_of(m->now, h->client.n ? h->client : h->target);
    return m->detail_id != 0;
}

static void open_row(struct model *m)
{
    const void *row = m->now ? list_chosen(model_list(m), model_table(m), m->now) : NULL;
    if (!row)
        return;
    m->detail_of = m->screen;
    m->detail_id = model_table(m)->id(row);
    if (m->screen == SCREEN_HURTS && !find_what_it_is_about(m, row)) {
        go(m, SCREEN_SERVICES); /* it is of a service, or a server */
        return;
    }
    m->detail = true;
    scroll_top(m);
}

static void back(struct model *m)
{
    if (m->help)
        m->help = false;
    else
        m->detail = false;
    scroll_top(m);
}

static void clear_filter(struct model *m)
{
    if (model_list(m))
        model_list(m)->filter[0] = 0;
    refresh(m);
}

static void sort(struct model *m, int step)
{
    list_sort_by(model_list(m), model_table(m), step);
    list_top(model_list(m));
    refresh(m);
}

static void step_ttl(struct model *m, int step)
{
    m->rung = (m->rung + LADDER_RUNGS + (unsigned)step) % LADDER_RUNGS;
    refresh(m);
}

/* How far a key of movement goes; 0: it is none. */
static int64_t steps(const struct model *m, enum key_action action)
{
    const int64_t page = m->page > 1 ? m->page - 1 : 1;
    switch (action) {
    case DO_DOWN:
        return 1;
    case DO_UP:
        return -1;
    case DO_PAGE_DOWN:
        return page;
    case DO_PAGE_UP:
        return -page;
    case DO_FIRST:
        return -LIST_END;
    case DO_LAST:
        return LIST_END;
    default:
        return 0;
    }
}

/* Keys of tables: there is a list. */
static void act_on_list(struct model *m, enum key_action action)
{
    switch (action) {
    case DO_OPEN:
        open_row(m);
        break;
    case DO_SORT_NEXT:
        sort(m, 1);
        break;
    case DO_SORT_PREVIOUS:
        sort(m, -1);
        break;
    case DO_REVERSE:
        model_list(m)->reverse = !model_list(m)->reverse;
        list_top(model_list(m));
        refresh(m);
        break;
    case DO_FILTER:
        m->typing = true;
        break;
    default:
        break;
    }
}

static void act(struct model *m, enum key_action action)
{
    switch (action) {
    case DO_OVERVIEW:
    case DO_ENDPOINTS:
    case DO_CLIENTS:
    case DO_HURTS:
    case DO_TIES:
    case DO_SERVICES:
        go(m, (int)(action - DO_OVERVIEW));
        break;
    case DO_NEXT_SCREEN:
        go(m, (int)m->screen + 1);
        break;
    case DO_PREVIOUS_SCREEN:
        go(m, (int)m->screen + SCREENS - 1);
        break;
    case DO_BACK:
        back(m);
        break;
    case DO_CLEAR:
        clear_filter(m);
        break;
    case DO_TTL:
        step_ttl(m, 1);
        break;
    case DO_TTL_BACK:
        step_ttl(m, -1);
        break;
    case DO_PAUSE:
        m->paused = !m->paused;
        break;
    case DO_HELP:
        m->help = true;
        scroll_top(m);
        break;
    default:
        act_on_list(m, action);
        break;
    }
}

enum wish model_key(struct model *m, uint32_t code)
{
    if (m->typing) {
        type_key(m, code);
        return WISH_NONE;
    }
    enum key_action action = keys_action(code, model_place(m));
    int64_t by = steps(m, action);
    if (action == DO_QUIT || action == DO_REDRAW)
        return action == DO_QUIT ? WISH_QUIT : WISH_REDRAW;
    if (by)
        move(m, by);
    else
        act(m, action);
    return WISH_NONE;
}
