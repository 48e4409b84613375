/* Advice on lifetimes: one endpoint for every branch of ALGORITHMS.md 3.9. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/recommend.h"

enum { RUNGS = 6, LOOKUPS = 100000 };

static struct recommend_rung rung[RUNGS];

/* An endpoint watched for a day; hit ratios in thousandths, stale hits in each million of hits. */
static struct recommend_input endpoint(const unsigned hits[RUNGS], const unsigned stale[RUNGS], uint64_t cycles)
{
    static const uint32_t ttl[RUNGS] = {1, 10, 60, 600, 3600, 28800};
    for (int i = 0; i < RUNGS; i++) {
        uint64_t n = (uint64_t)hits[i] * LOOKUPS / 1000;
        rung[i] = (struct recommend_rung){.ttl_s = ttl[i],
                                          .lookups = LOOKUPS,
                                          .hits = n,
                                          .stale_hits = n * stale[i] / 1000000,
                                          .warm_lookups = LOOKUPS,
                                          .warm_hits = n,
                                          .cycles_hit = cycles,
                                          .bytes_saved = n * 1000,
                                          .server_us_saved = n * 20000};
    }
    return (struct recommend_input){.rung = rung,
                                    .n = RUNGS,
                                    .budget = RECOMMEND_BUDGET,
                                    .duration_s = 86400,
                                    .coverage = NAN,
                                    .not_modified = NAN,
                                    .validators = NAN,
                                    .body_bytes = NAN,
                                    .write_recall = NAN,
                                    .rate_per_key = NAN};
}

static const unsigned rising[RUNGS] = {300, 600, 780, 800, 805, 806};
static const unsigned clean[RUNGS] = {0};

static void more_hits_are_worth_it_no_more(void **state)
{
    struct recommend_input in = endpoint(rising, clean, 5000);
    struct recommendation r = recommend(&in);
    (void)state;
    assert_true(r.action == RECOMMEND_CACHE && r.standing == STANDING_OK && r.shown);
    assert_true(r.ttl_s == 60 && r.most_s == 28800 && r.end == RECOMMEND_END_LADDER);
    assert_true(fabs(r.hit_ratio - .78) < 1e-12 && r.hits.low < .78 && r.hits.high > .78);
    assert_true(r.stale_ratio == 0 && r.stale_high < .001 && r.requests_saved == 78000);
}

static void a_stale_rung_ends_it(void **state)
{
    static const unsigned stale[RUNGS] = {0, 2000, 30000, 0, 0, 0};
    struct recommend_input in = endpoint(rising, stale, 5000);
    struct recommendation r = recommend(&in);
    (void)state;
    assert_true(r.action == RECOMMEND_CACHE && r.ttl_s == 10 && r.most_s == 10 && r.end == RECOMMEND_END_STALE);
    in.budget = 0.03;
    assert_int_equal(recommend(&in).most_s, 28800);
}

/* 0 of 381 cycles: the bound is just within 1 %, twice that is enough without strict. */
static void clean_cycles(void **state)
{
    struct recommend_input in = endpoint(rising, clean, 381);
    (void)state;
    in.strict = true;
    struct recommendation r = recommend(&in);
    assert_true(r.action == RECOMMEND_CACHE && r.stale_high <= 0.01 && r.stale_high > 0.0099);
    in = endpoint(rising, clean, 380);
    in.strict = true;
    r = recommend(&in);
    assert_true(r.action == RECOMMEND_NOTHING && r.standing == STANDING_LOW_N && r.cycles_needed == 1);
    in.strict = false;
    assert_int_equal(recommend(&in).action, RECOMMEND_CACHE);
    in = endpoint(rising, clean, 188);
    assert_int_equal(recommend(&in).action, RECOMMEND_NOTHING);
    in = endpoint(rising, clean, 189);
    assert_int_equal(recommend(&in).action, RECOMMEND_CACHE);
}

/* Half a percent stale is within the budget, but 200 cycles do not prove it. */
static void the_bound_counts(void **state)
{
    static const unsigned stale[RUNGS] = {5000, 5000, 5000, 5000, 5000, 5000};
    struct recommend_input in = endpoint(rising, stale, 200);
    struct recommendation r = recommend(&in);
    (void)state;
    assert_true(r.action == RECOMMEND_NOTHING && r.standing == STANDING_LOW_N && r.cycles_needed > 50);
    in = endpoint(rising, stale, 2000);
    assert_int_equal(recommend(&in).action, RECOMMEND_CACHE);
}

