#include "capture/piece.h"

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
