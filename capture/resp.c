#include "capture/resp.h"

enum { NUMBER_MAX = 21, TEXT_MAX = 1 << 16 };
#define BULK_MAX (INT64_C(1) << 30)     /* Redis takes 512 MB */
#define ELEMENTS_MAX (INT64_C(1) << 26) /* and 2^20 of a request, more of an answer */

bool resp_number(struct slice s, int64_t *out)
{
    bool minus = s.n && s.p[0] == '-';
    size_t i = s.n && (minus || s.p[0] == '+');
    uint64_t v = 0;
    if (i == s.n || s.n - i > 18)
        return false;
    for (; i < s.n; i++) {
        if (!ascii_digit(s.p[i]))
            return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

/* What the line that follows a type may be. */
static uint32_t line_most(char type)
{
    switch (type) {
    case '+':
    case '-':
    case '(':
    case ',':
        return TEXT_MAX;
    case ':':
    case '$':
    case '*':
    case '_':
    case '#':
    case '!':
    case '=':
    case '~':
    case '%':
    case '>':
    case '|':
        return NUMBER_MAX + 1;
    default:
        return 0;
    }
}

static bool is_aside(const struct resp *r)
{
    for (unsigned i = 0; i < r->depth; i++)
        if (r->aside[i])
            return true;
    return false;
}

/* An element is whole, and with it perhaps what it is the last of. */
static bool ends_message(struct resp *r)
{
    while (r->depth) {
        if (--r->want[r->depth - 1])
            return false;
        if (r->aside[--r->depth])
            return false;
    }
    return true;
}

static enum resp_got leaf(struct resp *r, struct resp_item *out)
{
    out->aside = is_aside(r);
    r->state = RESP_TYPE;
    out->last = ends_message(r);
    return RESP_ITEM;
}

static enum resp_got open_level(struct resp *r, struct resp_item *out)
{
    bool attribute = r->type == '|';
    if (out->n < 0 || out->n > ELEMENTS_MAX)
        return RESP_BAD;
    out->n *= r->type == '%' || attribute ? 2 : 1;
    out->open = true;
    if (!out->n) {
        out->aside = attribute || is_aside(r);
        r->state = RESP_TYPE;
        out->last = !attribute && ends_message(r);
        return RESP_ITEM;
    }
    if (r->depth == RESP_DEPTH)
        return RESP_BAD;
    r->want[r->depth] = (uint64_t)out->n;
    r->aside[r->depth++] = attribute;
    out->aside = is_aside(r);
    r->state = RESP_TYPE;
    return RESP_ITEM;
}

/* The line behind a type is whole; r->line_n counts it without its end. */
static enum resp_got line(struct resp *r, struct resp_item *out)
{
    uint32_t n = r->line_n < RESP_LINE ? r->line_n : RESP_LINE;
    *out = (struct resp_item){.type = r->type, .depth = r->depth, .text = slice_of(r->line, n)};
    switch (r->type) {
    case '+':
    case '-':
    case '(':
    case ',':
    case '#':
        return leaf(r, out);
    case '_':
        out->nil = true;
        return n ? RESP_BAD : leaf(r, out);
    case ':':
        return resp_number(out->text, &out->n) || n >= 18 ? leaf(r, out) : RESP_BAD;
    default:
        break;
    }
    if (!resp_number(out->text, &out->n))
        return RESP_BAD;
    if (out->n == -1 && (r->type == '$' || r->type == '*')) {
        out->nil = true;
        return leaf(r, out);
    }
    if (r->type != '$' && r->type != '!' && r->type != '=')
        return open_level(r, out);
    if (out->n < 0 || out->n > BULK_MAX)
        return RESP_BAD;
    r->state = RESP_IN_BULK;
    r->size = (uint64_t)out->n;
    r->left = r->size + 2;
    r->kept_n = 0;
    return RESP_MORE;
}

static enum resp_got read_line(struct resp *r, const char **p, size_t *n, struct resp_item *out)
{
    const char *end = memchr(*p, '\n', *n);
    size_t take = end ? (size_t)(end - *p) + 1 : *n;
    for (size_t i = 0; i < take && r->line_n + i < RESP_LINE; i++)
        r->line[r->line_n + i] = (*p)[i];
    bool ends =
        end && (take > 1 ? end[-1] == '\r' : r->line_n && r->line_n <= RESP_LINE && r->line[r->line_n - 1] == '\r');
    if (end && take == 1 && r->line_n > RESP_LINE)
        ends = true; /* its last octet is not kept */
    r->line_n += (uint32_t)take;
    *p += take;
    *n -= take;
    if (r->line_n > line_most(r->type) + 2 || (end && !ends))
        return RESP_BAD;
    if (!end)
        return RESP_MORE;
    r->line_n -= 2;
    return line(r, out);
}

static enum resp_got read_bulk(struct resp *r, const char **p, size_t *n, struct resp_item *out)
{
    while (*n && r->left > 2) {
        uint64_t body = r->left - 2;
        size_t take = body < *n ? (size_t)body : *n;
        uint32_t most = r->keep < RESP_KEPT ? r->keep : RESP_KEPT, room = r->kept_n < most ? most - r->kept_n : 0;
        uint32_t kept = take < room ? (uint32_t)take : room;
        memcpy(r->kept + r->kept_n, *p, kept);
        r->kept_n += kept;
        r->left -= take;
        *p += take;
        *n -= take;
    }
    for (; *n && r->left; (*p)++, (*n)--, r->left--)
        if (**p != (r->left == 2 ? '\r' : '\n'))
            return RESP_BAD;
    if (r->left)
        return RESP_MORE;
    *out = (struct resp_item){
        .type = r->type, .depth = r->depth, .n = (int64_t)r->size, .text = slice_of(r->kept, r->kept_n)};
    return leaf(r, out);
}

enum resp_got resp_read(struct resp *r, const char **p, size_t *n, struct resp_item *out)
{
    while (*n) {
        enum resp_got got = RESP_MORE;
        switch (r->state) {
        case RESP_TYPE:
            r->type = *(*p)++;
            --*n;
            r->line_n = 0;
            r->state = RESP_IN_LINE;
            if (!line_most(r->type))
                return RESP_BAD;
            break;
        case RESP_IN_LINE:
            got = read_line(r, p, n, out);
            break;
        case RESP_IN_BULK:
            got = read_bulk(r, p, n, out);
            break;
        }
        if (got != RESP_MORE)
            return got;
    }
    return RESP_MORE;
}

bool resp_skip(struct resp *r, uint64_t n)
{
    uint64_t most = r->keep < r->size ? r->keep : r->size;
    if (r->state != RESP_IN_BULK || n + 2 > r->left || r->kept_n < most)
        return false;
    r->left -= n;
    return true;
}
