#include "analysis/directives.h"

static const struct directives none = {.max_age = -1, .s_maxage = -1, .swr = -1, .sie = -1, .product = -1};

/* The next member of a list whose strings may hold commas, trimmed. */
static bool next_member(struct slice *rest, struct slice *member)
{
    size_t at = 0;
    bool quoted = false;
    if (!rest->n)
        return false;
    for (; at < rest->n && (quoted || rest->p[at] != ','); at++) {
        if (quoted && rest->p[at] == '\\')
            at++;
        else if (rest->p[at] == '"')
            quoted = !quoted;
    }
    *member = slice_trim(slice_sub(*rest, 0, at));
    *rest = slice_sub(*rest, at + 1, rest->n);
    return true;
}

static struct slice unquoted(struct slice v)
{
    return v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"' ? slice_sub(v, 1, v.n - 1) : v;
}

/* Seconds of a directive (RFC 9111 section 1.2.2): more than 31 bits is as good as for ever, no number is stale. */
static int32_t delta_seconds(struct slice v)
{
    uint64_t n;
    for (size_t i = 0; i < v.n; i++)
        if (!ascii_digit(v.p[i]))
            return 0;
    if (!slice_u64(v, &n))
        return v.n ? INT32_MAX : 0;
    return n > INT32_MAX ? INT32_MAX : (int32_t)n;
}

static void keep_least(int32_t *least, struct slice value)
{
    int32_t v = delta_seconds(slice_trim(unquoted(value)));
    if (*least < 0 || v < *least)
        *least = v;
}

static const struct {
    struct slice name;
    uint32_t bit;
    bool fields; /* with a value it speaks of those fields alone (RFC 9111 sections 5.2.2.4 and 5.2.2.7) */
} flags[] = {{SLICE("no-store"), DIRECTIVE_NO_STORE, false},
             {SLICE("no-cache"), DIRECTIVE_NO_CACHE, true},
             {SLICE("private"), DIRECTIVE_PRIVATE, true},
             {SLICE("public"), DIRECTIVE_PUBLIC, false},
             {SLICE("must-revalidate"), DIRECTIVE_MUST_REVALIDATE, false},
             {SLICE("proxy-revalidate"), DIRECTIVE_PROXY_REVALIDATE, false},
             {SLICE("must-understand"), DIRECTIVE_MUST_UNDERSTAND, false},
             {SLICE("immutable"), DIRECTIVE_IMMUTABLE, false}};

static void take_flag(struct directives *d, struct slice name, struct slice value)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (slice_ieq(name, flags[i].name) && !(flags[i].fields && value.n) && !slice_eq(value, SLICE("?0")))
            d->bits |= flags[i].bit;
}

static void take_member(struct directives *d, struct slice member, int32_t *first_own)
{
    size_t equals = slice_find(member, '=', 0);
    struct slice name = slice_trim(slice_sub(member, 0, equals));
    struct slice value = slice_trim(slice_sub(member, equals + 1, member.n));
    bool shared = slice_ieq(name, SLICE("s-maxage"));
    if (shared || slice_ieq(name, SLICE("max-age"))) {
        int32_t *first = shared ? &d->product : first_own;
        if (*first < 0 && equals < member.n)
            *first = delta_seconds(value);
        keep_least(shared ? &d->s_maxage : &d->max_age, value);
    } else if (slice_ieq(name, SLICE("stale-while-revalidate"))) {
        keep_least(&d->swr, value);
    } else if (slice_ieq(name, SLICE("stale-if-error"))) {
        keep_least(&d->sie, value);
    } else {
        take_flag(d, name, value);
    }
}

static bool holds(struct slice text, struct slice word)
{
    for (size_t i = 0; i + word.n <= text.n; i++)
        if (slice_ieq(slice_sub(text, i, i + word.n), word))
            return true;
    return false;
}

struct directives directives_read(struct slice text)
{
    struct directives d = none;
    struct slice rest = text, member;
    int32_t first_own = -1;
    while (next_member(&rest, &member))
        take_member(&d, member, &first_own);
    if (d.product < 0)
        d.product = first_own;
    if (holds(text, SLICE("no-cache")) || holds(text, SLICE("no-store")) || holds(text, SLICE("private")))
        d.bits |= DIRECTIVE_REFUSED;
    return d;
}

/* ---- RFC 8941 ---- */

static bool is_key(struct slice s)
{
    if (!s.n || !((s.p[0] >= 'a' && s.p[0] <= 'z') || s.p[0] == '*'))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || ascii_digit(s.p[i]) || memchr("_-.*", s.p[i], 4)))
            return false;
    return true;
}

static bool is_number(struct slice s)
{
    size_t points = 0;
    if (s.n && s.p[0] == '-')
        s = slice_sub(s, 1, s.n);
    for (size_t i = 0; i < s.n; i++) {
        points += s.p[i] == '.';
        if (!ascii_digit(s.p[i]) && (s.p[i] != '.' || !i || i + 1 == s.n))
            return false;
    }
    return s.n && s.n <= 16 && points <= 1;
}

static bool is_token(struct slice s)
{
    if (!s.n || !(ascii_alpha(s.p[0]) || s.p[0] == '*'))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_alpha(s.p[i]) && !ascii_digit(s.p[i]) && !strchr("!#$%&'*+-.^_`|~:/", s.p[i]))
            return false;
    return true;
}

static bool is_string(struct slice s)
{
    if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
        return false;
    for (size_t i = 1; i + 1 < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] < ' ' || s.p[i] > '~')
            return false;
        if (s.p[i] == '\\' && (i + 2 >= s.n || (s.p[++i] != '"' && s.p[i] != '\\')))
            return false;
    }
    return true;
}

static bool is_item(struct slice s)
{
    bool binary = s.n >= 2 && s.p[0] == ':' && s.p[s.n - 1] == ':',
         inner = s.n >= 2 && s.p[0] == '(' && s.p[s.n - 1] == ')';
    return is_number(s) || is_token(s) || is_string(s) || slice_eq(s, SLICE("?0")) || slice_eq(s, SLICE("?1")) ||
           binary || inner;
}

/* Where the parameters of a member begin; strings may hold semicolons. */
static size_t parameters(struct slice member)
{
    bool quoted = false;
    for (size_t i = 0; i < member.n; i++) {
        if (quoted && member.p[i] == '\\')
            i++;
        else if (member.p[i] == '"')
            quoted = !quoted;
        else if (member.p[i] == ';' && !quoted)
            return i;
    }
    return member.n;
}

bool directives_targeted(struct slice text, struct directives *out)
{
    struct slice rest = slice_trim(text), member;
    int32_t first_own = -1;
    *out = none;
    if (!rest.n || rest.p[rest.n - 1] == ',')
        return false;
    while (next_member(&rest, &member)) {
        member = slice_sub(member, 0, parameters(member)); /* unknown parameters are ignored (RFC 9213 section 2.1) */
        size_t equals = slice_find(member, '=', 0);
        if (!is_key(slice_sub(member, 0, equals)) ||
            (equals < member.n && !is_item(slice_sub(member, equals + 1, member.n))))
            return false;
        take_member(out, member, &first_own);
    }
    return true;
}
