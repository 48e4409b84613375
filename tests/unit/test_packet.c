/* packet: every encapsulation, every length rule, and every header cut at every byte, ending at a guard page. */
#include "capture/packet.h"
#include "capture/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROOM = 512 * 1024 };

static struct piece piece;
static uint8_t *guard; /* the first byte that must not be read */

static int guard_setup(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p = mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + ROOM, page, PROT_NONE))
        return -1;
    guard = p + ROOM;
    return 0;
}

/* A frame under construction. */
struct made {
    uint8_t b[4096];
    uint32_t n;
};

static void put(struct made *m, const char *hex)
{
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        m->b[m->n++] = (uint8_t)(ascii_hex(hex[0]) << 4 | ascii_hex(hex[1]));
        hex++;
    }
}

static void put16(struct made *m, uint32_t at, uint32_t v)
{
    m->b[at] = (uint8_t)(v >> 8);
    m->b[at + 1] = (uint8_t)v;
}

#define MACS "020000000001 020000000002"
#define TCP_FIXED "9c40 0050 01020304 05060708 5018 2000 0000 0000"
#define TCP_STAMPED "9c40 0050 01020304 05060708 8018 2000 0000 0000 0101080a 11223344 55667788"
#define DATA "474554202f20485454502f312e310d0a"
enum { DATA_N = 16 };

static void put_ip4(struct made *m, const char *protocol, uint32_t payload)
{
    uint32_t at = m->n;
    put(m, "4500 0000 0001 4000 40");
    put(m, protocol);
    put(m, "0000 0a000001 0a000002");
    put16(m, at + 2, 20 + payload);
}

static void put_ip6(struct made *m, const char *protocol, uint32_t payload)
{
    uint32_t at = m->n;
    put(m, "60000000 0000");
    put(m, protocol);
    put(m, "40 20010db8000000000000000000000001 20010db8000000000000000000000002");
    put16(m, at + 4, payload);
}

static void put_tcp4(struct made *m)
{
    put_ip4(m, "06", 20 + DATA_N);
    put(m, TCP_FIXED DATA);
}

static void put_vxlan(struct made *m, const char *port, const char *vni)
{
    put_ip4(m, "11", 8 + 8 + 14 + 40 + DATA_N);
    put(m, "c000");
    put(m, port);
    put(m, "0000 0000 08000000");
    put(m, vni);
    put(m, "00");
}

/* The short way is the long one's where it is taken at all. Returns whether it is. */
static bool expect_plain(const struct frame *f, enum packet_result r, const struct segment *s)
{
    const struct hash_key key = {1, 2, 3};
    struct segment plain;
    memset(&plain, 0xee, sizeof plain);
    if (!plain_segment(f, &key, &plain))
        return false;
    plain_ends(f, &plain);
    assert_int_equal(r, PACKET_TCP);
    assert_int_equal(s->flags & TCP_SYN, 0);
    assert_int_equal(plain.ts, s->ts);
    assert_int_equal(plain.seq, s->seq);
    assert_int_equal(plain.ack, s->ack);
    assert_int_equal(plain.tsval, s->tsval);
    assert_int_equal(plain.tsecr, s->tsecr);
    assert_ptr_equal(plain.payload, s->payload);
    assert_int_equal(plain.n, s->n);
    assert_int_equal(plain.wire_n, s->wire_n);
    assert_int_equal(plain.window, s->window);
    assert_int_equal(plain.checksum, s->checksum);
    assert_int_equal(plain.ip_id, s->ip_id);
    assert_int_equal(plain.flags, s->flags);
    assert_int_equal(plain.v6, s->v6);
    assert_int_equal(plain.dir, s->dir);
    assert_memory_equal(&plain.ends, &s->ends, sizeof s->ends);
    return true;
}

/* Decodes n bytes of p, placed to end at the guard page. */
static enum packet_result decode_cut(const struct made *m, uint32_t n, uint16_t link, struct capture_stats *stats,
                                     struct segment *out)
{
    struct packet_options o = packet_options_default();
    struct frame f = {.ts = 1234567, .data = guard - n, .n = n, .wire_n = m->n, .link = link};
    memcpy(guard - n, m->b, n);
    enum packet_result r = packet_decode(&f, &o, stats, out, &piece);
    expect_plain(&f, r, out);
    return r;
}

