/* Signs of scans, stuffing and scrapers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/suspect.h"

static void one_by_one(void **state)
{
    struct suspect_ids s = {0}, t = {0}, u = {0};
    (void)state;
    for (uint64_t i = 0; i < 50; i++)
        suspect_id(&s, 1, i);
    assert_false(s.monotone); /* 49 steps */
    suspect_id(&s, 1, 50);
    assert_true(s.monotone);
    for (uint64_t i = 0; i < 500; i++) { /* every fourth is left out: 75 % */
        suspect_id(&t, 1, i + i / 3);
        suspect_id(&u, 1 + i % 2, i);
    }
    assert_false(t.monotone);
    assert_false(u.monotone);
}

static bool id_of(const char *target, uint64_t *id)
{
    return suspect_id_of(target, strlen(target), id);
}

static void ids(void **state)
{
    uint64_t id;
    (void)state;
    assert_true(id_of("/items/42", &id) && id == 42);
    assert_true(id_of("/items/42/parts?x=7", &id) && id == 42);
    assert_true(id_of("/7/items/00042?page=9", &id) && id == 42);
    assert_false(id_of("/items/a42", &id) || id_of("/items/42a", &id) || id_of("/", &id) || id_of("", &id));
    assert_false(id_of("/items/99999999999999999999", &id) || id_of("/items//?7", &id) || id_of("42", &id));
}

static void shares(void **state)
{
    (void)state;
    assert_true(suspect_scan(20, 10, 20, 16));
    assert_false(suspect_scan(20, 9, 20, 20) || suspect_scan(20, 20, 20, 15) || suspect_scan(19, 19, 19, 19));
    assert_true(suspect_stuffing(10, 100, 90));
    assert_false(suspect_stuffing(9, 100, 100) || suspect_stuffing(50, 100, 89));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_by_one), cmocka_unit_test(ids), cmocka_unit_test(shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
