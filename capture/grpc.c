#include "capture/grpc.h"

#include "base/cursor.h"

enum { PREFIX = 5, COMPRESSED = 1, TRAILERS = 0x80 };

/* Digits and a unit: H, M, S, m, u, n. -1: unreadable. Microseconds, rounded up. */
static int64_t timeout_us(struct slice s)
{
    uint64_t n;
    if (s.n < 2 || s.n > 9 || !slice_u64(slice_sub(s, 0, s.n - 1), &n))
        return -1;
    switch (s.p[s.n - 1]) {
    case 'H':
        return (int64_t)n * 3600 * 1000000;
    case 'M':
        return (int64_t)n * 60 * 1000000;
    case 'S':
        return (int64_t)n * 1000000;
    case 'm':
        return (int64_t)n * 1000;
    case 'u':
        return (int64_t)n;
    case 'n':
        return (int64_t)((n + 999) / 1000);
    default:
        return -1;
    }
}

struct grpc *grpc_begin(struct slot_pool *pool, struct slot *s, const struct head *h)
{
    if (!slice_eq(h->method, SLICE("POST")))
        return NULL;
    struct slice type = head_field(h, TOKEN_CONTENT_TYPE);
    if (!slice_starts(type, SLICE("application/grpc")))
        return NULL;
    struct grpc *g = slot_alloc(pool, s, sizeof *g);
    if (!g)
        return NULL;
    memset(g, 0, offsetof(struct grpc, trailer));
    g->facts.status = -1;
    g->facts.timeout_us = timeout_us(head_field(h, TOKEN_GRPC_TIMEOUT));
    g->text = slice_starts(type, SLICE("application/grpc-web-text"));
    return g;
}

void grpc_status(struct grpc *g, struct slice value)
{
    uint64_t n;
    if (slice_u64(slice_trim(value), &n) && n < 1000)
        g->facts.status = (int16_t)n;
}

/* The prefix is whole. */
static void message(struct grpc *g, int role)
{
    struct grpc_side *side = &g->side[role];
    struct cursor c = cursor_of(side->prefix, PREFIX);
    uint8_t flags = cursor_u8(&c);
    side->left = cursor_be32(&c);
    side->have = 0;
    if (flags & ~(unsigned)(COMPRESSED | TRAILERS)) {
        side->lost = true;
        return;
    }
    if (flags & TRAILERS) {
        side->have = PREFIX; /* until its end */
        return;
    }
    g->facts.messages[role]++;
    g->facts.compressed[role] += flags & COMPRESSED;
    g->facts.bytes[role] += side->left;
}

/* Octets of a frame that holds trailers. */
static void trailer(struct grpc *g, int role, const char *p, size_t n)
{
    size_t room = sizeof g->trailer - g->n_trailer, keep = n < room ? n : room;
    if (role == 0)
        return;
    memcpy(g->trailer + g->n_trailer, p, keep);
    g->n_trailer += (uint16_t)keep;
}

static bool in_trailers(const struct grpc_side *side)
{
    return side->have == PREFIX;
}

static void frames(struct grpc *g, int role, const char *p, size_t n)
{
    struct grpc_side *side = &g->side[role];
    while (n && !side->lost) {
        if (side->left) {
            size_t part = n < side->left ? n : side->left;
            if (in_trailers(side))
                trailer(g, role, p, part);
            side->left -= (uint32_t)part;
            p += part;
            n -= part;
            continue;
        }
        if (in_trailers(side)) { /* the last frame there is */
            side->lost = true;
            return;
        }
        side->prefix[side->have++] = (uint8_t)*p++;
        n--;
        if (side->have == PREFIX)
            message(g, role);
    }
}

/* Value of a digit of base64 (RFC 4648 section 4), -1: it is none. */
static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Takes one character into the group. False: it has no place there. */
static bool take_digit(struct grpc_side *side, char c)
{
    int digit = digit_of(c);
    if (c == '=' ? side->digits < 2 : digit < 0 || side->pads)
        return false;
    side->pads += c == '=';
    side->group = side->group << 6 | (uint32_t)(c == '=' ? 0 : digit);
    side->digits++;
    return true;
}

/* Frames of gRPC-Web as text: each piece that was flushed is base64 of its own, padding and all. */
static void text(struct grpc *g, int role, const char *p, size_t n)
{
    struct grpc_side *side = &g->side[role];
    char out[192];
    size_t made = 0;
    for (size_t i = 0; i < n && !side->lost; i++) {
        if (p[i] == '\r' || p[i] == '\n' || p[i] == ' ')
            continue;
        if (!take_digit(side, p[i])) {
            frames(g, role, out, made);
            grpc_gap(g, role);
            return;
        }
        if (side->digits < 4)
            continue;
        for (unsigned k = 0; k < 3u - side->pads; k++)
            out[made++] = (char)(side->group >> (16 - 8 * k));
        side->digits = side->pads = 0;
        if (made + 3 > sizeof out) {
            frames(g, role, out, made);
            made = 0;
        }
    }
    frames(g, role, out, made);
}

/* What a side sends shows with its first octet whether it is text: no frame begins with a digit of base64. */
void grpc_data(struct grpc *g, int role, const char *p, size_t n)
{
    struct grpc_side *side = &g->side[role];
    if (!side->begun && n) {
        side->begun = true;
        side->coded = g->text && digit_of(*p) >= 0;
    }
    if (side->coded)
        text(g, role, p, n);
    else
        frames(g, role, p, n);
}

void grpc_gap(struct grpc *g, int role)
{
    g->side[role].lost = true;
    g->facts.lost[role] = true;
}

void grpc_end(struct grpc *g, int role)
{
    struct slice rest = slice_of(g->trailer, g->n_trailer), line;
    if (role == 0)
        return;
    while (slice_next(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':', 0);
        if (slice_ieq(slice_sub(line, 0, colon), SLICE("grpc-status")))
            grpc_status(g, slice_sub(line, colon + 1, line.n));
    }
    g->n_trailer = 0;
}
