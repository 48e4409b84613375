#include "tui/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "tui/client.h"
#include "tui/clients.h"
#include "tui/endpoints.h"
#include "tui/help.h"
#include "tui/overview.h"
#include "tui/services.h"
#include "tui/ties.h"

#define READING "reading the exchange records…"

enum { RULE = 0x2500 };

static const struct {
    const char *full, *brief;
} screen_name[SCREENS] = {{"Overview", "Overview"},       {"Endpoints", "Endpoints"}, {"Clients", "Clients"},
                          {"Bottlenecks", "Bottlenecks"}, {"Statelessness", "State"}, {"Services", "Services"}};

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
        snprintf(s->brief, sizeof s->brief, "PAUSED");
        snprintf(s->full, sizeof s->full, "PAUSED, %.50s", kept);
    }
}

/* How the screens are named, where there is less and less room. */
enum tabs { TABS_FULL, TABS_BRIEF, TABS_HERE, TABS_NUMBERS };

static unsigned tabs(const struct model *m, enum tabs how, struct grid *g, unsigned x)
{
    for (int i = 0; i < SCREENS; i++) {
        bool here = (int)m->screen == i;
        enum style style = here && !m->help ? STYLE_HERE : STYLE_BAR;
        const char *name = how == TABS_FULL ? screen_name[i].full : screen_name[i].brief;
        if (how >= TABS_HERE && (how == TABS_NUMBERS || !here))
            x = grid_print(g, 0, x, style, " %d", i + 1);
        else
            x = grid_print(g, 0, x, style, " %d %s ", i + 1, name);
    }
    return x;
}

static unsigned tabs_width(const struct model *m, enum tabs how)
{
    unsigned n = 0;
    for (int i = 0; i < SCREENS; i++)
        n += how >= TABS_HERE && (how == TABS_NUMBERS || (int)m->screen != i)
                 ? 2
                 : 4 + (unsigned)strlen(how == TABS_FULL ? screen_name[i].full : screen_name[i].brief);
    return n;
}

/* What goes into the title bar of this width: all of the state only where the screens keep their names. */
struct fit {
    enum tabs how;
    bool named, full; /* our own name, all of the state */
};

static struct fit fit(const struct model *m, const struct state *s, unsigned width)
{
    struct fit f = {TABS_FULL, false, false};
    size_t brief = strlen(s->brief) + 2, full = strlen(s->full) + 2, ours = 11;
    while (f.how < TABS_NUMBERS && tabs_width(m, f.how) + brief > width)
        f.how++;
    unsigned n = tabs_width(m, f.how);
    f.named = n + ours + brief <= width;
    f.full = n + (f.named ? ours : 0) + full <= width;
    return f;
}

static void title(const struct model *m, struct grid *g)
{
    struct state s;
    unsigned x = 0;
    state_of(m, &s);
    struct fit f = fit(m, &s, g->width);
    grid_fill(g, 0, 0, g->width, STYLE_BAR, ' ');
    if (f.named)
        x = grid_print(g, 0, 1, STYLE_BAR, "spanwise  ");
    x = tabs(m, f.how, g, x);
    const char *text = f.full ? s.full : s.brief;
    unsigned n = (unsigned)strlen(text);
    if (x + n + 1 <= g->width)
        grid_print(g, 0, g->width - n - 1, STYLE_BAR, "%s", text);
}

/* ---- the line below ---- */

/* While it is live: how old is what was studied. */
static unsigned age(const struct model *m, struct grid *g, unsigned x)
{
    double s = (double)(m->wall_us - m->insight_us) / 1e6;
    if (!m->insight || !m->now->live || m->now->ended || s < 2)
        return x;
    return grid_print(g, 1, x, STYLE_DIM, ", read %s ago", human_seconds(floor(s)).text);
}

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
    if (m->screen >= SCREEN_HURTS)
        x = age(m, g, x);
    if (m->screen == SCREEN_ENDPOINTS && m->now->ttl[m->rung].ttl_s)
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
    struct slice name = !row                               ? SLICE("not there any more")
                        : m->detail_of == SCREEN_ENDPOINTS ? endpoints_table.name(row)
                        : m->detail_of == SCREEN_TIES      ? ties_table.name(row)
                                                           : ((const struct moment_client *)row)->client;
    grid_put(g, 1, 1, g->width > 1 ? g->width - 1 : 0, STYLE_BOLD, name);
}

static void line_of_services(const struct model *m, struct grid *g)
{
    unsigned x = grid_print(g, 1, 1, STYLE_PLAIN, "%" PRIu64 " service%s", m->now->services, human_s(m->now->services));
    age(m, g, x);
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
    x = grid_print(g, 1, x, STYLE_DIM, "%s", slash ? slash + 1 : m->db);
    struct state s;
    state_of(m, &s);
    unsigned n = (unsigned)strlen(s.full);
    if (!fit(m, &s, g->width).full && x + 2 + n < g->width) /* the title bar had no room for it */
        grid_print(g, 1, g->width - n - 1, STYLE_DIM, "%s", s.full);
}

