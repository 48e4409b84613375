/* eventstream: server-sent events (WHATWG HTML, section "Server-sent events") counted as an answer of type
 * text/event-stream passes, its content-codings taken off where they can be. Counts, sizes and times alone are kept; of
 * a line no more than its first five octets are looked at. State lives in the exchange's arena. */
#ifndef CAPTURE_EVENTSTREAM_H
#define CAPTURE_EVENTSTREAM_H

#include "capture/coding.h"
#include "capture/head.h"

struct eventstream {
    struct event_facts facts;
    struct codings *codings;
    struct coding *coding; /* NULL: it comes as it is, or cannot be decoded any more */
    int64_t now, last;     /* time of the octets being read; of the latest event, TIME_NONE: none */
    uint64_t octets;       /* of the event being read */
    uint8_t name;          /* octets of the line that agree with "data"; MISMATCH */
    uint8_t bom;           /* octets of a byte order mark at the beginning */
    bool named;            /* the line's name is over */
    bool empty;            /* nothing of the line was read yet */
    bool data;             /* the event has data */
    bool cr;               /* the last octet was a CR */
    bool skipping;         /* after a loss: until the next empty line */
    bool deaf;             /* coded in a way that is not decoded, or no longer */
};

/* The answer's head begins one; s is its exchange. NULL: it does not, or no memory. */
struct eventstream *eventstream_begin(struct slot_pool *pool, struct codings *codings, struct slot *s,
                                      const struct head *answer);
/* Octets of the body as they were sent, in order; ts: their time. */
void eventstream_data(struct eventstream *e, const char *p, size_t n, int64_t ts);
/* Some were lost: counting goes on with the next event, unless they were coded. */
void eventstream_gap(struct eventstream *e);
/* No more octets come; before the exchange leaves. */
void eventstream_end(struct eventstream *e);

#endif
