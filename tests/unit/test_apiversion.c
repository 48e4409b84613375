/* Versions of APIs in header fields and queries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include <stdio.h>

#include "analysis/versions.h"
#include "capture/apiversion.h"

static void fields(void **state)
{
    static const struct {
        enum token t;
        const char *value, *want;
    } of[] = {{TOKEN_ACCEPT, "application/vnd.github.v3+json", "3"},
              {TOKEN_ACCEPT, "text/html, application/vnd.shop.order-v2.1+xml;q=0.5", "2.1"},
              {TOKEN_ACCEPT, "application/json; version=2", "2"},
              {TOKEN_ACCEPT, "application/json;v=\"4\"", "4"},
              {TOKEN_ACCEPT, "text/html,application/signed-exchange;v=b3;q=0.7", ""},
              {TOKEN_ACCEPT, "application/vnd.ms-excel, */*", ""},
              {TOKEN_ACCEPT, "application/vnd.v+json", ""},
              {TOKEN_ACCEPT, "application/vnd.x.v12345678+json", ""},
              {TOKEN_X_API_VERSION, "2", "2"},
              {TOKEN_API_VERSION, "v10.03", "10.3"},
              {TOKEN_ACCEPT_VERSION, "2.0.1", "2"},
              {TOKEN_STRIPE_VERSION, "2020-08-27", "2020-08-27"},
              {TOKEN_X_MS_VERSION, "2020-04-08-preview", "2020-04-08"},
              {TOKEN_X_GITHUB_API_VERSION, "0", "0"},
              {TOKEN_X_API_VERSION, "secret", ""},
              {TOKEN_X_API_VERSION, "2020-13-01", ""},
              {TOKEN_X_API_VERSION, "12345678901234", ""},
              {TOKEN_X_API_VERSION, "", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        char out[16];
        uint32_t v = apiversion_of(of[i].t, slice_str(of[i].value));
        assert_true(slice_eq(slice_of(out, api_version_format(v, out)), slice_str(of[i].want)));
        assert_true((v != 0) == (of[i].want[0] != 0));
    }
    assert_int_equal(apiversion_parse(SLICE("accept:3")), apiversion_of(TOKEN_ACCEPT, SLICE("a/vnd.b.v3")));
    assert_int_equal(apiversion_parse(SLICE("field:2020-08-27")),
                     apiversion_of(TOKEN_STRIPE_VERSION, SLICE("2020-08-27")));
    assert_true(!apiversion_parse(SLICE("")) && !apiversion_parse(SLICE("other:3")) && !apiversion_parse(SLICE("3")));
}

/* However long what stands before and behind it is. */
static void anywhere(void **state)
{
    (void)state;
    for (int before = 1; before < 40; before++)
        for (int behind = 0; behind < 40; behind++) {
            char text[128], out[16];
            int n = snprintf(text, sizeof text, "%.*s;V=2;q=%.*s", before, "text/html,application/json,text/plain,*/*",
                             behind, "0.0000000000000000000000000000000000000000");
            uint32_t v = apiversion_of(TOKEN_ACCEPT, slice_of(text, (size_t)n));
            assert_true(slice_eq(slice_of(out, api_version_format(v, out)), SLICE("2")));
        }
}

static void queries(void **state)
{
    static const char *const of[][2] = {{"/a?x=1&api-version=2024-01-31-preview", "2024-01-31"},
                                        {"/a?version=2.1", "2.1"},
                                        {"/a?version=1699999999", ""},
                                        {"/a?version=~0123456789ab", ""},
                                        {"/a?v=2", ""},
                                        {"/version=2", ""},
                                        {"/a?version", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        assert_true(slice_eq(versions_in_query(slice_str(of[i][0])), slice_str(of[i][1])));
}

static void counted(void **state)
{
    struct versions v = {.n = 0};
    (void)state;
    assert_true(versions_init(&v));
    uint32_t path = versions_endpoint(&v, 1, SLICE("/v2/a"), 1),
             accept = versions_named(&v, 1, VERSIONS_ACCEPT, SLICE("2"), 1);
    assert_true(path && accept && path != accept);
    assert_int_equal(versions_named(&v, 1, VERSIONS_ACCEPT, SLICE("2"), 2), accept);
    assert_int_equal(versions_named(&v, 1, VERSIONS_ACCEPT, SLICE("far too long a name"), 2), 0);
    versions_at(&v, accept, 1);
    versions_at(&v, accept, 1);
    versions_at(&v, accept, 2);
    versions_at(&v, 0, 2);
    assert_int_equal(v.row[accept - 1].endpoints, 2);
    for (uint64_t s = 0; s < VERSIONS_MOST; s++)
        versions_named(&v, s + 10, VERSIONS_FIELD, SLICE("1"), 1);
    assert_true(v.n == VERSIONS_MOST && v.lost);
    versions_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields), cmocka_unit_test(anywhere), cmocka_unit_test(queries),
                                       cmocka_unit_test(counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
