#include "capture/h2stream.h"

#include <stdlib.h>

#include "capture/eventstream.h"
#include "capture/grpc.h"
#include "capture/operation.h"
#include "capture/websocket.h"

enum { SPARE_STREAMS = 1024 };

/* ---- the table of open streams ---- */

/* At most H2_STREAMS_MAX streams hang here, so that chains stay short whatever ids a peer chooses. */
static unsigned bucket_of(uint32_t id)
{
    return (id >> 1) % H2_BUCKETS;
}

struct h2_stream *h2stream_find(const struct h2 *h, uint32_t id)
{
    struct h2_stream *s = h->bucket[bucket_of(id)];
    while (s && s->id != id)
        s = s->chain;
    return s;
}

static void message_drop(struct h2_env *env, struct h2_message *m)
{
    if (m->body)
        h1_body_give(env->h1, m->body);
    m->body = NULL;
}

static void stream_remove(struct h2_env *env, struct h2 *h, struct h2_stream *s)
{
    struct h2_stream **at = &h->bucket[bucket_of(s->id)];
    while (*at != s)
        at = &(*at)->chain;
    *at = s->chain;
    *(s->older ? &s->older->newer : &h->oldest) = s->newer;
    *(s->newer ? &s->newer->older : &h->newest) = s->older;
    h->n_streams--;
    if (s->slot)
        pair_hold(s->slot, NULL);
    message_drop(env, &s->message[0]);
    message_drop(env, &s->message[1]);
    *env->h1->memory -= sizeof *s;
    if (env->n_spare < SPARE_STREAMS) {
        s->chain = env->spare;
        env->spare = s;
        env->n_spare++;
    } else {
        free(s);
    }
}

/* ---- ends ---- */

static uint64_t body_finish(struct h2_env *env, struct h2_message *m, bool has_body)
{
    uint64_t id = m->body ? body_end(m->body) : m->body_id;
    if (!id && has_body)
        id = body_hash(&env->h1->bodies, "", 0);
    return m->truncated ? 0 : id;
}

/* Passes what the message left behind to its exchange. */
static void settle(struct h2_env *env, struct h2_stream *s, int role, bool has_body)
{
    struct h2_message *m = &s->message[role];
    struct exchange *x = &s->slot->x;
    bool exact = m->has_length && m->bytes == m->length;
    if (m->lost && !exact)
        m->truncated = true;
    if (m->has_length && m->done && !m->truncated && !exact && has_body)
        x->flags |= FLAG_AMBIGUOUS; /* RFC 9113 section 8.1.1 */
    uint64_t id = body_finish(env, m, has_body);
    if (role == 0) {
        x->request_bytes = m->bytes;
        x->request_body_id = m->bytes ? id : 0;
        x->flags |= m->truncated ? FLAG_REQUEST_TRUNCATED : 0;
    } else {
        x->response_bytes = m->bytes;
        x->body_id = id;
        x->flags |= m->truncated ? FLAG_TRUNCATED : 0;
    }
    if (s->slot->grpc)
        grpc_end(s->slot->grpc, role);
}

/* A WebSocket is over, however it ends: its answer was whole when it opened. False: there is none. */
static bool websocket_over(struct h2_env *env, struct h2_stream *s)
{
    if (!s->slot || !s->slot->websocket)
        return false;
    pair_response_done(env->h1->pair, s->slot, s->slot->x.t_rsp1);
    return true;
}

static void request_over(struct h2_env *env, struct h2_stream *s)
{
    struct h2_message *m = &s->message[0];
    settle(env, s, 0, true);
    pair_request_done(env->h1->pair, s->slot, m->last_ts, m->order, UINT64_MAX);
}

static void response_over(struct h2_env *env, struct h2_stream *s)
{
    if (websocket_over(env, s))
        return;
    struct h2_message *m = &s->message[1];
    bool orphan = !s->slot->request.p && !m->bytes && m->length;               /* may have answered a HEAD */
    bool unknown = s->slot->head_method || orphan || s->slot->x.status == 304; /* bodies that stayed where they are */
    if (unknown)
        m->has_length = false;
    settle(env, s, 1, !unknown);
    pair_response_done(env->h1->pair, s->slot, m->last_ts);
}

