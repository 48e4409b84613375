/* Heads of HTTP/1: what is read on the quick ways (lines without odd octets, fields known from the head before) against
 * a plain reading of the same rules, octet by octet, on random heads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "capture/head.h"

static uint64_t random_state;
static struct known known = {.lines.key = {0x243f6a8885a308d3u, 0x13198a2e03707344u, 0}};

static unsigned below(unsigned n)
{
    return (unsigned)(hash_mix(random_state += 0x9e3779b97f4a7c15u) % n);
}

/* ---- the plain reading ---- */

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool name_end(char c)
{
    return ascii_alpha(c) || ascii_digit(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void plain_length(struct head *h, struct slice value)
{
    struct slice item;
    uint64_t n;
    h->ambiguous |= !slice_u64(value, &n);
    while (slice_next(&value, ',', &item)) {
        bool number = slice_u64(item, &n);
        h->ambiguous |= !number || h->has_length;
        if (number && !h->has_length)
            h->length = n;
        h->has_length |= number;
    }
}

static void plain_coding(struct head *h, struct slice value)
{
    struct slice item;
    h->ambiguous |= h->transfer_encoding;
    h->transfer_encoding = true;
    while (slice_next(&value, ',', &item)) {
        bool chunked = slice_ieq(item, SLICE("chunked"));
        h->ambiguous |= h->chunked || !(chunked || slice_ieq(item, SLICE("gzip")) ||
                                        slice_ieq(item, SLICE("deflate")) || slice_ieq(item, SLICE("identity")));
        h->chunked = chunked;
    }
}

static void plain_effect(struct head *h, unsigned token, struct slice value)
{
    struct slice item;
    if (token == TOKEN_CONTENT_LENGTH)
        plain_length(h, value);
    if (token == TOKEN_TRANSFER_ENCODING)
        plain_coding(h, value);
    while (token == TOKEN_CONNECTION && slice_next(&value, ',', &item))
        h->close |= slice_ieq(item, SLICE("close"));
    if (token == TOKEN_UPGRADE)
        h->upgrade_h2c = slice_ieq(value, SLICE("h2c"));
    h->ambiguous |= token == TOKEN_HOST && h->has_host;
    h->has_host |= token == TOKEN_HOST;
    h->vary |= token == TOKEN_VARY;
}

/* What bit 5 does to octets that no name holds is of no matter: such heads are flagged. */
static unsigned token_of(struct slice name)
{
    for (unsigned t = 1; t < TOKEN_COUNT; t++) {
        const char *want = token_name((enum token)t);
        size_t same = 0;
        while (same < name.n && want[same] && (name.p[same] | 0x20) == (want[same] | 0x20))
            same++;
        if (same == name.n && !want[same])
            return t;
    }
    return TOKEN_OTHER;
}

static void plain_field(struct head *h, size_t at, size_t end)
{
    struct slice line = slice_of(h->raw.p + at, end - at);
    size_t colon = slice_find(line, ':', 0), name_n = colon;
    if (blank(line.p[0])) {
        h->ambiguous = true;
        plain_effect(h, h->n_fields ? h->fields[h->n_fields - 1].token : TOKEN_OTHER, slice_trim(line));
        return;
    }
    if (colon < line.n && colon && !name_end(line.p[colon - 1])) {
        h->ambiguous = true;
        name_n = slice_trim(slice_of(line.p, colon)).n;
    }
    if (colon == line.n || !name_n || name_n > 255) {
        h->ambiguous = true;
        return;
    }
    struct slice value = slice_trim(slice_sub(line, colon + 1, line.n));
    unsigned token = token_of(slice_of(line.p, name_n));
    plain_effect(h, token, value);
    if (h->n_fields < HEAD_FIELDS)
        h->fields[h->n_fields++] = (struct rawfield){.name = (uint16_t)at,
                                                     .name_n = (uint8_t)name_n,
                                                     .token = (uint8_t)token,
                                                     .value = (uint16_t)(value.p - h->raw.p),
                                                     .value_n = (uint16_t)value.n};
}

static bool plain_request_line(struct head *h, struct slice line)
{
    size_t first = 0, last = line.n;
    while (first < line.n && !blank(line.p[first]))
        first++;
    while (last > first && !blank(line.p[last - 1]))
        last--;
    h->method = slice_sub(line, 0, first);
    h->version = slice_sub(line, last, line.n);
    if (last == first || !slice_starts(h->version, SLICE("HTTP/"))) {
        h->version.n = 0;
        last = line.n;
    }
    h->target = slice_trim(slice_sub(line, first + 1, last));
    return first && first < 256 && name_end(line.p[0]);
}

static bool plain_status_line(struct head *h, struct slice line)
{
    if (!head_guess_response(line))
        return false;
    size_t first = slice_find(line, ' ', 0);
    struct slice rest = slice_trim(slice_sub(line, first, line.n)),
                 number = slice_sub(rest, 0, slice_find(rest, ' ', 0));
    uint64_t status = 0;
    h->version = slice_sub(line, 0, first);
    h->status = slice_u64(number, &status) && status < 1000 ? (uint16_t)status : 0;
    h->ambiguous |= number.n != 3 || !h->status;
    return true;
}

static enum head_result plain_head(struct head *h, int role, struct slice s)
{
    size_t at = 0;
    *h = (struct head){.raw = {s.p, 0}};
    for (;;) {
        size_t end = slice_find(s, '\n', at), stop = end;
        if (end == s.n)
            return end >= HEAD_MAX && at < s.n ? HEAD_BAD : HEAD_MORE;
        if (end >= HEAD_MAX)
            return HEAD_BAD;
        if (stop > at && s.p[stop - 1] == '\r')
            stop--;
        else
            h->ambiguous = true;
        if (at && stop == at) {
            h->raw.n = end + 1;
            break;
        }
        if (at)
            plain_field(h, at, stop);
        else if (!(role ? plain_status_line : plain_request_line)(h, slice_of(s.p, stop)))
            return HEAD_BAD;
        at = end + 1;
    }
    for (size_t i = 0; i < h->raw.n; i++)
        h->ambiguous |= !s.p[i] || (s.p[i] == '\r' && s.p[i + 1] != '\n');
    h->ambiguous |=
        h->transfer_encoding && (slice_eq(h->version, SLICE("HTTP/1.0")) || h->has_length || (!role && !h->chunked));
    return HEAD_DONE;
}

/* ---- random heads ---- */

static void add_one(struct buf *b, const char *const *of, unsigned n)
{
    buf_slice(b, slice_str(of[below(n)]));
}
#define ADD(b, of) add_one(b, of, sizeof(of) / sizeof *(of))

static void start_line(struct buf *b, int role)
{
    static const char *const methods[] = {"GET", "POST", "OPTIONS", "", "G@T", "\"GET"};
    static const char *const blanks[] = {" ", " ", " ", " ", "  ", "\t", ""};
    static const char *const targets[] = {"/", "/a/b?c=d", "http://h.test/x y", "*", ""};
    static const char *const versions[] = {"HTTP/1.1",  "HTTP/1.1", "HTTP/1.0", "HTTP/1.",
                                           "HTTP/1.1 ", "HTTP/2",   "http/1.1", ""};
    static const char *const statuses[] = {"200", "404", "000", "1000", "20", "2x0", " 204", "200\t", ""};
    static const char *const reasons[] = {" OK", " Not Found", "", " ", "\tOK"};
    if (role) {
        ADD(b, versions);
        ADD(b, blanks);
        ADD(b, statuses);
        ADD(b, reasons);
        return;
    }
    ADD(b, methods);
    ADD(b, blanks);
    ADD(b, targets);
    for (unsigned n = below(4) ? 0 : below(160); n; n--) /* lines are looked through 64 octets at a time */
        buf_char(b, below(300) ? 'a' : (char)below(256));
    ADD(b, blanks);
    ADD(b, versions);
}

/* Mostly digits alone, as many as a number may have and more. */
static void random_number(struct buf *b)
{
    for (unsigned n = 1 + below(21); n; n--)
        buf_char(b, (char)(below(32) ? '0' + below(10) : below(256)));
}

static void random_field(struct buf *b)
{
    static const char *const names[] = {"Host",
                                        "Accept",
                                        "content-length",
                                        "Content-Length",
                                        "Transfer-Encoding",
                                        "Connection",
                                        "Upgrade",
                                        "X",
                                        "User-Agent",
                                        "X-Github-Api-Version",
                                        "Age",
                                        "Access-Control-Allow-Credentials-And-More",
                                        "Cache-Control",
                                        " ",
                                        "Date ",
                                        "ETag",
                                        "X-Request-Id",
                                        "Authorization",
                                        "A@",
                                        ""};
    static const char *const colons[] = {": ", ": ", ": ", ": ", ":", ":  ", ":\t", " : ", ""};
    static const char *const values[] = {
        "5",       "12",
        "chunked", "gzip, chunked",
        "close",   "keep-alive, close",
        "h2c",     "a.test",
        "a",       "",
        " ",       "5, 5",
        "5, 6",    "text/html; charset=utf-8",
        "a\tb",    "a ",
        "a\t",     "a value that is longer than sixteen characters: and then again as long\xff"};
    ADD(b, names);
    ADD(b, colons);
    if (below(4))
        ADD(b, values);
    else
        random_number(b);
}

static void line_end(struct buf *b)
{
    static const char *const odd[] = {"\n", "\r\r\n", "\r", "\r\n\r\n", "\n\r\n"};
    if (below(24))
        buf_add(b, "\r\n", 2);
    else
        ADD(b, odd);
}

static void random_head(struct buf *b, int role)
{
    unsigned fields = below(8);
    b->n = 0;
    start_line(b, role);
    line_end(b);
    for (unsigned i = 0; i < fields; i++) {
        random_field(b);
        line_end(b);
    }
    line_end(b);
    for (unsigned n = below(40); n; n--)
        buf_char(b, (char)below(256));
    if (!below(8))
        b->p[below((unsigned)b->n)] = (char)below(64);
}

static void same_part(const char *what, struct slice a, struct slice b)
{
    if (!slice_eq(a, b))
        fail_msg("%s: `%.*s`, not `%.*s`", what, (int)a.n, a.p, (int)b.n, b.p);
}

/* Of an answer, fields without a token may be left out. */
static void same_fields(int role, const struct head *a, const struct head *b)
{
    unsigned at = 0;
    for (unsigned i = 0; i < b->n_fields; i++) {
        if (at < a->n_fields && memcmp(&a->fields[at], &b->fields[i], sizeof *a->fields) == 0)
            at++;
        else if (role == 0 || b->fields[i].token != TOKEN_OTHER)
            fail_msg("field %u of `%.*s`: token %u", i, (int)a->raw.n, a->raw.p, b->fields[i].token);
    }
    assert_int_equal(at, a->n_fields);
}

static void same(int role, const struct head *a, const struct head *b)
{
    assert_int_equal(a->raw.n, b->raw.n);
    same_part("method", a->method, b->method);
    same_part("target", a->target, b->target);
    same_part("version", a->version, b->version);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->ambiguous, b->ambiguous);
    assert_int_equal(a->chunked, b->chunked);
    assert_int_equal(a->transfer_encoding, b->transfer_encoding);
    assert_int_equal(a->has_length, b->has_length);
    assert_int_equal(a->has_host, b->has_host);
    assert_int_equal(a->close, b->close);
    assert_int_equal(a->upgrade_h2c, b->upgrade_h2c);
    assert_int_equal(a->vary, b->vary);
    assert_int_equal(a->length, b->length);
    same_fields(role, a, b);
}

/* Reads a copy that ends where the bytes do, so that reading beyond is found. Whether it began with a known block. */
static bool compare(int role, struct slice s)
{
    static struct head quick, plain;
    char *copy = malloc(s.n + !s.n);
    if (s.n)
        memcpy(copy, s.p, s.n);
    enum head_result want = plain_head(&plain, role, slice_of(copy, s.n));
    enum head_result got = role ? head_response(&quick, &known, slice_of(copy, s.n), false)
                                : head_request(&quick, &known, slice_of(copy, s.n), false);
    if (got != want)
        fail_msg("role %d: %d, not %d: `%.*s`", role, (int)got, (int)want, (int)s.n, s.p);
    if (got == HEAD_DONE)
        same(role, &quick, &plain);
    free(copy);
    return got == HEAD_DONE && quick.block;
}

static void random_heads(void **state)
{
    struct buf b = {0};
    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        int role = (int)(i & 1);
        random_head(&b, role);
        compare(role, slice_of(b.p, b.n));
        compare(role, slice_of(b.p, below((unsigned)b.n)));
    }
    buf_free(&b);
}

