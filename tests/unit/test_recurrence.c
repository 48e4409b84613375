/* How soon keys come again: the toy of ALGORITHMS.md 2.2, edges, time that runs backwards, keys that are not followed.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "analysis/recurrence.h"

enum { ONE_S = 0, FIVE_S = 2, TEN_S = 3, TWENTY_S = 4 };

static void visit(struct recurrence *r, struct recurrence_sums *s, int64_t ms, uint32_t key, uint32_t flags)
{
    struct row_exchange x = {
        .arrival_us = INT64_C(1700000000000000) + ms * 1000, .key = key, .flags = flags, .status = 200};
    recurrence_visit(r, &x, s);
}

static bool is(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static void toy(void **state)
{
    static const struct {
        unsigned s, key;
    } tr1[] = {{0, 1}, {3, 1}, {4, 2}, {9, 1}, {11, 1}, {12, 2}, {14, 1}, {20, 1}, {22, 2}, {31, 1}};
    struct recurrence r = {0};
    struct recurrence_sums s = {0};
    (void)state;
    for (unsigned i = 0; i < sizeof tr1 / sizeof *tr1; i++)
        visit(&r, &s, tr1[i].s * 1000, tr1[i].key, ROW_ELIGIBLE);
    assert_true(is(recurrence_within(&s, FIVE_S), 0.3) && is(recurrence_within(&s, TEN_S), 0.7));
    assert_true(is(recurrence_within(&s, TWENTY_S), 0.8) && is(recurrence_within(&s, ONE_S), 0));
    recurrence_free(&r);
}

/* A gap of exactly the time is within it; what is no look-up moves the key's time, and is no visit of it. */
static void edges(void **state)
{
    struct recurrence r = {0};
    struct recurrence_sums s = {0};
    (void)state;
    visit(&r, &s, 0, 1, ROW_ELIGIBLE);
    visit(&r, &s, 1000, 1, ROW_ELIGIBLE);
    visit(&r, &s, 2001, 1, ROW_ELIGIBLE);
    visit(&r, &s, 2500, 1, 0);
    visit(&r, &s, 2100, 1, ROW_ELIGIBLE); /* late: at 2500 */
    visit(&r, &s, 3499, 1, ROW_ELIGIBLE);
    assert_int_equal(s.lookups, 5);
    assert_int_equal(s.again[ONE_S], 3);
    visit(&r, NULL, 9000, 2, ROW_ELIGIBLE); /* before the window */
    visit(&r, &s, 9000, 2, ROW_ELIGIBLE);
    assert_int_equal(s.again[ONE_S], 4);
    recurrence_free(&r);
}

static void unknown(void **state)
{
    struct recurrence r = {0};
    struct recurrence_sums s = {0};
    (void)state;
    assert_true(isnan(recurrence_within(&s, TEN_S)));
    visit(&r, &s, 0, 1, ROW_ELIGIBLE);
    assert_true(is(recurrence_within(&s, TEN_S), 0));
    visit(&r, &s, 0, 0, ROW_ELIGIBLE);
    assert_true(isnan(recurrence_within(&s, TEN_S)));
    visit(&r, &s, 0, RECURRENCE_KEYS, ROW_ELIGIBLE);
    assert_int_equal(s.untracked, 2);
    recurrence_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(toy), cmocka_unit_test(edges), cmocka_unit_test(unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
