#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digits.h"
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
    for (;;) {
        while (i < s.n && p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
            i++;
        if (i >= s.n)
            break;
        size_t n = utf8_length(p + i, s.n - i);
        if (n > 1 && (p[i] != 0xc2 || p[i + 1] >= 0xa0)) {
            i += n;
            continue;
        }
        buf_add(b, s.p + clean, i - clean);
        if (!n)
            buf_str(b, "\\ufffd");
        else if (p[i] == '"' || p[i] == '\\')
            buf_printf(b, "\\%c", p[i]);
        else
            buf_printf(b, "\\u%04x", p[i + n - 1]);
        i += n ? n : 1;
        clean = i;
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

static void number(struct json *j, uint64_t v, bool minus)
{
    char *p = begin(j, 1 + DIGITS_MOST);
    if (!p)
        return;
    *p = '-';
    j->out->n += minus + digits_put(p + minus, v);
}

void json_u64(struct json *j, uint64_t v)
{
    number(j, v, false);
}

void json_i64(struct json *j, int64_t v)
{
    number(j, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
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
