#include "analysis/demand.h"

#include <stdlib.h>

#include "base/floor.h"

enum { MINUTE_US = 60000000, HOUR = 60 };

struct reading {
    struct demand *d;
    int64_t from, to;   /* minutes */
    int64_t hour, seen; /* the hour being read; its minutes with a row */
    bool any;
};

const char *demand_day(int day)
{
    static const char *const names[DEMAND_DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    return names[day];
}

/* The first of January 1970 was a Thursday. */
static struct demand_cell *cell_of(struct demand *d, int64_t hour)
{
    int64_t day = floor_div(hour, DEMAND_HOURS), week = floor_div(day + 3, DEMAND_DAYS);
    return &d->cell[day + 3 - week * DEMAND_DAYS][hour - day * DEMAND_HOURS];
}

static void count(struct hist_dense *h, uint64_t v, uint64_t n)
{
    h->min = !h->n || v < h->min ? v : h->min;
    h->max = !h->n || v > h->max ? v : h->max;
    h->n += n;
    h->sum += v * n;
    h->count[hist_index(v)] += n;
}

/* The minutes of the hour that had no row. */
static void close_hour(struct reading *g)
{
    int64_t from = g->hour * HOUR, to = from + HOUR;
    from = from < g->from ? g->from : from;
    to = to > g->to ? g->to : to;
    if (g->any && to - from > g->seen)
        count(&cell_of(g->d, g->hour)->requests, 0, (uint64_t)(to - from - g->seen));
}

static bool add(void *context, const struct row_minute *m)
{
    struct reading *g = context;
    int64_t hour = floor_div(m->minute, HOUR);
    if (!g->any || hour != g->hour) {
        close_hour(g);
        g->d->hours++;
        g->hour = hour;
        g->seen = 0;
        g->any = true;
    }
    struct demand_cell *c = cell_of(g->d, hour);
    g->seen++;
    count(&c->requests, m->requests, 1);
    c->errors += m->errors;
    c->response_bytes += m->response_bytes;
    c->server_us += m->server_us;
    return true;
}

struct demand *demand_new(struct store_reader *r, int64_t from_us, int64_t to_us)
{
    struct demand *d = calloc(1, sizeof *d);
    struct reading g = {.d = d, .from = floor_div(from_us, MINUTE_US), .to = floor_div(to_us - 1, MINUTE_US) + 1};
    if (!d || to_us <= from_us)
        return d;
    store_read_minutes(r, g.from, g.to, add, &g);
    close_hour(&g);
    uint64_t hours = (uint64_t)(floor_div(g.to - 1, HOUR) - floor_div(g.from, HOUR) + 1);
    d->silent_hours = hours - d->hours;
    return d;
}

void demand_free(struct demand *d)
{
    free(d);
}

void demand_sum(const struct demand *d, int day, int hour, struct demand_cell *out)
{
    *out = (struct demand_cell){0};
    for (int i = 0; i < DEMAND_DAYS; i++)
        for (int k = 0; k < DEMAND_HOURS; k++) {
            const struct demand_cell *c = &d->cell[i][k];
            if ((day != DEMAND_ALL && day != i) || (hour != DEMAND_ALL && hour != k) || !c->requests.n)
                continue;
            hist_dense_merge(&out->requests, &c->requests);
            out->errors += c->errors;
            out->response_bytes += c->response_bytes;
            out->server_us += c->server_us;
        }
}
