/* Endpoint inference: the acceptance tests E-1 (templates), E-2 (order does not matter when strict), E-3 (caps hold).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/trie.h"

enum { ENDPOINTS = 4096 };

/* The least an owner can be: nodes, requests, aliases. */
struct ends {
    uint32_t n, node[ENDPOINTS], alias[ENDPOINTS];
    uint64_t requests[ENDPOINTS];
};

static struct ends ends;
static struct hash_key key;

static uint32_t open_end(void *context, uint32_t node)
{
    struct ends *e = context;
    if (e->n + 1 >= ENDPOINTS)
        return 0;
    e->node[++e->n] = node;
    return e->n;
}

static uint64_t end_requests(const void *context, uint32_t id)
{
    return ((const struct ends *)context)->requests[id];
}

static void move_end(void *context, uint32_t id, uint32_t node)
{
    ((struct ends *)context)->node[id] = node;
}

static void unite_ends(void *context, uint32_t from, uint32_t into)
{
    struct ends *e = context;
    assert_true(into < from);
    e->alias[from] = into;
    e->requests[into] += e->requests[from];
    e->requests[from] = 0;
}

static struct trie *start(uint32_t nodes, bool strict)
{
    static const struct trie_owner owner = {&ends, open_end, end_requests, move_end, unite_ends};
    memset(&ends, 0, sizeof ends);
    key = hash_key_from("k", 1);
    return trie_new(&key, &owner, nodes, strict);
}

static void see(struct trie *t, const char *path)
{
    uint32_t id = trie_find(t, SLICE("GET"), SLICE("http://h"), slice_str(path), SLICE(""));
    if (id)
        ends.requests[id]++;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All routes in order, one a line. */
static char *routes(const struct trie *t)
{
    static char text[1 << 16];
    static char *list[ENDPOINTS];
    size_t n = 0, at = 0;
    for (uint32_t id = 1; id <= ends.n; id++) {
        struct buf b = {0};
        if (ends.alias[id])
            continue;
        trie_route(t, ends.node[id], &b);
        buf_char(&b, 0);
        list[n++] = b.p;
    }
    qsort(list, n, sizeof *list, by_text);
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s\n", list[i]);
        free(list[i]);
    }
    text[at] = 0;
    return text;
}

static void e1_templates(void **state)
{
    struct trie *t = start(65536, false);
    char path[128];
    (void)state;
    srandom(1);
    for (int i = 1; i <= 25000; i++) {
        int word = (int)(random() % 400);
        snprintf(path, sizeof path, "/users/%d", i % 5000 + 1);
        see(t, i % 5 ? path : "/users/me");
        snprintf(path, sizeof path, "/orders/%08lx-1111-2222-3333-%012lx/items/%ld", random(), random(),
                 random() % 100);
        see(t, path);
        snprintf(path, sizeof path, "/files/%08lx%08lx%08lx%08lx%08lx", random(), random(), random(), random(),
                 random());
        see(t, path);
        snprintf(path, sizeof path, "/blog/w%c%c%c", 'a' + word % 20, 'a' + word / 20 % 20, 'a' + word * 7 % 26);
        see(t, path);
        see(t, "/v1/status");
    }
    assert_string_equal(routes(t),
                        "/blog/{var}\n/files/{hex}\n/orders/{uuid}/items/{int}\n/users/me\n/users/{int}\n/v1/status\n");
    assert_int_equal(trie_services(t), 1);
    trie_free(t);
}

static void a_large_share_stays_literal(void **state)
{
    struct trie *t = start(65536, false);
    char path[64];
    (void)state;
    for (int i = 0; i < 2000; i++) {
        snprintf(path, sizeof path, "/p/name%c%c%c/orders", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676);
        see(t, path);
        if (i % 4 == 0)
            see(t, "/p/me/orders");
    }
    assert_string_equal(routes(t), "/p/me/orders\n/p/{var}/orders\n");
    uint64_t sum = 0;
    for (uint32_t id = 1; id <= ends.n; id++)
        sum += ends.requests[id];
    assert_int_equal(sum, 2500);
    trie_free(t);
}

static void collapse_cascades(void **state)
{
    struct trie *t = start(65536, true);
    char path[64];
    (void)state;
    for (int i = 0; i < 40; i++)
        for (int j = 0; j < 2; j++) {
            snprintf(path, sizeof path, "/a/team%c%c/item%c%c/x", 'a' + i % 26, 'a' + i / 26, 'a' + (i * 2 + j) % 26,
                     'a' + (i * 2 + j) / 26);
            see(t, path);
        }
    assert_string_equal(routes(t), "/a/{var}/{var}/x\n");
    trie_free(t);
}

enum { PATHS = 600 };
static char paths[PATHS][64];

