/* Fuzzes the joining of fragments. Each piece: flags (1: last, 2: IPv6, 4: cut, 24: which packet; 0xfe: much later,
 * 0xff: it lies), offset and length in units; its bytes tell their own place, so that a packet put together can be
 * checked. */
#include "capture/packet.h"

#include <stdlib.h>

#include "base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct whole *g)
{
    if (!g->wire_n || g->n > g->wire_n || g->wire_n > FRAGMENT_MAX)
        abort();
    for (uint32_t i = 0; i < g->n; i++)
        if (g->p[i] != (uint8_t)(i / 8 * 7 + i))
            abort();
}

static void add(struct fragments *t, struct cursor *c, struct capture_stats *stats, int64_t *now, bool *lied)
{
    static const uint8_t ip[2][40] = {{0x45}, {0x60}};
    uint8_t flags = cursor_u8(c);
    uint32_t offset = (uint32_t)cursor_u8(c) << 5 | cursor_u8(c) >> 3,
             length = (uint32_t)cursor_u8(c) * 8 + (flags & 1 ? flags >> 5 : 0);
    uint8_t *bytes = malloc(length ? length : 1);
    if (!bytes)
        return;
    for (uint32_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)((offset * 8 + i) / 8 * 7 + offset * 8 + i);
    if (flags == 0xff && length)
        bytes[0] ^= 1; /* tells something else */
    *now += flags == 0xfe ? FRAGMENT_LIFE_US + 1 : 1000;
    bool v6 = flags & 2;
    *lied |= flags == 0xff;
    struct piece p = {*now, ip[v6], bytes,    flags & 4 ? length / 2 : length, length, offset * 8, flags >> 3 & 3, 0,
                      6,    v6,     flags & 1};
    const struct whole *g = fragments_add(t, &p, stats);
    if (g && !*lied)
        check(g);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct hash_key key = hash_key_from("fuzz", 4);
    struct capture_stats stats = {0};
    uint64_t memory = 0, pieces = 0;
    bool lied = false;
    int64_t now = INT64_C(1700000000000000);
    struct fragments *t = fragments_new(&key, &memory, 256 * 1024);
    struct cursor c = cursor_of(data, n);
    if (!t)
        return 0;
    for (; cursor_left(&c) >= 4; pieces++) {
        add(t, &c, &stats, &now, &lied);
        if (memory > 256 * 1024)
            abort();
    }
    fragments_finish(t, &stats);
    if (stats.unparsed_packets > pieces)
        abort();
    fragments_free(t);
    if (memory)
        abort();
    return 0;
}
