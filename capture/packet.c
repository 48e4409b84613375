/* packet: a bounded walk over the headers of one frame. Each step reads one header and names the next. */
#include "capture/packet.h"

#include "capture/memcachedudp.h"
#include "capture/walk.h"

/* Ends the walk at a header that is known by name and not walked. */
static enum next walk_unknown(struct walk *w, enum unparsed_reason why)
{
    w->why = (uint8_t)why;
    return NEXT_UNPARSED;
}

/* Those of tunnels not walked here are unparsed, since TCP may be inside. */
enum next walk_type(struct walk *w, const uint8_t *p)
{
    w->type = be16(p);
    switch (w->type) {
    case 0x0800:
        return NEXT_IP4;
    case 0x86dd:
        return NEXT_IP6;
    case 0x8100: /* 802.1Q */
    case 0x88a8: /* 802.1ad */
    case 0x9100: /* and what vendors stacked before it */
    case 0x9200:
    case 0x9300:
        return NEXT_TAG;
    case 0x8847: /* MPLS */
    case 0x8848:
        return NEXT_MPLS;
    case 0x8864:
        return NEXT_PPPOE;
    case 0x880b:
        return NEXT_PPP;
    case 0x6558: /* transparent Ethernet */
        return NEXT_ETHERNET;
    case 0x88e5:
        return walk_unknown(w, UNPARSED_MACSEC);
    case 0x88e7:
        return walk_unknown(w, UNPARSED_PBB);
    case 0x894f:
        return walk_unknown(w, UNPARSED_NSH);
    default:
        return w->type < 0x600 ? NEXT_LLC : NEXT_OTHER;
    }
}

/* Reads an IP protocol number. Extension headers may follow AH in IPv4 packets only if forged; walking them is
 * harmless. */
static inline enum next next_of_protocol(struct walk *w, uint8_t protocol)
{
    switch (protocol) {
    case 6:
        return NEXT_TCP;
    case 17:
        return NEXT_UDP;
    case 0:  /* hop-by-hop options */
    case 43: /* routing */
    case 60: /* destination options */
        return NEXT_EXTENSION;
    case 44:
        return NEXT_FRAGMENT;
    case 51:
        return NEXT_AH;
    case 4: /* IP in IP, 6in4 */
        w->kinds |= 1u << ENCAP_IPIP;
        return NEXT_IP4;
    case 41:
        w->kinds |= 1u << ENCAP_IPIP;
        return NEXT_IP6;
    case 47:
        return NEXT_GRE;
    case 137:
        return NEXT_MPLS;
    case 143: /* Ethernet (RFC 8986) */
        return NEXT_ETHERNET;
    case 50: /* TCP may be inside: of ESP, EtherIP, L2TPv3 */
        return walk_unknown(w, UNPARSED_IPSEC);
    case 97:
    case 115:
        return walk_unknown(w, UNPARSED_TUNNEL);
    default:
        return NEXT_OTHER;
    }
}

/* The first header of a frame, by the LINKTYPE registry. */
static inline enum next next_of_link(uint16_t link)
{
    switch (link) {
    case LINKTYPE_ETHERNET:
        return NEXT_ETHERNET;
    case 0:   /* NULL: in the byte order of whoever captured */
    case 108: /* LOOP: in network order */
        return NEXT_NULL;
    case 12: /* DLT_RAW of most systems, of OpenBSD, and the registered number */
    case 14:
    case 101:
        return NEXT_IP;
    case 228:
        return NEXT_IP4;
    case 229:
        return NEXT_IP6;
    case 113:
        return NEXT_SLL;
    case 276:
        return NEXT_SLL2;
    case 9: /* PPP, and the same in HDLC framing */
    case 50:
        return NEXT_PPP;
    case 104:
        return NEXT_HDLC;
    case 105:
        return NEXT_WLAN;
    case 127:
        return NEXT_RADIOTAP;
    case 239:
        return NEXT_NFLOG;
    default:
        return NEXT_UNPARSED;
    }
}

static inline enum next walk_ethernet(struct walk *w)
{
    if (w->n < 14)
        return NEXT_UNPARSED;
    skip(w, 14);
    w->tagged = false;
    return walk_type(w, w->p - 2);
}

