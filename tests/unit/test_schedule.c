/* Changes by the clock (S-6 of ALGORITHMS.md section 12), and stampedes at the end of lifetimes (7.8). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/expiry.h"
#include "analysis/schedule.h"
#include "base/hash.h"

#define S INT64_C(1000000)
#define EPOCH (1700000100 * S) /* a multiple of 900 s and no more */

static uint64_t state_of_luck = 1;

static double luck(void)
{
    state_of_luck = hash_mix(state_of_luck + 1);
    return (double)(state_of_luck >> 11) / 9007199254740992.0;
}

/* Visits of one key over `hours`, `every` seconds apart on average (evenly, or not); changes at the given times. */
static struct schedule_found watch(const int64_t *change, unsigned n, double hours, double every, bool even)
{
    struct schedule s;
    int64_t last = EPOCH, now = EPOCH, end = EPOCH + (int64_t)(hours * 3600) * S;
    unsigned at = 0;
    memset(&s, 0, sizeof s);
    while (now < end) {
        now += (int64_t)((even ? every : -every * log(1 - luck())) * 1e6) + 1;
        bool changed = false;
        for (; at < n && change[at] <= now; at++)
            changed = true;
        schedule_gap(&s, last, now, changed);
        last = now;
    }
    return schedule_find(&s);
}

static int64_t changes[4096];

static unsigned by_the_clock(int64_t period_s, double hours, double jitter_s, int64_t offset_s)
{
    unsigned n = 0;
    for (int64_t t = offset_s; t < (int64_t)(hours * 3600) && n < 4096; t += period_s)
        changes[n++] = EPOCH + t * S + (int64_t)(luck() * jitter_s * 1e6);
    return n;
}

static unsigned by_chance(double rate_s, double hours)
{
    double t = 0;
    unsigned n = 0;
    for (; n < 4096; n++) {
        t -= rate_s * log(1 - luck());
        if (t >= hours * 3600)
            break;
        changes[n] = EPOCH + (int64_t)(t * 1e6);
    }
    return n;
}

static void scheduled(void **state)
{
    (void)state;
    struct schedule_found f = watch(changes, by_the_clock(900, 12, 2, 0), 12, 10, false);
    assert_int_equal(f.period_s, 900);
    assert_true(f.concentration > .99 && f.p < 1e-6 && f.changes >= 40);
    assert_true(f.at_s < 20 || f.at_s > 890); /* to a 32nd of the period */
    f = watch(changes, by_the_clock(3600, 48, 2, 1200), 48, 60, true);
    assert_true(f.period_s == 3600 && fabs(f.at_s - (1200 + EPOCH / S % 3600)) < 120);
    f = watch(changes, by_the_clock(86400, 24 * 25, 60, 0), 24 * 25, 300, false);
    assert_int_equal(f.period_s, 86400);
    f = watch(changes, by_the_clock(60, 3, 1, 7), 3, 2, false);
    assert_int_equal(f.period_s, 60);
    f = watch(changes, by_the_clock(1800, 48, 2, 0), 48, 10, false); /* every second quarter */
    assert_int_equal(f.period_s, 900);
}

/* 1000 traces of Poisson changes, visited by chance, evenly, and in bursts by the clock. */
static void chance(void **state)
{
    unsigned found = 0;
    (void)state;
    for (int i = 0; i < 1000; i++)
        found += watch(changes, by_chance(900, 24), 24, i % 2 ? 10 : 60, i % 4 < 2).period_s != 0;
    assert_int_equal(found, 0);
    struct schedule s;
    memset(&s, 0, sizeof s);
    unsigned n = by_chance(20, 48), at = 0; /* of which a burst of visits at each full hour sees a few */
    for (int64_t hour = 0; hour < 48; hour++)
        for (int64_t k = 0; k < 60; k++) {
            int64_t now = EPOCH + hour * 3600 * S + k * S;
            bool changed = false;
            for (; at < n && changes[at] <= now; at++)
                changed = true;
            schedule_gap(&s, k ? now - S : now - 3541 * S, now, changed);
        }
    assert_int_equal(schedule_find(&s).period_s, 0);
    memset(&s, 0, sizeof s);
    for (int i = 0; i < 500; i++) /* a hundred keys that change at once, five times, are five changes */
        schedule_gap(&s, EPOCH + i / 100 * 3600 * S, EPOCH + i / 100 * 3600 * S + S, true);
    assert_int_equal(schedule_find(&s).period_s, 0);
}

static struct expiry_sums *sums_of(void *context, uint32_t endpoint)
{
    return (struct expiry_sums *)context + endpoint;
}

static void ask(struct expiry *x, int64_t at, bool alike)
{
    expiry_take(x, &(struct expiry_call){7, 1, 61, alike, at, at + S / 2, 1000});
}

static void stampede(void **state)
{
    struct expiry_sums sums[2];
    memset(sums, 0, sizeof sums);
    struct expiry *x = expiry_new(sums_of, sums);
    (void)state;
    ask(x, 0, false); /* kept until 60.5 s */
    ask(x, 30 * S, false);
    for (int i = 0; i < 7; i++) /* six find one under way */
        ask(x, 60 * S + S / 2 + i * S / 20, i > 0);
    for (int i = 0; i < 5; i++) /* the next end: four do, which is no stampede */
        ask(x, 121 * S + i * S / 20, i > 0);
    for (int i = 0; i < 9; i++) /* in the midst of a lifetime */
        ask(x, 150 * S + i * S / 20, i > 0);
    expiry_end(x);
    assert_true(sums[1].stampedes == 1 && sums[1].requests == 7 && sums[1].coalescable == 6);
    assert_true(sums[1].server_us == 6000 && sums[1].most == 7 && sums[1].lifetime_s == 60);
    assert_true(sums[1].first_us == 60 * S + S / 2 && fabs(expiry_spread(&sums[1]) - 7 / 6.) < 1e-9);
    expiry_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scheduled), cmocka_unit_test(chance),
                                       cmocka_unit_test(stampede)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
