/* savefile: walks records and blocks. Every length is checked before it is used; what cannot be is damage, told with
 * the offset of the record that holds it. */
#include "capture/savefile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prefetch.h"

enum {
    PCAP_US = 0xa1b2c3d4,
    PCAP_NS = 0xa1b23c4d,
    PCAP_MODIFIED = 0xa1b2cd34, /* of Kuznetzov's patch: records have 8 bytes more */
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_OLD_PACKET = 2,
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6,
    BLOCK_SECRETS = 10,
    SECRETS_TLS_KEY_LOG = 0x544c534b,
    OPTION_END = 0,
    OPTION_TSRESOL = 9,
    OPTION_TSOFFSET = 14,
    OPTION_IFDROP = 5, /* of statistics */
    OPTION_OSDROP = 7,
    DESCRIPTION_MAX = STREAM_WINDOW / 2, /* bytes of one interface's description or statistics */
    INTERFACES_MAX = 65536,
    AHEAD_MOST = 4096, /* bytes of frames read at once, of small ones; large ones have few headers in many lines */
};

static const int64_t SECONDS_MAX = INT64_C(1) << 40; /* keeps microseconds within 63 bits */

static inline uint16_t get16(const struct savefile *s, const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return s->swap ? __builtin_bswap16(v) : v;
}

static inline uint32_t read32(bool swap, const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return swap ? __builtin_bswap32(v) : v;
}

static inline uint32_t get32(const struct savefile *s, const uint8_t *p)
{
    return read32(s->swap, p);
}

static inline uint64_t get64(const struct savefile *s, const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return s->swap ? __builtin_bswap64(v) : v;
}

/* Ends the file. The offset is that of the record; of compressed files, in what they expand to. */
__attribute__((format(printf, 3, 4))) static enum savefile_result damaged(struct savefile *s, uint64_t offset,
                                                                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(s->fault, sizeof s->fault, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof s->fault)
        snprintf(s->fault + n, sizeof s->fault - (size_t)n, " at byte %llu%s", (unsigned long long)offset,
                 s->in.codec == STREAM_PLAIN ? "" : " of the expanded data");
    return SAVEFILE_DAMAGED;
}

/* The stream ended in the middle of something. */
static enum savefile_result cut(struct savefile *s, uint64_t offset, const char *what)
{
    if (s->in.fault[0])
        return damaged(s, offset, "%s, in the %s", s->in.fault, what);
    return damaged(s, offset, "cut in the %s", what);
}

/* Nothing more stands in the window: a clean end, or one with a reason. */
static enum savefile_result end(struct savefile *s, const char *what)
{
    if (stream_left(&s->in) || s->in.fault[0])
        return cut(s, stream_offset(&s->in), what);
    return SAVEFILE_END;
}

/* LINKTYPE is the low 16 bits; above stands the length of a frame check sequence. */
static uint16_t link_of(uint32_t v)
{
    v &= 0x03ffffff;
    return v > 0xffff ? 0xffff : (uint16_t)v;
}

/* ---- times ---- */

static inline int64_t record_time(const struct savefile *s, const uint8_t *p)
{
    uint32_t part = get32(s, p + 4);
    return (int64_t)get32(s, p) * 1000000 + (s->nano ? part / 1000 : part);
}

/* Microseconds since the epoch, rounded down. */
static inline int64_t time_of(const struct savefile_interface *i, uint64_t ticks)
{
    if (!i->unit)
        return i->offset * 1000000;
    uint64_t seconds = ticks / i->unit, rest = ticks % i->unit;
    if (seconds > (uint64_t)SECONDS_MAX)
        seconds = (uint64_t)SECONDS_MAX;
    uint64_t us = i->unit == 1000000      ? rest
                  : i->unit == 1000000000 ? rest / 1000
                                          : (uint64_t)((unsigned __int128)rest * 1000000 / i->unit);
    return ((int64_t)seconds + i->offset) * 1000000 + (int64_t)us;
}

/* What the fixed part of a packet block says. */
struct packet_block {
    uint32_t interface, captured, wire;
    int64_t ts;
};

static inline bool timed_packet(const struct savefile *s, const uint8_t *p, uint32_t interface, struct packet_block *b)
{
    if (interface >= s->n_interfaces)
        return false;
    *b = (struct packet_block){.interface = interface, .captured = get32(s, p + 20), .wire = get32(s, p + 24)};
    b->ts = time_of(&s->interfaces[interface], (uint64_t)get32(s, p + 12) << 32 | get32(s, p + 16));
    return true;
}

