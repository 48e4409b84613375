/* tunnel: the headers that carry frames and packets inside others, and the rarer link layers. */
#include "capture/walk.h"

static enum next ip_by_version(const struct walk *w)
{
    if (!w->n)
        return NEXT_UNPARSED;
    return w->p[0] >> 4 == 4 ? NEXT_IP4 : w->p[0] >> 4 == 6 ? NEXT_IP6 : NEXT_UNPARSED;
}

/* RFC 3032: labels up to the bottom of the stack, then IP, or Ethernet behind a control word (RFC 4448). */
static enum next walk_mpls(struct walk *w)
{
    bool bottom = false;
    w->kinds |= 1u << ENCAP_MPLS;
    for (unsigned labels = 0; !bottom && labels < 16; labels++) {
        if (w->n < 4)
            return NEXT_UNPARSED;
        bottom = w->p[2] & 1;
        skip(w, 4);
    }
    if (!bottom || !w->n)
        return NEXT_UNPARSED;
    if (w->p[0] >> 4)
        return ip_by_version(w);
    if (w->n < 4)
        return NEXT_UNPARSED;
    skip(w, 4);
    return NEXT_ETHERNET;
}

/* RFC 2516, session stage. */
static enum next walk_pppoe(struct walk *w)
{
    if (w->n < 6 || w->p[0] != 0x11)
        return NEXT_UNPARSED;
    uint32_t length = be16(w->p + 4);
    w->kinds |= 1u << ENCAP_PPPOE;
    if (w->p[1])
        return NEXT_OTHER;
    skip(w, 6);
    limit(w, length);
    return NEXT_PPP;
}

/* RFC 1661, with or without address and control (RFC 1662); protocol numbers of one byte are odd. Also what
 * LINKTYPE_PPP calls Cisco HDLC. */
static enum next walk_ppp(struct walk *w)
{
    if (w->n >= 4 && (w->p[0] == 0x0f || w->p[0] == 0x8f) && w->p[1] == 0)
        return NEXT_HDLC;
    if (w->n >= 2 && w->p[0] == 0xff && w->p[1] == 3)
        skip(w, 2);
    if (w->n < 2)
        return NEXT_UNPARSED;
    bool one = w->p[0] & 1;
    unsigned protocol = one ? w->p[0] : be16(w->p);
    skip(w, one ? 1 : 2);
    switch (protocol) {
    case 0x21:
        return NEXT_IP4;
    case 0x57:
        return NEXT_IP6;
    case 0x281:
    case 0x283:
        return NEXT_MPLS;
    default:
        return NEXT_OTHER;
    }
}

static enum next walk_hdlc(struct walk *w)
{
    if (w->n < 4)
        return NEXT_UNPARSED;
    skip(w, 4);
    enum next at = walk_type(w, w->p - 2);
    return at == NEXT_LLC ? NEXT_OTHER : at;
}

/* What GRE carries besides EtherTypes: mirrors of switches, and of wireless controllers. */
static enum next gre_payload(struct walk *w, uint16_t type, bool sequence)
{
    const uint8_t bytes[2] = {(uint8_t)(type >> 8), (uint8_t)type};
    switch (type) {
    case 0x6558:
        return NEXT_ETHERNET;
    case 0x880b:
        return NEXT_PPP;
    case 0x88be: /* type I has no header of its own */
        w->kinds |= 1u << ENCAP_ERSPAN;
        return sequence ? NEXT_ERSPAN2 : NEXT_ETHERNET;
    case 0x22eb:
        w->kinds |= 1u << ENCAP_ERSPAN;
        return NEXT_ERSPAN3;
    default:
        if ((type >= 0x8200 && type <= 0x8210) || type == 0x9000)
            return NEXT_WLAN;
        enum next at = walk_type(w, bytes);
        return at == NEXT_LLC ? NEXT_OTHER : at;
    }
}

/* RFC 2784 and 2890; version 1 is that of PPTP (RFC 2637). */
static enum next walk_gre(struct walk *w)
{
    if (w->n < 4)
        return NEXT_UNPARSED;
    uint16_t flags = be16(w->p), type = be16(w->p + 2);
    unsigned version = flags & 7;
    if (version > 1)
        return NEXT_UNPARSED;
    uint32_t length = 4 + ((flags & 0xc000) != 0) * 4u + ((flags & 0x2000) != 0) * 4u + ((flags & 0x1000) != 0) * 4u +
                      (version == 1 && (flags & 0x80)) * 4u;
    if (flags & 0x4000 || length > w->n) /* source routes (RFC 1701) were never used */
        return NEXT_UNPARSED;
    w->kinds |= 1u << ENCAP_GRE;
    skip(w, length);
    if (!w->n)
        return NEXT_OTHER; /* a keepalive */
    return gre_payload(w, type, flags & 0x1000);
}

