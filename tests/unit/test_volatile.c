/* Volatile fields: the toy of ALGORITHMS.md 4.3, fifty made-up schemas, the mask, its renewal, and the bounds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/volatile.h"
#include "base/hash.h"

static const int64_t epoch = INT64_C(1700000000000);

enum { LEAVES = 400 };

/* A body in the making. */
struct made {
    struct volatile_leaf leaf[LEAVES];
    struct volatile_body body;
};

static void begin(struct made *m, uint64_t key, int64_t now)
{
    m->body = (struct volatile_body){.key = key, .now = now, .leaf = m->leaf};
}

static void leaf(struct made *m, uint64_t path, uint64_t value, enum volatile_value kind)
{
    uint64_t hash = hash_mix(hash_mix(path * 1000 + m->body.n) ^ value); /* path, index and value */
    m->leaf[m->body.n++] = (struct volatile_leaf){path, hash, kind == VOLATILE_ID ? 0 : value, kind};
    m->body.sum += hash;
}

enum { ID = 11, TS, RID, PRICE, COUNTER, TOOK, LIST };

static const struct volatile_field *field(const struct volatile_result *r, uint64_t path)
{
    for (unsigned i = 0; i < r->n; i++)
        if (r->field[i].path == path)
            return &r->field[i];
    return NULL;
}

static void toy_body(struct made *m, int i)
{
    begin(m, 1, epoch + i * 1000);
    leaf(m, ID, 1, VOLATILE_INTEGER);
    leaf(m, TS, (uint64_t)(epoch + i * 1000), VOLATILE_TIME);
    leaf(m, RID, hash_mix((uint64_t)i), VOLATILE_ID);
    leaf(m, PRICE, i < 13 ? 5 : 6, VOLATILE_INTEGER);
}

static void toy(void **state)
{
    struct volatile_learner *l = volatile_new();
    struct volatile_result r;
    struct made m;
    (void)state;
    for (int i = 0; i < 20; i++) {
        toy_body(&m, i);
        volatile_take(l, &m.body);
    }
    volatile_result(l, &r);
    assert_true(r.epoch == 0 && r.pairs == 19 && r.different == 19);
    assert_true(r.masked == 18 && r.explained == 19 && r.n == 3);
    assert_true(field(&r, TS)->masked && field(&r, TS)->class == VOLATILE_TIMESTAMP);
    assert_true(field(&r, RID)->masked && field(&r, RID)->class == VOLATILE_REQUEST_ID);
    assert_true(r.field[2].path == PRICE && !r.field[2].masked && r.field[2].class == VOLATILE_DATA);
    assert_true(r.field[2].diff == 1 && r.field[2].pairs == 19 && fabs(r.field[2].change_s - 19.0) < .1);
    volatile_free(l);
}

/* With the mask, the toy's content changes once. */
static void mask(void **state)
{
    struct volatile_learner *l = volatile_new();
    struct made m;
    uint64_t last = 0, changes = 0;
    uint32_t at;
    (void)state;
    for (int i = -300; i < 0; i++) {
        toy_body(&m, i);
        m.body.key = 9;
        volatile_take(l, &m.body);
    }
    for (int i = 0; i < 20; i++) {
        toy_body(&m, i);
        uint64_t id = volatile_identity(l, &m.body, &at);
        assert_int_equal(at, 1);
        changes += i && id != last;
        last = id;
    }
    assert_int_equal(changes, 1);
    volatile_free(l);
}

static double uniform(void)
{
    return ((double)random() + 0.5) / 2147483648.0;
}

/* Which of the fields a made-up schema has, how often its contents change, how many plain leaves it has. */
struct schema {
    bool ts, rid, took, counter, list;
    double price;
    unsigned plain;
};

static void schema_body(struct made *m, const struct schema *s, uint64_t key, int64_t now, uint64_t price,
                        uint64_t counter)
{
    begin(m, key, now);
    for (unsigned i = 0; i < s->plain; i++)
        leaf(m, 100 + i, key + i, i % 3 ? VOLATILE_OTHER : VOLATILE_INTEGER);
    if (s->ts)
        leaf(m, TS, (uint64_t)now, VOLATILE_TIME);
    if (s->rid)
        leaf(m, RID, (uint64_t)random(), VOLATILE_ID);
    if (s->took)
        leaf(m, TOOK, (uint64_t)random() % 30, VOLATILE_DURATION);
    if (s->counter)
        leaf(m, COUNTER, counter, VOLATILE_INTEGER);
    for (unsigned i = 0; s->list && i < 5; i++)
        leaf(m, LIST, price % 7 + i, VOLATILE_INTEGER);
    leaf(m, PRICE, price, VOLATILE_INTEGER);
}

/* S-2: what is noise is found, what is content is never masked. */
static void schemas(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 50; seed++) {
        struct volatile_learner *l = volatile_new();
        struct volatile_result r;
        struct made m;
        uint64_t price[12] = {0}, counter = 0;
        srandom(seed);
        struct schema s = {seed % 2,
                           seed % 3 > 0,
                           seed % 5 == 0,
                           seed % 4 == 0,
                           uniform() < .5,
                           uniform() < .5 ? .05 : .5,
                           (unsigned)(uniform() * 60)};
        for (int i = 0; i < 400; i++) {
            unsigned key = (unsigned)(uniform() * 12);
            if (uniform() < s.price)
                price[key] = (uint64_t)random() % 100;
            counter += uniform() < .7;
            schema_body(&m, &s, key + 1, epoch + i * 700, price[key], counter);
            volatile_take(l, &m.body);
        }
        volatile_result(l, &r);
        assert_int_equal(r.epoch, 1);
        assert_true(!s.ts || (field(&r, TS) && field(&r, TS)->masked));
        assert_true(!s.rid || (field(&r, RID) && field(&r, RID)->masked));
        assert_true(!s.took || (field(&r, TOOK) && field(&r, TOOK)->masked));
        for (unsigned i = 0; i < r.n; i++)
            assert_true(!r.field[i].masked || r.field[i].path == TS || r.field[i].path == RID ||
                        r.field[i].path == TOOK);
        assert_true(!s.counter || (field(&r, COUNTER) && field(&r, COUNTER)->class == VOLATILE_COUNTER));
        assert_true((double)r.explained >= .97 * (double)r.different);
        volatile_free(l);
    }
}

