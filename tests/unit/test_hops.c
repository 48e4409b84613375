/* Joining hops: what is certain, what is doubtful, what is none, and the bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/hops.h"

enum { USER = 1, FRONT, BACK, DEEP };
#define MS INT64_C(1000)

static struct hops_call call(uint32_t trace, uint32_t from, uint32_t to, int64_t start_ms, int64_t end_ms)
{
    return (struct hops_call){.trace = trace,
                              .endpoint = 10 + to,
                              .service = to,
                              .client_host = from,
                              .server_host = to,
                              .start_us = start_ms * MS,
                              .end_us = end_ms * MS,
                              .ended = true,
                              .inside = true};
}

static struct hops_parent add(struct hops *h, struct hops_call c)
{
    return hops_add(h, &c);
}

static void levels(void **state)
{
    struct hops *h = hops_new();
    (void)state;
    assert_true(add(h, call(7, USER, FRONT, 0, 100)).number == 0);
    assert_true(add(h, call(7, FRONT, BACK, 10, 60)).number == 1);
    assert_true(add(h, call(7, BACK, DEEP, 20, 40)).number == 2);
    assert_true(add(h, call(7, FRONT, BACK, 30, 80)).endpoint == 10 + FRONT);
    assert_true(add(h, call(8, FRONT, BACK, 30, 80)).number == 0); /* another trace */
    hops_end(h);
    const struct hops_sums *s = hops_sums(h);
    assert_true(s->joined == 3 && s->traced == 5 && s->service.n_edges == 2 && !s->relayed && !s->untracked);
    const struct hops_edge *e = &s->service.edge[0];
    assert_true(e->caller == FRONT && e->callee == BACK && e->calls == 2 && e->requests == 1);
    assert_true(e->covered_us == 70000 && e->us == 100000 && hops_certain(e) == 1);
    const struct hops_asked *a = &s->service.asked[FRONT * HOPS_TIERS];
    assert_true(a->requests == 1 && a->us == 100000 && a->own_us == 30000);
    uint32_t n;
    assert_true(hops_within(s, e, &n)->callee == 10 + BACK && n == 1);
    hops_free(h);
}

/* Two requests of one trace at once: the later one is taken, and it is said. Unknown addresses: what it lies within. */
static void doubtful(void **state)
{
    struct hops *h = hops_new();
    (void)state;
    add(h, call(7, USER, FRONT, 0, 100));
    add(h, call(7, USER, FRONT, 5, 100));
    assert_true(add(h, call(7, FRONT, BACK, 10, 60)).number == 2);
    struct hops_call elsewhere = call(7, 99, DEEP, 20, 50);
    assert_true(add(h, elsewhere).number == 3);
    struct hops_call longer = call(7, 98, DEEP, 20, 300);
    assert_true(add(h, longer).number == 0);
    hops_end(h);
    const struct hops_sums *s = hops_sums(h);
    assert_true(s->service.n_edges == 2 && s->service.edge[0].callee + s->service.edge[1].callee == BACK + DEEP);
    for (int i = 0; i < 2; i++)
        assert_true(hops_certain(&s->service.edge[i]) == 0);
    hops_free(h);
}

static struct hops_call vague(uint32_t network, uint32_t to, int64_t start_ms, int64_t end_ms)
{
    struct hops_call c = call(7, 0, to, start_ms, end_ms);
    c.client_network = network;
    return c;
}

/* Of clients that are known by their networks alone: of another network is from elsewhere, of the same may be the same;
 * of whom nothing is known nothing is said. */
static void networks(void **state)
{
    struct hops *h = hops_new();
    (void)state;
    assert_true(add(h, vague(50, FRONT, 0, 100)).number == 0);
    assert_true(add(h, vague(50, BACK, 10, 60)).number == 0);
    assert_true(add(h, vague(51, DEEP, 70, 80)).number == 1);
    assert_true(add(h, vague(0, DEEP, 81, 82)).number == 0);
    struct hops_call whole = call(7, USER, DEEP, 90, 95);
    whole.client_network = 50;
    assert_true(add(h, whole).number == 0);
    hops_end(h);
    assert_true(hops_sums(h)->joined == 1);
    hops_free(h);
}

/* More calls than are remembered: those that are still here are joined, all are counted. */
static void bound(void **state)
{
    struct hops *h = hops_new();
    uint32_t n = 3 * HOPS_OPEN;
    (void)state;
    for (uint32_t i = 1; i <= n; i++) {
        add(h, call(i, USER, FRONT, i, i + 100));
        if (i > 50)
            assert_true(add(h, call(i - 50, FRONT, BACK, i, i + 20)).number != 0);
    }
    add(h, call(1, FRONT, BACK, 60, 80));
    hops_end(h);
    const struct hops_sums *s = hops_sums(h);
    assert_true(s->joined == n - 50 && s->service.edge[0].calls == n - 50 &&
                s->service.asked[FRONT * HOPS_TIERS].requests == n);
    hops_free(h);
}

/* One trace for everything: the search stays short. */
static void flood(void **state)
{
    struct hops *h = hops_new();
    (void)state;
    for (uint32_t i = 1; i <= 200000; i++)
        add(h, call(1, USER, FRONT, i, i + 1));
    for (uint32_t i = 1; i <= 2000; i++) /* of one request: more than its time is told of */
        add(h, call(1, FRONT, BACK, 200000, 200001));
    hops_end(h);
    const struct hops_sums *s = hops_sums(h);
    uint64_t counted = s->service.edge[0].calls;
    assert_true(s->joined <= 2000 && counted + s->untracked == s->joined && counted < s->joined);
    hops_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels), cmocka_unit_test(doubtful), cmocka_unit_test(networks),
                                       cmocka_unit_test(bound), cmocka_unit_test(flood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
