/* The map: finds what was put in, grows, removes without breaking a probe run, refuses beyond its bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/map.h"

enum { ROWS = 20000 };

struct row {
    uint64_t hash;
    uint32_t other;
};

static struct row rows[ROWS];

static void finds_all(void **state)
{
    struct map m;
    (void)state;
    assert_true(map_init(&m, rows, sizeof *rows, ROWS));
    for (uint32_t i = 0; i < ROWS; i++) {
        rows[i].hash = hash_mix(i + 1);
        assert_int_equal(map_find(&m, rows[i].hash), MAP_NONE);
        assert_true(map_insert(&m, rows[i].hash, i));
    }
    for (uint32_t i = 0; i < ROWS; i++)
        assert_int_equal(map_find(&m, rows[i].hash), i);
    assert_false(map_insert(&m, 42, 0));
    map_free(&m);
}

static void removes(void **state)
{
    struct map m;
    (void)state;
    assert_true(map_init(&m, rows, sizeof *rows, ROWS));
    for (uint32_t i = 0; i < ROWS; i++) {
        rows[i].hash = hash_mix(i + 77);
        map_insert(&m, rows[i].hash, i);
        if (i >= 100)
            map_remove(&m, rows[i - 100].hash, i - 100);
    }
    assert_int_equal(m.used, 100);
    for (uint32_t i = 0; i < ROWS; i++)
        assert_int_equal(map_find(&m, rows[i].hash), i >= ROWS - 100 ? i : MAP_NONE);
    map_free(&m);
}

/* What is expected is what is found, also where tags are equal, positions all taken, or rows missing. */
static void expects_what_it_finds(void **state)
{
    struct map m;
    (void)state;
    srandom(4);
    for (unsigned bits = 4; bits < 40; bits += 5) {
        assert_true(map_init(&m, rows, sizeof *rows, ROWS));
        for (uint32_t i = 0; i < 3000; i++) {
            uint64_t tag = (uint64_t)random() & ((UINT64_C(1) << bits) - 1);
            rows[i].hash = tag << 32 | i;
            map_insert(&m, rows[i].hash, i);
            if (i > 50 && i % 3 == 0)
                map_remove(&m, rows[i - 50].hash, i - 50);
        }
        for (uint32_t i = 0; i < 6000; i++) {
            uint64_t hash = i < 3000 ? rows[i].hash : rows[i - 3000].hash + UINT32_MAX / 2;
            assert_int_equal(map_expected(&m, hash, map_expect(&m, hash)), map_find(&m, hash));
        }
        map_free(&m);
    }
}

static void a_flood_on_one_position_is_refused(void **state)
{
    struct map m;
    unsigned in = 0;
    (void)state;
    assert_true(map_init(&m, rows, sizeof *rows, ROWS));
    for (uint32_t i = 0; i < 200; i++) {
        rows[i].hash = (uint64_t)5 << 32 | i;
        in += map_insert(&m, rows[i].hash, i);
    }
    assert_in_range(in, 1, MAP_PROBES);
    for (uint32_t i = 0; i < in; i++)
        assert_int_equal(map_find(&m, rows[i].hash), i);
    map_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_all),
        cmocka_unit_test(removes),
        cmocka_unit_test(expects_what_it_finds),
        cmocka_unit_test(a_flood_on_one_position_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
