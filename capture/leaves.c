#include "capture/leaves.h"

#include "base/buf.h"
#include "capture/jsontext.h"

enum state {
    VALUE,       /* a value must come */
    FIRST_VALUE, /* a value, or the list's end */
    FIRST_NAME,  /* a member's name, or the object's end */
    NAME,        /* a member's name */
    COLON,
    AFTER, /* a value ended: a comma, or the end of what it is in */
    STRING,
    ESCAPE,
    NUMBER, /* number, true, false or null: up to what cannot belong to it */
    DONE,
    BAD,
};

/* What a character is to the scanner, and in ids. */
enum { IN_WORD = 1, BLANK = 2, DIGIT = 4, UPPER = 8, LOWER = 16, HEX = 32, IN_ID = 64, CROCKFORD = 128 };
static uint8_t kinds[256];

__attribute__((constructor)) static void kinds_fill(void)
{
    for (int c = 0; c < 128; c++) {
        bool digit = ascii_digit((char)c), letter = ascii_alpha((char)c), upper = letter && c <= 'Z';
        kinds[c] = (uint8_t)((digit || letter || (c && strchr(".-+", c)) ? IN_WORD : 0) |
                             (c && strchr(" \n\t\r", c) ? BLANK : 0) | (digit ? DIGIT : 0) | (upper ? UPPER : 0) |
                             (letter && !upper ? LOWER : 0) | (ascii_hex((char)c) >= 0 ? HEX : 0) |
                             (digit || letter || c == '-' || c == '_' ? IN_ID : 0) |
                             (digit || (upper && !strchr("ILOU", c)) ? CROCKFORD : 0));
    }
}

static inline bool is(char c, unsigned kind)
{
    return kinds[(unsigned char)c] & kind;
}

enum {
    DAY_MS = 86400000,
    WHOLE_DIGITS = 18,
    ID_LEAST = 16,
    ID_MOST = 128,
    DURATION_MOST = 10000000,
    TIME_LEAST = 100000000
};

#define INTEGER_MOST (INT64_C(1) << 43)

#define LIST_STEP 0x9e3779b97f4a7c15u /* what an element adds to a path */
#define EMPTY_OBJECT 1
#define EMPTY_LIST 2
#define WORD_VALUE 3
#define STRING_VALUE 4

void leaves_begin(struct leaves_reader *r, const struct hash_key *key, struct pathnames *names, int64_t now_ms)
{
    r->key = key;
    r->names = names;
    r->now_ms = now_ms;
    r->state = VALUE;
    r->is_name = r->long_token = false;
    r->unescape = (struct unescape){0};
    r->depth = r->n = r->leaves = 0;
    r->text = r->token_n = 0;
    r->token_hash = r->sum = r->rest = 0;
    r->level[0] = (struct leaves_level){.path = key->k0, .place = key->k1};
    memset(r->slot, 0, sizeof r->slot);
    r->last = 0;
    for (unsigned i = 0; i < LEAVES_MEMBERS; i++)
        r->member[i].name_n = r->member[i].next = 0;
}

/* ---- what a value looks like ---- */

/* Greater for greater values, and not to be read without the key. Beyond 2^43 all are the same. */
static uint64_t ordered(const struct leaves_reader *r, int64_t v)
{
    const int64_t most = (INT64_C(1) << 43) - 1;
    v = v > most ? most : v < -most ? -most : v;
    uint64_t shifted = (uint64_t)(v + (INT64_C(1) << 43));
    uint64_t spread = (1u << 17) + (hash_mix(r->key->k0 + 1) & 0xffff);
    return 1 + shifted * spread + hash_words(r->key, (const uint64_t[]){0x6f, shifted}, 2) % spread;
}

static bool digits_at(const char *p, size_t n, const char *shape, int *out)
{
    for (size_t i = 0; i < n; i++) {
        if (shape[i] != 'd' ? p[i] != shape[i] && !(shape[i] == 'T' && (p[i] == 't' || p[i] == ' '))
                            : !ascii_digit(p[i]))
            return false;
        if (shape[i] == 'd')
            out[i] = p[i] - '0';
    }
    return true;
}

