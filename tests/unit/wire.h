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
    unsigned exchanges;
};

void wire_open(struct wire *w);
void wire_handshake(struct wire *w);
/* One frame; role 0 is the client. seq and ack are absolute. */
void wire_frame(struct wire *w, int role, uint8_t flags, uint32_t seq, uint32_t ack, const void *p, size_t n);
/* In-order data with a current acknowledgement. */
void wire_data(struct wire *w, int role, const void *p, size_t n);
void wire_fin(struct wire *w, int role);
void wire_rst(struct wire *w, int role);
/* Ends the capture; w->log is complete and NUL-terminated. */
void wire_finish(struct wire *w);
void wire_close(struct wire *w);

#endif
