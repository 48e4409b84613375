/* reasm: puts segments into order. First copy of a byte wins; in-order bytes are handed on without a copy; what was
 * acknowledged and never seen becomes a gap once it is overdue. Answers wait for the request bytes they acknowledge.
 * For flow.c, which finds the connection. */
#ifndef CAPTURE_REASM_H
#define CAPTURE_REASM_H

#include "capture/flow.h"

/* Puts the segment into its direction's order and hands on what is in order. dir: index of the sender. */
void reasm_segment(struct flow_table *t, struct flow *f, int dir, const struct segment *s);
/* Declares what is missing lost, both directions, and hands on what waited. `all`: also what may still come. */
void reasm_give_up(struct flow_table *t, struct flow *f, bool all);
void reasm_drop(struct flow_table *t, struct flow *f);

/* How far sequence number a is behind b. */
static inline int32_t reasm_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

/* Where an acknowledgement stands in the stream of peer, which has begun. */
static inline uint64_t reasm_ack_offset(const struct side *peer, uint32_t ack)
{
    int64_t at = (int64_t)peer->offset + reasm_after(ack, peer->next);
    return at > 0 ? (uint64_t)at : 0;
}

/* Of direction d, role's. */
static inline void reasm_deliver(struct flow_table *t, struct flow *f, struct side *d, int role, struct chunk c)
{
    c.offset = d->offset;
    d->offset += c.n;
    d->next += (uint32_t)c.n;
    t->stats->stream_bytes += c.n;
    decode_chunk(t->env, &f->decoding, role, &c);
}

/* The running sample of peer's round trip, if there is one, is over once this is acknowledged. */
static inline void reasm_sample_over(struct side *peer, uint32_t ack)
{
    peer->rtt_ts = reasm_after(ack, peer->rtt_seq) < 0 ? peer->rtt_ts : TIME_NONE;
}

/* The same of a segment without data, whose sender is `role`: it ends a sample that counts. An answer's time is the
 * server's, not the network's. */
static inline void reasm_round_trip(struct flow *f, struct side *peer, int role, const struct segment *s)
{
    int32_t *least = role == 1 ? &f->conn.rtt_server : &f->conn.rtt_client; /* -1: none yet */
    uint64_t rtt = (uint64_t)s->ts - (uint64_t)peer->rtt_ts;                /* of TIME_NONE: beyond all */
    if (rtt < ((uint32_t)*least & INT32_MAX) && reasm_after(s->ack, peer->rtt_seq) >= 0)
        *least = (int32_t)rtt;
    reasm_sample_over(peer, s->ack);
}

/* The bytes of a segment that stand next, of a connection where nothing is missing. d: its direction, role's; peer: the
 * other. */
static inline void reasm_next(struct flow_table *t, struct flow *f, struct side *d, const struct side *peer, int role,
                              const struct segment *s)
{
    if (d->rtt_ts == TIME_NONE) {
        d->rtt_ts = s->ts;
        d->rtt_seq = s->seq + s->n;
    }
    struct chunk c = {(const char *)s->payload, s->n, s->ts, t->order, 0, reasm_ack_offset(peer, s->ack)};
    reasm_deliver(t, f, d, role, c);
    if (__builtin_expect(f->decoding.tls != NULL, 0))
        flow_note_waiting(t, f);
}

#endif
