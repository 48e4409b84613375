#include "base/json.h"

#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

/* Room for a comma and n octets more; the comma is written where one is due. NULL: out of memory. */
static inline char *begin(struct json *j, size_t n)
{
    struct buf *b = j->out;
    bool comma = j->comma;
    j->comma = true;
    if ((b->failed || b->cap - b->n <= n) && !buf_reserve(b, n + 1))
        return NULL;
    b->p[b->n] = ',';
    b->n += comma;
    return b->p + b->n;
}

static void before(struct json *j)
{
    begin(j, 0);
}

void json_open(struct json *j, char bracket)
{
    char *p = begin(j, 1);
    j->comma = false;
    if (!p)
        return;
    *p = bracket;
    j->out->n++;
}

void json_close(struct json *j, char bracket)
{
    buf_char(j->out, bracket);
    j->comma = true;
}

static void quoted(struct buf *b, struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0, clean = 0;
    buf_char(b, '"');
    while (i < s.n) {
        size_t n = utf8_length(p + i, s.n - i);
        if (n && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7f) {
            i += n;
            continue;
        }
        buf_add(b, s.p + clean, i - clean);
        if (!n)
            buf_str(b, "\\ufffd");
        else if (p[i] == '"' || p[i] == '\\')
            buf_printf(b, "\\%c", p[i]);
        else
            buf_printf(b, "\\u%04x", p[i]);
        clean = ++i;
    }
    buf_add(b, s.p + clean, s.n - clean);
    buf_char(b, '"');
}

void json_key_slice(struct json *j, struct slice name)
{
    before(j);
    quoted(j->out, name);
    buf_char(j->out, ':');
    j->comma = false;
}

void json_key(struct json *j, const char *name)
{
    json_key_slice(j, slice_str(name));
}

void json_slice(struct json *j, struct slice s)
{
    if (!s.p) {
        json_null(j);
        return;
    }
    before(j);
    quoted(j->out, s);
}

void json_str(struct json *j, const char *s)
{
    json_slice(j, slice_str(s));
}

enum { DIGITS = 24, EIGHT = 100000000 }; /* a number has 20 at most; eight are written at once */

/* The eight digits of a number below EIGHT, a byte each, the first one lowest: halves, quarters, digits, all side by
 * side. */
static inline uint64_t eight(uint32_t v)
{
    uint64_t all = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t above = (all * 10486 >> 20) & 0x0000007f0000007f;
    all = above | (all - above * 100) << 16;
    above = (all * 103 >> 10) & 0x000f000f000f000f;
    return above | (all - above * 10) << 8;
}

static inline void put_eight(char *p, uint64_t all)
{
    all = htole64(all | 0x3030303030303030);
    memcpy(p, &all, sizeof all);
}

/* Those that are not zeros in front. Returns how many. */
static inline size_t first_digits(char *p, uint32_t v)
{
    uint64_t all = eight(v);
    unsigned zeros = v ? (unsigned)__builtin_ctzll(all) / 8 : 7;
    put_eight(p, all >> zeros * 8);
    return 8 - zeros;
}

/* A number of which the sign is written, at p, where there is room for DIGITS. Returns how many octets it takes. */
static size_t digits(char *p, uint64_t v)
{
    if (v < EIGHT)
        return first_digits(p, (uint32_t)v);
    uint64_t above = v / EIGHT;
    size_t n = above < EIGHT ? first_digits(p, (uint32_t)above) : digits(p, above);
    put_eight(p + n, eight((uint32_t)(v % EIGHT)));
    return n + 8;
}

void json_u64(struct json *j, uint64_t v)
{
    char *p = begin(j, DIGITS);
    if (p)
        j->out->n += digits(p, v);
}

void json_i64(struct json *j, int64_t v)
{
    char *p = begin(j, DIGITS + 1);
    if (!p)
        return;
    *p = '-';
    j->out->n += v < 0;
    j->out->n += digits(p + (v < 0), v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void json_double(struct json *j, double v)
{
    char text[40];
    if (!isfinite(v)) {
        json_null(j);
        return;
    }
    if (v == floor(v) && fabs(v) < 1e15) {
        json_i64(j, (int64_t)v);
        return;
    }
    for (int precision = 15; precision <= 17;
         precision++) { /* 15 drop their trailing zeros, so they are the shortest when they suffice */
        snprintf(text, sizeof text, "%.*g", precision, v);
        if (precision == 17 || strtod(text, NULL) == v)
            break;
    }
    before(j);
    buf_str(j->out, text);
}

void json_micros(struct json *j, int64_t us)
{
    uint64_t v = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    before(j);
    buf_printf(j->out, "%s%" PRIu64 ".%06" PRIu64, us < 0 ? "-" : "", v / 1000000, v % 1000000);
}

void json_bool(struct json *j, bool v)
{
    before(j);
    buf_str(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
    before(j);
    buf_str(j->out, "null");
}

void json_raw(struct json *j, struct slice s)
{
    before(j);
    buf_slice(j->out, s);
}

void json_key_u64(struct json *j, const char *key, uint64_t v)
{
    json_key(j, key);
    json_u64(j, v);
}

void json_key_double(struct json *j, const char *key, double v)
{
    json_key(j, key);
    json_double(j, v);
}

void json_key_text(struct json *j, const char *key, struct slice v)
{
    json_key(j, key);
    json_slice(j, v);
}

void json_key_micros(struct json *j, const char *key, int64_t us)
{
    json_key(j, key);
    if (us == INT64_MIN)
        json_null(j);
    else
        json_micros(j, us);
}