/* What is missing of both messages will not come: the request is as whole as it will get; how the answer ended is for
 * the caller to say, if the exchange is still there. */
static void messages_cut(struct h2_env *env, struct h2_stream *s)
{
    struct h2_message *request = &s->message[0], *answer = &s->message[1];
    if (websocket_over(env, s))
        return;
    if (s->slot && !request->done) {
        request->done = request->truncated = true;
        request_over(env, s);
    }
    if (!s->slot || (answer->done && answer->head))
        return;
    answer->truncated = true;
    settle(env, s, 1, false);
    if (answer->head)
        s->slot->x.t_rsp1 = answer->last_ts;
}

/* The exchange ends without what is missing. */
static void stream_cut(struct h2_env *env, struct h2_stream *s, enum end_state end)
{
    messages_cut(env, s);
    if (s->slot)
        pair_end(env->h1->pair, s->slot, end);
}

/* A direction is over. Both: so is the stream. */
static void message_over(struct h2_env *env, struct h2 *h, struct h2_stream *s, int role)
{
    struct h2_message *m = &s->message[role], *request = &s->message[0];
    if (m->done)
        return;
    m->done = true;
    if (s->slot && role == 0)
        request_over(env, s);
    else if (s->slot && s->message[1].head)
        response_over(env, s);
    else if (s->slot)
        stream_cut(env, s, END_GAP);                               /* its head was lost */
    if (role == 1 && s->slot && request->lost && !request->done) { /* nothing more is expected */
        request->done = request->truncated = true;
        request_over(env, s);
    }
    if (s->message[1].done && (request->done || !s->slot))
        stream_remove(env, h, s);
}

/* ---- new streams ---- */

/* The least useful: one that is settled, one that may have ended, else the oldest. */
static void stream_evict(struct h2_env *env, struct h2 *h)
{
    struct h2_stream *victim = h->oldest;
    unsigned looked = 0;
    for (struct h2_stream *s = h->oldest; s && looked < 64; s = s->newer, looked++)
        if (!s->slot || s->message[1].lost) {
            victim = s;
            break;
        }
    if (!victim)
        return;
    if (victim->slot)
        victim->slot->x.flags |= FLAG_EVICTED;
    stream_cut(env, victim, END_TIMEOUT);
    stream_remove(env, h, victim);
}

/* Streams whose end was lost are not waited for. */
static void stale(struct h2_env *env, struct h2 *h, int64_t now)
{
    struct h2_stream *s;
    while ((s = h->oldest) && (s->message[1].lost || !s->slot) && now - s->touched > H2_STALE_US) {
        stream_cut(env, s, END_GAP);
        stream_remove(env, h, s);
    }
}

static struct h2_stream *stream_add(struct h2_env *env, struct h2 *h, uint32_t id, const struct h2_when *w)
{
    stale(env, h, w->last_ts);
    if (h->n_streams >= H2_STREAMS_MAX || *env->h1->memory + sizeof(struct h2_stream) > env->h1->memory_limit)
        stream_evict(env, h);
    if (*env->h1->memory + sizeof(struct h2_stream) > env->h1->memory_limit)
        return NULL;
    struct h2_stream *s = env->spare;
    if (s) {
        env->spare = s->chain;
        env->n_spare--;
    } else if (!(s = malloc(sizeof *s))) {
        return NULL;
    }
    *env->h1->memory += sizeof *s;
    memset(s, 0, sizeof *s);
    s->id = id;
    s->touched = w->last_ts;
    s->chain = h->bucket[bucket_of(id)];
    h->bucket[bucket_of(id)] = s;
    s->older = h->newest;
    *(h->newest ? &h->newest->newer : &h->oldest) = s;
    h->newest = s;
    h->n_streams++;
    return s;
}

static void stream_hold(struct h2_stream *s, struct slot *slot)
{
    s->slot = slot;
    if (!slot)
        return;
    slot->x.proto = PROTO_H2;
    slot->x.stream = s->id;
    pair_hold(slot, &s->slot);
}

/* ---- header blocks ---- */

/* What the pseudo-fields of a block say. */
struct pseudo_fields {
    struct slice text[PSEUDO_OTHER + 1];
    bool twice;
};

