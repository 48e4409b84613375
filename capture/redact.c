#include "capture/redact.h"

#include <stdlib.h>

#include "base/pages.h"
#include "base/prefetch.h"
#include "base/sixteen.h"
#include "base/utf8.h"

enum {
    WORDS = 16,
    PARAMETERS = 2048,
    RECENT = 128,
    ABREAST = 4,
    WORD_MAX = 12,
    INTEGER_MOST = 20,
    TARGET_KEPT = 16 * 1024,
    MEMO = 8192,
    MEMO_TEXT = 118,
    NESTED = 3
};

/* A target redacted before: what is shown of it never changes (words are only ever added to those that are shown, and a
 * word that was hidden stays hidden since the sixteen are full). */
struct memo {
    uint64_t target;
    uint8_t n;
    char text[MEMO_TEXT];
};

/* The first words seen of one parameter stay readable; later ones are hidden. */
struct parameter {
    uint64_t name;
    uint8_t n;
    bool sensitive, odd; /* odd: the name itself must be looked at */
    uint64_t word[WORDS];
};

struct redact {
    struct hash_key key;
    struct redact_options options;
    struct parameter *parameters; /* open addressing by name hash; full: everything is hidden */
    unsigned used;
    struct recent {
        uint64_t name; /* hash_quick */
        struct parameter *is;
    } recent[RECENT][ABREAST]; /* as many a place, the one that came last first */
    struct memo *memo;         /* direct-mapped */
    struct buf valid, plain;   /* scratch: valid UTF-8; without escapes that need not be */
};

struct redact *redact_new(const struct hash_key *key, const struct redact_options *o)
{
    struct redact *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->key = *key;
    r->options = *o;
    r->parameters = calloc(PARAMETERS, sizeof *r->parameters);
    r->memo = pages_table(MEMO * sizeof *r->memo);
    if (r->parameters && r->memo)
        return r;
    redact_free(r);
    return NULL;
}

void redact_free(struct redact *r)
{
    if (!r)
        return;
    free(r->parameters);
    pages_release(r->memo, MEMO * sizeof *r->memo);
    buf_free(&r->valid);
    buf_free(&r->plain);
    free(r);
}

uint64_t redact_id(const struct hash_key *key, struct slice value)
{
    return hash_bytes(key, 'v', value.p, value.n) & 0xffffffffffff;
}

/* Writes eight hex digits, all at once: a byte of a word each, the first the lowest. */
static inline void write_hex(uint32_t v, char out[8])
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t x = __builtin_bswap32(v);
    x = (x | x << 16) & 0x0000ffff0000ffff;
    x = (x | x << 8) & 0x00ff00ff00ff00ff;
    x = (x >> 4 | x << 8) & (15 * ones);
    x += '0' * ones + ((x + 6 * ones) >> 4 & ones) * ('a' - '0' - 10);
    for (int i = 0; i < 8; i++)
        out[i] = (char)(x >> 8 * i);
}

void redact_hide(const struct redact *r, struct slice value, int class, char out[REDACTED])
{
    char digits[16];
    uint64_t h = redact_id(&r->key, value);
    if (class >= 0 && class < ROUTE_LETTERS)
        h = (h & ~(uint64_t)3) | (uint64_t) class;
    write_hex((uint32_t)(h >> 16), digits);
    write_hex((uint32_t)(h << 16), digits + 8);
    out[0] = '~';
    memcpy(out + 1, digits, REDACTED - 1);
    if (class >= ROUTE_LETTERS)
        out[12] = (char)('A' + class - ROUTE_LETTERS);
}

static void escape(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[3] = {'%', digits[c >> 4], digits[c & 15]};
    buf_add(out, text, sizeof text);
}

