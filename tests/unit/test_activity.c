/* Slots for a picture of requests over time: as short as fit, and every moment in exactly one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analysis/activity.h"

static const int64_t second = 1000000, epoch = 1700000000000000;

static void the_shortest_that_fits(void **state)
{
    (void)state;
    struct activity_scale s = activity_scale(epoch, epoch);
    assert_true(s.step_s == 1 && s.n == 1 && s.from_s == epoch / second);
    s = activity_scale(epoch, epoch + 63 * second);
    assert_true(s.step_s == 1 && s.n == ACTIVITY_SLOTS);
    s = activity_scale(epoch, epoch + 64 * second);
    assert_true(s.step_s == 2 && s.n == 33);
    s = activity_scale(epoch, epoch + 3600 * second);
    assert_true(s.step_s == 60 && s.n == 61 && s.from_s % 60 == 0);
    s = activity_scale(epoch, epoch - 1);
    assert_int_equal(s.n, 0);
    assert_int_equal(activity_slot(&s, epoch), 0);
}

static void every_moment_has_a_slot(void **state)
{
    (void)state;
    for (int64_t length = 1; length < INT64_C(3000000000000000); length = length * 7 / 4 + 1) {
        struct activity_scale s = activity_scale(epoch, epoch + length);
        assert_true(s.n > 0 && s.n <= ACTIVITY_SLOTS && s.from_s % s.step_s == 0);
        assert_int_equal(activity_slot(&s, epoch), 0);
        assert_int_equal(activity_slot(&s, epoch + length), s.n - 1);
        assert_int_equal(activity_slot(&s, s.from_s * second - 1), s.n);
        assert_int_equal(activity_slot(&s, (s.from_s + s.n * s.step_s) * second), s.n);
    }
}

static void before_1970(void **state)
{
    (void)state;
    struct activity_scale s = activity_scale(-90 * second - 1, 5 * second);
    assert_true(s.step_s == 2 && s.from_s == -92);
    assert_int_equal(activity_slot(&s, -90 * second - 1), 0);
    assert_int_equal(activity_slot(&s, -90 * second), 1);
    assert_int_equal(activity_slot(&s, 5 * second), s.n - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_that_fits),
        cmocka_unit_test(every_moment_has_a_slot),
        cmocka_unit_test(before_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