static struct slice field_value(const struct hpack_list *l, const struct hpack_field *f)
{
    return slice_of(l->text + f->value, f->value_n);
}

/* Crumbs of Cookie are one field (RFC 9113 section 8.2.3). */
static void join_cookies(struct hpack_list *l, struct head *h)
{
    unsigned first = 0, n = 0;
    uint32_t at = l->n, end = at;
    for (unsigned i = 0; i < h->n_fields; i++) {
        struct rawfield *f = &h->fields[i];
        if (f->token != TOKEN_COOKIE)
            continue;
        first = n++ ? first : i;
        if (end + f->value_n + 2 > HPACK_TEXT)
            return;
        if (end > at) {
            memcpy(l->text + end, "; ", 2);
            end += 2;
        }
        memcpy(l->text + end, l->text + f->value, f->value_n);
        end += f->value_n;
    }
    if (n < 2)
        return;
    l->n = end;
    h->fields[first].value = (uint16_t)at;
    h->fields[first].value_n = (uint16_t)(end - at);
    unsigned kept = first + 1;
    for (unsigned i = kept; i < h->n_fields; i++)
        if (h->fields[i].token != TOKEN_COOKIE)
            h->fields[kept++] = h->fields[i];
    h->n_fields = (uint16_t)kept;
}

static void note_length(struct head *h, struct slice value)
{
    uint64_t n;
    bool good = slice_u64(value, &n);
    h->ambiguous |= !good || (h->has_length && n != h->length);
    if (!good || h->has_length)
        return;
    h->has_length = true;
    h->length = n;
}

/* What would be another field, or another message, to who reads the block as lines (RFC 9113 sections 8.2.1, 10.3). */
static bool breaks_lines(struct slice text)
{
    return memchr(text.p, '\r', text.n) || memchr(text.p, '\n', text.n) || memchr(text.p, 0, text.n);
}

static bool odd_name(struct slice name)
{
    return memchr(name.p, ' ', name.n) || memchr(name.p, '\t', name.n) || memchr(name.p, ':', name.n);
}

static void regular_field(const struct hpack_list *l, struct head *h, const struct hpack_field *f)
{
    if (!f->name_n || f->name_n > 255) {
        h->ambiguous = true;
        return;
    }
    h->fields[h->n_fields++] = (struct rawfield){f->name, f->value, f->value_n, (uint8_t)f->name_n, f->token};
    h->ambiguous |= f->token == TOKEN_TRANSFER_ENCODING || odd_name(slice_of(l->text + f->name, f->name_n));
    if (f->token == TOKEN_CONTENT_LENGTH)
        note_length(h, field_value(l, f));
    h->vary |= f->token == TOKEN_VARY;
}

/* What stands in a request line has no blanks; Host repeats :authority (RFC 9113 section 8.3.1). */
static void check_pseudo(const struct hpack_list *l, struct head *h, const struct pseudo_fields *p)
{
    struct slice authority = p->text[PSEUDO_AUTHORITY];
    for (unsigned i = PSEUDO_METHOD; i <= PSEUDO_PATH; i++)
        h->ambiguous |= p->text[i].n && memchr(p->text[i].p, ' ', p->text[i].n);
    for (unsigned i = 0; i < l->n_fields && authority.n; i++)
        if (l->field[i].token == TOKEN_HOST && !l->field[i].value_unknown)
            h->ambiguous |= !slice_ieq(field_value(l, &l->field[i]), authority);
}

