/* pages: what is touched is counted, what is reserved alone is not, and released it is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/pages.h"

static void counts_what_is_touched(void **state)
{
    (void)state;
    uint64_t before = pages_resident();
    char *small = pages_reserve(1 << 20), *large = pages_reserve(64 << 20), *none = pages_reserve(0);
    assert_non_null(small);
    assert_non_null(large);
    assert_non_null(none);
    assert_int_equal(pages_resident(), before);
    memset(small, 1, 256 << 10);
    memset(large + (10 << 20), 1, 4 << 20);
    uint64_t held = pages_resident() - before;
    assert_in_range(held, (256 << 10) + (4 << 20), (1 << 20) + (4 << 20)); /* in whole pages */
    pages_release(large, 64 << 20);
    assert_in_range(pages_resident() - before, 256 << 10, 1 << 20);
    pages_release(small, 1 << 20);
    pages_release(none, 0);
    pages_release(NULL, 1 << 20);
    assert_int_equal(pages_resident(), before);
}

static void is_asked_for_ahead(void **state)
{
    (void)state;
    uint64_t before = pages_resident();
    char *p = pages_reserve(64 << 20);
    assert_non_null(p);
    size_t there = pages_ahead(p, 0, 64 << 20), step = there;
    assert_in_range(there, 1, 1 << 20);
    uint64_t held = pages_resident() - before; /* nothing where the kernel does not know how */
    assert_true(held == 0 || held == there);
    for (size_t used = there; used < 64 << 20; used = there) {
        there = pages_ahead(p, used, 64 << 20);
        assert_in_range(there, used + 1, 64 << 20);
        assert_true(there - used >= step || there == 64 << 20); /* in steps that grow */
        step = there - used;
    }
    pages_release(p, 64 << 20);
    p = pages_reserve(5000);
    assert_non_null(p);
    assert_int_equal(pages_ahead(p, 0, 5000), 8192);
    pages_release(p, 5000);
    assert_int_equal(pages_resident(), before);
}

/* Small ones at once, large ones where huge pages may begin. */
static void tables_are_for_what_is_hit_at_random(void **state)
{
    (void)state;
    uint64_t before = pages_resident(), held;
    char *small = pages_table(64 << 10), *large = pages_table(6 << 20);
    assert_non_null(small);
    assert_non_null(large);
    held = pages_resident() - before; /* nothing where the kernel does not know how */
    assert_true(held == 0 || held == 64 << 10);
    assert_int_equal((uintptr_t)large % (2 << 20), 0);
    for (size_t i = 0; i < 6 << 20; i += 1000)
        assert_int_equal(large[i], 0);
    large[(6 << 20) - 1] = 1;
    pages_release(large, 6 << 20);
    pages_release(small, 64 << 10);
    assert_int_equal(pages_resident(), before);
}

static void the_heap_is_asked_for_once(void **state)
{
    (void)state;
    pages_heap();
    uint64_t before = pages_resident();
    pages_heap_soon();
    uint64_t held = pages_resident();
    assert_in_range(held, before, before + (9 << 20));
    pages_heap_soon();
    assert_in_range(pages_resident(), before, held + (64 << 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_touched),
        cmocka_unit_test(is_asked_for_ahead),
        cmocka_unit_test(tables_are_for_what_is_hit_at_random),
        cmocka_unit_test(the_heap_is_asked_for_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
