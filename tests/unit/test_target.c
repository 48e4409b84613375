/* Targets: split, normalised by RFC 3986, written as keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "analysis/origins.h"
#include "analysis/query.h"
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
    static struct origins o;
    char a[128], b[128];
    struct hash_key key = hash_key_from("x", 1);
    struct slice service = SLICE("http://h"), one = slice_str(target), two = slice_str(target2);
    origins_init(&o, &key);
    bool same_origin =
        origins_find(&o, slice_str(method), service)->hash == origins_find(&o, slice_str(method2), service)->hash;
    assert_true(!target_is_plain(one) || slice_eq(target_key(one, a).whole, one));
    assert_true(!target_is_plain(two) || slice_eq(target_key(two, a).whole, two));
    return same_origin && slice_eq(target_key(one, a).whole, target_key(two, b).whole);
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
    struct key_text k = target_key(SLICE("/a/../b?q"), out);
    assert_true(slice_eq(k.path, SLICE("/b")));
    assert_true(target_is_plain(SLICE("/a.b/c?d=e.f")));
    assert_false(target_is_plain(SLICE("/a/.b")));
    assert_false(target_is_plain(SLICE("/a%20")));
    assert_false(target_is_plain(SLICE("http://h/a")));
    assert_false(target_is_plain(SLICE("*")));
    assert_false(target_is_plain(SLICE("")));
    assert_true(target_is_plain(SLICE("/0123456789abcde")));
    assert_true(target_is_plain(SLICE("/0123456789abcdef/0123456789.bcdef?x=/")));
}

/* Looked up twice and in any order, the same; long ones are not kept, but right. */
static void origins_stay(void **state)
{
    static struct origins o;
    struct hash_key key = hash_key_from("x", 1);
    char text[200], longer[200];
    uint64_t hash[200];
    (void)state;
    origins_init(&o, &key);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 200; i++) {
            snprintf(text, sizeof text, "http://h%d", i % 100);
            memset(longer, 'a' + i % 100 / 4, 150);
            struct slice service = i % 4 ? slice_str(text) : slice_of(longer, 150);
            struct origin is = *origins_find(&o, i < 100 ? SLICE("GET") : SLICE("POST"), service);
            assert_int_equal(is.reads, i < 100);
            assert_true(is.get == origins_find(&o, SLICE("GET"), service)->hash);
            assert_true((is.get == is.hash) == is.reads);
            for (int j = 0; j < i && !round; j++)
                assert_true(hash[j] != is.hash);
            assert_true(!round || hash[i] == is.hash);
            hash[i] = is.hash;
        }
    assert_true(origins_find(&o, SLICE("GE"), SLICE("Thttp://h1"))->hash != hash[1]);
    assert_true(origins_find(&o, SLICE("HEAD"), SLICE("http://h1"))->hash == hash[1]);
    assert_true(origins_find(&o, SLICE("HEAD"), SLICE("http://h1"))->head);
}

/* What could change stands anywhere in a target of any length. */
static void plain_is_told_everywhere(void **state)
{
    char text[80];
    (void)state;
    for (size_t n = 1; n < sizeof text; n++)
        for (size_t at = 1; at < n; at++) {
            memset(text, 'a', n);
            text[0] = '/';
            assert_true(target_is_plain(slice_of(text, n)));
            text[at] = '.';
            assert_int_equal(target_is_plain(slice_of(text, n)), at != 1);
            text[at - 1] = '/';
            assert_false(target_is_plain(slice_of(text, n)));
            text[at] = '%';
            assert_false(target_is_plain(slice_of(text, n)));
        }
}

/* Of a path that has a query: what was kept last of this very text, or nothing. */
static void paths_keep_their_hashes(void **state)
{
    static struct query_paths paths;
    static uint64_t kept[1000];
    struct hash_key key = hash_key_from("x", 1);
    unsigned found = 0;
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        char text[QUERY_PATH + 8];
        unsigned which = i * 7919 % (i % 3 ? 40 : 1000), most = which % 10 ? 20 : QUERY_PATH + 3;
        struct slice path = slice_of(text, (size_t)snprintf(text, sizeof text, "/%0*u", (int)most, which));
        uint64_t hash = query_path_hash(&paths, &key, path);
        assert_true(!hash || (hash == kept[which] && path.n <= QUERY_PATH));
        found += hash != 0;
        kept[which] = i + 1;
        query_path_keep(&paths, &key, path, kept[which]);
    }
    assert_true(found > 20000);
    assert_int_equal(query_path_hash(&paths, &key, SLICE("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(normalises),
                                       cmocka_unit_test(splits),
                                       cmocka_unit_test(keys),
                                       cmocka_unit_test(origins_stay),
                                       cmocka_unit_test(plain_is_told_everywhere),
                                       cmocka_unit_test(paths_keep_their_hashes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
