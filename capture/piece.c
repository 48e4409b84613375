#include "capture/piece.h"

#include "base/sixteen.h"

enum { LONG = 1024 }; /* of such a segment all behind the first piece is hidden with it: bounds the work */

/* What some text is made of. */
struct census {
    size_t chars, hex, base64, digits, upper, dashes, dots, odd;
    uint64_t minus; /* a bit for each of the first 64 characters that is `-` */
    bool at, email;
};

static bool is_base64(char c)
{
    return ascii_alpha(c) || ascii_digit(c) || c == '-' || c == '_' || c == '=' || c == '+' || c == '/';
}

static void add(struct census *c, char ch)
{
    if (ch == '-' && c->chars < 64)
        c->minus |= UINT64_C(1) << c->chars;
    c->email |= c->at && ch == '.';
    c->at |= ch == '@' && c->chars;
    c->chars++;
    c->hex += ascii_hex(ch) >= 0;
    c->digits += ascii_digit(ch);
    c->upper += ch >= 'A' && ch <= 'Z';
    c->dashes += ch == '-' || ch == '_';
    c->dots += ch == '.';
    c->odd += ch == '=' || ch == '+' || ch == '/';
    c->base64 += is_base64(ch);
}

static struct census census_of(struct slice s, size_t from, size_t to)
{
    struct census c = {0};
    char ch;
    for (size_t at = from; at < to; add(&c, ch))
        at += piece_char(s, at, &ch);
    return c;
}

/* Class of characters of base64 alone that are many enough, or -1. */
static int class_of(const struct census *c)
{
    static const uint64_t uuid = 1 << 8 | 1 << 13 | 1 << 18 | 1 << 23;
    if (c->hex == c->chars && c->digits)
        return ROUTE_HEX;
    if (c->chars == 36 && c->hex == 32 && c->minus == uuid)
        return -1;
    bool slug = c->dashes && !c->upper;                                                         /* top-10-ways-to-… */
    bool words = !c->digits && (c->upper < c->chars / 5 || c->upper > c->chars - c->chars / 5); /* listMembersOfThe… */
    return slug || words ? -1 : ROUTE_B64;
}

static bool begins_jwt(struct slice s, size_t at)
{
    static const char head[] = "eyJ";
    char c;
    for (int i = 0; i < 3; i++) {
        if (at >= s.n)
            return false;
        at += piece_char(s, at, &c);
        if (c != head[i])
            return false;
    }
    return true;
}

int piece_whole(struct slice s)
{
    if (s.n < 3)
        return -1;
    struct census c = census_of(s, 0, s.n);
    if (c.dots == 2 && c.chars >= 10 && c.base64 - c.odd + c.dots == c.chars && begins_jwt(s, 0))
        return ROUTE_JWT;
    if (c.email)
        return ROUTE_EMAIL;
    return c.chars < PIECE_LEAST || c.base64 < c.chars ? -1 : class_of(&c);
}

/* Where a JWT that begins here ends: three parts or more (a JWE has five) but a known extension. 0: there is none. */
static size_t jwt_end(struct slice s, size_t from)
{
    size_t at = from, dots = 0, last = from;
    char c;
    if (!begins_jwt(s, from))
        return 0;
    while (at < s.n) {
        size_t n = piece_char(s, at, &c);
        if (!is_base64(c) && c != '.')
            break;
        if (c == '.') {
            dots++;
            last = at;
        }
        at += n;
    }
    if (dots < 2)
        return 0;
    return dots > 2 && route_extension(slice_sub(s, last + 1, at)) ? last : at;
}

/* Where a run of base64 ends, with its dashes or at the first. */
static size_t run_end(struct slice s, size_t at, bool dashes)
{
    char c;
    while (at < s.n) {
        size_t n = piece_char(s, at, &c);
        if (!is_base64(c) || (!dashes && (c == '-' || c == '_')))
            break;
        at += n;
    }
    return at;
}