/* Requests that begin with the same fields, or answers with the same status and fields, and go on differently; some
 * almost with the same. */
static void blocks(void **state)
{
    enum { DIFFERENT = 40 };
    static const char *const usual[] = {
        "Host: shop.example.test\r\n", "Accept: */*\r\n", "User-Agent: a program/1.0\r\n",
        "Connection: close\r\n",       "A: b\tc\r\n",     "Accept-Encoding: gzip, br \r\n",
        "Content-Type: text/html\r\n", "Vary: Accept\r\n"};
    static const char *const statuses[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 404 Not Found\r\n", "HTTP/1.0 201\r\n"};
    struct buf block[2 * DIFFERENT] = {{0}}, b = {0};
    unsigned known_ones[2] = {0, 0};
    (void)state;
    for (unsigned i = 0; i < 2 * DIFFERENT; i++) {
        if (i % 2)
            ADD(&block[i], statuses);
        for (unsigned lines = 3 + below(14); lines; lines--)
            ADD(&block[i], usual);
    }
    for (unsigned i = 0; i < 40000; i++) {
        int role = (int)(i % 2);
        const struct buf *begin = &block[2 * below(DIFFERENT) + i % 2];
        b.n = 0;
        if (role == 0) {
            start_line(&b, 0);
            buf_slice(&b, SLICE("\r\n"));
        }
        buf_add(&b, begin->p, begin->n);
        if (!below(16))
            b.p[below((unsigned)b.n)] = (char)below(256);
        for (unsigned more = below(4); more; more--) {
            buf_slice(&b, below(8) ? SLICE("") : SLICE(" "));
            random_field(&b);
            buf_slice(&b, SLICE("\r\n"));
        }
        buf_slice(&b, SLICE("\r\n"));
        known_ones[role] += compare(role, slice_of(b.p, b.n));
        compare(role, slice_of(b.p, below((unsigned)b.n)));
    }
    assert_true(known_ones[0] > 2000 && known_ones[1] > 2000);
    for (unsigned i = 0; i < 2 * DIFFERENT; i++)
        buf_free(&block[i]);
    buf_free(&b);
}

/* Every cut of one that is as most are, and one as long as they may be. */
static void cuts(void **state)
{
    static const char request[] =
        "GET /a HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nX: y\r\nContent-Length: 0\r\n\r\nmore";
    struct buf b = {0};
    (void)state;
    for (size_t n = 0; n < sizeof request; n++)
        compare(0, slice_of(request, n));
    for (int more = -2; more <= 2; more++) {
        b.n = 0;
        buf_slice(&b, SLICE("GET / HTTP/1.1\r\nX: "));
        while (b.n < (size_t)(HEAD_MAX - 4 + more))
            buf_char(&b, 'x');
        buf_slice(&b, SLICE("\r\n\r\n and what follows it"));
        compare(0, slice_of(b.p, b.n));
        compare(0, slice_of(b.p, (size_t)HEAD_MAX));
    }
    buf_free(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(random_heads), cmocka_unit_test(blocks),
                                              cmocka_unit_test(cuts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
