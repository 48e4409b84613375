#include "capture/h2.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "capture/h2stream.h"

static const struct slice preface = SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

enum {
    TYPE_DATA,
    TYPE_HEADERS,
    TYPE_PRIORITY,
    TYPE_RST_STREAM,
    TYPE_SETTINGS,
    TYPE_PUSH_PROMISE,
    TYPE_PING,
    TYPE_GOAWAY,
    TYPE_WINDOW_UPDATE,
    TYPE_CONTINUATION,
    TYPES
};
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4, PADDED = 8, PRIORITY = 32 };
enum { FRAME_USUAL = 16384, SETTINGS_USUAL = 6 * 32, HEADER_TABLE_SIZE = 1, NEW_STREAMS = 2048 };

/* Shape of the frames (RFC 9113 section 6): flags that mean something, on a stream or not (0 no, 1 yes, 2 either),
 * least length, and whether it is the only one. */
static const struct frame_shape {
    uint8_t flags, on_stream, least;
    bool exact;
} shapes[TYPES] = {
    [TYPE_DATA] = {END_STREAM | PADDED, 1, 0, false},
    [TYPE_HEADERS] = {END_STREAM | END_HEADERS | PADDED | PRIORITY, 1, 0, false},
    [TYPE_PRIORITY] = {0, 1, 5, true},
    [TYPE_RST_STREAM] = {0, 1, 4, true},
    [TYPE_SETTINGS] = {ACK, 0, 0, false},
    [TYPE_PUSH_PROMISE] = {END_HEADERS | PADDED, 1, 4, false},
    [TYPE_PING] = {ACK, 0, 8, true},
    [TYPE_GOAWAY] = {0, 0, 8, false},
    [TYPE_WINDOW_UPDATE] = {0, 2, 4, true},
    [TYPE_CONTINUATION] = {END_HEADERS, 1, 0, false},
};

struct frame_head {
    uint32_t length, stream;
    uint8_t type, flags;
    bool reserved;
};

static struct frame_head frame_head(const uint8_t *p)
{
    struct cursor c = cursor_of(p, H2_FRAME_HEAD);
    struct frame_head f = {0};
    f.length = (uint32_t)cursor_u8(&c) << 16;
    f.length |= cursor_be16(&c);
    f.type = cursor_u8(&c);
    f.flags = cursor_u8(&c);
    f.stream = cursor_be32(&c);
    f.reserved = f.stream >> 31;
    f.stream &= 0x7fffffff;
    return f;
}

/* What no peer would send. Frames of unknown type are skipped (section 4.1). */
static bool frame_possible(const struct frame_head *f)
{
    if (f->type >= TYPES)
        return true;
    const struct frame_shape *s = &shapes[f->type];
    if (s->on_stream != 2 && (f->stream != 0) != (s->on_stream == 1))
        return false;
    if (f->type == TYPE_SETTINGS)
        return f->length % 6 == 0 && (!(f->flags & ACK) || !f->length);
    return f->length >= s->least && (!s->exact || f->length == s->least);
}

/* What peers do send: told among other bytes by this. */
static bool frame_usual(const struct frame_head *f, uint32_t longest)
{
    return f->type < TYPES && !f->reserved && !(f->flags & ~(unsigned)shapes[f->type].flags) &&
           f->length <= (longest > FRAME_USUAL ? longest : FRAME_USUAL) &&
           (f->type != TYPE_SETTINGS || f->length <= SETTINGS_USUAL) && (f->type != TYPE_HEADERS || f->length) &&
           frame_possible(f);
}

/* The header block, or its beginning, in the payload of HEADERS, PUSH_PROMISE or CONTINUATION. False: lengths that
 * cannot be. */
static bool block_in(const struct frame_head *f, struct slice payload, struct slice *block, uint32_t *promised)
{
    struct cursor c = cursor_of(payload.p, payload.n);
    size_t pad = 0;
    if (f->type != TYPE_CONTINUATION && f->flags & PADDED)
        pad = cursor_u8(&c);
    if (f->type == TYPE_HEADERS && f->flags & PRIORITY)
        cursor_take(&c, 5);
    if (f->type == TYPE_PUSH_PROMISE)
        *promised = cursor_be32(&c) & 0x7fffffff;
    if (c.bad || pad > cursor_left(&c))
        return false;
    *block = slice_of(c.p, cursor_left(&c) - pad);
    return true;
}