/* Days since 1970 (H. Hinnant's days_from_civil). */
static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* RFC 3339, ms. */
static bool rfc3339(const char *p, size_t n, int64_t *ms)
{
    int v[19], hour = 0, minute = 0, millis = 0;
    int sign = 0;
    size_t at = 19;
    if (n < 20 || n > 40 || p[4] != '-' || !digits_at(p, 19, "dddd-dd-ddTdd:dd:dd", v))
        return false;
    if (p[at] == '.' || p[at] == ',') {
        int scale = 100;
        for (at++; at < n && ascii_digit(p[at]); at++, scale /= 10)
            millis += (p[at] - '0') * scale;
    }
    if (at == n)
        return false;
    if ((p[at] == '+' || p[at] == '-') && n - at >= 5) {
        int z[6];
        bool colon = n - at == 6;
        if (n - at > 6 || !digits_at(p + at + 1, n - at - 1, colon ? "dd:dd" : "dddd", z))
            return false;
        sign = p[at] == '+' ? 1 : -1;
        hour = z[0] * 10 + z[1];
        minute = z[colon ? 3 : 2] * 10 + z[colon ? 4 : 3];
    } else if ((p[at] != 'Z' && p[at] != 'z') || at + 1 != n) {
        return false;
    }
    int month = v[5] * 10 + v[6];
    if (month < 1 || month > 12)
        return false;
    int64_t days = days_of(v[0] * 1000 + v[1] * 100 + v[2] * 10 + v[3], month, v[8] * 10 + v[9]);
    int64_t s = days * 86400 + (v[11] * 10 + v[12] - sign * hour) * 3600 + (v[14] * 10 + v[15] - sign * minute) * 60 +
                v[17] * 10 + v[18];
    *ms = s * 1000 + millis;
    return true;
}

