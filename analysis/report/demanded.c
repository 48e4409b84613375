#include "analysis/report/demanded.h"

#include <math.h>

#include "analysis/demand.h"
#include "base/human.h"

static const char head_says[] = "requests a minute by hour of the day (UTC), each weekday beside its own busiest hour; "
                                "p95: nineteen of twenty of that "
                                "hour's\n  minutes had no more";

/* What the capture covered; in a window what it covered of that. Its ends are those of packets: the last is inside. */
static struct demand *read_all(struct store_reader *r, const struct facts *f)
{
    int64_t from = f->capture.started_us, to = f->capture.ended_us;
    if (!f->any || from == INT64_MIN || to == INT64_MIN)
        return NULL;
    to++;
    if (f->windowed && to > f->window.to_s * 1000000)
        to = f->window.to_s * 1000000;
    return demand_new(r, from, to);
}

/* The middle of a bucket may lie beyond all that is in it. */
static double quantile(const struct hist_dense *h, double q)
{
    return h->n ? fmin(fmax(hist_quantile(h, q), (double)h->min), (double)h->max) : NAN;
}

/* ---- JSON ---- */

static void counts(struct json *j, const struct demand_cell *c)
{
    const struct hist_dense *h = &c->requests;
    json_key_u64(j, "minutes", h->n);
    json_key_u64(j, "requests", h->sum);
    json_key_u64(j, "errors", c->errors);
    json_key_u64(j, "response_bytes", c->response_bytes);
    json_key_micros(j, "server_seconds", (int64_t)c->server_us);
    json_key(j, "per_minute");
    json_open(j, '{');
    json_key_double(j, "p50", quantile(h, .5));
    json_key_double(j, "p95", quantile(h, .95));
    json_key_double(j, "p99", quantile(h, .99));
    json_key_double(j, "max", h->n ? (double)h->max : NAN);
    json_close(j, '}');
}

static void row(struct json *j, const struct demand *d, int day, int hour)
{
    struct demand_cell c;
    demand_sum(d, day, hour, &c);
    if (!c.requests.n)
        return;
    json_open(j, '{');
    if (day != DEMAND_ALL) {
        json_key(j, "weekday");
        json_str(j, demand_day(day));
    }
    if (hour != DEMAND_ALL)
        json_key_u64(j, "hour", (uint64_t)hour);
    counts(j, &c);
    json_close(j, '}');
}

static void rows(struct json *j, const char *name, const struct demand *d, int days, int hours)
{
    json_key(j, name);
    if (!d) {
        json_null(j);
        return;
    }
    json_open(j, '[');
    for (int day = 0; day < (days ? days : 1); day++)
        for (int hour = 0; hour < (hours ? hours : 1); hour++)
            row(j, d, days ? day : DEMAND_ALL, hours ? hour : DEMAND_ALL);
    json_close(j, ']');
}

void demanded_json(struct json *j, struct store_reader *r, const struct facts *f)
{
    struct demand *d = read_all(r, f);
    struct demand_cell all;
    json_key(j, "demand");
    if (d) {
        demand_sum(d, DEMAND_ALL, DEMAND_ALL, &all);
        json_open(j, '{');
        json_key_u64(j, "hours", d->hours);
        json_key_u64(j, "silent_hours", d->silent_hours);
        counts(j, &all);
        json_close(j, '}');
    } else {
        json_null(j);
    }
    rows(j, "demand_by_hour", d, 0, DEMAND_HOURS);
    rows(j, "demand_by_weekday", d, DEMAND_DAYS, 0);
    rows(j, "demand_by_hour_of_week", d, DEMAND_DAYS, DEMAND_HOURS);
    demand_free(d);
}

/* ---- for people ---- */

/* Bars of the hours' p95, and the busiest hour. Returns that; -1: none was watched. */
static int bars(const struct demand *d, int day, struct buf *out)
{
    static const char *const bar[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double p95[DEMAND_HOURS], most = 0;
    int busiest = -1;
    for (int h = 0; h < DEMAND_HOURS; h++) {
        p95[h] = quantile(&d->cell[day][h].requests, .95);
        if (busiest < 0 ? !isnan(p95[h]) : p95[h] > most) {
            busiest = h;
            most = p95[h];
        }
    }
    for (int h = 0; busiest >= 0 && h < DEMAND_HOURS; h++)
        buf_str(out, isnan(p95[h]) ? "·" : bar[most > 0 ? (int)(p95[h] / most * 7) : 0]);
    return busiest;
}

static void says(const struct demand *d, int day, int hour, const char *before, struct buf *out)
{
    struct demand_cell all;
    const struct hist_dense *h = &d->cell[day][hour].requests;
    demand_sum(d, day, DEMAND_ALL, &all);
    buf_printf(out, "%s%02d:00 with p95 %s a minute, at most %s; %s requests that weekday", before, hour,
               human_count((uint64_t)quantile(h, .95)).text, human_count(h->max).text,
               human_count(all.requests.sum).text);
}

void demanded_text(struct store_reader *r, const struct facts *f, struct buf *out)
{
    struct demand *d = read_all(r, f);
    if (d && d->hours >= 2) {
        buf_printf(out, "\nWHEN IT IS ASKED FOR\n  %s\n       0     6     12    18\n", head_says);
        for (int day = 0; day < DEMAND_DAYS; day++) {
            struct buf line = {0};
            int busiest = bars(d, day, &line);
            if (busiest >= 0) {
                buf_printf(out, "  %s  %.*s  ", demand_day(day), (int)line.n, line.p);
                says(d, day, busiest, "", out);
                buf_char(out, '\n');
            }
            buf_free(&line);
        }
        if (d->silent_hours)
            buf_printf(out, "  %s hours without any request are left out: the capture may have paused\n",
                       human_count(d->silent_hours).text);
    }
    demand_free(d);
}

void demanded_markdown(struct store_reader *r, const struct facts *f, struct buf *out)
{
    struct demand *d = read_all(r, f);
    if (d && d->hours >= 2) {
        buf_str(out, "\n## When it is asked for\n\nRequests a minute; hours are UTC.\n\n");
        for (int day = 0; day < DEMAND_DAYS; day++) {
            struct buf line = {0};
            int busiest = bars(d, day, &line);
            if (busiest >= 0) {
                buf_printf(out, "- %s: %.*s ", demand_day(day), (int)line.n, line.p);
                says(d, day, busiest, "busiest at ", out);
                buf_char(out, '\n');
            }
            buf_free(&line);
        }
    }
    demand_free(d);
}
