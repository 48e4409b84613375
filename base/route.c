#include "base/route.h"

#include <arpa/inet.h>

static const char *const extensions[] = {"json", "xml",  "pdf",  "png",   "jpg",  "jpeg", "gif",  "svg",   "webp",
                                         "avif", "ico",  "csv",  "txt",   "html", "htm",  "js",   "css",   "map",
                                         "zip",  "gz",   "tar",  "mp3",   "mp4",  "webm", "m3u8", "ts",    "yml",
                                         "yaml", "wasm", "woff", "woff2", "ttf",  "rss",  "atom", "jsonl", "ndjson",
                                         "bin",  "doc",  "docx", "xls",   "xlsx", "ppt",  "pptx", "php"};

/* How many characters of each kind a segment has; what most rules ask for. */
struct census {
    size_t digits, lower, upper, dashes, hex, hex_letters, dots, ats, colons;
    size_t turns; /* neighbours of which one is a digit or capital and the other not */
};

/* A byte of a word for each kind, so that one addition a character counts them all. */
enum { DIGIT, LOWER, UPPER, DASH, HEX, DOT, AT, COLON };
#define ONE(kind) (UINT64_C(1) << 8 * (kind))
#define LANE(word, kind) ((size_t)((word) >> 8 * (kind)&255))
#define D (ONE(DIGIT) | ONE(HEX))
#define L ONE(LOWER)
#define X (ONE(LOWER) | ONE(HEX))
#define U ONE(UPPER)
#define Y (ONE(UPPER) | ONE(HEX))

static const uint64_t kinds_of[256] = {
    ['0'] = D,         ['1'] = D,        ['2'] = D,       ['3'] = D,         ['4'] = D, ['5'] = D, ['6'] = D,
    ['7'] = D,         ['8'] = D,        ['9'] = D,       ['a'] = X,         ['b'] = X, ['c'] = X, ['d'] = X,
    ['e'] = X,         ['f'] = X,        ['g'] = L,       ['h'] = L,         ['i'] = L, ['j'] = L, ['k'] = L,
    ['l'] = L,         ['m'] = L,        ['n'] = L,       ['o'] = L,         ['p'] = L, ['q'] = L, ['r'] = L,
    ['s'] = L,         ['t'] = L,        ['u'] = L,       ['v'] = L,         ['w'] = L, ['x'] = L, ['y'] = L,
    ['z'] = L,         ['A'] = Y,        ['B'] = Y,       ['C'] = Y,         ['D'] = Y, ['E'] = Y, ['F'] = Y,
    ['G'] = U,         ['H'] = U,        ['I'] = U,       ['J'] = U,         ['K'] = U, ['L'] = U, ['M'] = U,
    ['N'] = U,         ['O'] = U,        ['P'] = U,       ['Q'] = U,         ['R'] = U, ['S'] = U, ['T'] = U,
    ['U'] = U,         ['V'] = U,        ['W'] = U,       ['X'] = U,         ['Y'] = U, ['Z'] = U, ['-'] = ONE(DASH),
    ['_'] = ONE(DASH), ['.'] = ONE(DOT), ['@'] = ONE(AT), [':'] = ONE(COLON)};

#undef D
#undef L
#undef X
#undef U
#undef Y

static struct census census_of(struct slice s)
{
    struct census c = {0};
    bool before = s.n && kinds_of[(uint8_t)s.p[0]] & (ONE(DIGIT) | ONE(UPPER));
    for (size_t i = 0; i < s.n;) {
        uint64_t all = 0;
        for (size_t end = i + 255 < s.n ? i + 255 : s.n; i < end; i++) {
            uint64_t kinds = kinds_of[(uint8_t)s.p[i]];
            bool now = kinds & (ONE(DIGIT) | ONE(UPPER));
            all += kinds;
            c.turns += now != before;
            before = now;
        }
        c.digits += LANE(all, DIGIT);
        c.lower += LANE(all, LOWER);
        c.upper += LANE(all, UPPER);
        c.dashes += LANE(all, DASH);
        c.hex += LANE(all, HEX);
        c.dots += LANE(all, DOT);
        c.ats += LANE(all, AT);
        c.colons += LANE(all, COLON);
    }
    c.hex_letters = c.hex - c.digits;
    return c;
}

