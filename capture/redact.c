#include "capture/redact.h"

#include <stdlib.h>

#include "base/pages.h"
#include "base/prefetch.h"

enum { WORDS = 16, PARAMETERS = 2048, WORD_MAX = 12, TARGET_KEPT = 16 * 1024, MEMO = 8192, MEMO_TEXT = 118 };

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
    uint64_t word[WORDS];
    uint8_t n;
    bool sensitive;
};

struct redact {
    struct hash_key key;
    struct redact_options options;
    struct parameter *parameters; /* open addressing by name hash; full: everything is hidden */
    unsigned used;
    struct memo *memo; /* direct-mapped */
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
    free(r);
}

uint64_t redact_id(const struct hash_key *key, struct slice value)
{
    return hash_bytes(key, 'v', value.p, value.n) & 0xffffffffffff;
}

void redact_hide(const struct redact *r, struct slice value, int low2, char out[REDACTED])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t h = redact_id(&r->key, value);
    if (low2 >= 0)
        h = (h & ~(uint64_t)3) | (uint64_t)low2;
    out[0] = '~';
    for (int i = 0; i < 12; i++)
        out[1 + i] = digits[h >> (44 - 4 * i) & 15];
}

static void hide(const struct redact *r, struct slice value, int low2, struct buf *out)
{
    char text[REDACTED];
    redact_hide(r, value, low2, text);
    buf_add(out, text, sizeof text);
}

static bool contains(struct slice s, struct slice part)
{
    for (size_t i = 0; i + part.n <= s.n; i++)
        if (slice_ieq(slice_sub(s, i, i + part.n), part))
            return true;
    return false;
}

