/* line: puts exchanges into arrival order (ALGORITHMS: order). One leaves when nothing in flight arrived before it, or
 * when what did has been in flight for more than LINE_WAIT_US of packet time; what leaves after a later arrival is
 * flagged FLAG_LATE. */
#ifndef CAPTURE_LINE_H
#define CAPTURE_LINE_H

#include "capture/slot.h"

enum { LINE_WAIT_US = 2000000 };

struct exchange_sink {
    void (*take)(void *context, struct exchange *x); /* takes ownership; give the slot back when done with it */
    void *context;
};

struct line {
    struct slot *head, *tail;           /* in line by (arrival, order) */
    struct slot *late_head, *late_tail; /* waited too long and still in flight, oldest first */
    struct slot *placed;                /* the one that came into line last, if it is there still */
    int64_t late_from;                  /* of those that wait too long none was looked at that arrived so late */
    int64_t
        due; /* until then nothing in line has waited too long; who keeps it (capture.c) also minds those that have */
    struct exchange_sink sink;
    int64_t now, released; /* packet time; greatest arrival that left */
    uint64_t seq;
    bool hold; /* what comes is finished but unordered (records): it waits LINE_WAIT_US for earlier arrivals */
};

void line_init(struct line *l, struct exchange_sink sink);
/* s->x.arrival and order are known; it is in flight. */
void line_enter(struct line *l, struct slot *s);
/* s is finished (it may not have entered before). It leaves when its turn comes; do not touch it afterwards. */
void line_done(struct line *l, struct slot *s);
/* s leaves at once, whatever arrived before it: it has a number, but no place in the order. */
void line_apart(struct line *l, struct slot *s);
/* Packet time moved on. */
void line_tick(struct line *l, int64_t now);
/* Lets the first in line leave whatever it waits for. False: nobody is in line. */
bool line_push(struct line *l);

#endif
