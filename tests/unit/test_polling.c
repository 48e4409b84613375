/* Pollers and floods (ALGORITHMS.md 7.2, 7.5). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/floods.h"
#include "analysis/polling.h"

#define S INT64_C(1000000)

static struct polling_sums *sums_of(void *context, uint32_t endpoint)
{
    return (struct polling_sums *)context + endpoint;
}

static void ask(struct polling *p, uint32_t client, uint32_t content, int64_t at, bool unmodified)
{
    polling_read(p, &(struct polling_read){client, 5, 1, content, at, 1000, unmodified});
}

static void even(void **state)
{
    struct polling_sums sums[2] = {0};
    struct polling *p = polling_new(sums_of, sums);
    (void)state;
    for (int i = 0; i < 40; i++)
        ask(p, 7, i < 20 ? 1 : 2, i * 10 * S, i == 30);
    for (int i = 0; i < 30; i++)
        ask(p, 8, 1, i * 10 * S, false); /* 29 gaps are too few */
    for (int i = 0; i < 400; i++)
        ask(p, 9, 1, i * i * S / 100, false); /* not even */
    polling_end(p);
    assert_true(sums[1].pollers == 1 && sums[1].polls == 40);
    assert_true(sums[1].idle == 38 && sums[1].idle_us == 38000); /* not the first, not the one that changed */
    assert_true(fabs(sums[1].period_s - 10) < 1e-9);
    assert_int_equal(polling_lost(p), 0);
    polling_free(p);
}

/* A crowd that comes once does not drive a poller out; what is beyond the places is counted. */
static void crowd(void **state)
{
    struct polling_sums sums[2] = {0};
    struct polling *p = polling_new(sums_of, sums);
    (void)state;
    for (int i = 0; i < 60; i++) {
        ask(p, 7, 1, i * 10 * S, false);
        for (uint32_t k = 0; k < 10000; k++)
            ask(p, 1000 + (uint32_t)i * 10000 + k, 1, i * 10 * S + k, false);
    }
    polling_end(p);
    assert_true(sums[1].pollers == 1 && sums[1].idle == 59);
    polling_free(p);
}

/* One request a second, two at once: of ten in a moment eight are beyond, and one more each second is not. */
static void bucket(void **state)
{
    struct flood f = {.client = 1, .rate = 1, .burst = 2, .level = 2, .last_us = INT64_MIN};
    (void)state;
    for (int i = 0; i < 10; i++)
        floods_take(&f, 0, 5);
    assert_true(f.requests == 10 && f.rejected == 8 && f.rejected_us == 40);
    floods_take(&f, S, 5);
    assert_int_equal(f.rejected, 8);
    floods_take(&f, S + S / 2, 5);
    assert_int_equal(f.rejected, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(even), cmocka_unit_test(crowd), cmocka_unit_test(bucket)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
