/* Names of fields whose values never come again are no parts, for as long as they come; and what a request begins with
 * may be added up before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "capture/parts.h"

enum { UNTIL_NOISE = 1100, BETWEEN_SWEEPS = 8192 };

static struct hash_key key;
static struct slot_pool pool;
static struct slot *slot;

static int setup(void **state)
{
    (void)state;
    key = hash_key_from("0123456789abcdef", 16);
    assert_true(slot_pool_init(&pool, 2, 1 << 20));
    slot = slot_take(&pool);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    slot_pool_fini(&pool);
    return 0;
}

static unsigned request(struct parts_maker *m, const char *name, const char *value)
{
    parts_begin(m);
    if (name)
        parts_field(m, TOKEN_X_REQUEST_ID, slice_str(name), slice_str(value));
    const struct parts *p = parts_end(m, &pool, slot);
    slot->used = 0;
    return p ? p->n : 0;
}

static unsigned unique(struct parts_maker *m, const char *name, unsigned i)
{
    char value[16];
    snprintf(value, sizeof value, "u%u", i);
    return request(m, name, value);
}

/* Whether values that come again and again make it a part; of so many some are among those that are watched. */
static bool learns(struct parts_maker *m, const char *name)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 640; i++)
        n += unique(m, name, 100000 + i % 64);
    return n > 0;
}

static struct parts_maker *with_noise(const char *name)
{
    struct parts_maker *m = parts_new(&key);
    assert_non_null(m);
    for (unsigned i = 0; i < UNTIL_NOISE; i++)
        assert_int_equal(unique(m, name, i), 0);
    return m;
}

static void noise(void **state)
{
    struct parts_maker *m = with_noise("X-Request-Id");
    (void)state;
    for (unsigned i = 0; i < 3 * BETWEEN_SWEEPS; i++) /* it goes on coming, so it stays what it is */
        assert_int_equal(i % 50 ? request(m, NULL, NULL) : unique(m, "X-Request-Id", i), 0);
    assert_false(learns(m, "X-Request-Id"));
    parts_free(m);
}

static void forgotten(void **state)
{
    struct parts_maker *m = with_noise("X-Request-Id");
    (void)state;
    for (unsigned i = 0; i < 2 * BETWEEN_SWEEPS; i++)
        request(m, NULL, NULL);
    bool learnt = false;
    for (unsigned i = 0; i < 4 && !learnt; i++) /* until one of a hundred requests had it */
        learnt = learns(m, "X-Request-Id");
    assert_true(learnt);
    parts_free(m);
}

/* In other letters it is another name. */
static void letters(void **state)
{
    struct parts_maker *m = with_noise("X-Request-Id");
    (void)state;
    assert_true(learns(m, "x-request-id"));
    assert_false(learns(m, "X-Request-Id"));
    parts_free(m);
}

/* Sets that were begun with a sum are those that were added one by one. */
static void sums(void **state)
{
    static const struct {
        enum token token;
        const char *value;
    } fields[] = {{TOKEN_USER_AGENT, "curl/8.0 (x)"}, {TOKEN_ACCEPT, "a/b"}, {TOKEN_ORIGIN, "http://a.test"}};
    struct parts_maker *m = parts_new(&key);
    const struct parts *made[2];
    (void)state;
    assert_non_null(m);
    for (unsigned n = 1; n <= 3; n++) {
        uint64_t print = 0;
        for (unsigned i = 0; i < n; i++)
            print += parts_print(m, fields[i].token, slice_str(fields[i].value));
        parts_begin_with(m, n, print);
        parts_claim(m, SLICE("tenant"), 7);
        made[0] = parts_shared(m);
        assert_null(made[0]);
        for (unsigned i = 0; i < n; i++)
            parts_late(m, i, fields[i].token, slice_str(fields[i].value));
        made[0] = parts_end(m, &pool, slot);
        parts_begin(m);
        for (unsigned i = 0; i < n; i++)
            parts_field(m, fields[i].token, SLICE("(any)"), slice_str(fields[i].value));
        parts_claim(m, SLICE("tenant"), 7);
        made[1] = parts_end(m, &pool, slot);
        assert_ptr_equal(made[0], made[1]);
        assert_int_equal(made[0]->n, n + 1);
        parts_begin_with(m, n, print);
        parts_claim(m, SLICE("tenant"), 7);
        assert_ptr_equal(parts_shared(m), made[0]);
    }
    parts_free(m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(noise), cmocka_unit_test(forgotten),
                                              cmocka_unit_test(letters), cmocka_unit_test(sums)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
