/* N+1 events: the toy of ALGORITHMS.md 8.9, what breaks a run, what does not, and who gives way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/runs.h"

enum { LIST = 1, ITEM = 2, OTHER = 3 };
#define MS INT64_C(1000)

struct kept {
    unsigned n;
    struct runs_event event[64];
};

static void keep(void *context, const struct runs_event *e)
{
    struct kept *k = context;
    k->event[k->n++ % 64] = *e;
}

static void call(struct runs *r, uint32_t client, uint32_t endpoint, uint32_t key, int64_t start_ms, int64_t end_ms)
{
    runs_add(r, &(struct runs_call){client, endpoint, key, start_ms * MS, end_ms * MS, -1, true, 0, 0});
}

static void toy(void **state)
{
    struct kept k = {0};
    struct runs *r = runs_new(keep, &k);
    (void)state;
    call(r, 1, LIST, 100, 0, 40);
    for (uint32_t i = 0; i < 6; i++)
        call(r, 1, ITEM, i + 1, 60 + 15 * i, 70 + 15 * i);
    assert_int_equal(k.n, 0);
    runs_end(r);
    assert_int_equal(k.n, 1);
    assert_true(k.event[0].calls == 6 && k.event[0].sequential == 5);
    assert_true(k.event[0].trigger == LIST && k.event[0].child == ITEM && k.event[0].client == 1);
    runs_end(r);
    assert_int_equal(k.n, 1);
    runs_free(r);
}

/* All sent at once, with others of the same client between. */
static void parallel(void **state)
{
    struct kept k = {0};
    struct runs *r = runs_new(keep, &k);
    (void)state;
    call(r, 1, LIST, 100, 0, 40);
    for (uint32_t i = 0; i < 5; i++) {
        call(r, 1, ITEM, i + 1, 50 + i, 500);
        call(r, 1, OTHER, 9, 50 + i, 60);
        call(r, 2, ITEM, i + 1, 50 + 70 * i, 51 + 70 * i); /* too far apart */
    }
    runs_end(r);
    assert_int_equal(k.n, 1);
    assert_true(k.event[0].calls == 5 && k.event[0].sequential == 0 && k.event[0].trigger == LIST);
    runs_free(r);
}

static void broken(void **state)
{
    struct kept k = {0};
    struct runs *r = runs_new(keep, &k);
    (void)state;
    for (uint32_t i = 0; i < 20; i++) /* a key comes again after four */
        call(r, 1, ITEM, i % 4 + 1, 20 * i, 20 * i + 10);
    for (uint32_t i = 0; i < 20; i++) /* 51 ms of silence after each four */
        call(r, 2, ITEM, i + 1, 20 * i + 51 * (i / 4), 20 * i + 51 * (i / 4) + 20);
    for (uint32_t i = 0; i < 20; i++)
        runs_add(r, &(struct runs_call){3, ITEM, i + 1, 20 * i * MS, (20 * i + 10) * MS, -1, false, 0, 0});
    runs_end(r);
    assert_int_equal(k.n, 0);
    runs_free(r);
}

/* A slow network: 2 rtt + 10 ms. */
static void far_away(void **state)
{
    struct kept k = {0};
    struct runs *r = runs_new(keep, &k);
    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        runs_add(r, &(struct runs_call){1, ITEM, i + 1, 220 * i * MS, (220 * i + 10) * MS, 100 * MS, true, 0, 0});
    runs_end(r);
    assert_true(k.n == 1 && k.event[0].calls == 8 && k.event[0].rtt_us == 100 * MS && k.event[0].trigger == 0);
    runs_free(r);
}

/* Of three requests that are answered at once: each its own calls, and each is the trigger of its own. */
static void grouped(void **state)
{
    struct kept k = {0};
    struct runs *r = runs_new(keep, &k);
    (void)state;
    for (uint32_t i = 0; i < 6; i++)
        for (uint32_t g = 1; g <= 3; g++)
            runs_add(r, &(struct runs_call){1, ITEM, 10 * g + (g == 3 ? 0 : i), 20 * i * MS, (20 * i + 10) * MS, -1,
                                            true, g, g == 2 ? LIST : 0});
    runs_end(r);
    assert_int_equal(k.n, 2);
    for (int i = 0; i < 2; i++)
        assert_true(k.event[i].calls == 6 && k.event[i].client == 1 &&
                    k.event[i].within == (k.event[i].trigger == LIST));
    assert_true(k.event[0].trigger + k.event[1].trigger == LIST);
    runs_free(r);
}

static void crowd(void **state)
{
    struct kept k = {0};
    struct runs *r = runs_new(keep, &k);
    (void)state;
    for (uint32_t c = 1; c <= 3 * RUNS_CLIENTS; c++)
        for (uint32_t i = 0; i < 5; i++)
            call(r, c, ITEM, i + 1, 1000 * c + 10 * i, 1000 * c + 10 * i + 5);
    runs_end(r);
    assert_int_equal(k.n, 3 * RUNS_CLIENTS);
    runs_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(toy),      cmocka_unit_test(parallel), cmocka_unit_test(broken),
                                       cmocka_unit_test(far_away), cmocka_unit_test(grouped),  cmocka_unit_test(crowd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
