/* What may be shown of a target, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "capture/redact.h"

#define HEX "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define B64 "Qx7bTrW2mK9sLpZ4vNcY8dFgHjJ1aSuE5oiU"
#define JWT "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlIQ"

static struct redact *made(bool clear, const char *more, bool sealed)
{
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct redact_options o = {.clear_targets = clear, .more_names = more, .sealed = sealed};
    return redact_new(&key, &o);
}

static struct redact *fresh(bool clear, const char *more)
{
    return made(clear, more, false);
}

/* The pattern's `~` stands for a hidden value. */
static void shows(struct redact *r, const char *target, const char *pattern)
{
    struct buf out = {0}, folded = {0};
    redact_target(r, slice_str(target), REDACT_UNKNOWN, 0, &out);
    for (size_t i = 0; i < out.n; i++) {
        buf_char(&folded, out.p[i]);
        if (out.p[i] == '~')
            i += 12;
    }
    buf_char(&folded, 0);
    assert_string_equal(folded.p, pattern);
    buf_free(&out);
    buf_free(&folded);
}

static void targets(void **state)
{
    struct redact *r = fresh(false, "ssn");
    (void)state;
    shows(r, "/users/42?page=2&sort=name&from=2024-05-01", "/users/42?page=2&sort=name&from=2024-05-01");
    shows(r, "/a?token=5&api_key=x&SessionId=abc&code=1234", "/a?token=~&api_key=~&SessionId=~&code=~");
    shows(r, "/a?ssn=1&q=hello+world&empty=&flag", "/a?ssn=~&q=~&empty=&flag");
    shows(r, "/f/0123456789abcdef0123456789abcdef/x", "/f/~/x");
    shows(r, "/f/QwErTyUiOpAsDfGhJkLzXcVbNmQwErTy/x", "/f/~/x");
    shows(r, "/f/listMembersOfAnOrganizationByProject", "/f/listMembersOfAnOrganizationByProject");
    shows(r, "/f/550e8400-e29b-41d4-a716-446655440000", "/f/550e8400-e29b-41d4-a716-446655440000");
    shows(r, "/mail/jo@example.com", "/mail/~");
    shows(r, "/mail/jo%40example.com", "/mail/~");
    shows(r, "/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "/t/~");
    shows(r, "/blog/ten-ways-to-cook-an-egg-in-2024-and-more", "/blog/ten-ways-to-cook-an-egg-in-2024-and-more");
    shows(r, "/p;jsessionid=ABCDEF0123456789/x", "/p;jsessionid=~/x");
    shows(r, "http://me:pw@h.test/x?key=1", "http://~@h.test/x?key=~");
    redact_free(r);
}

/* What is attached to a secret stays, the secret does not. */
static void pieces(void **state)
{
    struct redact *r = fresh(false, NULL);
    (void)state;
    shows(r, "/f/" HEX ".pdf", "/f/~.pdf");
    shows(r, "/f/tok-" HEX, "/f/tok-~");
    shows(r, "/f/tok-" HEX "-v2.pdf", "/f/tok-~-v2.pdf");
    shows(r, "/f/sha256:" HEX, "/f/sha256:~");
    shows(r, "/f/sha256-" B64, "/f/~");
    shows(r, "/f/" B64 ".json", "/f/~.json");
    shows(r, "/f/" B64 "." B64 ":" B64, "/f/~.~:~");
    shows(r, "/f/" B64 ".Ab1Cd2Ef3Gh4Ij5K", "/f/~.~");
    shows(r, "/f/" JWT ".json", "/f/~.json");
    shows(r, "/f/tok-" JWT, "/f/tok-~");
    shows(r, "/f/bearer:" JWT ".json", "/f/bearer:~.json");
    shows(r, "/f/" JWT ".YWJj.ZGVm", "/f/~");
    shows(r, "/f/%51x7bTrW2mK9sLpZ4vNcY8dFgHjJ1aSuE5oiU", "/f/~");
    shows(r, "/f/" B64 "%3D%3d", "/f/~");
    shows(r, "/f/Qx7bTrW2mK9sLpZ4%2BNcY8dFg%2fjJ1aSuE5oiU", "/f/~");
    shows(r, "/f/jo%40example%2Eorg", "/f/~");
    shows(r, "/f/x;" HEX ";v=a:" B64 ";w=1", "/f/x;~;v=~;w=1");
    shows(r, "/f?" HEX "&tok-" HEX "&" HEX "=1", "/f?~&tok-~&~=1");
    shows(r, "/q#token=V", "/q#~");
    shows(r, "/q?a=1#token=V?b", "/q?a=1#~");
    shows(r, "/f/550e8400-e29b-41d4-a716-446655440000.json", "/f/550e8400-e29b-41d4-a716-446655440000.json");
    shows(r, "/f/top-10-ways-to-save-money-in-2024.html", "/f/top-10-ways-to-save-money-in-2024.html");
    shows(r, "/f/com.example.ListMembersOfAnOrganization.v1", "/f/com.example.ListMembersOfAnOrganization.v1");
    redact_free(r);
}

/* An escape that need not be one makes no other key. */
static void escapes(void **state)
{
    struct redact *r = fresh(false, NULL);
    struct buf a = {0}, b = {0};
    (void)state;
    redact_target(r, SLICE("/f/" B64 ".pdf"), REDACT_UNKNOWN, 0, &a);
    redact_target(r, SLICE("/f/%51x7bTrW2mK9sLpZ4vNcY8dFgHjJ1aSuE5oiU.pdf"), REDACT_UNKNOWN, 0, &b);
    assert_true(slice_eq(slice_of(a.p, a.n), slice_of(b.p, b.n)));
    shows(r, "/x\xe9/\xc3\xa9?a\xff=1#", "/x%E9/\xc3\xa9?a%FF=1#");
    buf_free(&a);
    buf_free(&b);
    redact_free(r);
}

static void names(void **state)
{
    struct redact *r = fresh(true, "ssn"), *hidden = fresh(false, "ssn");
    (void)state;
    shows(r, "/q?%74oken=1&a%5Fk%65y=2&%73sn=3&q=4", "/q?%74oken=~&a%5Fk%65y=~&%73sn=~&q=4");
    shows(r, "/q?a=1;token=V?key=W&b=x y", "/q?a=1;token=~?key=~&b=x y");
    shows(r, "/q;%74oken=V?a", "/q;%74oken=~?a");
    shows(hidden, "/q?%74oken=1&a=2;token=3", "/q?%74oken=~&a=~");
    shows(hidden, "/q?otp=493021&totp=1&PIN=1234&cvv=123&spin=4&pins=5&SAMLResponse=6",
          "/q?otp=~&totp=~&PIN=~&cvv=~&spin=4&pins=5&SAMLResponse=~");
    redact_free(r);
    redact_free(hidden);
}

static void user_and_password(void **state)
{
    struct redact *r = fresh(true, NULL);
    (void)state;
    shows(r, "http://bob:x@y@h.test?a=1", "http://~@h.test?a=1");
    shows(r, "bob:pw@h:443", "~@h:443");
    shows(r, "//bob:pw@h/x", "//~@h/x");
    assert_true(slice_eq(redact_authority(r, SLICE("bob:p/w@H.test:80/x?token=V")), SLICE("H.test:80/")));
    assert_true(slice_eq(redact_authority(r, SLICE("h\xe9")), SLICE("h%E9")));
    redact_free(r);
}

/* In a record what was hidden stays; what only looks like it, and what stands beside it, is hidden. */
static void sealed(void **state)
{
    struct redact *r = made(false, NULL, true), *wire = fresh(false, NULL);
    struct buf out = {0};
    static const char kept[] =
        "/a/~0123456789ab/tok-~0123456789ab.pdf;s=~0123456789ac?q=~0123456789ad&token=~0123456789ae&x=1#~0123456789af";
    (void)state;
    redact_target(r, slice_str(kept), REDACT_UNKNOWN, 0, &out);
    assert_true(slice_eq(slice_of(out.p, out.n), slice_str(kept)));
    out.n = 0;
    redact_target(r, SLICE("/a?q=~0123456789aF&r=~0123456789abc&s=x~0123456789ab"), REDACT_UNKNOWN, 0, &out);
    assert_int_equal(out.n, 5 + 13 + 3 + 13 + 3 + 13);
    buf_char(&out, 0);
    assert_true(!strstr(out.p, "9aF") && !strstr(out.p, "9abc") && !strstr(out.p, "x~"));
    shows(r, "/a/~0123456789ab" HEX, "/a/~~");
    out.n = 0;
    redact_target(wire, SLICE("/a?q=~0123456789ad"), REDACT_UNKNOWN, 0, &out);
    assert_memory_not_equal(out.p, "/a?q=~0123456789ad", 18);
    buf_free(&out);
    redact_free(r);
    redact_free(wire);
}

static void sixteen_words(void **state)
{
    struct redact *r = fresh(false, NULL);
    char target[32];
    (void)state;
    for (char c = 'a'; c < 'a' + 16; c++) {
        snprintf(target, sizeof target, "/?w=%c", c);
        shows(r, target, target);
    }
    shows(r, "/?w=q", "/?w=~");
    shows(r, "/?w=a", "/?w=a");
    shows(r, "/?w=q", "/?w=~");
    shows(r, "/?other=q", "/?other=q");
    redact_free(r);
}

static void clear_targets(void **state)
{
    struct redact *r = fresh(true, NULL);
    (void)state;
    shows(r, "/f/0123456789abcdef0123456789abcdef?q=hello+world&token=x",
          "/f/0123456789abcdef0123456789abcdef?q=hello+world&token=~");
    /* A target in a value, escaped as often as it went through a redirection. */
    shows(r, "/l?next=%2Fx%3Fa%3D1%26token%3DV&n=%2Fx%3Fa%3D1", "/l?next=~&n=%2Fx%3Fa%3D1");
    shows(r, "/l?next=%252Fx%253Ftoken%253DV&a=100%25&b=%zz%", "/l?next=~&a=100%25&b=%zz%");
    shows(r, "/l?next=https://h/x%23access_token%3DV", "/l?next=~");
    redact_free(r);
}

static void classes(void **state)
{
    struct redact *r = fresh(false, NULL);
    struct buf out = {0};
    (void)state;
    redact_target(r, SLICE("/0123456789abcdef0123456789abcdef"), REDACT_UNKNOWN, 0, &out);
    assert_int_equal(ascii_hex(out.p[13]) & 3, ROUTE_HEX);
    out.n = 0;
    redact_target(r, SLICE("/jo@example.com"), REDACT_UNKNOWN, 0, &out);
    assert_int_equal(ascii_hex(out.p[13]) & 3, ROUTE_EMAIL);
    out.n = 0;
    redact_target(r, SLICE("/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"), REDACT_UNKNOWN, 0, &out);
    assert_int_equal(ascii_hex(out.p[13]) & 3, ROUTE_JWT);
    buf_free(&out);
    redact_free(r);
}

static struct redact *strict_one(bool sealed)
{
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct redact_options o = {.strict = true, .sealed = sealed};
    return redact_new(&key, &o);
}

static void strict_hides_ids(void **state)
{
    struct redact *r = strict_one(false), *again = strict_one(true);
    (void)state;
    shows(r, "/v1/users/42/orders/2024-05-01", "/v1/users/~/orders/~");
    shows(r, "/u/550e8400-e29b-41d4-a716-446655440000/x", "/u/~/x");
    shows(r, "/u/01ARZ3NDEKTSV4RRFFQ69G5FAV/deadbee1/10.1.2.3/17.json", "/u/~/~/~/~.json");
    shows(r, "/u/cus_NffrFeUfNV2Hib9Zs/user-42/index.html/v2.1", "/u/cus_~/user-~/index.html/v2.1");
    shows(r, "/u/%34%32?page=2&from=2024-05-01&q=hello+world", "/u/~?page=2&from=2024-05-01&q=~");
    shows(r, "/p;v=42;w=blue/x", "/p;v=~;w=blue/x");
    shows(r, "http://10.1.2.3/users/42", "http://10.1.2.3/users/~");
    shows(r, "/f/sha256:" HEX "/123:" HEX, "/f/sha256:~/~:~");
    shows(r, "/top-10-ways/listMembers", "/top-10-ways/listMembers");
    shows(r, "/a/~0123456789aA", "/a/~");
    shows(r, "/%31%32%33:" HEX "/Users%2842%29", "/~:~/Users%28~%29");
    /* records: what was hidden stays, what stands beside it may be an id */
    shows(again, "/a/123-~0123456789ab/tok-~0123456789aA/~0123456789aB.json", "/a/~-~/tok-~/~.json");
    struct buf out = {0};
    redact_target(again, SLICE("/a/~0123456789aA/b"), REDACT_UNKNOWN, 0, &out);
    assert_true(slice_eq(slice_of(out.p, out.n), SLICE("/a/~0123456789aA/b")));
    buf_free(&out);
    redact_free(r);
    redact_free(again);
}

/* Routes say the same of both, and equal ids alone look equal. */
static void strict_keeps_routes(void **state)
{
    static const char *const segments[] = {"42",
                                           "-17",
                                           "43",
                                           "2024-05",
                                           "2024-05-01",
                                           "550e8400-e29b-41d4-a716-446655440000",
                                           "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                                           "deadbee1",
                                           "da39a3ee5e6b4b0d3255bfef95601890afd80709",
                                           "a@b.c",
                                           "10.1.2.3",
                                           "2001:db8::1",
                                           "eyJhbGciOi.eyJzdWIi.c2ln",
                                           "dQw4w9WgXcQ2fL9sKqZ1",
                                           "17.json",
                                           "550e8400-e29b-41d4-a716-446655440000.PDF",
                                           "cus_NffrFeUfNV2Hib9Zs",
                                           "user-42",
                                           "img_deadbee1",
                                           "users",
                                           "v1",
                                           "top-10-ways",
                                           "tok-" HEX,
                                           "sha256:" HEX,
                                           "Users(42)"};
    enum { N = sizeof segments / sizeof *segments };
    struct redact *r = strict_one(false);
    struct buf out[N] = {{0}};
    char one[ROUTE_LABEL], two[ROUTE_LABEL];
    (void)state;
    for (size_t i = 0; i < N; i++) {
        redact_target(r, slice_str(segments[i]), REDACT_UNKNOWN, 0, &out[i]);
        struct slice shown = slice_of(out[i].p, out[i].n), was = slice_str(segments[i]);
        struct route_label a = route_label(was, one), b = route_label(shown, two);
        assert_true(i >= N - 2 || slice_eq(a.text, b.text)); /* the last two have classes now */
        assert_true(i >= N - 2 || a.kind == b.kind);
        assert_int_equal(slice_eq(shown, was), a.kind == ROUTE_LITERAL && i < N - 2);
        for (size_t k = 0; k < i; k++)
            assert_false(slice_eq(shown, slice_of(out[k].p, out[k].n)));
    }
    for (size_t i = 0; i < N; i++)
        buf_free(&out[i]);
    redact_free(r);
}

static void long_targets_are_bounded(void **state)
{
    struct redact *r = fresh(false, NULL);
    struct buf target = {0}, out = {0};
    (void)state;
    for (int i = 0; i < 20000; i++)
        buf_str(&target, "/abc");
    redact_target(r, slice_of(target.p, target.n), REDACT_UNKNOWN, 0, &out);
    assert_in_range(out.n, 16 * 1024 - 4, 16 * 1024);
    buf_free(&target);
    buf_free(&out);
    redact_free(r);
}

static bool is_uuid_shape(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] != '-' : s.p[i] != '-' && ascii_hex(s.p[i]) < 0)
            return false;
    return s.n == 36;
}

