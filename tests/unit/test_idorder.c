/* The list of what tells clients apart: what it may say, and what it means when nothing is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/idorder.h"

#define NAME47 "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghi"

static const char all[] = "apikey,authorization,mtls,cookie,forwarded,address";

static void is(const char *list, const char *want)
{
    struct idorder o;
    char why[128], text[IDORDER_TEXT];
    assert_true(idorder_parse(slice_str(list), &o, why));
    idorder_write(&o, text);
    assert_string_equal(text, want);
}

static void lists(void **state)
{
    (void)state;
    is(all, all);
    is("address", "address");
    is("cookie", "cookie,address");
    is(" cookie , apikey ", "cookie,apikey,address");
    is("forwarded,cookie,mtls,authorization,apikey", "forwarded,cookie,mtls,authorization,apikey,address");
    is("apikey=X-Acme-Key, cookie=aUth_token.v2", "apikey=x-acme-key,cookie=aUth_token.v2,address");
    is("cookie=" NAME47 ",authorization,apikey=" NAME47 ",forwarded,mtls",
       "cookie=" NAME47 ",authorization,apikey=" NAME47 ",forwarded,mtls,address");
}

static void refused(void **state)
{
    static const char *const bad[][2] = {{"", "nothing"},
                                         {"cookies", "'cookies' is no word"},
                                         {"Cookie", "'Cookie' is no word"},
                                         {"cookie,,apikey", "'' is no word"},
                                         {"cookie,apikey,cookie", "'cookie' is in it twice"},
                                         {"address,address", "'address' is in it twice"},
                                         {"address,cookie", "'cookie' comes behind address"},
                                         {"bearer", "'bearer' is no word"},
                                         {"apikey=", "'apikey=' does not name a field"},
                                         {"apikey=x_key", "does not name a field"},
                                         {"apikey=" NAME47 "j", "does not name a field"},
                                         {"cookie=a b", "does not name a cookie"},
                                         {"cookie=" NAME47 "j", "does not name a cookie"},
                                         {"apikey=Cookie", "has a word of its own"},
                                         {"mtls=x", "'mtls=x' has a name behind it"},
                                         {"apikey=x,apikey", "'apikey' is in it twice"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct idorder o;
        char why[128];
        assert_false(idorder_parse(slice_str(bad[i][0]), &o, why));
        assert_non_null(strstr(why, bad[i][1]));
    }
}

static void unsaid(void **state)
{
    struct idorder zeroed = {0}, o;
    char why[128], text[IDORDER_TEXT];
    (void)state;
    idorder_write(&zeroed, text);
    assert_string_equal(text, all);
    assert_true(idorder_parse(slice_str(all), &o, why) && idorder_equal(&zeroed, &o));
    for (int w = 0; w < IDWORDS; w++)
        assert_int_equal(idorder_place(&zeroed, (enum idword)w), w);
    assert_true(idorder_parse(SLICE("cookie"), &o, why) && !idorder_equal(&zeroed, &o));
    assert_int_equal(idorder_place(&o, IDWORD_COOKIE), 0);
    assert_int_equal(idorder_place(&o, IDWORD_ADDRESS), 1);
    assert_int_equal(idorder_place(&o, IDWORD_APIKEY), -1);
    o = idorder_read(SLICE("not a list"));
    assert_true(idorder_equal(&o, &zeroed));
    struct idorder named;
    assert_true(idorder_parse(SLICE("cookie=a"), &o, why) && idorder_parse(SLICE("cookie=b"), &named, why));
    assert_false(idorder_equal(&o, &named));
    assert_true(idorder_parse(SLICE("cookie"), &named, why) && !idorder_equal(&o, &named));
    assert_false(idorder_leaves_out(&zeroed));
    assert_true(idorder_leaves_out(&named));
    assert_true(idorder_parse(SLICE("apikey=x,authorization,cookie"), &named, why) && idorder_leaves_out(&named));
    o = idorder_address();
    assert_int_equal(idorder_count(&o), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists), cmocka_unit_test(refused), cmocka_unit_test(unsaid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
