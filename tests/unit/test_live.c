/* What a cache would hold: the toy TR1 of ALGORITHMS.md 3.4, a plain sum over random fills, endpoints that unite, and
 * the text form. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/ladder.h"
#include "analysis/live.h"

static struct blocks pool;
static const int64_t epoch = INT64_C(1700000000000);

static unsigned rung_of(uint32_t ttl)
{
    unsigned i = 0;
    while (ladder_ttl_s[i] != ttl)
        i++;
    return i;
}

static void tr1(void **state)
{
    static const struct {
        int s, key;
    } look[] = {{0, 0}, {3, 0}, {4, 1}, {9, 0}, {11, 0}, {12, 1}, {14, 0}, {20, 0}, {22, 1}, {31, 0}};
    struct ladder_slot slot[2] = {0};
    struct live l = {0};
    struct live_sum s[LIVE_TTLS];
    (void)state;
    ladder_reset(&slot[0], epoch);
    ladder_reset(&slot[1], epoch);
    for (size_t i = 0; i < sizeof look / sizeof *look; i++) {
        struct ladder_visit v = {.now = epoch + look[i].s * 1000,
                                 .start = epoch,
                                 .purged = INT64_MIN,
                                 .content = 1,
                                 .fillable = true,
                                 .fetch_us = -1,
                                 .bytes = look[i].key ? 50 : 100};
        live_fill(&l, &pool, ~ladder_visit(&slot[look[i].key], &v, NULL), v.now, v.bytes);
    }
    live_sums(&l, &pool, epoch, epoch + 31000, s);
    assert_true(live_ttl_s[1] == 5 && s[1].known && s[1].byte_s == 2750 && s[1].watched_ms == 31000);
    assert_true(live_ttl_s[2] == 10 && s[2].known && s[2].byte_s == 2950);
    assert_int_equal(s[1].entry_s, 4 * 5 + 3 * 5);
    assert_int_equal(s[1].peak_bytes, 150);
    assert_int_equal(s[1].peak_entries, 2);
    assert_int_equal(s[9].byte_s, 31 * 100 + 27 * 50);
    live_drop(&l, &pool);
}

/* The lifetimes are the contract's, and the bits are those of the ladder. */
static void rungs_are_those_of_the_ladder(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LIVE_TTLS; i++) {
        struct live l = {0};
        struct live_sum s[LIVE_TTLS];
        live_fill(&l, &pool, 1u << rung_of(live_ttl_s[i]), epoch, 7);
        live_sums(&l, &pool, epoch, epoch + INT64_C(1000000000), s);
        for (unsigned k = 0; k < LIVE_TTLS; k++)
            assert_int_equal(s[k].byte_s, k == i ? 7 * live_ttl_s[i] : 0);
        live_drop(&l, &pool);
    }
}

enum { FILLS = 3000 };
static struct {
    int64_t ms;
    uint64_t bytes;
} done[FILLS];

static void random_fills(void)
{
    int64_t now = epoch;
    unsigned shift = (unsigned)random() % 16;
    for (int i = 0; i < FILLS; i++) {
        now += random() % 3 ? random() % 1000 >> shift : random() % 100 == 0 ? random() % 4000000 : random() % 2000;
        done[i].ms = now;
        done[i].bytes = (uint64_t)random() % 100000;
    }
}

/* Most bytes of the fills of any window of so many ms. */
static uint64_t most_within(int64_t window)
{
    uint64_t sum = 0, most = 0;
    for (int i = 0, from = 0; i < FILLS; i++) {
        sum += done[i].bytes;
        while (done[i].ms - done[from].ms >= window)
            sum -= done[from++].bytes;
        most = sum > most ? sum : most;
    }
    return most;
}

/* What may be off: bytes times ms of a part of three fills or more, some of which have been there for all of T by the
 * end. */
