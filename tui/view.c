#include "tui/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "tui/clients.h"
#include "tui/endpoints.h"
#include "tui/help.h"
#include "tui/overview.h"

static const char *const screen_name[SCREENS] = {"Overview", "Endpoints", "Clients"};

/* ---- title bar ---- */

static void date_text(int64_t us, char text[24])
{
    time_t t = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, 24, "%Y-%m-%d %H:%M UTC", &tm);
}

struct state {
    char brief[24], full[64];
};

static void live_state(const struct model *m, struct state *s)
{
    double age = (double)(m->wall_us - m->now->ended_us) / 1e6;
    char text[32] = "no packet yet";
    if (m->now->ended_us != INT64_MIN) {
        if (age < 120)
            snprintf(text, sizeof text, "%.0f s old", age > 0 ? age : 0);
        else
            snprintf(text, sizeof text, "%s old", human_seconds(age).text);
    }
    snprintf(s->brief, sizeof s->brief, "live");
    snprintf(s->full, sizeof s->full, "live, data %s", text);
}

static void state_of(const struct model *m, struct state *s)
{
    const struct moment *now = m->now;
    char date[24] = "";
    if (!now || !now->any) {
        snprintf(s->brief, sizeof s->brief, "empty");
        snprintf(s->full, sizeof s->full, "waiting");
    } else if (now->live && !now->ended) {
        live_state(m, s);
    } else {
        if (now->ended_us != INT64_MIN)
            date_text(now->ended_us, date);
        snprintf(s->brief, sizeof s->brief, now->ended ? "ended" : "open");
        snprintf(s->full, sizeof s->full, "%s %s", now->ended ? "ended" : "unfinished, so far", date);
    }
    if (m->paused) {
        char kept[64];
        snprintf(kept, sizeof kept, "%s", s->full);
        snprintf(s->brief, sizeof s->brief, "pause");
        snprintf(s->full, sizeof s->full, "PAUSED, %.50s", kept);
    }
}

static unsigned tabs(const struct model *m, struct grid *g, unsigned x)
{
    for (int i = 0; i < SCREENS; i++) {
        enum style style = (int)m->screen == i && !m->help ? STYLE_HERE : STYLE_BAR;
        x = grid_print(g, 0, x, style, g->width < 44 ? " %d %s" : " %d %s ", i + 1, screen_name[i]);
    }
    return x;
}

static void title(const struct model *m, struct grid *g)
{
    struct state s;
    unsigned x = 0;
    state_of(m, &s);
    grid_fill(g, 0, 0, g->width, STYLE_BAR, ' ');
    if (g->width >= 70)
        x = grid_print(g, 0, 1, STYLE_BAR, "spanwise  ");
    x = tabs(m, g, x);
    const char *text = x + strlen(s.full) + 2 <= g->width ? s.full : s.brief;
    unsigned n = (unsigned)strlen(text);
    if (x + n + 1 <= g->width)
        grid_print(g, 0, g->width - n - 1, STYLE_BAR, "%s", text);
}

/* ---- the line below ---- */

static void line_of_list(struct model *m, struct grid *g)
{
    const struct table *t = model_table(m);
    const struct list *l = model_list(m);
    const struct column *c = &t->column[l->sort];
    unsigned x = 1;
    uint32_t all = t->count(m->now);
    if (m->typing || l->filter[0]) {
        x = grid_print(g, 1, x, m->typing ? STYLE_KEY : STYLE_BOLD, "/%s%s", l->filter, m->typing ? "▏" : "");
        x = grid_print(g, 1, x, STYLE_PLAIN, "  %" PRIu32 " of ", l->n);
    }
    x = grid_print(g, 1, x, STYLE_PLAIN, "%" PRIu32 " %s", all, t->noun);
    x = grid_print(g, 1, x, STYLE_DIM, " by %s%s", c->title, l->reverse ? ", reversed" : "");
    if (m->screen == SCREEN_ENDPOINTS)
        x = grid_print(g, 1, x, STYLE_DIM, ", TTL %s", show_ttl(m->now->ttl[m->rung].ttl_s).text);
    if (l->n && x + 14 < g->width) {
        char at[32];
        snprintf(at, sizeof at, "%" PRIu32 "/%" PRIu32, l->at + 1, l->n);
        grid_print(g, 1, g->width - (unsigned)strlen(at) - 1, STYLE_DIM, "%s", at);
    }
}

static void line_of_detail(const struct model *m, struct grid *g)
{
    const void *row = model_detail_row(m);
    const struct table *t = model_table(m);
    struct slice name = !row                            ? SLICE("not there any more")
                        : m->screen == SCREEN_ENDPOINTS ? t->name(row)
                                                        : ((const struct moment_client *)row)->client;
    grid_put(g, 1, 1, g->width > 1 ? g->width - 1 : 0, STYLE_BOLD, name);
}

static void line_of_overview(const struct model *m, struct grid *g)
{
    const char *slash = strrchr(m->db, '/');
    unsigned x = 1;
    if (m->now && m->now->started_us != INT64_MIN) {
        char from[24];
        date_text(m->now->started_us, from);
        x = grid_print(g, 1, x, STYLE_PLAIN, "%s", human_seconds(m->now->duration_s).text);
        x = grid_print(g, 1, x, STYLE_DIM, " from %s  ", from);
    }
    grid_print(g, 1, x, STYLE_DIM, "%s", slash ? slash + 1 : m->db);
}