/* ---- is it HTTP/2 ---- */

bool h2_is_preface(struct slice s)
{
    return s.n >= 14 && memcmp(s.p, preface.p, s.n < preface.n ? s.n : preface.n) == 0;
}

/* Whose frame it is by the header block in it; -1: it does not say; -2: it can be none. */
static int frame_speaker(const struct frame_head *f, struct slice payload)
{
    struct slice block;
    uint32_t promised;
    if (f->type == TYPE_PUSH_PROMISE)
        return 1;
    if (f->type != TYPE_HEADERS || !(f->flags & END_HEADERS) || payload.n < f->length)
        return -1;
    if (!block_in(f, slice_sub(payload, 0, f->length), &block, &promised))
        return -2;
    return hpack_speaker(block);
}

/* Without the beginning: frames from here to the end of the bytes, among them a header block that tells who speaks. */
bool h2_guess(struct slice s, bool begins, int *speaker)
{
    bool told = false;
    *speaker = -1;
    if (h2_is_preface(s)) {
        *speaker = 0;
        return true;
    }
    for (size_t at = 0; s.n - at >= H2_FRAME_HEAD;) {
        struct frame_head f = frame_head((const uint8_t *)s.p + at);
        if (!frame_usual(&f, 0))
            return false;
        if (begins && at == 0) { /* a server begins with SETTINGS (section 3.4) */
            *speaker = 1;
            return f.type == TYPE_SETTINGS && !(f.flags & ACK) && s.n >= H2_FRAME_HEAD + f.length;
        }
        int said = frame_speaker(&f, slice_sub(s, at + H2_FRAME_HEAD, s.n));
        if (said == -2 || (said >= 0 && told && said != *speaker))
            return false;
        if (said >= 0) {
            *speaker = said;
            told = true;
        }
        at += H2_FRAME_HEAD + f.length;
        if (at >= s.n)
            break;
    }
    return told;
}

/* ---- life ---- */

static bool scratch(struct h2_env *env)
{
    if (env->list)
        return true;
    env->list = malloc(sizeof *env->list);
    env->head = malloc(sizeof *env->head);
    if (env->list)
        env->list->text = malloc(HPACK_SCRATCH);
    if (env->list && env->head && env->list->text)
        return true;
    h2_env_fini(env);
    return false;
}

void h2_env_fini(struct h2_env *env)
{
    while (env->spare) {
        struct h2_stream *s = env->spare;
        env->spare = s->chain;
        free(s);
    }
    if (env->list)
        free(env->list->text);
    free(env->list);
    free(env->head);
    env->list = NULL;
    env->head = NULL;
    env->n_spare = 0;
}

struct h2 *h2_open(struct h2_env *env, struct pairing *pairing, bool begins)
{
    uint64_t *memory = env->h1->memory, limit = env->h1->memory_limit;
    struct h2 *h = *memory + sizeof *h <= limit && scratch(env) ? calloc(1, sizeof *h) : NULL;
    if (!h)
        return NULL;
    *memory += sizeof *h;
    h->pairing = pairing;
    for (int role = 0; role < 2; role++) {
        h->side[role].state = begins ? role ? H2_HEAD : H2_PREFACE : H2_LOST;
        h->side[role].settings.off = !begins;
        hpack_open(&h->side[role].hpack, begins, memory, limit);
    }
    return h;
}

void h2_upgraded(struct h2_env *env, struct h2 *h, struct slot *request)
{
    h->side[0].greatest = 1;
    if (request)
        h2stream_upgraded(env, h, request);
}

static bool collect(struct h2_env *env, struct buf *b, const char *p, size_t n)
{
    size_t before = b->cap;
    if (b->n + n > H2_BLOCK_MAX || *env->h1->memory + n > env->h1->memory_limit)
        return false;
    buf_add(b, p, n);
    *env->h1->memory += b->cap - before;
    return !b->failed;
}

static void drop(struct h2_env *env, struct buf *b)
{
    *env->h1->memory -= b->cap;
    buf_free(b);
}

void h2_close(struct h2_env *env, struct h2 *h, enum chunk_end how, int first)
{
    h2stream_close(env, h);
    pair_close(env->h1->pair, h->pairing, how, first);
    for (int role = 0; role < 2; role++) {
        drop(env, &h->side[role].carry);
        drop(env, &h->side[role].block.carry);
        hpack_close(&h->side[role].hpack);
    }
    *env->h1->memory -= sizeof *h;
    free(h);
}