static inline bool is_far(int64_t a, int64_t b)
{
    return (uint64_t)(a - b + SAVEFILE_ASTRAY_US) > 2 * (uint64_t)SAVEFILE_ASTRAY_US;
}

static inline bool in_doubt(const struct savefile_clock *c, int64_t ts)
{
    return !c->began || is_far(ts, c->last);
}

static void pass(struct savefile_clock *c, int64_t ts)
{
    *c = (struct savefile_clock){ts, true};
}

/* The next n bytes, but that a pipe is not waited for. */
static const uint8_t *glance(struct savefile *s, size_t n)
{
    return n <= STREAM_WINDOW && (s->in.regular || stream_left(&s->in) >= n) ? stream_peek(&s->in, n) : NULL;
}

/* Time of the frame whose record or block begins *at bytes on, and in *at where the next one does. False: it is not
 * there, or of another interface, which may have another clock. */
static bool time_behind(struct savefile *s, size_t *at, uint32_t interface, int64_t *ts)
{
    size_t head = s->pcapng ? 28 : s->record_head;
    const uint8_t *p = glance(s, *at + head);
    struct packet_block b;
    if (!p)
        return false;
    p += *at;
    *at += s->pcapng ? get32(s, p + 4) : head + get32(s, p + 8);
    if (s->pcapng &&
        (get32(s, p) != BLOCK_PACKET || !timed_packet(s, p, get32(s, p + 8), &b) || b.interface != interface))
        return false;
    *ts = s->pcapng ? b.ts : record_time(s, p);
    return true;
}

/* The time that a frame gets whose own is in doubt; `at`: bytes from here to the next. A time that neither neighbour
 * shares is damage: a single one years ahead would end all that is under way and stretch what rates are of. The first
 * one is held against the two behind it. */
static int64_t settled(struct savefile *s, const struct savefile_clock *c, int64_t ts, size_t at, uint32_t interface)
{
    int64_t behind, third;
    if (!time_behind(s, &at, interface, &behind) || !is_far(ts, behind))
        return ts;
    bool astray = c->began ? !is_far(behind, c->last)
                           : ts > behind && time_behind(s, &at, interface, &third) && !is_far(behind, third);
    s->mistimed += astray;
    return !astray ? ts : c->began ? c->last : behind;
}

/* ---- pcap ---- */

/* Version 2.3 and before: which of the two lengths comes first depends on who wrote it. */
static void order_lengths(const struct savefile *s, uint32_t *captured, uint32_t *wire)
{
    if (s->minor < 4 && *captured > *wire) {
        uint32_t other = *captured;
        *captured = *wire;
        *wire = other;
    }
}

