/* Lexical classes of path segments, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/route.h"

static const struct {
    const char *segment, *label;
    enum route_kind kind;
} table[] = {
    {"", "", ROUTE_LITERAL},
    {"users", "users", ROUTE_LITERAL},
    {"v1", "v1", ROUTE_LITERAL},
    {"v2.10.3", "v2.10.3", ROUTE_LITERAL},
    {"v1234", "v1234", ROUTE_LITERAL},
    {"v", "v", ROUTE_LITERAL},
    {"v1.", "v1.", ROUTE_LITERAL},
    {"0", "{int}", ROUTE_TYPED},
    {"-17", "{int}", ROUTE_TYPED},
    {"12345678901234567890", "{int}", ROUTE_TYPED},
    {"123456789012345678901", "{hex}", ROUTE_TYPED},
    {"-", "-", ROUTE_LITERAL},
    {"20240501", "{int}", ROUTE_TYPED},
    {"2024-05", "{date}", ROUTE_TYPED},
    {"2024-05-01", "{date}", ROUTE_TYPED},
    {"2024-5-01", "2024-5-01", ROUTE_LITERAL},
    {"550e8400-e29b-41d4-a716-446655440000", "{uuid}", ROUTE_TYPED},
    {"550E8400-E29B-41D4-A716-446655440000", "{uuid}", ROUTE_TYPED},
    {"01ARZ3NDEKTSV4RRFFQ69G5FAV", "{ulid}", ROUTE_TYPED},
    {"81ARZ3NDEKTSV4RRFFQ69G5FAV", "81ARZ3NDEKTSV4RRFFQ69G5FAV", ROUTE_LITERAL},
    {"deadbeef", "deadbeef", ROUTE_LITERAL},
    {"deadbee1", "{hex}", ROUTE_TYPED},
    {"1234567a", "1234567a", ROUTE_LITERAL},
    {"123456ab", "{hex}", ROUTE_TYPED},
    {"abcdefabcdefabcdefabcdef", "{hex}", ROUTE_TYPED},
    {"da39a3ee5e6b4b0d3255bfef95601890afd80709", "{hex}", ROUTE_TYPED},
    {"abcdefabcdefabcdef", "abcdefabcdefabcdef", ROUTE_LITERAL},
    {"a@b.c", "{email}", ROUTE_TYPED},
    {"a@b", "a@b", ROUTE_LITERAL},
    {"10.1.2.3", "{ip}", ROUTE_TYPED},
    {"10.1.2.300", "10.1.2.300", ROUTE_LITERAL},
    {"2001:db8::1", "{ip}", ROUTE_TYPED},
    {"eyJhbGciOi.eyJzdWIi.c2ln", "{jwt}", ROUTE_TYPED},
    {"dQw4w9WgXcQ2fL9sKqZ1", "{b64}", ROUTE_TYPED},
    {"top-ten-ways-to-save-money", "top-ten-ways-to-save-money", ROUTE_LITERAL},
    {"TheQuickBrownFoxJumps", "TheQuickBrownFoxJumps", ROUTE_LITERAL},
    {"17.json", "{int}.json", ROUTE_TYPED},
    {"550e8400-e29b-41d4-a716-446655440000.PDF", "{uuid}.PDF", ROUTE_TYPED},
    {"17.exe", "17.exe", ROUTE_LITERAL},
    {"index.html", "index.html", ROUTE_LITERAL},
    {".json", ".json", ROUTE_LITERAL},
    {"cus_NffrFeUfNV2Hib9Zs", "cus_{b64}", ROUTE_PREFIX},
    {"user-42", "user-{int}", ROUTE_PREFIX},
    {"img_deadbee1", "img_{hex}", ROUTE_PREFIX},
    {"a-42", "a-42", ROUTE_LITERAL},
    {"toolongprefix-42", "toolongprefix-42", ROUTE_LITERAL},
    {"42;jsessionid=~0123456789ab", "{int}", ROUTE_TYPED},
    {"~0123456789aA", "{int}", ROUTE_TYPED},
    {"~0123456789aB.json", "{date}.json", ROUTE_TYPED},
    {"tok-~0123456789aC.pdf", "tok-{uuid}.pdf", ROUTE_PREFIX},
    {"~0123456789aD", "{ulid}", ROUTE_TYPED},
    {"~0123456789aE", "{ip}", ROUTE_TYPED},
    {"~0123456789aF", "~0123456789aF", ROUTE_LITERAL},
    {"~0123456789Aa", "~0123456789Aa", ROUTE_LITERAL},
    {"~0123456789AA", "~0123456789AA", ROUTE_LITERAL},
    {"cart;jsessionid=1", "cart", ROUTE_LITERAL},
    {"~0123456789a0", "{hex}", ROUTE_TYPED},
    {"~0123456789a4", "{hex}", ROUTE_TYPED},
    {"~0123456789a5", "{b64}", ROUTE_TYPED},
    {"~0123456789ae", "{jwt}", ROUTE_TYPED},
    {"~0123456789af", "{email}", ROUTE_TYPED},
    {"~0123456789aF", "~0123456789aF", ROUTE_LITERAL},
    {"~0123456789a", "~0123456789a", ROUTE_LITERAL},
    {"~0123456789a4.pdf", "{hex}.pdf", ROUTE_TYPED},
    {"tok-~0123456789a4", "tok-{hex}", ROUTE_PREFIX},
    {"sha256:~0123456789a4", "sha256:{hex}", ROUTE_PREFIX},
    {"chunk-~0123456789a4.js", "chunk-{hex}.js", ROUTE_PREFIX},
    {"~0123456789a5.~0123456789a5", "{b64}.{b64}", ROUTE_PREFIX},
    {"tok-~0123456789aF", "tok-~0123456789aF", ROUTE_LITERAL},
    {"the-longest-label-that-is-made-up-~0123456789a4", "the-longest-label-that-is-made-up-{hex}", ROUTE_PREFIX},
    {"this-is-longer-than-a-label-that-is-made-up-may-be-~0123456789a4",
     "this-is-longer-than-a-label-that-is-made-up-may-be-~0123456789a4", ROUTE_LITERAL},
    {"q#~0123456789a4", "q", ROUTE_LITERAL},
};

static void classes(void **state)
{
    char made[ROUTE_LABEL];
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct route_label l = route_label(slice_str(table[i].segment), made);
        if (!slice_eq(l.text, slice_str(table[i].label)))
            print_message("%s: got %.*s\n", table[i].segment, (int)l.text.n, l.text.p);
        assert_true(slice_eq(l.text, slice_str(table[i].label)));
        assert_int_equal(l.kind, table[i].kind);
    }
}

/* What a label replaces is told as a part of the segment; the rest of both is the same. */
static void parts(void **state)
{
    static const struct {
        const char *segment;
        size_t from, to;
        enum route_class class;
    } has[] = {{"42", 0, 2, ROUTE_INT},
               {"17.json", 0, 2, ROUTE_INT},
               {"cus_NffrFeUfNV2Hib9Zs", 4, 21, ROUTE_B64},
               {"2024-05", 0, 7, ROUTE_DATE},
               {"550e8400-e29b-41d4-a716-446655440000", 0, 36, ROUTE_UUID},
               {"01ARZ3NDEKTSV4RRFFQ69G5FAV", 0, 26, ROUTE_ULID},
               {"10.1.2.3", 0, 8, ROUTE_IP},
               {"~0123456789aA", 0, 13, ROUTE_INT}};
    static const char *const none[] = {"users", "v1", "v2.10.3", "index.html", "top-10-ways", "", "tok-~0123456789aA"};
    struct route_id id;
    (void)state;
    for (size_t i = 0; i < sizeof has / sizeof *has; i++) {
        assert_true(route_id(slice_str(has[i].segment), &id));
        assert_true(id.from == has[i].from && id.to == has[i].to && id.class == has[i].class);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(route_id(slice_str(none[i]), &id));
}

/* What is told from a look at the characters is what the rules say, one after the other. */
static void at_a_look(void **state)
{
    static const char *const alphabets[] = {"0123456789", "abcdefv", "abcxyz-_", "v0123456789", "aF09-", "abz09.-v~A"};
    char made[ROUTE_LABEL], text[32];
    unsigned literal = 0, number = 0;
    (void)state;
    srand(6);
    for (int i = 0; i < 400000; i++) {
        const char *from = alphabets[(size_t)rand() % (sizeof alphabets / sizeof *alphabets)];
        size_t n = (size_t)rand() % sizeof text;
        for (size_t k = 0; k < n; k++)
            text[k] = from[(size_t)rand() % strlen(from)];
        struct slice s = slice_of(text, n);
        struct route_label label = route_label(s, made);
        struct route_id id = {0};
        bool is_id = route_id(s, &id);
        if (label.kind == ROUTE_PREFIX && !is_id) /* pieces that were hidden */
            continue;
        assert_int_equal(label.kind == ROUTE_LITERAL, !is_id);
        assert_int_equal(slice_eq(label.text, s), !is_id);
        if (is_id && !id.from && id.to == n)
            assert_int_equal(slice_eq(label.text, SLICE("{int}")), id.class == ROUTE_INT);
        literal += !is_id;
        number += is_id && id.class == ROUTE_INT;
    }
    assert_true(literal > 100000 && number > 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(at_a_look), cmocka_unit_test(classes), cmocka_unit_test(parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
