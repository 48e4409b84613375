#include "analysis/store/bind.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/digits.h"
#include "base/json.h"

enum {
    RUNG_NUMBERS = 2
#define RUNG_COLUMN(place, name, how, what) +1
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
};

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

/* "[1,2],": that many numbers at p, and what follows them. */
static char *put_list(char *p, const uint64_t *v, size_t n)
{
    *p++ = '[';
    for (size_t i = 0; i < n; i++) {
        p += digits_put(p, v[i]);
        *p++ = i + 1 < n ? ',' : ']';
    }
    *p++ = ',';
    return p;
}

/* Room for the text of so many lists of n numbers; its end is where put_list came to. NULL: out of memory. */
static char *begin_lists(struct buf *scratch, size_t lists, size_t n)
{
    scratch->n = 0;
    if (!buf_reserve(scratch, 1 + lists * (n * (DIGITS_MOST + 1) + 2)))
        return NULL;
    *scratch->p = '[';
    return scratch->p + 1;
}

/* end NULL: the statement will fail, for no such column may be NULL. */
static void bind_lists(sqlite3_stmt *q, int i, struct buf *scratch, char *end)
{
    if (!end) {
        sqlite3_bind_null(q, i);
        return;
    }
    end[-1] = ']';
    sqlite3_bind_text64(q, i, scratch->p, (sqlite3_uint64)(end - scratch->p), SQLITE_STATIC, SQLITE_UTF8);
}

void bind_ladder(sqlite3_stmt *q, int i, const struct row_rung *ttl, struct buf *scratch)
{
    char *p = begin_lists(scratch, LADDER_RUNGS, RUNG_NUMBERS);
    for (int r = 0; p && r < LADDER_RUNGS; r++) {
        const uint64_t v[RUNG_NUMBERS] = {
            ttl[r].ttl_s,
            ttl[r].lookups,
#define RUNG_COLUMN(place, name, how, what) ttl[r].name,
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
        };
        p = put_list(p, v, RUNG_NUMBERS);
    }
    bind_lists(q, i, scratch, p);
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

/* Nearest whole number of millionths, halves away from 0; none are negative. What is left beyond the whole one is
 * exact.
 */
static uint64_t millionths(double v)
{
    v *= 1e6;
    if (!(v >= 0 && v < 1e15))
        return v > 0 ? (uint64_t)llround(v) : 0;
    int64_t whole = (int64_t)v;
    return (uint64_t)(whole + (v - (double)whole >= .5));
}

/* Millionths as whole numbers: exact enough, and many times faster to write than fractions. */
void bind_envelope(sqlite3_stmt *q, int i, const double *rate, const double *burst, struct buf *scratch)
{
    char *p = begin_lists(scratch, ENVELOPE_RATES, 2);
    for (int r = 0; p && r < ENVELOPE_RATES; r++)
        p = put_list(p, (const uint64_t[]){millionths(rate[r]), millionths(burst[r])}, 2);
    bind_lists(q, i, scratch, p);
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
    const char *p = (const char *)sqlite3_column_text(q, i);
    for (int r = 0; r < LADDER_RUNGS; r++) {
        uint64_t v[RUNG_NUMBERS] = {0};
        char *end;
        for (int n = 0; p && n < RUNG_NUMBERS && next_number(&p, &end); n++) {
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