static enum packet_result decode(const struct made *m, uint16_t link, struct capture_stats *stats, struct segment *out)
{
    *stats = (struct capture_stats){0};
    memset(out, 0xee, sizeof *out);
    return decode_cut(m, m->n, link, stats, out);
}

static void expect_segment(const struct segment *s, bool v6)
{
    static const uint8_t src4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1};
    static const uint8_t dst6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 2};
    assert_int_equal(s->ts, 1234567);
    assert_int_equal(s->ends.port[s->dir], 40000);
    assert_int_equal(s->ends.port[1 - s->dir], 80);
    assert_int_equal(s->seq, 0x01020304);
    assert_int_equal(s->ack, 0x05060708);
    assert_int_equal(s->flags, TCP_ACK | TCP_PSH);
    assert_int_equal(s->window, 0x2000);
    assert_int_equal(s->n, DATA_N);
    assert_int_equal(s->wire_n, DATA_N);
    assert_memory_equal(s->payload, "GET / HTTP/1.1\r\n", DATA_N);
    assert_int_equal(s->v6, v6);
    if (v6)
        assert_memory_equal(s->ends.ip[1 - s->dir], dst6, 16);
    else
        assert_memory_equal(s->ends.ip[s->dir], src4, 16);
}

/* One shape of frame around the same segment. */
struct shape {
    const char *name, *front;
    uint16_t link;
    bool v6;
    const char *extensions; /* IPv6 extension headers; the first names the protocol of the fixed header */
    uint32_t vlan, qinq;
};

static const struct shape shapes[] = {
    {"ethernet", MACS "0800", 1, false, NULL, 0, 0},
    {"ethernet v6", MACS "86dd", 1, true, NULL, 0, 0},
    {"vlan", MACS "8100 0007 0800", 1, false, NULL, 1, 0},
    {"vlan v6", MACS "8100 0007 86dd", 1, true, NULL, 1, 0},
    {"priority tag", MACS "8100 e000 0800", 1, false, NULL, 1, 0},
    {"802.1ad", MACS "88a8 0064 8100 0007 0800", 1, false, NULL, 1, 1},
    {"stacked 802.1Q", MACS "8100 0064 8100 0007 0800", 1, false, NULL, 1, 1},
    {"0x9100", MACS "9100 0064 8100 0007 0800", 1, false, NULL, 1, 1},
    {"three tags", MACS "88a8 0064 8100 0007 8100 0008 86dd", 1, true, NULL, 1, 1},
    {"snap", MACS "0050 aaaa03 000000 0800", 1, false, NULL, 0, 0},
    {"sll", "0000 0001 0006 020000000001 0000 0800", 113, false, NULL, 0, 0},
    {"sll vlan", "0000 0001 0006 020000000001 0000 8100 0007 0800", 113, false, NULL, 1, 0},
    {"sll2", "86dd 0000 00000002 0001 00 06 020000000001 0000", 276, true, NULL, 0, 0},
    {"sll2 vlan", "8100 0000 00000002 0001 00 06 020000000001 0000 0007 0800", 276, false, NULL, 1, 0},
    {"null le", "02000000", 0, false, NULL, 0, 0},
    {"null be", "0000001e", 0, true, NULL, 0, 0},
    {"loop", "00000002", 108, false, NULL, 0, 0},
    {"loop v6", "00000018", 108, true, NULL, 0, 0},
    {"raw 12", "", 12, false, NULL, 0, 0},
    {"raw 14", "", 14, true, NULL, 0, 0},
    {"raw 101", "", 101, false, NULL, 0, 0},
    {"raw 101 v6", "", 101, true, NULL, 0, 0},
    {"ipv4", "", 228, false, NULL, 0, 0},
    {"ipv6", "", 229, true, NULL, 0, 0},
    {"hop-by-hop", "", 229, true, "00 0600000000000000", 0, 0},
    {"long destination options", "", 229, true, "3c 0601 000000000000 0000000000000000", 0, 0},
    {"routing", "", 229, true, "2b 0600000000000000", 0, 0},
    {"atomic fragment", "", 229, true, "2c 0600 0000 00000001", 0, 0},
    {"ah", "", 229, true, "33 0604 0000 00000001 00000001 000000000000000000000000", 0, 0},
    {"four in a row", "", 229, true, "00 2b00000000000000 3c00000000000000 2c00000000000000 0600 0000 00000001", 0, 0},
};

