/* Slices: the short way to compare agrees with the general one, and reads nothing beyond either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/slice.h"

static void same_is_equal(void **state)
{
    uint64_t random = 1;
    (void)state;
    for (int round = 0; round < 200000; round++) {
        size_t n = (random = hash_mix(random)) % 80, other = random >> 32 & 7 ? n : random >> 40 & 63;
        char *a = malloc(n ? n : 1), *b = malloc(other ? other : 1); /* a sanitizer sees a byte too many */
        for (size_t i = 0; i < n; i++)
            a[i] = (char)(i * 37);
        for (size_t i = 0; i < other; i++)
            b[i] = (char)(i * 37);
        if (other && random >> 48 & 1)
            b[(random >> 50) % other] ^= (char)(1 << (random >> 60) % 8);
        assert_int_equal(slice_same(slice_of(a, n), slice_of(b, other)), slice_eq(slice_of(a, n), slice_of(b, other)));
        free(a);
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_is_equal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
