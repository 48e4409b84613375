/* The rules by which a deployed policy is held to what was said of it: each verdict on both sides of its bound. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/promise.h"

static struct watched_sums sums;

/* A thousand look-ups, nine hundred of them hits, all as they should be. */
static struct promise_cache working(void)
{
    sums = (struct watched_sums){.lookups = 1000,
                                 .shown = 1000,
                                 .hits = 900,
                                 .ruled_hits = 900,
                                 .model = {.lookups = 1000, .hits = 900},
                                 .judged = 950,
                                 .fresh = 880,
                                 .given = 880,
                                 .given_own = 300,
                                 .fills = 100,
                                 .cycles = 90,
                                 .cycle_hits = 880};
    return (struct promise_cache){&sums, false, 0.02};
}

static void ages(struct hist_dense *h, uint64_t from_ms, uint64_t to_ms, unsigned n)
{
    for (unsigned i = 0; i < n; i++, h->n++)
        h->count[hist_index(from_ms + (to_ms - from_ms) * i / n)]++;
}

static void what_works_is_kept(void **state)
{
    struct promise_cache c = working();
    (void)state;
    assert_int_equal(promise_cache(&c), PROMISE_AS_SAID);
    c.refresh = true;
    assert_int_equal(promise_cache(&c), PROMISE_ONLY_HITS);
    sums.early = 8; /* edges, evictions: 0.9 %, and the interval reaches lower */
    sums.late = 8;
    assert_int_equal(promise_verdict_of(promise_cache(&c)), PROMISE_KEPT);
}

static void few_requests_tell_nothing(void **state)
{
    struct promise_cache c = working();
    (void)state;
    sums.judged = 99;
    assert_int_equal(promise_cache(&c), PROMISE_FEW);
    sums.judged = 100;
    assert_int_equal(promise_cache(&c), PROMISE_AS_SAID);
    sums.fresh = 49;
    assert_int_equal(promise_cache(&c), PROMISE_FEW);
    assert_int_equal(promise_verdict_of(PROMISE_FEW), PROMISE_UNKNOWN);
}

static void what_is_fetched_early_has_a_reason(void **state)
{
    struct promise_cache c = working();
    (void)state;
    sums.early = 880;
    sums.ruled_hits = sums.hits = 0;
    assert_int_equal(promise_cache(&c), PROMISE_NO_HIT);
    c = working();
    sums.early = 200;
    ages(&sums.hit_age, 0, 2000, 600); /* all ages are given out, all ages are fetched */
    ages(&sums.early_age, 0, 2000, 200);
    assert_int_equal(promise_cache(&c), PROMISE_FINER);
    sums.early_client = 190;
    assert_int_equal(promise_cache(&c), PROMISE_FINER); /* copies go to clients who fetched nothing */
    sums.given_own = 875;
    assert_int_equal(promise_cache(&c), PROMISE_PER_CLIENT);
    c = working();
    sums.early = 200;
    ages(&sums.hit_age, 0, 10000, 600);
    ages(&sums.early_age, 10000, 30000, 200);
    assert_int_equal(promise_cache(&c), PROMISE_SHORTER);
}

static void late_copies_break_it(void **state)
{
    struct promise_cache c = working();
    (void)state;
    sums.late = 20; /* 2.1 %, at least 1.3 */
    assert_int_equal(promise_cache(&c), PROMISE_LONGER);
    sums.late = 12; /* 1.3 %, at least 0.7 */
    assert_int_equal(promise_cache(&c), PROMISE_AS_SAID);
    sums.late = 500;
    sums.early = 40;
    assert_int_equal(promise_cache(&c), PROMISE_LONGER); /* the larger share names it */
    sums.late = 40;
    sums.early = 500;
    ages(&sums.hit_age, 0, 2000, 600);
    ages(&sums.early_age, 0, 2000, 500);
    assert_int_equal(promise_cache(&c), PROMISE_FINER);
}

static void a_key_that_lacks_something_shows_by_contents(void **state)
{
    struct promise_cache c = working();
    (void)state;
    sums.foreign = 300;
    sums.late = 200;
    assert_int_equal(promise_cache(&c), PROMISE_COARSER);
    sums.alike = 60; /* keys have equal contents anyway */
    assert_int_equal(promise_cache(&c), PROMISE_LONGER);
}

static void copies_for_whom_it_was_not_come_first(void **state)
{
    struct promise_cache c = working();
    (void)state;
    sums.passed = 50;
    sums.passed_hits = 40;
    sums.early = 500;
    assert_int_equal(promise_cache(&c), PROMISE_WRONG_CLIENT);
}

static void stale_answers_are_held_to_the_bound(void **state)
{
    struct promise_cache c = working();
    struct interval of;
    (void)state;
    sums.stale = 88; /* a tenth of the hits, 90 cycles: at least 5.4 % */
    assert_true(fabs(promise_stale(&sums, &of) - 0.1) < 1e-12 && of.low > 0.05 && of.high < 0.19);
    assert_int_equal(promise_cache(&c), PROMISE_STALE);
    c.stale_most = 0.06;
    assert_int_equal(promise_cache(&c), PROMISE_AS_SAID);
    sums.cycle_hits = 0;
    assert_true(isnan(promise_stale(&sums, &of)) && of.low == 0 && of.high == 1);
}

