/* Rates of one client: toys of ALGORITHMS.md 7.1 to 7.3 and brute force on random arrivals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/envelope.h"
#include "analysis/gaps.h"
#include "analysis/peaks.h"

static struct blocks pool;

static void add_gap(struct gaps *g, int64_t dt)
{
    double seconds = (double)dt / 1e6;
    gaps_add(g, &dt, &seconds, 1);
}

static const int64_t toy[] = {0, 200000, 400000, 900000, 1100000, 1300000, 1900000, 2050000};
enum { TOY = sizeof toy / sizeof *toy };

static const int64_t epoch = 1700000000000000;

static void peak_toy(void **state)
{
    struct peaks p = {0};
    (void)state;
    for (int i = 0; i < TOY; i++)
        peaks_add(&p, &pool, epoch + toy[i]);
    assert_int_equal(peaks_sliding(&p, &pool, 0), 4);
    assert_int_equal(peaks_sliding(&p, &pool, 1), 8);
    assert_int_equal(p.peak1, 4);
    assert_int_equal(p.peak10, 8);
    peaks_drop(&p, &pool);
}

static void burstiness_toy(void **state)
{
    struct gaps g = {0};
    (void)state;
    for (int i = 1; i < TOY; i++)
        add_gap(&g, toy[i] - toy[i - 1]);
    assert_true(fabs(gaps_burstiness(&g) - -0.2774) < 5e-5);
    assert_true(isnan(gaps_period(&g)));
}

static void pollers_have_a_period(void **state)
{
    struct gaps g = {0}, few = {0};
    (void)state;
    assert_true(isnan(gaps_burstiness(&g)));
    for (int i = 0; i < 40; i++)
        add_gap(&g, 5000000 + i % 3 * 1000);
    assert_true(gaps_burstiness(&g) < -0.99);
    assert_true(fabs(gaps_period(&g) - 5.0) < 5.0 / 64);
    for (int i = 0; i < 29; i++)
        add_gap(&few, 5000000);
    assert_true(isnan(gaps_period(&few)));
}

static void envelope_toy(void **state)
{
    static const double arrival[] = {0, .1, .2, 1.0, 1.05, 3.0}, want[] = {4.5, 3.95, 2.9, 2.0, 1.5};
    static const double q2[] = {1, 1.8, 2.6, 2.0, 2.9, 1};
    double rate[ENVELOPE_RATES] = {0.5, 1, 2, 5, 10};
    struct envelope e = {0};
    (void)state;
    for (int i = 5; i < ENVELOPE_RATES; i++)
        rate[i] = 100;
    for (int i = 0; i < 6; i++) {
        double dt = i ? arrival[i] - arrival[i - 1] : 0;
        envelope_add(&e, rate, &dt, 1);
        assert_true(fabs(e.level[2] - q2[i]) < 1e-9);
    }
    for (int i = 0; i < 5; i++)
        assert_true(fabs(e.burst[i] - want[i]) < 1e-9);
    envelope_rates(rate);
    assert_true(fabs(rate[0] - 0.1) < 1e-12);
    assert_true(fabs(rate[23] - 0.1 * pow(10, 23 * 0.2083)) < 1e-6);
}

enum { N = 12000 };
static int64_t at[N];

static void arrivals(unsigned seed, int64_t mean)
{
    int64_t t = epoch + seed * 777;
    srandom(seed);
    for (int i = 0; i < N; i++) {
        t += random() % 50 == 0 ? random() % (mean * 200) : random() % 10 == 0 ? 0 : random() % (2 * mean);
        if (random() % 400 == 0)
            t += 1000000 - t % 1000000; /* right on a second */
        at[i] = t;
    }
}

static uint64_t sliding(int64_t width)
{
    uint64_t most = 0;
    for (int i = 0, low = 0; i < N; i++) {
        while (at[i] - at[low] >= width)
            low++;
        most = (uint64_t)(i - low + 1) > most ? (uint64_t)(i - low + 1) : most;
    }
    return most;
}

