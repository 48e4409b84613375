/* Model Z at slot level: the table of TR1 (ALGORITHMS.md 3.3) decision by decision, and a plain brute force on random
 * traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/ladder.h"

enum { A, B };

static const struct {
    int second, key;
    uint32_t content;
} tr1[] = {{0, A, 'x'},  {3, A, 'x'},  {4, B, 'p'},  {9, A, 'y'},  {11, A, 'y'},
           {12, B, 'p'}, {14, A, 'y'}, {20, A, 'y'}, {22, B, 'q'}, {31, A, 'z'}};

enum { RECORDS = sizeof tr1 / sizeof *tr1, EPOCH = 1700000 };

static unsigned rung_of(uint32_t ttl)
{
    unsigned i = 0;
    while (ladder_ttl_s[i] != ttl)
        i++;
    return i;
}

static void tr1_table(void **state)
{
    static const struct {
        uint32_t ttl;
        const char *decisions;
        uint64_t hits, stale, purgeable;
    } want[] = {{1, "MMMMMMMMMM", 0, 0, 0},
                {5, "MHMMHMMMMM", 2, 0, 0},
                {10, "MHMSMHHHMM", 5, 1, 1},
                {20, "MHMSSHSMSS", 7, 5, 3},
                {60, "MHMSSHSSSS", 8, 6, 5}};
    static struct ladder_slot slot[2];
    static struct ladder_sums sums;
    char got[LADDER_RUNGS][RECORDS + 1] = {{0}};
    (void)state;
    for (int k = 0; k < 2; k++)
        ladder_reset(&slot[k], (int64_t)EPOCH * 1000);
    for (int i = 0; i < RECORDS; i++) {
        struct ladder_visit v = {.now = ((int64_t)EPOCH + tr1[i].second) * 1000,
                                 .start = (int64_t)EPOCH * 1000,
                                 .purged =
                                     tr1[i].key == A && tr1[i].second >= 8 ? ((int64_t)EPOCH + 8) * 1000 : INT64_MIN,
                                 .content = tr1[i].content,
                                 .fillable = true,
                                 .fetch_us = -1,
                                 .bytes = 10,
                                 .server_us = 3};
        struct row_rung before[LADDER_RUNGS], after[LADDER_RUNGS];
        ladder_row(&sums, before);
        uint32_t hit = ladder_visit(&slot[tr1[i].key], &v, &sums);
        ladder_row(&sums, after);
        for (int r = 0; r < LADDER_RUNGS; r++)
            got[r][i] = !(hit >> r & 1) ? 'M' : after[r].stale_hits > before[r].stale_hits ? 'S' : 'H';
    }
    struct row_rung sum[LADDER_RUNGS];
    ladder_row(&sums, sum);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        unsigned r = rung_of(want[i].ttl);
        assert_string_equal(got[r], want[i].decisions);
        assert_int_equal(sum[r].hits, want[i].hits);
        assert_int_equal(sum[r].stale_hits, want[i].stale);
        assert_int_equal(sum[r].bytes_saved, want[i].hits * 10);
        assert_int_equal(sum[r].server_us_saved, want[i].hits * 3);
        assert_int_equal(sum[r].unknown_hits, 0);
        assert_int_equal(sum[r].stale_purgeable, want[i].purgeable);
        assert_int_equal(sum[r].cycles, RECORDS - want[i].hits);
    }
    assert_int_equal(sums.lookups, RECORDS);
    /* Warm: at least T after the start. */
    assert_int_equal(sum[rung_of(1)].warm_lookups, 9);
    assert_int_equal(sum[rung_of(20)].warm_lookups, 3);
    assert_int_equal(sum[rung_of(20)].warm_hits, 2);
    assert_int_equal(sum[rung_of(60)].warm_lookups, 0);
}

/* One rung, as the contract words it. */
struct plain {
    bool filled, error;
    int64_t f;
    uint32_t h, d;
    uint64_t hits, stale, unknown, masked, coalesced, bytes, server_us, warm_lookups, warm_hits;
    uint64_t cycles, cycles_hit, cycles_stale, swr, purgeable;
    bool hit_once, stale_once;
};

static void plain_hit(struct plain *p, const struct ladder_visit *v)
{
    uint32_t seen = v->error ? 0 : v->content;
    bool known = p->h && seen && p->h >> 30 == seen >> 30, stale = known && p->h != seen;
    p->hits++;
    p->unknown += !known;
    p->stale += stale;
    p->masked += v->error && !p->error;
    p->coalesced += v->now - p->f < (int64_t)p->d * 4;
    p->bytes += v->bytes;
    p->server_us += v->server_us;
    p->purgeable += stale && p->f < v->purged && v->purged <= v->now;
    p->cycles_hit += !p->hit_once;
    p->cycles_stale += stale && !p->stale_once;
    p->hit_once = true;
    p->stale_once |= stale;
}

static void plain_visit(struct plain *p, const struct ladder_visit *v, int64_t ttl_ms)
{
    int64_t d = v->fetch_us < 0 ? 0 : (v->fetch_us + 3999) / 4000;
    bool warm = v->now - v->start >= ttl_ms;
    p->warm_lookups += warm;
    if (p->filled && v->now - p->f < ttl_ms) {
        p->warm_hits += warm;
        plain_hit(p, v);
        return;
    }
    p->swr += p->filled && v->now - p->f < 2 * ttl_ms;
    if (!v->fillable)
        return;
    p->filled = true;
    p->error = v->error;
    p->f = v->now;
    p->h = v->content;
    p->d = d > 65535 ? 65535 : (uint32_t)d;
    p->cycles++;
    p->hit_once = p->stale_once = false;
}

