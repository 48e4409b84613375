#include "capture/head.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* tchar of RFC 9110 section 5.6.2. */
static const uint8_t token_char[256] = {['!'] = 1,         ['#'] = 1,         ['$'] = 1,        ['%'] = 1, ['&'] = 1,
                                        ['\''] = 1,        ['*'] = 1,         ['+'] = 1,        ['-'] = 1, ['.'] = 1,
                                        ['^'] = 1,         ['_'] = 1,         ['`'] = 1,        ['|'] = 1, ['~'] = 1,
                                        ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1};

static size_t token_length(struct slice s, size_t limit)
{
    size_t n = 0;
    while (n < s.n && n < limit && token_char[(unsigned char)s.p[n]])
        n++;
    return n;
}

bool head_guess_response(struct slice s)
{
    return s.n >= 9 && memcmp(s.p, "HTTP/", 5) == 0 && ascii_digit(s.p[5]) && (s.p[6] == '.' || s.p[6] == ' ');
}

/* " HTTP/1.x" at the end of a line. */
static bool ends_with_version(struct slice line)
{
    line = slice_trim(line);
    return line.n >= 9 && memcmp(line.p + line.n - 8, "HTTP/", 5) == 0 && line.p[line.n - 9] == ' ';
}

static bool known_method(struct slice m)
{
    static const char *const names[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_eq(m, slice_str(names[i])))
            return true;
    return false;
}

bool head_guess_request(struct slice s)
{
    size_t method = token_length(s, 64);
    if (!method || method >= s.n || s.p[method] != ' ')
        return false;
    size_t end = slice_find(s, '\n', method);
    if (end == s.n) /* the line goes on in the next segment: only the usual methods are believed */
        return known_method(slice_sub(s, 0, method)) && s.n > method + 1 && s.p[method + 1] > ' ';
    if (ends_with_version(slice_sub(s, 0, end)))
        return true;
    return known_method(slice_sub(s, 0, method)) && s.n > method + 1 &&
           s.p[method + 1] == '/'; /* HTTP/0.9, odd lines */
}

/* Without blanks around: most have none, or the one that stands before a field's value. */
static inline struct slice trim(struct slice s)
{
    if (s.n && s.p[0] == ' ')
        s.p++, s.n--;
    bool more = s.n && ((unsigned char)s.p[0] <= ' ' || (unsigned char)s.p[s.n - 1] <= ' ');
    return more ? slice_trim(s) : s;
}

/* Splits the request line: the target stands between the first and the last blank. */
static bool request_line(struct head *h, struct slice line)
{
    size_t method = 0, last = line.n;
    while (method < line.n && line.p[method] != ' ' && line.p[method] != '\t')
        method++;
    h->method = slice_of(line.p, method);
    if (!method || method > 255 || !token_char[(unsigned char)line.p[0]])
        return false;
    if (line.n > method + 9 && line.p[line.n - 9] == ' ' && memcmp(line.p + line.n - 8, "HTTP/1.", 7) == 0 &&
        line.p[line.n - 1] > ' ') { /* nearly all of them */
        h->version = slice_of(line.p + line.n - 8, 8);
        h->target = trim(slice_sub(line, method + 1, line.n - 9));
        return true;
    }
    while (last > method && line.p[last - 1] != ' ' && line.p[last - 1] != '\t')
        last--;
    h->version = slice_sub(line, last, line.n);
    if (last > method && slice_starts(h->version, SLICE("HTTP/")))
        h->target = slice_trim(slice_sub(line, method + 1, last > method + 1 ? last - 1 : last));
    else {
        h->version = (struct slice){line.p + line.n, 0};
        h->target = slice_trim(slice_sub(line, method + 1, line.n));
    }
    return true;
}

static bool status_line(struct head *h, struct slice line)
{
    if (!head_guess_response(line))
        return false;
    if (line.n > 12 && line.p[7] > ' ' && line.p[8] == ' ' && line.p[12] == ' ' && ascii_digit(line.p[9]) &&
        ascii_digit(line.p[10]) && ascii_digit(line.p[11])) { /* nearly all of them */
        h->version = slice_of(line.p, 8);
        h->status = (uint16_t)((line.p[9] - '0') * 100 + (line.p[10] - '0') * 10 + (line.p[11] - '0'));
        h->ambiguous |= !h->status;
        return true;
    }
    size_t blank = slice_find(line, ' ', 0);
    struct slice rest = slice_trim(slice_sub(line, blank, line.n));
    uint64_t status = 0;
    h->version = slice_sub(line, 0, blank);
    struct slice number = slice_sub(rest, 0, slice_find(rest, ' ', 0));
    h->status = slice_u64(number, &status) && status < 1000 ? (uint16_t)status : 0;
    h->ambiguous |= number.n != 3 || !h->status;
    return true;
}

