#include "capture/h1.h"

#include <stdlib.h>

#include "capture/eventstream.h"
#include "capture/grpc.h"
#include "capture/operation.h"
#include "capture/websocket.h"

enum { SIZE_LINE_MAX = 8192, TRAILER_MAX = 64 * 1024, STASH_MAX = HEAD_MAX };

void h1_open(struct h1 *h, struct conn *conn)
{
    memset(h, 0, sizeof *h);
    h->pairing.conn = conn;
}

/* ---- bodies: length and digest ---- */

static struct body_state *body_take(struct h1_env *env)
{
    if (!env->n_spare)
        return body_new(&env->bodies);
    struct body_state *b = env->spare[--env->n_spare];
    body_reset(b);
    return b;
}

struct body_state *h1_body_take(struct h1_env *env)
{
    return body_take(env);
}

void h1_body_give(struct h1_env *env, struct body_state *b)
{
    if (env->n_spare < sizeof env->spare / sizeof *env->spare)
        env->spare[env->n_spare++] = b;
    else
        body_free(b);
}

static inline void body_drop(struct h1_env *env, struct h1_side *side)
{
    if (__builtin_expect(side->body != NULL, 0))
        h1_body_give(env, side->body);
    side->body = NULL;
}

void h1_env_fini(struct h1_env *env)
{
    while (env->n_spare)
        body_free(env->spare[--env->n_spare]);
}

/* The first octets of a body, or `whole`: all of them. */
static __attribute__((noinline)) void body_begins(struct h1_env *env, struct h1_side *side, const char *p, size_t n,
                                                  bool whole)
{
    if (whole)
        side->body_id = body_hash(&env->bodies, p, n);
    else if ((side->body = body_take(env)))
        body_add(side->body, p, n);
    else
        side->truncated = true; /* out of memory: the identity stays unknown */
}

static inline void body_digest(struct h1_env *env, struct h1_side *side, const char *p, size_t n, bool whole)
{
    if (side->truncated)
        return;
    if (side->body)
        body_add(side->body, p, n);
    else
        body_begins(env, side, p, n, whole);
}

/* The same, of a body that somebody looks at while it passes. */
static __attribute__((noinline)) void body_seen(struct h1_env *env, struct h1_side *side, int role, const char *p,
                                                size_t n, bool whole)
{
    struct slot *s = side->slot;
    if (role == 1 && s->events)
        eventstream_data(s->events, p, n, side->last_ts);
    if (side->truncated)
        return;
    if (s->grpc)
        grpc_data(s->grpc, role, p, n);
    if (s->operation)
        operation_data(s->operation, role, p, n, whole);
    if (role == 1 && s->look)
        look_data(s->look, p, n);
    body_digest(env, side, p, n, whole);
}

/* Octets of a body; `whole`: these are all of it. An answer that is given up before its end leaves with what there was
 * of it. */
static inline void body_bytes(struct h1_env *env, struct h1_side *side, int role, const char *p, size_t n, bool whole)
{
    struct slot *s = side->slot;
    side->body_bytes += n;
    if (!s)
        return;
    if (role == 1) {
        s->touched = side->last_ts;
        s->x.response_bytes = side->body_bytes;
    }
    if ((uintptr_t)s->grpc | (uintptr_t)s->events | (uintptr_t)s->operation | (uintptr_t)s->look)
        body_seen(env, side, role, p, n, whole);
    else
        body_digest(env, side, p, n, whole);
}

static __attribute__((noinline)) uint64_t body_finish(struct h1_env *env, struct h1_side *side, bool has_body)
{
    if (side->truncated)
        return 0;
    if (side->body)
        return body_end(side->body);
    return has_body ? body_hash(&env->bodies, "", 0) : 0;
}

/* ---- messages ---- */

static void carry_drop(struct h1_env *env, struct h1_side *side)
{
    *env->memory -= side->carry.cap;
    buf_free(&side->carry);
    side->scan = 0;
}

static void message_reset(struct h1_env *env, struct h1_side *side)
{
    body_drop(env, side);
    side->slot = NULL;
    side->body_id = side->body_bytes = side->left = 0;
    side->line = 0;
    side->digits = side->tail = 0;
    side->in_message = side->truncated = side->ambiguous = false;
    side->state = H1_HEAD;
}

