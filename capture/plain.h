/* plain: a short way for frames as most are: Ethernet, IPv4 without options, TCP without any or with its time stamps
 * alone, no SYN. Whatever the bytes are, it reads only the captured ones. */
#ifndef CAPTURE_PLAIN_H
#define CAPTURE_PLAIN_H

#include "base/order.h"
#include "capture/segment.h"

enum { PLAIN_IP = 14, PLAIN_TCP = PLAIN_IP + 20, PLAIN_DATA = PLAIN_TCP + 20 };

/* Decodes f. False: it is not plain, and *out is undefined. Else it is what packet_decode and flow_key make of it, but
 * for its ends, which plain_ends sets. */
static inline bool plain_segment(const struct frame *f, const struct hash_key *key, struct segment *out)
{
    enum { HEADERS = PLAIN_DATA - PLAIN_IP, STAMPS = 12 };
    const uint8_t *p = f->data;
    if (f->link != LINKTYPE_ETHERNET || f->n < PLAIN_DATA)
        return false;
    /* type, version and length, service, total length, id; length of headers, flags, window, checksum */
    uint64_t kind = be64(p + 12), last = be64(p + PLAIN_TCP + 12), form = last & 0xf002000000000000; /* or a SYN */
    uint32_t place = be32(p + 20), headers = HEADERS; /* of a fragment, time to live, protocol */
    if (kind >> 40 != 0x080045 || (place & 0x3fff00ff) != 6)
        return false;
    out->words[1] = 0;
    if (form != (uint64_t)5 << 60) {
        headers += STAMPS;
        if (form != (uint64_t)8 << 60 || f->n < PLAIN_DATA + STAMPS || be32(p + PLAIN_DATA) != 0x0101080a)
            return false;
        out->words[1] = order_pair32(be64(p + PLAIN_DATA + 4));
    }
    uint32_t total = (uint16_t)(kind >> 16), n = f->n - PLAIN_IP < total ? f->n - PLAIN_IP : total;
    if (n < headers)
        return false;
    out->ts = f->ts;
    out->payload = p + PLAIN_IP + headers;
    out->n = n - headers;
    out->words[0] = order_pair32(be64(p + PLAIN_TCP + 4));
    out->wire_n = total - headers;
    out->checksum = (uint16_t)(last >> 16);
    out->ip_id = (uint16_t)kind;
    out->window = (uint16_t)(last >> 32);
    out->flags = p[PLAIN_TCP + 13] & 0x3f;
    out->v6 = false;
    uint64_t src = segment_end4(p + PLAIN_IP + 12, p + PLAIN_TCP),
             dst = segment_end4(p + PLAIN_IP + 16, p + PLAIN_TCP + 2);
    uint64_t swap =
        (src ^ dst) & -(uint64_t)segment_dir4(src, dst); /* a jump would be guessed wrong half of the time */
    out->dir = segment_dir4(src, dst);
    out->pair[0] = src ^ swap;
    out->pair[1] = dst ^ swap;
    out->flow = segment_hash4(key, out->pair);
    return true;
}

/* Sets the ends of f's segment. */
static inline void plain_ends(const struct frame *f, struct segment *s)
{
    s->ends = (struct endpoints){.scope = 0};
    for (unsigned i = 0; i < 2; i++) {
        segment_v4(s->ends.ip[s->dir ^ i], f->data + PLAIN_IP + 12 + 4 * i);
        s->ends.port[s->dir ^ i] = be16(f->data + PLAIN_TCP + 2 * i);
    }
}

#endif
