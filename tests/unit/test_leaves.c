/* The identity of JSON by its leaves (S-1): the same for any order of members, white space, escapes and cuts; another
 * for any other value, order of elements or shape; the leaves are what was written; the bounds hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "capture/leaves.h"

static const struct hash_key key = {11, 22, 33};
static const int64_t now = INT64_C(1700000000000);
static struct pathnames *names;
static struct leaves_reader r;

static uint64_t read_cut(struct slice text, size_t cut)
{
    uint64_t id = 0;
    leaves_begin(&r, &key, names, now);
    leaves_feed(&r, text.p, cut);
    leaves_feed(&r, text.p + cut, text.n - cut);
    return leaves_end(&r, &id) ? id : 0;
}

/* At every cut the same, in memory of its own so that an octet too far is seen. */
static uint64_t id_of(const char *json)
{
    size_t n = strlen(json);
    char *copy = malloc(n + !n);
    memcpy(copy, json, n);
    uint64_t id = read_cut(slice_of(copy, n), 0);
    for (size_t cut = 1; cut <= n; cut++)
        assert_true(read_cut(slice_of(copy, n), cut) == id);
    free(copy);
    return id;
}

static const struct leaf *leaf(const char *name)
{
    for (unsigned i = 0; i < r.n; i++)
        if (slice_eq(r.leaf[i].name, slice_str(name)))
            return &r.leaf[i];
    return NULL;
}

static void same(void **state)
{
    (void)state;
    uint64_t id = id_of("{\"a\":1,\"b\":[1,2,{\"c\":null}],\"d\":\"x\\u00e9\\/\\ud83d\\ude00\",\"e\":{},\"f\":[]}");
    assert_true(id);
    assert_true(id_of("{ \"f\" : [ ] ,\n\t\"e\":{ },\"d\":\"x\xc3\xa9/\xf0\x9f\x98\x80\", \"b\":[1, "
                      "2,{\"c\":null}],\r\n\"a\":1 }\n") == id);
    assert_true(id_of("3") && id_of("\"\"") && id_of("[]") && id_of(" true "));
}

static void different(void **state)
{
    static const char *const all[] = {
        "{\"a\":1,\"b\":[1,2]}",
        "{\"a\":2,\"b\":[1,2]}",
        "{\"a\":1,\"b\":[2,1]}",
        "{\"a\":1,\"b\":[1,2,2]}",
        "{\"a\":\"1\",\"b\":[1,2]}",
        "{\"a\":1.0,\"b\":[1,2]}",
        "{\"a\":1,\"b\":[[1],2]}",
        "{\"a\":1,\"b\":[1,[2]]}",
        "{\"b\":1,\"a\":[1,2]}",
        "{\"a\":1}",
        "{\"a\":null}",
        "{\"a\":\"null\"}",
        "{\"a\":{}}",
        "{\"a\":[]}",
        "{\"a\":\"\"}",
        "{\"a\":[{}]}",
        "{\"a\":[[]]}",
        "{}",
        "[]",
        "[[]]",
        "[{}]",
        "{\"a\":{\"b\":1}}",
        "{\"a.b\":1}",
        "[{\"a\":1},{\"b\":1}]",
        "[{\"a\":1,\"b\":1}]",
        "[{\"b\":1},{\"a\":1}]",
        "{\"a\":true}",
        "{\"a\":false}",
        "1",
        "\"1\"",
        "[1]",
        "{\"a\":1,\"a\":1}",
        "[[1,2],[3]]",
        "[[1],[2,3]]",
        "{\"\":1}",
        "{\"a\":0}",
    };
    enum { ALL = sizeof all / sizeof *all };
    uint64_t id[ALL];
    (void)state;
    for (unsigned i = 0; i < ALL; i++) {
        id[i] = id_of(all[i]);
        assert_true(id[i]);
        for (unsigned j = 0; j < i; j++)
            if (id[i] == id[j])
                fail_msg("%s and %s are told the same", all[i], all[j]);
    }
}