/* The block as the head that a reader of HTTP/1 would have made of it; :authority is its Host. */
static void make_head(struct h2_env *env, struct pseudo_fields *p)
{
    struct hpack_list *l = env->list;
    struct head *h = env->head;
    memset(h, 0, offsetof(struct head, fields));
    memset(p, 0, sizeof *p);
    for (unsigned i = 0; i < l->n_fields; i++) {
        const struct hpack_field *f = &l->field[i];
        if (f->name_unknown)
            continue;
        if (!f->pseudo) {
            regular_field(l, h, f);
            continue;
        }
        h->ambiguous |= p->text[f->pseudo].p != NULL && f->pseudo != PSEUDO_OTHER;
        p->text[f->pseudo] = field_value(l, f);
        if (f->pseudo == PSEUDO_AUTHORITY)
            h->fields[h->n_fields++] = (struct rawfield){f->name, f->value, f->value_n, (uint8_t)f->name_n, TOKEN_HOST};
    }
    h->ambiguous |= breaks_lines(slice_of(l->text, l->n));
    check_pseudo(l, h, p);
    join_cookies(l, h);
    h->raw = slice_of(l->text, l->n);
    h->method = p->text[PSEUDO_METHOD];
    h->target = p->text[PSEUDO_PATH];
    h->version = slice_of(l->text, 0);
    if (!h->target.p && slice_eq(h->method, SLICE("CONNECT")))
        h->target = p->text[PSEUDO_AUTHORITY];
}

static void message_begin(struct h2_message *m, const struct head *h)
{
    m->head = true;
    m->lost = false;
    m->has_length = h->has_length;
    m->length = h->length;
}

static void message_touch(struct h2_message *m, int64_t ts, uint64_t order)
{
    m->last_ts = ts > m->last_ts ? ts : m->last_ts;
    m->order = order > m->order ? order : m->order;
}

static uint8_t scheme_of(struct slice s)
{
    return slice_ieq(s, SLICE("https")) ? SCHEME_HTTPS : slice_ieq(s, SLICE("http")) ? SCHEME_HTTP : SCHEME_UNSAID;
}

static bool incomplete(const struct hpack_list *l)
{
    return l->unknown || l->overflow;
}

static void request(struct h2_env *env, struct h2 *h, struct h2_stream *s, const struct pseudo_fields *p,
                    const struct h2_when *w)
{
    struct head *head = env->head;
    message_begin(&s->message[0], head);
    if (!head->method.n || !head->target.n) { /* there is a request, but which is not known */
        s->unknown = true;
        return;
    }
    struct slot *slot = pair_request(env->h1->pair, h->pairing, head, w->first_ts, ACK_UNKNOWN, NULL);
    stream_hold(s, slot);
    if (!slot)
        return;
    s->websocket = slot->connect_method && slice_eq(p->text[PSEUDO_PROTOCOL], SLICE("websocket"));
    slot->scheme = scheme_of(p->text[PSEUDO_SCHEME]);
    slot->x.flags |= (incomplete(env->list) ? FLAG_UNKNOWN_FIELDS : 0) | (h->side[0].resynced ? FLAG_RESYNC : 0);
}

/* An answer whose request was not seen, or not well enough. */
static void orphan(struct h2_env *env, struct h2 *h, struct h2_stream *s, const struct h2_when *w)
{
    struct slot *slot = pair_orphan(env->h1->pair, h->pairing, w->first_ts, w->order);
    stream_hold(s, slot);
    s->message[0].done = true;
    if (slot && s->unknown)
        slot->x.flags |= FLAG_UNKNOWN_FIELDS;
}

/* A success opens the WebSocket that was asked for. What the client sent before was not read as frames. */
static void open_websocket(struct h2_env *env, struct h2_stream *s, const struct h2_when *w)
{
    struct slot *slot = s->slot;
    if (!s->websocket || env->head->status / 100 != 2)
        return;
    slot->websocket = websocket_open(&env->h1->pair->slots, slot);
    if (!slot->websocket)
        return;
    slot->x.t_rsp1 = slot->websocket->facts.opened = w->last_ts;
    slot->x.upgrade = SLICE("websocket");
    if (s->message[0].bytes)
        websocket_lose(slot->websocket, 0);
}

static void trailers(struct h2_env *env, struct h2_stream *s)
{
    struct slice status = head_field(env->head, TOKEN_GRPC_STATUS);
    if (s->slot && s->slot->grpc && status.p)
        grpc_status(s->slot->grpc, status);
}

static uint16_t status_of(struct slice s)
{
    uint64_t n;
    return s.n == 3 && slice_u64(s, &n) ? (uint16_t)n : 0;
}