bool redact_sensitive(const struct redact *r, struct slice name)
{
    static const struct slice words[] = {SLICE("token"), SLICE("key"),  SLICE("secret"), SLICE("pass"),
                                         SLICE("sig"),   SLICE("code"), SLICE("sess"),   SLICE("auth"),
                                         SLICE("cred"),  SLICE("jwt"),  SLICE("pwd"),    SLICE("sid")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (contains(name, words[i]))
            return true;
    struct slice rest = slice_str(r->options.more_names), item;
    while (slice_next(&rest, ',', &item))
        if (slice_ieq(item, name))
            return true;
    return false;
}

static bool is_integer(struct slice v)
{
    size_t i = v.n && v.p[0] == '-';
    if (v.n - i < 1 || v.n - i > 20)
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

/* What is known of a parameter of this name; NULL when the table is full. */
static struct parameter *parameter_of(struct redact *r, struct slice name)
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
    return p;
}

/* Whether this word is among the first 16 of its parameter. */
static bool word_known(struct redact *r, struct parameter *p, struct slice word)
{
    uint64_t w = hash_bytes(&r->key, 'w', word.p, word.n);
    for (unsigned i = 0; i < p->n; i++)
        if (p->word[i] == w)
            return true;
    if (p->n == WORDS)
        return false;
    p->word[p->n++] = w;
    return true;
}

static bool shown(struct redact *r, struct slice name, struct slice value)
{
    if (!value.n)
        return true;
    struct parameter *p = parameter_of(r, name);
    if (p ? p->sensitive : redact_sensitive(r, name))
        return false;
    return r->options.clear_targets || is_integer(value) || is_date(value) ||
           (p && is_word(value) && word_known(r, p, value));
}

static void parameter(struct redact *r, struct slice item, struct buf *out)
{
    size_t equals = slice_find(item, '=', 0);
    if (equals == item.n) {
        buf_slice(out, item);
        return;
    }
    struct slice name = slice_sub(item, 0, equals), value = slice_sub(item, equals + 1, item.n);
    bool clear = shown(r, name, value);
    buf_slice(out, clear ? item : slice_sub(item, 0, equals + 1));
    if (!clear)
        hide(r, value, -1, out);
}

static void query(struct redact *r, struct slice q, struct buf *out)
{
    size_t at = 0;
    for (;;) {
        size_t end = slice_find(q, '&', at);
        parameter(r, slice_sub(q, at, end), out);
        if (end >= q.n)
            return;
        buf_char(out, '&');
        at = end + 1;
    }
}

static bool is_jwt(struct slice s)
{
    unsigned dots = 0;
    if (s.n < 10 || memcmp(s.p, "eyJ", 3) != 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        dots += s.p[i] == '.';
        if (!ascii_alpha(s.p[i]) && !ascii_digit(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
            return false;
    }
    return dots == 2;
}

static bool is_email(struct slice s)
{
    size_t at = slice_find(s, '@', 0), skip = 1;
    if (at == s.n) { /* %40 */
        for (at = 0; at + 3 <= s.n && memcmp(s.p + at, "%40", 3) != 0; at++)
            ;
        if (at + 3 > s.n)
            return false;
        skip = 3;
    }
    return at && slice_find(s, '.', at + skip) < s.n;
}

int redact_segment_class(struct slice s)
{
    size_t hex = 0, b64 = 0, digits = 0, upper = 0, dashes = 0;
    if (s.n < 3)
        return -1;
    if (s.p[0] == 'e' && is_jwt(s))
        return REDACT_JWT;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        hex += ascii_hex(c) >= 0;
        digits += ascii_digit(c);
        upper += c >= 'A' && c <= 'Z';
        dashes += c == '-' || c == '_';
        b64 += ascii_alpha(c) || ascii_digit(c) || c == '-' || c == '_' || c == '=' || c == '+';
    }
    if (b64 < s.n && is_email(s))
        return REDACT_EMAIL;
    if (s.n < 32 || b64 < s.n)
        return -1;
    if (hex == s.n && digits)
        return REDACT_HEX;
    bool uuid = s.n == 36 && s.p[8] == '-' && s.p[13] == '-' && s.p[18] == '-' && s.p[23] == '-' && hex == 32;
    bool slug = dashes && !upper;                                       /* top-10-ways-to-… */
    bool words = !digits && (upper < s.n / 5 || upper > s.n - s.n / 5); /* listMembersOfTheOrganization… */
    return !uuid && !slug && !words ? REDACT_B64 : -1;
}

/* One segment: its own class, then `;name=value` parameters that carry secrets. */
static void segment(struct redact *r, struct slice s, struct buf *out)
{
    size_t semicolon = slice_find(s, ';', 0);
    struct slice own = slice_sub(s, 0, semicolon), rest = slice_sub(s, semicolon, s.n);
    int class = r->options.clear_targets ? -1 : redact_segment_class(own);
    if (class >= 0)
        hide(r, own, class, out);
    else
        buf_slice(out, own);
    while (rest.n) {
        size_t next = slice_find(rest, ';', 1), equals = slice_find(slice_sub(rest, 0, next), '=', 0);
        buf_slice(out, slice_sub(rest, 0, equals < next ? equals + 1 : next));
        if (equals < next) {
            struct slice value = slice_sub(rest, equals + 1, next);
            if (redact_sensitive(r, slice_sub(rest, 1, equals)) || (!r->options.clear_targets && value.n >= 32))
                hide(r, value, -1, out);
            else
                buf_slice(out, value);
        }
        rest = slice_sub(rest, next, rest.n);
    }
}

static bool is_uuid(struct slice s)
{
    if (s.n < 36 || s.p[8] != '-' || s.p[13] != '-' || s.p[18] != '-' || s.p[23] != '-')
        return false;
    for (size_t i = 0; i < 36; i++)
        if (s.p[i] != '-' && ascii_hex(s.p[i]) < 0)
            return false;
    return s.n == 36 || s.p[36] == '/';
}

/* What a character means to `harmless`. */
enum { PLAIN, SLASH, SUSPECT };
static const uint8_t path_char[256] = {['/'] = SLASH, ['@'] = SUSPECT, ['%'] = SUSPECT, [';'] = SUSPECT};

/* Nothing in this path can need hiding: no segment of 32 or more but UUIDs, none that begins like a JWT, no `@`, `%` or
 * `;`. */
static bool harmless(struct slice p)
{
    for (size_t i = 0; i < p.n; i++) {
        size_t start = i;
        while (i < p.n && path_char[(unsigned char)p.p[i]] == PLAIN)
            i++;
        if ((i < p.n && p.p[i] != '/') || (i - start > 1 && p.p[start + 1] == 'y') ||
            (i - start > 31 && !is_uuid(slice_sub(p, start, p.n))))
            return false;
    }
    return true;
}

static void path(struct redact *r, struct slice p, struct buf *out)
{
    size_t at = 0;
    if (harmless(p)) {
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

/* Scheme and authority of an absolute target; user and password never pass. Returns where the path begins. */
static size_t absolute(struct redact *r, struct slice t, struct buf *out)
{
    size_t colon = slice_find(t, ':', 0);
    if (colon + 2 >= t.n || t.p[colon + 1] != '/' || t.p[colon + 2] != '/' || slice_find(t, '/', 0) < colon)
        return 0;
    size_t start = colon + 3, end = start;
    while (end < t.n && t.p[end] != '/' && t.p[end] != '?')
        end++;
    struct slice authority = slice_sub(t, start, end);
    size_t at = authority.n;
    while (at && authority.p[at - 1] != '@')
        at--;
    buf_slice(out, slice_sub(t, 0, start));
    if (at) {
        hide(r, slice_sub(authority, 0, at - 1), -1, out);
        buf_char(out, '@');
    }
    buf_slice(out, slice_sub(authority, at, authority.n));
    return end;
}

static void redact_anew(struct redact *r, struct slice target, struct buf *out)
{
    size_t start = out->n;
    size_t begin = absolute(r, target, out);
    size_t mark = slice_find(target, '?', begin);
    path(r, slice_sub(target, begin, mark), out);
    if (mark < target.n) {
        buf_char(out, '?');
        query(r, slice_sub(target, mark + 1, target.n), out);
    }
    if (out->n - start > TARGET_KEPT) { /* the hash stands for the whole */
        out->n = start + TARGET_KEPT - REDACTED;
        hide(r, target, -1, out);
    }
}

uint64_t redact_expect(struct redact *r, struct slice target)
{
    if (target.n && target.n <= TARGET_KEPT && target.p[0] == '/' && !memchr(target.p, '?', target.n) &&
        harmless(target))
        return REDACT_PLAIN;
    uint64_t h = hash_bytes(&r->key, 't', target.p, target.n);
    prefetch(&r->memo[h % MEMO]);
    prefetch((const char *)&r->memo[h % MEMO] + 64);
    return h <= REDACT_PLAIN ? ~h : h;
}

void redact_target(struct redact *r, struct slice target, uint64_t expected, struct buf *out)
{
    uint64_t h = expected == REDACT_UNKNOWN ? redact_expect(r, target) : expected;
    if (h == REDACT_PLAIN) {
        buf_slice(out, target);
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
