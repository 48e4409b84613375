/* Where copies belong: one endpoint for every branch. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/report/placement.h"

/* A thousand look-ups of ten keys in 10,000 s; 60 s is advised. */
static struct row_endpoint endpoint(uint64_t pairs)
{
    struct row_endpoint e = {.eligible = 1000, .keys = 10, .live = SLICE("[[60,1000000,10,1,1,10000000]]")};
    e.declared[DECLARED_pairs] = pairs;
    return e;
}

static struct placement placed(const struct row_endpoint *e, enum advice_kind kind, enum sharing_verdict v, double hits)
{
    struct facts f = {.first_us = 0, .last_us = INT64_C(10000000000)};
    struct advice a = {.kind = kind, .sharing = {.verdict = v}, .lifetime = {.ttl_s = 60, .hit_ratio = hits}};
    return placement_of(e, &f, &a);
}

static void who_repeats_and_how_much(void **state)
{
    struct row_endpoint e = endpoint(100);
    (void)state;
    struct placement p = placed(&e, ADVICE_CACHE, SHARING_SHARED, 0.8);
    assert_true(p.where == PLACEMENT_GATEWAY && fabs(p.repeats - .99) < 1e-12 &&
                fabs(p.repeats_of_client - .9) < 1e-12);
    assert_true(fabs(p.hits_of_client - .06 / 1.06) < 1e-12 && fabs(p.bytes - 1.1e6 - 10240) < 1e-6);
    p = placed(&e, ADVICE_CACHE, SHARING_SHARED, 0.06); /* a shared cache would hardly do better */
    assert_int_equal(p.where, PLACEMENT_CLIENT);
    e.live = SLICE("[[60,100000000,10,1,1,10000000]]");
    assert_int_equal(placed(&e, ADVICE_MICRO, SHARING_SHARED, 0.8).where, PLACEMENT_SHARED);
    e.live = SLICE("");
    p = placed(&e, ADVICE_PURGE, SHARING_SHARED, 0.8);
    assert_true(p.where == PLACEMENT_NONE && isnan(p.bytes));
    e = endpoint(0); /* audited by a version that did not count pairs */
    p = placed(&e, ADVICE_CACHE, SHARING_SHARED, 0.8);
    assert_true(p.where == PLACEMENT_NONE && isnan(p.repeats_of_client));
}

static void what_is_not_shared_stays_with_clients(void **state)
{
    struct row_endpoint e = endpoint(100), once = endpoint(950), unknown = endpoint(0);
    (void)state;
    assert_int_equal(placed(&e, ADVICE_NONE, SHARING_PRIVATE, NAN).where, PLACEMENT_CLIENT);
    assert_int_equal(placed(&e, ADVICE_FIX, SHARING_TENANT, NAN).where, PLACEMENT_CLIENT);
    assert_int_equal(placed(&once, ADVICE_NONE, SHARING_PRIVATE, NAN).where, PLACEMENT_NONE);
    assert_int_equal(placed(&unknown, ADVICE_NONE, SHARING_PRIVATE, NAN).where, PLACEMENT_NONE);
    assert_int_equal(placed(&e, ADVICE_NONE, SHARING_UNDECIDED, NAN).where, PLACEMENT_NONE);
    assert_int_equal(placed(&e, ADVICE_NOT, SHARING_SHARED, NAN).where, PLACEMENT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_repeats_and_how_much),
                                       cmocka_unit_test(what_is_not_shared_stays_with_clients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
