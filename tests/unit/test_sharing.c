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

static void refuse(uint64_t who, bool anonymous, uint16_t status, uint32_t ms)
{
    struct sharing_visit v = {.context = UINT64_C(7) << 32, .who = who, .anonymous = anonymous, .now_ms = ms};
    sharing_refuse(table, &v, status);
}

/* A is given it, B is not, A is again. */
static void who_is_refused(void **unused)
{
    (void)unused;
    struct sharing s = {0};
    clear();
    refuse(2, false, 403, 0);
    visit(&s, 1, 5, 10);
    visit(&s, 1, 5, 20); /* the refusal was not in between */
    assert_int_equal(s.refused, 0);
    refuse(2, false, 403, 30);
    refuse(3, false, 404, 40);
    visit(&s, 1, 5, 50);
    assert_int_equal(s.refused, 1);
    refuse(2, false, 401, 60); /* of a credential that is no good */
    refuse(2, false, 500, 70);
    refuse(3, true, 401, 80);
    visit(&s, 1, 5, 90);
    assert_true(s.refused == 1 && s.barred == 1);
    refuse(2, false, 404, 100);
    visit(&s, 1, 6, 110); /* it changed meanwhile */
    refuse(2, false, 404, 120);
    refuse(1, false, 404, 130); /* it is gone for all */
    visit(&s, 1, 6, 140);
    refuse(2, false, 404, 150);
    visit(&s, 1, 6, 150 + SANDWICH_WINDOW_MS);
    assert_true(s.refused == 1 && s.barred == 1 && !s.differing && !s.sandwiches);
    sharing_merge(&s, &s);
    assert_true(s.refused == 2 && s.barred == 2);
}