/* Zeroes are what a crash leaves at the end of a file, not a frame. */
static bool blank(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static inline enum savefile_result next_pcap(struct savefile *s, struct frame *f)
{
    const uint8_t *p = stream_peek(&s->in, s->record_head);
    if (__builtin_expect(!p, 0))
        return end(s, "header of a record");
    uint32_t captured = get32(s, p + 8), wire = get32(s, p + 12);
    int64_t ts = record_time(s, p);
    if (__builtin_expect(captured > wire, 0))
        order_lengths(s, &captured, &wire);
    if (__builtin_expect(captured > SAVEFILE_FRAME_MAX, 0))
        return damaged(s, stream_offset(&s->in), "a record of %u bytes", captured);
    if (__builtin_expect(!captured, 0) && blank(p, 16))
        return damaged(s, stream_offset(&s->in), "nothing but zeroes");
    if (__builtin_expect(in_doubt(&s->clock, ts), 0))
        ts = settled(s, &s->clock, ts, s->record_head + (size_t)captured, 0);
    *f = (struct frame){.ts = ts, .n = captured, .wire_n = captured > wire ? captured : wire, .link = s->link};
    p = stream_peek(&s->in, s->record_head + (size_t)captured);
    if (__builtin_expect(!p, 0))
        return cut(s, stream_offset(&s->in), "record");
    f->data = p + s->record_head;
    s->in.at += s->record_head + captured;
    pass(&s->clock, ts);
    return SAVEFILE_FRAME;
}

/* ---- pcapng ---- */

static int64_t clamp_seconds(int64_t v)
{
    return v > SECONDS_MAX ? SECONDS_MAX : v < -SECONDS_MAX ? -SECONDS_MAX : v;
}

/* if_tsresol: a negative power of 10, or of 2 when the top bit is set. */
static uint64_t unit_of(uint8_t resolution)
{
    uint8_t power = resolution & 127;
    if (resolution & 128)
        return power < 64 ? UINT64_C(1) << power : 0;
    if (power > 19)
        return 0;
    uint64_t unit = 1;
    while (power--)
        unit *= 10;
    return unit;
}

typedef void option_reader(struct savefile *s, struct savefile_interface *i, uint16_t code, const uint8_t *p,
                           uint16_t n);

static void described(struct savefile *s, struct savefile_interface *i, uint16_t code, const uint8_t *p, uint16_t n)
{
    if (code == OPTION_TSRESOL && n >= 1)
        i->unit = unit_of(p[0]);
    else if (code == OPTION_TSOFFSET && n >= 8)
        i->offset = clamp_seconds((int64_t)get64(s, p));
}

/* Each says how many there were since the interface was opened. */
static void counted(struct savefile *s, struct savefile_interface *i, uint16_t code, const uint8_t *p, uint16_t n)
{
    if ((code != OPTION_OSDROP && code != OPTION_IFDROP) || n != 8)
        return;
    int by = code == OPTION_IFDROP;
    uint64_t now = get64(s, p);
    if (now > UINT64_MAX >> 20) /* some writers say so of what they do not know */
        return;
    s->dropped[by] += now > i->dropped[by] ? now - i->dropped[by] : 0;
    i->dropped[by] = now;
}

/* The options of a block about an interface; what runs over their end is not read. */
static void read_options(struct savefile *s, struct savefile_interface *i, option_reader *read_option, const uint8_t *p,
                         size_t n)
{
    while (n >= 4) {
        uint16_t code = get16(s, p), length = get16(s, p + 2);
        size_t padded = ((size_t)length + 3) & ~(size_t)3;
        if (code == OPTION_END || padded > n - 4)
            return;
        read_option(s, i, code, p + 4, length);
        p += 4 + padded;
        n -= 4 + padded;
    }
}

static bool add_interface(struct savefile *s, struct savefile_interface i)
{
    if (s->n_interfaces == s->cap_interfaces) {
        uint32_t cap = s->cap_interfaces ? s->cap_interfaces * 2 : 8;
        void *grown = cap <= INTERFACES_MAX ? realloc(s->interfaces, cap * sizeof i) : NULL;
        if (!grown)
            return false;
        s->interfaces = grown;
        s->cap_interfaces = cap;
    }
    s->interfaces[s->n_interfaces++] = i;
    return true;
}

/* Interface description block; `length` is that of the whole block. SAVEFILE_END: read, go on. */
static enum savefile_result read_interface(struct savefile *s, uint32_t length)
{
    uint64_t offset = stream_offset(&s->in);
    if (length < 20 || length > DESCRIPTION_MAX)
        return damaged(s, offset, "an interface block of %u bytes", length);
    const uint8_t *p = stream_peek(&s->in, length);
    if (!p)
        return cut(s, offset, "interface block");
    struct savefile_interface i = {.unit = 1000000, .link = link_of(get16(s, p + 8)), .snaplen = get32(s, p + 12)};
    read_options(s, &i, described, p + 16, length - 20);
    if (!add_interface(s, i))
        return damaged(s, offset, "one of more than %u interfaces", s->n_interfaces);
    stream_skip(&s->in, length);
    return SAVEFILE_END;
}

static enum savefile_result skip_block(struct savefile *s, uint32_t length)
{
    uint64_t offset = stream_offset(&s->in);
    return stream_skip(&s->in, length) ? SAVEFILE_END : cut(s, offset, "block");
}

/* Interface statistics block: none is worth the rest of the file. */
static enum savefile_result read_statistics(struct savefile *s, uint32_t length)
{
    const uint8_t *p = length >= 24 && length <= DESCRIPTION_MAX ? stream_peek(&s->in, length) : NULL;
    uint32_t interface = p ? get32(s, p + 8) : 0;
    if (p && interface < s->n_interfaces)
        read_options(s, &s->interfaces[interface], counted, p + 20, length - 24);
    return skip_block(s, length);
}

/* Section header block; its byte order rules until the next. The length of the section is of no use to a reader from
 * front to back. */
static enum savefile_result read_section(struct savefile *s)
{
    uint64_t offset = stream_offset(&s->in);
    const uint8_t *p = stream_peek(&s->in, 28);
    uint32_t magic;
    if (!p)
        return cut(s, offset, "section header");
    memcpy(&magic, p + 8, 4);
    if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
        return damaged(s, offset, "a section without byte order");
    s->swap = magic != BYTE_ORDER_MAGIC;
    uint32_t length = get32(s, p + 4);
    if (length < 28 || length % 4)
        return damaged(s, offset, "a section header of %u bytes", length);
    if (get16(s, p + 12) != 1)
        return damaged(s, offset, "pcapng version %u", get16(s, p + 12));
    s->n_interfaces = 0;
    if (!stream_skip(&s->in, length))
        return cut(s, offset, "section header");
    return SAVEFILE_END;
}

/* Simple packet blocks belong to interface 0 and have no time: they get that of the packet before. */
static bool simple_packet(struct savefile *s, const uint8_t *p, uint32_t length, struct packet_block *b)
{
    if (!s->n_interfaces)
        return false;
    *b = (struct packet_block){.wire = get32(s, p + 8), .captured = length - 16, .ts = s->last_ts};
    if (b->captured > b->wire)
        b->captured = b->wire;
    if (s->interfaces[0].snaplen && b->captured > s->interfaces[0].snaplen)
        b->captured = s->interfaces[0].snaplen;
    return true;
}

static bool packet_head(struct savefile *s, uint32_t type, const uint8_t *p, uint32_t length, struct packet_block *b)
{
    switch (type) {
    case BLOCK_PACKET:
        return timed_packet(s, p, get32(s, p + 8), b);
    case BLOCK_OLD_PACKET:
        return timed_packet(s, p, get16(s, p + 8), b);
    default:
        return simple_packet(s, p, length, b);
    }
}

static inline struct frame frame_of(const struct savefile *s, const struct packet_block *b, const uint8_t *data)
{
    return (struct frame){.ts = b->ts,
                          .data = data,
                          .n = b->captured,
                          .wire_n = b->wire > b->captured ? b->wire : b->captured,
                          .link = s->interfaces[b->interface].link};
}

/* Makes the block of the packet at hand the past. It is taken as a whole if it fits the window, to see whether its two
 * lengths agree; else up to the end of the frame (`used`), and the next call passes over the rest. */
static const uint8_t *take_packet(struct savefile *s, uint32_t used, uint32_t length)
{
    bool whole = length <= STREAM_WINDOW;
    uint64_t offset = stream_offset(&s->in);
    const uint8_t *p = stream_peek(&s->in, whole ? length : used);
    if (!p) {
        cut(s, offset, "packet block");
        return NULL;
    }
    if (whole && get32(s, p + length - 4) != length) {
        damaged(s, offset, "a block of two lengths, %u and %u,", length, get32(s, p + length - 4));
        return NULL;
    }
    s->in.at += whole ? length : used;
    s->rest = whole ? 0 : length - used;
    return p;
}

/* Enhanced, simple and old packet blocks. */
static enum savefile_result read_packet(struct savefile *s, uint32_t type, uint32_t length, struct frame *f)
{
    struct packet_block b;
    uint64_t offset = stream_offset(&s->in);
    uint32_t head = type == BLOCK_SIMPLE_PACKET ? 12 : 28;
    if (length < head + 4)
        return damaged(s, offset, "a packet block of %u bytes", length);
    const uint8_t *p = stream_peek(&s->in, head);
    if (!p)
        return cut(s, offset, "packet block");
    if (!packet_head(s, type, p, length, &b))
        return damaged(s, offset, "a packet of an interface that was not described");
    if (b.captured > SAVEFILE_FRAME_MAX || b.captured > length - head - 4)
        return damaged(s, offset, "a packet of %u bytes in a block of %u", b.captured, length);
    struct savefile_clock *clock = type == BLOCK_SIMPLE_PACKET ? NULL : &s->interfaces[b.interface].clock;
    if (clock && in_doubt(clock, b.ts))
        b.ts = settled(s, clock, b.ts, length, b.interface);
    p = take_packet(s, head + b.captured, length);
    if (!p)
        return SAVEFILE_DAMAGED;
    if (clock)
        pass(clock, b.ts);
    s->last_ts = b.ts;
    *f = frame_of(s, &b, p + head);
    return SAVEFILE_FRAME;
}

/* Secrets of the sessions that follow. One of another kind, or too large for the window, is passed over. */
static enum savefile_result read_secrets(struct savefile *s, uint32_t length)
{
    const uint8_t *p = s->secrets && length >= 24 && length <= STREAM_WINDOW ? stream_peek(&s->in, length) : NULL;
    uint32_t n = p ? get32(s, p + 12) : 0;
    if (p && get32(s, p + 8) == SECRETS_TLS_KEY_LOG && n <= length - 20)
        tls_keys_add(s->secrets, slice_of((const char *)p + 16, n));
    return skip_block(s, length);
}

/* One block. SAVEFILE_END: no packet, go on. */
static inline enum savefile_result next_block(struct savefile *s, const uint8_t *p, struct frame *f)
{
    uint32_t type = get32(s, p), length = get32(s, p + 4);
    if (type == BLOCK_SECTION) /* reads the same in both byte orders; its length may not */
        return read_section(s);
    if (length < 12 || length % 4)
        return damaged(s, stream_offset(&s->in), "a block of %u bytes", length);
    switch (type) {
    case BLOCK_PACKET:
    case BLOCK_SIMPLE_PACKET:
    case BLOCK_OLD_PACKET:
        return read_packet(s, type, length, f);
    case BLOCK_INTERFACE:
        return read_interface(s, length);
    case BLOCK_STATISTICS:
        return read_statistics(s, length);
    case BLOCK_SECRETS:
        return read_secrets(s, length);
    default:
        return skip_block(s, length);
    }
}

static inline enum savefile_result next_pcapng(struct savefile *s, struct frame *f)
{
    if (s->rest) {
        uint64_t offset = stream_offset(&s->in);
        if (!stream_skip(&s->in, s->rest))
            return cut(s, offset, "options of a packet block");
        s->rest = 0;
    }
    for (;;) {
        const uint8_t *p = stream_peek(&s->in, 8);
        if (!p)
            return end(s, "header of a block");
        enum savefile_result r = next_block(s, p, f);
        if (r != SAVEFILE_END)
            return r;
    }
}

enum savefile_result savefile_next(struct savefile *s, struct frame *f)
{
    if (__builtin_expect(s->fault[0], 0))
        return SAVEFILE_DAMAGED;
    return s->pcapng ? next_pcapng(s, f) : next_pcap(s, f);
}

/* ---- frames that stand in the window whole, with which nothing is wrong ---- */

static inline unsigned more_records(struct savefile *s, struct frame *f, unsigned most, int64_t before, bool swap)
{
    enum { HEADERS = 48 }; /* of a frame, in the line that its record's header is not in */
    const uint8_t *p = s->in.window + s->in.at;
    const size_t head = s->record_head, left = stream_left(&s->in);
    const uint8_t *const over = p + (left < SAVEFILE_FRAME_MAX ? left : SAVEFILE_FRAME_MAX);
    const bool nano = s->nano;
    const uint16_t link = s->link;
    const struct frame *const first = f, *const end = f + (s->clock.began ? most : 0);
    int64_t last = s->clock.last;
    for (; f < end && (size_t)(over - p) >= head; f++) {
        uint32_t captured = read32(swap, p + 8), wire = read32(swap, p + 12), part = read32(swap, p + 4);
        int64_t ts = (int64_t)read32(swap, p) * 1000000 + (__builtin_expect(nano, 0) ? part / 1000 : part);
        const uint8_t *data = p + head;
        if (captured - 1 >= wire || captured > (size_t)(over - data) || ts >= before ||
            is_far(ts, last)) /* none captured is most, less one */
            break;
        p = data + captured;
        prefetch((const void *)((uintptr_t)data + HEADERS));
        last = ts;
        f->ts = ts;
        f->data = data;
        f->n = captured;
        f->wire_n = wire;
        f->link = link;
        f->input = 0;
    }
    s->in.at = (size_t)(p - s->in.window);
    s->clock.last = last;
    return (unsigned)(f - first);
}

/* Of enhanced packet blocks alone. */
static unsigned more_blocks(struct savefile *s, struct frame *f, unsigned most, int64_t before)
{
    enum { HEAD = 28, LEAST = HEAD + 4 };
    const uint8_t *p = s->in.window + s->in.at, *over = s->in.window + s->in.end;
    struct packet_block b;
    unsigned n = 0;
    for (; n < most && over - p >= LEAST && get32(s, p) == BLOCK_PACKET; n++) {
        uint32_t length = get32(s, p + 4);
        if (length < LEAST || length % 4 || length > (size_t)(over - p) || get32(s, p + length - 4) != length ||
            !timed_packet(s, p, get32(s, p + 8), &b) || b.captured > SAVEFILE_FRAME_MAX ||
            b.captured > length - LEAST || b.ts >= before || in_doubt(&s->interfaces[b.interface].clock, b.ts))
            break;
        pass(&s->interfaces[b.interface].clock, b.ts);
        f[n] = frame_of(s, &b, p + HEAD);
        s->last_ts = b.ts;
        p += length;
    }
    s->in.at = (size_t)(p - s->in.window);
    return n;
}

unsigned savefile_more(struct savefile *s, struct frame *f, unsigned most, int64_t before)
{
    if (s->fault[0] || s->rest)
        return 0;
    size_t at = s->in.at, left = stream_left(&s->in);
    prefetch_lines(s->in.window + at, s->ahead < left ? s->ahead : left);
    unsigned n = s->pcapng ? more_blocks(s, f, most, before)
                 : s->swap ? more_records(s, f, most, before, true)
                           : more_records(s, f, most, before, false);
    size_t taken = s->in.at - at;
    s->ahead = taken <= AHEAD_MOST ? (uint32_t)taken : 0;
    return n;
}

/* The magic number of a pcap file in this machine's order; sets swap. */
static uint32_t pcap_magic(struct savefile *s, const uint8_t *p)
{
    uint32_t magic;
    memcpy(&magic, p, 4);
    for (unsigned i = 0; i < 2; i++) {
        s->swap = i == 1;
        if (magic == PCAP_US || magic == PCAP_NS || magic == PCAP_MODIFIED)
            return magic;
        magic = __builtin_bswap32(magic);
    }
    return 0;
}

/* The major version has been 2 since 1998 and is not looked at: some writers get its byte order wrong. */
static bool open_pcap(struct savefile *s, uint32_t magic)
{
    const uint8_t *p = stream_peek(&s->in, 24);
    if (!p) {
        cut(s, 0, "file header");
        return false;
    }
    s->nano = magic == PCAP_NS;
    s->record_head = magic == PCAP_MODIFIED ? 24 : 16;
    s->minor = get16(s, p + 6);
    s->link = link_of(get32(s, p + 20));
    return stream_skip(&s->in, 24);
}

static bool open_pcapng(struct savefile *s)
{
    s->pcapng = true;
    return read_section(s) == SAVEFILE_END;
}

static bool read_magic(struct savefile *s)
{
    static const uint8_t section[4] = {0x0a, 0x0d, 0x0d, 0x0a};
    const uint8_t *p = stream_peek(&s->in, 4);
    uint32_t magic = p ? pcap_magic(s, p) : 0;
    if (magic)
        return open_pcap(s, magic);
    if (p && memcmp(p, section, 4) == 0)
        return open_pcapng(s);
    if (s->in.fault[0])
        snprintf(s->fault, sizeof s->fault, "%s", s->in.fault);
    else
        snprintf(s->fault, sizeof s->fault, "%s",
                 p && p[0] == '{'      ? "not a pcap or pcapng file; records go to spanwise capture --records"
                 : stream_left(&s->in) ? "not a pcap or pcapng file"
                                       : "an empty file, no capture");
    return false;
}

bool savefile_open(struct savefile *s, const char *path, const struct stream_wait *wait, struct tls_keys *secrets)
{
    *s = (struct savefile){.secrets = secrets};
    if (!stream_open(&s->in, path, wait)) {
        snprintf(s->fault, sizeof s->fault, "%s", s->in.fault);
        return false;
    }
    if (read_magic(s))
        return true;
    savefile_close(s);
    return false;
}

void savefile_close(struct savefile *s)
{
    stream_close(&s->in);
    free(s->interfaces);
    s->interfaces = NULL;
    s->n_interfaces = s->cap_interfaces = 0;
}
