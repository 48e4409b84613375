#include "capture/websocket.h"

#include "base/cursor.h"

enum {
    FIN = 0x80,
    COMPRESSED = 0x40, /* RFC 7692 section 6 */
    RESERVED = 0x30,
    OPCODE = 0x0f,
    MASKED = 0x80,
    CONTINUATION = 0,
    BINARY = 2,
    CLOSE = 8,
    PONG = 10,
    CONTROL_MAX = 125,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
};

struct websocket *websocket_begin(struct slot_pool *pool, struct slot *s, const struct head *answer)
{
    bool opens = answer->status == 101 && slice_ieq(slice_trim(head_field(answer, TOKEN_UPGRADE)), SLICE("websocket"));
    return opens ? websocket_open(pool, s) : NULL;
}

struct websocket *websocket_open(struct slot_pool *pool, struct slot *s)
{
    struct websocket *w = slot_alloc(pool, s, sizeof *w);
    if (w)
        memset(w, 0, sizeof *w);
    return w;
}

/* Octets of the head, as far as its first two tell. */
static unsigned head_length(const struct websocket_side *side)
{
    unsigned length = side->have < 2 ? 0 : side->head[1] & LENGTH_64;
    return 2u +
           (length == LENGTH_16   ? 2
            : length == LENGTH_64 ? 8
                                  : 0) +
           (side->have > 1 && side->head[1] & MASKED ? 4 : 0);
}

static uint64_t payload_length(const struct websocket_side *side)
{
    struct cursor c = cursor_of(side->head + 2, 8);
    unsigned length = side->head[1] & LENGTH_64;
    if (length == LENGTH_16)
        return cursor_be16(&c);
    if (length != LENGTH_64)
        return length;
    uint64_t high = cursor_be32(&c);
    return high << 32 | cursor_be32(&c);
}

/* Whether a frame of this direction may begin so where one is due (RFC 6455 sections 5.1, 5.4, 5.5). */
static bool allowed(const struct websocket_side *side, int role, uint64_t length)
{
    unsigned first = side->head[0], opcode = first & OPCODE;
    bool masked = side->head[1] & MASKED;
    if (first & RESERVED || masked != (role == 0) || length >> 63)
        return false;
    if (opcode >= CLOSE)
        return opcode <= PONG && first & FIN && length <= CONTROL_MAX && !(first & COMPRESSED);
    return opcode <= BINARY && side->in_message == (opcode == CONTINUATION);
}

/* The head of a frame is whole. */
static void frame(struct websocket *w, int role)
{
    struct websocket_side *side = &w->side[role];
    struct websocket_facts *f = &w->facts;
    unsigned first = side->head[0], opcode = first & OPCODE;
    uint64_t length = payload_length(side);
    side->have = 0;
    if (!allowed(side, role, length)) {
        websocket_lose(w, role);
        return;
    }
    side->left = length;
    side->control = opcode >= CLOSE;
    if (side->control) {
        f->control[role]++;
        f->closed |= opcode == CLOSE;
        return;
    }
    f->frames[role]++;
    f->messages[role] += opcode != CONTINUATION;
    f->compressed[role] += opcode != CONTINUATION && first & COMPRESSED;
    side->in_message = !(first & FIN);
}

void websocket_data(struct websocket *w, int role, const char *p, size_t n, int64_t ts)
{
    struct websocket_side *side = &w->side[role];
    int64_t since = ts - w->facts.opened;
    w->facts.duration_us = since > w->facts.duration_us ? since : w->facts.duration_us;
    while (n && !side->lost) {
        if (side->left) {
            size_t part = n < side->left ? n : (size_t)side->left;
            w->facts.bytes[role] += side->control ? 0 : part;
            side->left -= part;
            p += part;
            n -= part;
            continue;
        }
        side->head[side->have++] = (uint8_t)*p++;
        n--;
        if (side->have >= 2 && side->have == head_length(side))
            frame(w, role);
    }
}

void websocket_gap(struct websocket *w, int role, uint64_t n)
{
    struct websocket_side *side = &w->side[role];
    w->facts.lost[role] = true;
    if (n > side->left)
        side->lost = true;
    else
        side->left -= n;
}

void websocket_lose(struct websocket *w, int role)
{
    w->side[role].lost = w->facts.lost[role] = true;
}
