/* What of an endpoint can be added up: there and back, differences and sums, and blobs that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/store/sums.h"
#include "base/hist.h"

static uint64_t state = 1;

static uint64_t any(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

/* A row whose counters are random; text in `text`. */
static void fill(struct row_endpoint *row, struct buf text[2])
{
    struct hist_dense d;
    memset(row, 0, sizeof *row);
    memset(&d, 0, sizeof d);
    row->requests = any(1000000);
    row->response_bytes = any(UINT64_C(1) << 40);
    row->keys = any(3);
    for (int i = 0; i < DECLARED_COUNT; i++)
        row->declared[i] = any(4);
    for (int i = 0; i < REASON_COUNT; i++)
        row->reasons[i] = any(2) * any(5000);
    for (int r = 0; r < LADDER_RUNGS; r++) {
        row->ttl[r].lookups = row->requests;
        row->ttl[r].hits = any(1000);
        row->ttl[r].bytes_saved = any(UINT64_C(1) << 50);
        row->ttl[r].stale_purgeable = any(2);
    }
    for (int i = 0; i < 50; i++) {
        d.count[any(HIST_BUCKETS)] += 1 + any(9);
        d.n = d.sum = 1;
    }
    text[0].n = text[1].n = 0;
    hist_write(&d, &text[0]);
    row->latency = slice_of(text[0].p, text[0].n);
    buf_printf(&text[1],
               "{\"multi\":%d,\"lost\":[3,9],\"gaps\":[[4,%d,1,500,20],[119,0,2,0,77]],\"versions\":[5,1,0,3,8]}",
               (int)any(9), (int)any(9));
    row->lifetimes = slice_of(text[1].p, text[1].n);
}

static bool same(const struct sums *a, const struct sums *b)
{
    bool equal = a->n == b->n;
    for (size_t i = 0; equal && i < a->n; i++)
        equal = a->at[i].place == b->at[i].place && a->at[i].value == b->at[i].value;
    return equal;
}

static void blobs_hold_what_was_written(void **unused)
{
    struct row_endpoint row;
    struct buf text[2] = {0}, blob = {0};
    struct sums s = {0}, back = {0};
    (void)unused;
    for (int round = 0; round < 200; round++) {
        fill(&row, text);
        sums_of(&s, &row);
        blob.n = 0;
        sums_write(&s, &blob);
        assert_true(sums_read(&back, slice_of(blob.p, blob.n)));
        assert_true(same(&s, &back));
    }
    sums_free(&s);
    sums_free(&back);
    buf_free(&blob);
    buf_free(&text[0]);
    buf_free(&text[1]);
}

static void differences_add_up(void **unused)
{
    struct row_endpoint row[5];
    struct buf text[5][2] = {0}, blob = {0};
    struct sums now = {0}, before = {0}, delta = {0}, total = {0};
    (void)unused;
    for (int i = 0; i < 5; i++) {
        fill(&row[i], text[i]);
        sums_of(&now, &row[i]);
        delta.n = 0;
        sums_add(&delta, &now, 1);
        sums_add(&delta, &before, -1); /* some go down: that is kept, too */
        blob.n = 0;
        sums_write(&delta, &blob);
        assert_true(sums_read(&delta, slice_of(blob.p, blob.n)));
        sums_add(&total, &delta, 1);
        sums_of(&before, &row[i]);
    }
    assert_true(same(&total, &now));
    sums_add(&total, &now, -1);
    assert_int_equal(total.n, 0);
    for (int i = 0; i < 5; i++) {
        buf_free(&text[i][0]);
        buf_free(&text[i][1]);
    }
    sums_free(&now);
    sums_free(&before);
    sums_free(&delta);
    sums_free(&total);
    buf_free(&blob);
}

static void rows_get_back_what_adds_up(void **unused)
{
    struct row_endpoint row, out;
    struct buf text[2] = {0}, own[4] = {0};
    struct sums s = {0}, again = {0};
    (void)unused;
    fill(&row, text);
    row.clients = 7;
    row.live = SLICE("[]");
    out = row;
    sums_of(&s, &row);
    sums_into(&s, &out, own);
    assert_int_equal(out.requests, row.requests);
    assert_int_equal(out.ttl[7].bytes_saved, row.ttl[7].bytes_saved);
    assert_int_equal(out.clients, 0);
    assert_int_equal(out.live.n, 0);
    sums_of(&again, &out);
    assert_true(same(&s, &again));
    for (int i = 0; i < 4; i++)
        buf_free(&own[i]);
    buf_free(&text[0]);
    buf_free(&text[1]);
    sums_free(&s);
    sums_free(&again);
}

static void damaged_blobs_are_empty(void **unused)
{
    struct row_endpoint row;
    struct buf text[2] = {0}, blob = {0};
    struct sums s = {0};
    (void)unused;
    fill(&row, text);
    sums_of(&s, &row);
    sums_write(&s, &blob);
    for (int round = 0; round < 20000; round++) {
        size_t at = any(blob.n), n = any(4) ? blob.n : any(blob.n);
        char was = blob.p[at];
        blob.p[at] = (char)any(256);
        if (!sums_read(&s, slice_of(blob.p, n)))
            assert_int_equal(s.n, 0);
        for (size_t i = 0; i < s.n; i++)
            assert_true(s.at[i].place < SUMS_END);
        blob.p[at] = was;
    }
    assert_false(sums_read(&s, SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02")));
    sums_free(&s);
    buf_free(&blob);
    buf_free(&text[0]);
    buf_free(&text[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blobs_hold_what_was_written),
        cmocka_unit_test(differences_add_up),
        cmocka_unit_test(rows_get_back_what_adds_up),
        cmocka_unit_test(damaged_blobs_are_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