/* The service changes its bodies: a new field that differs every time. The mask is learned anew. */
static void relearning(void **state)
{
    struct volatile_learner *l = volatile_new();
    struct volatile_result r;
    struct made m;
    (void)state;
    for (int i = 0; i < 3000; i++) {
        begin(&m, 1, epoch + i * 1000);
        leaf(&m, TS, (uint64_t)(epoch + i * 1000), VOLATILE_TIME);
        if (i >= 600)
            leaf(&m, RID, hash_mix((uint64_t)i), VOLATILE_ID);
        volatile_take(l, &m.body);
        volatile_result(l, &r);
        assert_int_equal(r.epoch, i < 200 ? 0 : i < 1400 ? 1 : 2);
    }
    assert_true(r.n == 2 && r.masked == r.different);
    volatile_free(l);
}

/* Ids that come again are no request ids; times that go back are no time stamps. */
static void not_what_it_looks_like(void **state)
{
    struct volatile_learner *l = volatile_new();
    struct volatile_result r;
    struct made m;
    (void)state;
    srandom(6);
    for (int i = 0; i < 300; i++) {
        begin(&m, 1, epoch + i * 1000);
        leaf(&m, RID, hash_mix((uint64_t)(i % 40)), VOLATILE_ID);
        leaf(&m, TS, (uint64_t)epoch + (uint64_t)random() % 9000, VOLATILE_TIME);
        volatile_take(l, &m.body);
    }
    volatile_result(l, &r);
    assert_true(r.epoch == 1 && r.masked == 0);
    for (unsigned i = 0; i < r.n; i++)
        assert_false(r.field[i].masked);
    volatile_free(l);
}

static void pairs(void **state)
{
    struct volatile_learner *l = volatile_new();
    struct volatile_result r;
    struct made m;
    (void)state;
    for (int i = 0; i < 10; i++) { /* over a minute apart */
        toy_body(&m, i * 61);
        volatile_take(l, &m.body);
    }
    volatile_result(l, &r);
    assert_int_equal(r.pairs, 0);
    for (int i = 0; i < 2000; i++) { /* more keys than are watched */
        begin(&m, 1 + (uint64_t)(i % 200), epoch + 1000000 + i * 10);
        leaf(&m, PRICE, 1, VOLATILE_INTEGER);
        volatile_take(l, &m.body);
    }
    volatile_result(l, &r);
    assert_true(r.different == 0 && r.pairs == 200 && r.n == 0); /* frozen with nothing to leave out */
    volatile_free(l);
}

/* More paths than there is room for: what differs beyond them is explained by nothing. */
static void many_paths(void **state)
{
    struct volatile_learner *l = volatile_new();
    struct volatile_result r;
    static struct made m;
    uint32_t at;
    (void)state;
    for (int i = 0; i < 300; i++) {
        begin(&m, 1, epoch + i * 1000);
        for (unsigned k = 0; k < LEAVES - 1; k++)
            leaf(&m, 1000 + k, 1, VOLATILE_OTHER);
        leaf(&m, TS, (uint64_t)(epoch + i * 1000), VOLATILE_TIME);
        volatile_take(l, &m.body);
    }
    volatile_result(l, &r);
    assert_true(r.different == 200 && r.n == 0 && r.explained == 0);
    assert_int_equal(volatile_identity(l, &m.body, &at), m.body.sum);
    volatile_free(l);
}

static void text(void **state)
{
    struct volatile_learner *l = volatile_new(), *later = volatile_new();
    struct volatile_result r, back;
    struct buf out = {0};
    struct made m;
    uint32_t a, b;
    (void)state;
    for (int i = 0; i < 250; i++) {
        toy_body(&m, i);
        volatile_take(l, &m.body);
    }
    volatile_result(l, &r);
    volatile_write(&r, &out);
    assert_true(volatile_read(&back, slice_of(out.p, out.n)));
    assert_true(back.n == r.n && back.masked == r.masked && back.field[1].change_s == r.field[1].change_s);
    volatile_restore(later, &back);
    assert_true(volatile_identity(l, &m.body, &a) == volatile_identity(later, &m.body, &b) && a == b);
    volatile_merge(&back, &r);
    assert_true(back.pairs == 2 * r.pairs && back.n == r.n && back.field[0].diff == 2 * r.field[0].diff);
    assert_true(volatile_read(&back, SLICE("")) && !back.epoch);
    assert_false(volatile_read(&back, SLICE("[1,2,3]")));
    assert_false(volatile_read(&back, SLICE("[1,2,2,2,2,[5,6,1,1,1,1]]")) || back.n);
    buf_free(&out);
    volatile_free(l);
    volatile_free(later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toy),   cmocka_unit_test(mask),       cmocka_unit_test(schemas),
        cmocka_unit_test(text),  cmocka_unit_test(relearning), cmocka_unit_test(not_what_it_looks_like),
        cmocka_unit_test(pairs), cmocka_unit_test(many_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
