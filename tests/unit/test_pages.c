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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