static struct made shape_make(const struct shape *h)
{
    struct made m = {.n = 0};
    put(&m, h->front);
    if (!h->v6) {
        put_tcp4(&m);
        return m;
    }
    struct made e = {.n = 0};
    put(&e, h->extensions ? h->extensions + 2 : "");
    char first[3] = "06";
    if (h->extensions)
        memcpy(first, h->extensions, 2);
    put_ip6(&m, first, e.n + 20 + DATA_N);
    memcpy(m.b + m.n, e.b, e.n);
    m.n += e.n;
    put(&m, TCP_FIXED DATA);
    return m;
}

static void test_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct made m = shape_make(&shapes[i]);
        struct capture_stats stats;
        struct segment s;
        print_message("%s\n", shapes[i].name);
        assert_int_equal(decode(&m, shapes[i].link, &stats, &s), PACKET_TCP);
        expect_segment(&s, shapes[i].v6);
        assert_int_equal(stats.encapsulations[ENCAP_VLAN], shapes[i].vlan);
        assert_int_equal(stats.encapsulations[ENCAP_QINQ], shapes[i].qinq);
        assert_int_equal(s.tsval | s.tsecr, 0);
    }
}

/* Whatever is cut before the payload is unparsed; in the payload the segment tells what is missing. */
static void test_cut_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct made m = shape_make(&shapes[i]);
        for (uint32_t n = 0; n <= m.n; n++) {
            struct capture_stats stats = {0};
            struct segment s;
            enum packet_result r = decode_cut(&m, n, shapes[i].link, &stats, &s);
            /* LLC and SNAP cannot be told apart before they are whole */
            bool snap = strcmp(shapes[i].name, "snap") == 0 && n >= 14 && n < 22;
            enum packet_result want = snap ? PACKET_OTHER : PACKET_UNPARSED;
            assert_int_equal(r, n + DATA_N < m.n ? want : PACKET_TCP);
            if (r != PACKET_TCP)
                continue;
            assert_int_equal(s.wire_n, DATA_N);
            assert_int_equal(s.n, DATA_N - (m.n - n));
        }
    }
}

static void test_scope(void **state)
{
    (void)state;
    static const char *const fronts[] = {
        "8100 0007 0800",           "8100 0008 0800",           "88a8 0007 8100 0008 0800",
        "88a8 0008 8100 0007 0800", "8100 0007 8100 0007 0800", "0800",
    };
    uint32_t scope[6];
    for (size_t i = 0; i < 6; i++) {
        struct made m = {.n = 0};
        struct capture_stats stats;
        struct segment s;
        put(&m, MACS);
        put(&m, fronts[i]);
        put_tcp4(&m);
        assert_int_equal(decode(&m, 1, &stats, &s), PACKET_TCP);
        scope[i] = s.ends.scope;
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(scope[i], scope[j]);
    }
    assert_int_equal(scope[5], 0);
    struct made m = shape_make(&shapes[4]);
    struct capture_stats stats;
    struct segment s;
    assert_int_equal(decode(&m, 1, &stats, &s), PACKET_TCP);
    assert_int_equal(s.ends.scope, 0); /* VLAN id 0 is no VLAN */
}