static void the_origin_tells_by_spacing_and_by_rate(void **state)
{
    struct promise_origin o = {&sums, 0.80, 0.85, {NAN, NAN}};
    (void)state;
    working();
    sums.judged = 400;
    sums.fresh = sums.early = 0;
    assert_int_equal(promise_origin(&o), PROMISE_SPACED);
    o.spared = (struct interval){0.78, 0.88};
    assert_int_equal(promise_origin(&o), PROMISE_AS_SAID);
    o.spared = (struct interval){0.90, 0.95};
    assert_int_equal(promise_origin(&o), PROMISE_MORE_SPARED);
    o.spared = (struct interval){0.50, 0.70};
    assert_int_equal(promise_origin(&o), PROMISE_LESS_SPARED);
    sums.fresh = sums.early = 350;
    assert_int_equal(promise_origin(&o), PROMISE_NOTHING_SPARED);
    sums.fresh = sums.early = 50;
    assert_int_equal(promise_origin(&o), PROMISE_LESS_SPARED);
    sums.judged = sums.fresh = sums.early = 10;
    assert_int_equal(promise_origin(&o), PROMISE_FEW);
    o.spared = (struct interval){NAN, NAN};
    sums.judged = 20; /* none of twenty: had nothing been kept, sixteen would have been */
    sums.fresh = sums.early = 0;
    assert_int_equal(promise_origin(&o), PROMISE_SPACED);
    sums.judged = 5;
    assert_int_equal(promise_origin(&o), PROMISE_FEW);
}

static void what_is_spared_is_measured_by_the_rest(void **state)
{
    struct promise_rates r = {10000, 4000, 1000, 2000, 1};
    struct interval of;
    (void)state;
    /* Twice as much of the rest came, 0.4 times as much of this: a fifth is left. */
    assert_true(fabs(promise_spared(&r, &of) - 0.8) < 1e-12);
    assert_true(of.low > 0.78 && of.low < 0.8 && of.high > 0.8 && of.high < 0.82);
    r.dispersion = 9;
    struct interval wide;
    promise_spared(&r, &wide);
    assert_true(wide.low < of.low && wide.high > of.high);
    assert_true(promise_at_volume(0.8, 1) == 0.8 && promise_at_volume(1, 0.5) == 1);
    assert_true(fabs(promise_at_volume(0.9, 0.5) - 0.45 / 0.55) < 1e-12); /* nine a fetch, now four and a half */
    r.other_after = 99;
    assert_true(isnan(promise_spared(&r, &of)) && isnan(of.low));
}

static void limits_reject_what_they_should(void **state)
{
    (void)state;
    const struct {
        uint64_t requests, expected, observed, before;
        enum promise_reason reason;
    } t[] = {{1000, 500, 503, 0, PROMISE_AS_SAID},
             {1000, 0, 0, 0, PROMISE_UNTESTED},
             {1000, 500, 0, 0, PROMISE_LETS_THROUGH},
             {1000, 10, 60, 0, PROMISE_REJECTS_MORE},
             {99, 50, 0, 0, PROMISE_FEW},
             {1000, 500, 0, 3, PROMISE_OWN_LIMITS},
             {300, 2, 0, 0, PROMISE_AS_SAID},
             {300, 0, 6, 0, PROMISE_REJECTS_MORE}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct promise_limit l = {t[i].requests, t[i].expected, t[i].observed, t[i].before, 0.005};
        assert_int_equal(promise_limit(&l), t[i].reason);
    }
}

static void quantiles_behind_a_cache(void **state)
{
    (void)state;
    assert_true(isnan(promise_quantile(0.5, 0.8)) && isnan(promise_quantile(0.99, 1)));
    assert_true(fabs(promise_quantile(0.95, 0.8) - 0.75) < 1e-12 && promise_quantile(0.5, 0) == 0.5);
    assert_true(isnan(promise_quantile(0.5, 0.5)));
    struct interval b = promise_quantile_bounds(0.5, 100);
    assert_true(fabs(b.low - 0.402) < 1e-9 && fabs(b.high - 0.598) < 1e-9);
    b = promise_quantile_bounds(0.99, 0);
    assert_true(b.low == 0 && b.high == 1);
}

static void counts_in_slices(void **state)
{
    uint64_t even[WATCHED_SLICES], burst[WATCHED_SLICES] = {0};
    (void)state;
    for (int i = 0; i < WATCHED_SLICES; i++)
        even[i] = 10;
    burst[3] = 200;
    assert_true(watched_dispersion(even) == 1 && fabs(watched_dispersion(burst) - 200) < 1e-9);
    memset(even, 0, sizeof even);
    assert_true(watched_dispersion(even) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_works_is_kept),
                                       cmocka_unit_test(few_requests_tell_nothing),
                                       cmocka_unit_test(what_is_fetched_early_has_a_reason),
                                       cmocka_unit_test(late_copies_break_it),
                                       cmocka_unit_test(a_key_that_lacks_something_shows_by_contents),
                                       cmocka_unit_test(copies_for_whom_it_was_not_come_first),
                                       cmocka_unit_test(stale_answers_are_held_to_the_bound),
                                       cmocka_unit_test(the_origin_tells_by_spacing_and_by_rate),
                                       cmocka_unit_test(what_is_spared_is_measured_by_the_rest),
                                       cmocka_unit_test(limits_reject_what_they_should),
                                       cmocka_unit_test(quantiles_behind_a_cache),
                                       cmocka_unit_test(counts_in_slices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