static enum next walk_sll(struct walk *w)
{
    if (w->n < 16)
        return NEXT_UNPARSED;
    skip(w, 16);
    return walk_type(w, w->p - 2);
}

static enum next walk_sll2(struct walk *w)
{
    if (w->n < 20)
        return NEXT_UNPARSED;
    skip(w, 20);
    return walk_type(w, w->p - 20);
}

/* Four bytes of address family; AF_INET6 has another number on every system. */
static enum next walk_null(struct walk *w)
{
    if (w->n < 4)
        return NEXT_UNPARSED;
    uint32_t family = be32(w->p);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    skip(w, 4);
    switch (family) {
    case 2:
        return NEXT_IP4;
    case 10: /* Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* macOS */
        return NEXT_IP6;
    default:
        return NEXT_OTHER;
    }
}

/* IEEE 802.2; only SNAP with EtherTypes (RFC 1042) leads anywhere. SLL frames of small protocol numbers come here, too.
 */
static enum next walk_llc(struct walk *w)
{
    static const uint8_t snap[6] = {0xaa, 0xaa, 3, 0, 0, 0};
    if (w->n < 8 || memcmp(w->p, snap, sizeof snap) != 0)
        return NEXT_OTHER;
    skip(w, 8);
    enum next at = walk_type(w, w->p - 2);
    return at == NEXT_LLC ? NEXT_OTHER : at;
}

/* A VLAN tag (IEEE 802.1Q), named by the EtherType read last. */
static enum next walk_tag(struct walk *w)
{
    if (w->n < 4)
        return NEXT_UNPARSED;
    bool service = w->type != 0x8100;
    uint16_t id = be16(w->p) & 0xfff;
    if (!service)
        w->kinds |= 1u << ENCAP_VLAN;
    if (service || w->tagged)
        w->kinds |= 1u << ENCAP_QINQ;
    if (id)
        w->scope = scope_mix(w->scope, ENCAP_VLAN, id);
    skip(w, 4);
    w->tagged = true;
    return walk_type(w, w->p - 2);
}

/* A fragment: worth keeping if something could be in it. */
static __attribute__((noinline)) enum next piece_of(struct walk *w, const uint8_t *header, uint8_t protocol)
{
    struct walk scratch = *w;
    enum next inside = next_of_protocol(&scratch, protocol);
    w->why = scratch.why;
    w->fragment = header;
    return inside == NEXT_OTHER || inside == NEXT_UNPARSED ? inside : NEXT_PIECE;
}

static inline enum next walk_ip4(struct walk *w)
{
    if (w->n < 20 || w->p[0] >> 4 != 4)
        return NEXT_UNPARSED;
    const uint8_t *ip = w->p;
    uint32_t header = (ip[0] & 15) * 4u, total = be16(ip + 2);
    if (total)
        limit(w, total);
    if (header < 20 || header > w->n)
        return NEXT_UNPARSED;
    w->ip = ip;
    w->v6 = false;
    skip(w, header);
    if (be16(ip + 6) & 0x3fff) /* more fragments, or an offset */
        return piece_of(w, ip, ip[9]);
    return next_of_protocol(w, ip[9]);
}

/* A payload length of 0 is that of a jumbogram (RFC 2675) or of segmentation offload. */
static enum next walk_ip6(struct walk *w)
{
    if (w->n < 40 || w->p[0] >> 4 != 6)
        return NEXT_UNPARSED;
    const uint8_t *ip = w->p;
    uint32_t payload = be16(ip + 4);
    w->ip = ip;
    w->v6 = true;
    skip(w, 40);
    if (payload)
        limit(w, payload);
    return next_of_protocol(w, ip[6]);
}

static enum next walk_ip(struct walk *w)
{
    if (!w->n)
        return NEXT_UNPARSED;
    return w->p[0] >> 4 == 4 ? NEXT_IP4 : NEXT_IP6;
}