static bool harmless_segment(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80 || s.p[i] <= '%' || strchr("@;?<=>", s.p[i]))
            return false;
    return (s.n < 2 || s.p[1] != 'y') && (s.n < PIECE_LEAST || is_uuid_shape(s));
}

/* As the definition says it, a segment after the other. */
static bool harmless(struct slice path)
{
    for (size_t at = 0; at <= path.n; at = slice_find(path, '/', at) + 1)
        if (!harmless_segment(slice_sub(path, at, slice_find(path, '/', at))))
            return false;
    return true;
}

static size_t random_path(char *out)
{
    static const char *const pieces[] = {"/",
                                         "/",
                                         "a",
                                         "y",
                                         "ey",
                                         "v1",
                                         "users",
                                         "550e8400-e29b-41d4-a716-446655440000",
                                         "550E8400-e29b-41d4-a716--4665544000g",
                                         "--------------------------f---------",
                                         "0123456789abcdef0123456789abcde"};
    size_t n = 0, most = (size_t)rand() % 80;
    while (n < most) {
        const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)];
        memcpy(out + n, piece, strlen(piece));
        n += strlen(piece);
        if (n && rand() % 64 == 0)
            out[(size_t)rand() % n] = "@%;#?\0\x80\xff/y$&:<=>A\x7f"[rand() % 18];
    }
    return n;
}

