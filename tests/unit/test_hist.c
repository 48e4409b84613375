/* The histogram: index table of ALGORITHMS.md 8.3, quantiles within 1/64, blobs that merge byte for byte. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/hist.h"

static struct hist_page memory[256];
static struct hist_pool pool;

static void index_table(void **state)
{
    static const struct {
        uint64_t v;
        unsigned index;
        uint64_t low, high;
        double middle;
    } t[] = {{0, 0, 0, 0, 0},
             {31, 31, 31, 31, 31},
             {63, 63, 63, 63, 63},
             {65, 64, 64, 65, 64.5},
             {1000, 190, 992, 1007, 999.5},
             {12345, 304, 12288, 12543, 12415.5},
             {250000, 445, 249856, 253951, 251903.5},
             {1000000, 509, 999424, 1015807, 1007615.5}};
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(hist_index(t[i].v), t[i].index);
        assert_int_equal(hist_low(t[i].index), t[i].low);
        assert_int_equal(hist_low(t[i].index) + hist_width(t[i].index) - 1, t[i].high);
        assert_true(hist_middle(t[i].index) == t[i].middle);
    }
    assert_int_equal(hist_index(((uint64_t)1 << 36) + 5), 1024);
    assert_int_equal(hist_index(UINT64_MAX), HIST_BUCKETS - 1);
}

static void every_bucket_follows_the_last(void **state)
{
    (void)state;
    for (unsigned i = 1; i < HIST_BUCKETS; i++) {
        assert_int_equal(hist_low(i), hist_low(i - 1) + hist_width(i - 1));
        assert_int_equal(hist_index(hist_low(i)), i);
        assert_int_equal(hist_index(hist_low(i) + hist_width(i) - 1), i);
    }
}

static void fresh(struct hist *h)
{
    *h = (struct hist){0};
}

static void start(void)
{
    memset(memory, 0, sizeof memory);
    hist_pool_init(&pool, memory, 256);
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void quantiles_are_within_a_64th(void **state)
{
    static uint64_t v[5000];
    static struct hist_dense d;
    struct hist h;
    (void)state;
    start();
    fresh(&h);
    srandom(7);
    for (size_t i = 0; i < 5000; i++) {
        v[i] = (uint64_t)random() % 1000 * ((uint64_t)random() % 5000);
        hist_add(&h, &pool, v[i]);
    }
    qsort(v, 5000, sizeof *v, ascending);
    memset(&d, 0, sizeof d);
    hist_dense_add(&d, &h, &pool);
    for (int q = 1; q <= 100; q++) {
        double exact = (double)v[(5000 * q + 99) / 100 - 1], got = hist_quantile(&d, q / 100.0);
        assert_true(fabs(got - exact) <= exact / 64 + 1e-9);
    }
    assert_int_equal(d.max, v[4999]);
    assert_int_equal(d.min, v[0]);
}

static struct slice blob_of(const struct hist *h, struct buf *b)
{
    static struct hist_dense d;
    memset(&d, 0, sizeof d);
    hist_dense_add(&d, h, &pool);
    struct buf paged = {0};
    b->n = 0;
    hist_write(&d, b);
    hist_write_paged(h, &pool, &paged); /* the same from its pages */
    assert_int_equal(b->n, paged.n);
    assert_memory_equal(b->p, paged.p, b->n);
    buf_free(&paged);
    return slice_of(b->p, b->n);
}

static void merging_blobs_is_merging_data(void **state)
{
    static struct hist_dense x, y;
    struct hist a, b, both;
    struct buf one = {0}, two = {0}, all = {0}, merged = {0};
    (void)state;
    start();
    fresh(&a);
    fresh(&b);
    fresh(&both);
    srandom(3);
    for (int i = 0; i < 2000; i++) {
        uint64_t v = (uint64_t)random() >> (random() % 31);
        hist_add(i % 3 ? &a : &b, &pool, v);
        hist_add(&both, &pool, v);
    }
    assert_true(hist_read(blob_of(&a, &one), &x));
    assert_true(hist_read(blob_of(&b, &two), &y));
    hist_dense_merge(&x, &y);
    hist_write(&x, &merged);
    struct slice want = blob_of(&both, &all);
    assert_true(slice_eq(want, slice_of(merged.p, merged.n)));
    hist_merge(&a, &b, &pool);
    assert_true(slice_eq(want, blob_of(&a, &one)));
    struct hist again;
    assert_true(hist_read(want, &x));
    hist_load(&again, &x, &pool);
    assert_true(slice_eq(want, blob_of(&again, &one)));
    buf_free(&one);
    buf_free(&two);
    buf_free(&all);
    buf_free(&merged);
}

static void damaged_blobs_are_refused(void **state)
{
    static struct hist_dense d;
    struct hist h;
    struct buf b = {0};
    (void)state;
    start();
    fresh(&h);
    hist_add(&h, &pool, 300);
    hist_add(&h, &pool, 70000);
    struct slice good = blob_of(&h, &b);
    assert_true(hist_read((struct slice){NULL, 0}, &d));
    assert_true(isnan(hist_quantile(&d, 0.5)));
    for (size_t n = 1; n < 8; n++)
        assert_false(hist_read(slice_sub(good, 0, n), &d));
    assert_false(hist_read(SLICE("LL1\5\1\1\1\1\377\377\377\177\1"), &d));
    assert_false(hist_read(SLICE("XX1\5"), &d));
    buf_free(&b);
}

static void a_full_pool_loses_no_totals(void **state)
{
    struct hist h;
    (void)state;
    memset(memory, 0, sizeof memory);
    hist_pool_init(&pool, memory, 2);
    fresh(&h);
    hist_add(&h, &pool, 5);
    hist_add(&h, &pool, 50000);
    assert_int_equal(h.n, 2);
    assert_int_equal(h.sum, 50005);
    assert_int_equal(h.lost, 1);
    assert_int_equal(h.max, 50000);
}

static void many_at_once_as_one_by_one(void **state)
{
    struct hist one, many;
    struct buf a = {0}, b = {0};
    (void)state;
    start();
    fresh(&one);
    fresh(&many);
    for (uint64_t i = 0; i < 300; i++) {
        uint64_t v = i * i * i * 977, n = 1 + i % 5;
        hist_add_many(&many, &pool, v, n);
        for (uint64_t j = 0; j < n; j++)
            hist_add(&one, &pool, v);
    }
    hist_write_paged(&one, &pool, &a);
    hist_write_paged(&many, &pool, &b);
    assert_true(slice_eq(slice_of(a.p, a.n), slice_of(b.p, b.n)));
    buf_free(&a);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_table),
        cmocka_unit_test(every_bucket_follows_the_last),
        cmocka_unit_test(quantiles_are_within_a_64th),
        cmocka_unit_test(merging_blobs_is_merging_data),
        cmocka_unit_test(damaged_blobs_are_refused),
        cmocka_unit_test(a_full_pool_loses_no_totals),
        cmocka_unit_test(many_at_once_as_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