static enum next walk_erspan2(struct walk *w)
{
    if (w->n < 8)
        return NEXT_UNPARSED;
    skip(w, 8);
    return NEXT_ETHERNET;
}

static enum next walk_erspan3(struct walk *w)
{
    uint32_t length = w->n >= 12 && (w->p[11] & 1) ? 20 : 12;
    if (w->n < length)
        return NEXT_UNPARSED;
    skip(w, length);
    return NEXT_ETHERNET;
}

/* IEEE 802.11: data frames that are not encrypted. Of an aggregate the first one. */
static enum next walk_wlan(struct walk *w)
{
    if (w->n < 24)
        return NEXT_UNPARSED;
    unsigned subtype = w->p[0] >> 4, flags = w->p[1];
    if ((w->p[0] & 3) || (w->p[0] >> 2 & 3) != 2 || (subtype & 4) || (flags & 0x40))
        return NEXT_OTHER;
    bool qos = subtype & 8, four = (flags & 3) == 3, control = qos && (flags & 0x80);
    uint32_t length = 24 + four * 6u, all = length + qos * 2u + control * 4u;
    if (w->n < all)
        return NEXT_UNPARSED;
    bool aggregate = qos && (w->p[length] & 0x80);
    w->kinds |= 1u << ENCAP_WLAN;
    skip(w, all);
    if (aggregate) {
        if (w->n < 14)
            return NEXT_UNPARSED;
        uint32_t first = be16(w->p + 12);
        skip(w, 14);
        limit(w, first);
    }
    return NEXT_LLC;
}

static enum next walk_radiotap(struct walk *w)
{
    uint32_t length = w->n >= 8 ? (uint32_t)(w->p[2] | w->p[3] << 8) : 0;
    if (length < 8 || length > w->n)
        return NEXT_UNPARSED;
    skip(w, length);
    return NEXT_WLAN;
}

/* RFC 8926. */
static enum next walk_geneve(struct walk *w)
{
    uint32_t length = w->n >= 8 ? 8 + (w->p[0] & 0x3f) * 4u : 8;
    if (w->n < length || w->p[0] >> 6)
        return NEXT_UNPARSED;
    const uint8_t *p = w->p;
    w->kinds |= 1u << ENCAP_GENEVE;
    w->scope = scope_mix(w->scope, ENCAP_GENEVE, be32(p + 4) >> 8);
    skip(w, length);
    if (be16(p + 2) == 0x6558)
        return NEXT_ETHERNET;
    enum next at = walk_type(w, p + 2);
    return at == NEXT_LLC ? NEXT_OTHER : at;
}

/* draft-ietf-nvo3-vxlan-gpe. */
static enum next walk_vxlan_gpe(struct walk *w)
{
    if (w->n < 8)
        return NEXT_UNPARSED;
    unsigned next = w->p[0] & 4 ? w->p[3] : 3;
    if (!(w->p[0] & 8))
        return NEXT_OTHER;
    w->kinds |= 1u << ENCAP_VXLAN;
    w->scope = scope_mix(w->scope, ENCAP_VXLAN, be32(w->p + 4) >> 8);
    skip(w, 8);
    return next == 1 ? NEXT_IP4 : next == 2 ? NEXT_IP6 : next == 3 ? NEXT_ETHERNET : NEXT_UNPARSED;
}

/* 3GPP TS 29.281, G-PDUs. */
static enum next walk_gtp(struct walk *w)
{
    if (w->n < 8)
        return NEXT_UNPARSED;
    unsigned flags = w->p[0], extension = 0;
    if (flags >> 5 != 1 || !(flags & 0x10) || w->p[1] != 0xff)
        return NEXT_OTHER;
    w->kinds |= 1u << ENCAP_GTP;
    skip(w, 8);
    if (flags & 7) {
        if (w->n < 4)
            return NEXT_UNPARSED;
        extension = flags & 4 ? w->p[3] : 0;
        skip(w, 4);
    }
    for (unsigned i = 0; extension && i < 16; i++) {
        uint32_t length = w->n ? w->p[0] * 4u : 0;
        if (!length || length > w->n)
            return NEXT_UNPARSED;
        extension = w->p[length - 1];
        skip(w, length);
    }
    return extension ? NEXT_UNPARSED : ip_by_version(w);
}

/* RFC 4380: authentication and origin may stand before the IPv6 packet. */
static enum next walk_teredo(struct walk *w)
{
    if (w->n >= 4 && be16(w->p) == 1) {
        uint32_t length = 13u + w->p[2] + w->p[3];
        if (length > w->n)
            return NEXT_UNPARSED;
        skip(w, length);
    }
    if (w->n >= 8 && be16(w->p) == 0)
        skip(w, 8);
    if (w->n < 40 || w->p[0] >> 4 != 6)
        return NEXT_OTHER;
    w->kinds |= 1u << ENCAP_TEREDO;
    return NEXT_IP6;
}

