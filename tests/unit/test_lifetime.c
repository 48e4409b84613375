/* Change rates: the toy of ALGORITHMS.md 4.4a, buckets against exact gaps, coverage of the interval, the ends where
 * nothing or everything changed, and the text form. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/lifetime.h"

static bool near(double a, double b, double error)
{
    return fabs(a - b) <= error;
}

static const struct {
    uint64_t s;
    bool changed;
} toy[] = {{3, 0}, {6, 1}, {2, 0}, {3, 0}, {6, 0}, {11, 1}, {8, 0}, {10, 1}};
enum { TOY = sizeof toy / sizeof *toy };

/* S-3. */
static void toy_numbers(void **state)
{
    struct lifetime l = {0};
    (void)state;
    for (int i = 0; i < TOY; i++)
        lifetime_add(&l, toy[i].s * 1000, toy[i].changed);
    struct lifetime_result r = lifetime_result(&l);
    assert_int_equal(r.model, LIFETIME_POISSON);
    assert_int_equal(r.gaps, 8);
    assert_int_equal(r.changes, 3);
    assert_true(near(r.observed_s, 49, 1e-9));
    assert_true(near(r.rate, 0.08925, 1e-5));
    assert_true(near(r.mean_s, 11.20, 0.005));
    assert_true(near(r.error, 0.0510, 5e-5));
    assert_true(near(r.regular, 0.07107, 5e-6));
    assert_true(near(lifetime_ttl(r.rate, .05), 0.5747, 5e-5));
    assert_true(near(r.low, r.rate * exp(-1.96 * r.error / r.rate), 1e-12));
    assert_true(near(r.mean_low * r.high, 1, 1e-12) && near(r.mean_high * r.low, 1, 1e-12));
}

/* Least and greatest gap of each bucket follow one another without a hole. */
static void buckets(void **state)
{
    unsigned last = 0;
    (void)state;
    assert_int_equal(lifetime_index(0), 0);
    assert_int_equal(lifetime_index(1), 0);
    for (uint64_t ms = 1; ms < 5000; ms++) {
        unsigned at = lifetime_index(ms);
        assert_true(at >= last && at <= last + 4);
        last = at;
    }
    assert_int_equal(lifetime_index(1024), 40);
    assert_int_equal(lifetime_index(1279), 40);
    assert_int_equal(lifetime_index(1280), 41);
    assert_int_equal(lifetime_index((uint64_t)1 << 29), 116);
    assert_int_equal(lifetime_index(UINT64_MAX), 119);
}

static void ends(void **state)
{
    struct lifetime none = {0}, same = {0}, all = {0};
    (void)state;
    assert_int_equal(lifetime_result(&none).model, LIFETIME_UNSEEN);
    assert_true(isnan(lifetime_result(&none).rate));
    for (int i = 0; i < 100; i++) {
        lifetime_add(&same, 10000, false);
        lifetime_add(&all, 10000, true);
    }
    struct lifetime_result r = lifetime_result(&same);
    assert_int_equal(r.model, LIFETIME_UNCHANGED);
    assert_true(r.rate == 0 && near(r.high, 3.0 / 1000, 1e-5) && isnan(r.mean_s) && near(r.mean_low, 333.8, 0.1));
    r = lifetime_result(&all);
    assert_int_equal(r.model, LIFETIME_TOO_FAST);
    assert_true(isnan(r.rate) && isnan(r.mean_s) && isnan(r.high));
    assert_true(near(pow(-expm1(-r.low * 10), 100), .05, 1e-9));
}

/* Two answers in one millisecond that differ say little, and do not break anything. */
static void no_time_between(void **state)
{
    struct lifetime l = {0};
    (void)state;
    lifetime_add(&l, 0, true);
    assert_true(isfinite(lifetime_result(&l).low));
    lifetime_add(&l, 0, false);
    assert_true(isfinite(lifetime_result(&l).rate));
    lifetime_add(&l, UINT32_MAX, false);
    assert_true(isfinite(lifetime_result(&l).rate));
}

enum { GAPS = 400 };
static double gap[GAPS];
static bool changed[GAPS];

static double uniform(void)
{
    return ((double)random() + 0.5) / 2147483648.0;
}

/* Visits with gaps over a decade and a half, a content that changes at `rate`. */
static void simulate(struct lifetime *l, double rate)
{
    *l = (struct lifetime){0};
    for (int i = 0; i < GAPS; i++) {
        uint64_t ms = (uint64_t)(1000 * exp(3.5 * uniform()) - 500 * log(uniform()));
        gap[i] = (double)ms / 1e3;
        changed[i] = uniform() < -expm1(-rate * gap[i]);
        lifetime_add(l, ms, changed[i]);
    }
}

/* The equation of the maximum, gap by gap. */
static double exact(void)
{
    double low = 1e-9, high = 1e3;
    for (int step = 0; step < 100; step++) {
        double rate = sqrt(low * high), sum = 0;
        for (int i = 0; i < GAPS; i++)
            sum += changed[i] ? gap[i] / expm1(rate * gap[i]) : -gap[i];
        if (sum > 0)
            low = rate;
        else
            high = rate;
    }
    return low;
}

/* S-3. */
static void simulated(void **state)
{
    int covered = 0;
    (void)state;
    srandom(3);
    for (int run = 0; run < 400; run++) {
        struct lifetime l;
        double rate = exp(-1 - 4 * uniform());
        simulate(&l, rate);
        struct lifetime_result r = lifetime_result(&l);
        assert_int_equal(r.model, LIFETIME_POISSON);
        double ratio = r.rate / exact();
        assert_true(ratio > 0.9985 && ratio < 1.0001);
        covered += r.low <= rate && rate <= r.high;
    }
    assert_in_range(covered, 400 * 93 / 100, 400 * 97 / 100 + 4);
}

static void text(void **state)
{
    struct lifetime a, b, sum, back;
    struct buf out = {0};
    (void)state;
    srandom(9);
    simulate(&a, .1);
    simulate(&b, .01);
    sum = a;
    lifetime_merge(&sum, &b);
    lifetime_write(&sum, &out);
    assert_true(lifetime_read(&back, slice_of(out.p, out.n)));
    assert_memory_equal(&back, &sum, sizeof sum);
    assert_int_equal(lifetime_result(&back).gaps, 2 * GAPS);
    assert_true(lifetime_read(&back, (struct slice){"", 0}));
    assert_int_equal(lifetime_result(&back).gaps, 0);
    assert_false(lifetime_read(&back, SLICE("[[3,1,2,3]]")));
    assert_false(lifetime_read(&back, SLICE("[[120,1,2,3,4]]")));
    assert_false(lifetime_read(&back, SLICE("[[1,1,2,3,99999999999999999999]]")));
    for (size_t n = 0; n < out.n; n++)
        lifetime_read(&back, slice_of(out.p, n));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toy_numbers),     cmocka_unit_test(buckets),   cmocka_unit_test(ends),
        cmocka_unit_test(no_time_between), cmocka_unit_test(simulated), cmocka_unit_test(text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