/* However alike, that one is given what another is refused is not for a cache to say. */
static void refusals_forbid_sharing(void **unused)
{
    (void)unused;
    struct sharing_input in = {.family = 1};
    struct sharing *s = &in.seen;
    *s = (struct sharing){.sandwiches = 5000, .visits = 9000, .pairs = {-1, -1}, .networks = {-1}, .barred = 900};
    struct sharing_result r = sharing_judge(&in);
    assert_true(r.verdict == SHARING_SHARED && !r.refused && r.barred);
    s->refused = 1;
    r = sharing_judge(&in);
    assert_true(r.verdict == SHARING_UNDECIDED && r.refused);
    s->refused = 0;
    s->anonymous = s->visits;
    r = sharing_judge(&in);
    assert_true(r.verdict == SHARING_UNDECIDED && r.refused && !r.barred);
    s->barred = 9; /* somebody was shut out */
    assert_true(sharing_judge(&in).verdict == SHARING_SHARED);
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

static void visit_of(struct sharing *s, uint64_t context, uint64_t who, uint32_t ms)
{
    struct sharing_visit v = {.context = context, .who = who, .network = who, .content = 5, .now_ms = ms};
    sharing_visit(table, &v, s);
}

/* Two contexts of one place go on beside each other; a third one takes no more than its turn. */
static void contexts_that_meet(void **unused)
{
    (void)unused;
    struct sharing s = {0};
    uint64_t context[3] = {1}, n = 1;
    clear();
    for (uint64_t c = 2; n < 3; c++)
        if (sharing_places(table, SHARING_CONTEXTS, c) == sharing_places(table, SHARING_CONTEXTS, 1))
            context[n++] = c;
    for (uint32_t i = 0; i < 200; i++)
        for (unsigned of = 0; of < 2; of++)
            visit_of(&s, context[of], i % 2, i * 10);
    assert_int_equal(s.sandwiches, 2 * 99);
    for (uint32_t i = 200; i < 400; i++)
        for (unsigned of = 0; of < 3; of++)
            visit_of(&s, context[of], i % 2, i * 10);
    assert_true(s.sandwiches > 2 * 99 + 90 && !s.differing);
}

/* Variants of a key are contexts of their own, with places of their own. */
static void variants_of_a_key(void **unused)
{
    (void)unused;
    struct sharing s = {0};
    uint64_t key = UINT64_C(0x123456789abcdef0);
    clear();
    for (uint32_t i = 0; i < 100; i++)
        for (uint64_t variant = 0; variant < 50; variant++)
            visit_of(&s, key + variant * 0x1234567, i % 2, i * 10);
    assert_int_equal(s.sandwiches, 50 * 49);
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

/* What an endpoint's learner would say: a header field, and the credential if clients send one. */
static struct learned parts_of(bool field, bool credential, bool together)
{
    struct learned l = {.visits = 2000, .control_n = 200, .n = 2};
    l.dim[0] =
        (struct learned_dim){.text = "accept-language", .kind = PART_HEADER, .varied = true, .n = field ? 300 : 3000};
    l.dim[0].differing = field ? 300 : 0;
    l.dim[0].seen = 7;
    l.dim[1] = (struct learned_dim){.text = "credential",
                                    .kind = credential ? PART_CREDENTIAL : PART_QUERY,
                                    .leader = !together,
                                    .varied = credential};
    return l;
}

/* Answers of one key differed between clients: 700 of 1000 times. */
static struct sharing_result differing(const struct learned *l, bool credential, uint64_t equal,
                                       uint64_t equal_differing)
{
    struct sharing_input in = {.seen = {.sandwiches = 1000, .differing = 700, .visits = 2000}, .family = 4};
    in.learned = l;
    in.tests = 8;
    in.seen.anonymous = credential ? 0 : 2000;
    in.seen.equal = (struct sharing_equal){equal, equal_differing, {0xffffff, 0, 0, 0}};
    for (unsigned i = 0; i < SHARING_WORDS; i++)
        in.seen.pairs[i] = in.seen.networks[i] = in.seen.credentials[i] = 0xffff;
    return sharing_judge(&in);
}

static void a_field_that_vary_lacks(void **unused)
{
    (void)unused;
    for (int credential = 0; credential < 2; credential++) {
        struct learned l = parts_of(true, credential, false);
        struct sharing_result r = differing(&l, credential, 1000, 0);
        assert_true(r.verdict == SHARING_SHARED && r.unnamed && r.sandwiches == 1000 && !r.differing);
        r = differing(&l, credential, credential ? 800 : 60, 0);
        assert_true(r.verdict == SHARING_UNDECIDED && r.unnamed && r.needed > 0 && !r.differing);
        r = differing(&l, credential, 0, 0); /* none sends the same as another */
        assert_true(r.verdict == SHARING_UNDECIDED && r.unnamed && !r.sandwiches);
        r = differing(&l, credential, 1000, 5); /* too few to show it, enough to doubt */
        assert_true(r.verdict == SHARING_UNDECIDED && r.unnamed);
        r = differing(&l, credential, 1000, 300); /* with all header fields equal, too */
        assert_true(r.verdict == SHARING_PRIVATE && !r.unnamed && r.sandwiches == 1000 && r.differing == 700);
        l.dim[0].nominated = l.visits; /* Vary names it: it is not why */
        assert_int_equal(differing(&l, credential, 1000, 0).verdict, SHARING_PRIVATE);
        l = parts_of(false, credential, false); /* it decides nothing */
        assert_int_equal(differing(&l, credential, 1000, 0).verdict, SHARING_PRIVATE);
        l.dim[0].n = 0; /* each client sends the same always: it can be nothing else */
        r = differing(&l, credential, 1000, 0);
        assert_true(r.verdict == SHARING_SHARED && r.unnamed);
        assert_int_equal(differing(&l, credential, 20, 0).verdict, SHARING_PRIVATE); /* too little to tell */
        assert_int_equal(differing(&l, credential, 1000, 1).verdict, SHARING_PRIVATE);
        l.dim[0].seen = UINT64_MAX; /* hardly two clients send the same */
        assert_int_equal(differing(&l, credential, 1000, 0).verdict, SHARING_PRIVATE);
    }
    struct learned l = parts_of(true, true, true); /* each credential has a value of its own */
    assert_int_equal(differing(&l, true, 1000, 0).verdict, SHARING_PRIVATE);
    l = parts_of(true, true, false);
    l.dim[1].n = 1000;
    l.dim[1].differing = 3; /* all parts equal, it mattered now and then */
    assert_int_equal(differing(&l, true, 2000, 0).verdict, SHARING_UNDECIDED);
    l.dim[1].differing = 400;
    assert_int_equal(differing(&l, true, 2000, 0).verdict, SHARING_PRIVATE);
}

static void what_is_compared_is_said(void **unused)
{
    (void)unused;
    struct sharing_input in = {.family = 1};
    assert_null(strstr(sharing_judge(&in).reason, "credential"));
    in.seen = (struct sharing){.visits = 9, .anonymous = 9};
    assert_non_null(strstr(sharing_judge(&in).reason, "between clients"));
    in.seen = (struct sharing){.visits = 9, .anonymous = 9, .sandwiches = 10, .differing = 9};
    assert_non_null(strstr(sharing_judge(&in).reason, "which client"));
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
    s.equal = (struct sharing_equal){70, 3, {1, 2, 3, 4}};
    s.refused = 7;
    s.barred = 8;
    sharing_write(&s, &b);
    assert_true(sharing_read(&back, slice_of(b.p, b.n)));
    assert_memory_equal(&s, &back, sizeof s);
    unsigned older = 0; /* three cuts are what older versions wrote */
    for (size_t cut = 1; cut < b.n; cut++)
        if (sharing_read(&back, slice_of(b.p, cut))) {
            assert_true(back.pairs[3] == s.pairs[3] && !back.refused && !back.barred);
            assert_true(back.equal.sandwiches == (older == 2 ? s.equal.sandwiches : 0));
            assert_true(older ? memcmp(back.part, s.part, sizeof s.part) == 0 : !back.part[0].sandwiches);
            older++;
        }
    assert_int_equal(older, 3);
    assert_true(sharing_read(&back, slice_of("", 0)) && !back.visits);
    twice = s;
    sharing_merge(&twice, &s);
    assert_true(twice.visits == 1000 && memcmp(twice.pairs, s.pairs, sizeof s.pairs) == 0);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sandwich),
                                       cmocka_unit_test(all_in_between_counts),
                                       cmocka_unit_test(coding_is_not_compared),
                                       cmocka_unit_test(who_is_refused),
                                       cmocka_unit_test(refusals_forbid_sharing),
                                       cmocka_unit_test(kinds),
                                       cmocka_unit_test(shared_takes_evidence),
                                       cmocka_unit_test(stored),
                                       cmocka_unit_test(contexts_that_meet),
                                       cmocka_unit_test(variants_of_a_key),
                                       cmocka_unit_test(a_field_that_vary_lacks),
                                       cmocka_unit_test(what_is_compared_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
