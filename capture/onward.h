/* onward: the short way of a segment with which a settled connection (flow.c) simply goes on: nothing is missing before
 * it, and nothing of it came before. To the same end as the long one. */
#ifndef CAPTURE_ONWARD_H
#define CAPTURE_ONWARD_H

#include "capture/reasm.h"

/* Data of the server, of an answer that is paced. */
static inline void onward_paced(struct flow *f, const struct segment *s, uint32_t acked)
{
    f->paced = f->conn.paced = true;
    f->conn.pace.window = f->window[0];
    pace_data(&f->conn.pace, s, acked, f->conn.rtt_server);
}

static inline void onward_acknowledge(struct flow *f, struct side *peer, int role, const struct segment *s)
{
    f->last = s->ts;
    f->window[role] = s->window;
    peer->acked = reasm_after(s->ack, peer->acked) > 0 ? s->ack : peer->acked;
}

/* Of a connection that is paced, or was: what the client says is no news for what passes, as a rule. */
static inline void onward_hears(struct flow *f, int role, const struct segment *s)
{
    f->paced = f->conn.pace.on;
    if (f->paced && role == 0 && pace_hears(&f->conn.pace, f->conn.rtt_server))
        flow_pace(f, role, s);
}

/* d: the segment's direction; peer: the other. */
static inline void onward_data(struct flow_table *t, struct flow *f, struct side *d, struct side *peer,
                               const struct segment *s)
{
    int role = flow_role(f, s->dir);
    onward_acknowledge(f, peer, role, s);
    reasm_sample_over(peer, s->ack);
    if (f->paced)
        onward_hears(f, role, s);
    if (role == 1 && (f->paced || s->n >= PACE_LEAST))
        onward_paced(f, s, d->acked);
    reasm_next(t, f, d, peer, role, s);
}

static inline void onward_bare(struct flow *f, struct side *peer, const struct segment *s)
{
    int role = flow_role(f, s->dir);
    onward_acknowledge(f, peer, role, s);
    reasm_round_trip(f, peer, role, s);
    if (f->paced)
        onward_hears(f, role, s);
}

/* Takes it, if it is one. `is_new`: it is known to be no copy; else it is taken only where its bytes stand next, or its
 * acknowledgement grows: such were not seen before. */
static inline bool onward(struct flow_table *t, struct flow *f, const struct segment *s, bool is_new)
{
    size_t dir = s->dir;
    struct side *peer = &f->side[1 - dir];
    int32_t more = reasm_after(s->ack, peer->acked);
    if ((s->flags & ~TCP_PSH) != TCP_ACK || s->n != s->wire_n || reasm_after(s->ack, peer->next) > 0 || more > 1 << 30)
        return false;
    if (s->n) {
        struct side *d = &f->side[dir];
        if (s->seq != d->next)
            return false;
        t->order++;
        onward_data(t, f, d, peer, s);
        return true;
    }
    if (more <= 0 && !is_new)
        return false;
    t->order++;
    onward_bare(f, peer, s);
    return true;
}

#endif
