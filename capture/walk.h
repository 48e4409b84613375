/* walk: where the walk over the headers of one frame stands; for packet.c and tunnel.c alone. Each step reads one
 * header and names what stands behind it. A step has seen that the bytes it reads are there. */
#ifndef CAPTURE_WALK_H
#define CAPTURE_WALK_H

#include "base/order.h"
#include "capture/segment.h"

/* What stands at the front of the bytes left. Those below NEXT_TCP are walked, the others end the walk. */
enum next {
    NEXT_ETHERNET,
    NEXT_SLL,
    NEXT_SLL2,
    NEXT_NULL,
    NEXT_LLC,
    NEXT_TAG,
    NEXT_IP,
    NEXT_IP4,
    NEXT_IP6,
    NEXT_EXTENSION,
    NEXT_FRAGMENT,
    NEXT_AH,
    NEXT_UDP,
    NEXT_VXLAN,
    NEXT_TUNNEL, /* those of tunnel.c, up to NEXT_TCP */
    NEXT_MPLS = NEXT_TUNNEL,
    NEXT_PPPOE,
    NEXT_PPP,
    NEXT_HDLC,
    NEXT_GRE,
    NEXT_ERSPAN2,
    NEXT_ERSPAN3,
    NEXT_WLAN,
    NEXT_RADIOTAP,
    NEXT_GENEVE,
    NEXT_VXLAN_GPE,
    NEXT_GTP,
    NEXT_TEREDO,
    NEXT_TZSP,
    NEXT_L2TP,
    NEXT_NFLOG,
    NEXT_TCP,
    NEXT_DATAGRAM, /* of UDP, behind whose header the walk stands */
    NEXT_PIECE,
    NEXT_OTHER,
    NEXT_UNPARSED,
};

struct walk {
    const uint8_t *p;
    uint32_t n;              /* captured bytes left */
    uint32_t wire;           /* bytes left by the lengths in the headers, never fewer than n */
    uint32_t scope;          /* see packet.h */
    uint32_t kinds;          /* bits of enum encapsulation */
    const uint8_t *ip;       /* innermost IP header */
    const uint8_t *fragment; /* NEXT_PIECE: the header that says so */
    uint16_t type;           /* the EtherType read last */
    bool v6, tagged;         /* tagged: the header before was a VLAN tag */
    bool udp, quic;          /* udp: that is walked no further */
    uint8_t why;             /* NEXT_UNPARSED: enum unparsed_reason */
};

/* The caller has seen that n bytes are there. */
static inline void skip(struct walk *w, uint32_t n)
{
    w->p += n;
    w->n -= n;
    w->wire -= n;
}

/* Cuts the rest to the n bytes that the header at hand speaks of: what follows is padding. A header may also promise
 * more than the frame had on the wire (the record's length lies); then the rest counts as cut. */
static inline void limit(struct walk *w, uint32_t n)
{
    w->wire = n;
    if (w->n > n)
        w->n = n;
}

/* Adds an id to the scope; kinds keep VLAN 7 and VNI 7 apart. Never 0, which means no scope. */
static inline uint32_t scope_mix(uint32_t scope, enum encapsulation kind, uint32_t id)
{
    uint32_t x = (uint32_t)(hash_mix((uint64_t)scope << 32 | (uint64_t)kind << 24 | id));
    return x ? x : 1;
}

/* packet.c: reads the EtherType at p. */
enum next walk_type(struct walk *w, const uint8_t *p);
/* tunnel.c: the step of a header at or above NEXT_TUNNEL. */
enum next walk_tunnel(struct walk *w, enum next at);

#endif