static void no_json(void **state)
{
    static const char *const all[] = {"",
                                      "{",
                                      "}",
                                      "[1,]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "[1 2]",
                                      "01",
                                      "1.",
                                      "-",
                                      ".5",
                                      "1e",
                                      "+1",
                                      "tru",
                                      "nul",
                                      "\"",
                                      "\"\\x\"",
                                      "\"\\u12g4\"",
                                      "\"a\nb\"",
                                      "[1]]",
                                      "{}{}",
                                      "1 1",
                                      "{a:1}",
                                      "{'a':1}",
                                      "[}",
                                      "{\"a\":1]",
                                      "NaN",
                                      "\xef\xbb\xbf{}",
                                      "//x\n1",
                                      "[,1]",
                                      "{,}"};
    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (id_of(all[i]))
            fail_msg("%s is no JSON", all[i]);
}

/* ---- made-up documents, written in two ways ---- */

static void blank(struct buf *out, bool other)
{
    for (long n = other ? random() % 3 : 0; n > 0; n--)
        buf_char(out, " \n\t\r"[random() % 4]);
}

/* The same document for the same seed; `other`: members in another order, with white space. `odd`: number of the leaf
 * that is changed, counted down. */
static void value(struct buf *out, unsigned seed, int depth, bool other, int *odd)
{
    unsigned h = (unsigned)hash_mix(seed + 1), n = h / 8 % 4 + (depth == 0);
    bool array = h % 8 < 2, object = depth < 5 && (h % 8 < 5 || depth == 0);
    blank(out, other);
    if (!object) {
        bool changed = (*odd)-- == 0;
        buf_printf(out, h % 8 == 7 ? "%u" : "\"v%u\"", h % 1000 + (changed ? 1000u : 0u));
    } else if (array) {
        buf_char(out, '[');
        for (unsigned i = 0; i < n; i++) {
            buf_str(out, i ? "," : "");
            value(out, seed * 7 + i, depth + 1, other, odd);
        }
        buf_char(out, ']');
    } else {
        buf_char(out, '{');
        for (unsigned i = 0; i < n; i++) {
            unsigned k = other ? n - 1 - i : i;
            buf_str(out, i ? "," : "");
            blank(out, other);
            buf_printf(out, "\"m%u\"", k);
            blank(out, other);
            buf_char(out, ':');
            value(out, seed * 7 + k, depth + 1, other, odd);
        }
        buf_char(out, '}');
    }
    blank(out, other);
}

static uint64_t made(unsigned seed, bool other, int odd)
{
    struct buf out = {0};
    value(&out, seed, 0, other, &odd);
    uint64_t id = read_cut(slice_of(out.p, out.n), (size_t)random() % (out.n + 1));
    buf_free(&out);
    return id;
}

static void documents(void **state)
{
    (void)state;
    unsigned changed = 0;
    for (unsigned seed = 0; seed < 2000; seed++) {
        uint64_t id = made(seed * 1000, false, -1);
        assert_true(id);
        assert_true(made(seed * 1000, true, -1) == id);
        for (int odd = 0; odd < 4; odd++) {
            uint64_t other = made(seed * 1000, false, odd);
            changed += other != id;
            assert_true(other != id || odd > 0 || r.leaves == 0 || r.leaves);
        }
    }
    assert_true(changed > 3000);
}

/* Octet by octet there is no short way; whole, or spoilt, it is the same. */
static void octets(void **state)
{
    static struct leaf whole[LEAVES_MOST];
    unsigned good = 0;
    (void)state;
    for (unsigned seed = 0; seed < 3000; seed++) {
        struct buf out = {0};
        int odd = -1;
        uint64_t id = 0, same = 0;
        srandom(seed);
        value(&out, seed, 0, seed % 2, &odd);
        if (seed % 3)
            out.p[(size_t)random() % out.n] = "\"\\{}[]:,0 x"[random() % 11];
        id = read_cut(slice_of(out.p, out.n), 0);
        unsigned n = r.n;
        if (id)
            memcpy(whole, r.leaf, n * sizeof *whole);
        leaves_begin(&r, &key, names, now);
        for (size_t i = 0; i < out.n; i++)
            leaves_feed(&r, out.p + i, 1);
        assert_true((leaves_end(&r, &same) ? same : 0) == id);
        for (unsigned i = 0; id && i < n; i++)
            assert_true(r.n == n && r.leaf[i].path == whole[i].path && r.leaf[i].hash == whole[i].hash &&
                        r.leaf[i].order == whole[i].order && r.leaf[i].value == whole[i].value);
        good += id != 0;
        buf_free(&out);
    }
    assert_in_range(good, 1000, 2900);
}