/* RFC 3986 section 6.2.2: an escape that need not be one is the same as what it stands for. */
static struct slice normal(struct redact *r, struct slice s)
{
    if (slice_find(s, '%', 0) == s.n)
        return s;
    r->plain.n = 0;
    for (size_t at = 0; at < s.n;) {
        char c;
        size_t n = piece_char(s, at, &c);
        if (n == 1 || ascii_alpha(c) || ascii_digit(c) || (c && strchr("-._~", c)))
            buf_char(&r->plain, c);
        else
            escape(&r->plain, (unsigned char)c);
        at += n;
    }
    return slice_of(r->plain.p, r->plain.n);
}

/* What was hidden already stays, in records alone: from the wire anybody can send it. */
static void hide(const struct redact *r, struct slice value, int class, struct buf *out)
{
    char text[REDACTED];
    if (r->options.sealed && route_is_hidden(value)) {
        buf_slice(out, value);
        return;
    }
    redact_hide(r, value, class, text);
    buf_add(out, text, sizeof text);
}

/* Whether the word, in lower case, begins at this character of the name, which may be percent-encoded. */
static bool word_at(struct slice name, size_t at, struct slice word, size_t *end)
{
    for (size_t i = 0; i < word.n; i++) {
        char c;
        if (at >= name.n)
            return false;
        at += piece_char(name, at, &c);
        if (ascii_lower(c) != ascii_lower(word.p[i]))
            return false;
    }
    *end = at;
    return true;
}

static bool contains(struct slice name, struct slice word)
{
    char c;
    size_t end;
    for (size_t at = 0; at < name.n; at += piece_char(name, at, &c))
        if (word_at(name, at, word, &end))
            return true;
    return false;
}

bool redact_sensitive(const struct redact *r, struct slice name)
{
    static const struct slice words[] = {
        SLICE("token"), SLICE("key"),  SLICE("secret"), SLICE("pass"),   SLICE("sig"),  SLICE("code"),
        SLICE("sess"),  SLICE("auth"), SLICE("cred"),   SLICE("jwt"),    SLICE("pwd"),  SLICE("sid"),
        SLICE("otp"),   SLICE("cvv"),  SLICE("saml"),   SLICE("bearer"), SLICE("hmac"), SLICE("assertion")};
    static const struct slice whole[] = {SLICE("pin"), SLICE("cvc"), SLICE("mfa"), SLICE("tan")};
    size_t end;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (contains(name, words[i]))
            return true;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (word_at(name, 0, whole[i], &end) && end == name.n)
            return true;
    struct slice rest = slice_str(r->options.more_names), item;
    while (slice_next(&rest, ',', &item))
        if (word_at(name, 0, item, &end) && end == name.n)
            return true;
    return false;
}

static bool is_integer(struct slice v)
{
    size_t i = v.n && v.p[0] == '-';
    if (v.n - i < 1 || v.n - i > INTEGER_MOST)
        return false;
    for (; i < v.n; i++)
        if (!ascii_digit(v.p[i]))
            return false;
    return true;
}

/* 2024-05-01, 2024-05, 2024-05-01T10:00:00.000Z: RFC 3339 and its beginnings. */
static bool is_date(struct slice v)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    if (v.n < 7 || v.n > 35)
        return false;
    for (size_t i = 0; i < v.n; i++) {
        char want = i < sizeof shape - 1 ? shape[i] : 'z';
        bool fits = want == 'd'   ? ascii_digit(v.p[i])
                    : want == 'z' ? ascii_digit(v.p[i]) || strchr("Z.+-:", v.p[i])
                                  : v.p[i] == want;
        if (!fits)
            return false;
    }
    return true;
}

static bool is_word(struct slice v)
{
    if (v.n > WORD_MAX)
        return false;
    for (size_t i = 0; i < v.n; i++)
        if (!ascii_alpha(v.p[i]) && v.p[i] != '_' && v.p[i] != '-')
            return false;
    return true;
}

/* Whether a name may be, or hold, what a path may not show. */
static bool is_odd(struct slice name)
{
    return name.n >= PIECE_LEAST || slice_find(name, '@', 0) < name.n || slice_find(name, '%', 0) < name.n ||
           slice_starts(name, SLICE("eyJ"));
}

