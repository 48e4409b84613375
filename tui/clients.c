#include "tui/clients.h"

#include <inttypes.h>
#include <math.h>

#include "tui/chart.h"

#define NUMBER(name, value)                                                                                            \
    static double name(const void *row, const struct table_view *v)                                                    \
    {                                                                                                                  \
        const struct moment_client *c = row;                                                                           \
        (void)v;                                                                                                       \
        return (double)(value);                                                                                        \
    }
NUMBER(requests, c->requests)
NUMBER(rate, v->now->duration_s > 0 ? (double)c->requests / v->now->duration_s : NAN)
NUMBER(peak_1s, c->peak_1s)
NUMBER(peak_10s, c->peak_10s)
NUMBER(peak_60s, c->peak_60s)
NUMBER(burstiness, c->burstiness)
NUMBER(errors, c->errors)
NUMBER(throttled, c->throttled)
NUMBER(bytes, c->bytes)
NUMBER(poller, c->poller_period_s)
#undef NUMBER

static struct slice client(const void *row)
{
    return ((const struct moment_client *)row)->client;
}

static struct slice address(const void *row)
{
    return ((const struct moment_client *)row)->address;
}

static const struct column column[] = {
    {"client", "kind of identity and keyed hash", 12, 24, 0, client, NULL, NULL, NULL, NULL},
    {"address", "the first one; +n: and so many more", 13, 21, 6, address, NULL, NULL, NULL, NULL},
    {"reqs", "requests", 5, 5, 0, NULL, NULL, requests, show_count, NULL},
    {"req/s", "requests per second over the whole audit", 5, 5, 7, NULL, NULL, rate, show_per_second, NULL},
    {"pk1s", "peak: most requests in one second", 4, 5, 1, NULL, NULL, peak_1s, show_count, NULL},
    {"pk10s", "in 10 consecutive seconds", 5, 5, 4, NULL, NULL, peak_10s, show_count, NULL},
    {"pk60s", "in 60", 5, 5, 5, NULL, NULL, peak_60s, show_count, NULL},
    {"burst", "-1: like clockwork, 0: at random, towards 1: in bursts", 5, 5, 3, NULL, NULL, burstiness, show_signed,
     NULL},
    {"errors", "status 5xx, 429, or no answer", 6, 6, 2, NULL, NULL, errors, show_count, tone_trouble},
    {"thrott", "throttled: 429, and 503 with Retry-After", 6, 6, 4, NULL, NULL, throttled, show_count, tone_trouble},
    {"bytes", "of bodies, both ways", 9, 9, 9, NULL, NULL, bytes, show_bytes, NULL},
    {"polls", "period of a client that asks at fixed times", 7, 7, 8, NULL, NULL, poller, show_seconds, NULL},
};

static uint32_t count(const struct moment *m)
{
    return m->clients;
}

static const void *row_of(const struct moment *m, uint32_t i)
{
    return &m->client[i];
}

static uint32_t id_of(const void *row)
{
    return ((const struct moment_client *)row)->id;
}

static struct slice name_of(const void *row)
{
    return ((const struct moment_client *)row)->name;
}

_Static_assert(sizeof column / sizeof *column <= TABLE_COLUMNS, "TABLE_COLUMNS");

const struct table clients_table = {"clients", column, sizeof column / sizeof *column, 2, count, row_of,
                                    id_of,     name_of};

/* ---- details ---- */

static int head(const struct moment_client *c, const struct table_view *v, struct grid *g, int y)
{
    unsigned x = grid_print(g, y, 1, STYLE_BOLD, "%s requests", human_count(c->requests).text);
    grid_print(g, y++, x, STYLE_PLAIN, ", %s, %s", human_rate(c->requests, v->now->duration_s).text,
               human_bytes(c->bytes).text);
    x = grid_print(g, y, 1, c->errors ? STYLE_WARN : STYLE_DIM, "%s errors", human_count(c->errors).text);
    grid_print(g, y++, x, c->throttled ? STYLE_WARN : STYLE_DIM, ", %s throttled", human_count(c->throttled).text);
    x = grid_print(g, y, 1, STYLE_PLAIN, "%" PRIu64 " address%s ", c->n_addresses, c->n_addresses == 1 ? "" : "es");
    grid_put(g, y++, x, g->width > x ? g->width - x : 0, STYLE_DIM, c->addresses);
    return y;
}

