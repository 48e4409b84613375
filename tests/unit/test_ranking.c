/* The rules of the list of bottlenecks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/ranking.h"

static void rates(void **state)
{
    (void)state;
    assert_true(ranking_per_hour(10, 7200) == 5);
    assert_true(isnan(ranking_per_hour(10, 0)) && isnan(ranking_per_hour(10, NAN)));
    assert_true(ranking_confidence(0, NAN) == 0 && ranking_confidence(1, 1) == 0);
    assert_true(ranking_confidence(100, NAN) == .9 && ranking_confidence(100, .5) == .45);
    assert_true(ranking_score(100, .5, EFFORT_CODE) == 12.5);
    assert_true(ranking_decade(0) == 0 && ranking_decade(9.9) == 0 && ranking_decade(10) == 1);
    assert_int_equal(ranking_decade(1e6), 6);
}

static void medians(void **state)
{
    double odd[] = {3, 1, 2}, even[] = {4, 1, 2, 3};
    (void)state;
    assert_true(ranking_median(odd, 3) == 2 && ranking_median(even, 4) == 2.5 && isnan(ranking_median(odd, 0)));
}

static void tail(void **state)
{
    struct hist_dense d = {.n = 100};
    uint64_t n;
    (void)state;
    d.count[hist_index(40)] = 96;
    d.count[hist_index(1000000)] = 4;
    double wanted = 4 * (hist_middle(hist_index(1000000)) - hist_middle(hist_index(40))) / 1e6;
    assert_true(fabs(ranking_tail(&d, &n) - wanted) < 1e-12);
    assert_int_equal(n, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rates), cmocka_unit_test(medians), cmocka_unit_test(tail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
