/* Ranks that rise together: the extremes, ties, and what is kept of very many. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analysis/trend.h"

static void extremes(void **state)
{
    static struct trend up, down, flat, few, ties;
    (void)state;
    for (int i = 0; i < 400; i++) {
        trend_add(&up, i, exp(i / 50.));
        trend_add(&down, i, -i);
        trend_add(&flat, i, 7);
        trend_add(&ties, i / 200, i / 200);
        if (i < TREND_LEAST - 1)
            trend_add(&few, i, i);
    }
    assert_true(fabs(trend_spearman(&up) - 1) < 1e-12);
    assert_true(fabs(trend_spearman(&down) + 1) < 1e-12);
    assert_true(fabs(trend_spearman(&ties) - 1) < 1e-12);
    assert_true(isnan(trend_spearman(&flat)));
    assert_true(isnan(trend_spearman(&few)));
}

/* Three hundred pairs whose ranks are those of a square table: rho is 1 - 6 sum d^2 / (n (n^2 - 1)). */
static void known(void **state)
{
    static struct trend t;
    double squares = 0;
    (void)state;
    for (int i = 0; i < 300; i++) {
        int y = i * 7 % 300 == 0 ? i : i * 7 % 300; /* 7 and 300 have no common divisor */
        trend_add(&t, i, y);
        squares += (double)(i - y) * (i - y);
    }
    assert_true(fabs(trend_spearman(&t) - (1 - 6 * squares / (300. * (300. * 300. - 1)))) < 1e-12);
}

static void many(void **state)
{
    static struct trend t;
    (void)state;
    for (int i = 0; i < 100000; i++)
        trend_add(&t, i, i % 2 ? i : 100000 - i);
    assert_in_range(t.n, TREND_MOST / 2, TREND_MOST);
    assert_int_equal(t.stride, 64);
    for (uint32_t i = 0; i < t.n; i++)
        assert_true(t.x[i] == (float)(i * t.stride));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extremes),
        cmocka_unit_test(known),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