/* Hop-by-hop, routing and destination options (unit of 8 bytes), or AH (unit of 4): next header, length. */
static enum next walk_extension(struct walk *w, uint32_t unit)
{
    if (w->n < 8)
        return NEXT_UNPARSED;
    uint32_t length = unit == 8 ? (w->p[1] + 1u) * 8 : (w->p[1] + 2u) * 4;
    if (length > w->n)
        return NEXT_UNPARSED;
    uint8_t protocol = w->p[0];
    skip(w, length);
    return next_of_protocol(w, protocol);
}

/* RFC 6946: a fragment that is the whole is read like any packet. */
static enum next walk_fragment(struct walk *w)
{
    if (w->n < 8)
        return NEXT_UNPARSED;
    const uint8_t *header = w->p;
    skip(w, 8);
    if (be16(header + 2) & 0xfff9 && w->ip && w->v6)
        return piece_of(w, header, header[0]);
    return be16(header + 2) & 0xfff9 ? NEXT_UNPARSED : next_of_protocol(w, header[0]);
}

/* Between two clients, and a client and a relay, Teredo is on any ports (RFC 4380 section 5): an IPv6 packet as long as
 * the datagram says, with an address of Teredo's prefix. */
static bool looks_like_teredo(const struct walk *w)
{
    static const uint32_t prefix = 0x20010000;
    return w->n >= 40 && w->p[0] >> 4 == 6 && be16(w->p + 4) + 40u == w->wire &&
           (be32(w->p + 8) == prefix || be32(w->p + 24) == prefix);
}

/* A long header of a version that is in use, on any port; on HTTP's a short one, too, by its fixed bit (RFC 9000
 * section 17, RFC 9369; drafts; Google's before it). */
static bool looks_like_quic(uint16_t from, uint16_t to, const uint8_t *p, uint32_t n)
{
    if (n < 5 || !(p[0] & 0x40))
        return false;
    uint32_t version = be32(p + 1);
    bool known = version == 1 || version == 0x6b3343cf || version >> 8 == 0xff0000 || version >> 16 == 0x5130;
    return p[0] & 0x80 ? known : from == 443 || to == 443;
}

static enum next walk_udp(struct walk *w, const struct packet_options *o)
{
    if (w->n < 8)
        return NEXT_UNPARSED;
    uint16_t from = be16(w->p), port = be16(w->p + 2);
    skip(w, 8);
    for (unsigned i = 0; i < o->n_vxlan_ports; i++)
        if (o->vxlan_ports[i] == port)
            return NEXT_VXLAN;
    switch (port) {
    case 1701:
        return NEXT_L2TP;
    case 2152:
        return NEXT_GTP;
    case 3544:
        return NEXT_TEREDO;
    case 4790:
        return NEXT_VXLAN_GPE;
    case 6081:
        return NEXT_GENEVE;
    case 37008:
        return NEXT_TZSP;
    default:
        break;
    }
    enum next at = from == 3544 ? NEXT_TEREDO : from == 2152 ? NEXT_GTP : from == 1701 ? NEXT_L2TP : NEXT_OTHER;
    if (at == NEXT_OTHER && looks_like_teredo(w))
        at = NEXT_TEREDO;
    if (at != NEXT_OTHER)
        return at;
    w->udp = true;
    w->quic = looks_like_quic(from, port, w->p, w->n);
    if (o->tally)
        tally_udp(o->tally, port, w->p, w->n);
    return memcachedudp_possible(w->p, w->n) ? NEXT_DATAGRAM : NEXT_OTHER;
}

/* RFC 7348 section 5. Without the I flag it is something else on that port. */
static enum next walk_vxlan(struct walk *w)
{
    if (w->n < 8)
        return NEXT_UNPARSED;
    if (!(w->p[0] & 8))
        return NEXT_OTHER;
    w->kinds |= 1u << ENCAP_VXLAN;
    w->scope = scope_mix(w->scope, ENCAP_VXLAN, be32(w->p + 4) >> 8);
    skip(w, 8);
    return NEXT_ETHERNET;
}

static inline void read_timestamps(const uint8_t *p, struct segment *out)
{
    out->tsval = be32(p);
    out->tsecr = be32(p + 4);
}

static inline void begin_options(struct segment *out)
{
    out->mss = 0;
    out->wscale = 0xff;
}

/* Looks for the time stamps among n bytes of options, of a SYN for the greatest segment and the window's scale, too
 * (RFC 9293 section 3.1, RFC 7323 sections 2.2 and 3.2). */
