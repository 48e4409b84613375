/* onward: the short way of a segment with which a settled connection (flow.c) simply goes on: nothing is missing before
 * it, and nothing of it came before. To the same end as the long one. */
#ifndef CAPTURE_ONWARD_H
#define CAPTURE_ONWARD_H

#include "capture/reasm.h"

/* Whether it is one, of a settled connection. */
static inline bool onward_goes(const struct flow *f, const struct segment *s)
{
    return (s->flags & ~TCP_PSH) == TCP_ACK && s->n == s->wire_n &&
           reasm_after(s->ack, f->side[s->dir ^ 1].next) <= 0 && (!s->n || s->seq == f->side[s->dir].next);
}

/* The same of a segment that has not been looked for among copies: bytes that stand next, and an acknowledgement that
 * grows, were not seen before. */
static inline bool onward_is_new(const struct flow *f, const struct segment *s)
{
    return onward_goes(f, s) && (s->n || (uint32_t)reasm_after(s->ack, f->side[s->dir ^ 1].acked) - 1 < 1u << 30);
}

/* Data of the server, of an answer that is paced. */
static inline void onward_paced(struct flow *f, const struct segment *s, uint32_t acked)
{
    f->paced = true;
    f->conn.pace.window = f->window[0];
    pace_data(&f->conn.pace, s, acked, f->conn.rtt_server);
}

static inline void onward(struct flow_table *t, struct flow *f, const struct segment *s)
{
    struct side *d = &f->side[s->dir], *peer = &f->side[s->dir ^ 1];
    int role = flow_role(f, s->dir);
    f->last = s->ts;
    f->window[role] = s->window;
    reasm_acknowledge(f, peer, role, s);
    if (role == 1 && s->n >= PACE_LEAST)
        onward_paced(f, s, d->acked);
    else if (f->paced)
        flow_pace(f, role, s);
    if (!s->n)
        return;
    reasm_next(t, f, d, peer, role, s);
    if (__builtin_expect(f->decoding.tls != NULL, 0))
        flow_note_waiting(t, f);
}

#endif
