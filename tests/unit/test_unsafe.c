/* GETs that change what others are answered (S8 of ALGORITHMS.md 9.1): what convicts one, and what does not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/unsafe.h"

#define S INT64_C(1000000)

enum { READER = 1, WRITER, OTHER, POSTER, ENDPOINTS };

struct best {
    struct unsafe_found found[ENDPOINTS];
    bool proven[ENDPOINTS];
};

static void keep(void *context, const struct unsafe_found *f)
{
    struct best *b = context;
    b->proven[f->writer] |= f->proven;
    if (f->scope == UNSAFE_ALL)
        b->found[f->writer] = *f;
}

static void call(struct unsafe *u, const char *target, uint32_t endpoint, uint32_t content, int64_t at, bool get)
{
    struct unsafe_name n = unsafe_name_of(SLICE("http://a"), slice_str(target));
    struct unsafe_call c = {endpoint, endpoint, 9, &n, content, 0, at, at, 1000, get, get, true, false};
    unsafe_take(u, &c);
}

static struct best end(struct unsafe *u)
{
    struct best b = {0};
    unsafe_each(u, keep, &b);
    unsafe_free(u);
    return b;
}

static void names(void **state)
{
    struct slice s = SLICE("http://a");
    struct unsafe_name item = unsafe_name_of(s, SLICE("/items/7")), vote = unsafe_name_of(s, SLICE("/items/7/vote")),
                       add = unsafe_name_of(s, SLICE("/add?x=1&item_id=7")), root = unsafe_name_of(s, SLICE("/"));
    (void)state;
    assert_true(vote.parent == item.path && vote.id == item.id && add.id == item.id && item.id);
    assert_true(root.path && !root.parent && !root.id);
    assert_true(unsafe_name_of(SLICE("http://b"), SLICE("/items/7")).path != item.path);
    assert_true(unsafe_name_of(s, SLICE("/items/7/")).path == item.path);
    assert_true(unsafe_name_of(s, SLICE("/add?id=x7")).id == 0 && unsafe_name_of(s, (struct slice){NULL, 0}).id == 0);
}

/* Reads every second; every fifth gap has the GET in it, after which there is something else. */
static void convicted(void **state)
{
    struct unsafe *u = unsafe_new(ENDPOINTS);
    uint32_t content = 1;
    (void)state;
    for (int i = 0; i < 300; i++) {
        call(u, "/items/7", READER, content, i * S, true);
        if (i % 5 == 0) {
            call(u, "/items/7/vote", WRITER, 0, i * S + S / 2, true);
            content++;
        }
    }
    struct best b = end(u);
    assert_true(b.proven[WRITER] && b.found[WRITER].reader == READER);
    assert_true(b.found[WRITER].n == 60 && b.found[WRITER].precision == 1 && b.found[WRITER].base == 0);
    assert_true(b.found[WRITER].idle == 239 && b.found[WRITER].idle_us == 239000);
}

/* Long gaps hold changes and GETs alike; short ones neither. */
static void not_by_length(void **state)
{
    struct unsafe *u = unsafe_new(ENDPOINTS);
    uint32_t content = 1;
    int64_t now = 0;
    (void)state;
    for (int i = 0; i < 400; i++) {
        call(u, "/items/7", READER, content, now, true);
        if (i % 4 == 0) {
            content++; /* of itself */
            if (i % 8 == 0)
                call(u, "/items/7/vote", WRITER, 0, now + 50 * S, true);
        }
        now += i % 4 == 0 ? 100 * S : S;
    }
    assert_false(end(u).proven[WRITER]);
}

/* A clock is another each time, whatever came in between; so is what is written by a POST that comes along. */
static void not_by_others(void **state)
{
    struct unsafe *u = unsafe_new(ENDPOINTS);
    (void)state;
    for (int i = 0; i < 400; i++) {
        call(u, "/clock", READER, (uint32_t)i + 1, i * S, true);
        if (i % 3 == 0)
            call(u, "/clock/zone", WRITER, 0, i * S + 1, true);
    }
    assert_false(end(u).proven[WRITER]);
    u = unsafe_new(ENDPOINTS);
    for (int i = 0, content = 1; i < 400; i++) {
        call(u, "/items/7", READER, (uint32_t)content, i * S, true);
        if (i % 3 == 0) {
            call(u, "/items/7/form", WRITER, 0, i * S + 1, true);
            call(u, "/items/7", POSTER, 0, i * S + 2, false);
            content++;
        }
    }
    struct best b = end(u);
    assert_true(!b.proven[WRITER] && b.found[WRITER].n == 0);
}

/* Two GETs always come together: which of them it is cannot be told; now and then one comes alone, and nothing changes.
 */
static void not_by_company(void **state)
{
    struct unsafe *u = unsafe_new(ENDPOINTS);
    uint32_t content = 1;
    (void)state;
    for (int i = 0; i < 600; i++) {
        call(u, "/items/7", READER, content, i * S, true);
        if (i % 4 == 0)
            call(u, "/items/7/stock", OTHER, 0, i * S + 1, true);
        if (i % 8 == 0 || i % 8 == 3) {
            call(u, "/items/7/vote", WRITER, 0, i * S + 2, true);
            content++;
        }
    }
    struct best b = end(u);
    assert_true(b.proven[WRITER] && !b.proven[OTHER]);
    assert_true(b.found[OTHER].n && b.found[OTHER].precision == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(convicted),
                                       cmocka_unit_test(not_by_length), cmocka_unit_test(not_by_others),
                                       cmocka_unit_test(not_by_company)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
