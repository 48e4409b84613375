/* Grades of reference APIs from what was counted of them (SL-1), and sessions in URLs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/stateless.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pure_apis_are_a),
                                       cmocka_unit_test(affinity),
                                       cmocka_unit_test(sessions),
                                       cmocka_unit_test(what_breaks),
                                       cmocka_unit_test(little_has_no_grade),
                                       cmocka_unit_test(urls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