static void message_touch(struct h1_side *side, const struct chunk *c)
{
    if (!side->in_message) {
        side->in_message = true;
        side->first_ts = side->last_ts = c->ts;
        side->order = c->order;
        side->ack_offset = c->ack_offset;
        return;
    }
    if (c->ts > side->last_ts)
        side->last_ts = c->ts;
    if (c->order > side->order)
        side->order = c->order;
}

static __attribute__((noinline)) void settle_grpc(struct slot *s, int role)
{
    grpc_end(s->grpc, role);
    if (role == 1 && !s->grpc->facts.messages[1]) { /* an answer that is trailers alone */
        struct slice status = slot_field(&s->response, TOKEN_GRPC_STATUS);
        if (status.p)
            grpc_status(s->grpc, status);
    }
}

/* Passes what the message left behind to its exchange. */
static inline void settle(struct h1_env *env, struct h1_side *side, int role, bool has_body)
{
    struct exchange *x = &side->slot->x;
    uint64_t id = side->body_id;
    if (side->truncated || side->body || (!id && has_body))
        id = body_finish(env, side, has_body);
    if (side->ambiguous)
        x->flags |= FLAG_AMBIGUOUS;
    if (side->slot->grpc)
        settle_grpc(side->slot, role);
    if (role == 0) {
        x->request_bytes = side->body_bytes;
        x->request_body_id = id;
        x->flags |= side->truncated ? FLAG_REQUEST_TRUNCATED : 0;
    } else {
        x->response_bytes = side->body_bytes;
        x->body_id = id;
        x->flags |= side->truncated ? FLAG_TRUNCATED : 0;
    }
}

/* The message being read is whole, or will never be more than it is (then side->truncated). */
static void message_done(struct h1_env *env, struct h1 *h, int role, bool has_body, uint64_t end_offset)
{
    struct h1_side *side = &h->side[role];
    struct slot *s = side->slot;
    if (s) {
        settle(env, side, role, has_body);
        if (role == 0) {
            pair_request_done(env->pair, s, side->last_ts, side->order, end_offset);
        } else {
            pair_hold(s, NULL);
            pair_response_done(env->pair, s, side->last_ts);
        }
    } else if (role == 0) {
        pair_gap(&h->pairing, role, end_offset); /* no memory for it: as if it had not been captured */
    }
    message_reset(env, side);
}

/* Framing is lost: the message ends as it is; the next one must be found again. */
static void lose(struct h1_env *env, struct h1 *h, int role, uint64_t offset)
{
    struct h1_side *side = &h->side[role];
    if (side->state == H1_LENGTH)
        offset += side->left; /* where the message ends is known all the same */
    if (side->in_message && side->slot) {
        side->truncated = true;
        message_done(env, h, role, false, offset);
    } else {
        message_reset(env, side);
    }
    side->state = H1_LOST;
    pair_gap(&h->pairing, role, offset);
}

static void enter_body(struct h1_side *side, enum framing framing, uint64_t length)
{
    switch (framing) {
    case FRAME_NONE:
        break;
    case FRAME_LENGTH:
        side->state = H1_LENGTH;
        side->left = length;
        break;
    case FRAME_CHUNKED:
        side->state = H1_CHUNK_SIZE;
        break;
    case FRAME_CLOSE:
        side->state = H1_CLOSE;
        break;
    case FRAME_TUNNEL:
        side->state = H1_TUNNEL;
        break;
    }
}

/* s: the exchange that begins; NULL: no memory for it. */
static void request_begins(struct h1_env *env, struct h1 *h, const struct head *head, struct slot *s,
                           uint64_t end_offset)
{
    struct h1_side *side = &h->side[0];
    enum framing framing = head_request_framing(head);
    side->slot = s;
    if (framing == FRAME_NONE)
        message_done(env, h, 0, false, end_offset);
    else
        enter_body(side, framing, head->length);
}

static void request_head(struct h1_env *env, struct h1 *h, const struct head *head, uint64_t end_offset)
{
    const struct h1_side *side = &h->side[0];
    struct slot *s = pair_request(env->pair, &h->pairing, head, side->first_ts, side->ack_offset, NULL);
    request_begins(env, h, head, s, end_offset);
}

/* After 101 or a successful CONNECT both directions leave HTTP/1. */
static __attribute__((noinline)) enum h1_event tunnel(struct h1_env *env, struct h1 *h, bool connect, bool h2c,
                                                      uint64_t end_offset)
{
    struct slot *s = h->side[1].slot;
    struct slot *again = h2c && s && s->request_done ? pair_copy(env->pair, s) : NULL;
    message_done(env, h, 1, false, end_offset);
    h->side[0].state = h->side[1].state = H1_TUNNEL;
    h->side[1].slot = again;
    return h2c ? H1_H2C : connect ? H1_TUNNELLED : H1_UPGRADED;
}