static __attribute__((noinline)) struct parameter *find_parameter(struct redact *r, struct slice name)
{
    uint64_t h = hash_bytes(&r->key, 'p', name.p, name.n) | 1;
    struct parameter *p = &r->parameters[h % PARAMETERS];
    while (p->name && p->name != h)
        p = p + 1 == r->parameters + PARAMETERS ? r->parameters : p + 1;
    if (p->name)
        return p;
    if (r->used >= PARAMETERS / 2)
        return NULL;
    r->used++;
    p->name = h;
    p->sensitive = redact_sensitive(r, name);
    p->odd = is_odd(name);
    return p;
}

/* What is known of a parameter of this name; NULL when the table is full. */
static inline struct parameter *parameter_of(struct redact *r, struct slice name)
{
    uint64_t quick = hash_quick(&r->key, name.p, name.n);
    struct recent *at = r->recent[quick % RECENT];
    for (unsigned i = 0; i < ABREAST; i++)
        if (at[i].name == quick && at[i].is)
            return at[i].is;
    memmove(at + 1, at, (ABREAST - 1) * sizeof *at);
    at[0] = (struct recent){quick, find_parameter(r, name)};
    return at[0].is;
}

/* Whether this word is among the first 16 of its parameter. */
static bool word_known(struct redact *r, struct parameter *p, struct slice word)
{
    uint64_t w = hash_quick(&r->key, word.p, word.n);
    for (unsigned i = 0; i < p->n; i++)
        if (p->word[i] == w)
            return true;
    if (p->n == WORDS)
        return false;
    p->word[p->n++] = w;
    return true;
}

/* Strict: the part of a segment that its route replaces with a class. False: nothing was written. */
static bool hide_id(struct redact *r, struct slice s, struct buf *out)
{
    struct route_id id;
    struct slice plain = r->options.strict ? normal(r, s) : s;
    if (!r->options.strict || !route_id(plain, &id))
        return false;
    buf_slice(out, slice_sub(plain, 0, id.from));
    hide(r, slice_sub(plain, id.from, id.to), (int)id.class, out);
    buf_slice(out, slice_sub(plain, id.to, plain.n));
    return true;
}

static bool is_word_char(char c)
{
    return ascii_alpha(c) || ascii_digit(c) || (unsigned char)c >= 0x80;
}

/* Where the part that begins here ends: what was hidden before, or looks so; letters and digits in a row, escaped ones,
 * too; a character of another kind. */
static size_t part_end(struct slice s, size_t at)
{
    char c;
    size_t n, end = at;
    if (route_is_hidden(slice_sub(s, at, at + ROUTE_HIDDEN)))
        return at + ROUTE_HIDDEN;
    while (end < s.n && (n = piece_char(s, end, &c)) && is_word_char(c))
        end += n;
    return end > at ? end : at + piece_char(s, at, &c);
}

/* A segment of several parts, or what stands beside a hidden piece of one. Strict: each may be an id, as in `Users(42)`
 * and `1,2,3`. */
static void parts_of(struct redact *r, struct slice s, struct buf *out)
{
    for (size_t at = 0, end; at < s.n; at = end) {
        end = r->options.strict ? part_end(s, at) : s.n;
        if (!hide_id(r, slice_sub(s, at, end), out))
            buf_slice(out, slice_sub(s, at, end));
    }
}

/* Whether it has several parts: slugs, names of files and versions are one. */
static bool is_composite(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_word_char(s.p[i]) && !strchr("-_.", s.p[i]))
            return true;
    return false;
}

/* Of one segment what is no parameter. */
static void own_text(struct redact *r, struct slice s, struct buf *out)
{
    int class = r->options.clear_targets ? -1 : piece_whole(s);
    struct secret_piece piece;
    size_t at = 0, least = PIECE_BESIDE;
    if (class >= 0) {
        hide(r, normal(r, s), class, out);
        return;
    }
    if (hide_id(r, s, out))
        return;
    bool looked = s.n >= PIECE_LEAST || r->options.strict; /* what is hidden makes it longer, and it may come again */
    if (r->options.clear_targets || !looked || !piece_next(s, 0, PIECE_LEAST, r->options.sealed, &piece)) {
        if (r->options.strict && is_composite(s))
            parts_of(r, s, out);
        else
            buf_slice(out, s);
        return;
    }
    while (piece_next(s, at, least, r->options.sealed, &piece)) {
        parts_of(r, slice_sub(s, at, piece.from), out);
        hide(r, normal(r, slice_sub(s, piece.from, piece.to)), piece.class, out);
        at = piece.to;
    }
    parts_of(r, slice_sub(s, at, s.n), out);
}

