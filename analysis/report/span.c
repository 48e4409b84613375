#include "analysis/report/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/floor.h"

/* Two digits at *p, at most `most`; -1: there are none. */
static int two(const char **p, int most)
{
    if (!ascii_digit((*p)[0]) || !ascii_digit((*p)[1]))
        return -1;
    int v = ((*p)[0] - '0') * 10 + (*p)[1] - '0';
    *p += 2;
    return v <= most ? v : -1;
}

static bool is(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* Z, +hh:mm, -hh:mm, or nothing, which is UTC; seconds east of it. */
static bool zone(const char *p, int64_t *east)
{
    *east = 0;
    if (!*p || !strcmp(p, "Z") || !strcmp(p, "z"))
        return true;
    int sign = *p == '+' ? 1 : *p == '-' ? -1 : 0;
    if (!sign)
        return false;
    p++;
    int hours = two(&p, 23);
    if (hours < 0 || !is(&p, ':'))
        return false;
    int minutes = two(&p, 59);
    *east = sign * (hours * 3600 + minutes * 60);
    return minutes >= 0 && !*p;
}

static bool time_of_day(const char **p, struct tm *t)
{
    if (!is(p, 'T') && !is(p, 't') && !is(p, ' '))
        return false;
    t->tm_hour = two(p, 23);
    if (t->tm_hour < 0 || !is(p, ':') || (t->tm_min = two(p, 59)) < 0)
        return false;
    if (is(p, ':') && (t->tm_sec = two(p, 60)) < 0)
        return false;
    if (is(p, '.'))
        while (ascii_digit(**p))
            (*p)++;
    return true;
}

/* RFC 3339 section 5.6; the time of day may be missing. */
static bool calendar(const char *p, int64_t *s)
{
    struct tm t = {0};
    int64_t east;
    int century = two(&p, 99), year = century < 0 ? -1 : two(&p, 99);
    if (year < 0 || !is(&p, '-') || (t.tm_mon = two(&p, 12) - 1) < 0 || !is(&p, '-') || (t.tm_mday = two(&p, 31)) < 1)
        return false;
    if (*p && !time_of_day(&p, &t))
        return false;
    if (!zone(p, &east))
        return false;
    t.tm_year = century * 100 + year - 1900;
    int day = t.tm_mday;
    *s = (int64_t)timegm(&t) - east;
    return t.tm_mday == day || t.tm_sec == 60; /* 30 February */
}

/* Digits, a fraction that is dropped, and what follows. */
static bool number(const char *p, int64_t *v, const char **end)
{
    if (!ascii_digit(*p))
        return false;
    for (*v = 0; ascii_digit(*p) && *v < INT64_C(100000000000); p++)
        *v = *v * 10 + *p - '0';
    if (*p == '.')
        while (ascii_digit(*++p))
            ;
    *end = p;
    return !ascii_digit(*p);
}

static int64_t unit(const char *name)
{
    static const struct {
        const char *name;
        int64_t s;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(units[i].name, name))
            return units[i].s;
    return 0;
}

bool span_moment(const char *text, struct moment *out)
{
    const char *end;
    int64_t v;
    if (*text == '-' && number(text + 1, &v, &end) && unit(end) && v < INT64_C(10000000000)) {
        *out = (struct moment){MOMENT_FROM_END, v * unit(end)};
        return true;
    }
    out->kind = MOMENT_AT;
    if (number(text, &out->s, &end) && !*end)
        return true;
    return calendar(text, &out->s);
}

static int64_t resolve(struct moment m, int64_t end_s, int64_t missing)
{
    return m.kind == MOMENT_AT ? m.s : m.kind == MOMENT_FROM_END ? end_s - m.s : missing;
}

static struct store_span between(const struct report_span *s, int64_t end_s)
{
    return (struct store_span){resolve(s->from, end_s, INT64_MIN / 4), resolve(s->to, end_s, INT64_MAX / 4)};
}

bool span_reversed(const struct report_span *s, int64_t end_s)
{
    struct store_span asked = between(s, end_s);
    return asked.from_s >= asked.to_s;
}

bool span_choose(const struct report_span *s, struct store_reader *r, char why[256])
{
    struct row_capture c;
    struct store_span got;
    if (!store_read_capture(r, &c) || c.ended_us == INT64_MIN) {
        snprintf(why, 256, "nothing was captured yet, so there is no time to choose from");
        return false;
    }
    int64_t end_s = -floor_div(-c.ended_us, 1000000);
    if (span_reversed(s, end_s)) {
        snprintf(why, 256, "from must be before to");
        return false;
    }
    return store_read_window(r, between(s, end_s), &got, why);
}
