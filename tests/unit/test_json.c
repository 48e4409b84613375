/* JSON as it is written: numbers are those of the C library, commas stand where they belong, memory may run out. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/json.h"

static void one_number(uint64_t v)
{
    struct buf out = {0};
    struct json j = {&out, false};
    char want[80];
    json_open(&j, '[');
    json_u64(&j, v);
    json_i64(&j, (int64_t)v);
    json_open(&j, '[');
    json_close(&j, ']');
    json_i64(&j, -(int64_t)(v >> 1));
    json_close(&j, ']');
    snprintf(want, sizeof want, "[%" PRIu64 ",%" PRId64 ",[],%" PRId64 "]", v, (int64_t)v, -(int64_t)(v >> 1));
    assert_int_equal(out.n, strlen(want));
    assert_memory_equal(out.p, want, out.n);
    buf_free(&out);
}

static void numbers_are_those_of_the_c_library(void **state)
{
    uint64_t random = 1;
    (void)state;
    for (int i = 0; i < 100000; i++) {

        random = hash_mix(random);
        one_number(random >> random % 64);
    }
    for (uint64_t power = 1, i = 0; i < 20; i++, power *= 10)
        for (int by = -1; by <= 1; by++)
            one_number(power + (uint64_t)by);
    one_number(0);
    one_number(UINT64_MAX);
    one_number((uint64_t)INT64_MIN);
}

static void nothing_is_written_without_memory(void **state)
{
    struct buf out = {.failed = true};
    struct json j = {&out, false};
    (void)state;
    json_open(&j, '[');
    json_u64(&j, 1);
    json_i64(&j, -1);
    json_close(&j, ']');
    assert_int_equal(out.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_those_of_the_c_library),
                                       cmocka_unit_test(nothing_is_written_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
