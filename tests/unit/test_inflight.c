/* What was under way at once: the toy of ALGORITHMS.md 7.8, its concurrency, and the edges of a span. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/inflight.h"
#include "base/hash.h"

enum { K = 11, J = 12 };

static void toy(void **state)
{
    static const struct {
        uint64_t hash;
        int64_t start, end;
    } call[] = {{K, 0, 1000}, {K, 200, 1100}, {J, 500, 900}, {K, 900, 1800}, {K, 1500, 2000}};
    struct inflight *f = inflight_new(0, 2000);
    struct inflight_group g = {0};
    unsigned coalescable = 0;
    (void)state;
    assert_non_null(f);
    for (size_t i = 0; i < sizeof call / sizeof *call; i++)
        coalescable += inflight_add(f, &g, call[i].hash, call[i].start, call[i].end) > 0;
    assert_int_equal(coalescable, 3);
    assert_int_equal(g.area_us, 3700); /* mean 1.85 over 2 s */
    assert_int_equal(g.peak, 3);
    assert_int_equal(inflight_untracked(f), 0);
    inflight_free(f);
}

/* One that ends when another begins is over; what lies outside counts for nothing. */
static void edges(void **state)
{
    struct inflight *f = inflight_new(1000, 2000);
    struct inflight_group a = {0}, b = {0};
    (void)state;
    assert_int_equal(inflight_add(f, &a, K, 0, 500), 0);
    assert_int_equal(inflight_add(f, &a, K, 500, 1500), 0);
    assert_int_equal(inflight_add(f, &b, K, 1400, 2500), 1);
    assert_int_equal(inflight_add(f, &b, 0, 1450, 1450), 0);
    assert_int_equal(inflight_add(f, &a, K, 1500, 1600), 1);
    assert_int_equal(inflight_add(f, &a, K, 3000, 4000), 0);
    assert_int_equal(a.area_us, 600);
    assert_int_equal(b.area_us, 600);
    assert_int_equal(a.peak, 1);
    assert_int_equal(b.peak, 1);
    inflight_free(f);
}

/* Beside counting by hand. */
static void many(void **state)
{
    enum { N = 3000 };
    static int64_t start[N], end[N];
    static uint64_t hash[N];
    uint64_t random = 7, area = 0;
    struct inflight *f = inflight_new(0, INT64_MAX);
    struct inflight_group g = {0};
    uint32_t peak = 0;
    int64_t now = 0;
    (void)state;
    for (int i = 0; i < N; i++) {
        random = hash_mix(random + 0x9e3779b97f4a7c15u);
        now += (int64_t)(random % 40);
        start[i] = now;
        end[i] = now + (int64_t)(random >> 20) % 500;
        hash[i] = 1 + (random >> 50) % 20;
        uint32_t alike = 0, all = 1;
        for (int k = 0; k < i; k++) {
            alike += end[k] > start[i] && hash[k] == hash[i];
            all += end[k] > start[i];
        }
        assert_int_equal(inflight_add(f, &g, hash[i], start[i], end[i]), alike);
        area += (uint64_t)(end[i] - start[i]);
        peak = end[i] > start[i] && all > peak ? all : peak;
    }
    assert_int_equal(g.area_us, area);
    assert_int_equal(g.peak, peak);
    inflight_free(f);
}

static void too_many(void **state)
{
    struct inflight *f = inflight_new(0, INT64_MAX);
    struct inflight_group g = {0};
    (void)state;
    for (uint64_t i = 1; i <= INFLIGHT_MOST + 10; i++)
        inflight_add(f, &g, hash_mix(i), 0, 1000);
    assert_int_equal(g.area_us, (uint64_t)(INFLIGHT_MOST + 10) * 1000);
    assert_true(inflight_untracked(f) >= 10);
    assert_int_equal(inflight_add(f, &g, hash_mix(1), 1000, 2000), 0); /* all are over, and there is room again */
    inflight_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(toy), cmocka_unit_test(edges), cmocka_unit_test(many),
                                       cmocka_unit_test(too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
