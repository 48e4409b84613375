/* U-1: the Universal Scalability Law from seconds of traffic: the toy of ALGORITHMS.md 8.6, noise, and all that must
 * not be called saturation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/usl.h"

struct system {
    double gamma, sigma, kappa, noise, least, most;
    unsigned windows;
};

static double uniform(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (double)(*random >> 11) / 9007199254740992.;
}

static double normal(uint64_t *random)
{
    double u = 1 - uniform(random), v = uniform(random);
    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979 * v);
}

static double law(const struct system *s, double n)
{
    return s->gamma * n / (1 + s->sigma * (n - 1) + s->kappa * n * (n - 1));
}

/* Seconds of which N is anything between the bounds, each with some noise. */
static struct usl_fit seen(const struct system *s, uint64_t seed)
{
    struct usl u = {0};
    uint64_t random = seed;
    double span = s->most - s->least;
    for (unsigned i = 0; i < s->windows; i++) {
        double n = s->least + span * uniform(&random);
        usl_add(&u, i * USL_BLOCKS / s->windows, n, law(s, n) * exp(s->noise * normal(&random)));
    }
    return usl_fit(&u, s->least + .05 * span, s->least + .95 * span);
}

static const struct system paper = {1000, .05, .0005, 0, 1, 60, 300};

static void toy(void **state)
{
    struct usl_fit f = seen(&paper, 1);
    (void)state;
    assert_int_equal(f.refused, USL_FITS);
    assert_true(fabs(f.gamma.value / 1000 - 1) < 1e-6);
    assert_true(fabs(f.sigma.value / .05 - 1) < 1e-6);
    assert_true(fabs(f.kappa.value / .0005 - 1) < 1e-6);
    assert_true(fabs(f.knee.value - 43.588989) < 1e-4);
    assert_true(fabs(f.most.value / law(&paper, 43.588989) - 1) < 1e-6);
    assert_true(f.error < 1e-6);
    assert_true(fabs(usl_response_s(&f, 1) - .001) < 1e-9);
    assert_true(fabs(usl_response_s(&f, 10) - .001495) < 1e-9);
    assert_true(fabs(usl_response_s(&f, 40) - .00373) < 1e-8);
    assert_true(fabs(usl_throughput(&f, 40) - 10723.86) < .1);
}

/* The knee within 10 %, and the intervals cover what they say. */
static void noisy(void **state)
{
    enum { SEEDS = 200 };
    unsigned knees = 0, mosts = 0, gammas = 0;
    struct system s = paper;
    (void)state;
    s.noise = .05;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct usl_fit f = seen(&s, seed * 7919);
        assert_int_equal(f.refused, USL_FITS);
        assert_true(fabs(f.knee.value / 43.589 - 1) < .1);
        knees += f.knee.low <= 43.589 && 43.589 <= f.knee.high;
        mosts += f.most.low <= law(&s, 43.589) && law(&s, 43.589) <= f.most.high;
        gammas += f.gamma.low <= 1000 && 1000 <= f.gamma.high;
    }
    assert_in_range(knees, SEEDS * 90 / 100, SEEDS);
    assert_in_range(mosts, SEEDS * 90 / 100, SEEDS);
    assert_in_range(gammas, SEEDS * 90 / 100, SEEDS);
}

/* Nothing that scales is called saturated, whatever the noise. */
static void linear(void **state)
{
    static const double noise[] = {0, .02, .05, .2, .5};
    (void)state;
    for (unsigned i = 0; i < sizeof noise / sizeof *noise; i++)
        for (unsigned seed = 1; seed <= 100; seed++) {
            struct system s = {100, 0, 0, noise[i], 1, 60, 300};
            struct usl_fit f = seen(&s, seed * 31 + i);
            assert_int_not_equal(f.refused, USL_FITS);
            assert_true(isnan(f.knee.value) && isnan(f.most.value) && isnan(f.gamma.value));
        }
}

/* Contention alone: throughput levels off, and has no knee. One queue is that exactly (X = mu N / (1 + N)). */
static void levels_off(void **state)
{
    struct system s = {50, .5, 0, .05, .2, 20, 400};
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct usl_fit f = seen(&s, seed);
        assert_int_equal(f.refused, USL_FITS);
        assert_true(fabs(f.most.value / 100 - 1) < .1);
        assert_true(isnan(f.knee.value) || f.knee.value > 15);
        assert_false(f.fell);
    }
}