/* A WebSocket is counted as long as it is open; until then its exchange stays. False: there is none here. */
static __attribute__((noinline)) bool open_websocket(struct h1_env *env, struct h1 *h, const struct head *head)
{
    struct h1_side *side = &h->side[1];
    struct slot *s = side->slot;
    if (!s || !s->request_done || !(s->websocket = websocket_begin(&env->pair->slots, s, head)))
        return false;
    settle(env, side, 1, false);
    s->x.t_rsp1 = s->websocket->facts.opened = side->last_ts;
    if (h->side[0].carry.n || h->side[0].state != H1_HEAD) /* what came before this was not read as frames */
        websocket_lose(s->websocket, 0);
    carry_drop(env, &h->side[0]);
    message_reset(env, &h->side[0]);
    message_reset(env, side);
    h->side[0].state = side->state = H1_TUNNEL;
    side->slot = s;
    pair_hold(s, &side->slot);
    return true;
}

static struct websocket *websocket_of(const struct h1 *h)
{
    const struct h1_side *side = &h->side[1];
    return side->state == H1_TUNNEL && side->slot ? side->slot->websocket : NULL;
}

bool h1_is_websocket(const struct h1 *h)
{
    return websocket_of(h) != NULL;
}

static void close_websocket(struct h1_env *env, struct h1 *h)
{
    struct slot *s = h->side[1].slot;
    if (!websocket_of(h))
        return;
    h->side[1].slot = NULL;
    pair_response_done(env->pair, s, s->x.t_rsp1);
}

/* s: the exchange that is answered; NULL: no memory for it. */
static enum h1_event answer_begins(struct h1_env *env, struct h1 *h, const struct head *head, struct slot *s,
                                   uint64_t end_offset)
{
    struct h1_side *side = &h->side[1];
    bool connect = s && s->connect_method;
    enum framing framing = head_response_framing(head, s && s->head_method, connect);
    side->slot = s;
    if (framing == FRAME_TUNNEL && open_websocket(env, h, head))
        return H1_OK;
    if (framing == FRAME_TUNNEL)
        return tunnel(env, h, connect, head->status == 101 && head->upgrade_h2c, end_offset);
    if (framing == FRAME_NONE) {
        bool unknown = (s && s->head_method) || head->status == 304;
        message_done(env, h, 1, !unknown, end_offset);
        return H1_OK;
    }
    if (s)
        pair_hold(s, &side->slot);
    if (s && !s->connect_method && !s->candidate.json) /* JSON is no stream of events */
        pair_events(env->pair, s, head);
    enter_body(side, framing, head->length);
    return H1_OK;
}

/* c: where it begins. */
static enum h1_event response_head(struct h1_env *env, struct h1 *h, const struct head *head, const struct chunk *c,
                                   uint64_t end_offset)
{
    struct h1_side *side = &h->side[1];
    if (head->status >= 100 && head->status < 200 &&
        head->status != 101) { /* interim: no record (RFC 9110 section 15.2) */
        message_reset(env, side);
        return H1_OK;
    }
    uint64_t offset = end_offset ? end_offset - head->raw.n : ACK_UNKNOWN;
    struct slot *s = pair_response(env->pair, &h->pairing, head, c, offset);
    return answer_begins(env, h, head, s, end_offset);
}

/* ---- messages that came whole: nothing of them waits at their side ---- */

/* A request's head, and at `rest` what else is here, `left` octets. Returns how many of its body were read. */
static inline size_t request_whole(struct h1_env *env, struct h1 *h, const struct chunk *c, const struct head *head,
                                   const char *rest, size_t left)
{
    enum framing framing = head_request_framing(head);
    uint64_t n = framing == FRAME_NONE ? 0 : head->length, end_offset = c->offset + (c->n - left);
    bool whole = framing <= FRAME_LENGTH && n <= left;
    struct slot *s = pair_request(env->pair, &h->pairing, head, c->ts, c->ack_offset, whole && n ? rest : NULL);
    if (!whole || !s || s->grpc) {
        message_touch(&h->side[0], c);
        request_begins(env, h, head, s, end_offset);
        return 0;
    }
    if (n) {
        s->x.request_bytes = n;
        s->x.request_body_id = body_hash(&env->bodies, rest, n);
        if (s->operation)
            operation_data(s->operation, 0, rest, n, false); /* whether it may ask for one is known */
    }
    pair_request_done(env->pair, s, c->ts, c->order, end_offset + n);
    return n;
}