static void response(struct h2_env *env, struct h2 *h, struct h2_stream *s, const struct h2_when *w)
{
    struct head *head = env->head;
    struct h2_message *m = &s->message[1];
    if (!s->slot && !s->settled && head->status) /* with neither request nor status there is nothing to tell */
        orphan(env, h, s, w);
    message_begin(m, head);
    m->last_ts = w->last_ts;
    if (!s->slot)
        return;
    pair_answer(env->h1->pair, s->slot, head, w->first_ts);
    s->slot->x.flags |= (incomplete(env->list) ? FLAG_UNKNOWN_FIELDS : 0) | (h->side[1].resynced ? FLAG_RESYNC : 0);
    open_websocket(env, s, w);
    if (!s->slot->head_method)
        pair_events(env->h1->pair, s->slot, head);
    trailers(env, s); /* an answer that is trailers alone */
}

static void client_block(struct h2_env *env, struct h2 *h, struct h2_stream *s, const struct pseudo_fields *p,
                         const struct h2_when *w)
{
    struct h2_message *m = &s->message[0];
    message_touch(m, w->last_ts, w->order);
    if (!m->head) {
        request(env, h, s, p, w);
        if (s->websocket)
            message_over(env, h, s, 0);
    } else if (p->text[PSEUDO_METHOD].p && s->slot)
        s->slot->x.flags |= FLAG_AMBIGUOUS; /* a second request on it */
}

static void server_block(struct h2_env *env, struct h2 *h, struct h2_stream *s, const struct pseudo_fields *p,
                         const struct h2_when *w)
{
    struct h2_message *m = &s->message[1];
    struct slice status = p->text[PSEUDO_STATUS];
    env->head->status = status_of(status);
    if (env->head->status >= 100 && env->head->status < 200)
        return; /* interim */
    if (!status.p && !m->head && (m->lost || !s->slot))
        return; /* a head whose status is unknown, or the trailers of one that was lost: not to be told apart */
    message_touch(m, w->last_ts, w->order);
    if (m->head && status.p && s->slot && !s->slot->x.status && !m->bytes)
        s->slot->x.status = env->head->status; /* what came before was interim, its status unknown */
    else if (m->head && status.p && s->slot)
        s->slot->x.flags |= FLAG_AMBIGUOUS; /* a second answer on it */
    else if (m->head || (!status.p && !env->list->unknown))
        trailers(env, s);
    else
        response(env, h, s, w);
}

void h2stream_head(struct h2_env *env, struct h2 *h, int role, uint32_t id, const struct h2_when *w, bool ends)
{
    struct pseudo_fields p;
    struct h2_stream *s = h2stream_find(h, id);
    make_head(env, &p);
    if (!s && role == 0 && !p.text[PSEUDO_METHOD].p && !env->list->unknown)
        return; /* trailers of a stream that is over */
    if (!s && role == 1 && !p.text[PSEUDO_STATUS].p)
        return;
    if (!s && !(s = stream_add(env, h, id, w))) {
        env->h1->pair->stats->heads_unread++;
        return;
    }
    s->touched = w->last_ts;
    if (role == 0)
        client_block(env, h, s, &p, w);
    else
        server_block(env, h, s, &p, w);
    if (ends)
        message_over(env, h, s, role);
}

void h2stream_head_lost(struct h2_env *env, struct h2 *h, int role, uint32_t id, const struct h2_when *w, bool ends)
{
    struct h2_stream *s = h2stream_find(h, id);
    if (!s)
        return; /* a request that could not be read: its answer will be an orphan */
    s->touched = w->last_ts;
    s->message[role].lost = true;
    message_touch(&s->message[role], w->last_ts, w->order);
    if (ends)
        message_over(env, h, s, role);
}

void h2stream_promise(struct h2_env *env, struct h2 *h, uint32_t promised, const struct h2_when *w)
{
    struct pseudo_fields p;
    make_head(env, &p);
    struct h2_stream *s = h2stream_find(h, promised) ? NULL : stream_add(env, h, promised, w);
    if (!s)
        return;
    message_touch(&s->message[0], w->last_ts, w->order);
    request(env, h, s, &p, w);
    if (s->slot)
        s->slot->x.flags |= FLAG_PUSHED;
    message_over(env, h, s, 0);
}

