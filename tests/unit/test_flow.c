/* flow: a frame that is expected is that of the connection whose segment comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capture/flow.h"

enum { SIZE = 54 };

static void put(uint8_t *p, uint32_t v, int n)
{
    while (n--) {
        p[n] = (uint8_t)v;
        v >>= 8;
    }
}

/* A SYN, in a block of its own. */
static uint8_t *frame_of(const struct segment *s)
{
    uint8_t *p = calloc(1, SIZE);
    put(p + 12, 0x080045, 3);
    p[23] = 6;
    memcpy(p + 26, s->src + 12, 4);
    memcpy(p + 30, s->dst + 12, 4);
    put(p + 34, s->sport, 2);
    put(p + 36, s->dport, 2);
    put(p + 38, s->seq, 4);
    return p;
}

static struct segment random_syn(uint32_t *seed)
{
    struct segment s = {.ts = 1000000, .flags = TCP_SYN, .wscale = 0xff};
    uint8_t ip[2][4];
    for (int i = 0; i < 2; i++) {
        *seed = *seed * 1664525 + 1013904223;
        put(ip[i], *seed >> 30 ? *seed : 0x0a000001, 4); /* some have one address at both ends */
    }
    segment_v4(s.src, ip[0]);
    segment_v4(s.dst, ip[1]);
    s.sport = (uint16_t)(*seed >> 3);
    s.dport = (uint16_t)(*seed >> 13);
    s.seq = *seed;
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

static void close_table(struct flow_table *t)
{
    flow_fini(t);
    free(t);
}

static void expects_what_comes(void **state)
{
    struct flow_table *t = open_table();
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct segment s = random_syn(&seed);
        uint8_t *frame = frame_of(&s);
        flow_expect(t, frame, SIZE);
        uint32_t expected = t->expected[(t->expecting - 1) % FLOW_EXPECTED], before = t->touched;
        flow_segment(t, &s);
        if (t->touched > before)
            assert_int_equal(t->nodes[before].hash, expected);
        free(frame);
    }
    assert_true(t->touched > 1000);
    close_table(t);
}

/* Whatever else comes is let be, and read no further than it goes. */
static void lets_others_be(void **state)
{
    struct flow_table *t = open_table();
    uint32_t seed = 7;
    (void)state;
    for (uint32_t n = 0; n < SIZE; n++) {
        struct segment s = random_syn(&seed);
        uint8_t *whole = frame_of(&s), *cut = malloc(n + !n);
        assert_non_null(cut);
        memcpy(cut, whole, n);
        flow_expect(t, cut, n);
        whole[12 + n % 3] ^= 1; /* another protocol, options */
        flow_expect(t, whole, SIZE);
        free(cut);
        free(whole);
    }
    assert_int_equal(t->expecting, 0);
    close_table(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expects_what_comes),
        cmocka_unit_test(lets_others_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
