/* The toy of ALGORITHMS.md 7.4 for every model, identities between models, hostile times, bounded logs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/limitspec.h"

static struct limiter limiter_of(const char *spec)
{
    struct limiter l = {0};
    char why[160] = "";
    assert_true(limitspec_parse(slice_str(spec), &l.limit, why));
    return l;
}

static void decide(const char *spec, const int64_t *us, size_t n, char *out)
{
    struct limiter l = limiter_of(spec);
    struct limiter_key k = {0};
    for (size_t i = 0; i < n; i++)
        out[i] = limiter_ask(&l, &k, us[i]).accepted ? 'A' : 'R';
    out[n] = 0;
    limiter_forget(&l, &k);
    assert_int_equal(l.log_bytes, 0);
}

static void toy(void **state)
{
    static const int64_t us[] = {100000, 200000, 300000, 900000, 1050000, 1100000, 1200000, 2500000};
    static const struct {
        const char *spec, *want;
    } rows[] = {{"fixed-window:3:1", "AAARAAAA"},   {"fixed-window-strict:3:1", "AAARAAAA"},
                {"sliding-window:3:1", "AAARRRRA"}, {"sliding-log:3:1", "AAARRAAA"},
                {"token-bucket:3:3", "AAAAAARA"},   {"gcra:3:3", "AAAAAARA"},
                {"nginx:3r/s:2", "AAAAAARA"},       {"nginx:3:2:nodelay", "AAAAAARA"},
                {"haproxy:3:1", "AAARRRRA"},        {"envoy:3:1:0.4", "AAAAARAA"}};
    char got[16];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        decide(rows[i].spec, us, sizeof us / sizeof *us, got);
        assert_string_equal(got, rows[i].want);
    }
}

static void excess_of_nginx(void **state)
{
    static const struct {
        int64_t ms;
        uint64_t excess;
    } rows[] = {{100, 0}, {200, 700}, {300, 1400}, {900, 600}, {1050, 1150}, {1100, 2000}, {1200, 2000}, {2500, 0}};
    struct limiter l = limiter_of("nginx:3r/s:2");
    struct limiter_key k = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(limiter_ask(&l, &k, rows[i].ms * 1000).accepted, rows[i].ms != 1200);
        assert_int_equal(k.u.nginx.excess, rows[i].excess);
    }
    /* 15 at once, burst 10: 11 pass. */
    l = limiter_of("nginx:5:10");
    k = (struct limiter_key){0};
    unsigned passed = 0;
    for (int i = 0; i < 15; i++)
        passed += limiter_ask(&l, &k, 7000000).accepted;
    assert_int_equal(passed, 11);
    /* Held back: 0.2 s for each request of excess above the delay. */
    l = limiter_of("nginx:5:10:delay=1");
    k = (struct limiter_key){0};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(limiter_ask(&l, &k, 7000000).wait_ms, i < 2 ? 0 : (i - 1) * 200);
}

static int64_t bursty(int64_t us)
{
    long r = random();
    return us + (r % 4 ? r % 3000 : r % 1500000);
}

static void identities(void **state)
{
    enum { N = 20000 };
    static int64_t us[N];
    static char a[N + 1], b[N + 1];
    (void)state;
    srandom(5);
    for (int i = 1; i < N; i++)
        us[i] = bursty(us[i - 1]);
    decide("token-bucket:7.3:4.25", us, N, a);
    decide("gcra:7.3:4.25", us, N, b);
    assert_string_equal(a, b);
    /* nginx(r, n, nodelay) is token bucket(r, n + 1) where the thousandths come out whole. */
    decide("nginx:5:3", us, N, a);
    decide("token-bucket:5:4", us, N, b);
    assert_string_equal(a, b);
}

static void hostile_times(void **state)
{
    static const int64_t us[] = {0,         INT64_MAX, INT64_MIN, INT64_MAX, 0, -1, -1000,
                                 INT64_MIN, 61000000,  0,         61000000,  5, 5,  INT64_MAX};
    static const char *const specs[] = {"nginx:1000000000:0",
                                        "nginx:1r/m:1000000000:delay=3",
                                        "token-bucket:1000000000:1",
                                        "gcra:0.000001:1000000000",
                                        "fixed-window:1:0.001",
                                        "fixed-window-strict:1:2678400",
                                        "sliding-window:1000000000:2678400",
                                        "sliding-log:1000000000:2678400",
                                        "haproxy:1:0.001",
                                        "envoy:1000000000:1000000000:0.001"};
    char got[32];
    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        decide(specs[i], us, sizeof us / sizeof *us, got);
        assert_int_equal(got[0], 'A');
    }
    /* A clock that went back stands still; nginx forgets after a minute. */
    static const int64_t back[] = {5000000, 4000000, 3000000, 2000000};
    decide("token-bucket:1:2", back, 4, got);
    assert_string_equal(got, "AARR");
    decide("sliding-log:2:1", back, 4, got);
    assert_string_equal(got, "AARR");
}

static void bounded_log(void **state)
{
    struct limiter l = limiter_of("sliding-log:1000000000:2678400");
    struct limiter_key k = {0};
    uint32_t n = 0;
    (void)state;
    while (limiter_ask(&l, &k, 1000).accepted)
        n++;
    assert_true(l.full);
    assert_true(l.log_bytes <= LIMITER_LOG_MOST);
    assert_int_equal(n, LIMITER_LOG_MOST / 8);
    limiter_forget(&l, &k);
    assert_int_equal(l.log_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(toy), cmocka_unit_test(excess_of_nginx),
                                       cmocka_unit_test(identities), cmocka_unit_test(hostile_times),
                                       cmocka_unit_test(bounded_log)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
