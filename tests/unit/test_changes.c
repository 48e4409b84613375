/* Changes of a key: the trace TR1 of ALGORITHMS.md, versions against a plain reading of their definition on random
 * visits, keys with several answers, times that wrap, and the text form. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/changes.h"

static struct blocks pool;
static const int64_t epoch = INT64_C(1700000000000);

static struct changes_stored stored(const struct changes_sums *s)
{
    struct changes_stored out;
    struct buf text = {0};
    changes_write(s, &pool, &text);
    assert_true(changes_read(&out, slice_of(text.p, text.n)));
    buf_free(&text);
    return out;
}

static void assert_same(const struct changes_stored *a, const struct changes_stored *b)
{
    assert_memory_equal(&a->lifetime, &b->lifetime, sizeof a->lifetime);
    assert_int_equal(a->multi_valued, b->multi_valued);
    assert_int_equal(a->versions.n, b->versions.n);
    assert_true(a->versions.deaths == b->versions.deaths && a->versions.close == b->versions.close);
    for (unsigned i = 0; i < a->versions.n; i++)
        assert_true(a->versions.count[i].left == b->versions.count[i].left &&
                    a->versions.count[i].right == b->versions.count[i].right &&
                    a->versions.count[i].n == b->versions.count[i].n);
}

static void tr1(void **state)
{
    static const struct {
        int s, key;
        uint32_t content;
    } visit[] = {{0, 0, 'x'},  {3, 0, 'x'},  {4, 1, 'p'},  {9, 0, 'y'},  {11, 0, 'y'},
                 {12, 1, 'p'}, {14, 0, 'y'}, {20, 0, 'y'}, {22, 1, 'q'}, {31, 0, 'z'}};
    struct changes c[2] = {0};
    struct changes_sums s = {0};
    unsigned gaps = 0, changes = 0;
    (void)state;
    for (size_t i = 0; i < sizeof visit / sizeof *visit; i++) {
        struct changes_gap g = changes_visit(&c[visit[i].key], epoch + visit[i].s * 1000, visit[i].content, &s, &pool);
        gaps += g.known;
        changes += g.changed;
    }
    assert_true(gaps == 8 && changes == 3);
    struct changes_stored out = stored(&s);
    struct changes_result r = changes_result(&out);
    assert_true(r.poisson.gaps == 8 && r.poisson.rate > 0.08924 && r.poisson.rate < 0.08926);
    /* y of a lived longer than 11 s and at most 28; z of a and q of b are alive, x and p were not seen to be born. */
    assert_true(r.versions.versions == 3 && r.versions.deaths == 1 && out.versions.n == 2);
    assert_int_equal(out.versions.count[0].right, SURVIVAL_TAIL);
    assert_int_equal(out.versions.count[0].n, 2);
    assert_int_equal(out.versions.count[1].left, survival_least(11000));
    assert_int_equal(out.versions.count[1].right, survival_most(28000));
    changes_drop(&s, &pool);
}

static double uniform(void)
{
    return ((double)random() + 0.5) / 2147483648.0;
}

enum { VISITS = 3000, KEYS = 20 };
static struct {
    int64_t ms;
    unsigned key;
    uint32_t content;
} visit[VISITS];

/* Contents of two classes, unknown ones, gaps from nothing to days; no returns. */
static void random_visits(void)
{
    uint32_t content[KEYS], fresh = 1;
    int64_t now = epoch;
    for (unsigned k = 0; k < KEYS; k++)
        content[k] = fresh++;
    for (int i = 0; i < VISITS; i++) {
        unsigned k = (unsigned)(uniform() * uniform() * KEYS);
        now += (int64_t)(exp(uniform() * (uniform() < .02 ? 20 : 9)) - 1);
        if (uniform() < .2)
            content[k] = fresh++ | (uniform() < .05 ? 1u << 30 : 0);
        visit[i].ms = now;
        visit[i].key = k;
        visit[i].content = uniform() < .1 ? 0 : content[k];
    }
}

