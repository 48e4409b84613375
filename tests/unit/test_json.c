/* Numbers of JSON as printf writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/json.h"

static void numbers(void **state)
{
    struct buf b = {0};
    (void)state;
    srand(2);
    for (int i = 0; i < 200000; i++) {
        uint64_t v = ((uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand()) >> rand() % 64;
        char want[64];
        struct json j = {&b, i & 1};
        v = i < 2000 ? (uint64_t)i : i == 2000 ? UINT64_MAX : v;
        b.n = 0;
        json_u64(&j, v);
        json_i64(&j, (int64_t)v);
        json_i64(&j, INT64_MIN + (int64_t)(v >> 1));
        snprintf(want, sizeof want, "%s%" PRIu64 ",%" PRId64 ",%" PRId64, i & 1 ? "," : "", v, (int64_t)v,
                 INT64_MIN + (int64_t)(v >> 1));
        assert_true(slice_eq(slice_of(b.p, b.n), slice_str(want)));
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