/* ---- loss ---- */

/* Frames may have been missed, and with them insertions, settings and ends of streams. */
static void missed(struct h2_env *env, struct h2 *h, int role)
{
    struct h2_side *side = &h->side[role];
    hpack_forget(&side->hpack);
    side->settings.off = true;
    side->settings.n = 0;
    drop(env, &side->carry);
    drop(env, &side->block.carry);
    side->block = (struct h2_block){0};
    h2stream_lost(h, role);
}

static void lose(struct h2_env *env, struct h2 *h, int role)
{
    struct h2_side *side = &h->side[role];
    missed(env, h, role);
    side->state = H2_LOST;
    side->have = 0;
    side->resynced = true;
}

/* Evidence that a frame begins: 0 none, 1 its shape, 2 besides a stream that is or may be, or a length that is the only
 * one. */
static int evidence(const struct h2 *h, int role, const struct frame_head *f)
{
    const struct h2_side *side = &h->side[role];
    uint32_t greatest = h->side[0].greatest;
    if (!frame_usual(f, side->longest))
        return 0;
    if (!f->stream)
        return shapes[f->type].exact || f->flags & ACK ? 2 : 1;
    if (h2stream_find(h, f->stream))
        return 2;
    if (role == 0 && f->type == TYPE_HEADERS && greatest && f->stream & 1 && f->stream > greatest &&
        f->stream - greatest < NEW_STREAMS)
        return 2;
    return 1;
}

/* Whether what begins at `at` is a frame: weighed with what follows it. `first`: a segment begins there, too. */
static bool frame_at(const struct h2 *h, int role, struct slice s, size_t at, bool first)
{
    struct frame_head f = frame_head((const uint8_t *)s.p + at);
    int weight = evidence(h, role, &f);
    if (!weight)
        return false;
    int said = frame_speaker(&f, slice_sub(s, at + H2_FRAME_HEAD, s.n));
    if (said == -2 || said == 1 - role)
        return false;
    size_t next = at + H2_FRAME_HEAD + f.length;
    if (next == s.n)
        return weight == 2 || first;
    if (next > s.n || s.n - next < H2_FRAME_HEAD)
        return weight == 2 || (first && said == role);
    struct frame_head g = frame_head((const uint8_t *)s.p + next);
    return evidence(h, role, &g) > (weight == 2 || first ? 0 : 1);
}

/* Octets to pass over until a frame begins. What streams were open until now may have missed something. */
static size_t resync(struct h2 *h, int role, const struct chunk *c, struct slice s)
{
    for (size_t at = 0; at + H2_FRAME_HEAD <= s.n; at++)
        if (frame_at(h, role, s, at, s.p + at == c->p)) {
            h->side[role].state = H2_HEAD;
            h2stream_lost(h, role);
            return at;
        }
    return s.n;
}

/* ---- frames ---- */

static struct h2_when frame_when(const struct h2_side *side)
{
    return (struct h2_when){side->first_ts, side->last_ts, side->order};
}

static void block_read(struct h2_env *env, struct h2 *h, int role, struct slice block)
{
    struct h2_side *side = &h->side[role];
    struct h2_block *b = &side->block;
    struct h2_when w = {b->first_ts, b->last_ts, b->order};
    bool ends = b->flags & END_STREAM && !b->promised;
    bool good = !b->bad && hpack_decode(&side->hpack, block, env->list);
    if (!good)
        hpack_forget(&side->hpack);
    if (b->promised) {
        if (good && role == 1)
            h2stream_promise(env, h, b->promised, &w);
    } else if (good) {
        h2stream_head(env, h, role, b->stream, &w, ends);
    } else {
        h2stream_head_lost(env, h, role, b->stream, &w, ends);
    }
    if (role == 0 && b->stream > side->greatest)
        side->greatest = b->stream;
    drop(env, &b->carry);
    b->open = b->bad = false;
}

