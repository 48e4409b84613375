/* Routes that were written down, and requests that are left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "analysis/ignore.h"
#include "analysis/knownroutes.h"

static struct knownroutes *routes(const char *text)
{
    char why[256];
    struct knownroutes *k = knownroutes_read(slice_str(text), why);
    assert_non_null(k);
    return k;
}

static void finds(const struct knownroutes *k, const char *method, const char *path, const char *route)
{
    struct slice got = knownroutes_find(k, slice_str(method), slice_str(path));
    if (!route) {
        assert_null(got.p);
        return;
    }
    assert_non_null(got.p);
    assert_int_equal(got.n, strlen(route));
    assert_memory_equal(got.p, route, got.n);
    assert_true(knownroutes_has(k, got));
}

static void a_list(void **state)
{
    (void)state;
    struct knownroutes *k =
        routes("# ours\r\nGET /users/{id}\nGET /users/me\n\n* /files/{name}.json\nPOST /users\n/any/:thing/x\n"
               "GET /static/{path...}\nGET /a/{b}/c\nGET /a/b/{d}\n");
    finds(k, "GET", "/users/7", "/users/{id}");
    finds(k, "HEAD", "/users/7", "/users/{id}");
    finds(k, "GET", "/users/me", "/users/me");
    finds(k, "DELETE", "/users/7", NULL);
    finds(k, "GET", "/users/", NULL);
    finds(k, "GET", "/users", NULL);
    finds(k, "POST", "/users", "/users");
    finds(k, "PUT", "/files/x.json", "/files/{name}.json");
    finds(k, "PUT", "/files/.json", NULL);
    finds(k, "PATCH", "/any/1/x", "/any/:thing/x");
    finds(k, "GET", "/static/css/a/b.css", "/static/{path...}");
    finds(k, "GET", "/a/b/c", "/a/b/{d}"); /* literal first */
    finds(k, "GET", "/a/b/x", "/a/b/{d}");
    finds(k, "GET", "/a/z/c", "/a/{b}/c");
    finds(k, "GET", "*", NULL);
    assert_int_equal(knownroutes_count(k), 8);
    finds(NULL, "GET", "/a", NULL);
    assert_false(knownroutes_has(NULL, SLICE("/a")));
    knownroutes_free(k);
}

static void openapi(void **state)
{
    (void)state;
    struct knownroutes *k =
        routes("{\"openapi\": \"3.0.0\", \"servers\": [{\"url\": \"https://api.example/v1/\"}, {\"url\": \"/v2\"}],"
               "\"paths\": {\"/pets/{petId}\": {\"get\": {}, \"parameters\": [], \"delete\": {}}, \"/pets\": "
               "{\"post\": {}}}}");
    finds(k, "GET", "/v1/pets/7", "/v1/pets/{petId}");
    finds(k, "DELETE", "/v2/pets/7", "/v2/pets/{petId}");
    finds(k, "GET", "/pets/7", NULL);
    finds(k, "GET", "/v1/pets", NULL);
    assert_int_equal(knownroutes_count(k), 6);
    knownroutes_free(k);
    k = routes("{\"swagger\": \"2.0\", \"basePath\": \"/api\", \"paths\": {\"/x\": {\"get\": {}}}}");
    finds(k, "GET", "/api/x", "/api/x");
    knownroutes_free(k);
}

static void what_is_no_list_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"GET users", "line 1: a path begins with /"},
        {"GET /a\nGET /b c\n", "line 2: blanks within the path"},
        {"GET /{a\n", "line 1: a parameter is {name}, one in a segment"},
        {"GET /{a}{b}\n", "line 1: a parameter is {name}, one in a segment"},
        {"GET /{}\n", "line 1: a parameter is {name}, one in a segment"},
        {"openapi: 3.0.0\n", "line 1: this is YAML; convert it to JSON first, e.g. with yq -o json"},
        {"{\"paths\": 1}", "no OpenAPI document: it has no \"paths\""},
        {"{\"paths\":\n {\n", "line 2: this is no JSON"},
        {"---\nopenapi: 3.0.0\n", "line 1: this is YAML; convert it to JSON first, e.g. with yq -o json"},
        {"{\"paths\": {}}", "no route in it"},
        {"# nothing\n", "no route in it"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char why[256] = "";
        assert_null(knownroutes_read(slice_str(bad[i][0]), why));
        assert_string_equal(why, bad[i][1]);
    }
}

static bool ignored(const struct ignore *g, const char *method, const char *target)
{
    return ignore_takes(g, slice_str(method), SLICE("http://api.example"), slice_str(target));
}

static void patterns(void **state)
{
    struct ignore g = {0};
    char why[128];
    (void)state;
    assert_true(ignore_add(&g, "GET /health*", why) && ignore_add(&g, " * /metrics ", why) &&
                ignore_add(&g, "/a?c/*/x*y", why) && ignore_add(&g, "PUT http://api.*/up", why));
    assert_true(ignored(&g, "GET", "/health") && ignored(&g, "GET", "/healthz/live?x=1"));
    assert_false(ignored(&g, "POST", "/health"));
    assert_true(ignored(&g, "POST", "/metrics") && !ignored(&g, "POST", "/metrics/x"));
    assert_true(ignored(&g, "GET", "/abc/1/2/xaay") && !ignored(&g, "GET", "/abc/1/2/xaa"));
    assert_true(ignored(&g, "PUT", "/up") && ignored(&g, "PUT", "/v/up?q") && !ignored(&g, "PUT", "/up/x"));
    assert_false(ignore_add(&g, "GET", why) && ignored(&g, "GET", "/x"));
    assert_false(ignore_add(&g, "GET /a b", why));
    assert_false(ignore_add(&g, " ", why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_list), cmocka_unit_test(openapi),
                                       cmocka_unit_test(what_is_no_list_is_refused), cmocka_unit_test(patterns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