static void harmless_paths(void **state)
{
    unsigned yes = 0, no = 0;
    (void)state;
    srand(7);
    for (int i = 0; i < 200000; i++) {
        char text[128];
        size_t n = random_path(text);
        char *exact = malloc(n + !n); /* so that a sanitizer sees what is read beyond */
        memcpy(exact, text, n);
        bool is = harmless(slice_of(exact, n));
        assert_int_equal(piece_harmless(slice_of(exact, n)), is);
        yes += is;
        no += !is;
        free(exact);
    }
    assert_true(yes > 10000 && no > 10000);
}

/* A query as most are, or nearly so. */
static void random_query(char out[256])
{
    static const char *const names[] = {"sort",   "page",         "q",     "_",
                                        "cursor", "access_token", "a%20b", "",
                                        "id[0]",  "apiKey",       "eyJx",  "a-name-that-is-longer-than-thirty"};
    static const char *const values[] = {
        "asc",           "17",         "-3",     "-",   "--",  "2024-05-01", "2024-05",           "",
        "d2a34fca",      "2024-05-0x", "a_word", "a=b", "a.b", "x?y;z",      "a thirteen-letter", "\xc3\xa4",
        "~0123456789ab", "%41"};
    static const char *const paths[] = {"/",
                                        "/api/v1/carts/7",
                                        "//h/x",
                                        "/jo@example.com",
                                        "*",
                                        "/a/b;c=d",
                                        "/files/550e8400-e29b-41d4-a716-446655440000/a-path-that-is-longer-than-64"};
    size_t n = (size_t)sprintf(out, "%s", paths[(size_t)rand() % (sizeof paths / sizeof *paths)]);
    for (int i = rand() % 5; i >= 0 && n < 150; i--) {
        const char *name = names[(size_t)rand() % (sizeof names / sizeof *names)];
        const char *value = values[(size_t)rand() % (sizeof values / sizeof *values)];
        n += (size_t)sprintf(out + n, "%c%s%s", strchr(out, '?') ? '&' : '?', name, rand() % 16 ? "=" : "");
        n += (size_t)sprintf(out + n, rand() % 4 ? "%s" : "%s%d", value, rand() % 40);
    }
}