/* One key, by the definitions: known visits only, versions as runs of equal contents. */
static void by_definition(unsigned key, struct changes_sums *s)
{
    int64_t b0 = -1, b1 = -1, last = -1;
    uint32_t content = 0;
    for (int i = 0; i < VISITS; i++) {
        if (visit[i].key != key || !visit[i].content)
            continue;
        int64_t now = visit[i].ms;
        bool comparable = content && content >> 30 == visit[i].content >> 30;
        if (comparable)
            gaptable_add(&s->gaps, &pool, (uint32_t)(now - last), content != visit[i].content);
        if (content && content != visit[i].content) {
            if (b0 >= 0 && comparable)
                survival_died(&s->survival, &pool, (uint64_t)(last - b1), (uint64_t)(now - b0));
            else if (b0 >= 0)
                survival_alive(&s->survival, &pool, survival_least((uint64_t)(last - b1)));
            b0 = comparable ? last : -1;
            b1 = now;
        }
        content = visit[i].content;
        last = now;
    }
    if (b0 >= 0)
        survival_alive(&s->survival, &pool, survival_least((uint64_t)(last - b1)));
}

static void brute_force(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 30; seed++) {
        struct changes c[KEYS] = {0}, rebuilt[KEYS] = {0};
        struct changes_sums s = {0}, want = {0}, part[2] = {0};
        struct changes again[KEYS] = {0};
        srandom(seed);
        random_visits();
        for (int i = 0; i < VISITS; i++) {
            unsigned k = visit[i].key;
            changes_visit(&c[k], visit[i].ms, visit[i].content, &s, &pool);
            changes_visit(&again[k], visit[i].ms, visit[i].content, &part[k % 2], &pool);
            changes_visit(&rebuilt[k], visit[i].ms, visit[i].content, NULL, NULL);
        }
        for (unsigned k = 0; k < KEYS; k++)
            by_definition(k, &want);
        struct changes_stored a = stored(&s), b = stored(&want);
        assert_same(&a, &b);
        assert_memory_equal(c, rebuilt, sizeof c);
        changes_merge(&part[0], &part[1], &pool);
        a = stored(&part[0]);
        assert_same(&a, &b);
        changes_load(memset(&part[1], 0, sizeof part[1]), &pool, &b);
        a = stored(&part[1]);
        assert_same(&a, &b);
        changes_drop(&s, &pool);
        changes_drop(&want, &pool);
        changes_drop(&part[0], &pool);
    }
}

static void several_answers(void **state)
{
    struct changes c = {0};
    struct changes_sums s = {0};
    (void)state;
    for (int i = 0; i < 100; i++)
        changes_visit(&c, epoch + i * 1000, 1 + (uint32_t)(i * 7 % 3 % 2) + (i % 5 == 0), &s, &pool);
    assert_true(c.flags & CHANGES_MULTI);
    assert_int_equal(s.multi_valued, 1);
    struct changes_stored out = stored(&s);
    for (unsigned i = 0; i < out.versions.n; i++)
        assert_true(out.versions.count[i].right != SURVIVAL_TAIL || !out.versions.count[i].n);
    struct changes_gap gap = changes_visit(&c, epoch + 200000, 1, &s, &pool);
    assert_true(gap.known && gap.multi);
    assert_true(lifetime_result(&out.lifetime).gaps < 20);
    changes_drop(&s, &pool);
}

/* Returns to an old content at a distance: two contents in turn, `ms` apart; the first change is no return. */
static bool becomes_multi(int64_t ms, int visits)
{
    struct changes c = {0};
    for (int i = 0; i < visits; i++)
        changes_visit(&c, epoch + i * ms, 1 + (uint32_t)(i % 2), NULL, NULL);
    return c.flags & CHANGES_MULTI;
}