/* v1, v2.3 */
static bool is_version(struct slice s)
{
    size_t at = 1;
    if (s.n < 2 || s.p[0] != 'v')
        return false;
    for (unsigned part = 0; at < s.n; part++) {
        size_t from = at;
        while (at < s.n && ascii_digit(s.p[at]))
            at++;
        if (at == from || at - from > 3)
            return false;
        if (at < s.n && (s.p[at++] != '.' || at == s.n))
            return false;
    }
    return true;
}

static bool is_int(struct slice s, const struct census *c)
{
    size_t sign = s.n && s.p[0] == '-';
    return s.n > sign && s.n - sign <= 20 && c->digits == s.n - sign;
}

static bool has_shape(struct slice s, const char *shape)
{
    size_t i = 0;
    for (; i < s.n && shape[i]; i++)
        if (shape[i] == 'd' ? !ascii_digit(s.p[i]) : shape[i] == 'x' ? ascii_hex(s.p[i]) < 0 : s.p[i] != shape[i])
            return false;
    return i == s.n && !shape[i];
}

static bool is_ulid(struct slice s)
{
    if (s.n != 26 || s.p[0] < '0' || s.p[0] > '7')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = ascii_lower(s.p[i]);
        if (!(ascii_digit(c) || ascii_alpha(c)) || c == 'i' || c == 'l' || c == 'o' || c == 'u')
            return false;
    }
    return true;
}

static bool is_hex(struct slice s, const struct census *c)
{
    if (s.n < 8 || c->hex != s.n)
        return false;
    if (s.n == 24 || s.n == 32 || s.n == 40 || s.n == 64)
        return true;
    return c->digits && (s.n >= 16 || c->hex_letters >= 2);
}

static bool is_email(struct slice s, const struct census *c)
{
    return c->ats == 1 && c->dots && slice_find(s, '.', slice_find(s, '@', 0)) < s.n;
}

static bool is_ip(struct slice s, const struct census *c)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char ip[16];
    if ((c->dots != 3 && c->colons < 2) || s.n >= sizeof copy)
        return false;
    memcpy(copy, s.p, s.n);
    copy[s.n] = 0;
    return inet_pton(c->colons ? AF_INET6 : AF_INET, copy, ip) == 1;
}

static bool is_jwt(struct slice s, const struct census *c)
{
    return c->dots == 2 && slice_starts(s, SLICE("eyJ")) && c->digits + c->lower + c->upper + c->dashes + 2 == s.n;
}

static bool is_b64(struct slice s, const struct census *c)
{
    unsigned kinds = (c->digits > 0) + (c->lower > 0) + (c->upper > 0) + (c->dashes > 0);
    return s.n >= 16 && c->digits + c->lower + c->upper + c->dashes == s.n && kinds >= 3 && c->turns * 5 >= s.n - 1;
}

static const char *const classes[ROUTE_CLASSES] = {"{hex}",  "{b64}",  "{jwt}",  "{email}", "{int}",
                                                   "{date}", "{uuid}", "{ulid}", "{ip}"};