/* Members, as lists of objects have them: the same ones, or nearly; names and values of all kinds. */
static void members(struct buf *out, unsigned which)
{
    static const char *const name[] = {"id",       "a", "fourteen_chars", "fifteen_letters",
                                       "x\\u0041", "",  "pr\xc3\xa9nom",  "took_ms"};
    static const char *const before[] = {"",         "-", "\"",  "\"\\n", "0.", "9", "999999999999999999",
                                         "{\"id\":", "[", "nul", "1"};
    static const char *const after[] = {"", ".50", "\"", "\"", "", "e7", "", "}", "]", "l", "."};
    unsigned order = (unsigned)random() % 4 ? 0 : (unsigned)random() % 8;
    buf_char(out, '{');
    for (unsigned i = 0; i < 8; i++) {
        unsigned k = i ^ order, kind = (k + which) % 8 + (random() % 64 == 0 ? 3 : 0);
        if (random() % 16 == 0)
            continue;
        buf_printf(out, "%s\"%s\"%s:%s", out->p[out->n - 1] == '{' ? "" : ",", name[k], random() % 32 ? "" : " ",
                   random() % 32 ? "" : "\n");
        buf_printf(out, "%s", before[kind]);
        if (kind != 9)
            buf_printf(out, "%u", (unsigned)random() % 3000 * (kind < 2 ? 700000 : 1));
        buf_printf(out, "%s%s", after[kind], random() % 32 ? "" : " ");
    }
    buf_char(out, '}');
}

static void lists(void **state)
{
    static struct leaf whole[LEAVES_MOST];
    unsigned good = 0;
    (void)state;
    for (unsigned seed = 0; seed < 2000; seed++) {
        struct buf out = {0};
        uint64_t id[3] = {0};
        unsigned n = 0;
        srandom(seed);
        for (unsigned i = 0; i < 20; i++) {
            buf_char(&out, i ? ',' : '[');
            members(&out, seed);
        }
        buf_char(&out, ']');
        for (size_t piece = 0; piece < 3; piece++) {
            size_t step = piece == 0 ? out.n : piece == 1 ? 1 : 40;
            leaves_begin(&r, &key, names, now);
            for (size_t at = 0; at < out.n; at += step) {
                size_t part = step < out.n - at ? step : out.n - at;
                char *copy = malloc(part);
                memcpy(copy, out.p + at, part);
                leaves_feed(&r, copy, part);
                free(copy);
            }
            id[piece] = leaves_end(&r, &id[piece]) ? id[piece] : 0;
            assert_true(id[piece] == id[0]);
            assert_true(!id[0] || !piece || (r.n == n && !memcmp(r.leaf, whole, n * sizeof *whole)));
            n = r.n;
            memcpy(whole, r.leaf, n * sizeof *whole);
        }
        good += id[0] != 0;
        buf_free(&out);
    }
    assert_in_range(good, 200, 1900);
}

/* ---- leaves ---- */

/* UUID, ULID, hex, or letters of both cases with digits: 16 characters and more, each one looked at by itself. */
static bool is_id(const char *p, size_t n)
{
    size_t hex = 0, word = 0, crockford = 0, digits = 0, upper = 0, lower = 0;
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        hex += ascii_hex(c) >= 0;
        digits += ascii_digit(c);
        upper += is_upper;
        lower += c >= 'a' && c <= 'z';
        word += ascii_alpha(c) || ascii_digit(c) || c == '-' || c == '_';
        crockford += ascii_digit(c) || (is_upper && c != 'I' && c != 'L' && c != 'O' && c != 'U');
    }
    if (n < 16 || n > 128)
        return false;
    if (n == 36 && p[8] == '-' && p[13] == '-' && p[18] == '-' && p[23] == '-' && hex == 32)
        return true;
    return (n == 26 && crockford == n && digits) || (hex == n && digits) || (word == n && digits && upper && lower);
}