static void shuffle(void)
{
    char swap[64];
    for (size_t i = PATHS - 1; i; i--) {
        size_t j = (size_t)random() % (i + 1);
        memcpy(swap, paths[i], sizeof swap);
        memcpy(paths[i], paths[j], sizeof swap);
        memcpy(paths[j], swap, sizeof swap);
    }
}

static void e2_order_does_not_matter_when_strict(void **state)
{
    char *first = NULL;
    (void)state;
    srandom(2);
    for (int i = 0; i < PATHS; i++) {
        long a = random() % (i % 3 ? 60 : 6), b = random() % 12, c = random() % (i % 2 ? 40 : 3);
        char middle[8];
        snprintf(middle, sizeof middle, i % 5 ? "m%c" : "%d", (int)b + (i % 5 ? 'a' : 0));
        snprintf(paths[i], sizeof paths[i], "/n%c%c/%s/k%c%c", (int)('a' + a % 26), (int)('a' + a / 26), middle,
                 (int)('a' + c % 26), (int)('a' + c / 26));
    }
    for (int run = 0; run < 100; run++) {
        struct trie *t = start(65536, true);
        for (int i = 0; i < PATHS; i++)
            see(t, paths[i]);
        char *got = routes(t);
        if (!first)
            first = strdup(got);
        assert_string_equal(first, got);
        trie_free(t);
        shuffle();
    }
    free(first);
}

/* So many labels of another service that nothing is left of what was remembered of this one's. */
static void make_forget(struct trie *t)
{
    char path[32];
    for (int i = 0; i < 2048; i++) {
        snprintf(path, sizeof path, "/m%c%c/n%c", 'a' + i / 32 % 8, 'a' + i / 256, 'a' + i % 32);
        trie_find(t, SLICE("GET"), SLICE("http://other"), slice_str(path), SLICE(""));
    }
}

static const char *odd_path(void)
{
    static const char *const odd[] = {"*",
                                      "",
                                      "/",
                                      "//",
                                      "/{var}/x",
                                      "/{int}",
                                      "/7/{int}",
                                      "/na/a;b",
                                      "/na/a",
                                      "/na/{uuid}",
                                      "/na/7.json",
                                      "/na/{int}.json",
                                      "/cus_2a4f0c6e8b1d",
                                      "/cus_{hex}"};
    return odd[(size_t)random() % (sizeof odd / sizeof *odd)];
}

/* What is remembered of labels is what looking for them finds, whatever nodes are united meanwhile. */
static void labels_are_remembered_rightly(void **state)
{
    static uint32_t found[PATHS * 2];
    (void)state;
    for (unsigned run = 0; run < 2; run++) {
        struct trie *t = start(65536, false);
        srandom(3);
        make_forget(t);
        for (int i = 0; i < PATHS * 2; i++) {
            char path[64];
            long a = random() % 50, b = random() % 60, c = random() % (i % 2 ? 40 : 3);
            snprintf(path, sizeof path, i % 7 ? "/n%c%c/m%ld/k%c" : "/n%c%c/%ld/k%c", (int)('a' + a % 26),
                     (int)('a' + a / 26), b, (int)('a' + c % 26));
            const char *seen = i % 5 ? path : odd_path();
            uint32_t id = trie_find(t, SLICE("GET"), SLICE("http://h"), slice_str(seen), SLICE(""));
            ends.requests[id]++;
            if (run)
                assert_int_equal(id, found[i]);
            found[i] = id;
            if (run)
                make_forget(t);
        }
        trie_free(t);
    }
}

static void e3_caps_hold(void **state)
{
    struct trie *t = start(2000, false);
    char path[128], service[32];
    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof path, "/users/%d", i);
        see(t, path);
    }
    for (int i = 0; i < 100000; i++) {
        int n = 0;
        for (int s = 0; s < 6; s++)
            n += snprintf(path + n, sizeof path - (size_t)n, "/g%c%c%c%c", (int)('g' + random() % 20),
                          (int)('g' + random() % 20), (int)('g' + random() % 20), (int)('g' + random() % 20));
        see(t, path);
    }
    for (int i = 0; i < 10000; i++) {
        snprintf(service, sizeof service, "http://h%d", i);
        trie_find(t, SLICE("GET"), slice_str(service), SLICE("/"), SLICE(""));
    }
    assert_in_range(trie_nodes(t), 1, 2000);
    assert_int_equal(trie_find(t, SLICE("GET"), SLICE("http://other"), SLICE("/new/path"), SLICE("")), 0);
    uint32_t users = trie_find(t, SLICE("GET"), SLICE("http://h"), SLICE("/users/7"), SLICE(""));
    assert_int_equal(ends.requests[users], 1000);
    trie_free(t);
}

