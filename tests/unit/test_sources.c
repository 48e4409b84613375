/* Who gave the evidence: a client of more than a quarter is always found, and never overstated. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/sources.h"
#include "base/hash.h"

static void toy(void **state)
{
    struct sources s = {0};
    (void)state;
    assert_true(sources_share(&s) == 0 && sources_excess(&s) == 0);
    for (int i = 0; i < 12; i++)
        sources_add(&s, 1 + (uint32_t)i % 4);
    assert_true(sources_share(&s) == 0.25 && sources_excess(&s) == 0);
    for (int i = 0; i < 12; i++)
        sources_add(&s, 1);
    /* 15 of 24: the others' 9 may stand beside 3 of its own */
    assert_true(fabs(sources_share(&s) - 15. / 24) < 1e-12 && fabs(sources_excess(&s) - 0.5) < 1e-12);
}

static void one(struct sources *s, uint32_t *true_count, uint64_t *random, double share, uint32_t base)
{
    *random += 0x9e3779b97f4a7c15u;
    uint64_t h = hash_mix(*random);
    bool heavy = (double)(h >> 11) * 0x1p-53 < share;
    *true_count += heavy;
    sources_add(s, heavy ? 7 : base + (uint32_t)(h & 0xffff));
}

static void among_many(void **state)
{
    (void)state;
    for (int percent = 0; percent <= 100; percent += 10) {
        struct sources s = {0}, other = {0};
        uint32_t count = 0;
        uint64_t random = (uint64_t)percent;
        for (int i = 0; i < 20000; i++)
            one(i % 2 ? &s : &other, &count, &random, percent / 100., 1000);
        sources_merge(&s, &other);
        assert_int_equal(s.n, 20000);
        double share = count / 20000.;
        assert_true(sources_share(&s) <= share + 1e-3);
        if (percent >= 50)
            assert_true(sources_share(&s) > share - 0.1);
    }
}

static void stored(void **state)
{
    struct sources s = {0}, again;
    struct buf text = {0};
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        sources_add(&s, i % 3 ? 5 : i);
    sources_write(&s, &text);
    assert_true(sources_read(&again, slice_of(text.p, text.n)));
    assert_memory_equal(&s, &again, sizeof s);
    assert_false(sources_read(&again, SLICE("[5,[1,9,0]]"))); /* more than there were */
    assert_int_equal(again.n, 0);
    assert_true(sources_read(&again, SLICE("")));
    buf_free(&text);
}

static void counts_do_not_overflow(void **state)
{
    struct sources s = {UINT64_C(1) << 33, {{9, UINT32_MAX - 2, 0}}}, big = s;
    double share = sources_share(&s);
    (void)state;
    for (int i = 0; i < 5; i++)
        sources_add(&s, 9);
    assert_true(fabs(sources_share(&s) - share) < 1e-6);
    sources_merge(&s, &big);
    assert_true(sources_share(&s) > 0 && sources_share(&s) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(toy), cmocka_unit_test(among_many), cmocka_unit_test(stored),
                                       cmocka_unit_test(counts_do_not_overflow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