/* The payload of HEADERS, PUSH_PROMISE or CONTINUATION is whole. */
static void block_frame(struct h2_env *env, struct h2 *h, int role, struct slice payload)
{
    struct h2_side *side = &h->side[role];
    struct h2_block *b = &side->block;
    struct frame_head f = {.type = side->type, .flags = side->flags, .stream = side->stream};
    struct slice part = SLICE("");
    bool first = f.type != TYPE_CONTINUATION;
    if (first)
        *b = (struct h2_block){.stream = f.stream, .first_ts = side->first_ts, .flags = f.flags};
    else if (!b->open) { /* its beginning was lost */
        hpack_forget(&side->hpack);
        return;
    }
    b->last_ts = side->last_ts > b->last_ts || first ? side->last_ts : b->last_ts;
    b->order = side->order;
    b->bad |= !block_in(&f, payload, &part, &b->promised);
    b->open = !(f.flags & END_HEADERS);
    if (first && !b->open) {
        block_read(env, h, role, part);
        return;
    }
    if (!b->bad && !collect(env, &b->carry, part.p, part.n)) {
        env->h1->pair->stats->heads_unread++;
        b->bad = true;
    }
    if (b->bad)
        drop(env, &b->carry);
    if (!b->open)
        block_read(env, h, role, b->carry.n ? slice_of(b->carry.p, b->carry.n) : SLICE(""));
}

static void settings_frame(struct h2 *h, int role, struct slice payload)
{
    struct h2_settings *q = &h->side[role].settings, *answered = &h->side[1 - role].settings;
    struct cursor c = cursor_of(payload.p, payload.n);
    uint32_t size = UINT32_MAX;
    if (h->side[role].flags & ACK) {
        if (!answered->n)
            answered->off = true; /* what it answers was not seen */
        if (answered->off)
            return;
        size = answered->size[0];
        memmove(answered->size, answered->size + 1, --answered->n * sizeof *answered->size);
        if (size != UINT32_MAX)
            hpack_limit(&h->side[role].hpack, size);
        return;
    }
    while (cursor_left(&c) >= 6) {
        uint16_t id = cursor_be16(&c);
        uint32_t value = cursor_be32(&c);
        if (id == HEADER_TABLE_SIZE)
            size = value < size ? value : size; /* the least counts (RFC 7541 section 4.2) */
    }
    if (q->n == H2_SETTINGS)
        q->off = true;
    else
        q->size[q->n++] = size;
}

static void frame_whole(struct h2_env *env, struct h2 *h, int role, struct slice payload)
{
    struct h2_side *side = &h->side[role];
    struct cursor c = cursor_of(payload.p, payload.n);
    switch (side->type) {
    case TYPE_HEADERS:
    case TYPE_PUSH_PROMISE:
    case TYPE_CONTINUATION:
        block_frame(env, h, role, payload);
        break;
    case TYPE_SETTINGS:
        settings_frame(h, role, payload);
        break;
    case TYPE_RST_STREAM:
        h2stream_reset(env, h, role, side->stream, side->last_ts);
        break;
    case TYPE_GOAWAY:
        if (role == 1)
            h2stream_goaway(env, h, cursor_be32(&c) & 0x7fffffff);
        break;
    default:
        break;
    }
}

static void frame_end(struct h2_env *env, struct h2 *h, int role)
{
    struct h2_side *side = &h->side[role];
    struct h2_stream *s = side->type == TYPE_DATA && side->flags & END_STREAM ? h2stream_find(h, side->stream) : NULL;
    struct h2_when w = frame_when(side);
    side->state = H2_HEAD;
    if (s)
        h2stream_end(env, h, s, role, &w);
}

/* A header block was begun and something else follows: it is void (RFC 9113 section 4.3). */
static void check_block(struct h2_env *env, struct h2 *h, int role)
{
    struct h2_side *side = &h->side[role];
    struct h2_block *b = &side->block;
    if (!b->open || (side->type == TYPE_CONTINUATION && side->stream == b->stream))
        return;
    b->bad = true;
    block_read(env, h, role, SLICE(""));
}

static enum h2_state state_for(const struct frame_head *f)
{
    switch (f->type) {
    case TYPE_DATA:
        return f->flags & PADDED && f->length ? H2_PADDING : H2_DATA;
    case TYPE_HEADERS:
    case TYPE_PUSH_PROMISE:
    case TYPE_CONTINUATION:
    case TYPE_SETTINGS:
    case TYPE_RST_STREAM:
    case TYPE_GOAWAY:
        return f->length <= H2_BLOCK_MAX ? H2_COLLECT : H2_SKIP;
    default:
        return H2_SKIP;
    }
}

static bool is_block(uint8_t type)
{
    return type == TYPE_HEADERS || type == TYPE_PUSH_PROMISE || type == TYPE_CONTINUATION;
}

