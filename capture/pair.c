#include "capture/pair.h"

#include <stdlib.h>

#include "capture/eventstream.h"
#include "capture/grpc.h"
#include "capture/redact.h"
#include "capture/websocket.h"

enum { EVICT_LOOKED = 64 };

/* A free slot; asks for finished ones first, then gives up the oldest exchange in flight. */
static struct slot *take(struct pair *p)
{
    if (p->reclaim && !p->slots.n_free)
        p->reclaim(p->context, false);
    struct slot *s = slot_take(&p->slots);
    if (s)
        return s;
    pair_flush(p);
    if (p->reclaim)
        p->reclaim(p->context, true);
    return slot_take(&p->slots);
}

static void queue_push(struct pairing *q, struct slot *s)
{
    s->pairing = q;
    s->conn_prev = q->last;
    *(q->last ? &q->last->conn_next : &q->first) = s;
    q->last = s;
}

static void queue_drop(struct slot *s)
{
    struct pairing *q = s->pairing;
    if (!q)
        return;
    *(s->conn_prev ? &s->conn_prev->conn_next : &q->first) = s->conn_next;
    *(s->conn_next ? &s->conn_next->conn_prev : &q->last) = s->conn_prev;
    s->conn_next = s->conn_prev = NULL;
    s->pairing = NULL;
}

/* What is held of it, or looks at its bodies, is let go. */
static __attribute__((noinline)) void let_go(struct pair *p, struct slot *s)
{
    if (s->holder)
        *s->holder = NULL;
    s->holder = NULL;
    if (s->look)
        look_drop(p->looks, s);
    if (s->operation)
        operation_drop(p->operations, s);
    if (s->events)
        eventstream_end(s->events);
}

/* The exchange leaves when its turn comes. */
static void finish(struct pair *p, struct slot *s, const struct conn *conn, enum end_state end)
{
    struct exchange *x = &s->x;
    queue_drop(s);
    if ((uintptr_t)s->holder | (uintptr_t)s->look | (uintptr_t)s->operation | (uintptr_t)s->events)
        let_go(p, s);
    p->in_flight--;
    x->end = (uint8_t)(x->gap_bytes && end == END_COMPLETE ? END_GAP : end);
    x->rtt_client = conn->rtt_client;
    x->rtt_server = conn->rtt_server;
    if (!(conn->seen[0] && conn->seen[1]))
        x->flags |= FLAG_ONEWAY;
    if (x->arrival == TIME_NONE)
        x->arrival = x->t_req1 != TIME_NONE ? x->t_req1 : x->t_req0 != TIME_NONE ? x->t_req0 : x->t_rsp0;
    line_done(&p->line, s);
}

/* Sealed one after another, so that what seals them, and what reads their bytes, stay near in turn; each is asked for
 * while the one before it is sealed. Commands of caches have no heads to seal. */