/* Whether an answer is whole, once it is known what was asked for. */
static inline bool may_be_whole(const struct head *head, size_t rest)
{
    return head->status >= 200 && head->status != 204 && head->status != 304 && !head->transfer_encoding &&
           head->has_length && head->length && head->length <= rest;
}

/* The same of an answer that may be whole. */
static inline size_t answer_whole(struct h1_env *env, struct h1 *h, const struct chunk *c, const struct head *head,
                                  const char *rest, size_t left, enum h1_event *event)
{
    uint64_t end_offset = c->offset + (c->n - left);
    struct slot *s = pair_response(env->pair, &h->pairing, head, c, end_offset - head->raw.n);
    bool plain = s && (s->candidate.json || head->status != 200) && /* no stream of events */
                 !(s->head_method || s->connect_method || s->grpc || s->operation);
    if (!plain) {
        message_touch(&h->side[1], c);
        *event = answer_begins(env, h, head, s, end_offset);
        return 0;
    }
    if (s->look)
        look_data(s->look, rest, head->length);
    s->touched = c->ts;
    s->x.response_bytes = head->length;
    s->x.body_id = body_hash(&env->bodies, rest, head->length);
    pair_response_done(env->pair, s, c->ts);
    return head->length;
}

/* ---- input ---- */

static bool carry_add(struct h1_env *env, struct h1_side *side, const char *p, size_t n)
{
    size_t before = side->carry.cap;
    if (side->carry.n + n > STASH_MAX || *env->memory + n > env->memory_limit)
        return false;
    buf_add(&side->carry, p, n);
    *env->memory += side->carry.cap - before;
    return !side->carry.failed;
}

bool h1_stash(struct h1_env *env, struct h1 *h, int role, const struct chunk *c)
{
    message_touch(&h->side[role], c);
    return carry_add(env, &h->side[role], c->p, c->n);
}

static enum h1_event take_head(struct h1_env *env, struct h1 *h, int role, const struct head *head, uint64_t end_offset)
{
    if (role == 0) {
        request_head(env, h, head, end_offset);
        return H1_OK;
    }
    const struct h1_side *side = &h->side[1];
    struct chunk first = {.ts = side->first_ts, .order = side->order, .ack_offset = side->ack_offset};
    return response_head(env, h, head, &first, end_offset);
}

/* Looks for a whole head in the carry, whose last `fresh` bytes came with c. Returns how many of those belong to it;
 * all of them while the head is not whole. */
static size_t head_in_carry(struct h1_env *env, struct h1 *h, int role, const struct chunk *c, size_t fresh,
                            enum h1_event *event)
{
    struct h1_side *side = &h->side[role];
    struct head head;
    size_t had = side->carry.n - fresh;
    size_t end = head_end(slice_of(side->carry.p, side->carry.n), &side->scan);
    if (!end)
        return fresh;
    size_t used = end > had ? end - had : 0;
    bool good = head_read(&head, &env->known, slice_of(side->carry.p, end), role, false) == HEAD_DONE;
    if (good)
        *event = take_head(env, h, role, &head, c->offset + used);
    carry_drop(env, side);
    if (good)
        return used;
    lose(env, h, role, c->offset);
    return fresh;
}

/* A head that began in an earlier chunk. Returns the bytes of c that belong to it. */
static size_t head_carried(struct h1_env *env, struct h1 *h, int role, const struct chunk *c, enum h1_event *event)
{
    struct h1_side *side = &h->side[role];
    size_t room = STASH_MAX - side->carry.n;
    message_touch(side, c);
    if (room && carry_add(env, side, c->p, room < c->n ? room : c->n)) {
        size_t used = head_in_carry(env, h, role, c, room < c->n ? room : c->n, event);
        if (!side->carry.n || room >= c->n)
            return used;
    }
    carry_drop(env, side); /* no head is that long, or there is no room for it */
    env->pair->stats->heads_unread++;
    lose(env, h, role, c->offset);
    return c->n;
}

static inline size_t skip_empty_lines(struct slice s)
{
    size_t n = 0;
    if (__builtin_expect(s.p[0] > '\r', 1))
        return 0;
    while (n < s.n && (s.p[n] == '\r' || s.p[n] == '\n'))
        n++;
    return n;
}

