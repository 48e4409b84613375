/* The web service without HTTP: who may ask, where to listen, what a series may be, what each address answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "web/access.h"
#include "analysis/report/assets.h"
#include "web/listen.h"
#include "web/routes.h"
#include "analysis/report/series.h"

/* ---- listen ---- */

static void listens(void **state)
{
    static const struct {
        const char *text, *url; /* url NULL: refused */
        bool loopback, wildcard;
    } table[] = {{"127.0.0.1:8930", "http://127.0.0.1:8930/", true, false},
                 {"127.8.9.1:1", "http://127.8.9.1:1/", true, false},
                 {"localhost:80", "http://127.0.0.1:80/", true, false},
                 {"0.0.0.0:0", "http://0.0.0.0:0/", false, true},
                 {"10.1.2.3:65535", "http://10.1.2.3:65535/", false, false},
                 {"[::1]:8930", "http://[::1]:8930/", true, false},
                 {"[0:0::0:1]:8930", "http://[::1]:8930/", true, false},
                 {"[::]:80", "http://[::]:80/", false, true},
                 {"[2001:DB8::1]:80", "http://[2001:db8::1]:80/", false, false},
                 {"", NULL, false, false},
                 {":80", NULL, false, false},
                 {"127.0.0.1", NULL, false, false},
                 {"127.0.0.1:", NULL, false, false},
                 {"127.0.0.1:65536", NULL, false, false},
                 {"127.0.0.1:+80", NULL, false, false},
                 {"127.0.0.1:80 ", NULL, false, false},
                 {"::1:80", NULL, false, false},
                 {"[::1]80", NULL, false, false},
                 {"[127.0.0.1]:80", NULL, false, false},
                 {"[]:80", NULL, false, false},
                 {"[::1%lo]:80", NULL, false, false},
                 {"host.example:80", NULL, false, false},
                 {"1:80", NULL, false, false}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct listen l;
        char url[128];
        bool good = listen_parse(table[i].text, &l);
        if (good != (table[i].url != NULL))
            fail_msg("'%s' was %s", table[i].text, good ? "taken" : "refused");
        if (!good)
            continue;
        assert_string_equal(listen_url(&l, false, url), table[i].url);
        assert_int_equal(listen_loopback(&l), table[i].loopback);
        assert_int_equal(listen_wildcard(&l), table[i].wildcard);
    }
}

/* ---- access ---- */

static bool host_is_ours(const struct access *a, const char *host)
{
    return access_host(a, slice_str(host), SLICE("10.0.0.7"));
}