/* The block in the frame being read will not be whole. */
static void block_lost(struct h2_env *env, struct h2 *h, int role)
{
    struct h2_side *side = &h->side[role];
    struct h2_block *b = &side->block;
    if (!is_block(side->type))
        return;
    hpack_forget(&side->hpack);
    if (side->type == TYPE_CONTINUATION && !b->open)
        return;
    if (side->type != TYPE_CONTINUATION)
        *b = (struct h2_block){.stream = side->stream,
                               .first_ts = side->first_ts,
                               .promised = side->type == TYPE_PUSH_PROMISE,
                               .flags = side->flags};
    b->last_ts = side->last_ts;
    b->order = side->order;
    b->bad = true;
    b->open = !(side->flags & END_HEADERS);
    if (!b->open)
        block_read(env, h, role, SLICE(""));
}

/* The nine octets are there. */
static void frame_begin(struct h2_env *env, struct h2 *h, int role)
{
    struct h2_side *side = &h->side[role];
    struct frame_head f = frame_head(side->head);
    side->have = 0;
    if (!frame_possible(&f)) {
        lose(env, h, role);
        return;
    }
    side->type = f.type;
    side->flags = f.flags;
    side->stream = f.stream;
    side->left = f.length;
    side->padding = 0;
    side->state = (uint8_t)state_for(&f);
    if (f.length > side->longest && f.length <= 1 << 20)
        side->longest = f.length;
    check_block(env, h, role);
    if (side->state == H2_SKIP)
        block_lost(env, h, role);
    if (side->left)
        return;
    if (side->state == H2_COLLECT)
        frame_whole(env, h, role, SLICE(""));
    frame_end(env, h, role);
}

/* ---- octets ---- */

static void touch(struct h2_side *side, const struct chunk *c, bool first)
{
    if (first)
        side->first_ts = side->last_ts = c->ts;
    else if (c->ts > side->last_ts)
        side->last_ts = c->ts;
    side->order = c->order;
}

static size_t read_preface(struct h2_env *env, struct h2 *h, struct slice s)
{
    struct h2_side *side = &h->side[0];
    size_t n = preface.n - side->left < s.n ? preface.n - side->left : s.n;
    if (memcmp(s.p, preface.p + side->left, n) != 0) {
        lose(env, h, 0);
        return 0;
    }
    side->left += (uint32_t)n;
    if (side->left == preface.n) {
        side->left = 0;
        side->state = H2_HEAD;
    }
    return n;
}

static size_t read_head(struct h2_env *env, struct h2 *h, int role, const struct chunk *c, struct slice s)
{
    struct h2_side *side = &h->side[role];
    size_t n = (size_t)(H2_FRAME_HEAD - side->have) < s.n ? (size_t)(H2_FRAME_HEAD - side->have) : s.n;
    touch(side, c, !side->have);
    memcpy(side->head + side->have, s.p, n);
    side->have = (uint8_t)(side->have + n);
    if (side->have == H2_FRAME_HEAD)
        frame_begin(env, h, role);
    return n;
}

/* After the last octet of data: padding, if any, then the end. */
static void data_over(struct h2_env *env, struct h2 *h, int role)
{
    struct h2_side *side = &h->side[role];
    if (side->left)
        return;
    side->left = side->padding;
    side->padding = 0;
    side->state = H2_SKIP;
    if (!side->left)
        frame_end(env, h, role);
}

static size_t read_padding(struct h2_env *env, struct h2 *h, int role, struct slice s)
{
    struct h2_side *side = &h->side[role];
    uint8_t padding = (uint8_t)s.p[0];
    side->left--;
    if (padding > side->left) {
        lose(env, h, role);
        return 1;
    }
    side->padding = padding;
    side->left -= padding;
    side->state = H2_DATA;
    data_over(env, h, role); /* if there is none */
    return 1;
}

static size_t read_data(struct h2_env *env, struct h2 *h, int role, const struct chunk *c, struct slice s)
{
    struct h2_side *side = &h->side[role];
    size_t n = s.n < side->left ? s.n : side->left;
    struct h2_stream *stream = h2stream_find(h, side->stream);
    side->left -= (uint32_t)n;
    if (stream && n)
        h2stream_data(env, stream, role, s.p, n, !side->left && side->flags & END_STREAM, c);
    data_over(env, h, role);
    return n;
}

