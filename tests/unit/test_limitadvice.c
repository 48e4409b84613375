/* The toy of ALGORITHMS.md 7.5, the fence, and that whoever is kept is not rejected by what is advised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/envelope.h"
#include "analysis/limitadvice.h"
#include "analysis/limiter.h"

static void toy(void **state)
{
    static const double rates[] = {0.5, 1, 2, 3, 5}, need[] = {4.5, 3.95, 2.9, 2.4, 2.0};
    struct limitadvice_options o = LIMITADVICE_DEFAULT;
    struct limitadvice_client c = {.need = need};
    struct limitadvice a;
    (void)state;
    o.tolerance_s = 1;
    assert_true(limitadvice_of(rates, 5, &c, 1, &o, &a));
    assert_true(c.rate == 3 && c.burst == 2.4 && !c.outlier);
    assert_true(fabs(a.rate - 3.8) < 1e-12);
    assert_int_equal(a.burst, 3);
    assert_int_equal(a.nginx_rate, 4);
    assert_int_equal(a.nginx_burst, 2);
    assert_false(a.per_minute);
    assert_true(fabs(limitadvice_need(rates, need, 5, 3.8) - 2.24) < 1e-12);
    assert_true(limitadvice_need(rates, need, 5, 0.1) == 4.5 && limitadvice_need(rates, need, 5, 9) == 2.0);
    assert_true(limitadvice_of(rates, 5, NULL, 0, &o, &a) && isnan(a.rate));
}

enum { CLIENTS = 40, ARRIVALS = 1500 };
static int64_t us[CLIENTS][ARRIVALS];
static struct envelope envelopes[CLIENTS];

static void draw(double rate, unsigned c, const double *rates)
{
    int64_t now = (int64_t)1700000000 * 1000000;
    envelopes[c] = (struct envelope){0};
    for (unsigned i = 0; i < ARRIVALS; i++) {
        int64_t before = now;
        if (random() % 3)
            now += (int64_t)(-log((double)(random() % 100000 + 1) / 100001) / rate * 1.5e6);
        us[c][i] = now;
        double dt = i ? (double)(now - before) / 1e6 : 0;
        envelope_add(&envelopes[c], rates, &dt, 1);
    }
}

static unsigned rejected(const struct limit *limit, unsigned c)
{
    struct limiter l = {.limit = *limit};
    struct limiter_key k = {0};
    unsigned n = 0;
    for (unsigned i = 0; i < ARRIVALS; i++)
        n += !limiter_ask(&l, &k, us[c][i]).accepted;
    return n;
}

static void keeps_its_word(void **state)
{
    double rates[ENVELOPE_RATES];
    struct limitadvice_options o = LIMITADVICE_DEFAULT;
    (void)state;
    envelope_rates(rates);
    srandom(3);
    for (int round = 0; round < 20; round++) {
        struct limitadvice_client clients[CLIENTS];
        struct limitadvice a;
        double base = pow(10, (double)(random() % 130) / 100 - 1); /* slow enough that 400 times as fast shows */
        for (unsigned c = 0; c < CLIENTS; c++) {
            draw(c == 7 ? base * 400 : base * (1 + (double)(random() % 100) / 50), c, rates);
            clients[c] = (struct limitadvice_client){.need = envelopes[c].burst, .abuse = c == 9};
        }
        assert_true(limitadvice_of(rates, ENVELOPE_RATES, clients, CLIENTS, &o, &a));
        assert_true(clients[7].outlier && clients[9].outlier);
        assert_int_equal(a.kept, CLIENTS - 2);
        struct limit bucket = {
            .model = LIMITER_TOKEN_BUCKET, .rate = (uint64_t)llround(a.rate * 1e6), .depth = a.burst * 1000000000};
        struct limit nginx = {.model = LIMITER_NGINX,
                              .rate = a.nginx_rate * 1000 / (a.per_minute ? 60 : 1),
                              .depth = a.nginx_burst * 1000,
                              .delay = -1};
        assert_true((double)nginx.rate >= a.rate * 1000 - 1e-6);
        for (unsigned c = 0; c < CLIENTS; c++)
            if (!clients[c].outlier) {
                assert_int_equal(rejected(&bucket, c), 0);
                assert_int_equal(rejected(&nginx, c), 0);
            }
        assert_true(rejected(&bucket, 7) > 0);
    }
}

/* Most alike, one a step faster: no outlier. One a hundred times faster: is one. */
static void fences(void **state)
{
    double rates[ENVELOPE_RATES], need[3][ENVELOPE_RATES];
    struct limitadvice_client clients[12];
    struct limitadvice_options o = LIMITADVICE_DEFAULT;
    struct limitadvice a;
    (void)state;
    envelope_rates(rates);
    for (int kind = 0; kind < 3; kind++)
        for (int i = 0; i < ENVELOPE_RATES; i++)
            need[kind][i] = i < 5 + (kind == 2 ? 10 : kind) ? 1e6 : 1;
    for (unsigned i = 0; i < 12; i++)
        clients[i] = (struct limitadvice_client){.need = need[i == 3 ? 1 : i == 5 ? 2 : 0]};
    assert_true(limitadvice_of(rates, ENVELOPE_RATES, clients, 12, &o, &a));
    assert_true(!clients[3].outlier && clients[5].outlier && a.kept == 11);
    assert_true(a.rate >= 1.25 * rates[6] && a.rate < 1.4 * rates[6]);
}

/* Three steps above those that are alike is the fence itself: nobody is left out, wherever on the ladder, also with
 * rates as they are stored. */
static void on_the_fence(void **state)
{
    double rates[ENVELOPE_RATES], need[2][ENVELOPE_RATES];
    struct limitadvice_client clients[12];
    struct limitadvice_options o = LIMITADVICE_DEFAULT;
    struct limitadvice a;
    (void)state;
    envelope_rates(rates);
    for (int i = 0; i < ENVELOPE_RATES; i++)
        rates[i] = round(rates[i] * 1e6) / 1e6;
    for (int low = 0; low + 3 < ENVELOPE_RATES; low++) {
        for (int i = 0; i < ENVELOPE_RATES; i++) {
            need[0][i] = i < low ? 1e6 : 1;
            need[1][i] = i < low + 3 ? 1e6 : 1;
        }
        for (unsigned i = 0; i < 12; i++)
            clients[i] = (struct limitadvice_client){.need = need[i == 3]};
        assert_true(limitadvice_of(rates, ENVELOPE_RATES, clients, 12, &o, &a));
        assert_int_equal(a.kept, 12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(toy), cmocka_unit_test(keeps_its_word),
                                       cmocka_unit_test(fences), cmocka_unit_test(on_the_fence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