/* Whether the value of a path parameter is an id; strict alone hides those. */
static bool is_id(struct redact *r, struct slice value)
{
    struct route_id id;
    return r->options.strict && route_id(normal(r, value), &id);
}

/* One segment: its own class or pieces, then `;name=value` parameters that carry secrets. */
static void segment(struct redact *r, struct slice s, struct buf *out)
{
    size_t semicolon = slice_find(s, ';', 0);
    struct slice rest = slice_sub(s, semicolon, s.n);
    own_text(r, slice_sub(s, 0, semicolon), out);
    while (rest.n) {
        size_t next = slice_find(rest, ';', 1), equals = slice_find(slice_sub(rest, 0, next), '=', 0);
        struct slice name = slice_sub(rest, 1, equals), value = slice_sub(rest, equals + 1, next);
        buf_char(out, ';');
        own_text(r, name, out);
        if (equals < next) {
            bool secret = redact_sensitive(r, name) || is_id(r, value) ||
                          (!r->options.clear_targets && (value.n >= PIECE_LEAST || piece_whole(value) >= 0));
            buf_char(out, '=');
            if (secret && value.n)
                hide(r, value, -1, out);
            else
                buf_slice(out, value);
        }
        rest = slice_sub(rest, next, rest.n);
    }
}

static void path(struct redact *r, struct slice p, struct buf *out)
{
    size_t at = 0;
    if (!r->options.strict && piece_harmless(p)) {
        buf_slice(out, p);
        return;
    }
    for (;;) {
        size_t end = slice_find(p, '/', at);
        segment(r, slice_sub(p, at, end), out);
        if (end >= p.n)
            return;
        buf_char(out, '/');
        at = end + 1;
    }
}

/* Whether text has a parameter that carries a secret. */
static bool names_secret(const struct redact *r, struct slice text)
{
    for (size_t at = 0, begin = 0; at < text.n; at++) {
        if (text.p[at] == '=' && redact_sensitive(r, slice_sub(text, begin, at)))
            return true;
        if (memchr("?&;#=", text.p[at], 5))
            begin = at + 1;
    }
    return false;
}

/* Whether a value is a target with a secret in it, escaped once or more: next=%2Fx%3Ftoken%3D… */
static bool nests_secret(struct redact *r, struct slice value)
{
    r->plain.n = 0;
    buf_slice(&r->plain, value);
    if (r->plain.failed)
        return true;
    for (int times = 0; times < NESTED; times++) {
        struct slice text = slice_of(r->plain.p, r->plain.n);
        if (slice_find(text, '%', 0) == text.n)
            break;
        r->plain.n = 0;
        for (size_t at = 0; at < text.n;)
            at += piece_char(text, at, &r->plain.p[r->plain.n++]);
        if (names_secret(r, slice_of(r->plain.p, r->plain.n)))
            return true;
    }
    return false;
}

static bool shown(struct redact *r, struct parameter *p, struct slice name, struct slice value)
{
    if (!value.n || (r->options.sealed && route_is_hidden(value)))
        return true;
    if (p ? p->sensitive : redact_sensitive(r, name))
        return false;
    if (r->options.clear_targets)
        return !nests_secret(r, value);
    return is_integer(value) || is_date(value) || (p && is_word(value) && word_known(r, p, value));
}

