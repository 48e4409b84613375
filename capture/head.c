#include "capture/head.h"

#include "base/sixteen.h"

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

/* Offset of the first blank or TAB, or s.n. */
static inline size_t find_blank(struct slice s)
{
    size_t at = 0;
#ifdef __SSE2__
    if (s.n >= 16) {
        __m128i v = sixteen(s.p);
        __m128i blank = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));
        unsigned mask = (unsigned)_mm_movemask_epi8(blank);
        if (mask)
            return (size_t)__builtin_ctz(mask);
        at = 16;
    }
#endif
    while (at < s.n && s.p[at] != ' ' && s.p[at] != '\t')
        at++;
    return at;
}

/* The target stands between the first and the last blank. */
static __attribute__((noinline)) void odd_request_line(struct head *h, struct slice line, size_t method)
{
    size_t last = line.n;
    while (last > method && line.p[last - 1] != ' ' && line.p[last - 1] != '\t')
        last--;
    h->version = slice_sub(line, last, line.n);
    if (last > method && slice_starts(h->version, SLICE("HTTP/")))
        h->target = slice_trim(slice_sub(line, method + 1, last > method + 1 ? last - 1 : last));
    else {
        h->version = (struct slice){line.p + line.n, 0};
        h->target = slice_trim(slice_sub(line, method + 1, line.n));
    }
}

/* Splits the request line. */
static inline bool request_line(struct head *h, struct slice line)
{
    size_t method = find_blank(line);
    h->method = slice_of(line.p, method);
    if (!method || method > 255 || !token_char[(unsigned char)line.p[0]])
        return false;
    if (line.n > method + 9 && line.p[line.n - 9] == ' ' && memcmp(line.p + line.n - 8, "HTTP/1.", 7) == 0 &&
        line.p[line.n - 1] > ' ') { /* nearly all of them */
        h->version = slice_of(line.p + line.n - 8, 8);
        h->target = trim(slice_sub(line, method + 1, line.n - 9));
        return true;
    }
    odd_request_line(h, line, method);
    return true;
}

static __attribute__((noinline)) bool status_line(struct head *h, struct slice line)
{
    if (line.n > 12 && memcmp(line.p, "HTTP/1.1", 8) == 0 && line.p[8] == ' ' && line.p[12] == ' ' &&
        ascii_digit(line.p[9]) && ascii_digit(line.p[10]) && ascii_digit(line.p[11])) { /* nearly all of them */
        h->version = slice_of(line.p, 8);
        h->status = (uint16_t)((line.p[9] - '0') * 100 + (line.p[10] - '0') * 10 + (line.p[11] - '0'));
        h->ambiguous |= !h->status;
        return true;
    }
    if (!head_guess_response(line))
        return false;
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

static void note_connection(struct head *h, struct slice value)
{
    struct slice item;
    while (slice_next(&value, ',', &item))
        h->close |= slice_ieq(item, SLICE("close"));
}

static const bool noted_token[TOKEN_COUNT] = {[TOKEN_CONTENT_LENGTH] = true, [TOKEN_TRANSFER_ENCODING] = true,
                                              [TOKEN_CONNECTION] = true,     [TOKEN_UPGRADE] = true,
                                              [TOKEN_VARY] = true,           [TOKEN_HOST] = true};

static void note_framing(struct head *h, enum token t, struct slice value)
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
    case TOKEN_VARY:
        h->vary = true;
        break;
    default:
        break;
    }
}

static inline void note(struct head *h, unsigned t, struct slice value)
{
    if (!noted_token[t])
        return;
    if (t != TOKEN_HOST) {
        note_framing(h, (enum token)t, value);
        return;
    }
    h->ambiguous |= h->has_host; /* a second field (RFC 9112 section 3.2) */
    h->has_host = true;
}

/* Offset of the colon in the line, or the line's length. What stands behind the line may be read up to `end`; names
 * rarely have more than 31 characters. */
