/* Who a client is: the order of evidence, and forwarding headers that may lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "capture/head.h"
#include "capture/identity.h"

static struct addr address(const char *text)
{
    struct addr a;
    assert_true(addr_parse(slice_str(text), &a));
    return a;
}

static struct identity_of who(const char *proxies, const char *peer, const char *target, const char *fields)
{
    static char raw[4096];
    static struct head head;
    char why[128];
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct identifier *i = identifier_new(&key, proxies, why);
    struct addr from = address(peer);
    assert_non_null(i);
    snprintf(raw, sizeof raw, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, fields);
    assert_int_equal(head_request(&head, slice_str(raw), false), HEAD_DONE);
    struct rawhead h = {raw, (uint32_t)head.raw.n, head.n_fields, head.fields, head.method, head.target, head.version};
    struct identity_of found = identifier_find(i, &h, &from);
    identifier_free(i);
    return found;
}

static void order_of_evidence(void **state)
{
    (void)state;
    const char *p = "10.0.0.9";
    assert_int_equal(who(NULL, p, "/", "").kind, IDENTITY_ADDRESS);
    assert_int_equal(who(NULL, p, "/", "Cookie: a=b; PHPSESSID=0123456789\r\n").kind, IDENTITY_COOKIE);
    assert_int_equal(who(NULL, p, "/", "Cookie: sid=short\r\n").kind, IDENTITY_ADDRESS);
    assert_int_equal(who(NULL, p, "/", "Cookie: sid=0123456789\r\nAuthorization: Bearer x\r\n").kind, IDENTITY_BEARER);
    assert_int_equal(who(NULL, p, "/", "authorization: basic dXNlcjpwYXNz\r\n").kind, IDENTITY_BASIC);
    assert_int_equal(who(NULL, p, "/", "Authorization: Bearer x\r\nX-API-Key: k\r\n").kind, IDENTITY_APIKEY);
    assert_int_equal(who(NULL, p, "/?a=1&api_key=zz", "").kind, IDENTITY_APIKEY);
    assert_int_equal(who(NULL, p, "/", "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJqbyJ9.x\r\n").kind,
                     IDENTITY_JWT);
}

static void sameness(void **state)
{
    (void)state;
    /* Basic: the user, not the password (user:pass, user:word). JWT: the subject, not the token. */
    assert_int_equal(who(NULL, "10.0.0.1", "/", "Authorization: Basic dXNlcjpwYXNz\r\n").hash,
                     who(NULL, "10.0.0.2", "/", "Authorization: Basic dXNlcjp3b3Jk\r\n").hash);
    assert_int_equal(
        who(NULL, "10.0.0.1", "/", "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJqbyJ9.x\r\n").hash,
        who(NULL, "10.0.0.2", "/", "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJqbyJ9.y\r\n").hash);
    assert_int_not_equal(who(NULL, "10.0.0.1", "/", "").hash, who(NULL, "10.0.0.2", "/", "").hash);
    assert_int_equal(who(NULL, "2001:db8::1", "/", "").hash, who(NULL, "2001:db8::2", "/", "").hash); /* one /64 */
}

static void forwarding(void **state)
{
    const char *xff = "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.5\r\n";
    (void)state;
    assert_int_equal(who(NULL, "10.0.0.9", "/", xff).kind, IDENTITY_ADDRESS);
    assert_int_equal(who("192.168.0.0/16", "10.0.0.9", "/", xff).kind,
                     IDENTITY_ADDRESS); /* the peer is no proxy of ours */
    struct identity_of real = who("10.0.0.0/8", "10.0.0.9", "/", xff);
    assert_int_equal(real.kind, IDENTITY_FORWARDED);
    assert_int_equal(real.hash, who("10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: 203.0.113.7\r\n").hash);
    assert_int_equal(real.hash,
                     who("10.0.0.0/8", "10.0.0.9", "/", "Forwarded: for=\"203.0.113.7:4711\";proto=https\r\n").hash);
    assert_int_equal(real.hash, who("10.0.0.0/8", "10.0.0.9", "/",
                                    "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-For: 10.0.0.5\r\n")
                                    .hash);
    assert_int_equal(who("10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: nonsense\r\n").kind, IDENTITY_ADDRESS);
}