void pair_flush(struct pair *p)
{
    unsigned n = p->n_leaving;
    p->n_leaving = 0;
    for (unsigned i = 0; i < n; i++) {
        struct slot *s = slot_of(p->leaving[i]);
        if (i + 1 < n)
            slot_near(slot_of(p->leaving[i + 1]));
        if (s->x.cache)
            seal_command(p->seal, &s->x);
        else
            seal_exchange(p->seal, &p->slots, s);
    }
    if (p->take_all) {
        p->take_all(p->sink.context, p->leaving, n);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        p->sink.take(p->sink.context, p->leaving[i]);
}

void pair_leave(void *context, struct exchange *x)
{
    struct pair *p = context;
    p->leaving[p->n_leaving++] = x;
    if (p->n_leaving >= p->together)
        pair_flush(p);
}

/* A request leaves whose answer may still come. */
static void note_missing(struct slot *s)
{
    *(s->conn_next ? &s->conn_next->lost_before : &s->pairing->lost) = true;
}

/* Of the first ones in the line that may go: that of which nothing was seen for longest. A decoder that still needs one
 * has no holder. NULL: none may. */
static struct slot *least_active(struct slot *first)
{
    struct slot *best = NULL;
    unsigned looked = 0;
    for (struct slot *s = first; s && looked < EVICT_LOOKED; s = s->line_next) {
        if (!s->pairing || (s->response_started && !s->holder))
            continue;
        looked++;
        if (!best || s->touched < best->touched)
            best = s;
    }
    return best;
}

/* Without memory one of the exchanges that have been in flight longest is given up, as it is, and said so: one whose
 * answer has begun, too, for streams may never end. */
static bool evict(struct pair *p)
{
    struct slot *s = least_active(p->line.late_head);
    if (!s)
        s = least_active(p->line.head);
    if (!s)
        return false;
    s->x.flags |= FLAG_EVICTED;
    if (s->websocket) { /* its answer was whole long ago */
        s->websocket->facts.lost[0] = s->websocket->facts.lost[1] = true;
        pair_response_done(p, s, s->x.t_rsp1);
        return true;
    }
    if (s->response_started) {
        s->x.flags |= FLAG_TRUNCATED;
        s->x.t_rsp1 = s->touched;
    } else {
        note_missing(s);
    }
    finish(p, s, s->pairing->conn, END_TIMEOUT);
    return true;
}

static __attribute__((noinline)) struct slot *take_at_any_cost(struct pair *p)
{
    struct slot *s = take(p);
    if (!s && evict(p))
        s = take(p);
    return s;
}

static inline struct slot *take_or_evict(struct pair *p)
{
    struct slot *s = p->slots.n_free ? slot_take(&p->slots) : take_at_any_cost(p);
    p->in_flight += s != NULL;
    return s;
}

static void begin(struct slot *s, const struct conn *conn)
{
    struct exchange *x = &s->x;
    x->arrival = x->t_req0 = x->t_req1 = x->t_rsp0 = x->t_rsp1 = TIME_NONE;
    x->rtt_client = x->rtt_server = -1;
    x->conn = conn->id;
    x->client = conn->client;
    x->server = conn->server;
    x->proto = PROTO_HTTP11;
    x->tls = conn->tls;
    s->who = conn->who;
    if (conn->midstream)
        x->flags |= FLAG_MIDSTREAM;
    s->end_offset = UINT64_MAX;
}

struct slot *pair_apart(struct pair *p, const struct conn *conn)
{
    struct slot *s = take(p);
    if (!s)
        return NULL;
    begin(s, conn);
    s->x.rtt_client = conn->rtt_client;
    s->x.rtt_server = conn->rtt_server;
    if (!(conn->seen[0] && conn->seen[1]))
        s->x.flags |= FLAG_ONEWAY;
    return s;
}

void pair_leave_apart(struct pair *p, struct slot *s)
{
    line_apart(&p->line, s);
}

/* What stands there in a head, in its copy. */
static inline struct slice rebase(const struct head *h, char *copy, struct slice part)
{
    return part.p ? slice_of(copy + (part.p - h->raw.p), part.n) : part;
}

/* One by one: they were stored so a moment ago, and what reads several at once would wait. There is room for one more.
 */
static inline void copy_fields(struct rawfield *to, const struct rawfield *from, unsigned n)
{
    for (unsigned i = 0; i < n; i += 2) {
        to[i] = from[i];
        __asm__ volatile("" ::: "memory"); /* or gcc makes it one */
        to[i + 1] = from[i + 1];
    }
}

/* Copies a head into the slot. Fields that nobody reads and no Vary can have named stay, since a Vary may come. */
static inline bool keep_head(struct pair *p, struct slot *s, struct rawhead *to, const struct head *h)
{
    size_t fields_n = h->n_fields * sizeof *h->fields;
    char *fields = slot_alloc(&p->slots, s, fields_n + h->raw.n);
    if (!fields)
        return false;
    to->fields = (struct rawfield *)(void *)fields;
    to->p = fields + fields_n;
    to->n = (uint32_t)h->raw.n;
    to->n_fields = h->n_fields;
    to->vary = h->vary;
    copy_fields(to->fields, h->fields, h->n_fields); /* and where the text begins: it comes later */
    memcpy(to->p, h->raw.p, h->raw.n);
    return true;
}

static inline bool keep_request(struct pair *p, struct slot *s, const struct head *h)
{
    if (!keep_head(p, s, &s->request, h))
        return false;
    s->method = rebase(h, s->request.p, h->method);
    s->target = rebase(h, s->request.p, h->target);
    s->block = h->block;
    s->n_block = h->n_block;
    return true;
}

/* What will be asked of tables when the answer comes is asked for now. */
static inline __attribute__((always_inline)) void look_ahead(struct pair *p, struct slot *s)
{
    struct slice target = s->target;
    seal_expect(p->seal, s);
    if (p->looks)
        look_expect(p->looks, s);
    if (s->seen.mark < target.n && p->operations && (s->method.n == 3 || s->head_method)) /* GET */
        operation_get(p->operations, &p->slots, s, slice_sub(target, s->seen.mark + 1, target.n));
}

static void begin_post(struct pair *p, struct slot *s, const struct head *h, const char *body)
{
    s->grpc = grpc_begin(&p->slots, s, h);
    if (!s->grpc && p->operations && slice_eq(h->method, SLICE("POST")))
        operation_post(p->operations, &p->slots, s, h, slice_of(body, body ? h->length : 0));
}

struct slot *pair_request(struct pair *p, struct pairing *q, const struct head *h, int64_t first_ts,
                          uint64_t ack_offset, const char *body)
{
    struct slot *s = take_or_evict(p);
    if (!s) {
        p->stats->heads_unread++;
        return NULL;
    }
    if (!q->conn->who)
        q->conn->who = seal_address_of(p->seal, &q->conn->client);
    begin(s, q->conn);
    if (!keep_request(p, s, h)) {
        p->stats->heads_unread++;
        slot_give(&p->slots, s);
        p->in_flight--;
        return NULL;
    }
    s->x.t_req0 = first_ts;
    s->x.proto = h->version.n == 8 && h->version.p[7] == '1' ? PROTO_HTTP11 : PROTO_HTTP10;
    s->head_method = slice_eq(h->method, SLICE("HEAD"));
    s->connect_method = slice_eq(h->method, SLICE("CONNECT"));
    if (h->ambiguous)
        s->x.flags |= FLAG_AMBIGUOUS;
    if (h->method.n == 4 && !s->head_method) /* POST */
        begin_post(p, s, h, body);
    s->had_offset = ack_offset;
    if (q->last && !q->last->response_started && ack_offset != ACK_UNKNOWN && q->last->had_offset == ack_offset)
        q->pipelined = true; /* no answer is empty */
    s->begin_offset = q->read_to;
    s->lost_before = q->lost;
    q->lost = false;
    look_ahead(p, s);
    queue_push(q, s);
    return s;
}

static void read_up_to(struct pairing *q, uint64_t offset)
{
    if (offset > q->read_to && offset < UINT64_MAX - 1)
        q->read_to = offset;
}

void pair_request_done(struct pair *p, struct slot *s, int64_t last_ts, uint64_t order, uint64_t end_offset)
{
    s->x.t_req1 = s->x.arrival = last_ts;
    if (last_ts > s->touched)
        s->touched = last_ts;
    s->x.order = order;
    s->end_offset = end_offset;
    read_up_to(s->pairing, end_offset);
    s->request_done = true;
    if (s->operation)
        operation_asked(p->operations, &p->slots, s);
    line_enter(&p->line, s);
    if (s->response_done)
        finish(p, s, s->pairing->conn, END_COMPLETE);
}

/* The oldest request no answer has begun for. */
static struct slot *oldest(const struct pairing *q)
{
    struct slot *s = q->first;
    while (s && s->response_started)
        s = s->conn_next;
    return s;
}

/* Where an answer stands in both streams. */
struct place {
    uint64_t offset;     /* of its first byte, or ACK_UNKNOWN */
    uint64_t ack_offset; /* of its first packet */
};

/* The client sent it when it had more than what stands before the answer: the answer is to something earlier. */
static bool sent_after(const struct slot *s, struct place at)
{
    return s->had_offset != ACK_UNKNOWN && s->had_offset > at.offset;
}

/* The last waiting request that the acknowledgement covers, unless what it covers last was lost. A request that it
 * covers in part was answered before it was whole. */
static struct slot *by_acknowledgement(const struct pairing *q, struct place at)
{
    uint64_t ack = at.ack_offset;
    struct slot *best = NULL, *next = oldest(q);
    for (; next && next->end_offset <= ack && next->begin_offset < ack && !sent_after(next, at); next = next->conn_next)
        if (!next->response_started)
            best = next;
    bool lost = next ? next->lost_before : q->lost;
    if (next && !next->response_started && ack > next->begin_offset && !sent_after(next, at) && (lost || !best))
        return next;
    return best && lost && ack > best->end_offset ? NULL : best;
}

/* Whether order alone says which request the next answer belongs to; first: the oldest that may be. */
static bool in_order(const struct pairing *q, const struct slot *first, struct place at)
{
    return at.ack_offset == ACK_UNKNOWN || !(q->answers_lost || (first ? first->lost_before : q->lost));
}

/* The request that the next answer belongs to where order does not say; NULL: none that was seen, or none that is
 * certain. */
static struct slot *expect(struct pairing *q, struct slot *first, struct place at)
{
    if (q->pipelined) /* one acknowledgement covers several: certain is only what begins where its client stood */
        return first && !first->lost_before && first->had_offset == at.offset ? first : NULL;
    if (q->answers_lost)
        return by_acknowledgement(q, at);
    bool covered = first && at.ack_offset > first->begin_offset && !sent_after(first, at);
    return covered ? first : NULL; /* no answer is missing: it is this one's, or of one before */
}

/* Every request before `until` (NULL: that the acknowledgement covers) went without an answer that could be seen. */
static void unanswered_before(struct pair *p, struct pairing *q, const struct slot *until, struct place at)
{
    for (struct slot *s = q->first; s && s != until;) {
        struct slot *next = s->conn_next;
        if (!until && (s->end_offset > at.ack_offset || sent_after(s, at)))
            return;
        if (!s->response_started) {
            s->x.flags |= FLAG_TRUNCATED;
            finish(p, s, q->conn, END_GAP);
        }
        s = next;
    }
}

__attribute__((noinline)) struct slot *pair_orphan(struct pair *p, struct pairing *q, int64_t first_ts, uint64_t order)
{
    struct slot *s = take_or_evict(p);
    if (!s)
        return NULL;
    begin(s, q->conn);
    s->request_done = true;
    s->x.arrival = s->touched = first_ts;
    s->x.order = order;
    queue_push(q, s);
    line_enter(&p->line, s);
    return s;
}

static inline __attribute__((always_inline)) void answer(struct pair *p, struct slot *s, const struct head *h,
                                                         int64_t first_ts)
{
    keep_head(p, s, &s->response, h);
    s->x.status = h->status;
    s->x.t_rsp0 = first_ts;
    s->response_started = true;
    if (s->pairing && s->pairing->conn->paced)
        memcpy(s->paced, s->pairing->conn->pace.us, sizeof s->paced);
    s->x.flags |= (h->ambiguous ? FLAG_AMBIGUOUS : 0) | (s->request_done ? 0 : FLAG_EARLY);
    if (p->looks && s->response.p)
        look_begin(p->looks, s, first_ts);
    if (s->x.operation && s->response.p)
        operation_answer(p->operations, s);
}

void pair_answer(struct pair *p, struct slot *s, const struct head *h, int64_t first_ts)
{
    answer(p, s, h, first_ts);
}

void pair_events(struct pair *p, struct slot *s, const struct head *h)
{
    s->events = eventstream_begin(&p->slots, &p->event_codings, s, h);
}

void pair_end(struct pair *p, struct slot *s, enum end_state end)
{
    if (!s->response_done)
        s->x.flags |= FLAG_TRUNCATED;
    finish(p, s, s->pairing->conn, end);
}

struct slot *pair_copy(struct pair *p, const struct slot *s)
{
    struct slot *copy = s->request.p ? take_or_evict(p) : NULL;
    if (!copy)
        return NULL;
    struct head h = {.raw = slice_of(s->request.p, s->request.n), .method = s->method};
    h.target = s->target;
    h.n_fields = s->request.n_fields;
    if (h.n_fields)
        memcpy(h.fields, s->request.fields, h.n_fields * sizeof *h.fields);
    begin(copy, s->pairing->conn);
    if (!keep_request(p, copy, &h)) {
        slot_give(&p->slots, copy);
        p->in_flight--;
        return NULL;
    }
    copy->x.t_req0 = s->x.t_req0;
    copy->x.t_req1 = copy->x.arrival = copy->touched = s->x.t_req1;
    copy->x.order = s->x.order;
    copy->x.flags = s->x.flags & (FLAG_MIDSTREAM | FLAG_AMBIGUOUS | FLAG_REQUEST_TRUNCATED);
    copy->x.request_bytes = s->x.request_bytes;
    copy->x.request_body_id = s->x.request_body_id;
    copy->head_method = s->head_method;
    copy->x.operation = operation_copy(&p->slots, copy, s->x.operation);
    copy->request_done = true;
    look_ahead(p, copy);
    queue_push(s->pairing, copy);
    line_enter(&p->line, copy);
    return copy;
}

/* The request that is answered after a loss; those before it that were, too, leave. */
static __attribute__((noinline)) struct slot *found_again(struct pair *p, struct pairing *q, struct slot *first,
                                                          struct place at)
{
    struct slot *s = expect(q, first, at);
    if (q->answers_lost || q->pipelined)
        unanswered_before(p, q, s, at);
    q->answers_lost = !s && q->pipelined; /* then the next is no more certain */
    if (s)
        s->x.flags |= FLAG_RESYNC;
    return s;
}

struct slot *pair_response(struct pair *p, struct pairing *q, const struct head *h, const struct chunk *c,
                           uint64_t offset)
{
    struct place at = {offset, c->ack_offset};
    struct slot *s = oldest(q);
    if (in_order(q, s, at))
        q->answers_lost = false;
    else
        s = found_again(p, q, s, at);
    if (!s)
        s = pair_orphan(p, q, c->ts, c->order);
    if (!s)
        return NULL;
    answer(p, s, h, c->ts);
    return s;
}

/* No more than it took in all: what waited in order was let go by what came later. */
static void note_pace(struct slot *s, const struct conn *conn)
{
    int64_t transfer = s->x.t_rsp1 > s->x.t_rsp0 && s->x.t_rsp0 != TIME_NONE ? s->x.t_rsp1 - s->x.t_rsp0 : 0;
    uint32_t most = transfer < UINT32_MAX ? (uint32_t)transfer : UINT32_MAX;
    uint32_t loss = conn->pace.us[PACE_LOSS] - s->paced[PACE_LOSS];
    uint32_t window = conn->pace.us[PACE_WINDOW] - s->paced[PACE_WINDOW];
    s->x.loss_us = loss < most ? loss : most;
    s->x.window_us = window < most - s->x.loss_us ? window : most - s->x.loss_us;
}

void pair_response_done(struct pair *p, struct slot *s, int64_t last_ts)
{
    struct conn *conn = s->pairing->conn;
    s->x.t_rsp1 = last_ts;
    s->response_done = true;
    if (conn->paced && conn->pace.on) {
        note_pace(s, conn);
        conn->pace.on = false; /* another stream's next large segment begins it again */
    }
    if (p->looks)
        look_end(p->looks, &p->slots, s);
    if (s->operation)
        operation_answered(p->operations, s);
    if (s->request_done)
        finish(p, s, conn, s->x.flags & FLAG_TRUNCATED ? END_GAP : END_COMPLETE);
}

void pair_gap(struct pairing *q, int role, uint64_t offset)
{
    *(role ? &q->answers_lost : &q->lost) = true;
    if (role == 0)
        read_up_to(q, offset);
}

void pair_swap(struct pairing *q)
{
    bool lost = q->lost;
    q->lost = q->answers_lost;
    q->answers_lost = lost;
    q->read_to = 0;
}

static enum end_state end_of(enum chunk_end how, int first)
{
    if (how == CHUNK_CAPTURE_END)
        return END_CAPTURE;
    if (how == CHUNK_IDLE)
        return END_TIMEOUT;
    return first == 0 ? END_CLIENT_ABORT : END_SERVER_ABORT;
}

void pair_close(struct pair *p, struct pairing *q, enum chunk_end how, int first)
{
    enum end_state end = end_of(how, first);
    while (q->first) {
        struct slot *s = q->first;
        bool whole = s->response_done && !(s->x.flags & FLAG_TRUNCATED);
        if (!s->response_done)
            s->x.flags |= FLAG_TRUNCATED;
        finish(p, s, q->conn, whole ? END_COMPLETE : s->x.gap_bytes ? END_GAP : end);
    }
}

/* From there on the first that has waited too long for its answer to begin. */
static struct slot *overdue(struct slot *s, int64_t before)
{
    while (s && s->x.arrival < before && (!s->pairing || s->response_started))
        s = s->line_next;
    return s && s->x.arrival < before ? s : NULL;
}

/* The next one is found first: what is in flight stays in its line, while finished ones may leave. */
static void give_up(struct pair *p, struct slot *first, int64_t before)
{
    for (struct slot *s = overdue(first, before), *next; s; s = next) {
        next = overdue(s->line_next, before);
        note_missing(s);
        finish(p, s, s->pairing->conn, END_TIMEOUT);
    }
}

/* The same of those that wait too long, oldest first: answers that began long ago and go on may be many, so they are
 * gone over only when one more has waited so long. */
static void give_up_late(struct pair *p, int64_t before)
{
    struct slot *s = p->line.late_head, *next;
    if (p->line.late_from >= before)
        return;
    p->line.late_from = INT64_MAX;
    for (; s && s->x.arrival < before; s = next) {
        next = s->line_next;
        if (!s->pairing || s->response_started)
            continue;
        note_missing(s);
        finish(p, s, s->pairing->conn, END_TIMEOUT);
    }
    if (s && s->x.arrival < p->line.late_from)
        p->line.late_from = s->x.arrival;
}

void pair_tick(struct pair *p, int64_t now, int64_t answer_timeout)
{
    line_tick(&p->line, now);
    give_up_late(p, now - answer_timeout);
    if (answer_timeout < LINE_WAIT_US)
        give_up(p, p->line.head, now - answer_timeout);
}

void pair_finish(struct pair *p)
{
    line_tick(&p->line, INT64_MAX / 2);
    pair_flush(p);
}