static inline size_t colon_in(struct slice line, const char *end)
{
#ifdef __SSE2__
    for (size_t at = 0; at < 32 && line.p + at + 16 <= end; at += 16) {
        __m128i v = sixteen(line.p + at);
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

/* A line that begins with a blank goes on with the field before (RFC 9112 section 5.2), as if a blank stood there. */
static void folded_line(struct head *h, struct slice line)
{
    h->ambiguous = true;
    if (h->n_fields)
        note(h, h->fields[h->n_fields - 1].token, slice_trim(line));
}

/* One field line without its line end; `at` is its offset in the raw head; `end`: of the bytes. False: it could be read
 * in more ways than one. */
static inline bool field_line(struct head *h, struct slice line, size_t at, const char *end, struct rawfield *f)
{
    size_t colon = colon_in(line, end), name_n = colon;
    bool plain = colon < line.n && colon && token_char[(unsigned char)line.p[colon - 1]];
    if (!plain) { /* none, or a blank before it */
        h->ambiguous = true;
        name_n = slice_trim((struct slice){line.p, colon}).n;
    }
    if (colon == line.n || !name_n || name_n > 255) {
        h->ambiguous = true;
        return false;
    }
    struct slice value = trim((struct slice){line.p + colon + 1, line.n - colon - 1});
    *f = (struct rawfield){.name = (uint16_t)at,
                           .name_n = (uint8_t)name_n,
                           .token = (uint8_t)token_find((struct slice){line.p, name_n}),
                           .value = (uint16_t)(value.p - line.p + (ptrdiff_t)at),
                           .value_n = (uint16_t)value.n};
    if (h->n_fields < HEAD_FIELDS)
        h->fields[h->n_fields++] = *f;
    note(h, f->token, value);
    return plain;
}

/* NUL, or CR without LF (RFC 9112 section 2.2). */
static bool is_odd(struct slice head)
{
    for (size_t at = slice_find(head, '\r', 0); at < head.n; at = slice_find(head, '\r', at + 1))
        if (at + 1 == head.n || head.p[at + 1] != '\n')
            return true;
    return memchr(head.p, 0, head.n) != NULL;
}

#ifdef __SSE2__
/* Which of the sixteen at p are control characters. */
static inline unsigned controls(const char *p)
{
    __m128i beyond = _mm_subs_epu8(sixteen(p), _mm_set1_epi8(31));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(beyond, _mm_setzero_si128()));
}
#endif

/* Offset of the first control character from `at` on, or s.n. */
static inline size_t find_control(struct slice s, size_t at)
{
#ifdef __SSE2__
    for (; at + 16 <= s.n; at += 16) {
        unsigned mask = controls(s.p + at);
        if (mask)
            return at + (size_t)__builtin_ctz(mask);
    }
    if (s.n >= 16 && at < s.n) {
        unsigned mask = controls(s.p + s.n - 16) >> (at + 16 - s.n);
        return mask ? at + (size_t)__builtin_ctz(mask) : s.n;
    }
#endif
    while (at < s.n && (unsigned char)s.p[at] >= ' ')
        at++;
    return at;
}

/* A line: where it ends, and where the next one begins; 0: it does not end. */
struct line_end {
    size_t stop, next;
};

/* The line that begins at `at`. *odd: NUL, or a CR that ends no line, may be in it. */
static __attribute__((noinline)) struct line_end line_at(struct head *h, struct slice s, size_t at, bool *odd)
{
    size_t end = find_control(s, at);
    while (end < s.n && s.p[end] == '\t')
        end = find_control(s, end + 1);
    if (end + 1 < s.n && s.p[end] == '\r' && s.p[end + 1] == '\n')
        return (struct line_end){end, end + 2};
    if (end < s.n && s.p[end] != '\n') {
        *odd = true;
        end = slice_find(s, '\n', end);
    }
    if (end == s.n)
        return (struct line_end){end, 0};
    bool bare = end == at || s.p[end - 1] != '\r';
    h->ambiguous |= bare;
    return (struct line_end){bare ? end : end - 1, end + 1};
}

/* Whether the line at `at` is the empty one. */
static inline bool is_empty_line(struct slice s, size_t at)
{
    return s.n - at >= 2 && memcmp(s.p + at, "\r\n", 2) == 0;
}

/* What hardly comes a second time. */
static const bool passing_token[TOKEN_COUNT] = {
    [TOKEN_AUTHORIZATION] = true, [TOKEN_CONTENT_LENGTH] = true, [TOKEN_DATE] = true,        [TOKEN_ETAG] = true,
    [TOKEN_IF_NONE_MATCH] = true, [TOKEN_TRACEPARENT] = true,    [TOKEN_X_REQUEST_ID] = true};

/* How many digits begin the eight octets at p, where those are digits and fewer than eight, and what they say; else 0.
 */
static inline size_t few_digits(const char *p, uint64_t *n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word = slice_word(p) ^ 0x3030303030303030u;
    uint64_t other = ((word + 0x7676767676767676u) | word) & 0x8080808080808080u; /* the first is right */
    unsigned bits = other ? (unsigned)__builtin_ctzll(other) & ~7u : 0;
    if (!bits)
        return 0;
    word <<= 64 - bits;
    word = word * 10 + (word >> 8); /* two digits in every other octet */
    uint64_t hundreds = (word & 0xff000000ff) * (100 + (UINT64_C(1000000) << 32));
    *n = (hundreds + (word >> 16 & 0xff000000ff) * (1 + (UINT64_C(10000) << 32))) >> 32;
    return bits / 8;
#else
    (void)p, (void)n;
    return 0;
#endif
}

enum { LENGTH_NAME = sizeof "content-length" - 1 };

/* `Content-Length: ` and at most 18 digits, in any case of letters: how many; *line: octets of the line. 0: it is none,
 * or a second one. */
static inline size_t length_line(struct head *h, const char *p, size_t left, size_t *line)
{
    enum { VALUE = LENGTH_NAME + 2, MOST = VALUE + 18 };
    static const char letters[VALUE + 1] = "       \0      \0\0"; /* bit 5 of what is one */
    uint64_t name[2], bit[2], want[2], n = 0;
    size_t at = VALUE;
    memcpy(name, p, VALUE);
    memcpy(bit, letters, VALUE);
    memcpy(want, "content-length: ", VALUE);
    if (h->has_length || (name[0] | bit[0]) != want[0] || (name[1] | bit[1]) != want[1])
        return 0;
    size_t few = left >= VALUE + 8 ? few_digits(p + VALUE, &n) : 0;
    at += few;
    for (; !few && at < left && at < MOST && ascii_digit(p[at]); at++)
        n = n * 10 + (uint64_t)(p[at] - '0');
    if (at == VALUE || !is_empty_line(slice_of(p, left), at))
        return 0;
    h->has_length = true;
    h->length = n;
    *line = at + 2;
    return at - VALUE;
}

/* A line that begins with that name and can be read in one way: how long its value is; *line: octets of the line. 0: it
 * is none. */
static inline size_t named_line(const struct known_name *name, const char *p, const char *end, size_t *line)
{
    if (!known_is(name, p, end))
        return 0;
    size_t value = name->field.value, n = (size_t)(end - p), stop = find_control(slice_of(p, n), value);
    if (!is_empty_line(slice_of(p, n), stop) || p[stop - 1] == ' ' || (unsigned char)p[value] <= ' ')
        return 0;
    *line = stop + 2;
    return stop - value;
}

/* A line that is not known, but its name is, as another that may be known from now on. */
static inline size_t guessed_line(struct known_lines *known, const struct known_name *name, const char *p,
                                  const char *end, size_t *line)
{
    size_t value_n = named_line(name, p, end, line);
    if (value_n && known_adds(known, *line))
        known_add(known, p, *line, known_field(name->field, 0, value_n));
    return value_n;
}

/* Field lines from `at` on that are known, or whose names are. Where such a line is expected as hardly comes a second
 * time, its name is tried first. Returns the offset of the first that is not. */
static inline __attribute__((always_inline)) size_t known_fields(struct head *h, struct known_lines *known,
                                                                 struct slice s, size_t at, int role)
{
    static const struct rawfield length = {
        .name_n = LENGTH_NAME, .token = TOKEN_CONTENT_LENGTH, .value = LENGTH_NAME + 2};
    struct rawfield *f = h->fields + h->n_fields, *full = h->fields + HEAD_FIELDS;
    const char *p = s.p + at, *end = s.p + s.n;
    const struct known_name *names = known->name[role];
    unsigned token = h->n_fields ? f[-1].token : TOKEN_OTHER;
    for (size_t n; end - p >= 16; f++, p += n) {
        char first = *p;
        if (first == '\r' || f == full)
            break;
        const struct known_name *name = names + known_place(token, first);
        const struct known_line *l;
        size_t value_n;
        if (p[LENGTH_NAME] == ':' && (value_n = length_line(h, p, (size_t)(end - p), &n))) {
            *f = known_field(length, (size_t)(p - s.p), value_n);
            token = TOKEN_CONTENT_LENGTH;
            continue;
        }
        if (!(name->passing && (value_n = named_line(name, p, end, &n)))) {
            if ((l = known_find(known, p, end))) {
                n = l->field.name;
                *f = known_line_field(l, (size_t)(p - s.p));
                token = l->field.token;
                note(h, token, slice_of(p + l->field.value, l->field.value_n));
                continue;
            }
            if (!(value_n = guessed_line(known, name, p, end, &n)))
                break;
        }
        *f = known_field(name->field, (size_t)(p - s.p), value_n);
        token = name->field.token;
        note(h, token, slice_of(p + name->field.value, value_n));
    }
    h->n_fields = (uint16_t)(f - h->fields);
    return (size_t)(p - s.p);
}

/* Any line at `at`, and what it says. */
static __attribute__((noinline)) struct line_end any_line(struct head *h, struct known_lines *known, struct slice s,
                                                          size_t at, int role, bool *odd)
{
    struct line_end end = line_at(h, s, at, odd);
    struct slice line = {s.p + at, end.stop - at};
    unsigned before = h->n_fields ? h->fields[h->n_fields - 1].token : TOKEN_OTHER;
    struct rawfield f;
    if (!end.next || !line.n)
        return end;
    if (line.p[0] == ' ' || line.p[0] == '\t')
        folded_line(h, line);
    else if (field_line(h, line, at, s.p + s.n, &f) && !*odd && end.next == end.stop + 2 && s.n - at >= 16) {
        known_rename(&known->name[role][known_place(before, *line.p)], line.p, f, passing_token[f.token]);
        if (!passing_token[f.token] && known_adds(known, end.next - at))
            known_add(known, line.p, end.next - at, f);
    }
    return end;
}

/* Before which fields a block ends: what may be another thing each time, what tells who asks, and what decides how the
 * body is read. */
static const bool apart_token[TOKEN_COUNT] = {[TOKEN_AGE] = true,
                                              [TOKEN_API_KEY] = true,
                                              [TOKEN_AUTHORIZATION] = true,
                                              [TOKEN_CONTENT_LENGTH] = true,
                                              [TOKEN_COOKIE] = true,
                                              [TOKEN_ETAG] = true,
                                              [TOKEN_FORWARDED] = true,
                                              [TOKEN_IDEMPOTENCY_KEY] = true,
                                              [TOKEN_IF_MODIFIED_SINCE] = true,
                                              [TOKEN_IF_NONE_MATCH] = true,
                                              [TOKEN_LAST_MODIFIED] = true,
                                              [TOKEN_LOCATION] = true,
                                              [TOKEN_OCP_KEY] = true,
                                              [TOKEN_RANGE] = true,
                                              [TOKEN_SET_COOKIE] = true,
                                              [TOKEN_TRACEPARENT] = true,
                                              [TOKEN_TRANSFER_ENCODING] = true,
                                              [TOKEN_UPGRADE] = true,
                                              [TOKEN_X_API_KEY] = true,
                                              [TOKEN_X_FORWARDED_FOR] = true,
                                              [TOKEN_X_GOOG_KEY] = true,
                                              [TOKEN_X_REQUEST_ID] = true};

/* What is at `at`, if it is a known block of such heads. Returns the offset behind it. */
static inline size_t take_block(struct head *h, const struct known *known, struct slice s, size_t at, int role)
{
    const struct known_block *b = block_find(&known->blocks[role], &known->lines.key, s.p + at, s.n - at);
    if (!b)
        return at;
    unsigned n = b->n_fields;
    known_two(h->fields, b->field, at);
    for (unsigned i = 2; i < n; i += 2)
        known_two(h->fields + i, b->field + i, at);
    h->n_block = (uint8_t)n;
    h->n_fields = (uint16_t)n;
    h->has_host = b->has_host;
    h->close = b->close;
    h->vary = b->vary;
    h->block = b->id;
    if (role == 1) {
        h->status = b->status;
        h->version = slice_of(s.p, b->version_n);
    }
    return at + b->n;
}

/* A head of n octets was read in one way: its block, which begins at `at`, is known from now on. Nobody reads answers'
 * fields without a token: of those the block is known to have the last one alone, which a folded line may go on with.
 */
static __attribute__((noinline)) void learn_block(const struct head *h, struct known *known, size_t at, size_t n,
                                                  int role)
{
    struct known_block b = {.status = h->status, .version_n = (uint8_t)(role ? h->version.n : 0)};
    struct head said;
    size_t end = n - 2;
    memset(&said, 0, offsetof(struct head, block));
    if (h->n_fields >= HEAD_FIELDS)
        return;
    for (unsigned i = 0; i < h->n_fields; i++) {
        struct rawfield f = h->fields[i];
        bool behind = role == 1 && i && h->fields[i - 1].token == TOKEN_CONTENT_TYPE;
        if (i == BLOCK_FIELDS || apart_token[f.token] || behind) {
            end = f.name;
            break;
        }
        note(&said, f.token, slice_of(h->raw.p + f.value, f.value_n));
        f.name = (uint16_t)(f.name - at);
        f.value = (uint16_t)(f.value - at);
        b.n_fields -= role == 1 && b.n_fields && b.field[b.n_fields - 1].token == TOKEN_OTHER;
        b.field[b.n_fields++] = f;
    }
    if (end - at < BLOCK_BEGIN || end - at > BLOCK_LONGEST)
        return;
    b.has_host = said.has_host;
    b.close = said.close;
    b.vary = said.vary;
    block_add(&known->blocks[role], &known->lines.key, h->raw.p + at, end - at, &b);
}

/* All n octets of it were read. Who speaks HTTP/1.0 knows no such coding and reads until the connection closes (RFC
 * 9112 section 6.1). */
static inline enum head_result whole(struct head *h, size_t n, int role)
{
    h->raw.n = n;
    if (h->transfer_encoding)
        h->ambiguous |= slice_eq(h->version, SLICE("HTTP/1.0")) || h->has_length || (role == 0 && !h->chunked);
    return HEAD_DONE;
}

/* Where a start line without control characters ends, looked at 64 octets at a time; next 0: there is none such. */
static inline struct line_end start_line(struct slice s)
{
#ifdef __SSE2__
    for (size_t at = 0; at + 64 < s.n; at += 64) {
        const char *p = s.p + at;
        uint64_t low = controls(p) | controls(p + 16) << 16, high = controls(p + 32) | controls(p + 48) << 16;
        uint64_t mask = low | high << 32;
        size_t stop = at + (mask ? (size_t)__builtin_ctzll(mask) : 0);
        if (mask)
            return (struct line_end){stop, is_empty_line(s, stop) ? stop + 2 : 0};
    }
#endif
    return (struct line_end){0, 0};
}

/* The start line, and the block that begins with it or stands behind it. Returns the offset behind them, 0: there is no
 * whole line; *begin: where a block would begin. False: this is no head. */
static inline bool start(struct head *h, const struct known *known, struct slice s, int role, size_t *begin, size_t *at,
                         bool *odd)
{
    *begin = 0;
    *at = role ? take_block(h, known, s, 0, 1) : 0;
    if (*at)
        return true;
    struct line_end end = start_line(s);
    if (!end.next)
        end = line_at(h, s, 0, odd);
    struct slice line = {s.p, end.stop};
    *at = end.next;
    if (!end.next)
        return true;
    if (role == 1)
        return status_line(h, line);
    *begin = end.next;
    *at = take_block(h, known, s, end.next, 0);
    return request_line(h, line);
}

enum head_result head_read(struct head *h, struct known *known, struct slice s, int role, bool last)
{
    memset(h, 0, offsetof(struct head, block)); /* more would be a call */
    h->block = h->n_block = 0;
    h->raw.p = s.p;
    struct slice most = slice_sub(s, 0, HEAD_MAX);
    bool odd = false;
    size_t begin, at;
    if (!start(h, known, most, role, &begin, &at, &odd))
        return HEAD_BAD;
    for (struct line_end end; at && at < s.n; at = end.next) {
        if (!is_empty_line(most, at))
            at = known_fields(h, &known->lines, most, at, role);
        if (is_empty_line(most, at))
            end = (struct line_end){at, at + 2};
        else
            end = any_line(h, &known->lines, most, at, role, &odd);
        if (!end.next)
            break;
        if (end.stop == at) {
            h->ambiguous |= odd && is_odd(slice_of(s.p, end.next));
            if (!h->block && !h->ambiguous && ++known->blocks[role].told % 2 == 0)
                learn_block(h, known, begin, end.next, role);
            return whole(h, end.next, role);
        }
    }
    if (at < s.n && s.n >= HEAD_MAX)
        return HEAD_BAD;
    if (!last || !at)
        return HEAD_MORE;
    return whole(h, at, role);
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

struct slice head_field(const struct head *h, enum token t)
{
    for (unsigned i = 0; i < h->n_fields; i++)
        if (h->fields[i].token == t)
            return slice_of(h->raw.p + h->fields[i].value, h->fields[i].value_n);
    return (struct slice){NULL, 0};
}