void h2stream_upgraded(struct h2_env *env, struct h2 *h, struct slot *slot)
{
    struct h2_when w = {slot->x.t_req0, slot->x.t_req1, slot->x.order};
    struct h2_stream *s = stream_add(env, h, 1, &w);
    if (!s) {
        pair_end(env->h1->pair, slot, END_TIMEOUT);
        return;
    }
    stream_hold(s, slot);
    s->message[0].head = s->message[0].done = true;
}

/* ---- DATA ---- */

void h2stream_data(struct h2_env *env, struct h2_stream *s, int role, const char *p, size_t n, bool whole,
                   const struct chunk *c)
{
    struct h2_message *m = &s->message[role];
    bool first = !m->bytes;
    m->bytes += n;
    s->touched = c->ts;
    message_touch(m, c->ts, c->order);
    if (!s->slot)
        return;
    s->slot->touched = c->ts;
    if (s->slot->websocket) {
        websocket_data(s->slot->websocket, role, p, n, c->ts);
        return;
    }
    if (role == 1) {
        s->slot->x.response_bytes = m->bytes;
        if (s->slot->events)
            eventstream_data(s->slot->events, p, n, c->ts);
    }
    if (s->slot->grpc && !m->truncated)
        grpc_data(s->slot->grpc, role, p, n);
    if (m->truncated || (m->lost && !m->has_length))
        return;
    if (s->slot->operation)
        operation_data(s->slot->operation, role, p, n, whole && first);
    if (role == 1 && s->slot->look)
        look_data(s->slot->look, p, n);
    if (whole && first) {
        m->body_id = body_hash(&env->h1->bodies, p, n);
        return;
    }
    if (!m->body)
        m->body = h1_body_take(env->h1);
    if (m->body)
        body_add(m->body, p, n);
    else
        m->truncated = true; /* out of memory: the identity stays unknown */
}

void h2stream_gap(struct h2_stream *s, int role, uint64_t n)
{
    s->message[role].truncated = true;
    if (!s->slot)
        return;
    if (s->slot->websocket) {
        websocket_gap(s->slot->websocket, role, n);
        return;
    }
    s->slot->x.gap_bytes += n;
    if (s->slot->grpc)
        grpc_gap(s->slot->grpc, role);
    if (role == 1 && s->slot->events)
        eventstream_gap(s->slot->events);
}

void h2stream_end(struct h2_env *env, struct h2 *h, struct h2_stream *s, int role, const struct h2_when *w)
{
    message_touch(&s->message[role], w->last_ts, w->order);
    message_over(env, h, s, role);
}

void h2stream_lost(struct h2 *h, int role)
{
    for (struct h2_stream *s = h->oldest; s; s = s->newer) {
        if (s->slot && s->slot->websocket)
            websocket_lose(s->slot->websocket, role);
        if (s->message[role].done)
            continue;
        s->message[role].lost = true;
        if (s->slot && s->slot->grpc && s->message[role].head)
            grpc_gap(s->slot->grpc, role);
        if (s->slot && s->slot->events && role == 1)
            eventstream_gap(s->slot->events);
    }
}

/* ---- other ends ---- */

/* The client's cut leaves the stream, so that what the server has already sent on it is no answer without a request. */
void h2stream_reset(struct h2_env *env, struct h2 *h, int role, uint32_t id, int64_t ts)
{
    struct h2_stream *s = h2stream_find(h, id);
    if (!s)
        return;
    s->touched = ts;
    stream_cut(env, s, role == 0 ? END_CLIENT_ABORT : END_SERVER_ABORT);
    s->settled = true;
    if (role == 1 || s->message[1].done)
        stream_remove(env, h, s);
}

void h2stream_goaway(struct h2_env *env, struct h2 *h, uint32_t last)
{
    for (struct h2_stream *s = h->oldest, *next; s; s = next) {
        next = s->newer;
        if (s->id <= last || !(s->id & 1) || s->message[1].head)
            continue;
        stream_cut(env, s, END_SERVER_ABORT);
        stream_remove(env, h, s);
    }
}

void h2stream_close(struct h2_env *env, struct h2 *h)
{
    while (h->oldest) {
        struct h2_stream *s = h->oldest;
        messages_cut(env, s);
        stream_remove(env, h, s);
    }
}
