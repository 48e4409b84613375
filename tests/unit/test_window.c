/* Hours as the analysis ends them, live and from files: from files exactly at the hour, live when the writer is free;
 * in both the windows add up to the whole, also of a DB in which an older program kept none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "analysis/analysis.h"
#include "analysis/store/read.h"

enum { HOURS = 30, PER_HOUR = 50, HOUR = 3600 };
static const int64_t epoch_s = 1700000000 / HOUR * HOUR;
static char path[] = "/tmp/spanwise-window-XXXXXX";

static struct exchange get(int64_t us, const char *target)
{
    struct exchange x = {.arrival = us, .t_req0 = us, .t_req1 = us, .t_rsp0 = us, .t_rsp1 = us};
    x.rtt_client = x.rtt_server = -1;
    x.proto = PROTO_HTTP11;
    x.method = SLICE("GET");
    x.service = x.authority = SLICE("http://h");
    x.target = slice_str(target);
    x.status = 200;
    x.body_id = 7;
    x.response_bytes = 100;
    x.client = (struct addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .port = 4000, .known = 1};
    x.client_hash = 0x123456789abc;
    return x;
}

static void audit(bool live)
{
    char why[256], target[32];
    bool usage;
    struct hash_key key = hash_key_from("test", 4);
    struct analysis_options o = {.key = &key, .memory = 16 << 20, .live = live, .sources = "[]"};
    struct store_options so = {STORE_FRESH, 0, !live, 0600, -1, 0};
    struct store *s = store_open(path, &so, why, &usage);
    assert_non_null(s);
    struct analysis *a = analysis_new(&o, s);
    assert_non_null(a);
    for (int h = 0; h < HOURS; h++)
        for (int i = 0; i < PER_HOUR; i++) {
            snprintf(target, sizeof target, "/a/%d", i % 7);
            struct exchange x = get((epoch_s + h * HOUR) * 1000000 + i * INT64_C(60000000), target);
            analysis_take(a, &x);
            analysis_commit(a, false);
        }
    analysis_commit(a, true);
    analysis_free(a);
    assert_true(store_close(s, why));
}

static bool add_requests(void *context, const struct row_endpoint *row)
{
    *(uint64_t *)context += row->requests;
    return true;
}

/* Requests of the endpoints in these hours. */
static uint64_t requests(struct store_reader *r, int from, int to)
{
    struct store_span got, asked = {epoch_s + from * HOUR, epoch_s + to * HOUR};
    char why[256];
    uint64_t n = 0;
    assert_true(store_read_begin(r, why));
    if (!store_read_window(r, asked, &got, why))
        fail_msg("%s", why);
    assert_int_equal(got.from_s, asked.from_s);
    assert_true(got.to_s == asked.to_s || to == HOURS);
    store_read_endpoints(r, add_requests, &n);
    assert_int_equal(store_read_counter(r, "total", "exchanges"), n);
    assert_null(store_read_failure(r));
    store_read_end(r);
    return n;
}

static void from_files_an_hour_is_an_hour(void **state)
{
    char why[256];
    (void)state;
    audit(false);
    struct store_reader *r = store_read_open(path, why);
    for (int h = 0; h < HOURS; h++)
        assert_int_equal(requests(r, h, h + 1), PER_HOUR);
    assert_int_equal(requests(r, 0, HOURS), HOURS * PER_HOUR);
    store_read_close(r);
}

/* Hours follow each other much faster than commits: most find the writer at work, and become part of the one before. */
static void live_nothing_is_lost(void **state)
{
    char why[256];
    (void)state;
    audit(true);
    struct store_reader *r = store_read_open(path, why);
    assert_int_equal(requests(r, 0, HOURS), HOURS * PER_HOUR);
    assert_int_equal(requests(r, 0, 1) + requests(r, 1, HOURS), HOURS * PER_HOUR);
    store_read_close(r);
}

static void the_whole_is_read_as_ever(void **state)
{
    char why[256];
    struct store_span got;
    uint64_t n = 0;
    (void)state;
    audit(false);
    struct store_reader *r = store_read_open(path, why);
    requests(r, 3, 4);
    assert_true(store_read_begin(r, why));
    assert_false(store_read_window_is(r, &got));
    store_read_endpoints(r, add_requests, &n);
    assert_int_equal(n, HOURS * PER_HOUR);
    assert_false(store_read_window(r, (struct store_span){0, 3600}, &got, why));
    assert_non_null(strstr(why, "nothing is kept of that time"));
    store_read_end(r);
    store_read_close(r);
}

static int make_path(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    close(fd);
    return fd < 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(from_files_an_hour_is_an_hour),
                                       cmocka_unit_test(live_nothing_is_lost),
                                       cmocka_unit_test(the_whole_is_read_as_ever)};
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