/* A JWT at the beginning of a run or behind one of its dashes. The first that begins like one decides: the dots behind
 * it are the same for all of the run. */
static bool find_jwt(struct slice s, size_t at, size_t end, struct secret_piece *out)
{
    while (at < end && !begins_jwt(s, at)) {
        char dash;
        at = run_end(s, at, false);
        at += at < end ? piece_char(s, at, &dash) : 0;
    }
    size_t to = at < end ? jwt_end(s, at) : 0;
    *out = (struct secret_piece){at, to, ROUTE_JWT};
    return to;
}

/* Hex and the like between the dashes of a run that is no piece itself. */
static bool find_part(struct slice s, size_t at, size_t end, size_t least, struct secret_piece *out)
{
    while (at < end) {
        size_t to = run_end(s, at, false);
        struct census c = census_of(s, at, to);
        if (c.chars >= least && c.digits) {
            *out = (struct secret_piece){at, to, c.hex == c.chars ? ROUTE_HEX : ROUTE_B64};
            return true;
        }
        char dash;
        at = to < end ? to + piece_char(s, to, &dash) : end;
    }
    return false;
}

/* In one run of base64, dashes included: what stands before a JWT, then that. Words without digits hide nothing; of
 * UUIDs no part is long enough. */
static bool find_in_run(struct slice s, size_t at, size_t end, size_t least, struct secret_piece *out)
{
    struct secret_piece jwt;
    bool found = find_jwt(s, at, end, &jwt);
    if (found)
        end = jwt.from;
    struct census c = census_of(s, at, end);
    int class = c.chars >= least ? class_of(&c) : -1;
    *out = class >= 0 ? (struct secret_piece){at, end, class} : jwt;
    return class >= 0 || (c.dashes && find_part(s, at, end, least, out)) || found;
}

static bool find(struct slice s, size_t at, size_t least, bool sealed, struct secret_piece *out)
{
    while (at < s.n) {
        char c;
        if (sealed && s.p[at] == '~' && route_is_hidden(slice_sub(s, at, at + ROUTE_HIDDEN))) {
            at += ROUTE_HIDDEN;
            continue;
        }
        size_t n = piece_char(s, at, &c), end = at + n;
        if (is_base64(c)) {
            end = run_end(s, at, true);
            if (find_in_run(s, at, end, least, out))
                return true;
        }
        at = end;
    }
    return false;
}

bool piece_next(struct slice s, size_t at, size_t least, bool sealed, struct secret_piece *out)
{
    if (!find(s, at, least, sealed, out))
        return false;
    if (s.n > LONG)
        out->to = s.n;
    return true;
}

bool piece_any(struct slice text)
{
    struct secret_piece p;
    return piece_whole(text) >= 0 || (text.n >= PIECE_LEAST && piece_next(text, 0, PIECE_LEAST, false, &p));
}

/* ---- paths that hide nothing ---- */

#ifdef __SSE2__
/* Which of sixteen are hex digits or dashes, a bit each. */
static inline uint64_t hex_or_dash(__m128i v)
{
    __m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    __m128i letter = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
    __m128i is_dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));
    return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_or_si128(is_dash, _mm_or_si128(is_digit, is_letter)));
}
#endif

static bool begins_uuid(struct slice s)
{
    if (s.n < 36 || s.p[8] != '-' || s.p[13] != '-' || s.p[18] != '-' || s.p[23] != '-' || (s.n > 36 && s.p[36] != '/'))
        return false;
#ifdef __SSE2__
    return (hex_or_dash(sixteen(s.p)) & hex_or_dash(sixteen(s.p + 16)) & hex_or_dash(sixteen(s.p + 20))) == 0xffff;
#else
    for (size_t i = 0; i < 36; i++)
        if (s.p[i] != '-' && ascii_hex(s.p[i]) < 0)
            return false;
    return true;
#endif
}

/* Two ranges: NUL, `#` and `%` are in the first, `;`, `?` and `@` in the second; and what is beyond ASCII. */
static bool is_suspect(char c)
{
    return (signed char)c < '&' || (c >= ';' && c <= '@');
}