/* 01234567-89ab-cdef-0123-456789abcdef, of characters of ids. */
static bool is_uuid(const char *p, size_t n)
{
    size_t hex = 0;
    if (n != 36 || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-')
        return false;
    for (size_t i = 0; i < n; i++)
        hex += is(p[i], HEX);
    return hex == 32;
}

static bool is_id(const char *p, size_t n)
{
    unsigned all = IN_ID | CROCKFORD | HEX, any = 0;
    if (n < ID_LEAST || n > ID_MOST)
        return false;
    for (size_t i = 0; i < n; i++) {
        all &= kinds[(unsigned char)p[i]];
        any |= kinds[(unsigned char)p[i]];
    }
    if (!(all & IN_ID))
        return false;
    if (any & DIGIT && ((any & UPPER && any & LOWER) || all & HEX || (all & CROCKFORD && n == 26)))
        return true;
    return is_uuid(p, n);
}

/* A number within a day of now, in one of the usual units; ms. */
static bool near_now(const struct leaves_reader *r, int64_t v, int64_t *ms)
{
    const int64_t in_ms[] = {v < INT64_MAX / 1000 ? v * 1000 : 0, v, v / 1000, v / 1000000};
    for (int i = 0; i < 4; i++)
        if (in_ms[i] > r->now_ms - DAY_MS && in_ms[i] < r->now_ms + DAY_MS) {
            *ms = in_ms[i];
            return true;
        }
    return false;
}

/* Whether "took", "elapsed", "duration" or "latency" stands anywhere in it, in any case. */
static bool names_duration(const struct leaves_level *l)
{
    static const struct slice words[] = {SLICE("took"), SLICE("elapsed"), SLICE("duration"), SLICE("latency")};
    struct slice name = slice_of(l->name, l->name_n > LEAVES_NAME ? LEAVES_NAME : l->name_n);
    for (size_t at = 0; at + 4 <= name.n; at++) {
        char c = ascii_lower(name.p[at]);
        if (c != 't' && c != 'e' && c != 'd' && c != 'l')
            continue;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (slice_ieq(slice_sub(name, at, at + words[i].n), words[i]))
                return true;
    }
    return false;
}

/* The whole part of a number of up to 18 digits; false for more, and for exponents. */
static bool whole_part(const char *p, size_t n, int64_t *out, bool *integer)
{
    size_t i = p[0] == '-', first = i;
    int64_t v = 0;
    for (; i < n && ascii_digit(p[i]); i++) {
        if (i - first == WHOLE_DIGITS)
            return false;
        v = v * 10 + (p[i] - '0');
    }
    *integer = i == n;
    *out = first ? -v : v;
    while (i < n && p[i] != 'e' && p[i] != 'E')
        i++;
    return i == n;
}

/* What a value looks like, and the number that orders it. */
struct seen {
    enum leaf_value value;
    int64_t number; /* INT64_MIN: none */
};

static inline struct seen look_at_number(const struct leaves_reader *r, int64_t v, bool integer, bool duration)
{
    int64_t ms;
    if (v >= TIME_LEAST && near_now(r, v, &ms))
        return (struct seen){LEAF_TIME, ms};
    if (duration && v >= 0 && v < DURATION_MOST)
        return (struct seen){LEAF_DURATION, INT64_MIN};
    if (integer && v < INTEGER_MOST && v > -INTEGER_MOST)
        return (struct seen){LEAF_INTEGER, v};
    return (struct seen){LEAF_OTHER, INT64_MIN};
}

/* ids: whether they need be told from others. */
static struct seen look_at(const struct leaves_reader *r, uint64_t type, struct slice token, bool duration, bool ids)
{
    const struct seen other = {LEAF_OTHER, INT64_MIN};
    int64_t ms, v;
    bool integer;
    if (r->long_token || token.n >= LEAVES_TOKEN - 1)
        return other;
    if (type == WORD_VALUE && (ascii_digit(token.p[0]) || token.p[0] == '-'))
        return whole_part(token.p, token.n, &v, &integer) ? look_at_number(r, v, integer, duration) : other;
    if (type == STRING_VALUE && rfc3339(token.p, token.n, &ms))
        return (struct seen){LEAF_TIME, ms};
    return (struct seen){type == STRING_VALUE && ids && is_id(token.p, token.n) ? LEAF_ID : LEAF_OTHER, INT64_MIN};
}

/* ---- paths ---- */

static void add_member(const struct leaves_reader *r, const struct leaves_level *l, struct buf *out)
{
    struct slice name = slice_of(l->name, l->name_n > LEAVES_NAME ? 0 : l->name_n);
    if (pathnames_shown(name))
        buf_slice(out, name);
    else
        buf_printf(out, "~%012llx",
                   (unsigned long long)(hash_words(r->key, (const uint64_t[]){0x6e, l->path}, 2) >> 16));
}

/* The name of the path at hand: known, or made. */
static struct slice name_of(struct leaves_reader *r, uint64_t path)
{
    struct slice known = pathnames_find(r->names, path);
    struct buf text = {0};
    if (known.p)
        return known;
    for (unsigned i = 1; i <= r->depth; i++) {
        if (r->level[i].array) {
            buf_str(&text, "[]");
        } else {
            buf_str(&text, text.n ? "." : "");
            add_member(r, &r->level[i], &text);
        }
    }
    if (!text.n)
        buf_str(&text, "$");
    known = text.failed ? known : pathnames_add(r->names, path, slice_of(text.p, text.n));
    buf_free(&text);
    return known;
}

/* slot: where it is to be found. NULL: no room. */
static __attribute__((noinline)) struct leaf *new_leaf(struct leaves_reader *r, uint64_t path, unsigned slot)
{
    if (r->n == LEAVES_MOST)
        return NULL;
    struct leaf *new = &r->leaf[r->n];
    *new = (struct leaf){.path = path, .name = name_of(r, path), .value = LEAF_VALUES};
    r->duration[r->n] = names_duration(&r->level[r->depth]);
    r->greatest[r->n] = INT64_MIN;
    r->slot[slot] = (uint16_t)++r->n;
    return new;
}

static inline struct leaf *leaf_at(struct leaves_reader *r, uint64_t path)
{
    unsigned at = (unsigned)(path % (2 * LEAVES_MOST));
    for (; r->slot[at]; at = (at + 1) % (2 * LEAVES_MOST))
        if (r->leaf[r->slot[at] - 1].path == path)
            return &r->leaf[r->slot[at] - 1];
    return new_leaf(r, path, at);
}

/* A value ended at the level at hand; token: its text, or the rest of it where that is long. Returns what its path has,
 * or NULL. */
static inline struct leaf *count_leaf(struct leaves_reader *r, uint64_t type, struct slice token)
{
    const struct leaves_level *l = &r->level[r->depth];
    uint64_t value = r->token_hash;
    if (token.n)
        value = hash_mix(value + hash_quick(r->key, token.p, token.n));
    uint64_t hash = hash_mix(hash_mix(l->place) + value + type);
    struct leaf *at = leaf_at(r, l->path);
    r->leaves++;
    *(at ? &at->hash : &r->rest) += hash;
    return at;
}

static inline void note_seen(struct leaves_reader *r, struct leaf *at, struct seen seen)
{
    size_t i = (size_t)(at - r->leaf);
    r->greatest[i] = seen.number > r->greatest[i] ? seen.number : r->greatest[i];
    at->value = (uint8_t)(at->value == LEAF_VALUES || at->value == seen.value ? seen.value : LEAF_OTHER);
}

static void add_leaf(struct leaves_reader *r, uint64_t type, struct slice token)
{
    struct leaf *at = count_leaf(r, type, token);
    if (at)
        note_seen(r, at, look_at(r, type, token, r->duration[at - r->leaf], at->value != LEAF_OTHER));
}

/* ---- text ---- */

static struct slice token_text(const struct leaves_reader *r)
{
    return slice_of(r->token, r->token_n);
}

static void token_begin(struct leaves_reader *r)
{
    r->token_n = 0;
    r->token_hash = 0;
    r->long_token = false;
}

static void token_add(struct leaves_reader *r, const char *p, size_t n)
{
    while (n) {
        if (r->token_n == LEAVES_TOKEN) {
            r->token_hash = hash_mix(r->token_hash + hash_quick(r->key, r->token, LEAVES_TOKEN));
            r->token_n = 0;
            r->long_token = true;
        }
        size_t room = LEAVES_TOKEN - r->token_n, take = n < room ? n : room;
        slice_copy(r->token + r->token_n, slice_of(p, take));
        r->token_n += (uint32_t)take;
        p += take;
        n -= take;
    }
}

/* The first half of a pair that has no second stands for itself. */
static void token_settle(struct leaves_reader *r)
{
    struct unescaped out = {0};
    if (!r->unescape.high)
        return;
    unescape_settle(&r->unescape, &out);
    token_add(r, out.p, out.n);
}

static enum state escape(struct leaves_reader *r, char c)
{
    static const enum state next[] = {[UNESCAPE_BAD] = BAD, [UNESCAPE_MORE] = ESCAPE, [UNESCAPE_DONE] = STRING};
    struct unescaped out = {0};
    enum unescape_end end = unescape_feed(&r->unescape, c, &out);
    token_add(r, out.p, out.n);
    return next[end];
}

/* A member's name was read. Returns its hash. */
static uint64_t enter_member(struct leaves_reader *r, struct slice token)
{
    struct leaves_level *l = &r->level[r->depth];
    uint64_t name = hash_mix(r->token_hash + hash_quick(r->key, token.p, token.n) + 1);
    l->path = hash_mix(l->up_path + name);
    l->place = hash_mix(l->up_place + name);
    l->name_n = (uint8_t)(r->long_token || token.n > LEAVES_NAME ? LEAVES_NAME + 1 : token.n);
    if (r->long_token) /* its rest is here */
        memset(l->name, 0, LEAVES_NAME);
    else
        slice_copy(l->name, slice_sub(token, 0, LEAVES_NAME));
    return name;
}

static enum state string_end(struct leaves_reader *r, struct slice token)
{
    if (r->is_name) {
        enter_member(r, token);
        return COLON;
    }
    add_leaf(r, STRING_VALUE, token);
    return AFTER;
}

/* RFC 8259 section 6, and the three words. */
static bool is_good_word(const char *p, size_t n)
{
    struct slice word = slice_of(p, n);
    size_t i = n && p[0] == '-';
    if (n && ascii_alpha(p[0]))
        return slice_eq(word, SLICE("true")) || slice_eq(word, SLICE("false")) || slice_eq(word, SLICE("null"));
    size_t first = i;
    while (i < n && ascii_digit(p[i]))
        i++;
    if (i == first || (p[first] == '0' && i > first + 1))
        return false;
    for (int part = 0; part < 2; part++) {
        bool fraction = !part && i < n && p[i] == '.', exponent = part && i < n && (p[i] == 'e' || p[i] == 'E');
        if (!fraction && !exponent)
            continue;
        i++;
        i += exponent && i < n && (p[i] == '+' || p[i] == '-');
        first = i;
        while (i < n && ascii_digit(p[i]))
            i++;
        if (i == first)
            return false;
    }
    return i == n;
}

static enum state word_end(struct leaves_reader *r, struct slice token)
{
    if (r->long_token || !is_good_word(token.p, token.n))
        return BAD;
    add_leaf(r, WORD_VALUE, token);
    return AFTER;
}

/* ---- structure ---- */

static void set_element(struct leaves_level *l)
{
    l->place = hash_mix(l->up_place + LIST_STEP * (l->index + 2));
}

static enum state enter(struct leaves_reader *r, bool array)
{
    const struct leaves_level *up = &r->level[r->depth];
    if (r->depth == LEAVES_DEPTH)
        return BAD;
    struct leaves_level *l = &r->level[++r->depth];
    l->up_path = up->path;
    l->up_place = up->place;
    l->array = array;
    l->index = 0;
    l->name_n = 0;
    if (array) {
        l->path = hash_mix(l->up_path + LIST_STEP);
        set_element(l);
    }
    return array ? FIRST_VALUE : FIRST_NAME;
}

static enum state leave(struct leaves_reader *r, bool array, bool empty)
{
    if (!r->depth || r->level[r->depth].array != array)
        return BAD;
    r->depth--;
    if (empty) {
        token_begin(r);
        add_leaf(r, array ? EMPTY_LIST : EMPTY_OBJECT, token_text(r));
    }
    return AFTER;
}

static enum state comma(struct leaves_reader *r)
{
    struct leaves_level *l = &r->level[r->depth];
    if (!r->depth)
        return BAD;
    if (!l->array)
        return NAME;
    l->index++;
    set_element(l);
    return VALUE;
}

static enum state begin_string(struct leaves_reader *r, bool is_name)
{
    token_begin(r);
    r->is_name = is_name;
    return STRING;
}

static enum state begin_value(struct leaves_reader *r, char c)
{
    switch (c) {
    case '{':
        return enter(r, false);
    case '[':
        return enter(r, true);
    case '"':
        return begin_string(r, false);
    default:
        if (!ascii_digit(c) && c != '-' && !ascii_alpha(c))
            return BAD;
        token_begin(r);
        return NUMBER; /* which this is the first character of */
    }
}

/* A character outside of strings and words. */
static enum state structure(struct leaves_reader *r, char c)
{
    switch ((enum state)r->state) {
    case FIRST_VALUE:
        if (c == ']')
            return leave(r, true, true);
        return begin_value(r, c);
    case VALUE:
        return begin_value(r, c);
    case FIRST_NAME:
        if (c == '}')
            return leave(r, false, true);
        return c == '"' ? begin_string(r, true) : BAD;
    case NAME:
        return c == '"' ? begin_string(r, true) : BAD;
    case COLON:
        return c == ':' ? VALUE : BAD;
    case AFTER:
        if (c == ',')
            return comma(r);
        return c == '}' || c == ']' ? leave(r, c == ']', false) : BAD;
    default:
        return BAD;
    }
}

/* As many characters as belong to the string, at once. */
static size_t in_string(struct leaves_reader *r, const char *p, size_t n)
{
    size_t i = jsontext_plain(p, n);
    if (i < n && p[i] == '"' && i <= LEAVES_TOKEN && !r->token_n && !r->unescape.high) { /* all of it is here */
        r->state = (uint8_t)string_end(r, slice_of(p, i));
        return i + 1;
    }
    if (i) {
        token_settle(r);
        token_add(r, p, i);
    }
    if (i == n)
        return n;
    if (p[i] == '"') {
        token_settle(r);
        r->state = (uint8_t)string_end(r, token_text(r));
    } else {
        r->state = p[i] == '\\' ? ESCAPE : BAD;
    }
    return i + 1;
}

static size_t in_word(struct leaves_reader *r, const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && is(p[i], IN_WORD))
        i++;
    if (i < n && i <= LEAVES_TOKEN && !r->token_n) { /* all of it is here */
        r->state = (uint8_t)word_end(r, slice_of(p, i));
        return i;
    }
    token_add(r, p, i);
    if (i < n)
        r->state = (uint8_t)word_end(r, token_text(r));
    return i;
}