/* There is no memory for the frame: if a head is in it, and was not given up before. */
static void note_unread(struct h2_env *env, const struct h2_side *side)
{
    bool first = side->type != TYPE_CONTINUATION;
    env->h1->pair->stats->heads_unread += is_block(side->type) && (first || (side->block.open && !side->block.bad));
}

static size_t read_whole(struct h2_env *env, struct h2 *h, int role, struct slice s)
{
    struct h2_side *side = &h->side[role];
    size_t n = s.n < side->left ? s.n : side->left;
    struct slice payload = slice_of(s.p, n);
    side->left -= (uint32_t)n;
    if (side->left || side->carry.n) {
        if (!collect(env, &side->carry, s.p, n)) {
            drop(env, &side->carry);
            side->state = H2_SKIP;
            note_unread(env, side);
            block_lost(env, h, role);
            if (!side->left)
                frame_end(env, h, role);
            return n;
        }
        payload = slice_of(side->carry.p, side->carry.n);
    }
    if (side->left)
        return n;
    frame_whole(env, h, role, payload);
    drop(env, &side->carry);
    if (side->state == H2_COLLECT)
        frame_end(env, h, role);
    return n;
}

static size_t skip(struct h2_env *env, struct h2 *h, int role, struct slice s)
{
    struct h2_side *side = &h->side[role];
    size_t n = s.n < side->left ? s.n : side->left;
    side->left -= (uint32_t)n;
    if (!side->left)
        frame_end(env, h, role);
    return n;
}

static size_t step(struct h2_env *env, struct h2 *h, int role, const struct chunk *c, struct slice s)
{
    struct h2_side *side = &h->side[role];
    if (side->state != H2_HEAD && side->state != H2_LOST && side->state != H2_PREFACE)
        touch(side, c, false);
    switch ((enum h2_state)side->state) {
    case H2_PREFACE:
        return read_preface(env, h, s);
    case H2_HEAD:
        return read_head(env, h, role, c, s);
    case H2_PADDING:
        return read_padding(env, h, role, s);
    case H2_DATA:
        return read_data(env, h, role, c, s);
    case H2_COLLECT:
        return read_whole(env, h, role, s);
    case H2_SKIP:
        return skip(env, h, role, s);
    case H2_LOST:
        return resync(h, role, c, s);
    }
    return s.n;
}

void h2_feed(struct h2_env *env, struct h2 *h, int role, const struct chunk *c)
{
    struct slice rest = slice_of(c->p, c->n);
    while (rest.n)
        rest = slice_sub(rest, step(env, h, role, c, rest), rest.n);
}

/* n octets of the frame being read were lost, and no more than are left of it: framing goes on. */
static void gap_inside(struct h2_env *env, struct h2 *h, int role, uint32_t n)
{
    struct h2_side *side = &h->side[role];
    struct h2_stream *s = h2stream_find(h, side->stream);
    if (side->state == H2_DATA) {
        uint32_t data = n < side->left ? n : side->left;
        if (s)
            h2stream_gap(s, role, data);
        side->left -= data;
        side->padding = (uint8_t)(side->padding - (n - data));
        data_over(env, h, role);
        return;
    }
    if (side->state == H2_COLLECT) {
        drop(env, &side->carry);
        if (s && is_block(side->type))
            h2stream_gap(s, role, n);
        if (side->type == TYPE_SETTINGS)
            side->settings.off = true;
        side->state = H2_SKIP;
        block_lost(env, h, role);
    }
    side->left -= n;
    if (!side->left)
        frame_end(env, h, role);
}

void h2_gap(struct h2_env *env, struct h2 *h, int role, uint64_t n)
{
    struct h2_side *side = &h->side[role];
    bool inside = side->state == H2_DATA || side->state == H2_COLLECT || side->state == H2_SKIP;
    if (side->state == H2_LOST)
        return;
    if (inside && n <= (uint64_t)side->left + side->padding) {
        gap_inside(env, h, role, (uint32_t)n);
        return;
    }
    struct h2_stream *s = inside && side->stream ? h2stream_find(h, side->stream) : NULL;
    if (s)
        h2stream_gap(s, role, side->left);
    lose(env, h, role);
}

void h2_ambiguous(struct h2 *h)
{
    for (struct h2_stream *s = h->oldest; s; s = s->newer)
        if (s->slot)
            s->slot->x.flags |= FLAG_AMBIGUOUS;
}
