/* pages: what is touched is counted, what is reserved alone is not, and released it is gone. */
#include <setjmp.h>
#include <stdarg.h>
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
    assert_int_equal(((uintptr_t)large + PAGES_HEAD) % PAGES_HUGE, 0);
    assert_int_equal(pages_resident(), before);
    memset(small, 1, 256 << 10);
    memset(large + (10 << 20), 1, 4 << 20);
    uint64_t held = pages_resident() - before;
    assert_in_range(held, (256 << 10) + (4 << 20), (1 << 20) + (6 << 20)); /* in whole pages, maybe huge ones */
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
    size_t there = pages_ahead(p, 0, 64 << 20);
    assert_in_range(there, 1, PAGES_HEAD / 4);
    uint64_t small = pages_resident() - before; /* nothing where the kernel does not know how */
    assert_true(small == 0 || small == there);
    for (size_t used = there; used < PAGES_HEAD; used = there) {
        there = pages_ahead(p, used, 64 << 20);
        assert_true(there > used && there <= PAGES_HEAD); /* in steps that never end in a huge page */
    }
    assert_int_equal(pages_ahead(p, PAGES_HEAD, 64 << 20), 64 << 20);
    pages_release(p, 64 << 20);
    p = pages_reserve(5000);
    assert_non_null(p);
    assert_int_equal(pages_ahead(p, 0, 5000), 8192);
    pages_release(p, 5000);
    char *table = pages_table(64 << 20);
    assert_non_null(table);
    assert_int_equal((uintptr_t)table % PAGES_HUGE, 0);
    table[63 << 20] = 1;
    pages_release(table, 64 << 20);
    assert_int_equal(pages_resident(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_touched),
        cmocka_unit_test(is_asked_for_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