/* What stands alone, without a value, is judged like a path; so is a name that may be a secret itself. */
static void parameter(struct redact *r, struct slice item, struct buf *out)
{
    size_t equals = slice_find(item, '=', 0);
    struct slice name = slice_sub(item, 0, equals), value = slice_sub(item, equals + 1, item.n);
    struct parameter *p = value.n ? parameter_of(r, name) : NULL;
    if (p ? p->odd : is_odd(name))
        path(r, name, out);
    else
        buf_slice(out, name);
    if (equals == item.n)
        return;
    buf_char(out, '=');
    if (shown(r, p, name, value))
        buf_slice(out, value);
    else
        hide(r, value, -1, out);
}

/* Where values are shown as sent, what some servers take for another parameter is one. */
static void query(struct redact *r, struct slice q, struct buf *out)
{
    size_t at = 0;
    for (;;) {
        size_t end = slice_find(q, '&', at);
        if (r->options.clear_targets)
            for (end = at; end < q.n && q.p[end] != '&' && q.p[end] != ';' && q.p[end] != '?'; end++)
                ;
        parameter(r, slice_sub(q, at, end), out);
        if (end >= q.n)
            return;
        buf_char(out, q.p[end]);
        at = end + 1;
    }
}

/* Where the host begins in an authority: behind user and password. */
static size_t host_at(struct slice authority)
{
    size_t at = authority.n;
    while (at && authority.p[at - 1] != '@')
        at--;
    return at;
}

/* Length of "scheme://" (RFC 3986 section 3.1), or 0. */
static size_t scheme_length(struct slice t)
{
    size_t n = 0;
    while (n < t.n && (ascii_alpha(t.p[n]) || (n && (ascii_digit(t.p[n]) || strchr("+-.", t.p[n])))))
        n++;
    return n && slice_starts(slice_sub(t, n, t.n), SLICE("://")) ? n + 3 : 0;
}

/* Scheme and authority of an absolute target, or an authority alone; user and password never pass. Returns where the
 * path begins. */
static size_t absolute(struct redact *r, struct slice t, struct buf *out)
{
    size_t scheme = scheme_length(t), start = scheme;
    if (slice_starts(t, SLICE("//")))
        start = 2;
    else if (t.n && t.p[0] == '/')
        return 0;
    size_t end = start;
    while (end < t.n && t.p[end] != '/' && t.p[end] != '?')
        end++;
    size_t at = host_at(slice_sub(t, start, end));
    struct slice user = slice_sub(t, start, start + at - (at > 0));
    bool alone = slice_find(user, ':', 0) == user.n && !route_is_hidden(user); /* rather an e-mail address */
    if (!scheme && (!at || (start && alone)))
        return 0;
    buf_slice(out, slice_sub(t, 0, start));
    if (at) {
        hide(r, user, -1, out);
        buf_char(out, '@');
    }
    if (!scheme)
        return start + at;
    buf_slice(out, slice_sub(t, start + at, end));
    return end;
}

/* How many bytes are certainly ASCII and no NUL: by eight, or all. */
static size_t ascii_start(struct slice s)
{
    static const uint64_t low = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t word;
    size_t at = 0;
    for (; at + 8 <= s.n; at += 8) {
        memcpy(&word, s.p + at, 8);
        if ((word | (word - low)) & high) /* a byte that is NUL borrows */
            return at;
    }
    if (s.n < 8)
        return 0;
    memcpy(&word, s.p + s.n - 8, 8);
    return (word | (word - low)) & high ? at : s.n;
}

/* The same text with every byte percent-encoded that is no UTF-8, so that it is the same in a record; NUL, too. */
static struct slice valid(struct redact *r, struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t at = ascii_start(s), n;
    while (at < s.n && p[at] && (n = utf8_length(p + at, s.n - at)))
        at += n;
    if (at == s.n)
        return s;
    r->valid.n = 0;
    for (at = 0; at < s.n; at += n ? n : 1) {
        n = p[at] ? utf8_length(p + at, s.n - at) : 0;
        if (n)
            buf_add(&r->valid, p + at, n);
        else
            escape(&r->valid, p[at]);
    }
    return slice_of(r->valid.p, r->valid.n);
}