static void note_length(struct head *h, struct slice value)
{
    struct slice item;
    uint64_t n;
    if (!h->has_length && slice_u64(value, &n)) {
        h->has_length = true;
        h->length = n;
        return;
    }
    h->ambiguous |= !slice_u64(value, &n); /* a list, or nothing */
    while (slice_next(&value, ',', &item)) {
        if (!slice_u64(item, &n) || (h->has_length && n != h->length)) {
            h->ambiguous = true;
            continue; /* the first readable one is kept for framing */
        }
        h->ambiguous |= h->has_length;
        h->has_length = true;
        h->length = n;
    }
}

static void note_coding(struct head *h, struct slice value)
{
    struct slice item;
    h->ambiguous |= h->transfer_encoding; /* a second field */
    h->transfer_encoding = true;
    while (slice_next(&value, ',', &item)) {
        h->ambiguous |= h->chunked; /* chunked was not the final coding */
        if (slice_ieq(item, SLICE("chunked")))
            h->chunked = true;
        else {
            bool known = slice_ieq(item, SLICE("gzip")) || slice_ieq(item, SLICE("deflate")) ||
                         slice_ieq(item, SLICE("identity"));
            h->ambiguous |= !known;
            h->chunked = false;
        }
    }
}

/* Who knows no such coding reads until the connection closes (RFC 9112 section 6.1). */
static bool coded_for_old(const struct head *h)
{
    return h->transfer_encoding && slice_eq(h->version, SLICE("HTTP/1.0"));
}

static void note_connection(struct head *h, struct slice value)
{
    struct slice item;
    while (slice_next(&value, ',', &item))
        h->close |= slice_ieq(item, SLICE("close"));
}

static const bool framing_token[TOKEN_COUNT] = {[TOKEN_CONTENT_LENGTH] = true,
                                                [TOKEN_TRANSFER_ENCODING] = true,
                                                [TOKEN_CONNECTION] = true,
                                                [TOKEN_UPGRADE] = true,
                                                [TOKEN_HOST] = true};

static void note(struct head *h, enum token t, struct slice value)
{
    switch (t) {
    case TOKEN_CONTENT_LENGTH:
        note_length(h, value);
        break;
    case TOKEN_TRANSFER_ENCODING:
        note_coding(h, value);
        break;
    case TOKEN_CONNECTION:
        note_connection(h, value);
        break;
    case TOKEN_UPGRADE:
        h->upgrade_h2c = slice_ieq(value, SLICE("h2c"));
        break;
    case TOKEN_HOST:
        h->ambiguous |= h->has_host; /* a second field (RFC 9112 section 3.2) */
        h->has_host = true;
        break;
    default:
        break;
    }
}

/* Offset of the colon in the line, or the line's length. What stands behind the line may be read up to `end`; names
 * rarely have more than 31 characters. */
static inline size_t colon_in(struct slice line, const char *end)
{
#ifdef __SSE2__
    for (size_t at = 0; at < 32 && line.p + at + 16 <= end; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(line.p + at));
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(':')));
        if (mask) {
            at += (size_t)__builtin_ctz(mask);
            return at < line.n ? at : line.n;
        }
    }
#endif
    (void)end;
    return slice_find(line, ':', 0);
}