static uint64_t buckets(int64_t width, int64_t n)
{
    uint64_t most = 0;
    for (int i = 0, low = 0; i < N; i++) {
        while (at[i] / width - at[low] / width >= n)
            low++;
        most = (uint64_t)(i - low + 1) > most ? (uint64_t)(i - low + 1) : most;
    }
    return most;
}

static void compare(struct peaks *p)
{
    static const int64_t width[] = {1000000, 10000000};
    for (unsigned w = 0; w < 2; w++) {
        uint64_t exact = sliding(width[w]);
        assert_int_equal(peaks_sliding(p, &pool, w), exact <= PEAKS_EXACT ? exact : buckets(width[w] / 64, 65));
    }
    assert_int_equal(p->peak1, buckets(1000000, 1));
    assert_int_equal(p->peak10, buckets(1000000, 10));
    assert_int_equal(p->peak60, buckets(1000000, 60));
}

/* As many together as may be, or fewer. */
static void add_together(struct peaks *p)
{
    for (unsigned i = 0; i < N;) {
        unsigned n = i ? peaks_calm(p, &pool, at[i - 1]) : 0;
        n = n < N - i ? n : N - i;
        if (!n) {
            peaks_add(p, &pool, at[i++]);
            continue;
        }
        n -= (unsigned)random() % n;
        peaks_add_calm(p, &pool, at + i, n);
        i += n;
    }
}

static void brute_force(void **state)
{
    static const int64_t means[] = {3000000, 400000, 60000, 5000, 1200, 700, 150, 20};
    (void)state;
    for (unsigned seed = 1; seed <= 32; seed++) {
        struct peaks p = {0};
        arrivals(seed, means[seed % 8]);
        for (int i = 0; i < N; i++)
            peaks_add(&p, &pool, at[i]);
        compare(&p);
        peaks_drop(&p, &pool);
        add_together(&p);
        compare(&p);
        peaks_drop(&p, &pool);
    }
}

/* One at a time, all rates, against several together of which some need not be looked at. */
static void envelopes_of_many(void **state)
{
    static const double means[] = {10, 1, .1, .003, .0001};
    double rate[ENVELOPE_RATES], dt[16];
    (void)state;
    envelope_rates(rate);
    srandom(3);
    for (unsigned m = 0; m < 5; m++) {
        struct envelope e = {0};
        double level[ENVELOPE_RATES] = {0}, burst[ENVELOPE_RATES] = {0};
        for (int round = 0; round < 2000; round++) {
            unsigned n = 1 + (unsigned)random() % 16;
            for (unsigned k = 0; k < n; k++) {
                dt[k] = (double)(random() % 1000000 * (random() % 5 ? 1 : random() % 30)) / 1e6 * means[m];
                for (int i = 0; i < ENVELOPE_RATES; i++) {
                    double left = level[i] - rate[i] * dt[k];
                    level[i] = (left > 0 ? left : 0) + 1;
                    burst[i] = level[i] > burst[i] ? level[i] : burst[i];
                }
            }
            envelope_add(&e, rate, dt, n);
            assert_memory_equal(level, e.level, sizeof level);
            assert_memory_equal(burst, e.burst, sizeof burst);
        }
    }
}

static void without_a_ring_the_bracket_holds(void **state)
{
    struct blocks none;
    struct peaks p = {0};
    (void)state;
    assert_true(blocks_init(&none, 0));
    arrivals(5, 60000);
    for (int i = 0; i < N; i++)
        peaks_add(&p, &none, at[i]);
    assert_in_range(peaks_sliding(&p, &none, 0), sliding(1000000), N);
    assert_in_range(peaks_sliding(&p, &none, 1), sliding(10000000), N);
    blocks_fini(&none);
}

static int start(void **state)
{
    (void)state;
    return !blocks_init(&pool, 1 << 16);
}

static int stop(void **state)
{
    (void)state;
    blocks_fini(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peak_toy),
        cmocka_unit_test(burstiness_toy),
        cmocka_unit_test(pollers_have_a_period),
        cmocka_unit_test(envelope_toy),
        cmocka_unit_test(envelopes_of_many),
        cmocka_unit_test(brute_force),
        cmocka_unit_test(without_a_ring_the_bracket_holds),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
