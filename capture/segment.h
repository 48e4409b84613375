/* segment: what packet decoding makes of one frame: one TCP segment, innermost addresses. All borrowed from the frame.
 */
#ifndef CAPTURE_SEGMENT_H
#define CAPTURE_SEGMENT_H

#include "capture/exchange.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

enum { LINKTYPE_ETHERNET = 1 };

/* A frame as a source hands it over. */
struct frame {
    int64_t ts;          /* us since the epoch */
    const uint8_t *data; /* borrowed until the next call to the source */
    uint32_t n;          /* captured bytes */
    uint32_t wire_n;     /* bytes on the wire */
    uint16_t link;       /* LINKTYPE_* number of the pcap registry */
    uint16_t input;      /* live: index of the interface it came from */
};

struct segment {
    int64_t ts;
    uint32_t seq, ack;
    uint32_t tsval, tsecr;  /* RFC 7323 options; valid when has_ts */
    const uint8_t *payload; /* captured part of the TCP payload */
    uint32_t n;             /* captured bytes of it */
    uint32_t wire_n;        /* bytes of it by the IP length; n < wire_n: cut by the snap length */
    uint32_t scope;         /* hash-free identity of VLAN ids and VNI; part of the flow key */
    uint32_t flow;          /* keyed hash of its connection, of flow_key */
    uint16_t sport, dport, window, checksum;
    uint16_t mss;   /* 0: none; meaningless without TCP_SYN, as is the next */
    uint8_t wscale; /* shift of windows; 0xff: none */
    uint16_t ip_id; /* of the IPv4 header; 0: none */
    uint8_t flags;  /* TCP_* */
    bool v6, has_ts;
    uint8_t dir;              /* of flow_key, too: index of the sender */
    uint8_t src[16], dst[16]; /* IPv4 as ::ffff:a.b.c.d */
};

static inline void segment_v4(uint8_t out[16], const uint8_t ip[4])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memcpy(out, mapped, 12);
    memcpy(out + 12, ip, 4);
}

#endif
