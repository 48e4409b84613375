/* Slots of keys and their variants: each is found again, whichever came first, and after others were dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/keys.h"

enum { KEYS = 300, VARIANTS = 7, VISITS = 20000 };

/* What each slot should hold; 0: it was never visited. */
static uint32_t expected[KEYS][VARIANTS];
static uint32_t row_of[KEYS];
static uint64_t state = 88172645463325252u;

static uint32_t next(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16) % below;
}

static uint64_t hash_of(unsigned i)
{
    return hash_mix(i + 1);
}

static void make(struct keys *k, uint32_t rows, uint32_t slots)
{
    struct budget b = {.most = {[ROOM_KEYS] = rows, [ROOM_SLOTS] = slots, [ROOM_NAMES] = 1 << 20}};
    assert_true(keys_init(k, &b));
    for (unsigned i = 0; i < KEYS; i++) {
        char target[32];
        snprintf(target, sizeof target, "/thing/%u%s", i, i % 3 ? "" : "?a=1");
        row_of[i] = keys_add(k, hash_of(i), SLICE("GET"), SLICE("http://a"), slice_str(target),
                             (struct keys_operation){{NULL, 0}, false});
        assert_int_not_equal(row_of[i], MAP_NONE);
    }
    memset(expected, 0, sizeof expected);
}

/* Marks it with what the model says, having seen that it held what the model said before. */
static void visit(struct keys *k, unsigned i, unsigned variant)
{
    struct key *at = keys_at(k, row_of[i]);
    struct ladder_slot *s = keys_slot(k, at, variant * 77, 1000);
    assert_non_null(s);
    assert_ptr_equal(s, keys_slot_at(k, at));
    assert_int_equal(s->changes.content, expected[i][variant]);
    if (expected[i][variant])
        assert_int_equal(keys_today(k, at)->content, expected[i][variant]);
    s->changes.content = keys_today(k, at)->content = expected[i][variant] = 1 + next(1 << 30);
}

static void each_variant_has_its_slot(void **unused)
{
    struct keys k = {0};
    (void)unused;
    make(&k, KEYS, KEYS * VARIANTS);
    for (unsigned n = 0; n < VISITS; n++)
        visit(&k, next(KEYS), next(2) ? 0 : next(VARIANTS));
    keys_fini(&k);
}

static bool keeps(void *context, const struct key *at)
{
    (void)context;
    return at->hash % 3;
}

static void dropping_moves_slots_with_their_keys(void **unused)
{
    struct keys k = {0};
    (void)unused;
    make(&k, KEYS, KEYS * VARIANTS);
    for (unsigned n = 0; n < VISITS; n++)
        visit(&k, next(KEYS), next(VARIANTS));
    for (unsigned i = 0; i < KEYS; i++)
        keys_at(&k, row_of[i])->written.uri = 1;
    assert_true(keys_drop(&k, keeps, NULL));
    for (unsigned i = 0; i < KEYS; i++) {
        row_of[i] = keys_find(&k, hash_of(i));
        assert_int_equal(row_of[i] != MAP_NONE, hash_of(i) % 3 != 0);
        if (row_of[i] == MAP_NONE)
            continue;
        char target[32];
        snprintf(target, sizeof target, "/thing/%u%s", i, i % 3 ? "" : "?a=1");
        assert_true(slice_eq(keys_target(&k, keys_at(&k, row_of[i])), slice_str(target)));
        assert_int_equal(keys_at(&k, row_of[i])->written.uri, 0);
        for (unsigned variant = 0; variant < VARIANTS; variant++)
            visit(&k, i, variant);
    }
    keys_fini(&k);
}

static void the_first_needs_no_further_room(void **unused)
{
    struct keys k = {0};
    (void)unused;
    make(&k, KEYS + 1, 2);
    for (unsigned i = 0; i < KEYS; i++)
        visit(&k, i, i % VARIANTS);
    assert_int_equal(k.slots.used, 0);
    visit(&k, 0, 1);
    assert_false(keys_tight(&k, 0));
    visit(&k, 0, 2);
    struct key *at = keys_at(&k, row_of[0]);
    assert_true(keys_tight(&k, 0));
    assert_null(keys_slot(&k, at, 3 * 77, 1000));
    visit(&k, 0, 0);
    visit(&k, 0, 2);
    keys_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_variant_has_its_slot),
                                       cmocka_unit_test(dropping_moves_slots_with_their_keys),
                                       cmocka_unit_test(the_first_needs_no_further_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