/* A constant rate, and answers that are slow for other reasons: N goes with the time, throughput does not go with N. */
static void constant_rate(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 50; seed++) {
        struct usl u = {0};
        uint64_t random = seed;
        for (unsigned i = 0; i < 400; i++) {
            double x = 20 * exp(.15 * normal(&random)), r = .05 + .45 * uniform(&random);
            usl_add(&u, i / 20, x * r, x);
        }
        assert_int_not_equal(usl_fit(&u, 1.4, 9.5).refused, USL_FITS);
    }
}

/* Quick answers while hardly anything is asked for, slower ones as soon as it is, and no queue at all: throughput grows
 * with what is under way. The law takes the bend for a limit that the busiest seconds are beyond. */
static void two_kinds(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 50; seed++) {
        struct usl u = {0};
        uint64_t random = seed;
        for (unsigned i = 0; i < 600; i++) {
            double n = i % 6 ? .4 + 4.1 * uniform(&random) : .1 + .2 * uniform(&random);
            double r = n < .3 ? .025 : .095 - .06 * exp(-1.5 * n);
            usl_add(&u, i / 30, n, n / r * exp(.1 * normal(&random)));
        }
        assert_int_equal(usl_fit(&u, .15, 4.2).refused, USL_NOT_REACHED);
    }
}

static void refusals(void **state)
{
    struct system few = paper, narrow = paper, far = paper, wild = paper;
    struct usl u = {0};
    (void)state;
    few.windows = 119;
    assert_int_equal(seen(&few, 1).refused, USL_FEW);
    narrow.least = 25;
    assert_int_equal(seen(&narrow, 1).refused, USL_NARROW);
    far.most = 6; /* 4,600 a second: not half of what would come */
    assert_int_equal(seen(&far, 1).refused, USL_NOT_REACHED);
    wild.noise = 1.5;
    assert_int_equal(seen(&wild, 1).refused, USL_BAD);
    for (unsigned i = 0; i < 200; i++) {
        double n = 1 + i * .3;
        usl_add(&u, i / 100, n, law(&paper, n));
    }
    assert_int_equal(usl_fit(&u, 4, 58).refused, USL_CLUSTERED);
    assert_string_equal(usl_refusal_name(USL_CLUSTERED), "clustered");
    assert_string_equal(usl_refusal_name(USL_UNSTABLE), "unstable");
    assert_null(usl_refusal_name(USL_FITS));
}

/* Beyond its knee throughput falls, and is seen to. */
static void beyond(void **state)
{
    struct system s = {10, .05, .002, .1, 1, 45, 300}, near = s;
    (void)state;
    near.most = 25;
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct usl_fit f = seen(&s, seed);
        assert_true(f.fell);
        assert_false(seen(&near, seed).fell);
    }
}

/* A law that holds in half of the time alone gives no figure. */
static void changed(void **state)
{
    struct usl u = {0};
    struct system before = {1000, .05, .0005, 0, 1, 60, 300}, after = {300, .4, .02, 0, 1, 60, 300};
    uint64_t random = 5;
    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        double n = i < 360 ? 1 + 8 * uniform(&random) : 1 + 40 * uniform(&random);
        usl_add(&u, i * USL_BLOCKS / 400, n, law(i < 360 ? &before : &after, n));
    }
    assert_int_not_equal(usl_fit(&u, 1.4, 20).refused, USL_FITS);
}

static void bins(void **state)
{
    struct usl u = {0};
    (void)state;
    for (unsigned b = 0; b < USL_BINS; b++) {
        usl_add(&u, 0, usl_bin_low(b), 8);
        usl_add(&u, 0, usl_bin_low(b + 1) * (1 - 1e-12), 8);
    }
    for (unsigned b = 0; b < USL_BINS; b++)
        assert_int_equal(u.bin[b].n, 2);
    usl_add(&u, 0, 1e-9, 8);
    usl_add(&u, 0, 1e9, 8);
    usl_add(&u, 0, 0, 8);
    usl_add(&u, 0, 5, 0);
    usl_add(&u, USL_BLOCKS, 5, 5);
    assert_int_equal(u.bin[0].n + u.bin[USL_BINS - 1].n, 6);
    assert_int_equal(u.block[0].n, 2 * USL_BINS + 2);
    assert_true(fabs(u.bin[40].throughput2 - 128) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toy),        cmocka_unit_test(noisy),         cmocka_unit_test(linear),
        cmocka_unit_test(levels_off), cmocka_unit_test(constant_rate), cmocka_unit_test(two_kinds),
        cmocka_unit_test(refusals),   cmocka_unit_test(changed),       cmocka_unit_test(beyond),
        cmocka_unit_test(bins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
