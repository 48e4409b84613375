/* What of the traffic may stand in a policy file: accepted and refused by hand, hostile bytes at random, patterns
 * against the classes of routes, and the order in which they are tried. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/policy/plain.h"
#include "base/route.h"

static uint64_t state = 7;

static unsigned random_below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static void services(void **unused)
{
    static const char *const good[] = {"http://api.example",   "https://a-b_c.example:8443", "http://10.0.0.1:81",
                                       "http://[2001:db8::1]", "http://[::1]:8080",          "http://x"};
    static const char *const bad[] = {
        "http://",     "http://a b",     "http://a;b",  "http://a\"",  "http://.a",        "http://a.",
        "http://a..b", "http://*.a",     "http://~^a",  "http://$a",   "http://A.example", "http://a:",
        "http://a:0",  "http://a:99999", "http://a:8a", "http://[::1", "http://[::1]x",    "http://[a]",
        "http://-a",   "http://_",       "ftp://a",     "api.example", "http://a/b",       "http://a#b",
        "http://a{",   "http://\xc3\xa9"};
    struct plain_service s;
    (void)unused;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(plain_service(slice_str(good[i]), &s));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(plain_service(slice_str(bad[i]), &s));
    assert_false(plain_service(SLICE("http://a\0b"), &s));
    assert_true(plain_service(SLICE("http://[2001:db8::1]:81"), &s));
    assert_int_equal(s.port, 81);
    assert_true(s.literal && slice_eq(s.host, SLICE("[2001:db8::1]")));
}

static void names_differ(void **unused)
{
    static const char *const close[] = {"http://a.b",  "http://a-b",    "http://a_b",  "http://ab",
                                        "https://a.b", "http://a.b:80", "http://a:81", "http://a.81",
                                        "http://s.a",  "http://[::1]",  "http://a.p81"};
    enum { N = sizeof close / sizeof *close };
    struct buf name[N] = {{0}};
    (void)unused;
    for (int i = 0; i < N; i++) {
        struct plain_service s;
        assert_true(plain_service(slice_str(close[i]), &s));
        plain_name(&s, &name[i]);
        for (int k = 0; k < i; k++)
            assert_false(slice_eq(slice_of(name[i].p, name[i].n), slice_of(name[k].p, name[k].n)));
    }
    for (int i = 0; i < N; i++)
        buf_free(&name[i]);
}

/* Bytes that no product gives a meaning of its own. */
static bool harmless(struct buf *b, const char *also)
{
    for (size_t i = 0; i < b->n; i++)
        if (!ascii_digit(b->p[i]) && !ascii_alpha(b->p[i]) && (!b->p[i] || !strchr(also, b->p[i])))
            return false;
    return true;
}

static void random_bytes(void **unused)
{
    static const char bits[] = "/{}int;\"'\\$#%. \t\n\r~*+?()[]|^abcZ09-_:@,=<>&!`\x01\x7f\xc3\xa9";
    static const char *const pieces[] = {"/",   "/{int}", "/{var}", "{uuid}", "http://", "a.example",
                                         ":80", "[::1]",  "x",      "{",      "}",       ";"};
    char text[64];
    unsigned routes = 0, hosts = 0;
    (void)unused;
    for (int round = 0; round < 200000; round++) {
        size_t n = 0;
        while (n < 40 && random_below(8)) {
            if (random_below(2)) {
                text[n++] = random_below(20) ? bits[random_below(sizeof bits - 1)] : (char)random_below(256);
                continue;
            }
            const char *p = pieces[random_below(sizeof pieces / sizeof *pieces)];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
        }
        struct plain_route r;
        struct plain_service s;
        struct buf out = {0};
        if (!plain_route(slice_of(text, n), &r)) {
            routes++;
            plain_pattern(&r, &out);
            assert_true(harmless(&out, "/[].{},?+-_~:()*"));
            out.n = 0;
            plain_text(&r, &out);
            assert_true(harmless(&out, "/{}._~-"));
        }
        out.n = 0;
        if (plain_service(slice_of(text, n), &s)) {
            hosts++;
            plain_name(&s, &out);
            assert_true(harmless(&out, "_"));
            out.n = 0;
            buf_slice(&out, s.authority);
            assert_true(harmless(&out, ".-_:[]"));
        }
        buf_free(&out);
    }
    assert_true(routes > 1000 && hosts > 100);
}

static bool matches(const struct plain_route *r, const char *path)
{
    struct buf out = {0};
    regex_t re;
    buf_char(&out, '^');
    plain_pattern(r, &out);
    buf_add(&out, "$", 2);
    assert_int_equal(regcomp(&re, out.p, REG_EXTENDED | REG_NOSUB), 0);
    bool is = regexec(&re, path, 0, NULL, 0) == 0;
    regfree(&re);
    buf_free(&out);
    return is;
}

