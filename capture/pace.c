#include "capture/pace.h"

static inline int32_t after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

void pace_syn(struct pace *p, int role, const struct segment *s)
{
    p->scale[role] = s->wscale;
    p->scaled[role] = true;
    if (role == 0)
        p->mss = s->mss;
    bool scaled = p->scaled[0] && p->scaled[1] && p->scale[0] <= 14 && p->scale[1] <= 14;
    p->shift = scaled ? p->scale[0] : 0;
}

/* Whether a sender waits: no whole segment fits in, nor half of the widest window (RFC 9293 section 3.8.6.2.1). Without
 * both SYNs the scale is unknown, and only an empty window is certain. */
static bool is_full(const struct pace *p, uint32_t edge)
{
    int32_t least = pace_mss(p), half = p->widest / 2 < INT32_MAX ? (int32_t)(p->widest / 2) : INT32_MAX;
    if (!p->scaled[0] || !p->scaled[1])
        return !p->window;
    least = half < least ? half : least;
    return after(edge, p->top) < (least > 0 ? least : 1);
}

/* What came from the client within the time to the server and back was not known there when this was sent. */
static bool is_early(const struct pace *p, int64_t now, int32_t rtt)
{
    return rtt > PACE_FAR_US && now - p->since < rtt - rtt / 8;
}

static void add(struct pace *p, enum pace_cause cause, int64_t us)
{
    p->us[cause] += us > 0 ? (uint32_t)us : 0;
}

/* Of the time since the latest segment, what its cause took. */
static void add_gap(struct pace *p, int64_t now, bool again, int32_t rtt)
{
    int64_t gap = now - p->last, held = p->over == TIME_NONE ? gap : p->over - p->last + (rtt > 0 ? rtt : 0);
    if (again)
        add(p, PACE_LOSS, gap);
    else if (p->cause != PACE_SERVER)
        add(p, (enum pace_cause)p->cause, held < gap ? held : gap);
}

static void begin(struct pace *p, const struct segment *s, uint32_t acked)
{
    p->on = true;
    p->cause = PACE_SERVER;
    p->top = s->seq;
    p->last = s->ts;
    p->widest = pace_width(p);
    p->edge = p->known = acked + p->widest;
    p->since = INT64_MIN / 2;
}

void pace_data_slow(struct pace *p, const struct segment *s, uint32_t acked, int32_t rtt)
{
    uint32_t end = s->seq + s->wire_n, wide = pace_width(p), edge = acked + wide;
    if (!p->on) {
        begin(p, s, acked);
        if (pace_flows(p, s, acked, rtt)) {
            p->top = end;
            return;
        }
    }
    bool again = s->wire_n > 1 && after(s->seq, p->top)<0, hole = after(s->seq, p->top)> 0;
    bool missing = again || hole || (p->cause == PACE_LOSS && p->over == TIME_NONE);
    add_gap(p, s->ts, again, rtt);
    p->widest = wide > p->widest ? wide : p->widest;
    p->top = after(end, p->top) > 0 ? end : p->top;
    p->recover = again || hole ? p->top : p->recover;
    bool early = is_early(p, s->ts, rtt), full = is_full(p, early ? p->known : edge);
    p->last = s->ts;
    p->over = !missing && full && early && !is_full(p, edge) ? p->since : TIME_NONE; /* it is open, but not there */
    p->cause = missing ? PACE_LOSS : full ? PACE_WINDOW : PACE_SERVER;
}

void pace_ack(struct pace *p, const struct segment *s, uint32_t acked, int32_t rtt)
{
    uint32_t wide = pace_width(p);
    p->widest = wide > p->widest ? wide : p->widest;
    if (!is_early(p, s->ts, rtt)) {
        p->known = p->edge;
        p->since = s->ts;
    }
    p->edge = acked + wide;
    if (p->over != TIME_NONE || p->cause == PACE_SERVER)
        return;
    bool there = p->cause == PACE_LOSS ? after(acked, p->recover) < 0 : is_full(p, p->edge);
    if (!there)
        p->over = s->ts;
}
