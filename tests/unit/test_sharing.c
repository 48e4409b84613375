/* Sharing: the sandwich by hand, then APIs of every kind, planted: none that is private or a tenant's is ever called
 * shared, and what is shared is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/sharing.h"
#include "base/hash.h"

static struct sandwich table[SHARING_CONTEXTS];
static uint64_t state;

static uint64_t next(void)
{
    return state = hash_mix(state + 0x9e3779b97f4a7c15u);
}

static void clear(void)
{
    memset(table, 0, sizeof table);
}

static void visit(struct sharing *s, uint64_t who, uint32_t content, uint32_t ms)
{
    struct sharing_visit v = {
        .context = UINT64_C(7) << 32, .who = who, .network = who, .content = content, .now_ms = ms};
    sharing_visit(table, &v, s);
}

static void sandwich(void **unused)
{
    (void)unused;
    struct sharing s = {0};
    clear();
    visit(&s, 1, 5, 0);
    visit(&s, 2, 5, 10);
    visit(&s, 1, 5, 20); /* A B A, alike */
    assert_true(s.sandwiches == 1 && s.differing == 0);
    visit(&s, 2, 6, 30);
    visit(&s, 1, 5, 40); /* A B A, B differs */
    assert_true(s.sandwiches == 2 && s.differing == 1);
    visit(&s, 2, 7, 50);
    visit(&s, 1, 7, 60); /* it changed meanwhile: nothing is known */
    assert_true(s.sandwiches == 2 && s.differing == 1);
    visit(&s, 1, 7, 70); /* nobody in between */
    visit(&s, 2, 0, 80); /* unknown */
    visit(&s, 1, 7, 90);
    assert_int_equal(s.sandwiches, 2);
    visit(&s, 2, 7, 100);
    visit(&s, 1, 7, 100 + SANDWICH_WINDOW_MS); /* too far apart */
    assert_int_equal(s.sandwiches, 2);
    assert_int_equal(s.visits, 12);
}

static void all_in_between_counts(void **unused)
{
    (void)unused;
    struct sharing s = {0};
    clear();
    visit(&s, 1, 5, 0);
    visit(&s, 2, 5, 10);
    visit(&s, 2, 5, 20); /* the same client in a row: once */
    visit(&s, 3, 5, 30);
    visit(&s, 2, 6, 40); /* it differs */
    assert_int_equal(s.sandwiches, 0);
    visit(&s, 1, 5, 50);
    assert_true(s.sandwiches == 3 && s.differing == 1);
    visit(&s, 2, 5, 60);
    visit(&s, 3, 5, 70);
    visit(&s, 1, 6, 80); /* changed: nothing is known of those in between, nor later */
    visit(&s, 1, 6, 90);
    assert_true(s.sandwiches == 3 && s.differing == 1);
}

static void coding_is_not_compared(void **unused)
{
    (void)unused;
    struct sharing s = {0};
    clear();
    visit(&s, 1, 5, 0);
    visit(&s, 2, 5u | 1u << 30, 10); /* of another coding: it begins anew */
    visit(&s, 1, 5, 20);
    assert_int_equal(s.sandwiches, 0);
}

enum kind { SHARED, PRIVATE, TENANT, FLAKY };

/* An endpoint of `keys` whose contents change every now and then, asked by `clients` in turn. */
static struct sharing_result planted(enum kind kind, unsigned clients, unsigned keys, unsigned visits, uint64_t seed)
{
    struct sharing s = {0};
    state = seed;
    clear();
    for (unsigned i = 0; i < visits; i++) {
        uint64_t who = next() % clients, key = next() % keys, ms = (uint64_t)i * 50;
        uint64_t version = (ms + key * 7919) / 300000, of = key << 40 ^ version;
        of ^= kind == PRIVATE ? who << 20 : kind == TENANT ? who % 3 << 20 : kind == FLAKY && next() % 100 == 0 ? i : 0;
        struct sharing_visit v = {.context = hash_mix(key + 1),
                                  .who = hash_mix(who),
                                  .network = who % 7,
                                  .content = (uint32_t)(hash_mix(of) & 0x1fffffff) | 1,
                                  .now_ms = (uint32_t)ms};
        sharing_visit(table, &v, &s);
    }
    struct sharing_input in = {.seen = s, .family = 20};
    return sharing_judge(&in);
}

static void kinds(void **unused)
{
    (void)unused;
    unsigned found = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        static const unsigned clients[] = {3, 5, 12, 50};
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(planted(PRIVATE, clients[i], 20, 20000, seed).verdict, SHARING_PRIVATE);
            assert_int_not_equal(planted(TENANT, clients[i], 20, 20000, seed).verdict, SHARING_SHARED);
            assert_int_not_equal(planted(FLAKY, clients[i], 20, 20000, seed).verdict, SHARING_SHARED);
            found += planted(SHARED, clients[i], 20, 20000, seed).verdict == SHARING_SHARED;
        }
    }
    assert_true(found >= 20 * 2); /* of three credentials there are too few pairs, of five hardly enough */
}

static void shared_takes_evidence(void **unused)
{
    (void)unused;
    struct sharing_result few = planted(SHARED, 12, 20, 1500, 1);
    assert_int_equal(few.verdict, SHARING_UNDECIDED);
    assert_true(few.needed > 0 && few.sandwiches + few.needed == 1196); /* level 0.05 / 20 */
    assert_int_equal(planted(SHARED, 3, 20, 20000, 1).verdict, SHARING_UNDECIDED);
    struct sharing_input in = {.seen = {.visits = 300, .anonymous = 300, .sandwiches = 100}, .family = 1};
    assert_int_equal(sharing_judge(&in).verdict, SHARING_SHARED);
    in.personal = 1;
    assert_int_equal(sharing_judge(&in).verdict, SHARING_UNDECIDED);
    in.personal = 0;
    in.seen.sandwiches = 99;
    assert_true(sharing_judge(&in).verdict == SHARING_UNDECIDED && sharing_judge(&in).needed == 1);
    in = (struct sharing_input){.seen = {.visits = 300, .anonymous = 299, .sandwiches = 100}, .family = 1};
    assert_int_equal(sharing_judge(&in).verdict, SHARING_UNDECIDED);
}

static void stored(void **unused)
{
    (void)unused;
    struct sharing s = {0}, back, twice;
    struct buf b = {0};
    state = 3;
    clear();
    for (unsigned i = 0; i < 500; i++)
        visit(&s, next() % 9, 5, i);
    sharing_write(&s, &b);
    assert_true(sharing_read(&back, slice_of(b.p, b.n)));
    assert_memory_equal(&s, &back, sizeof s);
    unsigned older = 0; /* one cut is what an older version wrote */
    for (size_t cut = 1; cut < b.n; cut++)
        if (sharing_read(&back, slice_of(b.p, cut))) {
            older++;
            assert_true(back.pairs[3] == s.pairs[3] && !back.part[0].sandwiches);
        }
    assert_int_equal(older, 1);
    assert_true(sharing_read(&back, slice_of("", 0)) && !back.visits);
    twice = s;
    sharing_merge(&twice, &s);
    assert_true(twice.visits == 1000 && memcmp(twice.pairs, s.pairs, sizeof s.pairs) == 0);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sandwich), cmocka_unit_test(all_in_between_counts), cmocka_unit_test(coding_is_not_compared),
        cmocka_unit_test(kinds),    cmocka_unit_test(shared_takes_evidence), cmocka_unit_test(stored)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
