#include "analysis/store/bind.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"

void bind_u64(sqlite3_stmt *q, int i, uint64_t v)
{
    sqlite3_bind_int64(q, i, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

void bind_i64(sqlite3_stmt *q, int i, int64_t v)
{
    if (v == INT64_MIN)
        sqlite3_bind_null(q, i);
    else
        sqlite3_bind_int64(q, i, v);
}

void bind_real(sqlite3_stmt *q, int i, double v)
{
    if (isnan(v))
        sqlite3_bind_null(q, i);
    else
        sqlite3_bind_double(q, i, v);
}

void bind_text(sqlite3_stmt *q, int i, struct slice v)
{
    sqlite3_bind_text64(q, i, v.p ? v.p : "", v.n, SQLITE_STATIC, SQLITE_UTF8);
}

void bind_blob(sqlite3_stmt *q, int i, struct slice v)
{
    sqlite3_bind_blob64(q, i, v.p ? v.p : "", v.n, SQLITE_STATIC);
}

void bind_ladder(sqlite3_stmt *q, int i, const struct row_rung *ttl, struct buf *scratch)
{
    struct json j = {scratch, false};
    scratch->n = 0;
    json_open(&j, '[');
    for (int r = 0; r < LADDER_RUNGS; r++) {
        json_open(&j, '[');
        json_u64(&j, ttl[r].ttl_s);
        json_u64(&j, ttl[r].lookups);
#define RUNG_COLUMN(place, name, how, what) json_u64(&j, ttl[r].name);
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
        json_close(&j, ']');
    }
    json_close(&j, ']');
    sqlite3_bind_text64(q, i, scratch->p, scratch->n, SQLITE_STATIC, SQLITE_UTF8);
}

/* {"name":count,...} of those that are not 0; the statement owns the text. */
void bind_counts(sqlite3_stmt *q, int i, const uint64_t *counts, const char *const *names, int n)
{
    struct buf text = {0};
    struct json j = {&text, false};
    json_open(&j, '{');
    for (int c = 0; c < n; c++)
        if (counts[c])
            json_key_u64(&j, names[c], counts[c]);
    json_close(&j, '}');
    sqlite3_bind_text64(q, i, text.p, text.n, free, SQLITE_UTF8);
}

/* Nearest whole number of millionths, halves away from 0. What is left beyond the whole one is exact. */
static int64_t millionths(double v)
{
    v *= 1e6;
    if (!(v >= 0 && v < 1e15))
        return llround(v);
    int64_t whole = (int64_t)v;
    return whole + (v - (double)whole >= .5);
}

/* Millionths as whole numbers: exact enough, and many times faster to write than fractions. */
void bind_envelope(sqlite3_stmt *q, int i, const double *rate, const double *burst, struct buf *scratch)
{
    struct json j = {scratch, false};
    scratch->n = 0;
    json_open(&j, '[');
    for (int r = 0; r < ENVELOPE_RATES; r++) {
        json_open(&j, '[');
        json_i64(&j, millionths(rate[r]));
        json_i64(&j, millionths(burst[r]));
        json_close(&j, ']');
    }
    json_close(&j, ']');
    sqlite3_bind_text64(q, i, scratch->p, scratch->n, SQLITE_STATIC, SQLITE_UTF8);
}

uint64_t column_u64(sqlite3_stmt *q, int i)
{
    int64_t v = sqlite3_column_int64(q, i);
    return v < 0 ? 0 : (uint64_t)v;
}

int64_t column_i64(sqlite3_stmt *q, int i)
{
    return sqlite3_column_type(q, i) == SQLITE_NULL ? INT64_MIN : sqlite3_column_int64(q, i);
}

double column_real(sqlite3_stmt *q, int i)
{
    return sqlite3_column_type(q, i) == SQLITE_NULL ? NAN : sqlite3_column_double(q, i);
}

struct slice column_text(sqlite3_stmt *q, int i)
{
    const char *p = (const char *)sqlite3_column_text(q, i);
    return p ? slice_of(p, (size_t)sqlite3_column_bytes(q, i)) : (struct slice){"", 0};
}

struct slice column_blob(sqlite3_stmt *q, int i)
{
    const void *p = sqlite3_column_blob(q, i);
    return p ? slice_of(p, (size_t)sqlite3_column_bytes(q, i)) : (struct slice){"", 0};
}

/* The next number of our own JSON lists; false at the end. */
static bool next_number(const char **p, char **end)
{
    while (**p && !ascii_digit(**p) && **p != '-')
        (*p)++;
    *end = (char *)(uintptr_t)*p;
    return **p != 0;
}

void column_ladder(sqlite3_stmt *q, int i, struct row_rung *ttl)
{
    enum {
        PLACES = 2
#define RUNG_COLUMN(place, name, how, what) +1
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
    };
    const char *p = (const char *)sqlite3_column_text(q, i);
    for (int r = 0; r < LADDER_RUNGS; r++) {
        uint64_t v[PLACES] = {0};
        char *end;
        for (int n = 0; p && n < PLACES && next_number(&p, &end); n++) {
            v[n] = strtoull(p, &end, 10);
            p = end;
        }
        ttl[r] = (struct row_rung){.ttl_s = (uint32_t)v[0], .lookups = v[1]};
#define RUNG_COLUMN(place, name, how, what) ttl[r].name = v[place];
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
    }
}

static void take_count(uint64_t *counts, const char *const *names, int n, struct slice name, uint64_t v)
{
    for (int c = 0; c < n; c++)
        if (slice_eq(name, slice_str(names[c])))
            counts[c] = v;
}

/* Of our own writing: names hold no quotes. Names that are not known are left out. */
void column_counts(sqlite3_stmt *q, int i, uint64_t *counts, const char *const *names, int n)
{
    struct slice text = column_text(q, i);
    size_t at = 0;
    memset(counts, 0, (size_t)n * sizeof *counts);
    for (;;) {
        size_t open = slice_find(text, '"', at), close = slice_find(text, '"', open + 1);
        if (close + 1 >= text.n)
            return;
        take_count(counts, names, n, slice_sub(text, open + 1, close), strtoull(text.p + close + 2, NULL, 10));
        at = close + 1;
    }
}

void column_envelope(sqlite3_stmt *q, int i, double *rate, double *burst)
{
    const char *p = (const char *)sqlite3_column_text(q, i);
    for (int r = 0; r < 2 * ENVELOPE_RATES; r++) {
        char *end;
        double v = 0;
        if (p && next_number(&p, &end)) {
            v = (double)strtoll(p, &end, 10) / 1e6;
            p = end;
        }
        *(r % 2 ? &burst[r / 2] : &rate[r / 2]) = v;
    }
}
