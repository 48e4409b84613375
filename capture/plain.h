/* plain: a short way for frames as most are: Ethernet, IPv4 without options, TCP without any or with its time stamps
 * alone, no SYN. Whatever the bytes are, it reads only the captured ones. Numbers that stand beside each other in a
 * header go beside each other into a word of the segment. */
#ifndef CAPTURE_PLAIN_H
#define CAPTURE_PLAIN_H

#include "base/order.h"
#include "capture/segment.h"

/* Sets who speaks; addresses and ports are those of the headers at ip and tcp. Returns the index of the sender, without
 * a jump that could be guessed wrong. */
static inline unsigned plain_ends(const uint8_t *ip, const uint8_t *tcp, struct endpoints *out)
{
    enum { MAPPED = 0xffff };
    uint64_t both = be64(ip + 12), back = order_turn64(both, 32);
    uint32_t ports = be32(tcp);
    unsigned dir = both > back;
    if (__builtin_expect(both == back, 0))
        dir = ports >> 16 > (uint16_t)ports;
    uint64_t raw = order_turn64(slice_word(ip + 12), dir * 32);
    uint64_t first = ORDER_LITTLE ? raw << 32 | (uint64_t)MAPPED << 16 : raw >> 32 | (uint64_t)MAPPED << 32;
    uint64_t second = ORDER_LITTLE ? raw >> 32 << 32 | (uint64_t)MAPPED << 16 : (uint32_t)raw | (uint64_t)MAPPED << 32;
    uint64_t turned = order_turn32(ports, (dir ^ ORDER_LITTLE) * 16);
    out->words[0] = out->words[2] = 0;
    out->words[1] = first;
    out->words[3] = second;
    out->words[4] = ORDER_LITTLE ? turned : turned << 32;
    return dir;
}

/* Decodes f. False: it is not plain, and *out is undefined; else packet_decode fills *out alike, and counts nothing.
 * The flow is not set. */
static inline bool plain_segment(const struct frame *f, struct segment *out)
{
    enum { IP = 14, TCP = IP + 20, DATA = TCP + 20, STAMPS = 12 };
    const uint8_t *p = f->data;
    uint32_t captured = f->n, options = 0;
    if (f->link != LINKTYPE_ETHERNET || captured < DATA || f->wire_n < captured)
        return false;
    uint64_t kind = be64(p + 12), stamps = 0; /* type, version and length, service; total length, id */
    uint32_t total = (uint16_t)(kind >> 16);
    if (kind >> 40 != 0x080045 || (be32(p + 20) & 0x3fff00ff) != 6 || total < 40 || p[TCP + 13] & TCP_SYN)
        return false; /* the second: place of a fragment, time to live, protocol */
    uint32_t n = captured - IP < total ? captured - IP : total;
    if (p[TCP + 12] >> 4 != 5) {
        options = STAMPS;
        if (p[TCP + 12] >> 4 != 8 || n < 40 + STAMPS || be32(p + DATA) != 0x0101080a)
            return false;
        stamps = order_pair32(be64(p + DATA + 4));
    }
    out->ts = f->ts;
    out->payload = p + DATA + options;
    out->n = n - 40 - options;
    out->words[0] = order_pair32(be64(p + TCP + 4));
    out->words[1] = stamps;
    out->words[2] = order_pair32((uint64_t)(total - 40 - options) << 32 | order_pair16(be32(p + TCP + 14)));
    unsigned dir = plain_ends(p + IP, p + TCP, &out->ends);
    uint32_t rest = ORDER_LITTLE ? (uint16_t)kind | (p[TCP + 13] & 0x3fu) << 16 | dir << 24
                                 : (uint32_t)kind << 16 | (p[TCP + 13] & 0x3fu) << 8 | dir;
    out->words[3] = order_pair32((uint64_t)rest << 32);
    out->v6 = false;
    return true;
}

#endif