static void test_vxlan(void **state)
{
    (void)state;
    uint32_t scopes[2];
    for (unsigned i = 0; i < 2; i++) {
        struct made m = {.n = 0};
        struct capture_stats stats;
        struct segment s;
        put(&m, MACS "0800");
        put_vxlan(&m, i ? "2118" : "12b5", i ? "001092" : "000007");
        put(&m, MACS "0800");
        put_tcp4(&m);
        assert_int_equal(decode(&m, 1, &stats, &s), PACKET_TCP);
        expect_segment(&s, false);
        assert_int_equal(stats.encapsulations[ENCAP_VXLAN], 1);
        assert_int_equal(stats.encapsulations[ENCAP_VLAN], 0);
        scopes[i] = s.ends.scope;
        for (uint32_t n = 0; n + DATA_N < m.n; n++)
            assert_int_equal(decode_cut(&m, n, 1, &stats, &s), PACKET_UNPARSED);
    }
    assert_int_not_equal(scopes[0], 0);
    assert_int_not_equal(scopes[0], scopes[1]);
}

/* Twice VXLAN, with VLAN tags outside and inside: each kind counts once. */
static void test_vxlan_nested(void **state)
{
    (void)state;
    struct made m = {.n = 0};
    struct capture_stats stats;
    struct segment s;
    put(&m, MACS "8100 0005 0800");
    uint32_t outer = m.n;
    put_vxlan(&m, "12b5", "000001");
    put(&m, MACS "8100 0006 0800");
    uint32_t inner = m.n;
    put_vxlan(&m, "12b5", "000002");
    put(&m, MACS "0800");
    put_tcp4(&m);
    put16(&m, outer + 2, m.n - outer);
    put16(&m, inner + 2, m.n - inner);
    assert_int_equal(decode(&m, 1, &stats, &s), PACKET_TCP);
    expect_segment(&s, false);
    assert_int_equal(stats.encapsulations[ENCAP_VXLAN], 1);
    assert_int_equal(stats.encapsulations[ENCAP_VLAN], 1);
    assert_int_equal(stats.encapsulations[ENCAP_QINQ], 0);
}

static void test_vxlan_elsewhere(void **state)
{
    (void)state;
    struct made m = {.n = 0};
    struct capture_stats stats = {0};
    struct segment s;
    put(&m, MACS "0800");
    put_vxlan(&m, "2710", "000007");
    put(&m, MACS "0800");
    put_tcp4(&m);
    assert_int_equal(decode(&m, 1, &stats, &s), PACKET_OTHER);
    struct packet_options o = {.vxlan_ports = {10000}, .n_vxlan_ports = 1};
    struct frame f = {.data = m.b, .n = m.n, .wire_n = m.n, .link = 1};
    assert_int_equal(packet_decode(&f, &o, &stats, &s, &piece), PACKET_TCP);
    m.b[42] = 0; /* no I flag */
    assert_int_equal(packet_decode(&f, &o, &stats, &s, &piece), PACKET_OTHER);
}

static void test_bounded(void **state)
{
    (void)state;
    struct made m = {.n = 0};
    struct capture_stats stats;
    struct segment s;
    put(&m, MACS);
    for (unsigned i = 0; i < 500; i++)
        put(&m, "8100 0001");
    put(&m, "0800");
    put_tcp4(&m);
    assert_int_equal(decode(&m, 1, &stats, &s), PACKET_UNPARSED);
    assert_int_equal(stats.encapsulations[ENCAP_VLAN], 1);
}

static void test_ethernet_trailer(void **state)
{
    (void)state;
    struct made m = shape_make(&shapes[0]);
    struct capture_stats stats;
    struct segment s;
    put(&m, "deadbeefdeadbeef");
    assert_int_equal(decode(&m, 1, &stats, &s), PACKET_TCP);
    expect_segment(&s, false);
    m = shape_make(&shapes[1]);
    put(&m, "deadbeef");
    assert_int_equal(decode(&m, 1, &stats, &s), PACKET_TCP);
    expect_segment(&s, true);
}

/* Segmentation offload: no length in the IP header, the frame's counts, and snaplen still cuts. */
static void test_no_ip_length(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct made m = shape_make(&shapes[i]);
        struct capture_stats stats;
        struct segment s;
        put16(&m, i ? 14 + 4 : 14 + 2, 0);
        assert_int_equal(decode(&m, 1, &stats, &s), PACKET_TCP);
        expect_segment(&s, i == 1);
        assert_int_equal(decode_cut(&m, m.n - 3, 1, &stats, &s), PACKET_TCP);
        assert_int_equal(s.n, DATA_N - 3);
        assert_int_equal(s.wire_n, DATA_N);
    }
}

