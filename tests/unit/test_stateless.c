/* Grades of reference APIs from what was counted of them (SL-1), and sessions in URLs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/stateless.h"
#include "analysis/versions.h"

/* A thousand requests of twenty clients at so many backends, answered the same to all. */
static struct stateless_seen usual(enum identity kind, int backends)
{
    struct stateless_seen s = {.requests = 1000, .clients = 20, .answers = 1000, .reads = true, .pairs = {400, 0}};
    s.kind[kind] = 1000;
    for (int i = 0; i < backends; i++) {
        s.server[i] = 1 + (uint32_t)i;
        s.served[i] = 1000 / (uint64_t)backends;
    }
    s.pairs.k = 400 / (uint64_t)backends;
    return s;
}

static struct stateless_grade judge(const struct stateless_seen *s)
{
    struct stateless_grade g;
    stateless_judge(s, STATELESS_REPLAY_SAME, &g);
    return g;
}

static void pure_apis_are_a(void **state)
{
    (void)state;
    for (int backends = 1; backends <= 4; backends++) {
        struct stateless_seen jwt = usual(IDENTITY_JWT, backends), key = usual(IDENTITY_APIKEY, backends);
        assert_int_equal(judge(&jwt).grade, 'A');
        assert_int_equal(judge(&key).grade, 'A');
        assert_int_equal(judge(&key).score, 100);
        assert_int_equal(judge(&key).signal[STATELESS_S3].state,
                         backends == 1 ? STATELESS_UNDETERMINED : STATELESS_FREE);
    }
}

/* The toy of 9.3: 4 backends, 200 pairs at the same one. */
static void affinity(void **state)
{
    (void)state;
    struct stateless_seen s = usual(IDENTITY_JWT, 4);
    s.pairs = (struct stateless_share){200, 200};
    struct stateless_grade g = judge(&s);
    assert_int_equal(g.signal[STATELESS_S3].state, STATELESS_TIED);
    assert_true(fabs(g.signal[STATELESS_S3].value - 1) < 1e-9);
    assert_int_equal(g.grade, 'B');
    assert_int_equal(g.score, 80);
    s.pairs.k = 50;
    assert_true(fabs(judge(&s).signal[STATELESS_S3].value) < 1e-9);
    assert_int_equal(judge(&s).grade, 'A');
    s.served[0] = 990; /* the others have less than 5 % */
    s.served[1] = s.served[2] = s.served[3] = 3;
    assert_int_equal(judge(&s).signal[STATELESS_S3].state, STATELESS_UNDETERMINED);
}

static void sessions(void **state)
{
    (void)state;
    struct stateless_seen s = usual(IDENTITY_COOKIE, 2);
    s.with_cookie = 900;
    s.sets_session = 20;
    struct stateless_grade g = judge(&s);
    assert_int_equal(g.signal[STATELESS_S1].state, STATELESS_TIED);
    assert_int_equal(g.signal[STATELESS_S2].state, STATELESS_UNDETERMINED);
    assert_int_equal(g.signal[STATELESS_S5].state, STATELESS_TIED);
    assert_int_equal(g.score, 70); /* S1, S5, and S2 undecided */
    assert_string_equal(g.signal[STATELESS_S2].says, "needs 598 comparisons with and without cookies, has 0");
    s.class = (struct stateless_share){40, 40};
    s.pairs.k = 400; /* sticky */
    g = judge(&s);
    assert_int_equal(g.signal[STATELESS_S2].state, STATELESS_TIED);
    assert_int_equal(g.score, 20);
    assert_int_equal(g.grade, 'E');
    s.class.k = 0; /* the cookie means nothing after all */
    s.content = (struct stateless_share){700, 0};
    assert_int_equal(judge(&s).signal[STATELESS_S2].state, STATELESS_FREE);
}

static void what_breaks(void **state)
{
    (void)state;
    struct stateless_seen s = usual(IDENTITY_COOKIE, 2);
    s.moved = (struct stateless_share){100, 95};
    s.stayed = (struct stateless_share){100, 5};
    s.without = (struct stateless_share){100, 60};
    s.before = (struct stateless_share){100, 2};
    struct stateless_grade g = judge(&s);
    assert_int_equal(g.signal[STATELESS_S4].state, STATELESS_TIED);
    assert_int_equal(g.signal[STATELESS_S7].state, STATELESS_TIED);
    s.moved.k = s.stayed.k;
    s.without.k = 21; /* an excess of 0.19 */
    g = judge(&s);
    assert_int_equal(g.signal[STATELESS_S4].state, STATELESS_FREE);
    assert_int_equal(g.signal[STATELESS_S7].state, STATELESS_FREE);
}

