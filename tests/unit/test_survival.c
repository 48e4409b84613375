/* Lifetimes of versions: the toy of ALGORITHMS.md 4.4b, cells and their edges, the likelihood's maximum against small
 * steps away from it, Kaplan and Meier by hand, and that the matrix is the same however it came about. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/survival.h"

static struct blocks pool;

static bool near(double a, double b, double error)
{
    return fabs(a - b) <= error;
}

/* Cells (0,10] (10,20] (20,40] (40,80] (80,inf). */
static const struct survival_count toy[] = {
    {0, 1, 2}, {1, 1, 1}, {1, 2, 2}, {2, 2, 1}, {3, SURVIVAL_TAIL, 2}, {4, SURVIVAL_TAIL, 2}};
enum { TOY = sizeof toy / sizeof *toy };

/* S-4. */
static void toy_masses(void **state)
{
    struct survival_curve c;
    (void)state;
    survival_turnbull(toy, TOY, &c);
    assert_int_equal(c.n, 3); /* nothing in (0,10] and (40,80] */
    assert_true(c.run[0].left == 1 && c.run[0].right == 1 && near(c.run[0].mass, 0.45, 1e-4));
    assert_true(c.run[1].left == 2 && c.run[1].right == 2 && near(c.run[1].mass, 0.15, 1e-4));
    assert_true(c.run[2].left == 4 && near(c.run[2].mass, 0.40, 1e-4));
    assert_true(near(survival_low(&c, 2), 0.55, 1e-4) && near(survival_high(&c, 2), 0.55, 1e-4));
    assert_true(near(survival_low(&c, 3), 0.40, 1e-4) && near(survival_high(&c, 4), 0.40, 1e-4));
    double low, high;
    survival_median(&c, &low, &high);
    assert_true(low == survival_edge(2) && high == survival_edge(3));
}

static void cells(void **state)
{
    (void)state;
    assert_int_equal(survival_least(0), 0);
    assert_int_equal(survival_most(0), 0);
    for (unsigned cell = 1; cell <= SURVIVAL_TAIL; cell++) {
        uint64_t ms = (uint64_t)(survival_edge(cell) * 1000);
        assert_true((double)ms == survival_edge(cell) * 1000);
        assert_int_equal(survival_most(ms), cell - 1);
        assert_int_equal(survival_most(ms + 1), cell);
        assert_int_equal(survival_least(ms), cell);
        assert_int_equal(survival_least(ms - 1), cell - 1);
    }
    assert_true(survival_edge(SURVIVAL_TAIL) > 30 * 86400 && isinf(survival_edge(SURVIVAL_CELLS)));
    assert_int_equal(survival_least(UINT64_MAX), SURVIVAL_TAIL);
    assert_true(SURVIVAL_PAIRS <= 4096);
}

static double uniform(void)
{
    return ((double)random() + 0.5) / 2147483648.0;
}

static unsigned random_counts(struct survival_count *c, unsigned n, unsigned span)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned left = (unsigned)(uniform() * span), right = left + (unsigned)(uniform() * span / 2);
        c[i] = (struct survival_count){(uint8_t)left, (uint8_t)(uniform() < .2 ? SURVIVAL_TAIL : right),
                                       1 + (uint64_t)(uniform() * 9)};
    }
    return n;
}

static double log_likelihood(const struct survival_count *c, unsigned n, const struct survival_curve *curve)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++) {
        double mass = 0;
        for (unsigned j = 0; j < curve->n; j++)
            if (curve->run[j].left >= c[i].left && curve->run[j].right <= c[i].right)
                mass += curve->run[j].mass;
        sum += (double)c[i].n * log(mass);
    }
    return sum;
}