static void test_super_packet(void **state)
{
    (void)state;
    struct made m = shape_make(&shapes[0]);
    struct capture_stats stats = {0};
    struct segment s;
    struct packet_options o = packet_options_default();
    enum { BIG = 262144 };
    put16(&m, 14 + 2, 0);
    memset(guard - BIG, 'x', BIG);
    memcpy(guard - BIG, m.b, m.n);
    struct frame f = {.data = guard - BIG, .n = BIG, .wire_n = BIG, .link = 1};
    assert_int_equal(packet_decode(&f, &o, &stats, &s, &piece), PACKET_TCP);
    assert_int_equal(s.n, BIG - 54);
    assert_int_equal(s.wire_n, BIG - 54);
}

static void test_timestamps(void **state)
{
    (void)state;
    static const char *const options[] = {
        "0101080a 11223344 55667788",
        "080a 11223344 55667788 0101",
        "020405b4 0402 080a 11223344 55667788 01 030307",
        "01080a 11223344 55667788 00",
    };
    for (size_t i = 0; i < 4; i++) {
        struct made m = {.n = 0}, opts = {.n = 0};
        struct capture_stats stats;
        struct segment s;
        put(&opts, options[i]);
        put_ip4(&m, "06", 20 + opts.n);
        put(&m, TCP_FIXED);
        m.b[32] = (uint8_t)((20 + opts.n) / 4 << 4);
        put(&m, options[i]);
        assert_int_equal(decode(&m, 228, &stats, &s), PACKET_TCP);
        assert_int_equal(s.tsval, 0x11223344);
        assert_int_equal(s.tsecr, 0x55667788);
        assert_int_equal(s.n, 0);
        for (uint32_t n = 40; n < m.n; n++) /* cut in the options: a segment all the same */
            assert_int_equal(decode_cut(&m, n, 228, &stats, &s), PACKET_TCP);
    }
}

