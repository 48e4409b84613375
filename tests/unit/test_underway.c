/* Seconds of what is under way: borders, several groups, what is not whole, and a flood beyond all room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/underway.h"

struct seen {
    struct underway_second second[64];
    uint32_t group[64];
    unsigned n;
};

static void keep(void *context, uint32_t group, const struct underway_second *s)
{
    struct seen *seen = context;
    assert_in_range(seen->n, 0, 63);
    seen->group[seen->n] = group;
    seen->second[seen->n++] = *s;
}

static struct underway_call call(int64_t start, int64_t end, uint32_t group, uint8_t kind, bool failed)
{
    return (struct underway_call){start, end, {group}, {kind}, failed, -1};
}

/* Half a second of each side of a border; one that ends where the next begins; silence between. */
static void borders(void **state)
{
    struct underway_group g[1] = {{0}};
    struct seen seen = {.n = 0};
    struct underway *u = underway_new(0, 10000000, g, keep, &seen);
    struct underway_call calls[] = {call(500000, 1500000, 1, 1, false), call(1200000, 1500000, 1, 0, true),
                                    call(1500000, 1600000, 1, 2, false), call(1600000, 1600000, 1, 1, false),
                                    call(4000000, 8250000, 1, 1, false)};
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        underway_add(u, &calls[i]);
    underway_end(u, 1);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.second[0].second, 1);
    assert_int_equal(seen.second[0].area_us, 500000 + 300000 + 100000);
    assert_int_equal(seen.second[0].done, 4);
    assert_int_equal(seen.second[0].failed, 1);
    assert_int_equal(seen.second[0].kind[0], 2);
    assert_int_equal(seen.second[0].kind[1], 1);
    assert_int_equal(seen.second[1].second, 8);
    assert_int_equal(seen.second[1].area_us, 250000);
    assert_int_equal(g[0].area_us, 1000000 + 300000 + 100000 + 4250000);
    assert_int_equal(g[0].done, 5);
    assert_int_equal(g[0].peak, 2);
    assert_int_equal(g[0].now, 0);
    underway_free(u);
}

/* A call counts in each of its groups; seconds that are not wholly in the span are not handed on. */
static void groups(void **state)
{
    struct underway_group g[3] = {{0}};
    struct seen seen = {.n = 0};
    struct underway *u = underway_new(1500000, 3400000, g, keep, &seen);
    struct underway_call both = {1400000, 2100000, {1, 3}, {0, 0}, false, 30000},
                         one = call(2000000, 2500000, 3, 0, false), out = call(3100000, 3200000, 3, 0, false),
                         lost = call(2200000, 2200000, 3, 0, true);
    (void)state;
    underway_add(u, &both);
    underway_add(u, &one);
    underway_lost(u, &lost, true);
    underway_add(u, &out);
    underway_end(u, 3);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.group[0], 2);
    assert_int_equal(seen.second[0].area_us, 600000);
    assert_int_equal(seen.second[0].lost, 1);
    assert_true(seen.second[0].damaged);
    assert_int_equal(seen.group[1], 0);
    assert_int_equal(seen.second[1].area_us, 100000);
    assert_int_equal(seen.second[1].server_us, 30000);
    assert_int_equal(seen.second[0].timed, 1);
    assert_false(seen.second[1].damaged);
    assert_int_equal(g[0].area_us, 600000);
    assert_int_equal(g[2].area_us, 600000 + 500000 + 100000);
    assert_int_equal(g[1].area_us, 0);
    underway_free(u);
}

static void flood(void **state)
{
    enum { N = UNDERWAY_MOST + 10 };
    struct underway_group g[1] = {{0}};
    struct seen seen = {.n = 0};
    struct underway *u = underway_new(0, 5000000, g, keep, &seen);
    (void)state;
    for (int64_t i = 0; i < N; i++) {
        struct underway_call c = call(i, 1500000 + i % 97, 1, 0, false);
        underway_add(u, &c);
    }
    struct underway_call late = call(1600000, 2500000, 1, 0, false);
    underway_add(u, &late);
    underway_end(u, 1);
    assert_int_equal(underway_untracked(u), 10);
    assert_int_equal(g[0].peak, UNDERWAY_MOST);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.second[0].done, UNDERWAY_MOST);
    assert_true(seen.second[0].damaged);
    assert_false(seen.second[1].damaged);
    assert_int_equal(seen.second[1].done, 1);
    underway_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(borders),
        cmocka_unit_test(groups),
        cmocka_unit_test(flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