struct slice redact_authority(struct redact *r, struct slice authority)
{
    struct slice a = slice_sub(authority, host_at(authority), authority.n);
    size_t end = 0;
    while (end < a.n && a.p[end] != '/' && a.p[end] != '?' && a.p[end] != '#')
        end++;
    return valid(r, slice_sub(a, 0, end + 1)); /* what cut it stays: it is no host, and not to be taken for one */
}

/* Cuts behind a separator, so that nothing is cut in two. The hash stands for the whole. */
static void shorten(struct redact *r, struct slice target, size_t start, struct buf *out)
{
    size_t n = start + TARGET_KEPT - REDACTED;
    while (n > start && !strchr("/?&", out->p[n - 1]))
        n--;
    out->n = n;
    hide(r, target, -1, out);
}

static void redact_anew(struct redact *r, struct slice target, struct buf *out)
{
    size_t start = out->n;
    struct slice t = valid(r, target);
    size_t fragment = slice_find(t, '#', 0);
    struct slice asked = slice_sub(t, 0, fragment), behind = slice_sub(t, fragment + 1, t.n);
    size_t begin = absolute(r, asked, out);
    size_t mark = slice_find(asked, '?', begin);
    path(r, slice_sub(asked, begin, mark), out);
    if (mark < asked.n) {
        buf_char(out, '?');
        query(r, slice_sub(asked, mark + 1, asked.n), out);
    }
    if (fragment < t.n)
        buf_char(out, '#');
    if (behind.n)
        hide(r, behind, -1, out);
    if (out->n - start > TARGET_KEPT && !out->failed)
        shorten(r, target, start, out);
}

/* ---- a plain path, and a query as most are: what is learned of parameters is learned in the same order ---- */

#ifdef __SSE2__
enum { QUERY_LEAST = 16, QUERY_MOST = 64 };

/* Of a query's characters a bit each. */
struct query_marks {
    uint64_t separator, equals, digit, letter; /* letter: what words are made of */
    uint64_t odd;                              /* a `#`, NUL, or beyond ASCII */
};

/* Adds those of sixteen, the first of them at `at`. */
static inline void mark_query(struct query_marks *m, __m128i v, size_t at)
{
    __m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    __m128i letter = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
    __m128i is_dash = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('-')), _mm_cmpeq_epi8(v, _mm_set1_epi8('_')));
    __m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(1)), _mm_cmpeq_epi8(v, _mm_set1_epi8('#')));
    m->separator |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('&'))) << at;
    m->equals |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('='))) << at;
    m->digit |= (uint64_t)(unsigned)_mm_movemask_epi8(is_digit) << at;
    m->letter |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_or_si128(is_letter, is_dash)) << at;
    m->odd |= (uint64_t)(unsigned)_mm_movemask_epi8(odd) << at;
}

/* Those of the last n of a target of QUERY_LEAST and more. */
static inline struct query_marks query_marks_of(struct slice target, size_t n)
{
    struct query_marks m = {0};
    const char *end = target.p + target.n;
    for (size_t at = 0; at + 16 < n; at += 16)
        mark_query(&m, sixteen(end - n + at), at);
    if (n >= 16) {
        mark_query(&m, sixteen(end - 16), n - 16);
        return m;
    }
    mark_query(&m, sixteen(end - 16), 0);
    unsigned before = 16 - (unsigned)n;
    return (struct query_marks){m.separator >> before, m.equals >> before, m.digit >> before, m.letter >> before,
                                m.odd >> before};
}

/* As shown(), of a value that is none of what was hidden before, at this bit. */
static inline bool shown_by_marks(struct redact *r, struct parameter *p, const struct query_marks *m, size_t at,
                                  struct slice value)
{
    uint64_t all = ~UINT64_C(0) >> (64 - value.n), digit = m->digit >> at & all, letter = m->letter >> at & all;
    if (p->sensitive)
        return false;
    if (digit == all && value.n <= INTEGER_MOST)
        return true;
    return ((digit | 1) == all && is_integer(value)) || (digit & 1 && is_date(value)) ||
           (letter == all && value.n <= WORD_MAX && word_known(r, p, value));
}

