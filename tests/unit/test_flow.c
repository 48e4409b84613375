/* flow: the key of a plain segment is that of any; what is expected is that of the connection whose segment comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capture/flow.h"

enum { MANY = 16 };

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
    for (int i = 0; i < 2000; i += MANY) {
        struct segment s[MANY];
        for (unsigned k = 0; k < MANY; k++)
            s[k] = random_syn(&seed);
        for (unsigned k = 0; k < MANY; k++) {
            struct segment any = s[k], back = s[k];
            uint32_t before = t->touched;
            flow_key(t, &any);
            flow_expect(t, &s[k]);
            assert_int_equal(s[k].flow, any.flow);
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
    }
    assert_true(t->touched > 1000);
    flow_fini(t);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expects_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
