/* Limits in words: what is read, what is said back, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/limitspec.h"

static void good(void **state)
{
    static const struct {
        const char *spec, *said;
        uint64_t rate, depth;
    } rows[] = {{"nginx:10:20", "nginx: 10 r/s, burst 20, nodelay", 10000, 20000},
                {"nginx:10r/s:20:nodelay", "nginx: 10 r/s, burst 20, nodelay", 10000, 20000},
                {"nginx:10r/m:0", "nginx: 10 r/m, burst 0, nodelay", 166, 0},
                {"nginx:90r/m:3:delay=2", "nginx: 90 r/m, burst 3, delay=2", 1500, 3000},
                {"nginx:5:3:delay=0", "nginx: 5 r/s, burst 3, delay=0", 5000, 3000},
                {"token-bucket:2.5:10", "token-bucket: 2.5 a second, bucket 10", 2500000, 10000000000},
                {"gcra:0.000001:1.25", "gcra: 0.000001 a second, bucket 1.25", 1, 1250000000},
                {"fixed-window:100:60", "fixed-window: 100 in 60 s", 0, 100},
                {"fixed-window-strict:1:0.5", "fixed-window-strict: 1 in 0.5 s", 0, 1},
                {"sliding-window:7:2", "sliding-window: 7 in 2 s", 0, 7},
                {"sliding-log:7:2", "sliding-log: 7 in 2 s", 0, 7},
                {"haproxy:20:10", "haproxy: 20 in 10 s", 0, 20},
                {"envoy:10:2:0.05", "envoy: 10 tokens, 2 more every 0.05 s", 0, 10}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct limit l;
        struct buf said = {0};
        char why[160] = "";
        assert_true(limitspec_parse(slice_str(rows[i].spec), &l, why));
        limitspec_say(&l, &said);
        buf_char(&said, 0);
        assert_string_equal(said.p, rows[i].said);
        assert_int_equal(l.rate, rows[i].rate);
        assert_int_equal(l.depth, rows[i].depth);
        buf_free(&said);
    }
}

static void refused(void **state)
{
    static const char *const specs[] = {"",
                                        ":",
                                        "nginx",
                                        "nginx:",
                                        "nginx:10",
                                        "nginx:10:",
                                        "nginx:0:5",
                                        "nginx:1.5:5",
                                        "nginx:-1:5",
                                        "nginx:10r/h:5",
                                        "nginx:r/s:5",
                                        "nginx:10:5:later",
                                        "nginx:10:5:delay=",
                                        "nginx:10:5:nodelay:x",
                                        "nginx:10:5:",
                                        "Nginx:10:5",
                                        "nginx:10:5 ",
                                        "nginx:1000000001:5",
                                        "nginx:10:99999999999999999999",
                                        "token-bucket:0:5",
                                        "token-bucket:1:0.5",
                                        "token-bucket:1e3:5",
                                        "token-bucket:1.:5",
                                        "token-bucket:.5:5",
                                        "token-bucket:1.0000001:5",
                                        "gcra:nan:3",
                                        "gcra:inf:3",
                                        "fixed-window:0:1",
                                        "fixed-window:3:0",
                                        "fixed-window:3",
                                        "fixed-window:3:1:1",
                                        "fixed-window:1.5:1",
                                        "sliding-log:3:0.0001",
                                        "haproxy:3:2678401",
                                        "envoy:3:1",
                                        "envoy:3:0:1",
                                        "envoy:0:1:1",
                                        "envoy:3:1:0",
                                        "leaky:3:1",
                                        "fixed-window:3:+1",
                                        "fixed-window: 3:1"};
    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct limit l;
        char why[160] = "";
        if (limitspec_parse(slice_str(specs[i]), &l, why))
            fail_msg("'%s' was read", specs[i]);
        assert_true(*why && !strchr(why, '\n'));
    }
    struct limit l;
    char why[160], long_text[4000];
    memset(long_text, 'x', sizeof long_text);
    assert_false(limitspec_parse(slice_of(long_text, sizeof long_text), &l, why));
    assert_false(limitspec_parse(slice_of(NULL, 0), &l, why));
}

static void help(void **state)
{
    struct buf out = {0};
    unsigned lines = 0;
    (void)state;
    limitspec_help(&out);
    for (size_t i = 0; i < out.n; i++)
        lines += out.p[i] == '\n';
    assert_int_equal(lines, LIMITER_MODELS);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(refused), cmocka_unit_test(help)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
