/* Targets: split, normalised by RFC 3986, written as keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "analysis/target.h"

static void normalises(void **state)
{
    static const struct {
        const char *path, *normal;
    } t[] = {{"", "/"},
             {"/", "/"},
             {"/a/b", "/a/b"},
             {"/a/", "/a/"},
             {"//a//b", "//a//b"},
             {"/%7euser/%2f%c3", "/~user/%2F%C3"},
             {"/a/./b/../c", "/a/c"},
             {"/a/b/..", "/a/"},
             {"/a/.", "/a/"},
             {"/../../x", "/x"},
             {"/a/%2e%2E/b", "/b"},
             {"/.hidden/..x/x..", "/.hidden/..x/x.."},
             {"/a%", "/a%"},
             {"/a%4", "/a%4"},
             {"/a%zz%41", "/a%zzA"},
             {"*", "*"}};
    char out[64];
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct slice path = slice_str(t[i].path);
        size_t n = target_normalise(path, out);
        assert_true(slice_eq(slice_of(out, n), slice_str(t[i].normal)));
        if (target_is_normal(path))
            assert_string_equal(t[i].path, t[i].normal);
    }
}

static void splits(void **state)
{
    static const struct {
        const char *target, *path, *query;
    } t[] = {{"/a?b=c", "/a", "?b=c"},
             {"/a", "/a", NULL},
             {"/a?", "/a", "?"},
             {"http://h/a?b", "/a", "?b"},
             {"http://h", "", NULL},
             {"http://h?x", "", "?x"},
             {"*", "*", NULL},
             {"h:443", "h:443", NULL},
             {"/r?u=http://x/y", "/r", "?u=http://x/y"},
             {"/a?b?c", "/a", "?b?c"},
             {"", "", NULL},
             {"/http://x", "/http://x", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct target got = target_split(slice_str(t[i].target));
        assert_true(slice_eq(got.path, slice_str(t[i].path)));
        assert_true(slice_eq(got.query, slice_str(t[i].query)));
        assert_int_equal(got.query.p != NULL, t[i].query != NULL);
    }
}

static bool same_key(const char *method, const char *target, const char *method2, const char *target2)
{
    char a[128], b[128];
    struct slice service = SLICE("http://h");
    return slice_eq(target_key(slice_str(method), service, slice_str(target), a).whole,
                    target_key(slice_str(method2), service, slice_str(target2), b).whole);
}

static void keys(void **state)
{
    char out[128];
    (void)state;
    assert_true(same_key("GET", "/a?x=1&y=2", "HEAD", "/a?x=1&y=2"));
    assert_false(same_key("GET", "/a?x=1&y=2", "GET", "/a?y=2&x=1"));
    assert_false(same_key("GET", "/a?x=%7e", "GET", "/a?x=~"));
    assert_true(same_key("GET", "/%7ea/./b", "GET", "/~a/b"));
    assert_true(same_key("GET", "http://h/a", "GET", "/a"));
    assert_false(same_key("GET", "/a", "GET", "/a?"));
    assert_false(same_key("GET", "/a", "GET", "/a/"));
    assert_false(same_key("GET", "/a", "POST", "/a"));
    assert_true(same_key("GET", "http://h", "GET", "/"));
    struct key_text k = target_key(SLICE("GET"), SLICE("http://h"), SLICE("/a/../b?q"), out);
    assert_true(slice_eq(k.path, SLICE("/b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(normalises), cmocka_unit_test(splits), cmocka_unit_test(keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