int route_hidden_class(struct slice s)
{
    if (s.n != ROUTE_HIDDEN || s.p[0] != '~')
        return -1;
    for (size_t i = 1; i < s.n - 1; i++)
        if (!ascii_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f'))
            return -1;
    char last = s.p[ROUTE_HIDDEN - 1];
    if (ascii_digit(last) || (last >= 'a' && last <= 'f'))
        return ascii_hex(last) & 3;
    return last >= 'A' && last < 'A' + ROUTE_CLASSES - ROUTE_LETTERS ? last - 'A' + ROUTE_LETTERS : -1;
}

bool route_is_hidden(struct slice s)
{
    return route_hidden_class(s) >= 0;
}

/* "tok-{hex}", "sha256:{hex}", "{jwt}.{b64}": pieces that redaction hid, by their classes. False: none, or too long a
 * label. */
static bool hidden_pieces(struct slice s, char made[ROUTE_LABEL], struct route_label *out)
{
    size_t n = 0, pieces = 0;
    for (size_t at = 0; at < s.n;) {
        int class = route_hidden_class(slice_sub(s, at, at + ROUTE_HIDDEN));
        struct slice piece = class >= 0 ? slice_str(classes[class]) : slice_sub(s, at, at + 1);
        if (n + piece.n > ROUTE_LABEL)
            return false;
        memcpy(made + n, piece.p, piece.n);
        n += piece.n;
        pieces += class >= 0;
        at += class >= 0 ? ROUTE_HIDDEN : 1;
    }
    *out = (struct route_label){slice_of(made, n), ROUTE_PREFIX};
    return pieces;
}

/* What may stand behind a prefix, too; -1: nothing of it. */
static int id_class(struct slice s, const struct census *c)
{
    if (is_int(s, c))
        return ROUTE_INT;
    if (is_ulid(s))
        return ROUTE_ULID;
    return is_hex(s, c) ? ROUTE_HEX : -1;
}

/* Classes that need no look at parts of the segment, but b64; or -1. */
static int whole_class(struct slice s, const struct census *c)
{
    int class = route_hidden_class(s);
    if (class >= 0)
        return class;
    if (is_int(s, c))
        return ROUTE_INT;
    if (has_shape(s, "dddd-dd") || has_shape(s, "dddd-dd-dd"))
        return ROUTE_DATE;
    if (has_shape(s, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
        return ROUTE_UUID;
    class = id_class(s, c);
    if (class >= 0)
        return class;
    if (is_email(s, c))
        return ROUTE_EMAIL;
    if (is_ip(s, c))
        return ROUTE_IP;
    return is_jwt(s, c) ? ROUTE_JWT : -1;
}

bool route_extension(struct slice e)
{
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (slice_ieq(e, slice_str(extensions[i])))
            return true;
    return false;
}

/* "cus_{b64}": lower-case letters, a dash, an id. Before b64 in the order, or a tail of class b64 could never be told
 * from a whole. */
static bool prefixed(struct slice s, struct route_id *out)
{
    size_t n = 0;
    while (n < s.n && n < 9 && s.p[n] >= 'a' && s.p[n] <= 'z')
        n++;
    if (n < 2 || n > 8 || n == s.n || (s.p[n] != '_' && s.p[n] != '-'))
        return false;
    struct slice tail = slice_sub(s, n + 1, s.n);
    struct census c = census_of(tail);
    int class = id_class(tail, &c);
    if (class < 0 && is_b64(tail, &c))
        class = ROUTE_B64;
    *out = (struct route_id){n + 1, s.n, (enum route_class) class};
    return class >= 0;
}

/* "{int}.json": the class of the stem, the extension kept. */
static bool extended(struct slice s, const struct census *c, struct route_id *out)
{
    size_t dot = s.n;
    while (c->dots && dot && s.p[dot - 1] != '.')
        dot--;
    if (!c->dots || dot < 2 || !route_extension(slice_sub(s, dot, s.n)))
        return false;
    struct slice stem = slice_sub(s, 0, dot - 1);
    struct census of_stem = census_of(stem);
    int class = whole_class(stem, &of_stem);
    if (class < 0 && is_b64(stem, &of_stem))
        class = ROUTE_B64;
    *out = (struct route_id){0, dot - 1, (enum route_class) class};
    return class >= 0;
}

bool route_id(struct slice s, struct route_id *out)
{
    struct census c = census_of(s);
    if (is_version(s))
        return false;
    int class = whole_class(s, &c);
    if (class < 0 && (extended(s, &c, out) || prefixed(s, out)))
        return true;
    if (class < 0 && is_b64(s, &c))
        class = ROUTE_B64;
    *out = (struct route_id){0, s.n, (enum route_class) class};
    return class >= 0;
}

static struct route_label label_of(struct slice s, const struct route_id *id, char made[ROUTE_LABEL])
{
    struct slice parts[] = {slice_sub(s, 0, id->from), slice_str(classes[id->class]), slice_sub(s, id->to, s.n)};
    size_t n = 0;
    if (!id->from && id->to == s.n)
        return (struct route_label){parts[1], ROUTE_TYPED};
    for (int i = 0; i < 3; i++) {
        memcpy(made + n, parts[i].p, parts[i].n);
        n += parts[i].n;
    }
    return (struct route_label){slice_of(made, n), id->from ? ROUTE_PREFIX : ROUTE_TYPED};
}

struct route_label route_label(struct slice segment, char made[ROUTE_LABEL])
{
    struct slice s = slice_sub(segment, 0, slice_find(segment, ';', 0));
    s = slice_sub(s, 0, slice_find(s, '#', 0));
    struct route_id id;
    struct route_label pieces;
    if (route_id(s, &id))
        return label_of(s, &id, made);
    if (s.n > ROUTE_HIDDEN && slice_find(s, '~', 0) < s.n && hidden_pieces(s, made, &pieces))
        return pieces;
    return (struct route_label){s, ROUTE_LITERAL};
}