/* ---- members without brackets and escapes, as far as they are here ---- */

static inline size_t behind_blanks(const char *p, size_t i, size_t n)
{
    while (i < n && p[i] <= ' ' && is(p[i], BLANK)) /* mostly there are none */
        i++;
    return i;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Fewer than eight digits, of eight characters at once: how many there are is nothing that can be guessed. False: there
 * are more. */
static inline bool few_digits(const char *p, size_t *n, uint64_t *value)
{
    uint64_t text, others;
    memcpy(&text, p, sizeof text);
    text ^= 0x3030303030303030u;
    others = ((text + 0x7676767676767676u) | text) & 0x8080808080808080u;
    if (!others)
        return false;
    *n = (size_t)__builtin_ctzll(others) / 8;
    text = text << 8 << (56 - 8 * *n);                       /* by 64, if there is none */
    text = text * (10 * 256 + 1) >> 8 & 0x00ff00ff00ff00ffu; /* pairs of digits, of those, and of those */
    text = text * (100 * 65536 + 1) >> 16 & 0x0000ffff0000ffffu;
    *value = text * ((UINT64_C(10000) << 32) + 1) >> 32;
    return true;
}
#else
static inline bool few_digits(const char *p, size_t *n, uint64_t *value)
{
    (void)p;
    (void)n;
    (void)value;
    return false;
}
#endif

/* How many digits there are, up to one more than WHOLE_DIGITS, and their value. */
static inline size_t digits(const char *p, size_t n, uint64_t *value)
{
    size_t i = 0, most = n <= WHOLE_DIGITS ? n : WHOLE_DIGITS + 1;
    uint64_t v = 0;
    if (n >= 8 && few_digits(p, &i, value))
        return i;
    for (; i < most && ascii_digit(p[i]); i++)
        v = v * 10 + (uint64_t)(p[i] - '0');
    *value = v;
    return i;
}

/* A number of few digits, without an exponent, and what ends it. Returns its length; 0: it is another, or may go on. */
static inline size_t plain_number(const char *p, size_t n, int64_t *whole, bool *integer)
{
    uint64_t value, fraction;
    size_t sign = p[0] == '-', first = digits(p + sign, n - sign, &value), i = sign + first;
    if (!first || first > WHOLE_DIGITS || (p[sign] == '0' && first > 1))
        return 0;
    *whole = sign ? -(int64_t)value : (int64_t)value;
    *integer = i == n || p[i] != '.';
    if (!*integer) {
        size_t more = digits(p + i + 1, n - i - 1, &fraction);
        if (!more || more > WHOLE_DIGITS)
            return 0;
        i += 1 + more;
    }
    return i == n || is(p[i], IN_WORD) ? 0 : i;
}

/* Up to its end; 0: it has escapes, or not all of it is here. */
static inline size_t plain_string(const char *p, size_t n)
{
    size_t i = 1 + jsontext_plain(p + 1, n - 1);
    return i < n && p[i] == '"' && i <= LEAVES_TOKEN ? i + 1 : 0;
}

static inline size_t plain_word(struct leaves_reader *r, const char *p, size_t n)
{
    size_t i = 1;
    while (i < n && is(p[i], IN_WORD))
        i++;
    if (i == n || !is_good_word(p, i))
        return 0;
    struct leaf *at = count_leaf(r, WORD_VALUE, slice_of(p, i));
    if (at)
        note_seen(r, at, (struct seen){LEAF_OTHER, INT64_MIN});
    return i;
}

/* Adds the value. Returns its octets; 0: none were read. */
static inline size_t plain_value(struct leaves_reader *r, const char *p, size_t n)
{
    int64_t whole;
    bool integer;
    if (p[0] == '"') {
        size_t i = plain_string(p, n);
        if (i)
            add_leaf(r, STRING_VALUE, slice_of(p + 1, i - 2));
        return i;
    }
    if (!ascii_digit(p[0]) && p[0] != '-')
        return ascii_alpha(p[0]) ? plain_word(r, p, n) : 0;
    size_t i = plain_number(p, n, &whole, &integer);
    if (!i)
        return 0;
    struct leaf *at = count_leaf(r, WORD_VALUE, slice_of(p, i));
    if (at)
        note_seen(r, at, look_at_number(r, whole, integer, r->duration[at - r->leaf]));
    return i;
}

/* ---- members that come again ---- */

#ifdef __SSE2__
/* p: behind a quote. If the member expected here stands there, it is entered: what is known of it need not be found out
 * again. Returns the octets up to its colon; 0: it is another. */
static inline size_t expected(struct leaves_reader *r, const char *p, size_t n)
{
    struct leaves_level *l = &r->level[r->depth];
    uint8_t next = r->member[r->last].next;
    const struct leaves_member *m = &r->member[next];
    if (n < sizeof m->text || m->up_path != l->up_path || !m->name_n)
        return 0;
    __m128i text = sixteen(m->text);
    unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(text, sixteen(p)));
    if (~same & ((4u << m->name_n) - 1))
        return 0;
    r->last = next;
    l->path = m->path;
    l->place = hash_mix(l->up_place + m->hash);
    l->name_n = m->name_n;
    _mm_storeu_si128((__m128i *)(void *)l->name, text);
    return (size_t)m->name_n + 2;
}
#else
static inline size_t expected(struct leaves_reader *r, const char *p, size_t n)
{
    (void)r;
    (void)p;
    (void)n;
    return 0;
}
#endif

