/* Writes and the reads they change: the toy of ALGORITHMS.md 4.6, how names bind, one writer that changes things among
 * twenty that do not, reads that came too early, and the bounds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>

#include "analysis/writes.h"

static const struct hash_key secret = {1, 2, 3};

static struct writes_name name_of(const char *target, const char *id)
{
    return writes_name_of(&secret, SLICE("http://a"), slice_str(target), slice_str(id));
}

static struct writes_name item(unsigned i)
{
    char target[32], id[16];
    snprintf(target, sizeof target, "/items/%u", i);
    snprintf(id, sizeof id, "%u", i);
    return name_of(target, id);
}

static bool near(double a, double b, double error)
{
    return fabs(a - b) <= error;
}

static void toy(void **state)
{
    struct writes w;
    uint32_t row = 0;
    struct writes_visit v = {.now = 20000, .gap_ms = 1000, .changed = true};
    (void)state;
    assert_true(writes_init(&w, 1024, 4));
    struct writes_name first = item(0);
    struct writes_visit begin = {.now = 0};
    writes_visit(&w, &row, &first, &begin); /* the audit begins at 0: one write in 20 s is 0.05 a second */
    for (unsigned i = 0; i < 40; i++) {
        struct writes_name n = item(i);
        writes_note(&w, 7, &n, NULL, 0, i < 30 ? 19500 : 19000);
        writes_visit(&w, &row, &n, &v);
    }
    struct writes_totals t = {.changes = 40, .changed_ms = 40000, .observed_ms = 400000};
    struct writes_result r[WRITES_PAIRS];
    assert_int_equal(writes_result(writes_sums_at(&w, row), &t, r), 1);
    assert_true(r[0].writer == 7 && r[0].class == WRITES_SAME_URI && r[0].observed == 30);
    assert_true(near(r[0].expected, 1.951, 5e-4));
    assert_true(near(r[0].lift, 15.4, 0.05));
    assert_true(near(r[0].recall, 0.75, 1e-12) && r[0].precision == 1);
    assert_true(near(r[0].z, 28.049 / sqrt(40 * 0.048771 * 0.951229), 1e-2));
    assert_true(r[0].advised && !r[0].by_rfc);
    writes_fini(&w);
}

/* The class in which a write to `written` is met by a reader of `read`; WRITES_CLASSES: not at all. */
static enum writes_class binds(struct writes_name written, struct writes_name read, uint32_t group)
{
    struct writes w;
    uint32_t row = 0;
    struct writes_visit v = {2000, 1500, true, &group, group != 0};
    struct writes_result r[WRITES_PAIRS];
    struct writes_totals t = {1, 1500, 1500};
    assert_true(writes_init(&w, 64, 4));
    writes_note(&w, 5, &written, &group, group != 0, 1000);
    writes_visit(&w, &row, &read, &v);
    unsigned n = row ? writes_result(writes_sums_at(&w, row), &t, r) : 0;
    assert_true(n <= 1);
    writes_fini(&w);
    return n ? r[0].class : WRITES_CLASSES;
}

static void bindings(void **state)
{
    (void)state;
    assert_int_equal(binds(name_of("/items/5", "5"), name_of("/items/5", "5"), 0), WRITES_SAME_URI);
    assert_int_equal(binds(name_of("/items/5", "5"), name_of("/items/5/price", "5"), 0), WRITES_SAME_ID);
    assert_int_equal(binds(name_of("/items", NULL), name_of("/items/5", "5"), 0), WRITES_COLLECTION);
    assert_int_equal(binds(name_of("/items/5", "5"), name_of("/items", NULL), 0), WRITES_COLLECTION);
    assert_int_equal(binds(name_of("/items", NULL), name_of("/items?page=2", NULL), 0), WRITES_COLLECTION);
    assert_int_equal(binds(name_of("/items/", NULL), name_of("/items/9/", "9"), 0), WRITES_COLLECTION);
    assert_int_equal(binds(name_of("/a", NULL), name_of("/b", NULL), 0), WRITES_CLASSES);
    assert_int_equal(binds(name_of("/items/5", "5"), name_of("/items/6", "6"), 0), WRITES_CLASSES);
    uint32_t group = writes_group(&secret, SLICE("http://a"), SLICE("prices"));
    assert_int_equal(binds(name_of("/a", NULL), name_of("/b", NULL), group), WRITES_GROUP);
    assert_true(group != writes_group(&secret, SLICE("http://b"), SLICE("prices")));
    assert_string_equal(writes_class_name(WRITES_GROUP), "group");
}

/* A gap is open at the visit before and closed at this one. */
static void edges(void **state)
{
    struct writes_name n = item(1);
    (void)state;
    for (int64_t at = 999; at <= 1001; at++) {
        struct writes w;
        uint32_t row = 0;
        struct writes_visit v = {.now = 2000, .gap_ms = 1000, .changed = true};
        struct writes_result r[WRITES_PAIRS];
        struct writes_totals t = {1, 1000, 1000};
        assert_true(writes_init(&w, 64, 4));
        writes_note(&w, 5, &n, NULL, 0, at);
        assert_int_equal(writes_last(&w, &n), at);
        writes_visit(&w, &row, &n, &v);
        assert_int_equal(writes_result(writes_sums_at(&w, row), &t, r), at > 1000);
        writes_fini(&w);
    }
}

