#include "tui/client.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "tui/chart.h"
#include "tui/overview.h"

enum { LABEL = 11, LIMIT_LINE = 0x2502, MARK = 0x25b8, ROOMY = 16 };

static int head(const struct moment_client *c, const struct table_view *v, struct grid *g, int y)
{
    unsigned x = grid_print(g, y, 1, STYLE_BOLD, "%s request%s", human_count(c->requests).text, human_s(c->requests));
    grid_print(g, y++, x, STYLE_PLAIN, ", %s, %s", human_rate(c->requests, v->now->captured_s).text,
               human_bytes(c->bytes).text);
    x = grid_print(g, y, 1, c->errors ? STYLE_WARN : STYLE_DIM, "%s errors", human_count(c->errors).text);
    grid_print(g, y++, x, c->throttled ? STYLE_WARN : STYLE_DIM, ", %s throttled", human_count(c->throttled).text);
    if (c->called.n) {
        x = grid_print(g, y, 1, STYLE_PLAIN, "called ");
        grid_put(g, y++, x, g->width > x ? g->width - x : 0, STYLE_BOLD, c->called);
    }
    const char *what = slice_find(c->addresses, '/', 0) < c->addresses.n ? "network%s " : "address%s ";
    x = grid_print(g, y, 1, STYLE_PLAIN, "%" PRIu64 " ", c->n_addresses);
    x = grid_print(g, y, x, STYLE_PLAIN, what, c->n_addresses == 1 ? "" : *what == 'n' ? "s" : "es");
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

/* ---- behaviour ---- */

static int labelled(struct grid *g, int y, const char *label, enum style style, struct slice text)
{
    unsigned x = g->width >= 60 ? LABEL + 1 : 3;
    grid_put(g, y, 1, LABEL, STYLE_DIM, slice_str(label));
    y += x == 3 && *label;
    return y + (int)overview_wrap(g, y, x, 3, style, text);
}

static int behaviour(const struct insight_client *c, struct grid *g, int y)
{
    struct slice rest = c->says, line;
    const char *label = "behaviour";
    while (slice_next(&rest, '\n', &line))
        if (line.n) {
            y = labelled(g, y, label, STYLE_BOLD, line);
            label = "";
        }
    return y;
}

static void clock_text(int64_t at_s, int64_t step_s, char text[24])
{
    time_t t = (time_t)at_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, 24, step_s >= 3600 ? "%m-%d %H:%M" : step_s >= 60 ? "%H:%M" : "%H:%M:%S", &tm);
}

static int activity(const struct insight_client *c, struct grid *g, int y)
{
    char from[24], to[24];
    uint64_t most = 0;
    unsigned room = g->width > 2 ? g->width - 2 : 1, n = c->slots < room ? c->slots : room, first = c->slots - n;
    if (!n || !c->step_s)
        return y;
    unsigned each = room / n < 4 ? room / n : 4, height = g->height > 30 ? 4 : g->height > ROOMY ? 3 : 2;
    for (unsigned i = 0; i < n; i++)
        most = c->slot[first + i] > most ? c->slot[first + i] : most;
    unsigned x = grid_print(g, y, 1, STYLE_BOLD, "requests in %s", show_ttl((uint32_t)c->step_s).text);
    grid_print(g, y++, x, STYLE_DIM, "  at most %s", human_count(most).text);
    chart_columns(g, y + (int)height - 1, 1, each, height, STYLE_CHART, c->slot + first, n, most);
    y += (int)height;
    clock_text(c->from_s + first * c->step_s, c->step_s, from);
    clock_text(c->from_s + c->slots * c->step_s, c->step_s, to);
    unsigned end = 1 + n * each, wide = (unsigned)strlen(to);
    x = grid_print(g, y, 1, STYLE_DIM, "%s", from);
    if (end > x + wide + 1)
        grid_print(g, y, end - wide, STYLE_DIM, end + 4 < g->width ? "%s UTC" : "%s", to);
    return y + 1;
}

/* ---- the limit ---- */

static bool has_limit(const struct insight_client *c)
{
    return c && c->rate > 0 && c->burst > 0;
}