/* A whole head stands at the start of s. Returns the octets of the message that were read. */
static inline size_t head_whole(struct h1_env *env, struct h1 *h, int role, const struct chunk *c,
                                const struct head *head, struct slice s, enum h1_event *event)
{
    size_t n = head->raw.n, left = s.n - n;
    if (role == 0)
        return n + request_whole(env, h, c, head, s.p + n, left);
    if (may_be_whole(head, left))
        return n + answer_whole(env, h, c, head, s.p + n, left, event);
    message_touch(&h->side[1], c);
    *event = response_head(env, h, head, c, c->offset + (c->n - left));
    return n;
}

/* A head at the end of c, which is not the whole of it, or none. */
static __attribute__((noinline)) void head_begun(struct h1_env *env, struct h1 *h, int role, const struct chunk *c,
                                                 struct slice s, bool head)
{
    struct h1_side *side = &h->side[role];
    message_touch(side, c);
    if (head) {
        if (carry_add(env, side, s.p, s.n))
            return;
        env->pair->stats->heads_unread++;
    }
    carry_drop(env, side);
    lose(env, h, role, c->offset);
}

/* A head at the start of s, which is not empty and ends where c does; the whole of it, or its beginning. Returns the
 * octets that were read. Inline, or gcc minds what room the head takes. */
static inline __attribute__((always_inline)) size_t
head_direct(struct h1_env *env, struct h1 *h, int role, const struct chunk *c, struct slice s, enum h1_event *event)
{
    struct head head;
    size_t skip = skip_empty_lines(s);
    if (__builtin_expect(skip == s.n, 0))
        return s.n;
    s.p += skip;
    s.n -= skip;
    enum head_result r = head_read(&head, &env->known, s, role, false);
    if (r == HEAD_DONE)
        return skip + head_whole(env, h, role, c, &head, s, event);
    head_begun(env, h, role, c, s, r == HEAD_MORE);
    return skip + s.n;
}

/* Octets of a body of that length, no more than are left of it; end_offset: behind them. */
static inline void length_octets(struct h1_env *env, struct h1 *h, int role, struct slice s, uint64_t end_offset)
{
    struct h1_side *side = &h->side[role];
    side->left -= s.n;
    body_bytes(env, side, role, s.p, s.n, !side->left && !side->body_bytes);
    if (!side->left)
        message_done(env, h, role, true, end_offset);
}

static size_t length_body(struct h1_env *env, struct h1 *h, int role, struct slice s, uint64_t offset)
{
    const struct h1_side *side = &h->side[role];
    size_t n = s.n < side->left ? s.n : (size_t)side->left;
    length_octets(env, h, role, slice_of(s.p, n), offset + n);
    return n;
}

/* Characters of a chunk-size line behind its digits: blanks, then what is said behind `;`, then CR LF. Others end the
 * line elsewhere, or read the number otherwise. */
static bool odd_in_size_line(struct h1_side *side, char c)
{
    char before = side->tail;
    if (c == '\r' || c == ';')
        side->tail = c;
    else if (before != ';')
        side->tail = ' ';
    return before == '\r' || (before == ' ' && c != ' ' && c != '\t' && c != ';' && c != '\r');
}

static inline bool ends_line(struct slice s, size_t at)
{
    return s.n >= at + 2 && s.p[at] == '\r' && s.p[at + 1] == '\n';
}

/* A whole chunk-size line that is digits alone. Returns its octets; 0: it is none. */
static inline size_t plain_size_line(struct h1_side *side, struct slice s)
{
    uint64_t size = 0;
    size_t n = 0;
    for (int digit; n < s.n && n < 8 && (digit = ascii_hex(s.p[n])) >= 0; n++)
        size = size << 4 | (uint64_t)digit;
    if (side->line || !n || !ends_line(s, n))
        return 0;
    side->left = size;
    side->state = size ? H1_CHUNK_DATA : H1_TRAILER;
    return n + 2;
}

