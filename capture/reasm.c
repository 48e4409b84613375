#include "capture/reasm.h"

#include <stdlib.h>

static uint64_t ack_offset(const struct side *peer, uint32_t ack)
{
    return peer->init ? reasm_ack_offset(peer, ack) : 0;
}

static void gap(struct flow_table *t, struct flow *f, int dir, uint32_t n)
{
    struct side *d = &f->side[dir];
    uint64_t at = d->offset;
    if (!n)
        return;
    t->stats->gaps++;
    t->stats->gap_bytes += n;
    if (d->has_acked && reasm_after(d->acked, d->next) > 0) {
        uint32_t acked = (uint32_t)reasm_after(d->acked, d->next);
        t->stats->acked_unseen_bytes += acked < n ? acked : n;
    }
    d->next += n;
    d->offset += n;
    decode_gap(t->env, &f->decoding, flow_role(f, dir), n, at);
}

static void end_side(struct flow_table *t, struct flow *f, int dir)
{
    struct side *d = &f->side[dir];
    if (!d->fin || d->ended || reasm_after(f->wanting[dir].fin_seq, d->next) > 0)
        return;
    d->ended = true;
    decode_end(t->env, &f->decoding, flow_role(f, dir), CHUNK_FIN);
}

/* An answer whose acknowledgement covers request bytes not delivered yet waits for them. */
static bool must_wait(const struct flow *f, int dir, bool has_ack, uint32_t ack)
{
    const struct side *peer = &f->side[1 - dir];
    return has_ack && flow_role(f, dir) == 1 && peer->init && reasm_after(ack, peer->next) > 0 && !peer->ended;
}

static struct held *held_pop(struct flow_table *t, struct flow *f, int dir)
{
    struct wanting *w = &f->wanting[dir];
    struct held *h = w->held;
    w->held = h->next;
    if (!w->held)
        w->last = NULL;
    f->held_bytes[dir] -= h->n;
    f->held_pieces[dir]--;
    t->held_bytes -= h->n + sizeof *h;
    return h;
}

/* Hands on what has become contiguous. */
static void drain(struct flow_table *t, struct flow *f, int dir)
{
    struct side *d = &f->side[dir], *peer = &f->side[1 - dir];
    const struct held *first;
    while ((first = f->wanting[dir].held) && reasm_after(first->seq, d->next) <= 0) {
        if (must_wait(f, dir, first->has_ack, first->ack))
            return;
        struct held *h = held_pop(t, f, dir);
        uint32_t skip = d->next - h->seq;
        if (skip < h->n) {
            struct chunk c = {h->p + skip, h->n - skip, h->ts,
                              h->order,    0,           h->has_ack ? ack_offset(peer, h->ack) : ACK_UNKNOWN};
            reasm_deliver(t, f, d, flow_role(f, dir), c);
        }
        free(h);
    }
    end_side(t, f, dir);
}

static void drain_both(struct flow_table *t, struct flow *f)
{
    int client = f->client;
    drain(t, f, client);
    drain(t, f, 1 - client);
}

static bool acked_hole(const struct side *d)
{
    return d->has_acked && reasm_after(d->acked, d->next) > 0;
}

static bool has_hole(const struct flow *f, int dir)
{
    const struct side *d = &f->side[dir];
    const struct held *held = f->wanting[dir].held;
    return d->init && (held ? reasm_after(held->seq, d->next) > 0 : acked_hole(d));
}

/* Since when the direction lacks what it lacks. What comes behind an earlier hole is seen as soon as that one is. */
static void watch_side(struct flow_table *t, struct flow *f, int dir)
{
    const struct side *d = &f->side[dir];
    struct wanting *w = &f->wanting[dir];
    bool acked = acked_hole(d);
    if (!has_hole(f, dir))
        w->since = TIME_NONE;
    else if (w->since == TIME_NONE || w->at != d->next)
        w->since = w->held ? w->held->ts : t->now;
    else if (acked && !w->acked)
        w->since = t->now;
    w->at = d->next;
    w->acked = acked;
}

/* When what the direction lacks is lost. */
static int64_t overdue_at(const struct flow *f, int dir)
{
    const struct wanting *w = &f->wanting[dir];
    bool oneway = !(f->side[0].seen && f->side[1].seen);
    if (w->since == TIME_NONE)
        return INT64_MAX;
    return w->since + (w->acked ? HOLE_ACKED_US : oneway ? HOLE_ONEWAY_US : HOLE_OPEN_US);
}

/* Keeps the list of flows with holes true to what f lacks now. */
static void watch(struct flow_table *t, struct flow *f)
{
    int64_t due = INT64_MAX;
    for (int dir = 0; dir < 2; dir++) {
        watch_side(t, f, dir);
        int64_t at = overdue_at(f, dir);
        due = at < due ? at : due;
    }
    if (due != INT64_MAX)
        flow_hole(t, f, due);
    else if (f->hole)
        flow_whole(t, f);
}

