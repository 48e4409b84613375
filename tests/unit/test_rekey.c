/* Records under other keys than their own: what can leave the key makes hits of misses, by a toy that is counted by
 * hand; what is not known is not counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "analysis/rekey.h"
#include "analysis/restore.h"
#include "analysis/store/store.h"

enum { FIVE_S = 2, UA = 1, UA_LANG = 2 };

static char path[64];

static int fresh(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/test_rekey.%d.db", (int)getpid());
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return unlink(path);
}

static struct store *begin(void)
{
    char why[256];
    bool usage;
    struct store_options o = {STORE_FRESH, 1000, true, 0600, -1, 0};
    struct store *s = store_open(path, &o, why, &usage);
    if (!s)
        fail_msg("%s", why);
    struct row_endpoint *e = store_endpoint(s);
    *e = (struct row_endpoint){
        .id = 1, .method = SLICE("GET"), .service = SLICE("http://a"), .route = SLICE("/a"), .eligible = 5};
    return s;
}

static void key(struct store *s, uint32_t id, const char *target)
{
    *store_key(s) = (struct row_key){
        .id = id, .endpoint = 1, .method = SLICE("GET"), .service = SLICE("http://a"), .target = slice_str(target)};
}

/* A look-up at a second; content 0: an error. */
static void look_up(struct store *s, unsigned second, uint32_t id, uint32_t content, uint32_t list, uint32_t variant)
{
    struct row_exchange x = {.arrival_us = INT64_C(1700000000000000) + second * INT64_C(1000000),
                             .key = id,
                             .endpoint = 1,
                             .client = 1 + second % 3,
                             .variant = variant,
                             .content = content,
                             .status = content ? 200 : 500,
                             .flags = ROW_ELIGIBLE | (content ? (uint32_t)ROW_FILLABLE : 0) | list << REPLAY_VARY_SHIFT,
                             .response_bytes = 100,
                             .ttfb_us = 1000,
                             .duration_us = 2000,
                             .server_us = 1000};
    store_exchange(s, &x);
}

static struct rekey read_with(struct store *s, const struct rekey_wish *wish, uint64_t audited)
{
    char why[256];
    struct rekey k;
    store_submit(s);
    assert_true(store_close(s, why));
    struct store_reader *r = store_read_open(path, why);
    assert_non_null(r);
    assert_true(store_read_begin(r, why));
    rekey_read(&k, r, wish, 1, audited);
    store_read_end(r);
    store_read_close(r);
    assert_false(k.failed);
    return k;
}

/* utm does not matter and _ is always new: at 5 s today's keys hit once, without utm twice, without _ four times. */
static void parameters(void **state)
{
    struct rekey_wish w = {.endpoint = 1, .n = 2, .name = {{"utm", REKEY_QUERY}, {"_", REKEY_BUSTER}}};
    struct store *s = begin();
    (void)state;
    key(s, 1, "/a?utm=1");
    key(s, 2, "/a?utm=2");
    key(s, 3, "/%61?_=7&utm=1"); /* the same path, written otherwise */
    key(s, 4, "/a?_=8");
    look_up(s, 0, 1, 50, 0, 0);
    look_up(s, 1, 2, 50, 0, 0);
    look_up(s, 2, 1, 50, 0, 0);
    look_up(s, 3, 3, 50, 0, 0);
    look_up(s, 3, 4, 51, 0, 0);
    look_up(s, 9, 9, 50, 0, 0); /* a key without a name */
    struct rekey k = read_with(s, &w, 6);
    const struct rekey_endpoint *e = rekey_endpoint(&k, 1);
    assert_non_null(e);
    assert_null(rekey_endpoint(&k, 2));
    assert_true(k.whole);
    assert_int_equal(e->lookups, 6);
    assert_int_equal(e->untracked, 1);
    static const struct {
        uint64_t keys, hits, stale;
    } want[REKEY_SIDES] = {{4, 1, 0}, {3, 2, 0}, {1, 4, 1}};
    for (int i = 0; i < REKEY_SIDES; i++) {
        assert_true(e->side[i].asked);
        assert_int_equal(e->side[i].rung[FIVE_S].ttl_s, 5);
        assert_int_equal(e->side[i].keys, want[i].keys);
        assert_int_equal(e->side[i].rung[FIVE_S].lookups, 5);
        assert_int_equal(e->side[i].rung[FIVE_S].hits, want[i].hits);
        assert_int_equal(e->side[i].rung[FIVE_S].stale_hits, want[i].stale);
        assert_int_equal(e->side[i].rung[FIVE_S].bytes_saved, 100 * want[i].hits);
        assert_int_equal(e->side[i].wrong[FIVE_S], 0); /* what it differs from is three seconds old */
    }
    assert_int_equal(e->side[REKEY_FREED].sources.n, 4);
    rekey_free(&k);
}