/* No mass moved from one run to another makes the sample more likely. */
static void is_the_maximum(void **state)
{
    struct survival_count c[40];
    struct survival_curve best, other;
    (void)state;
    srandom(5);
    for (int run = 0; run < 200; run++) {
        unsigned n = random_counts(c, 3 + (unsigned)(uniform() * 37), 4 + (unsigned)(uniform() * 60));
        double sum = 0;
        survival_turnbull(c, n, &best);
        double top = log_likelihood(c, n, &best);
        for (unsigned j = 0; j < best.n; j++)
            sum += best.run[j].mass;
        assert_true(near(sum, 1, 1e-9));
        for (unsigned a = 0; a < best.n; a++)
            for (unsigned b = 0; b < best.n; b++) {
                other = best;
                double move = best.run[a].mass < 1e-3 ? best.run[a].mass : 1e-3;
                other.run[a].mass -= move;
                other.run[b].mass += move;
                assert_true(a == b || log_likelihood(c, n, &other) < top + 1e-5);
            }
    }
}

static void kaplan_meier_by_hand(void **state)
{
    static const struct survival_count c[] = {{2, 2, 3}, {3, SURVIVAL_TAIL, 1}, {5, 5, 2}, {5, SURVIVAL_TAIL, 2},
                                              {7, 7, 1}, {9, SURVIVAL_TAIL, 1}};
    struct survival_curve k;
    (void)state;
    survival_kaplan_meier(c, 6, &k);
    assert_true(near(survival_high(&k, 3), 7. / 10, 1e-12));
    assert_true(near(survival_high(&k, 6), 7. / 10 * 4 / 6, 1e-12));
    assert_true(near(survival_high(&k, 8), 7. / 10 * 4 / 6 * 1 / 2, 1e-12));
    assert_true(near(survival_low(&k, 9), 7. / 10 * 4 / 6 * 1 / 2, 1e-12));
}

static struct survival_list list_of(const struct survival *s)
{
    struct survival_list l;
    struct buf out = {0};
    survival_write(s, &pool, &out);
    assert_true(survival_read(&l, slice_of(out.p, out.n)));
    buf_free(&out);
    return l;
}

static void watched_closely(void **state)
{
    struct survival s = {0}, far = {0};
    (void)state;
    for (int i = 0; i < 50; i++) {
        survival_died(&s, &pool, 59000, 60000);
        survival_died(&far, &pool, 10000, 60000);
        survival_alive(&s, &pool, survival_least(1000));
    }
    struct survival_list l = list_of(&s), wide = list_of(&far);
    struct survival_result r = survival_result(&l);
    assert_true(r.close && r.deaths == 50 && r.versions == 100);
    assert_true(r.median_low == 56 && r.median_high == 64);
    r = survival_result(&wide);
    assert_true(!r.close && r.median_low == 10 && r.median_high == 64);
    survival_drop(&s, &pool);
    survival_drop(&far, &pool);
}

static void unknown_medians(void **state)
{
    struct survival s = {0};
    struct survival_list l = list_of(&s);
    (void)state;
    assert_true(isnan(survival_result(&l).median_low));
    for (int i = 0; i < 9; i++)
        survival_alive(&s, &pool, survival_least(100000));
    l = list_of(&s);
    assert_true(survival_result(&l).versions == 9 && isnan(survival_result(&l).median_low));
    survival_died(&s, &pool, 1000, 2000);
    l = list_of(&s);
    assert_true(survival_result(&l).median_low == 96 && isnan(survival_result(&l).median_high));
    survival_drop(&s, &pool);
}

static void assert_same(const struct survival_list *a, const struct survival_list *b)
{
    assert_true(a->n == b->n && a->deaths == b->deaths && a->close == b->close);
    for (unsigned i = 0; i < a->n; i++)
        assert_true(a->count[i].left == b->count[i].left && a->count[i].right == b->count[i].right &&
                    a->count[i].n == b->count[i].n);
}

