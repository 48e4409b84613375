/* packet: one frame to one TCP segment. Walks link, tunnel and IP headers; the innermost IP packet gives the addresses.
 * Keeps no state, allocates nothing, validates no checksum (offloading makes them wrong on healthy mirrors). Whatever
 * the bytes are, it reads only the captured ones and takes at most PACKET_DEPTH_MAX headers. */
#ifndef CAPTURE_PACKET_H
#define CAPTURE_PACKET_H

#include "capture/fragment.h"
#include "capture/tally.h"

enum { PACKET_DEPTH_MAX = 24, PACKET_VXLAN_PORTS_MAX = 16 };

enum packet_result {
    PACKET_TCP,      /* *out is filled */
    PACKET_UDP,      /* *out is filled as far as a datagram has it: one that may be memcached's by its header */
    PACKET_FRAGMENT, /* *piece is filled, and may be part of TCP */
    PACKET_OTHER,    /* read, and it is no TCP: ARP, UDP, ICMP, STP ... */
    PACKET_UNPARSED, /* cut, malformed, or an encapsulation not decoded here; counted */
};

struct packet_options {
    uint16_t vxlan_ports[PACKET_VXLAN_PORTS_MAX]; /* UDP destination ports, host order */
    uint8_t n_vxlan_ports;
    struct tally *tally; /* counts UDP that is walked no further; NULL: nobody asks */
};

/* VXLAN at 4789 (RFC 7348) and 8472 (the Linux default before it was assigned). */
struct packet_options packet_options_default(void);

/* Decodes f. Adds to stats->encapsulations once per packet and kind, whatever the result ("qinq": a service tag
 * or stacked tags; "vlan": an 802.1Q tag), and counts what is unparsed with its reason. *out borrows from f and is
 * undefined unless PACKET_TCP is returned. Lengths are those of the IP header, never the frame's; an IP length of 0
 * (segmentation offload) means the rest of the frame. A packet cut after the fixed 20 bytes of TCP is a segment, with n
 * < wire_n and perhaps without time stamps. out->scope: 0 without VLAN ids and VNIs (id 0, a mere priority tag, counts
 * as none), else a mix of them in order. */
enum packet_result packet_decode(const struct frame *f, const struct packet_options *o, struct capture_stats *stats,
                                 struct segment *out, struct piece *piece);
/* The same of an IP packet that was put together. */
enum packet_result packet_resume(const struct whole *g, const struct packet_options *o, struct capture_stats *stats,
                                 struct segment *out, struct piece *piece);

#endif