static void read_options(const uint8_t *p, uint32_t n, struct segment *out)
{
    for (uint32_t at = 0; at < n && p[at] != 0;) {
        if (p[at] == 1) {
            at++;
            continue;
        }
        if (n - at < 2 || p[at + 1] < 2 || p[at + 1] > n - at)
            return;
        if (p[at] == 8 && p[at + 1] == 10) {
            read_timestamps(p + at + 2, out);
            if (!(out->flags & TCP_SYN))
                return;
        }
        if (p[at] == 2 && p[at + 1] == 4)
            out->mss = be16(p + at + 2);
        if (p[at] == 3 && p[at + 1] == 3)
            out->wscale = p[at + 2];
        at += p[at + 1];
    }
}

/* Of the IP header, and the ports at p. */
static void read_ends(const struct walk *w, const uint8_t *p, struct segment *out)
{
    uint16_t from = be16(p), to = be16(p + 2);
    out->v6 = w->v6;
    if (w->v6) {
        out->ip_id = 0;
        out->dir = segment_dir(w->ip + 8, w->ip + 24, from, to);
        memcpy(out->ends.ip[out->dir], w->ip + 8, 16);
        memcpy(out->ends.ip[1 - out->dir], w->ip + 24, 16);
    } else {
        out->ip_id = be16(w->ip + 4);
        out->dir = segment_dir4(segment_end4(w->ip + 12, p), segment_end4(w->ip + 16, p + 2));
        segment_v4(out->ends.ip[out->dir], w->ip + 12);
        segment_v4(out->ends.ip[1 - out->dir], w->ip + 16);
    }
    out->ends.port[out->dir] = from;
    out->ends.port[1 - out->dir] = to;
    out->ends.scope = w->scope;
}

static inline enum packet_result read_tcp(const struct walk *w, struct segment *out)
{
    const uint8_t *p = w->p;
    if (w->n < 20)
        return PACKET_UNPARSED;
    uint32_t header = (uint32_t)(p[12] >> 4) * 4;
    if (header < 20 || header > w->wire)
        return PACKET_UNPARSED;
    uint32_t captured = header < w->n ? header : w->n;
    out->seq = be32(p + 4);
    out->ack = be32(p + 8);
    out->flags = p[13] & 0x3f;
    out->window = be16(p + 14);
    out->checksum = captured >= 18 ? be16(p + 16) : 0;
    out->payload = p + captured;
    out->n = w->n - captured;
    out->wire_n = w->wire - header;
    out->tsval = out->tsecr = 0;
    if (out->flags & TCP_SYN)
        begin_options(out);
    if (captured == 32 && be32(p + 20) == 0x0101080a) /* how every stack pads them */
        read_timestamps(p + 24, out);
    else if (captured > 20)
        read_options(p + 20, captured - 20, out);
    read_ends(w, p, out);
    return PACKET_TCP;
}

/* Behind the header of UDP. */
static __attribute__((noinline)) enum packet_result read_datagram(const struct walk *w, struct segment *out)
{
    const uint8_t *p = w->p - 8;
    int64_t ts = out->ts;
    *out = (struct segment){.ts = ts, .payload = w->p, .n = w->n, .wire_n = w->wire, .checksum = be16(p + 6)};
    read_ends(w, p, out);
    return PACKET_UDP;
}

static inline enum next walk_step(struct walk *w, enum next at, const struct packet_options *o)
{
    switch (at) {
    case NEXT_ETHERNET:
        return walk_ethernet(w);
    case NEXT_SLL:
        return walk_sll(w);
    case NEXT_SLL2:
        return walk_sll2(w);
    case NEXT_NULL:
        return walk_null(w);
    case NEXT_LLC:
        return walk_llc(w);
    case NEXT_TAG:
        return walk_tag(w);
    case NEXT_IP:
        return walk_ip(w);
    case NEXT_IP4:
        return walk_ip4(w);
    case NEXT_IP6:
        return walk_ip6(w);
    case NEXT_EXTENSION:
        return walk_extension(w, 8);
    case NEXT_FRAGMENT:
        return walk_fragment(w);
    case NEXT_AH:
        return walk_extension(w, 4);
    case NEXT_UDP:
        return walk_udp(w, o);
    case NEXT_VXLAN:
        return walk_vxlan(w);
    case NEXT_TCP:
    case NEXT_DATAGRAM:
    case NEXT_PIECE:
    case NEXT_OTHER:
    case NEXT_UNPARSED:
        return NEXT_UNPARSED;
    default:
        return walk_tunnel(w, at);
    }
}