/* One field line without its line end; `at` is its offset in the raw head; `end`: of the bytes. */
static inline void field_line(struct head *h, struct slice line, size_t at, const char *end)
{
    if (line.p[0] == ' ' || line.p[0] == '\t') { /* obs-fold, RFC 9112 section 5.2: as if a blank stood there */
        enum token before = h->n_fields ? (enum token)h->fields[h->n_fields - 1].token : TOKEN_OTHER;
        h->ambiguous = true;
        if (framing_token[before])
            note(h, before, slice_trim(line));
        return;
    }
    size_t colon = colon_in(line, end), name_n = colon;
    if (colon < line.n && colon && !token_char[(unsigned char)line.p[colon - 1]]) { /* a blank before the colon */
        h->ambiguous = true;
        name_n = slice_trim((struct slice){line.p, colon}).n;
    }
    if (colon == line.n || !name_n || name_n > 255) {
        h->ambiguous = true;
        return;
    }
    struct slice name = {line.p, name_n}, value = trim((struct slice){line.p + colon + 1, line.n - colon - 1});
    enum token t = token_find(name);
    if (framing_token[t])
        note(h, t, value);
    if (h->n_fields < HEAD_FIELDS)
        h->fields[h->n_fields++] = (struct rawfield){.name = (uint16_t)at,
                                                     .name_n = (uint8_t)name.n,
                                                     .token = (uint8_t)t,
                                                     .value = (uint16_t)(value.p - line.p + (ptrdiff_t)at),
                                                     .value_n = (uint16_t)value.n};
}

static void head_clear(struct head *h, struct slice bytes)
{
    memset(h, 0, offsetof(struct head, fields));
    h->raw.p = bytes.p;
}

/* Finds line ends sixteen characters at a time, and notes on the way what is in no good head: NUL, CR or LF alone. */
struct lines {
    struct slice s;
    size_t block;      /* offset of the sixteen in `mask` */
    unsigned mask, cr; /* cr: the sixteen before end in one */
    unsigned odd;      /* not 0: there is some of it */
};

/* The sixteen have these characters, a bit each. */
static unsigned note_lines(struct lines *l, unsigned nul, unsigned cr, unsigned lf)
{
    unsigned due = cr << 1 | l->cr; /* where LF has to stand */
    l->odd |= nul | ((due ^ lf) & 0xffff);
    l->cr = due >> 16;
    return lf;
}

static unsigned line_ends(struct lines *l, size_t at)
{
#ifdef __SSE2__
    if (at + 16 <= l->s.n) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(l->s.p + at));
        return note_lines(l, (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())),
                          (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\r'))),
                          (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n'))));
    }
#endif
    unsigned nul = 0, cr = 0, lf = 0;
    for (size_t i = at; i < l->s.n && i < at + 16; i++) {
        nul |= (unsigned)!l->s.p[i] << (i - at);
        cr |= (unsigned)(l->s.p[i] == '\r') << (i - at);
        lf |= (unsigned)(l->s.p[i] == '\n') << (i - at);
    }
    return note_lines(l, nul, cr, lf);
}

/* Offset of the next line end, or s.n. */
static inline size_t lines_next(struct lines *l)
{
    while (!l->mask) {
        l->block += 16;
        if (l->block >= l->s.n)
            return l->s.n;
        l->mask = line_ends(l, l->block);
    }
    size_t at = l->block + (size_t)__builtin_ctz(l->mask);
    l->mask &= l->mask - 1;
    return at;
}

/* NUL, or CR without LF (RFC 9112 section 2.2). */
static bool is_odd(struct slice head)
{
    for (size_t i = 0; i < head.n; i++)
        if (!head.p[i] || (head.p[i] == '\r' && (i + 1 == head.n || head.p[i + 1] != '\n')))
            return true;
    return false;
}

/* Offset of the CR LF that ends the line that begins at `at`, if there is one and no other control character stands
 * before it; else s.n. */
static inline size_t plain_end(struct slice s, size_t at)
{
#ifdef __SSE2__
    unsigned mask = 0;
    for (; !mask && at + 16 <= s.n; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.p + at));
        mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(31)), v));
    }
    if (mask)
        at += (size_t)__builtin_ctz(mask) - 16;
#endif
    while (at < s.n && (unsigned char)s.p[at] >= ' ')
        at++;
    return at + 1 < s.n && s.p[at] == '\r' && s.p[at + 1] == '\n' ? at : s.n;
}

/* Reads lines as long as nothing about their ends is odd. Returns the offset of the first that is not read, or after
 * the empty line, whose head is done. */