/* A version that grows old cell by cell leaves the same matrix as one that is entered once. */
static void ageing(void **state)
{
    struct survival s = {0}, once = {0};
    (void)state;
    for (uint64_t start = 0; start < 300; start++) {
        unsigned cell = survival_least(0);
        survival_alive(&s, &pool, cell);
        for (uint64_t ms = 0; ms < 1000000 + start * 7919; ms += 900 + 31 * start) {
            survival_alive_no_more(&s, &pool, cell);
            survival_alive(&s, &pool, cell = survival_least(ms));
        }
        survival_alive(&once, &pool, cell);
    }
    struct survival_list a = list_of(&s), b = list_of(&once);
    assert_same(&a, &b);
    survival_drop(&s, &pool);
    survival_drop(&once, &pool);
}

static void merge_and_text(void **state)
{
    struct survival a = {0}, b = {0}, both = {0}, back = {0};
    (void)state;
    srandom(8);
    for (int i = 0; i < 60000; i++) {
        uint64_t longer = (uint64_t)exp(uniform() * 23), most = longer + (uint64_t)exp(uniform() * 23);
        survival_died(i % 3 ? &a : &b, &pool, longer, most);
        survival_died(&both, &pool, longer, most);
    }
    survival_merge(&a, &b, &pool);
    struct survival_list x = list_of(&a), y = list_of(&both);
    assert_true(x.n > 2000 && x.deaths == 60000);
    assert_same(&x, &y);
    survival_load(&back, &pool, &y);
    x = list_of(&back);
    assert_same(&x, &y);
    survival_drop(&a, &pool);
    survival_drop(&b, &pool);
    survival_drop(&both, &pool);
    survival_drop(&back, &pool);
}

static void damage(void **state)
{
    struct survival_list l;
    (void)state;
    assert_true(survival_read(&l, SLICE("")) && l.n == 0);
    assert_true(survival_read(&l, SLICE("[1,1,[0,0,1]]")) && l.n == 1);
    assert_false(survival_read(&l, SLICE("[1,1,[5,4,1]]")) || l.n);
    assert_false(survival_read(&l, SLICE("[1,1,[5,89,1]]")) || l.n);
    assert_false(survival_read(&l, SLICE("[1,1,[5,8]]")) || l.n);
    assert_false(survival_read(&l, SLICE("[1,1,[5,8,281474976710656]]")) || l.n);
}

static void without_room(void **state)
{
    struct blocks none;
    struct survival s = {0};
    (void)state;
    assert_true(blocks_init(&none, 0));
    survival_died(&s, &none, 1, 2);
    survival_alive(&s, &none, 3);
    survival_alive_no_more(&s, &none, 3);
    assert_int_equal(s.lost, 1);
    blocks_fini(&none);
}

/* The interval of the bootstrap holds the true median, and is the same each time. */
static void bootstrap(void **state)
{
    struct survival s = {0};
    double low, high, again_low, again_high;
    (void)state;
    srandom(4);
    for (int i = 0; i < 400; i++) {
        double life = -100 * log(uniform()), gap = 20;
        uint64_t longer = (uint64_t)(1000 * gap * floor(life / gap));
        survival_died(&s, &pool, longer, longer + 40000);
    }
    struct survival_list l = list_of(&s);
    survival_bootstrap(&l, 200, 7, &low, &high);
    survival_bootstrap(&l, 200, 7, &again_low, &again_high);
    assert_true(low == again_low && high == again_high);
    assert_true(low < 69.3 && 69.3 < high && low >= 20 && high <= 160);
    survival_drop(&s, &pool);
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
        cmocka_unit_test(toy_masses),      cmocka_unit_test(cells),           cmocka_unit_test(is_the_maximum),
        cmocka_unit_test(watched_closely), cmocka_unit_test(unknown_medians), cmocka_unit_test(kaplan_meier_by_hand),
        cmocka_unit_test(ageing),          cmocka_unit_test(merge_and_text),  cmocka_unit_test(damage),
        cmocka_unit_test(without_room),    cmocka_unit_test(bootstrap),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
