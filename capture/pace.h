/* pace: what holds an answer up while it passes (ALGORITHMS.md 8.2): the receiver's window, bytes that were lost, or
 * else the server. The time between two segments of it is told apart: it is loss while bytes are sent again, or are
 * missing until they are acknowledged; it is the window's from when that was full until the acknowledgement that opened
 * it has come to the server and what it let go has come back here. Duplicate acknowledgements alone are no loss: what
 * they ask for is sent again. Begins with the first segment of PACE_LEAST octets of an answer, so that small ones cost
 * nothing; what came before is taken for the server's. */
#ifndef CAPTURE_PACE_H
#define CAPTURE_PACE_H

#include "capture/segment.h"

enum { PACE_LEAST = 1000, PACE_NO_SCALE = 0xff, PACE_FAR_US = 2000, PACE_USUAL_MSS = 1460 };
enum pace_cause { PACE_WINDOW, PACE_LOSS, PACE_SERVER, PACE_CAUSES = PACE_SERVER };

/* Of a connection's answers. Zero-initialise. */
struct pace {
    bool on;                  /* an answer with a large segment is under way */
    uint8_t cause;            /* since the latest segment: enum pace_cause; means something while on */
    uint16_t mss;             /* of segments to the client; 0: unknown */
    uint16_t window;          /* the client's, as it last said, not scaled */
    uint8_t scale[2];         /* shift of client and server, PACE_NO_SCALE: none */
    bool scaled[2];           /* their SYN was seen */
    uint8_t shift;            /* of the client's window: where both offer one (RFC 7323 section 2.2) */
    uint32_t top;             /* after the last byte sent */
    int64_t last, over;       /* the latest segment; when its cause went away, TIME_NONE: it is there */
    uint32_t us[PACE_CAUSES]; /* since the connection began, modulo 2^32 */
    uint32_t recover;         /* while bytes are missing: until this is acknowledged */
    uint32_t widest;          /* window, octets */
    uint32_t edge;            /* up to where the client lets the server send; kept where the server is far away */
    uint32_t known; /* the same before the acknowledgements since `since`, which the server may not have yet */
    int64_t since;
};

/* What a SYN says; role: 0 client, 1 server. */
void pace_syn(struct pace *p, int role, const struct segment *s);

/* How far the client lets the server send. */
static inline uint32_t pace_width(const struct pace *p)
{
    return (uint32_t)p->window << p->shift;
}

static inline int32_t pace_mss(const struct pace *p)
{
    return p->mss ? p->mss : PACE_USUAL_MSS;
}

/* Of pace_data: nothing is wanting, as most of the time. */
static inline bool pace_flows(const struct pace *p, const struct segment *s, uint32_t acked, int32_t rtt)
{
    uint32_t edge = rtt > PACE_FAR_US ? p->known : acked + pace_width(p);
    return p->on && p->cause == PACE_SERVER && s->seq == p->top &&
           (int32_t)(edge - (s->seq + s->wire_n)) >= pace_mss(p);
}

void pace_data_slow(struct pace *p, const struct segment *s, uint32_t acked, int32_t rtt);
/* A segment of the server with data. acked: greatest acknowledgement of the client; rtt: to the server, us, -1 unknown.
 */
static inline void pace_data(struct pace *p, const struct segment *s, uint32_t acked, int32_t rtt)
{
    if (!pace_flows(p, s, acked, rtt)) {
        pace_data_slow(p, s, acked, rtt);
        return;
    }
    p->top = s->seq + s->wire_n;
    p->last = s->ts;
}

/* A segment of the client, to be called where pace_hears. */
void pace_ack(struct pace *p, const struct segment *s, uint32_t acked, int32_t rtt);

static inline bool pace_hears(const struct pace *p, int32_t rtt)
{
    return p->on && (p->cause != PACE_SERVER || rtt > PACE_FAR_US);
}

#endif