/* TaZmen Sniffer Protocol, version 1: tagged fields up to an end tag, then a frame. */
static enum next walk_tzsp(struct walk *w)
{
    if (w->n < 4 || w->p[0] != 1)
        return NEXT_OTHER;
    uint16_t protocol = be16(w->p + 2);
    if (w->p[1] > 1)
        return NEXT_OTHER;
    skip(w, 4);
    for (;;) {
        if (!w->n)
            return NEXT_UNPARSED;
        unsigned tag = w->p[0];
        uint32_t length = tag < 2 ? 1 : w->n >= 2 ? 2u + w->p[1] : UINT32_MAX;
        if (length > w->n)
            return NEXT_UNPARSED;
        skip(w, length);
        if (tag == 1)
            break;
    }
    w->kinds |= 1u << ENCAP_TZSP;
    return protocol == 1 ? NEXT_ETHERNET : protocol == 18 ? NEXT_WLAN : NEXT_UNPARSED;
}

/* L2TPv2 (RFC 2661), data messages. */
static enum next walk_l2tp(struct walk *w)
{
    if (w->n < 6)
        return NEXT_UNPARSED;
    uint16_t flags = be16(w->p);
    if ((flags & 0x8000) || (flags & 15) != 2)
        return NEXT_OTHER;
    uint32_t length = 6 + ((flags & 0x4000) != 0) * 2u + ((flags & 0x0800) != 0) * 4u;
    if (flags & 0x0200) {
        if (w->n < length + 2)
            return NEXT_UNPARSED;
        length += 2u + be16(w->p + length);
    }
    if (length > w->n)
        return NEXT_UNPARSED;
    w->kinds |= 1u << ENCAP_L2TP;
    skip(w, length);
    return NEXT_PPP;
}

/* Linux netfilter's log: attributes in the byte order of who captured, the packet is one of them. */
static enum next walk_nflog(struct walk *w)
{
    if (w->n < 4)
        return NEXT_UNPARSED;
    unsigned family = w->p[0];
    skip(w, 4);
    while (w->n >= 4) {
        uint32_t length = (uint32_t)(w->p[0] | w->p[1] << 8), type = (uint32_t)(w->p[2] | w->p[3] << 8) & 0x7fff;
        if (length < 4 && be16(w->p) >= 4) { /* the other byte order */
            length = be16(w->p);
            type = be16(w->p + 2) & 0x7fffu;
        }
        if (length < 4 || (length > w->n && type != 9))
            return NEXT_UNPARSED;
        if (type == 9) {
            skip(w, 4);
            if (length - 4 < w->wire)
                limit(w, length - 4);
            return family == 2 ? NEXT_IP4 : family == 10 ? NEXT_IP6 : NEXT_OTHER;
        }
        uint32_t padded = (length + 3) & ~3u;
        skip(w, padded < w->n ? padded : w->n);
    }
    return NEXT_UNPARSED;
}

enum next walk_tunnel(struct walk *w, enum next at)
{
    static enum next (*const steps[])(struct walk * w) = {[NEXT_MPLS - NEXT_TUNNEL] = walk_mpls,
                                                          [NEXT_PPPOE - NEXT_TUNNEL] = walk_pppoe,
                                                          [NEXT_PPP - NEXT_TUNNEL] = walk_ppp,
                                                          [NEXT_HDLC - NEXT_TUNNEL] = walk_hdlc,
                                                          [NEXT_GRE - NEXT_TUNNEL] = walk_gre,
                                                          [NEXT_ERSPAN2 - NEXT_TUNNEL] = walk_erspan2,
                                                          [NEXT_ERSPAN3 - NEXT_TUNNEL] = walk_erspan3,
                                                          [NEXT_WLAN - NEXT_TUNNEL] = walk_wlan,
                                                          [NEXT_RADIOTAP - NEXT_TUNNEL] = walk_radiotap,
                                                          [NEXT_GENEVE - NEXT_TUNNEL] = walk_geneve,
                                                          [NEXT_VXLAN_GPE - NEXT_TUNNEL] = walk_vxlan_gpe,
                                                          [NEXT_GTP - NEXT_TUNNEL] = walk_gtp,
                                                          [NEXT_TEREDO - NEXT_TUNNEL] = walk_teredo,
                                                          [NEXT_TZSP - NEXT_TUNNEL] = walk_tzsp,
                                                          [NEXT_L2TP - NEXT_TUNNEL] = walk_l2tp,
                                                          [NEXT_NFLOG - NEXT_TUNNEL] = walk_nflog};
    return steps[at - NEXT_TUNNEL](w);
}
