/* flow: a plain segment is read and keyed as any; what is expected is that of the connection whose segment comes;
 * copies are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capture/flow.h"
#include "capture/packet.h"
#include "capture/plain.h"

static uint32_t dice(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed;
}

/* Some have one address at both ends, or one port. */
static struct segment random_syn(uint32_t *seed)
{
    static const uint8_t payload[1];
    struct segment s = {.ts = 1000000, .flags = TCP_SYN, .wscale = 0xff, .payload = payload};
    uint32_t few = dice(seed) >> 30;
    for (int i = 0; i < 2; i++) {
        uint32_t v = few ? dice(seed) : 0x0a000001;
        uint8_t ip[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        segment_v4(s.ends.ip[i], ip);
        s.ends.port[i] = i && few == 1 ? s.ends.port[0] : (uint16_t)(dice(seed) >> 13);
    }
    s.dir = dice(seed) >> 31;
    s.seq = dice(seed);
    return s;
}

static struct flow_table *open_table(void)
{
    static struct capture_stats stats;
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct flow_table *t = calloc(1, sizeof *t);
    assert_non_null(t);
    assert_true(flow_init(t, 4096, 1 << 20, NULL, &stats, &key));
    return t;
}

static void expects_what_comes(void **state)
{
    struct flow_table *t = open_table();
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct segment any = random_syn(&seed), back = any;
        uint32_t before = t->touched;
        flow_key(t, &any);
        back.dir = 1 - any.dir;
        flow_key(t, &back);
        assert_int_equal(back.flow, any.flow);
        flow_ask(t, &any);
        flow_ask(t, &back); /* too early for a new one */
        flow_segment(t, &any);
        if (t->touched > before)
            assert_int_equal(t->nodes[before].hash, any.flow);
        before = t->touched;
        flow_segment(t, &back);
        assert_int_equal(t->touched, before);
    }
    assert_true(t->touched > 1000);
    flow_fini(t);
    free(t);
}

static void put(uint8_t *p, uint32_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

/* Of few addresses and ports, so that some are equal; with time stamps or without; perhaps cut. Returns its length. */
static uint32_t random_frame(uint32_t *seed, uint8_t p[128])
{
    enum { IP = 14, TCP = 34 };
    bool stamps = dice(seed) >> 31;
    uint32_t payload = dice(seed) >> 27, headers = stamps ? 52 : 40;
    for (unsigned i = 0; i < 128; i++)
        p[i] = (uint8_t)(dice(seed) >> 24);
    put(p + 12, 0x0800, 2);
    p[IP] = 0x45;
    put(p + IP + 2, headers + payload, 2);
    put(p + IP + 6, 0x4000, 2);
    p[IP + 9] = 6;
    for (unsigned i = 0; i < 2; i++) {
        put(p + IP + 12 + 4 * i, dice(seed) >> 30 ? 0x7f000001 : dice(seed), 4);
        put(p + TCP + 2 * i, dice(seed) >> 30 ? 80 : dice(seed) >> 16, 2);
    }
    p[TCP + 12] = stamps ? 0x80 : 0x50;
    p[TCP + 13] &= (uint8_t)~TCP_SYN;
    if (stamps)
        put(p + TCP + 20, 0x0101080a, 4);
    return IP + headers + (dice(seed) >> 31 ? payload : payload / 2);
}

static void plain_ones_are_read_and_keyed_as_any(void **state)
{
    struct flow_table *t = open_table();
    struct packet_options o = packet_options_default();
    uint32_t seed = 7;
    (void)state;
    t->dedup = dedup_new();
    for (int i = 0; i < 20000; i++) {
        uint8_t p[128];
        uint32_t n = random_frame(&seed, p);
        struct frame f = {.ts = i, .data = p, .n = n, .wire_n = n + 64, .link = LINKTYPE_ETHERNET};
        struct capture_stats stats = {0};
        struct segment any, plain;
        struct piece piece;
        assert_int_equal(packet_decode(&f, &o, &stats, &any, &piece), PACKET_TCP);
        assert_true(plain_segment(&f, &t->key, &plain));
        plain_ends(&f, &plain);
        flow_key(t, &any);
        assert_memory_equal(plain.words, any.words, sizeof any.words);
        assert_memory_equal(&plain.ends, &any.ends, sizeof any.ends);
        assert_int_equal(plain.v6, any.v6);
        assert_ptr_equal(plain.payload, any.payload);
        assert_int_equal(plain.n, any.n);
        plain.near = NULL;
        flow_ask(t, &plain);
        if (!plain.near && t->touched < 2000) {
            any.flags = TCP_SYN;
            any.n = any.wire_n = 0;
            flow_segment(t, &any);
            flow_ask(t, &plain);
            assert_ptr_equal(plain.near, &t->nodes[t->touched - 1]);
        }
        if (plain.near)
            assert_memory_equal(plain.near->pair, plain.pair, sizeof plain.pair);
    }
    assert_true(t->touched > 1000);
    flow_fini(t);
    free(t);
}

/* The same, of all that is remembered, one after the other. */
static bool model_seen(struct dedup *t, const struct segment *s, uint64_t hash)
{
    uint64_t *set = dedup_set(t, hash), time = (uint64_t)(s->ts >> DEDUP_TIME_SHIFT) & DEDUP_TIME;
    int64_t most = (s->ip_id ? DEDUP_ID_US : DEDUP_BARE_US) >> DEDUP_TIME_SHIFT;
    for (int i = 0; i < DEDUP_WAYS; i++) {
        int16_t apart = (int16_t)(time - (set[i] & DEDUP_TIME));
        if (set[i] >> DEDUP_TIME_BITS == hash >> DEDUP_TIME_BITS && apart <= most && apart >= -most)
            return true;
    }
    for (int i = DEDUP_WAYS - 1; i > 0; i--)
        set[i] = set[i - 1];
    set[0] = (hash >> DEDUP_TIME_BITS) << DEDUP_TIME_BITS | time;
    return false;
}

/* Hashes that differ in one half alone are among them. */
static void copies_are_told(void **state)
{
    struct dedup *t = dedup_new(), *model = dedup_new();
    uint32_t seed = 3, copies = 0;
    struct segment s = {0};
    (void)state;
    assert_true(t && model);
    for (int i = 0; i < 200000; i++) {
        uint64_t hash = (uint64_t)(dice(&seed) >> 30) << 32 | (dice(&seed) >> 29) << 16 | (dice(&seed) >> 31);
        s.ts += dice(&seed) >> 20;
        s.ip_id = dice(&seed) >> 31;
        bool want = model_seen(model, &s, hash);
        assert_int_equal(dedup_seen(t, &s, hash), want);
        copies += want;
    }
    assert_memory_equal(t, model, sizeof *t);
    assert_in_range(copies, 1000, 199000);
    free(t);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_ones_are_read_and_keyed_as_any),
        cmocka_unit_test(copies_are_told),
        cmocka_unit_test(expects_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
