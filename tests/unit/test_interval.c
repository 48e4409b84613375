/* Intervals: every number of ALGORITHMS.md 4.5, the incomplete beta against closed forms, the bounds against the
 * binomial sums they invert. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/interval.h"

static bool near(double a, double b, double error)
{
    return fabs(a - b) <= error;
}

static void wilson(void **state)
{
    static const struct {
        double k, n, high, digit;
    } table[] = {{3, 400, 0.02182, 5e-6},  {0, 400, 0.00951, 5e-6},   {0, 100, 0.03699, 6e-6},
                 {2, 4000, 0.00182, 5e-6}, {30, 4000, 0.01069, 5e-6}, {30, 1000, 0.0425, 5e-5}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_true(near(interval_wilson(table[i].k / table[i].n, table[i].n, INTERVAL_Z95).high, table[i].high,
                         table[i].digit));
    assert_true(near(interval_wilson(3 / 400., 400, INTERVAL_Z95).low, 0.00255, 5e-6));
    assert_true(interval_wilson(0, 400, INTERVAL_Z95).low == 0);
    assert_true(interval_wilson(1, 400, INTERVAL_Z95).high == 1);
    assert_true(interval_wilson(0, 0, INTERVAL_Z95).low == 0 && interval_wilson(0, 0, INTERVAL_Z95).high == 1);
}

/* ALGORITHMS.md 3.9: from how many clean cycles on the bound is small enough. */
static void clean_cycles(void **state)
{
    (void)state;
    assert_true(interval_wilson(0, 381, INTERVAL_Z95).high <= 0.01);
    assert_false(interval_wilson(0, 380, INTERVAL_Z95).high <= 0.01);
    assert_true(interval_wilson(0, 3838, INTERVAL_Z95).high <= 0.001);
    assert_false(interval_wilson(0, 3837, INTERVAL_Z95).high <= 0.001);
}

static void clopper_pearson(void **state)
{
    (void)state;
    assert_true(near(interval_high(0, 300, .05), 0.00994, 5e-6));
    assert_true(near(interval_high(0, 3000, .05), 0.000998, 5e-7));
    assert_true(interval_low(0, 300, .05) == 0 && interval_high(300, 300, .05) == 1);
    assert_true(interval_low(0, 0, .05) == 0 && interval_high(0, 0, .05) == 1);
    assert_true(near(interval_low(300, 300, .05), 1 - interval_high(0, 300, .05), 1e-12));
    assert_true(near(interval_high(3, 10, .025), 0.652453, 1e-6)); /* printed in many tables */
    assert_true(near(interval_low(3, 10, .025), 0.066740, 1e-6));
}

/* P(X <= k) of a binomial. */
static double binomial(int k, int n, double p)
{
    double sum = 0;
    for (int i = 0; i <= k; i++)
        sum += exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * log(p) + (n - i) * log1p(-p));
    return sum;
}

static void bounds_invert_the_binomial(void **state)
{
    static const double alphas[] = {.05, .025, .001};
    static const int trials[] = {1, 2, 7, 40, 333, 5000};
    (void)state;
    for (int a = 0; a < 3; a++)
        for (int t = 0; t < 6; t++)
            for (int k = 0, n = trials[t]; k < n; k += 1 + n / 13) {
                double high = interval_high(k, n, alphas[a]), low = interval_low(k + 1, n, alphas[a]);
                assert_true(near(binomial(k, n, high), alphas[a], 1e-9));
                assert_true(near(1 - binomial(k, n, low), alphas[a], 1e-9));
                assert_true(near(low, 1 - interval_high(n - k - 1, n, alphas[a]), 1e-9));
            }
}

static void beta_closed_forms(void **state)
{
    (void)state;
    for (double x = 0.01; x < 1; x += 0.07)
        for (double a = 0.5; a < 3000; a *= 3.7) {
            assert_true(near(interval_beta(x, a, 1), pow(x, a), 1e-12));
            assert_true(near(interval_beta(x, 1, a), -expm1(a * log1p(-x)), 1e-12));
            assert_true(near(interval_beta(x, a, 17) + interval_beta(1 - x, 17, a), 1, 1e-12));
        }
    assert_true(near(interval_beta(.5, 1e6, 1e6), .5, 1e-9));
    assert_true(interval_beta(0, 2, 3) == 0 && interval_beta(1, 2, 3) == 1);
}

static void normal(void **state)
{
    (void)state;
    assert_true(near(interval_normal(.975), 1.959963984540054, 1e-12));
    assert_true(near(interval_normal(.025), -1.959963984540054, 1e-12));
    assert_true(near(interval_normal(1e-12), -7.034483825, 1e-8));
    assert_true(near(interval_normal(.5), 0, 1e-12));
    assert_true(interval_normal(0) == -INFINITY && interval_normal(1) == INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson), cmocka_unit_test(clean_cycles),      cmocka_unit_test(clopper_pearson),
        cmocka_unit_test(normal), cmocka_unit_test(beta_closed_forms), cmocka_unit_test(bounds_invert_the_binomial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