static void little_has_no_grade(void **state)
{
    (void)state;
    struct stateless_seen s = usual(IDENTITY_JWT, 1);
    s.clients = 4;
    assert_int_equal(judge(&s).grade, 0);
    s.clients = 5;
    s.requests = 99;
    assert_int_equal(judge(&s).grade, 0);
    s.requests = 100;
    assert_int_equal(judge(&s).grade, 'A');
    assert_int_equal(stateless_letter(90), 'A');
    assert_int_equal(stateless_letter(89.9), 'B');
    assert_int_equal(stateless_letter(75), 'B');
    assert_int_equal(stateless_letter(50), 'C');
    assert_int_equal(stateless_letter(25), 'D');
    assert_int_equal(stateless_letter(24), 'E');
}

static bool in_url(const char *target)
{
    return stateless_in_url(slice_str(target));
}

static void urls(void **state)
{
    (void)state;
    assert_true(in_url("/a;jsessionid=~12ab/b") && in_url("/a?x=1&PHPSESSID=~1") && in_url("/?sid=1"));
    assert_false(in_url("/sid=1") || in_url("/a?side=1") || in_url("/a?x=sid") || in_url("/a?sid") || in_url(""));
    assert_false(in_url("?") || in_url("/a?q=;") || in_url("/;sid/=1"));
}

static bool is_version(const char *route, const char *name)
{
    return slice_eq(versions_name(slice_str(route)), slice_str(name));
}

static void versions(void **state)
{
    (void)state;
    assert_true(is_version("/api/v1/x", "v1") && is_version("/V2", "V2") && is_version("/v2.3/{int}", "v2.3"));
    assert_true(is_version("/apis/v1beta2/x/v9", "v1beta2") && is_version("/v20240101", "v20240101"));
    assert_true(is_version("/v", "") && is_version("/vx", "") && is_version("/v1x/items", "") && is_version("/", ""));
    assert_true(is_version("/v1./x", "") && is_version("/v123456789012", "") && is_version("/{int}", ""));
}

static void who_calls_which(void **state)
{
    (void)state;
    struct versions *v = calloc(1, sizeof *v);
    assert_true(versions_init(v));
    uint32_t one = versions_endpoint(v, 7, SLICE("/v1/a"), 1), two = versions_endpoint(v, 7, SLICE("/v2/a"), 2);
    assert_int_equal(versions_endpoint(v, 7, SLICE("/v1/b"), 3), one);
    assert_int_not_equal(versions_endpoint(v, 8, SLICE("/v1/a"), 4), one);
    assert_int_equal(versions_endpoint(v, 7, SLICE("/a"), 5), 0);
    for (uint32_t i = 0; i < 10; i++)
        versions_call(v, two, 1 + i % 3, i, i == 0);
    versions_call(v, one, 9, 20, false);
    versions_call(v, one, 0, 21, false);
    versions_end(v);
    assert_int_equal(v->row[one - 1].requests, 2);
    assert_int_equal(v->row[one - 1].clients, 1);
    assert_int_equal(v->row[two - 1].errors, 1);
    assert_int_equal(v->row[two - 1].last_us, 9);
    assert_int_equal(v->n_callers, 4);
    assert_int_equal(v->caller[0].client, 9);
    assert_int_equal(v->caller[1].client, 1);
    assert_int_equal(v->caller[1].requests, 4);
    assert_int_equal(v->caller[2].client, 2);
    versions_free(v);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pure_apis_are_a),
                                       cmocka_unit_test(affinity),
                                       cmocka_unit_test(sessions),
                                       cmocka_unit_test(what_breaks),
                                       cmocka_unit_test(little_has_no_grade),
                                       cmocka_unit_test(urls),
                                       cmocka_unit_test(versions),
                                       cmocka_unit_test(who_calls_which)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