static int64_t step_ms(void)
{
    static const int64_t steps[] = {0,    1,     500,   999,      1000,      1001,      2000,
                                    5000, 10000, 60000, 86400000, 604800000, 604800001, 2000000000};
    return steps[random() % 14] >> (random() % 3 == 0 ? 1 : 0);
}

static void random_visit(struct ladder_visit *v)
{
    v->now += step_ms();
    v->error = random() % 6 == 0;
    v->fillable = v->error ? random() % 3 == 0 : random() % 10 != 0;
    v->content = random() % 5 ? (uint32_t)(random() % 3 + 1) | (uint32_t)(random() % 2) << 30 : 0;
    v->fetch_us = random() % 4 ? random() % 3000000 : -1;
    v->bytes = (uint64_t)random() << (random() % 8 ? 0 : 3);
    v->server_us = (uint64_t)random() >> random() % 20;
    if (random() % 7 == 0)
        v->purged = v->now - random() % 3000;
}

static void brute_force(void **state)
{
    static struct ladder_slot slot;
    (void)state;
    for (int run = 0; run < 300; run++) {
        static struct ladder_sums sums;
        struct plain plain[LADDER_RUNGS] = {{0}};
        struct ladder_visit v = {.now = (int64_t)EPOCH * 1000000 + random(), .purged = INT64_MIN};
        int64_t start = v.now;
        memset(&sums, 0, sizeof sums);
        srandom((unsigned)run);
        ladder_reset(&slot, v.now);
        for (int i = 0; i < 700; i++) {
            random_visit(&v);
            v.start = start + random() % 3 * 700; /* as if other keys of the endpoint were behind */
            ladder_visit(&slot, &v, &sums);
            for (int r = 0; r < LADDER_RUNGS; r++)
                plain_visit(&plain[r], &v, (int64_t)ladder_ttl_s[r] * 1000);
        }
        struct row_rung sum[LADDER_RUNGS];
        ladder_row(&sums, sum);
        for (int r = 0; r < LADDER_RUNGS; r++) {
            assert_int_equal(sum[r].hits, plain[r].hits);
            assert_int_equal(sum[r].stale_hits, plain[r].stale);
            assert_int_equal(sum[r].unknown_hits, plain[r].unknown);
            assert_int_equal(sum[r].errors_masked, plain[r].masked);
            assert_int_equal(sum[r].coalesced, plain[r].coalesced);
            assert_int_equal(sum[r].bytes_saved, plain[r].bytes);
            assert_int_equal(sum[r].server_us_saved, plain[r].server_us);
            assert_int_equal(sum[r].warm_lookups, plain[r].warm_lookups);
            assert_int_equal(sum[r].warm_hits, plain[r].warm_hits);
            assert_int_equal(sum[r].cycles, plain[r].cycles);
            assert_int_equal(sum[r].cycles_hit, plain[r].cycles_hit);
            assert_int_equal(sum[r].cycles_stale, plain[r].cycles_stale);
            assert_int_equal(sum[r].swr_async, plain[r].swr);
            assert_int_equal(sum[r].stale_purgeable, plain[r].purgeable);
        }
    }
}

/* A slot that nothing ever filled stays empty, however long it is looked at. */
static void empty_slots_stay_empty(void **state)
{
    static struct ladder_slot slot;
    struct ladder_visit v = {.now = 1700000000000, .error = true};
    (void)state;
    ladder_reset(&slot, v.now);
    for (int i = 0; i < 200; i++, v.now += 86400000)
        assert_int_equal(ladder_visit(&slot, &v, NULL), 0);
}

static void rows_and_back(void **state)
{
    struct ladder_sums s = {.lookups = 77}, again = {0};
    struct row_rung rungs[LADDER_RUNGS], same[LADDER_RUNGS], twice[LADDER_RUNGS];
    (void)state;
    for (unsigned i = 0; i < LADDER_RUNGS; i++) {
        s.hits[i] = i * 7919;
        s.recent.hits.of[i % LADDER_LANES] |= (UINT8_MAX - i) << 8 * (i / LADDER_LANES);
        s.errors_masked[i] = i * 31;
        s.bytes_saved[i] = (uint64_t)i << 40;
        s.recent.bytes_saved.of[i] = i * 5;
        s.warm_hits[i] = i;
    }
    ladder_row(&s, rungs);
    assert_int_equal(rungs[3].hits, 3 * 7919 + UINT8_MAX - 3);
    assert_int_equal(rungs[3].bytes_saved, ((uint64_t)3 << 40) + 15);
    ladder_load(&again, rungs);
    ladder_row(&again, same);
    for (unsigned i = 0; i < LADDER_RUNGS; i++) {
        assert_int_equal(same[i].hits, rungs[i].hits);
        assert_int_equal(same[i].bytes_saved, rungs[i].bytes_saved);
        assert_int_equal(same[i].errors_masked, rungs[i].errors_masked);
        assert_int_equal(same[i].warm_hits, rungs[i].warm_hits);
    }
    ladder_merge(&again, &s);
    ladder_row(&again, twice);
    assert_int_equal(twice[3].errors_masked, 2 * s.errors_masked[3]);
    assert_int_equal(twice[3].hits, 2 * rungs[3].hits);
    assert_int_equal(twice[0].lookups, 154);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tr1_table),
        cmocka_unit_test(brute_force),
        cmocka_unit_test(empty_slots_stay_empty),
        cmocka_unit_test(rows_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
