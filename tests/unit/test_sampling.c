/* Estimates instead of counts when memory does not hold every key (ALGORITHMS.md 3.6, test T-8): the same traffic once
 * with room for all keys and once without. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/state.h"

enum { KEYS = 50000, REQUESTS = 200000, PER_S = 100, ROOMY = 128 << 20, ROWS = 2048 };

static uint64_t narrow; /* memory for so many rows */

static const int64_t epoch = 1700000000000000;

/* ---- traffic ---- */

static double cumulative[KEYS];

static void zipf(double exponent)
{
    double sum = 0;
    for (int i = 0; i < KEYS; i++)
        cumulative[i] = sum += pow(i + 1, -exponent);
}

static double uniform(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return (double)(hash_mix(*state) >> 11) * 0x1p-53;
}

static int pick(uint64_t *state)
{
    double at = uniform(state) * cumulative[KEYS - 1];
    int from = 0, to = KEYS - 1;
    while (from < to) {
        int middle = (from + to) / 2;
        if (cumulative[middle] < at)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Contents change every 10 to 1000 s; each key has a size and a time of its own. */
static struct exchange get(int64_t us, int key, const char *target)
{
    int64_t at = epoch + us;
    uint64_t own = hash_mix((uint64_t)key + 1), period = 10000000 * (1 + own % 100);
    struct exchange x = {.arrival = at,
                         .t_req0 = at,
                         .t_req1 = at,
                         .t_rsp0 = at + 1000 + (int64_t)(own >> 20 & 0x3fff),
                         .t_rsp1 = at + 2000 + (int64_t)(own >> 20 & 0x3fff)};
    x.rtt_client = x.rtt_server = -1;
    x.proto = PROTO_HTTP11;
    x.method = SLICE("GET");
    x.service = SLICE("http://h");
    x.authority = SLICE("h");
    x.target = slice_str(target);
    x.status = 200;
    x.body_id = own + (uint64_t)us / period;
    x.response_bytes = 100 + own % 1000;
    x.client = (struct addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .port = 4000, .known = 1};
    x.server = (struct addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9}, .port = 80, .known = 1};
    x.client_hash = 0x123456789abc;
    return x;
}

static struct analysis *start(uint64_t memory, int seed)
{
    struct hash_key key = hash_key_from(&seed, sizeof seed);
    struct analysis_options o = {.key = &key, .memory = memory};
    struct analysis *a = analysis_new(&o, NULL);
    assert_non_null(a);
    return a;
}

static struct analysis *run(uint64_t memory, int seed, int requests)
{
    struct analysis *a = start(memory, seed);
    uint64_t state = (uint64_t)seed << 32;
    double us = 0;
    char target[32];
    for (int i = 0; i < requests; i++) {
        int key = pick(&state);
        us -= log(1 - uniform(&state)) * 1e6 / PER_S;
        snprintf(target, sizeof target, "/k/%d", key);
        struct exchange x = get((int64_t)us, key, target);
        analysis_take(a, &x);
    }
    return a;
}

/* ---- T-8 ---- */

struct score {
    double squares;
    unsigned n, covered, stale_n;
    double stale_squares, bytes, keys;
    unsigned runs;
};

static void compare(const struct row_endpoint *truth, const struct row_endpoint *seen, struct score *s)
{
    struct sampling_stored rests;
    assert_true(sampling_read(&rests, seen->sampling) && rests.level > 0);
    assert_true(rests.keys >= SAMPLING_FEW);
    for (int i = 0; i < LADDER_RUNGS; i++) {
        const struct row_rung *t = &truth->ttl[i], *e = &seen->ttl[i];
        double n = (double)t->lookups, off = ((double)e->hits - (double)t->hits) / n;
        assert_int_equal(e->lookups, t->lookups); /* the tail is counted whole */
        assert_true(e->hits <= e->lookups && e->coalesced <= e->hits && e->stale_hits <= e->hits - e->unknown_hits);
        assert_true(e->warm_hits <= e->hits + 1 && e->cycles_hit <= e->cycles + 1);
        s->squares += off * off;
        s->n++;
        s->covered += fabs(off) * n <= 3 * (double)rests.spread[i];
        double stale = ((double)e->stale_hits - (double)t->stale_hits) / n;
        s->stale_squares += stale * stale;
    }
    s->bytes += fabs((double)seen->ttl[9].bytes_saved / (double)truth->ttl[9].bytes_saved - 1);
    s->keys += fabs((double)seen->keys / (double)truth->keys - 1);
    s->runs++;
}

static void skewed(double exponent, int seeds)
{
    struct score s = {0};
    zipf(exponent);
    for (int seed = 1; seed <= seeds; seed++) {
        struct analysis *all = run(ROOMY, seed, REQUESTS), *some = run(narrow, seed, REQUESTS);
        struct row_endpoint truth, seen;
        assert_true(analysis_endpoint_row(all, 1, &truth) && analysis_endpoint_row(some, 1, &seen));
        assert_int_equal(truth.sampling.n, 0);
        assert_int_equal(analysis_total(some, "keys_overflow"), 0);
        assert_true(some->keys.rows.used <= ROWS + 1);
        compare(&truth, &seen, &s);
        analysis_free(all);
        analysis_free(some);
    }
    double rmse = sqrt(s.squares / s.n), stale = sqrt(s.stale_squares / s.n);
    print_message("# zipf %.1f: rmse %.4f, stale %.4f, %u of %u intervals cover, bytes %.3f and keys %.3f off\n",
                  exponent, rmse, stale, s.covered, s.n, s.bytes / s.runs, s.keys / s.runs);
    assert_true(rmse <= 0.02);
    assert_true(stale <= 0.02);
    assert_true(s.covered >= 0.9 * s.n);
    assert_true(s.bytes / s.runs < 0.1 && s.keys / s.runs < 0.05);
}

static int seeds(void)
{
    return getenv("PROOF") && *getenv("PROOF") ? 20 : 1;
}

static void t8_flat(void **state)
{
    (void)state;
    skewed(0.7, seeds());
}

static void t8_usual(void **state)
{
    (void)state;
    skewed(0.9, seeds());
}

static void t8_steep(void **state)
{
    (void)state;
    skewed(1.1, seeds());
}

/* ---- parts ---- */

/* All that fits is exact: not a trace of sampling. */
static void what_fits_is_exact(void **state)
{
    (void)state;
    zipf(0.9);
    struct analysis *a = start(narrow, 1), *b = start(ROOMY, 1);
    char target[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(target, sizeof target, "/k/%d", i % 1700);
        struct exchange x = get(i * 1000, i % 1700, target);
        analysis_take(a, &x);
        analysis_take(b, &x);
    }
    struct row_endpoint x, y;
    assert_true(analysis_endpoint_row(a, 1, &x) && analysis_endpoint_row(b, 1, &y));
    assert_int_equal(x.sampling.n, 0);
    assert_int_equal(analysis_total(a, "sampling_level"), 0);
    assert_memory_equal(x.ttl, y.ttl, sizeof x.ttl);
    assert_true(!a->admission.popular && a->endpoints.tails.used == 1);
    analysis_free(a);
    analysis_free(b);
}

/* A flood at one endpoint does not cost another its exact counts. */
static void a_flood_leaves_small_endpoints_alone(void **state)
{
    struct analysis *a = start(narrow, 3);
    char target[32];
    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(target, sizeof target, i % 4 ? "/flood/%d" : "/steady/%d", i % 4 ? i : i % 200);
        struct exchange x = get(i * 1000, i, target);
        analysis_take(a, &x);
    }
    struct row_endpoint flood, steady;
    assert_true(analysis_endpoint_row(a, 1, &steady) && analysis_endpoint_row(a, 2, &flood));
    assert_int_equal(steady.sampling.n, 0);
    assert_int_equal(steady.keys, 50);
    assert_int_equal(steady.ttl[LADDER_RUNGS - 1].hits, 25000 - 50);
    assert_int_equal(flood.ttl[0].lookups, 75000);
    assert_int_equal(flood.ttl[LADDER_RUNGS - 1].hits, 0);
    assert_true(fabs((double)flood.keys - 75000) < 10000);
    analysis_free(a);
}