/* A list of Vary goes as a whole or stays; a copy that differs within a second is the key's fault. */
static void fields(void **state)
{
    struct rekey_wish w = {.endpoint = 1, .n = 1, .name = {{"user-agent", REKEY_FIELD}}};
    (void)state;
    for (int with = 0; with < 2; with++) {
        struct store *s = begin();
        key(s, 1, "/a");
        store_counter(s, "vary", SLICE("user-agent"), UA);
        store_counter(s, "vary", SLICE("accept-language, user-agent"), UA_LANG);
        if (with)
            w.name[w.n++] = (struct rekey_name){"accept-language", REKEY_CONSTANT};
        look_up(s, 0, 1, 50, UA, 1);
        look_up(s, 0, 1, 51, UA, 2);
        look_up(s, 3, 1, 50, UA_LANG, 3);
        struct rekey k = read_with(s, &w, 4);
        const struct rekey_endpoint *e = rekey_endpoint(&k, 1);
        assert_false(k.whole); /* one of four is not here */
        assert_false(e->side[REKEY_FREED].asked);
        assert_int_equal(e->kept, !with);
        assert_int_equal(e->side[REKEY_TODAY].rung[FIVE_S].hits, 0);
        assert_int_equal(e->side[REKEY_LEARNED].rung[FIVE_S].hits, with ? 2 : 1);
        assert_int_equal(e->side[REKEY_LEARNED].wrong[FIVE_S], 1);
        rekey_free(&k);
    }
}

/* An error is never wrong, and a hit of it is of unknown content. */
static void errors(void **state)
{
    struct rekey_wish w = {.endpoint = 1, .n = 1, .name = {{"_", REKEY_BUSTER}}};
    struct store *s = begin();
    (void)state;
    key(s, 1, "/a?_=1");
    key(s, 2, "/a?_=2");
    look_up(s, 0, 1, 50, 0, 0);
    look_up(s, 0, 2, 0, 0, 0);
    struct rekey k = read_with(s, &w, 2);
    const struct rekey_side *side = &rekey_endpoint(&k, 1)->side[REKEY_FREED];
    assert_int_equal(side->rung[FIVE_S].hits, 1);
    assert_int_equal(side->rung[FIVE_S].unknown_hits, 1);
    assert_int_equal(side->rung[FIVE_S].errors_masked, 1);
    assert_int_equal(side->wrong[FIVE_S], 0);
    rekey_free(&k);
}

/* No records, no wish: nothing is known. */
static void nothing(void **state)
{
    struct rekey_wish w = {.endpoint = 1, .n = 1, .name = {{"_", REKEY_BUSTER}}};
    (void)state;
    struct rekey k = read_with(begin(), &w, 0);
    assert_int_equal(rekey_endpoint(&k, 1)->lookups, 0);
    rekey_free(&k);
    assert_null(rekey_endpoint(&k, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parameters, fresh, clean),
        cmocka_unit_test_setup_teardown(fields, fresh, clean),
        cmocka_unit_test_setup_teardown(errors, fresh, clean),
        cmocka_unit_test_setup_teardown(nothing, fresh, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
