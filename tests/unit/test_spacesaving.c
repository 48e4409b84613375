/* Space-Saving: the toy of ALGORITHMS.md 7.6 and its guarantees on a skewed stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/spacesaving.h"
#include "base/hash.h"

static void toy(void **state)
{
    struct spacesaving *s = spacesaving_new(2);
    (void)state;
    for (const char *p = "abacab"; *p; p++)
        spacesaving_add(s, hash_mix((uint64_t)*p));
    const struct heavy *a = spacesaving_find(s, hash_mix('a')), *b = spacesaving_find(s, hash_mix('b'));
    assert_int_equal(a->count, 3);
    assert_int_equal(a->error, 0);
    assert_int_equal(b->count, 3);
    assert_int_equal(b->error, 2);
    assert_null(spacesaving_find(s, hash_mix('c')));
    spacesaving_free(s);
}

enum { ITEMS = 5000, COUNTERS = 64, STREAM = 200000 };

static void guarantees(void **state)
{
    static uint64_t count[ITEMS];
    struct spacesaving *s = spacesaving_new(COUNTERS);
    (void)state;
    srandom(11);
    for (int i = 0; i < STREAM; i++) {
        double u = (double)random() / 2147483648.0;
        unsigned item = (unsigned)(ITEMS * u * u * u * u * u * u);
        count[item]++;
        spacesaving_add(s, hash_mix(item + 1));
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        const struct heavy *h = spacesaving_find(s, hash_mix(i + 1));
        assert_true(h || count[i] <= STREAM / COUNTERS);
        if (h) {
            assert_true(count[i] <= h->count && h->count - h->error <= count[i]);
            assert_true(h->error <= STREAM / COUNTERS);
        }
    }
    spacesaving_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(toy), cmocka_unit_test(guarantees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