static const char *manner(double burstiness)
{
    return isnan(burstiness)    ? "too few requests to tell"
           : burstiness < -0.5  ? "like clockwork"
           : burstiness < -0.15 ? "rather regular"
           : burstiness <= 0.15 ? "like independent arrivals"
           : burstiness <= 0.5  ? "in bursts"
                                : "in strong bursts";
}

static void peak_line(struct grid *g, int y, const char *name, const double value[3])
{
    grid_print(g, y, 1, STYLE_PLAIN, "%s", name);
    for (unsigned i = 0; i < 3; i++)
        grid_right(g, y, 17 + i * 7, 6, isnan(value[i]) ? STYLE_DIM : STYLE_PLAIN, show_count(value[i]).text);
}

static int peaks(const struct moment_client *c, struct grid *g, int y)
{
    static const char *const title[] = {"1 s", "10 s", "60 s"};
    const double aligned[] = {(double)c->peak_1s, (double)c->peak_10s, (double)c->peak_60s};
    const double sliding[] = {(double)c->sliding_1s, (double)c->sliding_10s, NAN};
    grid_fill(g, y, 0, g->width, STYLE_HEAD, ' ');
    grid_print(g, y, 1, STYLE_HEAD, "most within");
    for (unsigned i = 0; i < 3; i++)
        grid_right(g, y, 17 + i * 7, 6, STYLE_HEAD, title[i]);
    peak_line(g, y + 1, "clock seconds", aligned);
    peak_line(g, y + 2, "any window", sliding);
    unsigned x = grid_print(g, y + 3, 1, STYLE_PLAIN, "burstiness %s, %s", show_signed(c->burstiness).text,
                            manner(c->burstiness));
    if (!isnan(c->poller_period_s))
        grid_print(g, y + 3, x, STYLE_PLAIN, "; polls every %s", show_seconds(c->poller_period_s).text);
    return y + 4;
}

static int envelope(const struct moment_client *c, struct grid *g, int y)
{
    double most = 1;
    for (unsigned i = 0; i < ENVELOPE_RATES; i++)
        if (c->envelope_burst[i] > most)
            most = c->envelope_burst[i];
    grid_fill(g, y, 0, g->width, STYLE_HEAD, ' ');
    grid_right(g, y, 1, 8, STYLE_HEAD, "rate/s");
    grid_right(g, y, 9, 9, STYLE_HEAD, "bucket");
    grid_print(g, y++, 19, STYLE_HEAD, "%s",
               g->width < 60 ? "rejects nothing" : "least token bucket that rejects nothing at that rate");
    for (unsigned i = 0; i < ENVELOPE_RATES; i++) {
        double rate = c->envelope_rate[i], burst = c->envelope_burst[i];
        if (!(rate > 0))
            continue;
        grid_print(g, y, 1, STYLE_PLAIN, rate < 9.995 ? "%8.2f" : "%8.0f", rate);
        grid_print(g, y, 9, STYLE_PLAIN, "%9.0f", ceil(burst - 1e-9));
        if (g->width > 21)
            chart_bar(g, y, 19, g->width - 20, burst / most, 0);
        y++;
        if (burst <= 1)
            break; /* no higher rate needs more */
    }
    return y;
}

unsigned clients_detail(const struct moment_client *c, const struct table_view *v, struct grid *g, int y)
{
    int from = y;
    y = head(c, v, g, y);
    y = peaks(c, g, y + (g->height > 16));
    y = envelope(c, g, y + (g->height > 16));
    return (unsigned)(y - from);
}
