/* What is given up when a live capture does not keep up, and when (ALGORITHMS.md 11.3): by packet time alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/hash.h"
#include "capture/ease.h"

static const int64_t epoch = 1700000000000000;
static struct ease ease;
static struct ease_count counts[EASE_STEPS];

static void fresh(void)
{
    ease_init(&ease);
    memset(counts, 0, sizeof counts);
}

/* Told every 100 ms from `from` up to `to`, tenths of a second. */
static void told(int from, int to, bool behind)
{
    for (int i = from; i < to; i++)
        ease_note(&ease, epoch + i * INT64_C(100000), behind, counts);
}

static void one_step_for_every_five_seconds(void **state)
{
    (void)state;
    fresh();
    told(0, 50, true);
    assert_int_equal(ease.step, 0);
    told(50, 51, true);
    assert_int_equal(ease.step, EASE_BODIES + 1);
    told(51, 101, true);
    assert_int_equal(ease.step, EASE_PARTS + 1);
    told(101, 2000, true);
    assert_int_equal(ease.step, EASE_STEPS);
    assert_int_equal(counts[EASE_BODIES].us, (1999 - 50) * 100000);
    assert_int_equal(counts[EASE_PARTS].us, (1999 - 100) * 100000);
    for (int i = 0; i < EASE_STEPS; i++)
        assert_int_equal(counts[i].times, 1);
}

static void a_moment_is_nothing(void **state)
{
    (void)state;
    fresh();
    for (int i = 0; i < 100; i++) {
        told(i * 100, i * 100 + 49, true);
        told(i * 100 + 49, i * 100 + 100, false);
    }
    assert_int_equal(ease.step, 0);
    assert_int_equal(counts[EASE_BODIES].times, 0);
}

static void it_comes_back_in_reverse(void **state)
{
    (void)state;
    fresh();
    told(0, 160, true);
    assert_int_equal(ease.step, EASE_HALF + 1);
    told(160, 760, false);
    assert_int_equal(ease.step, EASE_HALF + 1);
    told(760, 761, false);
    assert_int_equal(ease.step, EASE_PARTS + 1);
    told(761, 800, false);
    told(800, 840, true); /* too short for a step, long enough to begin the minute again */
    told(840, 1440, false);
    assert_int_equal(ease.step, EASE_PARTS + 1);
    told(1440, 1441, false);
    assert_int_equal(ease.step, EASE_BODIES + 1);
    told(1441, 2100, false);
    assert_int_equal(ease.step, 0);
    told(2100, 2152, true);
    assert_int_equal(counts[EASE_BODIES].times, 2);
    assert_int_equal(counts[EASE_PARTS].times, 1);
}

static void time_in_which_nothing_came_is_not_counted(void **state)
{
    (void)state;
    fresh();
    told(0, 51, true);
    told(100000, 100001, true);
    assert_int_equal(counts[EASE_BODIES].us, 0);
    told(0, 1, true); /* and it does not run backwards */
    told(100001, 100002, true);
    assert_int_equal(counts[EASE_BODIES].us, 100000);
}

static void shares_of_connections(void **state)
{
    unsigned read[EASE_STEPS + 1] = {0};
    (void)state;
    for (uint32_t i = 0; i < 80000; i++) {
        uint32_t hash = (uint32_t)hash_mix(i + 1) | 1;
        for (unsigned step = 0; step <= EASE_STEPS; step++) {
            bool now = ease_reads(step, hash);
            read[step] += now;
            assert_true(!step || !now || ease_reads(step - 1, hash)); /* who is read later was read before */
        }
    }
    assert_true(read[0] == 80000 && read[EASE_PARTS + 1] == 80000);
    assert_in_range(read[EASE_HALF + 1], 39000, 41000);
    assert_in_range(read[EASE_QUARTER + 1], 19300, 20700);
    assert_in_range(read[EASE_EIGHTH + 1], 9600, 10400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_step_for_every_five_seconds), cmocka_unit_test(a_moment_is_nothing),
        cmocka_unit_test(it_comes_back_in_reverse),        cmocka_unit_test(time_in_which_nothing_came_is_not_counted),
        cmocka_unit_test(shares_of_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