static void knows_its_names(void **state)
{
    struct access a = {0};
    (void)state;
    assert_true(access_add_host(&a, SLICE("127.0.0.1")));
    assert_true(access_add_host(&a, SLICE("::1")));
    assert_true(access_add_host(&a, SLICE("audit.example")));
    static const char *const ours[] = {"127.0.0.1", "127.0.0.1:8930", "localhost",        "LOCALHOST:1",
                                       "[::1]",     "[::1]:8930",     "Audit.Example:443"};
    static const char *const foreign[] = {"",
                                          "evil.example",
                                          "127.0.0.1.evil.example",
                                          "127.0.0.1:x",
                                          "127.0.0.1:80:80",
                                          "127.0.0.1:",
                                          "127.0.0.1:70000",
                                          "[::1",
                                          "[::1]x",
                                          "::1",
                                          "10.0.0.7",
                                          "audit.example.",
                                          "[audit.example",
                                          "localhost@evil",
                                          " localhost"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (!host_is_ours(&a, ours[i]))
            fail_msg("'%s' is ours", ours[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (host_is_ours(&a, foreign[i]))
            fail_msg("'%s' is not ours", foreign[i]);
    a.wildcard = true;
    assert_true(host_is_ours(&a, "10.0.0.7:80"));
    assert_false(host_is_ours(&a, "10.0.0.8"));
    for (int i = 3; i < ACCESS_HOSTS; i++)
        assert_true(access_add_host(&a, SLICE("x")));
    assert_false(access_add_host(&a, SLICE("one.too.many")));
}

static void compares_all_bytes(void **state)
{
    (void)state;
    assert_true(access_same(SLICE("abc"), SLICE("abc")));
    assert_true(access_same(SLICE(""), SLICE("")));
    assert_false(access_same(SLICE("abc"), SLICE("abd")));
    assert_false(access_same(SLICE("abc"), SLICE("ab")));
    assert_false(access_same(SLICE("ab"), SLICE("abc")));
    assert_false(access_same(SLICE(""), SLICE("a")));
    assert_false(access_same(SLICE("\0"), SLICE("")));
}

static enum verdict_access ask(const struct access *a, const char *method, const char *path, const char *authorization,
                               const char *cookie)
{
    struct access_request r = {slice_str(method),        slice_str(path),   SLICE("localhost"),
                               slice_str(authorization), slice_str(cookie), SLICE("127.0.0.1")};
    return access_check(a, &r);
}

static void asks_for_the_token(void **state)
{
    struct access a = {.token = "secret", .session = "0123456789abcdef0123456789abcdef", .cookie = "spanwise-8930"};
    (void)state;
    assert_int_equal(ask(&a, "GET", "/", NULL, NULL), ACCESS_UNKNOWN);
    assert_int_equal(ask(&a, "GET", "/healthz", NULL, NULL), ACCESS_OK);
    assert_int_equal(ask(&a, "POST", "/healthz", NULL, NULL), ACCESS_METHOD);
    assert_int_equal(ask(&a, "GET", "/x", "Bearer secret", NULL), ACCESS_OK);
    assert_int_equal(ask(&a, "HEAD", "/x", "bEARER   secret  ", NULL), ACCESS_OK);
    assert_int_equal(ask(&a, "GET", "/x", "Bearersecret", NULL), ACCESS_UNKNOWN);
    assert_int_equal(ask(&a, "GET", "/x", "Bearer secret x", NULL), ACCESS_UNKNOWN);
    assert_int_equal(ask(&a, "GET", "/x", "secret", NULL), ACCESS_UNKNOWN);
    assert_int_equal(ask(&a, "GET", "/x", "Bearer", NULL), ACCESS_UNKNOWN);
    assert_int_equal(ask(&a, "GET", "/x", NULL, "a=b;spanwise-8930=0123456789abcdef0123456789abcdef; c"), ACCESS_OK);
    assert_int_equal(ask(&a, "GET", "/x", NULL, "spanwise-8931=0123456789abcdef0123456789abcdef"), ACCESS_UNKNOWN);
    assert_int_equal(ask(&a, "GET", "/x", NULL, "spanwise-8930=secret"), ACCESS_UNKNOWN);
    assert_int_equal(ask(&a, "GET", "/x", NULL, "spanwise-8930"), ACCESS_UNKNOWN);
    a.session[0] = 0; /* never made: no cookie can be right */
    assert_int_equal(ask(&a, "GET", "/x", NULL, "spanwise-8930="), ACCESS_UNKNOWN);
    a.token[0] = 0;
    assert_int_equal(ask(&a, "GET", "/x", NULL, NULL), ACCESS_OK);
    assert_false(access_token(&a, SLICE("")));
}

/* ---- series ---- */

static void parses_series(void **state)
{
    struct series s;
    char why[512];
    (void)state;
    assert_true(series_parse(&s, "rate", NULL, "", "120", why));
    assert_int_equal(s.metric, SERIES_rate);
    assert_true(s.from_s == INT64_MIN && s.to_s == INT64_MAX && s.step_s == 120);
    assert_true(series_parse(&s, "clients", "-5.5", "1e9", NULL, why));
    assert_true(s.from_s == -6 && s.to_s == 1000000000);
    assert_false(series_parse(&s, NULL, NULL, NULL, NULL, why));
    assert_non_null(strstr(why, "response_bytes"));
    assert_false(series_parse(&s, "Rate", NULL, NULL, NULL, why));
    static const char *const steps[] = {"0", "59", "61", "90", "-60", "60s", "inf", "nan", "1e300", "99999999960"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        assert_false(series_parse(&s, "rate", NULL, NULL, steps[i], why));
    assert_false(series_parse(&s, "rate", "5", "5", NULL, why));
    assert_false(series_parse(&s, "rate", "now", NULL, NULL, why));
}

/* ---- routes, without a DB ---- */

static struct answer get(struct routes *r, const char *path, const char *param, const char *value)
{
    struct query q = {.access = {SLICE("GET"), slice_str(path), SLICE("localhost"), {0}, {0}, {0}}};
    struct answer a = {0};
    if (param) {
        q.param[0].name = param;
        q.param[0].value = value;
        q.params = 1;
    }
    routes_answer(r, &q, &a);
    return a;
}

static void expect(struct routes *r, unsigned status, const char *path, const char *param, const char *value)
{
    struct answer a = get(r, path, param, value);
    if (a.status != status)
        fail_msg("%s: %u, not %u", path, a.status, status);
    body_release(a.body);
}

static void answers_without_a_db(void **state)
{
    struct access access = {0};
    struct routes r;
    struct buf out = {0};
    bool more;
    (void)state;
    routes_init(&r, "/nonexistent/audit.db", &access, false);
    expect(&r, 200, "/", NULL, NULL);
    expect(&r, 303, "/", "token", NULL);
    expect(&r, 200, "/page.js", "token", "x");
    expect(&r, 503, "/api/v1/report", NULL, NULL);
    expect(&r, 400, "/api/v1/report", "from", "noon");
    expect(&r, 400, "/api/v1/report", "to", NULL);
    expect(&r, 503, "/api/v1/report", "to", "-1h");
    expect(&r, 503, "/api/v1/export/json", NULL, NULL);
    expect(&r, 404, "/api/v1/export/", NULL, NULL);
    expect(&r, 404, "/api/v1/export/jsonjsonjsonjsonjsonjsonjsonjsonjsonjson", NULL, NULL);
    expect(&r, 400, "/api/v1/timeseries", "metric", NULL);
    expect(&r, 400, "/api/v1/timeseries", "colour", "red");
    expect(&r, 503, "/api/v1/timeseries", "metric", "rate");
    expect(&r, 503, "/metrics", NULL, NULL);
    expect(&r, 503, "/healthz", NULL, NULL);
    expect(&r, 404, "", NULL, NULL);
    expect(&r, 404, "/api", NULL, NULL);
    routes_event(&r, &out, &more);
    assert_true(more);
    assert_true(slice_starts(slice_of(out.p, out.n), SLICE("event: trouble\ndata: \"")));
    buf_free(&out);
    routes_fini(&r);
}

static void page_is_built_in(void **state)
{
    const struct asset *page = assets_find(SLICE("/")), *icon = assets_find(SLICE("/favicon.ico"));
    (void)state;
    assert_non_null(page);
    assert_true(slice_starts(page->bytes, SLICE("<!doctype html>")));
    assert_true(page->bytes.p[page->bytes.n - 1] == '\n');
    assert_non_null(icon);
    assert_string_not_equal(page->etag, icon->etag);
    assert_null(assets_find(SLICE("/page")));
    assert_null(assets_find(SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(listens),
                                       cmocka_unit_test(knows_its_names),
                                       cmocka_unit_test(compares_all_bytes),
                                       cmocka_unit_test(asks_for_the_token),
                                       cmocka_unit_test(parses_series),
                                       cmocka_unit_test(answers_without_a_db),
                                       cmocka_unit_test(page_is_built_in)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
