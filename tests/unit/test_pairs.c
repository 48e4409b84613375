/* Pairs of client and key: exact while there is room, unbiased beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/pairs.h"
#include "base/hash.h"

static uint64_t meet(struct pairs *p, uint64_t key, uint64_t client)
{
    return pairs_meet(p, pairs_hash(hash_mix(key + 1), hash_mix(client + 1000000)));
}

static void exact_while_they_fit(void **state)
{
    struct pairs p;
    uint64_t n = 0;
    (void)state;
    assert_true(pairs_init(&p, 20000));
    for (int twice = 0; twice < 2; twice++)
        for (uint64_t key = 0; key < 100; key++)
            for (uint64_t client = 0; client < 100; client++)
                n += meet(&p, key, client);
    assert_true(n == 10000 && p.used == 10000 && p.level == 0);
    assert_true(meet(&p, 7, 200) == 1 && meet(&p, 7, 200) == 0 && meet(&p, 200, 7) == 1);
    assert_true(pairs_bytes(&p) <= 24u * 20000);
    pairs_fini(&p);
}

/* 200,000 pairs, each three times, in 1,000 places. */
static void unbiased_beyond(void **state)
{
    (void)state;
    double sum = 0;
    for (uint64_t run = 0; run < 20; run++) {
        struct pairs p;
        uint64_t n = 0;
        assert_true(pairs_init(&p, 1000));
        for (uint64_t i = 0; i < 600000; i++)
            n += meet(&p, i % 200000 / 100 + run * 1000000, i % 100);
        assert_true(p.used <= 1000 && p.level >= 7 && pairs_bytes(&p) <= 24u * 1000);
        assert_true(n > 170000 && n < 230000);
        sum += (double)n;
        pairs_fini(&p);
    }
    assert_true(sum / 20 > 195000 && sum / 20 < 205000);
}

static void hardly_any_room(void **state)
{
    struct pairs p;
    (void)state;
    assert_true(pairs_init(&p, 16));
    for (uint64_t i = 0; i < 100000; i++)
        meet(&p, i, i);
    assert_true(p.used <= 16);
    pairs_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_while_they_fit), cmocka_unit_test(unbiased_beyond),
                                       cmocka_unit_test(hardly_any_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