/* A member was entered, whose name of name_n octets begins at p: it is expected to come again. */
static void expect(struct leaves_reader *r, const char *p, size_t n, size_t name_n, uint64_t hash)
{
    const struct leaves_level *l = &r->level[r->depth];
    uint8_t at = (uint8_t)(l->path % LEAVES_MEMBERS);
    struct leaves_member *m = &r->member[at];
    if (!name_n || name_n + 2 > sizeof m->text || n < sizeof m->text || p[name_n + 1] != ':')
        return;
    memset(m->text, 0, sizeof m->text); /* and nothing of the value */
    memcpy(m->text, p, name_n + 2);
    m->name_n = (uint8_t)name_n;
    m->up_path = l->up_path;
    m->path = l->path;
    m->hash = hash;
    r->member[r->last].next = at;
    r->last = at;
}

/* A name at the quote p, and its colon. Returns their octets; 0: they are not plain, or not all of them are here. */
static inline size_t plain_name(struct leaves_reader *r, const char *p, size_t n)
{
    size_t i = expected(r, p + 1, n - 1);
    if (i)
        return i + 1;
    size_t part = plain_string(p, n);
    i = behind_blanks(p, part, n);
    if (!part || i == n || p[i] != ':')
        return 0;
    uint64_t hash = enter_member(r, slice_of(p + 1, part - 2));
    expect(r, p + 1, n - 1, part - 2, hash);
    return i + 1;
}

