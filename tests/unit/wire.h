/* wire: makes TCP segments as Ethernet frames for tests: two sides with sequence numbers, a clock, and a capture that
 * is fed. */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include "base/buf.h"
#include "capture/capture.h"
#include "capture/record.h"

struct wire {
    struct capture *capture;
    struct buf log;  /* one summary line an exchange, in order */
    uint32_t seq[2]; /* next byte of client, server */
    int64_t ts;
    int64_t step;  /* added before each frame */
    uint16_t vlan; /* 0: none */
    uint32_t snap; /* octets of a payload that are captured; 0: all */
    uint8_t flags; /* of all segments, too */
    bool timed;    /* the log says when */
    bool told;     /* the capture is told the time before each frame, too */
    struct frame waiting[CAPTURE_FRAMES];
    unsigned n_waiting, together; /* so many frames are handed on at once; 0: one */
    unsigned exchanges;
};

#endif
