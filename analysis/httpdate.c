#include "analysis/httpdate.h"

struct date {
    int64_t year, month, day, hour, minute, second;
};

/* Days from 1970-01-01 in the proleptic Gregorian calendar; months from 1. Years begin in March, so that the leap day
 * ends one. */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* 1..12, or 0. */
static int64_t month_of(struct slice s)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int64_t m = 0; m < 12; m++)
        if (slice_ieq(s, slice_of(names + 3 * m, 3)))
            return m + 1;
    return 0;
}

static bool number(struct slice s, size_t least, size_t most, int64_t *out)
{
    uint64_t v;
    if (s.n < least || s.n > most || !slice_u64(s, &v))
        return false;
    *out = (int64_t)v;
    return true;
}

static bool time_of_day(struct slice s, struct date *d)
{
    struct slice h, m, sec;
    return slice_next(&s, ':', &h) && slice_next(&s, ':', &m) && slice_next(&s, ':', &sec) && !s.n &&
           number(h, 2, 2, &d->hour) && number(m, 2, 2, &d->minute) && number(sec, 2, 2, &d->second) && d->hour < 24 &&
           d->minute < 60 && d->second < 61;
}

/* "06 Nov 1994" or "06-Nov-94" */
static bool day_month_year(struct slice s, char separator, struct date *d)
{
    struct slice day, month, year;
    if (!slice_next(&s, separator, &day) || !slice_next(&s, separator, &month) || !slice_next(&s, separator, &year) ||
        s.n)
        return false;
    d->month = month_of(month);
    if (!d->month || !number(day, 1, 2, &d->day) || !number(year, 2, 4, &d->year))
        return false;
    if (year.n == 2)
        d->year += d->year < 70 ? 2000 : 1900;
    return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool with_comma(struct slice rest, struct date *d)
{
    rest = slice_trim(rest);
    size_t blank = rest.n;
    while (blank && rest.p[blank - 1] != ' ')
        blank--;
    struct slice front = slice_trim(slice_sub(rest, 0, blank));
    if (!slice_ieq(slice_sub(rest, blank, rest.n), SLICE("GMT")))
        return false;
    blank = front.n;
    while (blank && front.p[blank - 1] != ' ')
        blank--;
    struct slice date = slice_trim(slice_sub(front, 0, blank));
    bool dashes = slice_find(date, '-', 0) < date.n;
    return time_of_day(slice_sub(front, blank, front.n), d) && day_month_year(date, dashes ? '-' : ' ', d);
}

/* "Sun Nov  6 08:49:37 1994" */
static bool ansi(struct slice s, struct date *d)
{
    if (s.n != 24 || s.p[3] != ' ' || s.p[7] != ' ' || s.p[10] != ' ' || s.p[19] != ' ')
        return false;
    d->month = month_of(slice_sub(s, 4, 7));
    return d->month && number(slice_trim(slice_sub(s, 8, 10)), 1, 2, &d->day) && time_of_day(slice_sub(s, 11, 19), d) &&
           number(slice_sub(s, 20, 24), 4, 4, &d->year);
}

bool httpdate_parse(struct slice text, int64_t *seconds)
{
    struct date d = {0};
    text = slice_trim(text);
    size_t comma = slice_find(text, ',', 0);
    if (!(comma < text.n ? with_comma(slice_sub(text, comma + 1, text.n), &d) : ansi(text, &d)))
        return false;
    if (d.day < 1 || d.day > 31)
        return false;
    *seconds = days_from_civil(d.year, d.month, d.day) * 86400 + d.hour * 3600 + d.minute * 60 + d.second;
    return true;
}

bool httpdate_known(struct httpdate_memo *m, struct slice text, int64_t *seconds)
{
    if (text.n <= 8 || text.n > HTTPDATE_TEXT)
        return httpdate_parse(text, seconds);
    unsigned char minute = (unsigned char)text.p[text.n - 8], second = (unsigned char)text.p[text.n - 5];
    struct httpdate_kept *k = &m->kept[(minute * 10u + second) % HTTPDATE_MEMO];
    if (k->n != text.n || memcmp(k->text, text.p, text.n) != 0) {
        k->seconds = 0;
        k->is = httpdate_parse(text, &k->seconds);
        k->n = (uint8_t)text.n;
        memcpy(k->text, text.p, text.n);
    }
    *seconds = k->seconds;
    return k->is;
}