/* What is usual is shown as anything is: behind a `#` it is no longer usual. */
static void usual_queries(void **state)
{
    (void)state;
    srand(11);
    for (int clear = 0; clear < 2; clear++) {
        struct redact *usual = fresh(clear, NULL), *any = fresh(clear, NULL);
        for (int i = 0; i < 60000; i++) {
            char target[256];
            struct buf a = {0}, b = {0};
            random_query(target);
            char *exact = malloc(strlen(target)); /* so that a sanitizer sees what is read beyond */
            memcpy(exact, target, strlen(target));
            redact_target(usual, slice_of(exact, strlen(target)), REDACT_UNKNOWN, 0, &a);
            buf_char(&a, '#');
            redact_target(any, slice_str(strcat(target, "#")), REDACT_UNKNOWN, 0, &b);
            assert_true(slice_eq(slice_of(a.p, a.n), slice_of(b.p, b.n)));
            buf_free(&a);
            buf_free(&b);
            free(exact);
        }
        redact_free(usual);
        redact_free(any);
    }
}

/* However many parameters come in whatever order: of each the first sixteen words are shown, of the first 1024. */
static void many_parameters(void **state)
{
    enum { NAMES = 1500, VALUES = 24, KNOWN = 1024 };
    static bool seen[NAMES][VALUES];
    static unsigned shown[NAMES];
    struct redact *r = fresh(false, NULL);
    unsigned known = 0;
    (void)state;
    srand(3);
    for (int i = 0; i < 120000; i++) {
        unsigned name = (unsigned)rand() % (i < 60000 ? 40 : NAMES), value = (unsigned)rand() % VALUES;
        char target[64], pattern[64];
        bool first = !shown[name];
        if (first && known < KNOWN)
            known++, shown[name] = 1; /* one more than are shown; 0: not known */
        if (shown[name] && !seen[name][value] && shown[name] <= 16)
            seen[name][value] = true, shown[name]++;
        snprintf(target, sizeof target, "/a?n%u=word%c", name, (char)('a' + value));
        snprintf(pattern, sizeof pattern, "/a?n%u=~", name);
        shows(r, target, seen[name][value] ? target : pattern);
    }
    assert_int_equal(known, KNOWN);
    redact_free(r);
}

static void hidden_as_hex(void **state)
{
    struct redact *r = fresh(false, NULL);
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    (void)state;
    for (int i = 0; i < 10000; i++) {
        char out[REDACTED + 1] = "", want[32];
        struct slice value = slice_of(&i, sizeof i);
        redact_hide(r, value, -1, out);
        snprintf(want, sizeof want, "~%012llx", (unsigned long long)redact_id(&key, value));
        assert_string_equal(out, want);
    }
    redact_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(targets),
                                       cmocka_unit_test(harmless_paths),
                                       cmocka_unit_test(usual_queries),
                                       cmocka_unit_test(many_parameters),
                                       cmocka_unit_test(hidden_as_hex),
                                       cmocka_unit_test(pieces),
                                       cmocka_unit_test(escapes),
                                       cmocka_unit_test(names),
                                       cmocka_unit_test(user_and_password),
                                       cmocka_unit_test(sealed),
                                       cmocka_unit_test(sixteen_words),
                                       cmocka_unit_test(clear_targets),
                                       cmocka_unit_test(classes),
                                       cmocka_unit_test(strict_hides_ids),
                                       cmocka_unit_test(strict_keeps_routes),
                                       cmocka_unit_test(long_targets_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