static uint32_t dice(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* A plain frame with a few octets that are not, of headers above all, cut anywhere or with a trailer. */
static void test_plain(void **state)
{
    (void)state;
    static const char *const tcp[] = {TCP_FIXED, TCP_STAMPED};
    static const uint8_t odd[] = {0, 1, 2, 4, 5, 6, 8, 0x10, 0x40, 0x45, 0x46, 0x50, 0x80, 0xff};
    uint32_t seed = 1;
    unsigned taken = 0;
    for (unsigned i = 0; i < 200000; i++) {
        struct made m = {.n = 0};
        struct capture_stats stats = {0};
        struct packet_options o = packet_options_default();
        struct segment s;
        unsigned stamped = dice(&seed) % 2;
        memset(&s, 0xee, sizeof s);
        put(&m, MACS "0800");
        put_ip4(&m, "06", (stamped ? 32 : 20) + DATA_N);
        put(&m, tcp[stamped]);
        put(&m, DATA);
        for (unsigned k = dice(&seed) % 4; k; k--) {
            uint32_t at = 12 + dice(&seed) % 56;
            m.b[at] = dice(&seed) % 2 ? odd[dice(&seed) % sizeof odd] : (uint8_t)(m.b[at] ^ 1u << dice(&seed) % 8);
        }
        uint32_t n = dice(&seed) % 4 ? m.n : dice(&seed) % (m.n + 1), wire = dice(&seed) % 8 ? m.n : dice(&seed) % 100;
        memcpy(guard - n, m.b, n);
        struct frame f = {.ts = i, .data = guard - n, .n = n, .wire_n = wire, .link = dice(&seed) % 16 ? 1 : 101};
        taken += expect_plain(&f, packet_decode(&f, &o, &stats, &s, &piece), &s);
    }
    assert_in_range(taken, 50000, 150000);
}

/* Options that lie about their length end the search. */
static void test_bad_options(void **state)
{
    (void)state;
    static const char *const options[] = {"08ff 0000", "0800 0000", "0801 0000", "01010108", "0000080a", "fefefefe"};
    for (size_t i = 0; i < 6; i++) {
        struct made m = {.n = 0};
        struct capture_stats stats;
        struct segment s;
        put_ip4(&m, "06", 24);
        put(&m, TCP_FIXED);
        m.b[32] = 0x60;
        put(&m, options[i]);
        assert_int_equal(decode(&m, 228, &stats, &s), PACKET_TCP);
        assert_int_equal(s.tsval | s.tsecr, 0);
    }
}

/* Patches one byte of a good frame and demands a result. */
static void expect_patched(size_t shape, uint32_t at, uint8_t value, enum packet_result want)
{
    struct made m = shape_make(&shapes[shape]);
    struct capture_stats stats;
    struct segment s;
    m.b[at] = value;
    assert_int_equal(decode(&m, shapes[shape].link, &stats, &s), want);
}

static void test_refusals(void **state)
{
    (void)state;
    expect_patched(0, 14, 0x44, PACKET_UNPARSED);           /* IP header of 16 bytes */
    expect_patched(0, 14, 0x65, PACKET_UNPARSED);           /* version 6 under an IPv4 EtherType */
    expect_patched(0, 14, 0x4f, PACKET_UNPARSED);           /* its options would eat the TCP header */
    expect_patched(0, 17, 19, PACKET_UNPARSED);             /* shorter than its own header */
    expect_patched(0, 17, 39, PACKET_UNPARSED);             /* ends inside the TCP header */
    expect_patched(0, 20, 0x20, PACKET_FRAGMENT);           /* more fragments */
    expect_patched(0, 21, 1, PACKET_FRAGMENT);              /* offset */
    expect_patched(0, 20, 0x80, PACKET_TCP);                /* the reserved bit is no fragment */
    expect_patched(0, 14 + 20 + 12, 0x40, PACKET_UNPARSED); /* TCP header of 16 bytes */
    expect_patched(0, 14 + 20 + 12, 0xf0, PACKET_UNPARSED); /* TCP header longer than the packet */
    expect_patched(0, 23, 1, PACKET_OTHER);                 /* ICMP */
    expect_patched(0, 23, 17, PACKET_OTHER);                /* UDP to port 80 */
    expect_patched(0, 23, 50, PACKET_UNPARSED);             /* ESP */
    expect_patched(0, 13, 6, PACKET_OTHER);                 /* ARP */
    expect_patched(0, 12, 0x88, PACKET_OTHER);              /* some EtherType */
    expect_patched(1, 20, 59, PACKET_OTHER);                /* no next header */
    expect_patched(1, 14, 0x45, PACKET_UNPARSED);           /* version 4 under an IPv6 EtherType */
    expect_patched(24, 41, 255, PACKET_UNPARSED);           /* hop-by-hop options longer than the packet */
    expect_patched(27, 43, 1, PACKET_FRAGMENT);             /* IPv6 fragment with more to come */
    expect_patched(18, 0, 0x35, PACKET_UNPARSED);           /* raw IP of version 3 */
    expect_patched(14, 0, 7, PACKET_OTHER);                 /* NULL with another family */
}

static void test_unknown_link(void **state)
{
    (void)state;
    struct made m = shape_make(&shapes[0]);
    struct capture_stats stats;
    struct segment s;
    assert_int_equal(decode(&m, 147, &stats, &s), PACKET_UNPARSED);
    assert_int_equal(decode(&m, 0xffff, &stats, &s), PACKET_UNPARSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),       cmocka_unit_test(test_cut_everywhere),
        cmocka_unit_test(test_scope),        cmocka_unit_test(test_vxlan),
        cmocka_unit_test(test_vxlan_nested), cmocka_unit_test(test_vxlan_elsewhere),
        cmocka_unit_test(test_bounded),      cmocka_unit_test(test_ethernet_trailer),
        cmocka_unit_test(test_no_ip_length), cmocka_unit_test(test_super_packet),
        cmocka_unit_test(test_timestamps),   cmocka_unit_test(test_plain),
        cmocka_unit_test(test_bad_options),  cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unknown_link),
    };
    return cmocka_run_group_tests(tests, guard_setup, NULL);
}
