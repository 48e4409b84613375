/* segment: what packet decoding makes of one frame: one TCP segment, innermost addresses. All borrowed from the frame.
 */
#ifndef CAPTURE_SEGMENT_H
#define CAPTURE_SEGMENT_H

#include "base/hash.h"
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

/* Of a connection; which is the first is told by segment_dir, or segment_dir4. */
struct endpoints {
    union {
        struct {
            uint8_t ip[2][16]; /* IPv4 as ::ffff:a.b.c.d */
            uint16_t port[2];
            uint32_t scope; /* hash-free identity of VLAN ids and VNI */
        };
        uint64_t words[5];
    };
};

struct segment {
    int64_t ts;
    const uint8_t *payload; /* captured part of the TCP payload */
    struct flow *near;      /* its connection, if it is still there; of flow_ask, NULL: not found */
    uint64_t pair[2];       /* of IPv4 without scope: what its ends are made of, in their order; else SEGMENT_NO_PAIR */
    union {
        struct {
            uint32_t seq, ack;
            uint32_t tsval, tsecr; /* RFC 7323; 0 without */
            uint32_t wire_n;       /* bytes of payload by the IP length; n < wire_n: cut by the snap length */
            uint16_t checksum;
            uint16_t ip_id; /* of the IPv4 header; 0: none */
            uint32_t flow;  /* keyed hash of its connection, of flow_key */
            uint16_t window;
            uint8_t flags; /* TCP_* */
            uint8_t dir;   /* index of the sender */
        };
        uint64_t words[4]; /* of what copies have in common */
    };
    uint64_t hash;  /* of what copies have in common; of plain ones, if copies are looked for */
    uint32_t n;     /* captured bytes of the payload */
    uint16_t mss;   /* 0: none; meaningless without TCP_SYN, as is the next */
    uint8_t wscale; /* shift of windows; 0xff: none */
    bool v6;
    struct endpoints ends;
};

#define SEGMENT_NO_PAIR UINT64_MAX

static inline bool segment_same_pair(const uint64_t a[2], const uint64_t b[2])
{
    return !((a[0] ^ b[0]) | (a[1] ^ b[1]));
}

static inline bool endpoints_same(const struct endpoints *a, const struct endpoints *b)
{
    const uint64_t *x = a->words, *y = b->words;
    return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

/* An IPv4 address and a port as they stand in headers, at ip and port: one number, whose order has no meaning. */
static inline uint64_t segment_end4(const uint8_t *ip, const uint8_t *port)
{
    uint32_t address;
    uint16_t number;
    memcpy(&address, ip, sizeof address);
    memcpy(&number, port, sizeof number);
    return (uint64_t)number << 32 | address;
}

/* Which of two ends is the sender's, in the order of endpoints; src and dst of segment_end4. */
static inline uint8_t segment_dir4(uint64_t src, uint64_t dst)
{
    return src > dst;
}

/* The same of IPv6. */
static inline uint8_t segment_dir(const uint8_t src[16], const uint8_t dst[16], uint16_t sport, uint16_t dport)
{
    int order = memcmp(src, dst, 16);
    return order > 0 || (order == 0 && sport > dport);
}

/* Of two such ends in order: positions alone, bounded by the capacity of tables. */
static inline uint32_t segment_hash4(const struct hash_key *key, const uint64_t pair[2])
{
    return (uint32_t)hash_fold(pair[0] ^ key->k0, pair[1] ^ key->k1);
}

static inline void segment_v4(uint8_t out[16], const uint8_t ip[4])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memcpy(out, mapped, 12);
    memcpy(out + 12, ip, 4);
}

#endif