/* The content is still the old one at two visits after the write, then it is new. */
static void reads_that_came_too_early(void **state)
{
    struct writes w;
    uint32_t row = 0;
    struct writes_name n = item(1);
    (void)state;
    assert_true(writes_init(&w, 64, 4));
    writes_note(&w, 5, &n, NULL, 0, 1000);
    for (int64_t now = 1500; now <= 3500; now += 1000) {
        struct writes_visit v = {.now = now, .gap_ms = 1000, .changed = now == 3500};
        writes_visit(&w, &row, &n, &v);
    }
    const struct writes_pair *p = &writes_sums_at(&w, row)->pair[0];
    assert_true(p->late == 1 && p->stale_reads == 2 && p->seen == 1 && p->hits == 0);
    writes_fini(&w);
}

static double uniform(void)
{
    return ((double)random() + 0.5) / 2147483648.0;
}

enum { KEYS = 60, CAUSE = 3, WRITERS = 21 };

/* Writer CAUSE changes what it writes; twenty others write to the same URIs, ids and collection. */
static void simulate(struct writes *w, uint32_t *row, struct writes_totals *t)
{
    static struct writes_name names[KEYS], list;
    int64_t last[KEYS] = {0};
    bool changed[KEYS] = {false};
    list = name_of("/items", NULL);
    for (unsigned k = 0; k < KEYS; k++)
        names[k] = item(k);
    for (int64_t now = 0; now < 1200000; now += 1 + (int64_t)(uniform() * 20)) {
        unsigned k = (unsigned)(uniform() * KEYS), writer = 1 + (unsigned)(uniform() * WRITERS);
        if (uniform() < .03) {
            bool collection = writer % 5 == 4;
            writes_note(w, writer, collection ? &list : &names[k], NULL, 0, now);
            changed[k] |= !collection && writer == CAUSE;
        } else if (uniform() < .0005) {
            changed[k] = true; /* on its own */
        } else if (uniform() < .3) {
            struct writes_visit v = {.now = now, .gap_ms = (uint32_t)(now - last[k]), .changed = changed[k]};
            writes_visit(w, row, &names[k], &v);
            t->observed_ms += v.gap_ms;
            t->changes += v.changed;
            t->changed_ms += v.changed ? v.gap_ms : 0;
            last[k] = now;
            changed[k] = false;
        }
    }
}

/* S-5. */
static void one_cause(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        struct writes w;
        uint32_t row = 0;
        struct writes_totals t = {0};
        struct writes_result r[WRITES_PAIRS];
        assert_true(writes_init(&w, 4096, 4));
        srandom(seed);
        simulate(&w, &row, &t);
        unsigned n = writes_result(writes_sums_at(&w, row), &t, r), advised = 0;
        assert_true(n >= WRITERS);
        for (unsigned i = 0; i < n; i++) {
            assert_int_equal(r[i].advised, r[i].writer == CAUSE);
            advised += r[i].advised;
        }
        assert_int_equal(advised, 1);
        assert_true(r[0].class == WRITES_SAME_URI && r[0].recall > .6);
        writes_fini(&w);
    }
}

/* More names than there is room for, more writers than pairs: nothing breaks, and what is much used stays. */
static void bounds(void **state)
{
    struct writes w;
    uint32_t row = 0;
    struct writes_name hot = item(1);
    (void)state;
    assert_true(writes_init(&w, 64, 1));
    srandom(2);
    for (unsigned i = 0; i < 20000; i++) {
        struct writes_name n = item(10 + i);
        writes_note(&w, 2 + i % 500, &n, NULL, 0, i * 10);
        struct writes_visit v = {.now = i * 10 + 5, .gap_ms = 10, .changed = uniform() < .5};
        writes_visit(&w, &row, &n, &v);
        writes_note(&w, 1, &hot, NULL, 0, i * 10 + 5);
        v.changed = true;
        writes_visit(&w, &row, &hot, &v);
    }
    uint32_t none = 0;
    struct writes_visit v = {.now = 200000, .gap_ms = 10000};
    writes_visit(&w, &none, &hot, &v);
    assert_true(w.evicted > 50000 && !none);
    struct writes_result r[WRITES_PAIRS];
    struct writes_totals t = {40000, 400000, 400000};
    assert_in_range(writes_result(writes_sums_at(&w, row), &t, r), 1, WRITES_PAIRS);
    assert_true(r[0].writer == 1 && r[0].observed > 19000);
    writes_fini(&w);
}

static void text(void **state)
{
    struct writes w;
    uint32_t row = 0;
    struct writes_totals t = {0};
    struct buf out = {0};
    struct writes_sums back, twice;
    (void)state;
    assert_true(writes_init(&w, 4096, 4));
    srandom(1);
    simulate(&w, &row, &t);
    writes_write(writes_sums_at(&w, row), &out);
    assert_true(writes_read(&back, slice_of(out.p, out.n)));
    assert_memory_equal(&back, writes_sums_at(&w, row), sizeof back);
    twice = back;
    writes_merge(&twice, &back);
    for (unsigned i = 0; i < WRITES_PAIRS; i++)
        assert_true(twice.pair[i].hits == 2 * back.pair[i].hits && twice.pair[i].tried == 2 * back.pair[i].tried);
    assert_true(writes_read(&back, SLICE("")) && !back.pair[0].writer);
    assert_false(writes_read(&back, SLICE("[[1,0,1,1,1,1,1,1,1,1,1]]")));
    assert_false(writes_read(&back, SLICE("[[1,4,1,1,1,1,1,1,1,1,1,1]]")));
    assert_false(writes_read(&back, SLICE("[[0,1,1,1,1,1,1,1,1,1,1,1]]")));
    buf_free(&out);
    writes_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toy),    cmocka_unit_test(bindings),  cmocka_unit_test(edges),
        cmocka_unit_test(text),   cmocka_unit_test(one_cause), cmocka_unit_test(reads_that_came_too_early),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