static void line(struct model *m, struct grid *g)
{
    if (m->trouble[0])
        grid_put(g, 1, 1, g->width > 1 ? g->width - 1 : 0, STYLE_BAD, slice_str(m->trouble));
    else if (m->help)
        grid_print(g, 1, 1, STYLE_BOLD, "Help");
    else if (m->detail)
        line_of_detail(m, g);
    else if (m->now && m->screen == SCREEN_SERVICES)
        line_of_services(m, g);
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
        x = grid_print(g, y, x, STYLE_DIM, " keep") + 2;
        x = grid_print(g, y, x, STYLE_KEY, "Esc");
        grid_print(g, y, x, STYLE_DIM, " clear");
        return;
    }
    choose_keys(model_place(m), g->width, shown);
    for (unsigned i = 0; i < keys_n; i++)
        if (shown[i]) {
            x = grid_print(g, y, x, STYLE_KEY, "%s", keys[i].written);
            x = grid_print(g, y, x, STYLE_DIM, " %s", keys[i].footer) + 2;
        }
}

/* ---- body ---- */

/* Lines of what is longer than a screen, from y on. */
static unsigned long_lines(const struct model *m, struct grid *g, int y)
{
    struct table_view v = model_view(m);
    const void *row = m->help || !m->detail ? NULL : model_detail_row(m);
    if (m->help)
        return help_draw(g, y);
    if (!m->detail)
        return services_draw(m->insight, g, y);
    if (!row)
        return 0;
    return m->detail_of == SCREEN_ENDPOINTS ? endpoints_detail(row, &v, g, y)
           : m->detail_of == SCREEN_TIES    ? ties_detail(row, g, y)
                                            : client_detail(row, &v, g, y);
}

/* Measured first, so that the scrolling ends where the lines do. */
static void scrolled(struct model *m, struct grid *g, int y, unsigned height)
{
    char where[32];
    grid_clip(g, 0, 0);
    unsigned lines = long_lines(m, g, y), most = lines > height ? lines - height : 0;
    if (m->end || (unsigned)m->scroll > most)
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

/* Why there is no row. */
static const char *wanting(const struct model *m)
{
    bool kept = m->insight && m->insight->records, counted = m->now && m->now->exchanges;
    const struct list *l = &m->list[m->screen - 1];
    bool studied = m->screen >= SCREEN_HURTS;
    return l->filter[0]                ? "nothing matches the filter; Esc clears it"
           : studied && !m->insight    ? m->insight_failed ? "the report could not be made; it is tried again" : READING
           : m->screen == SCREEN_HURTS ? "nothing that was seen costs time that could be saved"
           : !studied || kept || !counted   ? "none yet"
           : m->now->live && !m->now->ended ? "no exchange records are written yet"
                                            : "no exchange records are kept (--exchanges none): it cannot be told";
}

enum { BELOW = 6, BELOW_LEAST = 14 }; /* lines about the chosen row; so many there must be for it */

static void table_body(struct model *m, struct grid *g, int y, unsigned height)
{
    struct table_view v = model_view(m);
    struct list *l = model_list(m);
    const struct table *t = model_table(m);
    unsigned below = t->below && height >= BELOW_LEAST ? BELOW : 0, rows = height - below;
    m->page = rows > 1 ? rows - 1 : 1;
    list_scroll(l, m->page);
    table_draw(t, &v, l, g, y, rows);
    if (!l->n && height > 1)
        overview_wrap(g, y + 1, 1, 2, STYLE_DIM, slice_str(wanting(m)));
    const void *row = below ? list_chosen(l, t, m->now) : NULL;
    /* Close below the rows where they are few. */
    if (l->n + 1 < rows)
        y -= (int)(rows - l->n - 1);
    if (row) {
        grid_fill(g, y + (int)rows, 0, g->width, STYLE_DIM, RULE);
        t->below(row, g, y + (int)rows + 1, below - 1);
    }
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
    if (m->help || (m->detail && m->now) || (m->screen == SCREEN_SERVICES && m->now && m->insight))
        scrolled(m, g, y, height);
    else if (!m->now || !m->now->any)
        nothing_yet(m, g, y, height);
    else if (m->screen == SCREEN_SERVICES)
        overview_wrap(g, y, 1, 2, STYLE_DIM,
                      slice_str(m->insight_failed ? "the report could not be made; it is tried again" : READING));
    else if (m->screen == SCREEN_OVERVIEW)
        overview_draw(&v, g, y, height);
    else
        table_body(m, g, y, height);
    grid_clip(g, 0, (int)g->height);
    if (g->height > 3)
        footer(m, g);
}