static double unsure_of(int64_t ttl, int64_t part, int64_t end)
{
    for (int i = 0, n; i < FILLS; i += n) {
        double bytes = 0;
        for (n = 0; i + n < FILLS && done[i + n].ms - done[i].ms < part; n++)
            bytes += (double)done[i + n].bytes;
        if (n > 2 && end - done[i].ms > ttl && end - done[i + n - 1].ms < ttl)
            return bytes * (double)part;
    }
    return 0;
}

/* T-6: exact, but for that. */
static void assert_near_the_plain_sum(const struct live_sum *s, int64_t ttl, int64_t end)
{
    int64_t part = (ttl + LIVE_PARTS - 1) / LIVE_PARTS;
    double sum = 0, unsure = unsure_of(ttl, part, end);
    for (int i = 0; i < FILLS; i++) {
        int64_t there = end - done[i].ms < ttl ? end - done[i].ms : ttl;
        sum += (double)done[i].bytes * (double)there;
    }
    assert_true(s->known && fabs(live_byte_s(s) * 1000 - sum) <= unsure + 1e-9 * sum);
    assert_true(s->peak_bytes >= most_within(ttl) && s->peak_bytes <= most_within(ttl + part));
}

/* T-6. */
static void brute_force(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct live l = {0};
        struct live_sum s[LIVE_TTLS];
        srandom(seed);
        random_fills();
        for (int i = 0; i < FILLS; i++)
            live_fill(&l, &pool, ~0u, done[i].ms, done[i].bytes);
        int64_t end = done[FILLS - 1].ms + random() % 10000;
        live_sums(&l, &pool, epoch, end, s);
        for (unsigned i = 0; i < LIVE_TTLS; i++)
            assert_near_the_plain_sum(&s[i], (int64_t)live_ttl_s[i] * 1000, end);
        live_drop(&l, &pool);
    }
}

/* Sums of two endpoints that become one are those of one; its peak lies between theirs and their sum. */
static void united(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct live part[2] = {{0}}, whole = {0};
        struct live_sum a[LIVE_TTLS], b[LIVE_TTLS];
        srandom(seed);
        random_fills();
        for (int i = 0; i < FILLS; i++) {
            if (i == FILLS / 2) {
                live_merge(&part[0], &part[1], &pool);
                live_drop(&part[1], &pool);
            }
            live_fill(&part[i < FILLS / 2 && done[i].bytes & 1], &pool, ~0u, done[i].ms, done[i].bytes);
            live_fill(&whole, &pool, ~0u, done[i].ms, done[i].bytes);
        }
        live_sums(&part[0], &pool, epoch, done[FILLS - 1].ms, a);
        live_sums(&whole, &pool, epoch, done[FILLS - 1].ms, b);
        for (unsigned i = 0; i < LIVE_TTLS; i++) {
            assert_true(a[i].known && a[i].peak_bytes >= b[i].peak_bytes / 2);
            a[i].peak_bytes = b[i].peak_bytes;
            assert_near_the_plain_sum(&a[i], (int64_t)live_ttl_s[i] * 1000, done[FILLS - 1].ms);
        }
        live_drop(&part[0], &pool);
        live_drop(&whole, &pool);
    }
}