/* Any chunk-size line, one character at a time: it may be cut anywhere (RFC 9112 section 7.1). */
static size_t size_line(struct h1_env *env, struct h1 *h, int role, struct slice s, uint64_t offset)
{
    struct h1_side *side = &h->side[role];
    for (size_t i = 0; i < s.n; i++) {
        int digit = ascii_hex(s.p[i]);
        if (s.p[i] == '\n') {
            if (!side->digits)
                break;
            side->ambiguous |= side->tail != '\r'; /* bare LF */
            side->state = side->left ? H1_CHUNK_DATA : H1_TRAILER;
            side->digits = side->tail = 0;
            side->line = 0;
            return i + 1;
        }
        if (digit >= 0 && side->line == side->digits) {
            side->ambiguous |= side->left >> 59 != 0; /* beyond 2^63 */
            side->left = side->left << 4 | (uint64_t)digit;
            if (++side->digits > 16)
                break;
        } else if (side->line == side->digits && s.p[i] != ';' && s.p[i] != '\r' && s.p[i] != ' ') {
            break;
        } else {
            side->ambiguous |= odd_in_size_line(side, s.p[i]);
        }
        if (++side->line > SIZE_LINE_MAX)
            break;
        if (i + 1 == s.n)
            return s.n;
    }
    side->ambiguous = true;
    lose(env, h, role, offset);
    return s.n;
}

static size_t chunk_data(struct h1_env *env, struct h1_side *side, int role, struct slice s)
{
    size_t n = s.n < side->left ? s.n : (size_t)side->left;
    side->left -= n;
    body_bytes(env, side, role, s.p, n, false);
    if (!side->left)
        side->state = H1_CHUNK_CRLF;
    return n;
}

static size_t chunk_end(struct h1_env *env, struct h1 *h, int role, struct slice s, uint64_t offset)
{
    struct h1_side *side = &h->side[role];
    if (!side->line && ends_line(s, 0)) {
        side->state = H1_CHUNK_SIZE;
        return 2;
    }
    if (s.p[0] == '\n') {
        side->ambiguous |= side->line != 1; /* bare LF */
        side->state = H1_CHUNK_SIZE;
        side->line = 0;
        return 1;
    }
    if (s.p[0] == '\r' && !side->line) {
        side->line = 1;
        return 1;
    }
    side->ambiguous = true;
    lose(env, h, role, offset);
    return s.n;
}

/* Trailer lines up to the empty one; `digits` counts the characters of the current line, 0 or more. */
static size_t trailer(struct h1_env *env, struct h1 *h, int role, struct slice s, uint64_t offset)
{
    struct h1_side *side = &h->side[role];
    if (!side->line && ends_line(s, 0)) { /* most have none */
        message_done(env, h, role, true, offset + 2);
        return 2;
    }
    for (size_t i = 0; i < s.n; i++) {
        side->ambiguous |= (s.p[i] == '\n') != (side->tail == '\r'); /* bare CR or LF */
        side->tail = s.p[i];
        if (s.p[i] == '\n') {
            if (!side->digits) {
                message_done(env, h, role, true, offset + i + 1);
                return i + 1;
            }
            side->digits = 0;
        } else if (s.p[i] != '\r') {
            side->digits = 1;
        }
        if (++side->line > TRAILER_MAX) {
            lose(env, h, role, offset);
            return s.n;
        }
    }
    return s.n;
}

/* Of a chunked body what is here of it. `offset`: where s begins in the stream. */
static __attribute__((noinline)) size_t chunked_body(struct h1_env *env, struct h1 *h, int role, struct slice s,
                                                     uint64_t offset)
{
    struct h1_side *side = &h->side[role];
    size_t n = 0;
    for (size_t read; n < s.n; n += read) {
        struct slice rest = {s.p + n, s.n - n};
        if (side->state == H1_CHUNK_DATA)
            read = chunk_data(env, side, role, rest);
        else if (side->state == H1_CHUNK_CRLF)
            read = chunk_end(env, h, role, rest, offset + n);
        else if (side->state == H1_TRAILER)
            read = trailer(env, h, role, rest, offset + n);
        else if (side->state != H1_CHUNK_SIZE)
            break;
        else if (!(read = plain_size_line(side, rest)))
            read = size_line(env, h, role, rest, offset + n);
    }
    return n;
}

/* After a loss a message is believed to begin only where a segment does. */
static size_t resync(struct h1 *h, int role, const struct chunk *c, struct slice s)
{
    bool begins = s.p == c->p && (role == 0 ? head_guess_request(s) : head_guess_response(s));
    if (!begins)
        return s.n;
    pair_gap(&h->pairing, role, c->offset);
    h->side[role].state = H1_HEAD;
    return 0;
}