static void odd_paths(void **state)
{
    struct trie *t = start(65536, false);
    char path[1300];
    (void)state;
    see(t, "/");
    see(t, "/a");
    see(t, "/a/");
    see(t, "*");
    see(t, "host:443");
    see(t, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14");
    memset(path, 'y', sizeof path);
    path[0] = '/';
    path[1200] = '/';
    path[sizeof path - 1] = 0;
    see(t, path);
    assert_string_equal(
        routes(t),
        "*\n/\n/a\n/a/\n/{int}/{int}/{int}/{int}/{int}/{int}/{int}/{int}/{int}/{int}/{int}/{int}/{rest}\n/{rest}\n");
    trie_free(t);
}

static void places_routes_back(void **state)
{
    struct trie *t = start(65536, false);
    (void)state;
    assert_true(trie_place(t, SLICE("GET"), SLICE("http://h"), SLICE("/users/{int}"), SLICE(""), 1));
    assert_true(trie_place(t, SLICE("GET"), SLICE("http://h"), SLICE("/blog/{var}"), SLICE(""), 2));
    assert_true(trie_place(t, SLICE("GET"), SLICE("http://h"), SLICE("/"), SLICE(""), 3));
    ends.n = 3;
    assert_int_equal(trie_find(t, SLICE("GET"), SLICE("http://h"), SLICE("/users/12"), SLICE("")), 1);
    assert_int_equal(trie_find(t, SLICE("GET"), SLICE("http://h"), SLICE("/blog/hello"), SLICE("")), 2);
    assert_int_equal(trie_find(t, SLICE("GET"), SLICE("http://h"), SLICE("/"), SLICE("")), 3);
    assert_int_equal(trie_find(t, SLICE("POST"), SLICE("http://h"), SLICE("/"), SLICE("")), 4);
    trie_free(t);
}

static uint32_t operation(struct trie *t, const char *path, const char *name)
{
    uint32_t id = trie_find(t, SLICE("POST"), SLICE("http://h"), slice_str(path), slice_str(name));
    ends.requests[id]++;
    return id;
}

static bool is_at(const struct trie *t, uint32_t id, const char *route, const char *name)
{
    struct buf text = {0};
    trie_route(t, ends.node[id], &text);
    bool same = slice_eq(slice_of(text.p, text.n), slice_str(route)) &&
                slice_eq(trie_operation(t, ends.node[id]), slice_str(name));
    buf_free(&text);
    return same;
}

/* Operations are endpoints below their path, are no segments of it, and go where it goes. */
static void operations(void **state)
{
    struct trie *t = start(65536, false);
    char path[32], name[32];
    (void)state;
    uint32_t path_own = operation(t, "/api", ""), a = operation(t, "/api", "a"), segment = operation(t, "/api/a", "");
    assert_true(path_own != a && a != segment && operation(t, "/api", "a") == a);
    assert_true(is_at(t, path_own, "/api", "") && is_at(t, a, "/api", "a") && is_at(t, segment, "/api/a", ""));
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "m%d", i);
        uint32_t id = operation(t, "/many", name);
        assert_true(is_at(t, id, "/many", i < TRIE_OPERATIONS ? name : "other"));
    }
    for (int i = 0; i < 80; i++) { /* words that become a variable take their operations with them */
        snprintf(path, sizeof path, "/t/word%c%c", 'a' + i / 26, 'a' + i % 26);
        snprintf(name, sizeof name, "m%d", i % 3);
        operation(t, path, name);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "m%d", i);
        uint32_t id = operation(t, "/t/another", name);
        assert_true(is_at(t, id, "/t/{var}", name));
        assert_true(ends.requests[id] == 27 + (i < 2));
    }
    for (int i = 0; i < 40; i++) /* 40 of 20 each are more than a path may have */
        for (int k = 0; k < 20; k++) {
            snprintf(path, sizeof path, "/u/word%c%c", 'a' + i / 26, 'a' + i % 26);
            snprintf(name, sizeof name, "m%d", i * 20 + k);
            operation(t, path, name);
        }
    uint32_t other = operation(t, "/u/another", "new");
    assert_true(is_at(t, other, "/u/{var}", "other") && ends.requests[other] > 200);
    assert_true(trie_place(t, SLICE("PUT"), SLICE("http://h"), SLICE("/v/{int}"), SLICE("b"), 4000));
    assert_int_equal(trie_find(t, SLICE("PUT"), SLICE("http://h"), SLICE("/v/7"), SLICE("b")), 4000);
    trie_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e1_templates),
        cmocka_unit_test(a_large_share_stays_literal),
        cmocka_unit_test(collapse_cascades),
        cmocka_unit_test(e2_order_does_not_matter_when_strict),
        cmocka_unit_test(labels_are_remembered_rightly),
        cmocka_unit_test(e3_caps_hold),
        cmocka_unit_test(odd_paths),
        cmocka_unit_test(places_routes_back),
        cmocka_unit_test(operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