static void line(struct model *m, struct grid *g)
{
    if (m->trouble[0])
        grid_put(g, 1, 1, g->width > 1 ? g->width - 1 : 0, STYLE_BAD, slice_str(m->trouble));
    else if (m->help)
        grid_print(g, 1, 1, STYLE_BOLD, "Help");
    else if (m->detail)
        line_of_detail(m, g);
    else if (m->now && m->screen != SCREEN_OVERVIEW)
        line_of_list(m, g);
    else
        line_of_overview(m, g);
}

/* ---- footer ---- */

static unsigned key_width(const struct key *k)
{
    return (unsigned)(strlen(k->written) + strlen(k->footer)) + 3;
}

/* Which keys fit, by rank; in the order of the table. */
static void choose_keys(enum key_place place, unsigned width, bool shown[KEYS_MOST])
{
    unsigned used = 1;
    for (unsigned rank = 1; rank < 10; rank++)
        for (unsigned i = 0; i < keys_n; i++)
            if (keys[i].rank == rank && keys[i].places & place && used + key_width(&keys[i]) <= width + 2) {
                shown[i] = true;
                used += key_width(&keys[i]);
            }
}

static void footer(const struct model *m, struct grid *g)
{
    bool shown[KEYS_MOST] = {false};
    int y = (int)g->height - 1;
    unsigned x = 1;
    if (m->typing) {
        x = grid_print(g, y, x, STYLE_KEY, "Enter");
        x = grid_print(g, y, x, STYLE_DIM, " keep  ");
        x = grid_print(g, y, x, STYLE_KEY, "Esc");
        grid_print(g, y, x, STYLE_DIM, " clear");
        return;
    }
    choose_keys(model_place(m), g->width, shown);
    for (unsigned i = 0; i < keys_n; i++)
        if (shown[i]) {
            x = grid_print(g, y, x, STYLE_KEY, "%s", keys[i].written);
            x = grid_print(g, y, x, STYLE_DIM, " %s  ", keys[i].footer);
        }
}

/* ---- body ---- */

/* Lines of what is longer than a screen, from y on. */
static unsigned long_lines(const struct model *m, struct grid *g, int y)
{
    struct table_view v = model_view(m);
    const void *row = m->help ? NULL : model_detail_row(m);
    if (m->help)
        return help_draw(g, y);
    if (!row)
        return 0;
    return m->screen == SCREEN_ENDPOINTS ? endpoints_detail(row, &v, g, y) : clients_detail(row, &v, g, y);
}

/* Measured first, so that the scrolling ends where the lines do. */
static void scrolled(struct model *m, struct grid *g, int y, unsigned height)
{
    char where[32];
    grid_clip(g, 0, 0);
    unsigned lines = long_lines(m, g, y), most = lines > height ? lines - height : 0;
    if ((unsigned)m->scroll > most)
        m->scroll = (int)most;
    grid_clip(g, y, y + (int)height);
    long_lines(m, g, y - m->scroll);
    if (!most)
        return;
    snprintf(where, sizeof where, "  %u-%u/%u", (unsigned)m->scroll + 1, (unsigned)m->scroll + height, lines);
    grid_clip(g, 1, 2);
    if (strlen(where) + 12 < g->width)
        grid_print(g, 1, g->width - (unsigned)strlen(where) - 1, STYLE_DIM, "%s ", where);
}

static void table_body(struct model *m, struct grid *g, int y, unsigned height)
{
    struct table_view v = model_view(m);
    struct list *l = model_list(m);
    m->page = height > 1 ? height - 1 : 1;
    list_scroll(l, m->page);
    table_draw(model_table(m), &v, l, g, y, height);
    if (!l->n && height > 1)
        grid_print(g, y + 1, 1, STYLE_DIM, l->filter[0] ? "nothing matches the filter; Esc clears it" : "none yet");
}

static void nothing_yet(const struct model *m, struct grid *g, int y, unsigned height)
{
    char text[400];
    snprintf(text, sizeof text, "Waiting for %.300s: nothing was written into it yet.", m->db);
    overview_wrap(g, y + (int)height / 3, 1, 3, STYLE_PLAIN, slice_str(text));
}

void view_draw(struct model *m, struct grid *g)
{
    const int y = 2;
    unsigned height = g->height > 3 ? g->height - 3 : 0;
    m->page = height ? height : 1;
    title(m, g);
    line(m, g);
    grid_clip(g, y, y + (int)height);
    struct table_view v = model_view(m);
    if (m->help || (m->detail && m->now))
        scrolled(m, g, y, height);
    else if (!m->now || !m->now->any)
        nothing_yet(m, g, y, height);
    else if (m->screen == SCREEN_OVERVIEW)
        overview_draw(&v, g, y, height);
    else
        table_body(m, g, y, height);
    grid_clip(g, 0, (int)g->height);
    if (g->height > 3)
        footer(m, g);
}