static void note_overlap(struct flow_table *t, struct flow *f, const char *a, const char *b, uint32_t n)
{
    if (memcmp(a, b, n) == 0)
        return;
    t->stats->overlap_bytes += n;
    decode_ambiguous(&f->decoding);
}

/* Where n bytes at seq can be kept without overlap: trims them against what is held. Returns the bytes to insert before
 * *at. */
static bool hold(struct flow_table *t, struct flow *f, int dir, struct held **at, const struct segment *s, uint32_t seq,
                 const char *p, uint32_t n)
{
    if (t->held_bytes + n + sizeof(struct held) > t->held_limit || f->held_bytes[dir] + n > FLOW_HELD_MAX ||
        f->held_pieces[dir] == FLOW_PIECES_MAX)
        return false;
    struct held *h = malloc(sizeof *h + n);
    if (!h)
        return false;
    *h = (struct held){*at, s->ts, t->order, seq, s->ack, n, (s->flags & TCP_ACK) != 0};
    memcpy(h->p, p, n);
    *at = h;
    if (!h->next)
        f->wanting[dir].last = h;
    f->held_bytes[dir] += n;
    f->held_pieces[dir]++;
    t->held_bytes += n + sizeof *h;
    return true;
}

/* Keeps the bytes not held yet; the first copy wins. False: no room. */
static bool hold_segment(struct flow_table *t, struct flow *f, int dir, const struct segment *s, uint32_t seq,
                         const char *p, uint32_t n)
{
    struct wanting *w = &f->wanting[dir];
    struct held **at = &w->held, *last = w->last;
    bool fresh = false;
    if (last && reasm_after(seq, last->seq + last->n) >= 0)
        at = &last->next; /* most come so */
    while (n) {
        while (*at && reasm_after(seq, (*at)->seq + (*at)->n) >= 0)
            at = &(*at)->next;
        struct held *h = *at;
        uint32_t room =
            h && reasm_after(h->seq, seq) < (int32_t)n ? (reasm_after(h->seq, seq) > 0 ? h->seq - seq : 0) : n;
        if (room) {
            if (!hold(t, f, dir, at, s, seq, p, room))
                return false;
            fresh = true;
            at = &(*at)->next;
            seq += room;
            p += room;
            n -= room;
            continue;
        }
        uint32_t into = seq - h->seq, same = h->n - into < n ? h->n - into : n;
        note_overlap(t, f, h->p + into, p, same);
        seq += same;
        p += same;
        n -= same;
    }
    t->stats->retransmitted += !fresh;
    return true;
}

/* peer: the direction that the segment acknowledges. */
static inline void acknowledge(struct flow *f, struct side *peer, const struct segment *s)
{
    if (!peer->init) { /* what the other side sends next, if it was never seen */
        peer->init = peer->by_ack = true;
        peer->next = s->ack;
    }
    if (!peer->has_acked || reasm_after(s->ack, peer->acked) > 0) {
        if (peer->has_acked && reasm_after(s->ack, peer->acked) > 1 << 30)
            return;
        peer->has_acked = true;
        peer->acked = s->ack;
        uint32_t fin_seq = f->wanting[1 - s->dir].fin_seq;
        if (peer->fin && reasm_after(peer->acked, fin_seq) > 0)
            peer->acked = fin_seq; /* the FIN's own number is no byte */
    }
    if (s->n)
        reasm_sample_over(peer, s->ack);
    else
        reasm_round_trip(f, peer, flow_role(f, s->dir), s);
}

/* All there is of the direction is a SYN that nobody acknowledged, and its connection stands elsewhere: the SYN came
 * into one that went on, where it begins nothing (RFC 5961 section 4). */
static bool is_stray_syn(const struct side *d, bool held, const struct segment *s, uint32_t seq)
{
    bool alone = !d->by_ack && !d->offset && !held && !(d->has_acked && d->acked == d->next);
    return alone && s->wire_n && !(s->flags & TCP_SYN) && reasm_after(seq, d->next) < -1; /* no probe */
}

/* The first segment of a direction sets where it begins. Returns false when the segment is older than that. */
static void begin(struct side *d, bool held, const struct segment *s, uint32_t seq)
{
    if (!d->init) {
        d->init = true;
        d->next = seq;
    } else if (d->by_ack && !d->offset && s->wire_n && !held && reasm_after(seq, d->next) < 0 &&
               reasm_after(d->next, seq) < 1 << 20) {
        d->next = seq; /* captured after what acknowledged it */
    } else if (is_stray_syn(d, held, s, seq)) {
        d->next = seq;
    }
    if (s->flags & TCP_SYN || s->wire_n)
        d->by_ack = false;
}

static void data(struct flow_table *t, struct flow *f, int dir, const struct segment *s, uint32_t seq);

