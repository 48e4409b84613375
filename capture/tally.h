/* tally: UDP that is walked no further, for who asks why there is so little TCP: what looks like VXLAN on a port that
 * is not known as one. */
#ifndef CAPTURE_TALLY_H
#define CAPTURE_TALLY_H

#include <stdint.h>

enum { TALLY_PORTS = 8 };

struct tally {
    struct tally_port {
        uint64_t packets;
        uint16_t port; /* destination */
    } vxlan[TALLY_PORTS];
};

/* One packet: its destination port and the n captured bytes behind the UDP header. */
void tally_udp(struct tally *t, uint16_t to, const uint8_t *p, uint32_t n);
/* The port with most packets that look like VXLAN, NULL: none. */
const struct tally_port *tally_vxlan(const struct tally *t);

#endif