/* A segment that has a class is matched by the pattern of its class, and by none of the narrower ones but hex for what
 * is all digits, and b64. */
static void patterns_are_classes(void **unused)
{
    static const char *const segments[] = {"7",
                                           "-12",
                                           "2024-05",
                                           "2024-05-06",
                                           "123e4567-e89b-12d3-a456-426614174000",
                                           "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                                           "deadbeef01",
                                           "10.0.0.1",
                                           "2001:db8::1",
                                           "eyJhbGciOi.eyJzdWIi.x-_9",
                                           "aGVsbG8gd29ybGQ_X9z1",
                                           "7.json",
                                           "cus_deadbeef01",
                                           "word",
                                           "v1",
                                           "a.b~c-d_e"};
    (void)unused;
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        char made[ROUTE_LABEL], text[64], path[80];
        struct route_label label = route_label(slice_str(segments[i]), made);
        struct plain_route r;
        snprintf(text, sizeof text, "/a/%.*s", (int)label.text.n, label.text.p);
        snprintf(path, sizeof path, "/a/%s", segments[i]);
        assert_null(plain_route(slice_str(text), &r));
        assert_true(matches(&r, path));
        snprintf(path, sizeof path, "/a/%s/", segments[i]);
        assert_false(matches(&r, path));
        snprintf(path, sizeof path, "/a/%s;x", segments[i]);
        assert_false(matches(&r, path));
    }
    struct plain_route var;
    assert_null(plain_route(SLICE("/p/{var}"), &var));
    assert_true(matches(&var, "/p/word.9~_-"));
    assert_false(matches(&var, "/p/a%20b"));
    assert_false(matches(&var, "/p/a;b"));
    assert_false(matches(&var, "/p/"));
}

static void refused(void **unused)
{
    static const char *const bad[] = {"",
                                      "a",
                                      "/a//b",
                                      "//",
                                      "/a/{email}",
                                      "/a/{evil}",
                                      "/a/{",
                                      "/a/}",
                                      "/{int}{int}",
                                      "/..",
                                      "/./a",
                                      "/a b",
                                      "/a%20b",
                                      "/\"",
                                      "/a;b",
                                      "/a/../b",
                                      "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
    struct plain_route r;
    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(plain_route(slice_str(bad[i]), &r));
}

static struct plain_route route(const char *text)
{
    struct plain_route r;
    assert_null(plain_route(slice_str(text), &r));
    return r;
}

/* Sorted, each path meets the route that it was given. */
static void order(void **unused)
{
    static const char *const want[] = {
        "/",        "/a",       "/a/",      "/a/me",      "/a/me/x", "/a/{int}.json", "/a/cus_{hex}",
        "/a/{int}", "/a/{hex}", "/a/{var}", "/a/{var}/x", "/b",      "/{var}",        "/{var}/me"};
    enum { N = sizeof want / sizeof *want };
    struct plain_route r[N], below = route("/a/me");
    (void)unused;
    for (int i = 0; i < N; i++)
        r[i] = route(want[i]);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            int got = plain_compare(&r[i], &r[k]);
            assert_true(i < k ? got < 0 : i > k ? got > 0 : got == 0);
        }
    below.prefix = true;
    for (int i = 0; i < N; i++)
        assert_true(i < 5 ? plain_compare(&r[i], &below) < 0 : plain_compare(&r[i], &below) > 0);
}

static void shadows(void **unused)
{
    struct plain_route var = route("/a/{var}"), deep = route("/{var}/{var}"), number = route("/a/{int}"),
                       me = route("/a/me"), seven = route("/a/{hex}"), below = route("/a/me/x"), other = route("/b/me");
    unsigned at;
    (void)unused;
    assert_true(plain_shadows(&var, &me, &at) && at == 2);
    assert_true(plain_shadows(&var, &number, &at) && plain_shadows(&var, &below, &at) && at == 2);
    assert_true(plain_shadows(&deep, &me, &at) && at == 1);
    assert_true(plain_shadows(&seven, &number, &at));
    assert_false(plain_shadows(&number, &me, &at));  /* "me" is no number */
    assert_false(plain_shadows(&number, &var, &at)); /* comes later by itself */
    assert_false(plain_shadows(&var, &other, &at));
    assert_false(plain_shadows(&var, &var, &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(services),     cmocka_unit_test(names_differ),
                                       cmocka_unit_test(random_bytes), cmocka_unit_test(patterns_are_classes),
                                       cmocka_unit_test(refused),      cmocka_unit_test(order),
                                       cmocka_unit_test(shadows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
