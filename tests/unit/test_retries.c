/* Retries: chains, what ends them, how they wait (ALGORITHMS.md 7.8). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/retries.h"
#include "base/hash.h"

#define S INT64_C(1000000)

static struct retries_seen try(struct retries *r, uint64_t hash, int64_t start, int64_t end, bool failed)
{
    return retries_add(r, &(struct retries_call){hash, start, end, -1, failed});
}

static void chain(void **state)
{
    struct retries *r = retries_new();
    (void)state;
    assert_false(try(r, 1, 0, 1 * S, true).retry);
    assert_false(try(r, 2, 2 * S, 3 * S, true).retry);
    struct retries_seen s = try(r, 1, 2 * S, 3 * S, true);
    assert_true(s.retry && s.attempt == 2 && isnan(s.ratio));
    assert_true(fabs(s.gap_s - 1) < 1e-9);
    s = try(r, 1, 5 * S, 6 * S, false);
    assert_true(s.retry && s.attempt == 3);
    assert_true(fabs(s.ratio - 2) < 1e-9);
    assert_false(try(r, 1, 7 * S, 8 * S, false).retry); /* it had succeeded */
    assert_true(try(r, 2, 63 * S, 64 * S, true).retry); /* 60 s are within */
    assert_false(try(r, 2, 124 * S + 1, 125 * S, true).retry);
    retries_free(r);
}

static void beside(void **state)
{
    struct retries *r = retries_new();
    (void)state;
    assert_false(try(r, 1, 0, 10 * S, true).retry);
    assert_false(try(r, 1, 5 * S, 6 * S, false).retry); /* began before the failure was known */
    assert_true(try(r, 1, 11 * S, 12 * S, false).retry);
    retries_free(r);
}

static void asked_to_wait(void **state)
{
    struct retries *r = retries_new();
    (void)state;
    retries_add(r, &(struct retries_call){1, 0, 1 * S, 5 * S, true});
    assert_true(retries_add(r, &(struct retries_call){1, 6 * S - 1, 7 * S, 5 * S, true}).early);
    assert_false(retries_add(r, &(struct retries_call){1, 12 * S, 13 * S, -1, true}).early);
    retries_free(r);
}

static void crowd(void **state)
{
    struct retries *r = retries_new();
    (void)state;
    for (uint64_t i = 0; i < RETRIES_MOST + 100; i++)
        try(r, hash_mix(i + 1), (int64_t)i, (int64_t)i, true);
    assert_true(retries_lost(r) >= 100);
    assert_true(try(r, hash_mix(RETRIES_MOST + 50), S, S, true).retry);
    retries_free(r);
}

static void classes(void **state)
{
    float fixed[] = {1, 1.01f, .99f, 1}, doubling[] = {2, 2, 2.05f}, jittered[] = {2.6f, 1.4f, 2, 1.6f, 2.4f},
          loose[] = {1, 1.3f, .8f, 1.1f, .9f}, odd[] = {.1f, .2f, .3f, 1}, few[] = {2, 2};
    (void)state;
    struct backoff b = retries_backoff(fixed, 4);
    assert_true(b.kind == BACKOFF_FIXED && !b.jitter);
    b = retries_backoff(doubling, 3);
    assert_true(b.kind == BACKOFF_EXPONENTIAL && !b.jitter && b.ratio == 2);
    b = retries_backoff(jittered, 5);
    assert_true(b.kind == BACKOFF_EXPONENTIAL && b.jitter);
    b = retries_backoff(loose, 5);
    assert_true(b.kind == BACKOFF_FIXED && b.jitter);
    assert_int_equal(retries_backoff(odd, 4).kind, BACKOFF_IRREGULAR);
    assert_int_equal(retries_backoff(few, 2).kind, BACKOFF_UNKNOWN);
}

static void storms(void **state)
{
    struct retries_storm s = {0};
    (void)state;
    for (int i = 0; i < 10; i++) /* 3 of 10 retries, 2 of 10 errors */
        storm_add(&s, 100 * S + i, i < 3, i < 2);
    for (int i = 0; i < 100; i++)
        storm_add(&s, 110 * S + i, i < 29, true);
    for (int i = 0; i < 100; i++)
        storm_add(&s, 120 * S + i, true, i < 19);
    for (int i = 0; i < 9; i++) /* too few */
        storm_add(&s, 130 * S + i, true, true);
    for (int i = 0; i < 30; i++)
        storm_add(&s, 200 * S + i, true, true);
    storm_close(&s);
    assert_int_equal(s.storms, 2);
    assert_int_equal(s.first_s, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(chain),         cmocka_unit_test(beside),
                                       cmocka_unit_test(asked_to_wait), cmocka_unit_test(crowd),
                                       cmocka_unit_test(classes),       cmocka_unit_test(storms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