/* The other side answered: what whole lines of a request there are must be all of it (HTTP/0.9, cut heads). */
static void force_request(struct h1_env *env, struct h1 *h, const struct chunk *c)
{
    struct h1_side *side = &h->side[0];
    struct head head;
    if (side->state != H1_HEAD || h->pairing.first)
        return;
    if (h->pairing.lost && c->ack_offset <= h->pairing.read_to)
        return; /* answers what was lost before it */
    if (head_request(&head, &env->known, slice_of(side->carry.p, side->carry.n), true) == HEAD_DONE) {
        head.ambiguous |= head.version.n != 0;
        request_head(env, h, &head, 0);
        carry_drop(env, side);
    }
}

static __attribute__((noinline)) size_t head_step(struct h1_env *env, struct h1 *h, int role, const struct chunk *c,
                                                  struct slice s, enum h1_event *event)
{
    if (role == 1 && h->side[0].carry.n)
        force_request(env, h, c);
    return h->side[role].carry.n ? head_carried(env, h, role, c, event) : head_direct(env, h, role, c, s, event);
}

/* Less frequent states. */
static __attribute__((noinline)) size_t other_step(struct h1_env *env, struct h1 *h, int role, const struct chunk *c,
                                                   struct slice s)
{
    struct h1_side *side = &h->side[role];
    switch (side->state) {
    case H1_HEAD:
    case H1_LENGTH:
    case H1_CHUNK_SIZE:
    case H1_CHUNK_DATA:
    case H1_CHUNK_CRLF:
    case H1_TRAILER:
        break;
    case H1_CLOSE:
        body_bytes(env, side, role, s.p, s.n, false);
        return s.n;
    case H1_LOST:
        return resync(h, role, c, s);
    case H1_TUNNEL:
        if (websocket_of(h)) {
            websocket_data(websocket_of(h), role, s.p, s.n, c->ts);
            h->side[1].slot->touched = c->ts;
        }
        return s.n;
    }
    return s.n;
}

void h1_forget(struct h1_env *env, struct h1 *h, int role)
{
    carry_drop(env, &h->side[role]);
    message_reset(env, &h->side[role]);
}

enum h1_event h1_resume(struct h1_env *env, struct h1 *h, int role, const struct chunk *c)
{
    enum h1_event event = H1_OK;
    size_t used = head_in_carry(env, h, role, c, c->n, &event);
    struct chunk rest = *c;
    rest.p += used;
    rest.n -= used;
    rest.offset += used;
    env->rest = rest.n;
    return rest.n && event == H1_OK ? h1_feed(env, h, role, &rest) : event;
}

/* What c holds from `at` on, after that event. */
static __attribute__((noinline)) enum h1_event feed(struct h1_env *env, struct h1 *h, int role, const struct chunk *c,
                                                    size_t at, enum h1_event event)
{
    struct slice rest = {c->p + at, c->n - at};
    struct h1_side *side = &h->side[role];
    if (side->in_message)
        message_touch(side, c);
    while (rest.n && event == H1_OK) {
        uint64_t offset = c->offset + (c->n - rest.n);
        size_t n;
        if (side->state == H1_HEAD)
            n = head_step(env, h, role, c, rest, &event);
        else if (side->state == H1_LENGTH)
            n = length_body(env, h, role, rest, offset);
        else if (side->state >= H1_CHUNK_SIZE && side->state <= H1_TRAILER)
            n = chunked_body(env, h, role, rest, offset);
        else
            n = other_step(env, h, role, c, rest);
        rest.p += n;
        rest.n -= n;
    }
    env->rest = rest.n;
    return event;
}

/* A chunk within a body. */
static __attribute__((noinline)) enum h1_event within_body(struct h1_env *env, struct h1_side *side, int role,
                                                           const struct chunk *c)
{
    message_touch(side, c);
    side->left -= c->n;
    env->rest = 0;
    body_bytes(env, side, role, c->p, c->n, false);
    return H1_OK;
}

/* A chunk that is the rest of a body of known length. */
static __attribute__((noinline)) enum h1_event end_of_body(struct h1_env *env, struct h1 *h, int role,
                                                           const struct chunk *c)
{
    message_touch(&h->side[role], c);
    env->rest = 0;
    length_octets(env, h, role, slice_of(c->p, c->n), c->offset + c->n);
    return H1_OK;
}

/* What stands behind the head of a message that is not whole. */
static __attribute__((noinline)) enum h1_event behind_head(struct h1_env *env, struct h1 *h, int role,
                                                           const struct chunk *c, size_t at, enum h1_event event)
{
    size_t left = c->n - at;
    if (event != H1_OK || h->side[role].state != H1_LENGTH || left > h->side[role].left)
        return feed(env, h, role, c, at, event);
    length_octets(env, h, role, slice_of(c->p + at, left), c->offset + c->n);
    return event;
}

