#include "analysis/report/series.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *unit;
} metrics[] = {
#define SERIES(name, unit, help) {#name, unit},
#include "analysis/report/series.def"
#undef SERIES
};

void series_names(char *out, size_t n)
{
    size_t used = 0;
    for (int i = 0; i < SERIES_COUNT && used < n; i++)
        used += (size_t)snprintf(out + used, n - used, "%s%s", i ? ", " : "", metrics[i].name);
}

/* Unix seconds, whole or with a fraction that is cut off. */
static bool seconds(const char *text, int64_t *out)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !isfinite(v) || fabs(v) > 1e11)
        return false;
    *out = (int64_t)floor(v);
    return true;
}

static bool given(const char *text)
{
    return text && *text;
}

static bool parse_metric(struct series *s, const char *metric, char why[512])
{
    for (int i = 0; given(metric) && i < SERIES_COUNT; i++)
        if (!strcmp(metrics[i].name, metric)) {
            s->metric = (enum series_metric)i;
            return true;
        }
    int n = snprintf(why, 512, "metric: %s; allowed: ", given(metric) ? "unknown" : "missing");
    series_names(why + n, 512 - (size_t)n);
    return false;
}

bool series_parse(struct series *s, const char *metric, const char *from, const char *to, const char *step,
                  char why[512])
{
    *s = (struct series){SERIES_requests, INT64_MIN, INT64_MAX, SERIES_STEP};
    if (!parse_metric(s, metric, why))
        return false;
    if ((given(from) && !seconds(from, &s->from_s)) || (given(to) && !seconds(to, &s->to_s))) {
        snprintf(why, 512, "from, to: Unix seconds");
        return false;
    }
    if (given(step) &&
        (!seconds(step, &s->step_s) || s->step_s < SERIES_STEP || s->step_s % SERIES_STEP || s->step_s > 366 * 86400)) {
        snprintf(why, 512, "step: seconds, a multiple of 60, at most a year");
        return false;
    }
    if (s->from_s < s->to_s)
        return true;
    snprintf(why, 512, "from must be before to");
    return false;
}

/* ---- points ---- */

struct sums {
    const struct series *s;
    struct json *j;
    struct row_minute sum; /* minute: the first of the step */
    int64_t next, end;     /* minutes: the step being summed, and where all ends */
};

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : NAN;
}

static double value(const struct series *s, const struct row_minute *m)
{
    switch (s->metric) {
    case SERIES_requests:
        return (double)m->requests;
    case SERIES_rate:
        return (double)m->requests / (double)s->step_s;
    case SERIES_errors:
        return (double)m->errors;
    case SERIES_error_ratio:
        return ratio(m->errors, m->requests);
    case SERIES_eligible:
        return (double)m->eligible;
    case SERIES_repeats:
        return (double)m->repeats;
    case SERIES_repeat_ratio:
        return ratio(m->repeats, m->eligible);
    case SERIES_request_bytes:
        return (double)m->request_bytes;
    case SERIES_response_bytes:
        return (double)m->response_bytes;
    case SERIES_server_seconds:
        return (double)m->server_us / 1e6;
    case SERIES_clients:
        return (double)m->clients;
    case SERIES_COUNT:
        break;
    }
    return NAN;
}

static void point(struct sums *u)
{
    json_open(u->j, '[');
    json_i64(u->j, u->next * 60);
    json_double(u->j, value(u->s, &u->sum));
    json_close(u->j, ']');
    u->sum = (struct row_minute){0};
    u->next += u->s->step_s / 60;
}

/* Silent minutes have no row: their steps are points of 0 (or null for ratios). */
static bool add(void *context, const struct row_minute *m)
{
    struct sums *u = context;
    while (m->minute >= u->next + u->s->step_s / 60)
        point(u);
    struct row_minute *t = &u->sum;
    t->requests += m->requests;
    t->errors += m->errors;
    t->eligible += m->eligible;
    t->repeats += m->repeats;
    t->request_bytes += m->request_bytes;
    t->response_bytes += m->response_bytes;
    t->server_us += m->server_us;
    t->clients = m->clients > t->clients ? m->clients : t->clients;
    return true;
}

static int64_t floor_to(int64_t v, int64_t unit)
{
    return (v >= 0 ? v / unit : -((-v + unit - 1) / unit)) * unit;
}

/* The part of the capture that was asked for, in whole steps. False: nothing of it. */
static bool range(const struct series *s, struct store_reader *r, int64_t *from, int64_t *to)
{
    struct row_capture c;
    if (!store_read_capture(r, &c) || c.started_us == INT64_MIN || c.ended_us == INT64_MIN)
        return false;
    int64_t first = c.started_us / 1000000, last = c.ended_us / 1000000 + 1;
    *from = floor_to(s->from_s > first ? s->from_s : first, s->step_s);
    *to = floor_to((s->to_s < last ? s->to_s : last) + s->step_s - 1, s->step_s);
    return *from < *to;
}

bool series_write(const struct series *s, struct store_reader *r, struct json *j, char why[512])
{
    int64_t from = 0, to = 0;
    bool any = range(s, r, &from, &to);
    if (any && (to - from) / s->step_s > SERIES_POINTS) {
        snprintf(why, 512, "step: that would be %" PRId64 " points; at most %d", (to - from) / s->step_s,
                 SERIES_POINTS);
        return false;
    }
    json_open(j, '{');
    json_key(j, "metric");
    json_str(j, metrics[s->metric].name);
    json_key(j, "unit");
    json_str(j, metrics[s->metric].unit);
    json_key(j, "from");
    any ? json_i64(j, from) : json_null(j);
    json_key(j, "to");
    any ? json_i64(j, to) : json_null(j);
    json_key(j, "step");
    json_i64(j, s->step_s);
    json_key(j, "points");
    json_open(j, '[');
    struct sums u = {s, j, {0}, from / 60, to / 60};
    if (any) {
        store_read_minutes(r, u.next, u.end, add, &u);
        while (u.next < u.end)
            point(&u);
    }
    json_close(j, ']');
    json_close(j, '}');
    return true;
}