/* A quiet endpoint has no hits within a second; that is no reason against a minute. */
static void few_hits_at_short_lifetimes(void **state)
{
    static const unsigned quiet[RUNGS] = {0, 0, 500, 700, 800, 900};
    struct recommend_input in = endpoint(quiet, clean, 5000);
    (void)state;
    rung[0].hits = rung[0].warm_hits = 40;
    rung[0].stale_hits = 1;
    rung[0].cycles_hit = 40;
    rung[1].hits = rung[1].warm_hits = 90;
    rung[1].cycles_hit = 90;
    assert_int_equal(recommend(&in).ttl_s, 28800);
    rung[1].stale_hits = 40; /* but these are too many for chance */
    assert_int_equal(recommend(&in).action, RECOMMEND_NOTHING);
    assert_int_equal(recommend(&in).end, RECOMMEND_END_STALE);
}

static void the_window(void **state)
{
    struct recommend_input in = endpoint(rising, clean, 5000);
    (void)state;
    in.duration_s = 1800;
    struct recommendation r = recommend(&in);
    assert_true(r.most_s == 600 && r.end == RECOMMEND_END_WINDOW && r.standing == STANDING_OK);
    in.duration_s = 1799;
    assert_int_equal(recommend(&in).most_s, 60);
    in.duration_s = 2;
    r = recommend(&in);
    assert_true(r.action == RECOMMEND_NOTHING && r.standing == STANDING_SHORT_WINDOW);
    assert_true(fabs(r.hours_needed - 1 / 3600.) < 1e-12);
    in = endpoint(rising, clean, 5000);
    for (int i = 2; i < RUNGS; i++)
        rung[i].warm_lookups = 99;
    assert_int_equal(recommend(&in).most_s, 10);
}

/* what is told turns at 98 and at 90 %. */
static void quality(void **state)
{
    struct recommend_input in = endpoint(rising, clean, 5000);
    (void)state;
    in.coverage = 0.97;
    assert_true(recommend(&in).standing == STANDING_LOW_COVERAGE && recommend(&in).shown);
    in.coverage = 0.89;
    assert_false(recommend(&in).shown);
    in.coverage = 0.98;
    assert_int_equal(recommend(&in).standing, STANDING_OK);
    in.truncated = true;
    assert_int_equal(recommend(&in).standing, STANDING_TRUNCATED);
    assert_int_equal(recommend(&in).ttl_s, 60);
    assert_string_equal(standing_name(STANDING_TRUNCATED), "truncated");
}

/* What is too much of one client's shrinks the hits, not the stale ones. */
static void one_client_alone_proves_nothing(void **state)
{
    static const unsigned stale[RUNGS] = {0, 2000, 4000, 4000, 9000, 9000};
    struct recommend_input in = endpoint(rising, stale, 5000);
    (void)state;
    assert_true(recommend(&in).ttl_s == 60 && recommend(&in).most_s == 28800);
    in.excess = 0.5; /* 0.8 % of 60 s are 1.6 % of half */
    struct recommendation r = recommend(&in);
    assert_true(r.standing == STANDING_OK && r.ttl_s == 60 && r.most_s == 600);
    assert_true(r.requests_saved == 78000 && fabs(r.stale_ratio - .004) < 1e-6 && r.stale_high > .008);
    in.excess = 0.75;
    assert_int_equal(recommend(&in).ttl_s, 10);
    in.excess = 0.99; /* 300 hits at 1 s are left, but 50 cycles of them prove little */
    assert_int_equal(recommend(&in).standing, STANDING_SINGLE_SOURCE);
    in.excess = 1;
    assert_int_equal(recommend(&in).standing, STANDING_SINGLE_SOURCE);
    in.truncated = true;
    assert_int_equal(recommend(&in).standing, STANDING_TRUNCATED);
    assert_string_equal(standing_name(STANDING_SINGLE_SOURCE), "single_source");
}