/* A chunk, not empty, that begins where a message does, of which nothing was here before. */
static inline __attribute__((always_inline)) enum h1_event first_of(struct h1_env *env, struct h1 *h, int role,
                                                                    const struct chunk *c)
{
    enum h1_event event = H1_OK;
    size_t n = head_direct(env, h, role, c, slice_of(c->p, c->n), &event);
    env->rest = 0;
    return __builtin_expect(n == c->n, 1) ? event : behind_head(env, h, role, c, n, event);
}

static __attribute__((noinline)) enum h1_event first_of_request(struct h1_env *env, struct h1 *h, const struct chunk *c)
{
    return first_of(env, h, 0, c);
}

static __attribute__((noinline)) enum h1_event first_of_answer(struct h1_env *env, struct h1 *h, const struct chunk *c)
{
    return first_of(env, h, 1, c);
}

enum h1_event h1_feed(struct h1_env *env, struct h1 *h, int role, const struct chunk *c)
{
    struct h1_side *side = &h->side[role];
    if (side->state == H1_HEAD) {
        if (c->n && !side->carry.n && (role == 0 || !h->side[0].carry.n))
            return role == 0 ? first_of_request(env, h, c) : first_of_answer(env, h, c);
    } else if (side->state == H1_LENGTH || side->state == H1_CHUNK_DATA) {
        if (c->n < side->left)
            return within_body(env, side, role, c);
        if (c->n == side->left && side->state == H1_LENGTH)
            return end_of_body(env, h, role, c);
    }
    return feed(env, h, role, c, 0, H1_OK);
}

/* ---- loss and ends ---- */

void h1_gap(struct h1_env *env, struct h1 *h, int role, uint64_t n, uint64_t offset)
{
    struct h1_side *side = &h->side[role];
    bool inside = (side->state == H1_LENGTH && n <= side->left) || (side->state == H1_CHUNK_DATA && n < side->left) ||
                  side->state == H1_CLOSE;
    if (side->state == H1_TUNNEL) {
        if (websocket_of(h))
            websocket_gap(websocket_of(h), role, n);
        return;
    }
    if (side->slot)
        side->slot->x.gap_bytes += n;
    if (side->slot && side->slot->grpc)
        grpc_gap(side->slot->grpc, role);
    if (role == 1 && side->slot && side->slot->events)
        eventstream_gap(side->slot->events);
    side->truncated = true;
    if (!inside) {
        carry_drop(env, side);
        lose(env, h, role, offset);
        return;
    }
    body_drop(env, side);
    if (side->state == H1_CLOSE)
        return;
    side->left -= n;
    if (!side->left)
        message_done(env, h, role, true, offset + n);
}

void h1_end(struct h1_env *env, struct h1 *h, int role, enum chunk_end how)
{
    struct h1_side *side = &h->side[role];
    struct head head;
    if (side->state == H1_HEAD && side->carry.n) { /* a cut head: its whole lines are evidence enough */
        struct slice bytes = slice_of(side->carry.p, side->carry.n);
        if (head_read(&head, &env->known, bytes, role, true) == HEAD_DONE && (role == 1 || head.method.n)) {
            head.ambiguous = true;
            side->truncated = true;
            take_head(env, h, role, &head, 0);
        }
        carry_drop(env, side);
    }
    if (!side->slot || side->state == H1_TUNNEL)
        return;
    if (side->state != H1_CLOSE || how != CHUNK_FIN)
        side->truncated = true;
    bool truncated = side->truncated;
    struct slot *s = side->slot;
    if (role == 1 && truncated) { /* how it ended is decided when the connection is over */
        settle(env, side, role, false);
        s->x.t_rsp1 = side->last_ts;
        pair_hold(s, NULL);
        message_reset(env, side);
        side->state = H1_LOST;
        return;
    }
    message_done(env, h, role, true, UINT64_MAX - 1);
}

void h1_close(struct h1_env *env, struct h1 *h, enum chunk_end how, int first)
{
    close_websocket(env, h);
    for (int role = 0; role < 2; role++) {
        h1_end(env, h, role, how);
        body_drop(env, &h->side[role]);
        carry_drop(env, &h->side[role]);
    }
    pair_close(env->pair, &h->pairing, how, first);
}