static int limit(const struct insight_client *c, struct grid *g, int y)
{
    char text[400];
    const char *end = c->turned_away ? "it would be turned away" : "it would not be turned away";
    if (!c->by.n)
        return y;
    if (has_limit(c)) {
        snprintf(text, sizeof text, "%.0f at once and %.4g a second for all told apart by %.*s; it needs %.0f: %s",
                 c->burst, c->rate, (int)c->by.n, c->by.p, ceil(c->needs - 1e-9), end);
        y = labelled(g, y, "limit", c->turned_away ? STYLE_BAD : STYLE_PLAIN, slice_str(text));
    } else {
        snprintf(text, sizeof text, "none is advised for those told apart by %.*s: %.*s", (int)c->by.n, c->by.p,
                 (int)c->not_advised.n, c->not_advised.p);
        y = labelled(g, y, "limit", STYLE_DIM, slice_str(text));
    }
    if (isnan(c->own_rate))
        return y;
    snprintf(text, sizeof text, "%.0f at once and %.4g a second would do for it alone", c->own_burst, c->own_rate);
    return labelled(g, y, "", STYLE_DIM, slice_str(text));
}

/* Buckets as lengths: by their logarithm where they differ much. */
struct scale {
    unsigned x, width;
    double most;
    bool logarithmic;
};

static double length(const struct scale *s, double bucket)
{
    return s->logarithmic ? log1p(bucket) / log1p(s->most) : bucket / s->most;
}

static void bucket_line(const struct scale *s, double rate, double bucket, const struct insight_client *limit,
                        bool here, struct grid *g, int y)
{
    enum style style = here ? STYLE_BOLD : STYLE_PLAIN;
    if (here)
        grid_fill(g, y, 0, 1, STYLE_BOLD, MARK);
    grid_print(g, y, 1, style, rate < 9.995 ? "%8.2f" : "%8.0f", rate);
    grid_print(g, y, 9, style, "%9.0f", ceil(bucket - 1e-9));
    if (!s->width)
        return;
    chart_bar(g, y, s->x, s->width, length(s, bucket), 0);
    if (!has_limit(limit))
        return;
    unsigned at = s->x + (unsigned)lround(length(s, limit->burst) * s->width);
    at = at < s->x + s->width ? at : s->x + s->width - 1;
    grid_fill(g, y, at, 1, STYLE_KEY, LIMIT_LINE);
    if (here && at + 16 < s->x + s->width)
        grid_print(g, y, at + 2, STYLE_BOLD, " limit %.0f ", limit->burst);
}

static int envelope(const struct moment_client *c, const struct insight_client *seen, struct grid *g, int y)
{
    struct scale s = {.x = 19, .width = g->width > 21 ? g->width - 20 : 0, .most = has_limit(seen) ? seen->burst : 1};
    bool drawn = !has_limit(seen);
    for (unsigned i = 0; i < ENVELOPE_RATES; i++)
        s.most = fmax(s.most, c->envelope_burst[i]);
    s.logarithmic = s.most > 100;
    grid_fill(g, y, 0, g->width, STYLE_HEAD, ' ');
    grid_right(g, y, 1, 8, STYLE_HEAD, "rate/s");
    grid_right(g, y, 9, 9, STYLE_HEAD, "bucket");
    grid_print(g, y++, 19, STYLE_HEAD, "%s%s",
               g->width < 60 ? "rejects nothing" : "least token bucket that rejects nothing at that rate",
               s.logarithmic && g->width >= 80 ? " (log)" : "");
    for (unsigned i = 0; i < ENVELOPE_RATES; i++) {
        double rate = c->envelope_rate[i], bucket = c->envelope_burst[i];
        if (!(rate > 0))
            continue;
        if (!drawn && seen->rate <= rate) {
            bucket_line(&s, seen->rate, seen->needs, seen, true, g, y++);
            drawn = true;
        }
        bucket_line(&s, rate, bucket, seen, false, g, y++);
        if (bucket <= 1 && drawn)
            break; /* no higher rate needs more */
    }
    return y;
}

unsigned client_detail(const struct moment_client *c, const struct table_view *v, struct grid *g, int y)
{
    const struct insight_client *seen = insight_client(v->now->insight, c->client);
    int from = y, blank = g->height > ROOMY;
    y = head(c, v, g, y);
    if (seen)
        y = limit(seen, g, behaviour(seen, g, y));
    if (!v->now->insight)
        grid_print(g, y++, 1, STYLE_DIM, "reading the exchange records…");
    if (seen)
        y = activity(seen, g, y + blank);
    y = peaks(c, g, y + blank);
    y = envelope(c, seen, g, y + blank);
    return (unsigned)(y - from);
}