static size_t plain_lines(struct head *h, struct slice s, bool (*start)(struct head *, struct slice),
                          enum head_result *result)
{
    size_t stop = plain_end(s, 0), at = 0;
    if (stop == s.n)
        return 0;
    if (!start(h, (struct slice){s.p, stop})) {
        *result = HEAD_BAD;
        return 0;
    }
    for (at = stop + 2; (stop = plain_end(s, at)) < s.n; at = stop + 2) {
        if (stop == at) {
            h->raw.n = at + 2;
            *result = HEAD_DONE;
            return at + 2;
        }
        field_line(h, (struct slice){s.p + at, stop - at}, at, s.p + s.n);
    }
    return at;
}

/* Reads lines until the empty one; the first goes to `start`. */
static enum head_result read_lines(struct head *h, struct slice s, bool (*start)(struct head *, struct slice),
                                   bool last)
{
    enum head_result plain = HEAD_MORE;
    size_t at = plain_lines(h, slice_sub(s, 0, HEAD_MAX), start, &plain);
    if (plain != HEAD_MORE)
        return plain;
    struct lines lines = {.s = s, .block = at};
    if (at < s.n)
        lines.mask = line_ends(&lines, at);
    while (at < s.n) {
        size_t end = lines_next(&lines);
        if (end >= HEAD_MAX)
            return HEAD_BAD;
        if (end >= s.n)
            break;
        size_t stop = end;
        if (stop > at && s.p[stop - 1] == '\r')
            stop--;
        else
            h->ambiguous = true; /* bare LF */
        if (at == 0) {
            if (!start(h, (struct slice){s.p, stop}))
                return HEAD_BAD;
        } else if (stop == at) {
            h->raw.n = end + 1;
            h->ambiguous |= lines.odd && is_odd(slice_of(s.p, h->raw.n)); /* the sixteen may reach into the body */
            return HEAD_DONE;
        } else {
            field_line(h, (struct slice){s.p + at, stop - at}, at, s.p + s.n);
        }
        at = end + 1;
    }
    if (!last || !at)
        return HEAD_MORE;
    h->raw.n = at;
    return HEAD_DONE;
}

enum head_result head_request(struct head *h, struct slice bytes, bool last)
{
    head_clear(h, bytes);
    enum head_result r = read_lines(h, bytes, request_line, last);
    if (r == HEAD_DONE)
        h->ambiguous |= coded_for_old(h) || (h->transfer_encoding && (h->has_length || !h->chunked));
    return r;
}

enum head_result head_response(struct head *h, struct slice bytes, bool last)
{
    head_clear(h, bytes);
    enum head_result r = read_lines(h, bytes, status_line, last);
    if (r == HEAD_DONE)
        h->ambiguous |= coded_for_old(h) || (h->transfer_encoding && h->has_length);
    return r;
}

size_t head_end(struct slice s, size_t *scan)
{
    size_t at = *scan;
    for (;;) {
        size_t end = slice_find(s, '\n', at);
        if (end >= s.n)
            return 0;
        size_t next = end + 1;
        if (next < s.n && s.p[next] == '\n')
            return next + 1;
        if (next + 1 < s.n && s.p[next] == '\r' && s.p[next + 1] == '\n')
            return next + 2;
        if (next + 1 >= s.n) { /* the line after may still become the empty one */
            *scan = end;
            return 0;
        }
        at = next;
        *scan = at;
    }
}

enum framing head_request_framing(const struct head *h)
{
    if (h->transfer_encoding)
        return h->chunked ? FRAME_CHUNKED : FRAME_NONE;
    return h->has_length && h->length ? FRAME_LENGTH : FRAME_NONE;
}

enum framing head_response_framing(const struct head *h, bool to_head, bool to_connect)
{
    if (h->status == 101 || (to_connect && h->status >= 200 && h->status < 300))
        return FRAME_TUNNEL;
    if (to_head || h->status == 204 || h->status == 304 || (h->status >= 100 && h->status < 200))
        return FRAME_NONE;
    if (h->transfer_encoding)
        return h->chunked ? FRAME_CHUNKED : FRAME_CLOSE;
    if (h->has_length)
        return h->length ? FRAME_LENGTH : FRAME_NONE;
    return FRAME_CLOSE;
}

struct slice head_field(const struct head *h, enum token t)
{
    for (unsigned i = 0; i < h->n_fields; i++)
        if (h->fields[i].token == t)
            return slice_of(h->raw.p + h->fields[i].value, h->fields[i].value_n);
    return (struct slice){NULL, 0};
}