/* What is missing is given up for want of memory; then the segment need not wait. */
static void no_room(struct flow_table *t, struct flow *f, int dir, const struct segment *s)
{
    uint32_t seq = s->seq + ((s->flags & TCP_SYN) != 0);
    struct side *d = &f->side[dir];
    t->stats->flows_evicted++;
    reasm_give_up(t, f, true);
    if (f->wanting[dir].held || must_wait(f, dir, (s->flags & TCP_ACK) != 0, s->ack))
        return;
    if (reasm_after(seq, d->next) > 0)
        gap(t, f, dir, seq - d->next);
    data(t, f, dir, s, seq);
}

static void data(struct flow_table *t, struct flow *f, int dir, const struct segment *s, uint32_t seq)
{
    struct side *d = &f->side[dir], *peer = &f->side[1 - dir];
    const char *p = (const char *)s->payload;
    uint32_t n = s->n, end = seq + s->wire_n;
    int32_t ahead = reasm_after(seq, d->next);
    bool has_ack = (s->flags & TCP_ACK) != 0;
    if (ahead < 0) {
        uint32_t old = (uint32_t)-ahead;
        d->rtt_ts = TIME_NONE; /* sent again: no sample (Karn) */
        if (old >= s->wire_n) {
            t->stats->retransmitted += s->wire_n > 1; /* one old byte is a keep-alive probe */
            return;
        }
        uint32_t skip = old < n ? old : n;
        p += skip;
        n -= skip;
        seq += old;
        ahead = 0;
    }
    if (ahead == 0 && !f->wanting[dir].held && !must_wait(f, dir, has_ack, s->ack)) {
        if (d->rtt_ts == TIME_NONE) {
            d->rtt_ts = s->ts;
            d->rtt_seq = seq + n;
        }
        struct chunk c = {p, n, s->ts, t->order, 0, has_ack ? ack_offset(peer, s->ack) : ACK_UNKNOWN};
        if (n)
            reasm_deliver(t, f, d, flow_role(f, dir), c);
    } else if (!hold_segment(t, f, dir, s, seq, p, n)) {
        no_room(t, f, dir, s);
        return;
    } else {
        drain_both(t, f);
    }
    if (s->n < s->wire_n && d->next == seq + n)
        gap(t, f, dir, end - d->next); /* cut by the snap length */
}

/* The first one counts, unless it was nowhere near; one before what has come ends nothing (RFC 9293). */
static void note_fin(struct flow *f, int dir, uint32_t seq)
{
    struct side *d = &f->side[dir];
    uint32_t *fin_seq = &f->wanting[dir].fin_seq;
    if (reasm_after(seq, d->next) < 0 || (d->fin && reasm_after(seq, *fin_seq) >= 0))
        return;
    d->fin = true;
    *fin_seq = seq;
}

void reasm_segment(struct flow_table *t, struct flow *f, int dir, const struct segment *s)
{
    struct side *d = &f->side[dir];
    uint32_t seq = s->seq + ((s->flags & TCP_SYN) != 0);
    if (s->flags & TCP_RST)
        return; /* what it carries says why, to nobody's stream (RFC 9293 section 3.5.3) */
    begin(d, f->wanting[dir].held != NULL, s, seq);
    if (s->flags & TCP_FIN)
        note_fin(f, dir, seq + s->wire_n);
    if (s->flags & TCP_ACK)
        acknowledge(f, &f->side[1 - dir], s);
    if (s->wire_n && !d->ended)
        data(t, f, dir, s, seq);
    else if (d->fin || f->hole)
        drain_both(t, f);
    if (d->fin)
        end_side(t, f, dir);
    if (f->hole || has_hole(f, dir) || has_hole(f, 1 - dir))
        watch(t, f);
    if (f->hole && f->deadline <= t->now) {
        flow_whole(t, f);
        reasm_give_up(t, f, false);
    }
}

/* One hole of one direction, up to the next byte held or acknowledged; if `all`, held. */
static bool give_up_one(struct flow_table *t, struct flow *f, int dir, bool all)
{
    struct side *d = &f->side[dir];
    if (!has_hole(f, dir) || (!all && overdue_at(f, dir) > t->now))
        return false;
    const struct held *held = f->wanting[dir].held;
    int32_t to_held = held ? reasm_after(held->seq, d->next) : INT32_MAX;
    int32_t to_acked = acked_hole(d) ? reasm_after(d->acked, d->next) : INT32_MAX;
    int32_t n = to_held < to_acked ? to_held : to_acked;
    if (all && to_held != INT32_MAX)
        n = to_held; /* one loss, not two */
    gap(t, f, dir, (uint32_t)n);
    return true;
}

void reasm_give_up(struct flow_table *t, struct flow *f, bool all)
{
    int client = f->client;
    for (int rounds = 0; rounds < 1 << 16; rounds++) {
        bool moved = give_up_one(t, f, client, all); /* requests first: answers wait for them */
        if (!moved)
            moved = give_up_one(t, f, 1 - client, all);
        drain_both(t, f);
        watch(t, f);
        if (!moved)
            break;
    }
}

void reasm_drop(struct flow_table *t, struct flow *f)
{
    for (int dir = 0; dir < 2; dir++)
        while (f->wanting[dir].held)
            free(held_pop(t, f, dir));
}