static bool harmless_by_segment(struct slice p)
{
    for (size_t i = 0; i < p.n; i++) {
        size_t start = i;
        while (i < p.n && p.p[i] != '/' && !is_suspect(p.p[i]))
            i++;
        if ((i < p.n && p.p[i] != '/') || (i - start > 1 && p.p[start + 1] == 'y') ||
            (i - start >= PIECE_LEAST && !begins_uuid(slice_sub(p, start, p.n))))
            return false;
    }
    return true;
}

#ifdef __SSE2__
/* Of 64 characters at most a bit each: which are suspect, `/` and `y`. */
struct marks {
    uint64_t suspect, slash, y;
};

/* Adds those of sixteen; the bits of them that were added before are added again. */
static inline void mark(struct marks *m, __m128i v, size_t at)
{
    __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8('&'));
    __m128i from = _mm_sub_epi8(v, _mm_set1_epi8((char)(';' - 128))); /* the least number is a `;`, then */
    __m128i any = _mm_or_si128(low, _mm_cmplt_epi8(from, _mm_set1_epi8('@' + 1 - ';' - 128)));
    m->suspect |= (uint64_t)(unsigned)_mm_movemask_epi8(any) << at;
    m->slash |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('/'))) << at;
    m->y |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('y'))) << at;
}

/* n: 8 to 15; NULs stand behind them. */
static inline __m128i up_to_fifteen(const char *p, size_t n)
{
    uint64_t low, high;
    memcpy(&low, p, 8);
    memcpy(&high, p + n - 8, 8);
    return _mm_set_epi64x(n > 8 ? (long long)(high >> (128 - 8 * n)) : 0, (long long)low);
}

/* Whether segments of PIECE_LEAST and more are UUIDs; slash: a bit for each that ends one. */
static inline bool long_are_uuids(struct slice p, uint64_t slash)
{
    for (size_t start = 0; start + PIECE_LEAST <= p.n;) {
        uint64_t behind = slash >> start;
        size_t n = behind ? (size_t)__builtin_ctzll(behind) : p.n - start;
        if (n >= PIECE_LEAST && !begins_uuid(slice_sub(p, start, p.n)))
            return false;
        start += n + 1;
    }
    return true;
}

/* p.n: 8 to 64. */
static inline struct marks marks_of(struct slice p)
{
    struct marks m = {0};
    if (p.n < 16) {
        mark(&m, up_to_fifteen(p.p, p.n), 0);
    } else {
        for (size_t at = 0; at + 16 < p.n; at += 16)
            mark(&m, sixteen(p.p + at), at);
        mark(&m, sixteen(p.p + p.n - 16), p.n - 16);
    }
    return m;
}

/* Of the first n characters; none of them is suspect. */
static inline bool harmless_by_bits(struct slice p, const struct marks *m)
{
    uint64_t slash = m->slash << (64 - p.n) >> (64 - p.n), y = m->y << (64 - p.n);
    uint64_t first = slash << 1 | 1; /* characters of segments, or the `/` behind empty ones */
    return !(y & (first & ~slash) << 1 << (64 - p.n)) && long_are_uuids(p, slash);
}
#endif

bool piece_harmless_before(struct slice t, size_t *mark)
{
#ifdef __SSE2__
    if (t.n >= 8 && t.n <= 64) {
        struct marks m = marks_of(t);
        uint64_t suspect = m.suspect << (64 - t.n) >> (64 - t.n);
        *mark = suspect ? (size_t)__builtin_ctzll(suspect) : t.n;
        return *mark && (!suspect || t.p[*mark] == '?') && harmless_by_bits(slice_sub(t, 0, *mark), &m);
    }
#endif
    *mark = slice_find(t, '?', 0);
    return harmless_by_segment(slice_sub(t, 0, *mark));
}

bool piece_harmless(struct slice p)
{
    size_t mark;
    return piece_harmless_before(p, &mark) && mark == p.n;
}