static void ids(void **state)
{
    static const char *const alphabets[] = {
        "0123456789abcdef",
        "0123456789abcdefABCDEF",
        "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
        "abcdefghijklmnopqrstuvwxyz0",
        "ABCDEFXYZ_-abcz09",
        "0123456789",
        "abcdefABCDEF",
        "ILOUKMN0123456789",
    };
    static const size_t lengths[] = {15, 16, 26, 36, 128, 129};
    char text[160];
    unsigned found = 0;
    (void)state;
    srandom(3);
    for (int round = 0; round < 20000; round++) {
        const char *alphabet = alphabets[random() % 8];
        size_t n = lengths[random() % 6], letters = strlen(alphabet);
        for (size_t i = 0; i < n; i++)
            text[1 + i] = alphabet[(size_t)random() % letters];
        if (n == 36 && random() % 2)
            text[1 + 8] = text[1 + 13] = text[1 + 18] = text[1 + 23] = '-';
        if (random() % 3 == 0)
            text[1 + (size_t)random() % n] = " .-_zZ\x7f\xc3"[random() % 8];
        text[0] = text[n + 1] = '"';
        assert_true(read_cut(slice_of(text, n + 2), 0));
        bool want = is_id(text + 1, n);
        assert_int_equal(r.leaf[0].value == LEAF_ID, want);
        found += want;
    }
    assert_in_range(found, 4000, 16000);
}

static void looks(void **state)
{
    (void)state;
    assert_true(id_of(
        "{\"ts\":\"2023-11-14T22:13:20.123Z\",\"epoch\":1700000000,\"epoch_ms\":1700000000123,\"old\":1500000000,"
        "\"time\":1700000000.25,\"request_id\":\"550e8400-e29b-41d4-a716-446655440000\",\"hash\":\"0123456789abcdef\","
        "\"ulid\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"took_ms\":17,\"elapsed\":0.25,\"latency\":99999999999,"
        "\"title\":\"internal-server-error-of-someone\",\"date\":\"2023-11-14\",\"price\":12.5,\"count\":-3,\"name\":"
        "\"x\"}"));
    static const struct {
        const char *name;
        enum leaf_value value;
    } want[] = {
        {"ts", LEAF_TIME},          {"epoch", LEAF_TIME},       {"epoch_ms", LEAF_TIME},   {"old", LEAF_INTEGER},
        {"time", LEAF_TIME},        {"request_id", LEAF_ID},    {"hash", LEAF_ID},         {"ulid", LEAF_ID},
        {"took_ms", LEAF_DURATION}, {"elapsed", LEAF_DURATION}, {"latency", LEAF_INTEGER}, {"title", LEAF_OTHER},
        {"date", LEAF_OTHER},       {"price", LEAF_OTHER},      {"count", LEAF_INTEGER},   {"name", LEAF_OTHER}};
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
        const struct leaf *l = leaf(want[i].name);
        assert_non_null(l);
        if (l->value != want[i].value)
            fail_msg("%s looks like %s", want[i].name, leaf_value_name((enum leaf_value)l->value));
    }
}

/* Of names that are too long to be kept, what they begin with counts, and never the name before. */
static void long_names(void **state)
{
    (void)state;
    assert_true(id_of("{\"took_ms\":17,\"a_name_of_more_than_thirty_two_characters\":17}"));
    assert_int_equal(r.leaf[0].value, LEAF_DURATION);
    assert_int_equal(r.leaf[1].value, LEAF_INTEGER);
    assert_true(id_of("{\"count\":17,\"duration_of_more_than_thirty_two_characters\":17}"));
    assert_int_equal(r.leaf[0].value, LEAF_INTEGER);
    assert_int_equal(r.leaf[1].value, LEAF_DURATION);
}

static uint64_t order_of(const char *json)
{
    assert_true(read_cut(slice_str(json), 0));
    return r.leaf[0].order;
}

static void orders(void **state)
{
    (void)state;
    uint64_t before = 0;
    static const int64_t steps[] = {-5000000000000, -7, 0, 1, 2, 1000, 1001, 5000000000000};
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"n\":%lld}", (long long)steps[i]);
        uint64_t o = order_of(text);
        assert_true(o > before && o != (uint64_t)steps[i]);
        before = o;
    }
    assert_true(order_of("[\"2023-11-14T22:13:20Z\"]") < order_of("[\"2023-11-14T23:13:21+01:00\"]"));
    assert_true(order_of("[\"2023-11-14T22:13:20Z\"]") == order_of("[1700000000]"));
    assert_true(order_of("[5,9,7,\"x\"]") == order_of("[9]") && !order_of("[\"x\",1.5]"));
}