static void five_within_a_minute(void **state)
{
    struct changes c = {0};
    (void)state;
    assert_true(becomes_multi(15000, 7));
    assert_false(becomes_multi(15000, 6));
    assert_false(becomes_multi(15001, 100));
    for (int i = 0; i < 400; i++) /* four contents in turn, and ever new ones, are changes */
        changes_visit(&c, epoch + i * 100, 1 + (uint32_t)(i % 4), NULL, NULL);
    assert_false(c.flags & CHANGES_MULTI);
    for (int i = 0; i < 400; i++)
        changes_visit(&c, epoch + 40000 + i * 100, 10 + (uint32_t)i, NULL, NULL);
    assert_false(c.flags & CHANGES_MULTI);
}

/* Versions older than the clock of the state, and keys not looked up for weeks. */
static void long_times(void **state)
{
    const int64_t day = 86400000;
    struct changes c = {0};
    struct changes_sums s = {0};
    (void)state;
    changes_visit(&c, epoch, 1, &s, &pool);
    changes_visit(&c, epoch + day, 2, &s, &pool);
    for (int i = 2; i < 200; i += 20)
        assert_true(changes_visit(&c, epoch + i * day, 2, &s, &pool).known);
    struct changes_stored out = stored(&s);
    assert_true(out.versions.n == 1 && out.versions.count[0].left == SURVIVAL_TAIL);
    changes_visit(&c, epoch + 195 * day, 0, &s, &pool);
    assert_false(changes_visit(&c, epoch + 215 * day, 3, &s, &pool).known); /* 33 days since a known content */
    assert_true(changes_visit(&c, epoch + 216 * day, 4, &s, &pool).changed);
    changes_drop(&s, &pool);
}

static void damage(void **state)
{
    struct changes_stored out;
    (void)state;
    assert_true(changes_read(&out, SLICE("")));
    assert_true(changes_read(&out, SLICE("{\"multi\":2,\"lost\":[3,4],\"gaps\":[[1,1,0,2,0]],\"versions\":[0,0]}")));
    assert_true(out.multi_valued == 2 && out.lost_gaps == 3 && out.lost_versions == 4);
    assert_true(isnan(changes_result(&out).poisson.mean_low)); /* what is not whole is unknown */
    assert_false(changes_read(&out, SLICE("{\"multi\":2,\"lost\":[0,0],\"gaps\":[[1,1,0,2]],\"versions\":[0,0]}")));
    assert_false(changes_read(&out, SLICE("{\"multi\":2,\"lost\":[0,0],\"gaps\":[]}")));
    assert_int_equal(out.multi_valued, 0);
    assert_false(changes_read(&out, SLICE("x")));
}

/* A rate of changes and 60 deaths of a cell: medians that meet and medians that do not. */
static bool fits(uint64_t ms, uint8_t cell)
{
    struct changes_stored s = {.versions = {.deaths = 60, .n = 1, .count = {{cell, cell, 60}}}};
    for (int i = 0; i < 300; i++)
        lifetime_add(&s.lifetime, ms, i % 5 == 0);
    struct changes_result r = changes_result(&s);
    return changes_fit(&s, &r);
}

static void versions_are_held_against_the_model(void **state)
{
    struct changes_stored nothing = {.multi_valued = 0};
    struct changes_result r = changes_result(&nothing);
    (void)state;
    assert_true(changes_fit(&nothing, &r));
    assert_true(fits(10000, (uint8_t)survival_least(31000))); /* mean 45 s, so half of them 31 s */
    assert_false(fits(10000, (uint8_t)survival_least(3000)));
    assert_false(fits(10000, (uint8_t)survival_least(300000)));
}

static int start(void **state)
{
    (void)state;
    return !blocks_init(&pool, 1 << 16);
}

static int stop(void **state)
{
    (void)state;
    blocks_fini(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tr1),
        cmocka_unit_test(brute_force),
        cmocka_unit_test(several_answers),
        cmocka_unit_test(long_times),
        cmocka_unit_test(damage),
        cmocka_unit_test(five_within_a_minute),
        cmocka_unit_test(versions_are_held_against_the_model),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