/* When all lifetimes are too long, in order of what is better. */
static void instead(void **state)
{
    static const unsigned stale[RUNGS] = {50000, 100000, 200000, 300000, 400000, 500000};
    struct recommend_input in = endpoint(rising, stale, 5000);
    (void)state;
    struct recommendation r = recommend(&in);
    assert_true(r.action == RECOMMEND_NOTHING && r.standing == STANDING_OK && r.end == RECOMMEND_END_STALE);
    assert_true(r.ttl_s == 0 && r.most_s == 0 && isnan(r.hit_ratio));
    in.rate_per_key = 20;
    r = recommend(&in);
    assert_true(r.action == RECOMMEND_MICRO && r.ttl_s == 1 && fabs(r.stale_ratio - 0.05) < 1e-9);
    assert_true(fabs(r.hit_ratio - .3) < 1e-12);
    in.rate_per_key = 19.9;
    assert_int_equal(recommend(&in).action, RECOMMEND_NOTHING);
    in.rate_per_key = 20;
    in.write_recall = 0.8;
    assert_true(recommend(&in).action == RECOMMEND_PURGE && recommend(&in).ttl_s == 86400);
    in.write_recall = 0.79;
    assert_int_equal(recommend(&in).action, RECOMMEND_MICRO);
    in.not_modified = 0.1;
    assert_int_equal(recommend(&in).action, RECOMMEND_REVALIDATE);
    in.not_modified = 0;
    in.body_bytes = 20000;
    assert_int_equal(recommend(&in).action, RECOMMEND_MICRO);
    in.validators = 1;
    assert_int_equal(recommend(&in).action, RECOMMEND_REVALIDATE);
    assert_string_equal(recommend_action_name(RECOMMEND_REVALIDATE), "revalidate");
}

/* A long lifetime is too stale, and of short ones it cannot be told: that is not too fast for any. */
static void too_few_before_what_is_stale(void **state)
{
    static const unsigned stale[RUNGS] = {0, 0, 30000, 30000, 30000, 30000};
    struct recommend_input in = endpoint(rising, stale, 5000);
    (void)state;
    rung[0].cycles_hit = rung[1].cycles_hit = 50;
    struct recommendation r = recommend(&in);
    assert_true(r.action == RECOMMEND_NOTHING && r.standing == STANDING_LOW_N && r.end == RECOMMEND_END_FEW);
    assert_int_equal(r.cycles_needed, 139);
    in.not_modified = .2;
    r = recommend(&in);
    assert_true(r.action == RECOMMEND_REVALIDATE && r.standing == STANDING_OK);
}

static void unknown_contents(void **state)
{
    struct recommend_input in = endpoint(rising, clean, 5000);
    (void)state;
    for (int i = 0; i < RUNGS; i++)
        rung[i].unknown_hits = rung[i].hits; /* no hit could be compared: nothing is proven */
    struct recommendation r = recommend(&in);
    assert_true(r.action == RECOMMEND_NOTHING && r.standing == STANDING_LOW_N && isfinite(r.cycles_needed));
    for (int i = 0; i < RUNGS; i++)
        rung[i].unknown_hits = rung[i].hits - 150; /* cycles whose hits could not be compared prove nothing either */
    r = recommend(&in);
    assert_true(r.action == RECOMMEND_NOTHING && r.standing == STANDING_LOW_N && r.cycles_needed == 39);
    for (int i = 0; i < RUNGS; i++)
        rung[i].unknown_hits = rung[i].hits - 2000;
    r = recommend(&in);
    assert_true(r.action == RECOMMEND_CACHE && r.cycles == 2000 && fabs(r.stale_high - .001917) < 1e-6);
    in.n = 0;
    assert_int_equal(recommend(&in).action, RECOMMEND_NOTHING);
}

static void prices(void **state)
{
    struct recommend_input in = endpoint(rising, clean, 5000);
    struct recommendation r = recommend(&in);
    (void)state;
    struct recommend_price p = recommend_price(&r, 25000, LOOKUPS, 86400);
    assert_true(fabs(p.requests_per_s - .25 * 78000 / 86400) < 1e-12);
    assert_true(fabs(p.server_s_per_h - .25 * 78000 * .02 / 24) < 1e-9);
    assert_true(fabs(p.bytes_per_h - .25 * 78000000 / 24) < 1e-6);
    assert_true(recommend_price(&r, 1, 0, 0).bytes_per_h == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_hits_are_worth_it_no_more),
        cmocka_unit_test(a_stale_rung_ends_it),
        cmocka_unit_test(clean_cycles),
        cmocka_unit_test(the_bound_counts),
        cmocka_unit_test(few_hits_at_short_lifetimes),
        cmocka_unit_test(the_window),
        cmocka_unit_test(one_client_alone_proves_nothing),
        cmocka_unit_test(quality),
        cmocka_unit_test(instead),
        cmocka_unit_test(too_few_before_what_is_stale),
        cmocka_unit_test(unknown_contents),
        cmocka_unit_test(prices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