/* At the name of a member. Returns how many octets were read: up to what is not plain. */
static size_t plain_members(struct leaves_reader *r, const char *p, size_t n)
{
    size_t i = 0, part;
    token_begin(r);
    while (i < n && p[i] == '"' && (part = plain_name(r, p + i, n - i))) {
        i = behind_blanks(p, i + part, n);
        r->state = VALUE;
        if (i == n || !(part = plain_value(r, p + i, n - i)))
            break;
        i += part;
        r->state = AFTER;
        if (i == n || p[i] != ',')
            break;
        i = behind_blanks(p, i + 1, n);
        r->state = NAME;
    }
    return i;
}

bool leaves_feed(struct leaves_reader *r, const char *p, size_t n)
{
    size_t read;
    if (n > LEAVES_TEXT - r->text)
        r->state = BAD;
    r->text += r->state == BAD ? 0 : (uint32_t)n;
    for (size_t i = 0; i < n && r->state != BAD;) {
        switch ((enum state)r->state) {
        case STRING:
            i += in_string(r, p + i, n - i);
            break;
        case NUMBER:
            i += in_word(r, p + i, n - i);
            break;
        case ESCAPE:
            r->state = (uint8_t)escape(r, p[i++]);
            break;
        case FIRST_NAME:
        case NAME:
            read = plain_members(r, p + i, n - i);
            i += read;
            if (read)
                break;
            /* fall through */
        default:
            if (!is(p[i], BLANK))
                r->state = (uint8_t)structure(r, p[i]);
            i += r->state != NUMBER;
        }
    }
    return r->state != BAD;
}

bool leaves_end(struct leaves_reader *r, uint64_t *id)
{
    if (r->state == NUMBER)
        r->state = (uint8_t)word_end(r, token_text(r));
    if (r->state != AFTER || r->depth)
        return false;
    /* what was summed is fast and keyed, and equal for equal leaves; what leaves here tells no more than that */
    r->sum = hash_words(r->key, (const uint64_t[]){'j', r->rest, r->leaves}, 3);
    for (unsigned i = 0; i < r->n; i++) {
        r->leaf[i].order = r->greatest[i] == INT64_MIN ? 0 : ordered(r, r->greatest[i]);
        r->leaf[i].hash = hash_words(r->key, (const uint64_t[]){'j', r->leaf[i].path, r->leaf[i].hash}, 3);
        r->sum += r->leaf[i].hash;
    }
    *id = hash_words(r->key, (const uint64_t[]){'J', r->sum}, 2);
    *id += !*id;
    return true;
}