/* Behind none to three proxies, each of which appends whom it heard; what the client made up stands on the left. */
static void spoofed(void **state)
{
    static const char *const proxies[] = {NULL, "10.0.0.1", "10.0.0.1,10.0.0.2", "10.0.0.1,10.0.0.2/31"};
    static const char *const said[] = {"6.6.6.6", "6.6.6.6, 203.0.113.7", "6.6.6.6, 203.0.113.7, 10.0.0.2",
                                       "6.6.6.6, 203.0.113.7, 10.0.0.3, 10.0.0.2"};
    static const char *const forms[] = {"X-Forwarded-For: %s\r\n", "Forwarded: %s\r\n"};
    (void)state;
    uint64_t real = who("10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: 203.0.113.7\r\n").hash,
             made_up = who("10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: 6.6.6.6\r\n").hash;
    assert_int_not_equal(real, made_up);
    for (int n = 0; n <= 3; n++)
        for (int form = 0; form < 2; form++) {
            char list[256] = "", field[320];
            struct slice rest = slice_str(said[n]), item;
            while (slice_next(&rest, ',', &item)) {
                size_t at = strlen(list);
                item = slice_trim(item);
                snprintf(list + at, sizeof list - at, "%s%s%.*s", at ? ", " : "", form ? "for=" : "", (int)item.n,
                         item.p);
            }
            snprintf(field, sizeof field, form ? forms[1] : forms[0], list);
            struct identity_of one = who(proxies[n], n ? "10.0.0.1" : "203.0.113.7", "/", field);
            assert_int_equal(one.kind, n ? IDENTITY_FORWARDED : IDENTITY_ADDRESS);
            assert_int_equal(one.hash, n ? real : who(NULL, "203.0.113.7", "/", "").hash);
            /* A proxy fewer is trusted than there are: the first untrusted one counts, never what was made up. */
            if (n > 1)
                assert_int_not_equal(who(proxies[n - 1], "10.0.0.1", "/", field).hash, made_up);
            /* A credential comes before, whatever is forwarded. */
            strcat(field, "X-Api-Key: k\r\n");
            assert_int_equal(who(proxies[n], "10.0.0.1", "/", field).kind, IDENTITY_APIKEY);
        }
}

static void bad_proxies(void **state)
{
    char why[128];
    struct hash_key key = {1, 2, 3};
    (void)state;
    assert_null(identifier_new(&key, "10.0.0.0/8,bad", why));
    assert_null(identifier_new(&key, "10.0.0.0/33", why));
}

static void every_token_is_found(void **state)
{
    (void)state;
    for (int t = 1; t < TOKEN_COUNT; t++) {
        char upper[64];
        size_t n = strlen(token_name((enum token)t));
        for (size_t i = 0; i <= n; i++) {
            char c = token_name((enum token)t)[i];
            upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        }
        assert_int_equal(token_find(slice_str(token_name((enum token)t))), t);
        assert_int_equal(token_find(slice_of(upper, n)), t);
    }
    assert_int_equal(token_find(SLICE("x-unknown")), TOKEN_OTHER);
    assert_int_equal(token_find(SLICE("")), TOKEN_OTHER);
}

/* A network says so, and is never more of an address than its own bits. */
static void networks(void **state)
{
    static const struct {
        const char *whole, *network;
    } table[] = {{"203.0.113.77:5000", "203.0.113.0/24"},
                 {"203.0.113.0", "203.0.113.0/24"},
                 {"[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1::/48"},
                 {"2001:db8:1::", "2001:db8:1::/48"}};
    static const char *const bad[] = {"203.0.113.0/23",    "203.0.113.0/",   "2001:db8::/24", "/24",
                                      "203.0.113.0:80/24", "[2001:db8::]/48"};
    char text[56];
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct addr a = address(table[i].whole), n = addr_network(&a), again;
        assert_true(slice_eq(slice_of(text, addr_format(&n, true, text)), slice_str(table[i].network)));
        assert_true(slice_eq(slice_of(text, addr_format(&n, false, text)), slice_str(table[i].network)));
        assert_true(addr_parse(slice_str(table[i].network), &again));
        assert_true(again.known == ADDR_NETWORK && !again.port && memcmp(again.ip, n.ip, 16) == 0);
        again = addr_network(&n);
        assert_memory_equal(again.ip, n.ip, 16);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(addr_parse(slice_str(bad[i]), &(struct addr){0}));
    struct addr none = {0};
    assert_int_equal(addr_network(&none).known, ADDR_NONE);
    /* nobody says in a header of whole networks that they asked */
    assert_int_equal(who("10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: 203.0.113.0/24\r\n").kind, IDENTITY_ADDRESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(order_of_evidence), cmocka_unit_test(sameness),
                                       cmocka_unit_test(forwarding),        cmocka_unit_test(spoofed),
                                       cmocka_unit_test(bad_proxies),       cmocka_unit_test(every_token_is_found),
                                       cmocka_unit_test(networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