/* The tail's hits by key 3, 1 and 0 of 4, 2 and 2 look-ups, of 16 in all: a half, give or take. */
static void toy(void **state)
{
    struct sampling_tail t = {.segment = 1, .level = 1, .n = 16};
    struct sampling_key k[3] = {{0}};
    static const struct {
        int key, hit;
    } look[] = {{0, 0}, {0, 1}, {1, 0}, {0, 1}, {2, 0}, {1, 1}, {0, 1}, {2, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof look / sizeof *look; i++) {
        t.sums.lookups++;
        t.sums.hits[0] += look[i].hit;
        assert_false(sampling_note(&t, &k[look[i].key], (uint32_t)look[i].hit));
    }
    struct ladder_sums sums = {.lookups = 10};
    struct sampling_stored out, again;
    uint64_t same = 0;
    sums.hits[0] = 5;
    sampling_estimate(&t, &sums, &same, &out);
    assert_int_equal(sums.lookups, 26);
    assert_int_equal(sums.hits[0], 13);
    /* residuals 1, 0, -1: 16 sqrt(1/2 * 3/2 * 2) / 8 = 2.45 */
    assert_int_equal(out.spread[0], 3);
    assert_int_equal(out.keys, 3);
    struct buf text = {0};
    sampling_write(&out, &text);
    assert_true(sampling_read(&again, slice_of(text.p, text.n)));
    assert_memory_equal(&out, &again, sizeof out);
    assert_false(sampling_read(&again, SLICE("[99,1")));
    assert_int_equal(again.level, 0);
    buf_free(&text);

    struct ladder_sums into = {.lookups = 10};
    into.hits[0] = 5;
    sampling_close(&t, 2, &into, &same);
    assert_int_equal(into.hits[0], 13);
    assert_int_equal(t.n + t.keys + t.sums.lookups, 0);
    t.n = 5; /* look-ups of which none was followed: anything is possible */
    sampling_estimate(&t, &into, &same, &out);
    assert_int_equal(into.lookups, 31);
    assert_true(out.spread[0] * 3 >= 5);
}

static uint64_t memory_for(uint32_t rows)
{
    uint64_t memory = 1 << 18;
    for (struct budget b = budget_of(memory); b.most[ROOM_KEYS] < rows; b = budget_of(memory))
        memory += 1 << 10;
    return memory;
}

int main(void)
{
    narrow = memory_for(ROWS);
    const struct CMUnitTest tests[] = {cmocka_unit_test(toy),
                                       cmocka_unit_test(what_fits_is_exact),
                                       cmocka_unit_test(a_flood_leaves_small_endpoints_alone),
                                       cmocka_unit_test(t8_flat),
                                       cmocka_unit_test(t8_usual),
                                       cmocka_unit_test(t8_steep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
