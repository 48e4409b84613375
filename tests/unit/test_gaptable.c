/* Gaps in a table that grows: against the plain histogram on random gaps, merged and read back, and a pool that runs
 * out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/gaptable.h"

static uint32_t random_gap(unsigned octaves)
{
    uint32_t e = (uint32_t)random() % octaves;
    return (uint32_t)random() & ((2u << e) - 1);
}

static void brute_force(void **state)
{
    struct blocks pool;
    (void)state;
    assert_true(blocks_init(&pool, 1 << 14));
    for (unsigned run = 0; run < 60; run++) {
        struct gaptable part[2] = {{0}}, again = {0};
        struct lifetime want = {0}, got;
        srandom(run);
        for (int i = 0; i < 3000; i++) {
            uint32_t gap = random_gap(1 + run % 31);
            bool changed = random() % 3 == 0;
            gaptable_add(&part[i % 2], &pool, gap, changed);
            lifetime_add(&want, gap, changed);
        }
        gaptable_merge(&part[0], &part[1], &pool);
        gaptable_get(&part[0], &pool, &got);
        assert_memory_equal(&got, &want, sizeof got);
        gaptable_load(&again, &pool, &got);
        gaptable_get(&again, &pool, &got);
        assert_memory_equal(&got, &want, sizeof got);
        assert_true(part[0].lost == 0 && again.lost == 0);
        gaptable_drop(&part[0], &pool);
        gaptable_drop(&part[1], &pool);
        gaptable_drop(&again, &pool);
    }
    assert_true(pool.words.used < 1 << 13); /* what is given back is taken again */
    blocks_fini(&pool);
}

static void what_finds_no_room_is_counted(void **state)
{
    struct blocks pool;
    struct gaptable t = {0}, other = {0};
    struct lifetime got;
    (void)state;
    assert_true(blocks_init(&pool, 16));
    for (int i = 0; i < 4; i++)
        gaptable_add(&t, &pool, 1u << (4 * i), i == 0);
    assert_int_equal(t.lost, 0);
    gaptable_add(&t, &pool, 1u << 20, false); /* a fifth bucket */
    gaptable_add(&t, &pool, 1, false);        /* one there is */
    gaptable_add(&other, &pool, 1, true);
    assert_true(t.lost == 1 && other.lost == 1 && !other.table);
    gaptable_get(&t, &pool, &got);
    assert_true(got.bucket[0].n[0] == 1 && got.bucket[0].n[1] == 1 && got.bucket[0].sum_ms[1] == 1);
    gaptable_drop(&t, &pool);
    gaptable_add(&other, &pool, 1, true);
    assert_true(other.lost == 1 && other.table);
    blocks_fini(&pool);
}

static void entries_keep_to_their_cache_lines(void **state)
{
    struct blocks pool;
    struct gaptable t = {0};
    (void)state;
    assert_true(blocks_init(&pool, 1 << 12));
    gaptable_add(&t, &pool, 7, false);
    assert_int_equal((uintptr_t)blocks_at(&pool, t.table) % 64, 0);
    blocks_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brute_force),
        cmocka_unit_test(what_finds_no_room_is_counted),
        cmocka_unit_test(entries_keep_to_their_cache_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