static void stored_and_gone_on_with(void **state)
{
    struct live l = {0}, again = {0};
    struct live_sum s[LIVE_TTLS], back[LIVE_TTLS];
    struct buf text = {0};
    (void)state;
    live_fill(&l, &pool, ~0u, epoch, 100);
    live_sums(&l, &pool, epoch, epoch + 60000, s);
    live_write(s, &text);
    assert_true(live_read(back, slice_of(text.p, text.n)));
    for (unsigned i = 0; i < LIVE_TTLS; i++) {
        assert_int_equal(s[i].known, back[i].known);
        assert_memory_equal(&s[i].peak_bytes, &back[i].peak_bytes, sizeof *s - offsetof(struct live_sum, peak_bytes));
    }
    s[0].byte_ms = 999;
    text.n = 0;
    live_write(s, &text);
    assert_true(live_read(back, slice_of(text.p, text.n)) && back[0].byte_ms == 999 && !back[0].entry_ms);
    assert_true(live_read(back, SLICE("[[1,2,3,4,5,6],[5,6,7,8,9,10]]"))); /* older */
    assert_true(back[1].watched_ms == 10 && !back[1].byte_ms);
    assert_false(live_read(back, SLICE("[[1,2,3,4,5,6,1000,0]]")));
    s[0].byte_ms = 0;
    text.n = 0;
    live_write(s, &text);
    assert_true(live_read(back, slice_of(text.p, text.n)));
    live_load(&again, &pool, back);
    live_fill(&again, &pool, ~0u, epoch + 3600000, 30);
    live_sums(&again, &pool, epoch, epoch + 3601000, s);
    assert_true(s[0].peak_bytes == 100 && s[0].byte_s == 130 && s[9].byte_s == 100 * 60 + 30);
    assert_false(live_read(back, SLICE("[[1,2,3,4,5]]")));
    assert_false(back[0].known);
    assert_true(live_read(back, SLICE("")));
    assert_false(back[0].known);
    live_drop(&l, &pool);
    live_drop(&again, &pool);
    buf_free(&text);
}

/* Fills that wait are in the sums, and nothing hangs on how long they do: united with an empty one none waits. */
static void those_that_wait_are_there(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct live l = {0}, at_once = {0}, empty = {0};
        struct live_sum a[LIVE_TTLS], b[LIVE_TTLS], none[LIVE_TTLS] = {0};
        for (unsigned i = 0; i < LIVE_TTLS; i++)
            none[i].known = true;
        live_load(&empty, &pool, none);
        srandom(seed);
        random_fills();
        for (int i = 0; i < FILLS; i++) {
            uint32_t filled = (uint32_t)(random() & random()), n = 1 + (uint32_t)random() % 3;
            int64_t now = done[i].ms - random() % 3; /* also backwards */
            live_fill_many(&l, &pool, filled, now, done[i].bytes, n);
            live_fill_many(&at_once, &pool, filled, now, done[i].bytes, n);
            live_merge(&at_once, &empty, &pool);
            if (random() % 8)
                continue;
            live_sums(&l, &pool, epoch, now, a);
            live_sums(&at_once, &pool, epoch, now, b);
            for (unsigned k = 0; k < LIVE_TTLS; k++)
                assert_true(a[k].known == b[k].known && a[k].peak_bytes == b[k].peak_bytes &&
                            a[k].peak_entries == b[k].peak_entries && a[k].byte_s == b[k].byte_s &&
                            a[k].byte_ms == b[k].byte_ms && a[k].entry_s == b[k].entry_s &&
                            a[k].entry_ms == b[k].entry_ms);
        }
        live_drop(&l, &pool);
        live_drop(&at_once, &pool);
        live_drop(&empty, &pool);
    }
}

static void without_room_nothing_is_known(void **state)
{
    struct blocks none, little;
    struct live l = {0}, other = {0};
    struct live_sum s[LIVE_TTLS];
    (void)state;
    assert_true(blocks_init(&none, 0) && blocks_init(&little, 256 + 16)); /* of rings one fits in */
    live_fill(&l, &none, ~0u, epoch, 1);
    live_sums(&l, &none, epoch, epoch, s);
    assert_false(s[0].known);
    live_fill(&other, &little, ~0u, epoch, 1);
    live_fill(&other, &little, ~0u, epoch + 100, 1);
    for (unsigned i = 2; i < LIVE_WAIT; i++)
        live_fill(&other, &little, 1, epoch + 100, 1); /* until they do */
    live_sums(&other, &little, epoch, epoch, s);
    assert_true(s[0].known && !s[1].known);
    blocks_fini(&none);
    blocks_fini(&little);
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
        cmocka_unit_test(rungs_are_those_of_the_ladder),
        cmocka_unit_test(brute_force),
        cmocka_unit_test(united),
        cmocka_unit_test(stored_and_gone_on_with),
        cmocka_unit_test(those_that_wait_are_there),
        cmocka_unit_test(without_room_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
