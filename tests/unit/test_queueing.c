/* The queueing index (ALGORITHMS.md 8.5): a backend whose slow answers wait when it is busy, one that only gets slower,
 * and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/queueing.h"

/* One second with so many answers of `usual`, and a tenth as many of `slow`, microseconds. */
static void second(struct queueing *q, int64_t at, uint64_t area_us, unsigned n, uint64_t usual, uint64_t slow)
{
    for (unsigned i = 0; i < n; i++)
        queueing_answer(q, 1, at, i % 10 ? usual : slow);
    queueing_second(q, 1, at, area_us);
}

static struct queueing_found run(unsigned seconds, unsigned n, uint64_t busy_area, uint64_t busy_slow)
{
    struct queueing *q = queueing_new(2);
    assert_non_null(q);
    for (unsigned i = 0; i < seconds; i++)
        second(q, i, i % 2 ? busy_area : 1000000, n, i % 2 ? 20000 : 10000, i % 2 ? busy_slow : 20000);
    queueing_answer(q, 1, 5000, 1); /* of a second that is not told of */
    queueing_second(q, 0, 5001, 1);
    queueing_end(q);
    struct queueing_found f = queueing_of(q, 1);
    assert_true(queueing_of(q, 0).refused == QUEUEING_FEW_SECONDS);
    queueing_free(q);
    return f;
}

static void toy(void **state)
{
    (void)state;
    struct queueing_found f = run(300, 10, 8000000, 120000);
    assert_true(f.refused == QUEUEING_FITS);
    assert_true(fabs(f.idle - 2) < .06 && fabs(f.busy - 6) < .2 && fabs(f.index - 3) < .1);
    f = run(300, 10, 8000000, 40000); /* all of it is twice as slow: no queue */
    assert_true(f.refused == QUEUEING_FITS && fabs(f.index - 1) < .04);
}

static void refusals(void **state)
{
    (void)state;
    assert_true(run(299, 10, 8000000, 120000).refused == QUEUEING_FEW_SECONDS);
    assert_true(run(300, 10, 1000000, 120000).refused == QUEUEING_NARROW);
    struct queueing *q = queueing_new(2);
    for (int i = 0; i < 500; i++)
        second(q, i, (uint64_t)i * i * 100, 1, 10, 10);
    queueing_end(q);
    struct queueing_found f = queueing_of(q, 1);
    assert_true(f.refused == QUEUEING_FEW_ANSWERS && isnan(f.index));
    queueing_free(q);
    q = queueing_new(2);
    for (int i = 0; i < 400; i++)
        second(q, i, i % 2 ? 8000000 : 1000000, 10, 0, 5);
    queueing_end(q);
    assert_true(queueing_of(q, 1).refused == QUEUEING_NO_TIME);
    queueing_free(q);
}

/* A flood of answers in one second: there is an end to what is kept, and no number. */
static void flood(void **state)
{
    (void)state;
    struct queueing *q = queueing_new(2);
    for (unsigned i = 0; i <= QUEUEING_PENDING; i++)
        queueing_answer(q, 1, 0, i);
    for (int i = 0; i < 400; i++)
        second(q, i, i % 2 ? 8000000 : 1000000, 10, 10, 20);
    queueing_end(q);
    assert_true(queueing_of(q, 1).refused == QUEUEING_NO_ROOM);
    queueing_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(toy), cmocka_unit_test(refusals), cmocka_unit_test(flood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