/* What stands from `from` up to `to`, which is behind it. */
static inline char *copy_up_to(char *out, const char *from, const char *to)
{
    size_t n = (size_t)(to - from);
    slice_copy(out, slice_of(from, n));
    return out + n;
}

/* Appends the target, whose path is plain; or nothing, false: its query is not as most. What is shown is copied as it
 * stands between what is hidden. */
static bool redact_query(struct redact *r, struct slice target, size_t mark, struct buf *out)
{
    size_t n = target.n - mark - 1;
    bool usual = !r->options.clear_targets && !r->options.sealed && n && n <= QUERY_MOST && target.n >= QUERY_LEAST;
    if (!usual || !buf_reserve(out, target.n + (n / 3 + 1) * REDACTED))
        return false;
    struct query_marks m = query_marks_of(target, n);
    const char *q = target.p + mark + 1, *shown = target.p;
    char *to = out->p + out->n;
    for (size_t at = 0; !m.odd; at++) {
        uint64_t ends = at < n ? m.separator >> at : 0, equal = at < n ? m.equals >> at : 0;
        size_t end = ends ? at + (size_t)__builtin_ctzll(ends) : n;
        size_t from = equal ? at + (size_t)__builtin_ctzll(equal) + 1 : n;
        struct parameter *p = from < end ? parameter_of(r, slice_of(q + at, from - 1 - at)) : NULL;
        if (!p || p->odd)
            return false;
        struct slice value = slice_of(q + from, end - from);
        if (!shown_by_marks(r, p, &m, from, value)) {
            to = copy_up_to(to, shown, value.p);
            redact_hide(r, value, -1, to);
            to += REDACTED;
            shown = value.p + value.n;
        }
        at = end;
        if (end == n) {
            out->n = (size_t)(copy_up_to(to, shown, target.p + target.n) - out->p);
            return true;
        }
    }
    return false;
}
#else
static bool redact_query(struct redact *r, struct slice target, size_t mark, struct buf *out)
{
    (void)r, (void)target, (void)mark, (void)out;
    return false;
}
#endif

uint64_t redact_expect(struct redact *r, struct slice target, struct target_seen *seen)
{
    size_t mark;
    bool plain = target.n && target.n <= TARGET_KEPT && target.p[0] == '/' && !r->options.strict &&
                 piece_harmless_before(target, &mark);
    if (!plain)
        mark = slice_find(target, '?', 0);
    seen->mark = (uint32_t)mark;
    seen->path = hash_quick(&r->key, target.p, mark);
    seen->query = mark < target.n ? hash_quick(&r->key, target.p + mark, target.n - mark) : 0;
    if (plain)
        return mark < target.n ? REDACT_QUERY : REDACT_PLAIN;
    uint64_t h = hash_mix(seen->path + seen->query);
    prefetch(&r->memo[h % MEMO]); /* what most are shown as ends in its first line */
    return h <= REDACT_QUERY ? ~h : h;
}

void redact_target(struct redact *r, struct slice target, uint64_t expected, size_t mark, struct buf *out)
{
    struct target_seen seen = {.mark = (uint32_t)mark};
    uint64_t h = expected == REDACT_UNKNOWN ? redact_expect(r, target, &seen) : expected;
    if (h == REDACT_PLAIN) {
        buf_slice(out, target);
        return;
    }
    if (h == REDACT_QUERY) {
        if (!redact_query(r, target, seen.mark, out))
            redact_anew(r, target, out);
        return;
    }
    struct memo *m = &r->memo[h % MEMO];
    size_t start = out->n;
    if (m->target == h && m->n) {
        buf_add(out, m->text, m->n);
        return;
    }
    redact_anew(r, target, out);
    if (out->failed || out->n - start > MEMO_TEXT || out->n == start)
        return;
    m->target = h;
    m->n = (uint8_t)(out->n - start);
    memcpy(m->text, out->p + start, m->n);
}