/* What a path contributes can be subtracted, and the sum is that of all. */
static void sums(void **state)
{
    (void)state;
    assert_true(read_cut(SLICE("{\"a\":1,\"b\":[1,2,3],\"c\":{\"d\":4}}"), 0));
    uint64_t with = r.sum - leaf("b[]")->hash;
    assert_int_equal(r.n, 3);
    assert_true(read_cut(SLICE("{\"a\":1,\"b\":[1,2,4],\"c\":{\"d\":4}}"), 0));
    assert_true(r.sum - leaf("b[]")->hash == with);
    assert_non_null(leaf("c.d"));
}

static void bounds(void **state)
{
    struct buf deep = {0}, wide = {0}, large = {0};
    (void)state;
    for (int i = 0; i < LEAVES_DEPTH; i++)
        buf_char(&deep, '[');
    for (int i = 0; i < LEAVES_DEPTH; i++)
        buf_char(&deep, ']');
    assert_true(read_cut(slice_of(deep.p, deep.n), 3));
    buf_char(&deep, ']');
    memmove(deep.p + 1, deep.p, deep.n - 1);
    deep.p[0] = '[';
    assert_false(read_cut(slice_of(deep.p, deep.n), 3));
    uint64_t id[2];
    for (int i = 0; i < 2; i++) { /* the leaves of further paths are in the identity all the same */
        wide.n = 0;
        for (int k = 0; k < 400; k++)
            buf_printf(&wide, "%s\"k%d\":%d", k ? "," : "{", k, k == 399 ? i : 0);
        buf_char(&wide, '}');
        id[i] = read_cut(slice_of(wide.p, wide.n), 100);
        assert_true(id[i] && r.n == LEAVES_MOST);
    }
    assert_true(id[0] != id[1]);
    buf_char(&large, '"');
    while (large.n < LEAVES_TEXT - 1)
        buf_char(&large, 'x');
    buf_char(&large, '"');
    assert_true(read_cut(slice_of(large.p, large.n), 1000));
    buf_char(&large, ' ');
    assert_false(read_cut(slice_of(large.p, large.n), 1000));
    buf_free(&deep);
    buf_free(&wide);
    buf_free(&large);
}

static void shown(void **state)
{
    static const char *const yes[] = {
        "id",           "ts",          "timestamp", "request_id",  "requestId",      "took_ms",    "took",
        "generated_at", "generatedAt", "updatedAt", "created_at",  "server_time",    "serverTime", "elapsed",
        "duration",     "latency",     "trace_id",  "traceId",     "x-request-id",   "items",      "price",
        "name",         "hits",        "query",     "version",     "stock",          "nonce",      "count",
        "total",        "cursor",      "next",      "expires_in",  "lastModified",   "uuid",       "address1",
        "etag",         "status",      "message",   "recommended", "correlation_id", "meta",       "rendered_at"};
    (void)state;
    for (unsigned i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!pathnames_shown(slice_str(yes[i])))
            fail_msg("%s is a name", yes[i]);
    static const char *const no[] = {"",
                                     "550e8400-e29b-41d4-a716-446655440000",
                                     "9f2c61d0a4be",
                                     "a@b.example",
                                     "x y",
                                     "\x01",
                                     "12345",
                                     "QmFzZTY0",
                                     "deadbeefdeadbeef"};
    for (unsigned i = 0; i < sizeof no / sizeof *no; i++)
        if (pathnames_shown(slice_str(no[i])))
            fail_msg("%s is no name", no[i]);
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    unsigned passed[3] = {0};
    for (unsigned i = 0; i < 3000000; i++) { /* as random secrets are: of all, of letters, of small letters */
        char text[17] = {0};
        for (int c = 0; c < 16; c++)
            text[c] = letters[(uint64_t)random() % (i % 3 == 0 ? 62 : i % 3 == 1 ? 52 : 26)];
        passed[i % 3] += pathnames_shown(slice_str(text));
    }
    if (passed[0] > 10 || passed[1] > 100 || passed[2])
        fail_msg("of a million random names of each kind %u, %u, %u are shown", passed[0], passed[1], passed[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same),      cmocka_unit_test(different), cmocka_unit_test(no_json),
        cmocka_unit_test(documents), cmocka_unit_test(octets),    cmocka_unit_test(lists),
        cmocka_unit_test(ids),       cmocka_unit_test(looks),     cmocka_unit_test(long_names),
        cmocka_unit_test(orders),    cmocka_unit_test(sums),      cmocka_unit_test(bounds),
        cmocka_unit_test(shown),
    };
    names = pathnames_new(&key);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pathnames_free(names);
    return failed;
}