static void count_kinds(uint32_t kinds, struct capture_stats *stats)
{
    for (unsigned i = 0; i < ENCAP_COUNT; i++)
        stats->encapsulations[i] += kinds >> i & 1;
}

/* `cut`: the capture does not have all of the packet. */
static void note_unparsed(const struct walk *w, bool cut, struct capture_stats *stats)
{
    stats->unparsed_packets++;
    stats->unparsed_by[w->why == UNPARSED_MALFORMED && cut ? UNPARSED_CUT : w->why]++;
}

struct packet_options packet_options_default(void)
{
    return (struct packet_options){.vxlan_ports = {4789, 8472}, .n_vxlan_ports = 2};
}

static void read_piece(const struct walk *w, struct piece *out)
{
    const uint8_t *p = w->fragment;
    uint16_t where = w->v6 ? be16(p + 2) : be16(p + 6);
    *out = (struct piece){.ip = w->ip,
                          .p = w->p,
                          .n = w->n,
                          .wire_n = w->wire,
                          .offset = w->v6 ? where & 0xfff8u : (where & 0x1fffu) * 8,
                          .id = w->v6 ? be32(p + 4) : be16(p + 4),
                          .scope = w->scope,
                          .protocol = w->v6 ? p[0] : p[9],
                          .v6 = w->v6,
                          .last = w->v6 ? !(where & 1) : !(where & 0x2000)};
}

static enum packet_result walk_on(struct walk *w, enum next at, const struct packet_options *o,
                                  struct capture_stats *stats, struct segment *out, struct piece *piece)
{
    for (unsigned depth = 0; at < NEXT_TCP; depth++)
        at = depth < PACKET_DEPTH_MAX ? walk_step(w, at, o) : walk_unknown(w, UNPARSED_DEPTH);
    if (w->kinds)
        count_kinds(w->kinds, stats);
    if (at == NEXT_TCP)
        return read_tcp(w, out);
    stats->udp_packets += w->udp;
    stats->quic_packets += w->quic;
    if (at == NEXT_DATAGRAM)
        return read_datagram(w, out);
    if (at == NEXT_PIECE) {
        read_piece(w, piece);
        return PACKET_FRAGMENT;
    }
    return at == NEXT_OTHER ? PACKET_OTHER : PACKET_UNPARSED;
}

enum packet_result packet_resume(const struct whole *g, const struct packet_options *o, struct capture_stats *stats,
                                 struct segment *out, struct piece *piece)
{
    struct walk w = {.p = g->p, .n = g->n, .wire = g->wire_n, .scope = g->scope, .ip = g->ip, .v6 = g->v6};
    enum next at = next_of_protocol(&w, g->protocol);
    out->ts = g->ts;
    enum packet_result r = walk_on(&w, at, o, stats, out, piece);
    if (r == PACKET_FRAGMENT)
        piece->ts = g->ts;
    if (r == PACKET_UNPARSED)
        note_unparsed(&w, g->n < g->wire_n, stats);
    return r;
}

enum packet_result packet_decode(const struct frame *f, const struct packet_options *o, struct capture_stats *stats,
                                 struct segment *out, struct piece *piece)
{
    struct walk w = {.p = f->data, .n = f->n, .wire = f->wire_n > f->n ? f->wire_n : f->n};
    out->ts = f->ts;
    enum packet_result r = walk_on(&w, next_of_link(f->link), o, stats, out, piece);
    if (r == PACKET_FRAGMENT)
        piece->ts = f->ts;
    if (r == PACKET_UNPARSED) {
        if (next_of_link(f->link) == NEXT_UNPARSED)
            w.why = UNPARSED_LINK;
        note_unparsed(&w, f->n < f->wire_n, stats);
    }
    return r;
}
