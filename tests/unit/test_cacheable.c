/* Rules of what may fill a slot, dates, lifetimes, contents, Vary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "analysis/cacheable.h"
#include "analysis/copies.h"
#include "analysis/etags.h"
#include "analysis/httpdate.h"
#include "analysis/vary.h"

static void dates(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: no date */
    } t[] = {{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
             {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
             {"Sun Nov  6 08:49:37 1994", 784111777},
             {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
             {"Tue, 29 Feb 2028 12:00:00 GMT", 1835438400},
             {"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
             {"0", -1},
             {"", -1},
             {"Sun, 06 Nov 1994 08:49 GMT", -1},
             {"Sun, 06 Nov 1994 08:49:37 CET", -1},
             {"Sun, 06 Nox 1994 08:49:37 GMT", -1},
             {"never", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int64_t got = -1;
        assert_int_equal(httpdate_parse(slice_str(t[i].text), &got), t[i].seconds >= 0);
        assert_int_equal(got, t[i].seconds);
    }
}

static void lifetimes(void **state)
{
    static const struct {
        const char *cache_control, *expires, *date;
        int64_t seconds;
    } t[] = {{"max-age=60", NULL, NULL, 60},
             {"public, max-age=60, s-maxage=7", NULL, NULL, 7},
             {"max-age=60, max-age=30", NULL, NULL, 30},
             {"max-age=\"90\"", NULL, NULL, 90},
             {"max-age=x", NULL, NULL, 0},
             {"max-age=", NULL, NULL, 0},
             {"max-age=99999999999999999999", NULL, NULL, INT32_MAX},
             {"s-maxage=0, max-age=60", NULL, NULL, 0},
             {"no-store", NULL, NULL, 0},
             {NULL, "Sun, 06 Nov 1994 08:50:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", 60},
             {NULL, "Sun, 06 Nov 1994 08:48:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", 0},
             {NULL, "Sun, 06 Nov 1994 08:50:37 GMT", NULL, 160},
             {NULL, "0", NULL, 0},
             {"max-age=5", "Sun, 06 Nov 1994 08:50:37 GMT", NULL, 5},
             {NULL, NULL, NULL, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_int_equal(
            cacheable_lifetime(slice_str(t[i].cache_control), slice_str(t[i].expires), slice_str(t[i].date), 784111677),
            t[i].seconds);
}

static void fills(void **state)
{
    static const uint16_t yes[] = {200, 203, 204, 300, 301, 304, 308}, maybe[] = {404, 405, 410, 414, 501},
                          no[] = {0, 101, 201, 202, 206, 302, 303, 307, 400, 401, 403, 416, 429, 500, 502, 503};
    enum negative n;
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(cacheable_fills(yes[i], &n) && n == NEGATIVE_NO);
    for (size_t i = 0; i < sizeof maybe / sizeof *maybe; i++)
        assert_true(cacheable_fills(maybe[i], &n) && n == NEGATIVE_MAYBE);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(cacheable_fills(no[i], &n));
    assert_true(cacheable_eligible(true, 500, true));
    assert_false(cacheable_eligible(true, 200, false));
    assert_false(cacheable_eligible(true, 0, true));
    assert_false(cacheable_eligible(false, 200, true));
}

static void contents(void **state)
{
    static const struct slice plain = {NULL, 0};
    (void)state;
    assert_int_equal(cacheable_content(0, plain), 0);
    assert_int_not_equal(cacheable_content((uint64_t)1 << 62, plain), 0);
    assert_true(cacheable_comparable(cacheable_content(5, plain), cacheable_content(6, SLICE("identity"))));
    assert_false(cacheable_comparable(cacheable_content(5, plain), cacheable_content(5, SLICE("gzip"))));
    assert_true(cacheable_comparable(cacheable_content(5, SLICE("x-gzip")), cacheable_content(6, SLICE("GZIP"))));
    assert_false(cacheable_comparable(cacheable_content(5, SLICE("br")), cacheable_content(5, SLICE("zstd"))));
    assert_true(slice_eq(cacheable_single_tag(SLICE(" W/\"a,b\" ")), SLICE("W/\"a,b\"")));
    assert_null(cacheable_single_tag(SLICE("\"a\", \"b\"")).p);
    assert_null(cacheable_single_tag(SLICE("*")).p);
    assert_null(cacheable_single_tag(plain).p);
}

static void encodings(void **state)
{
    static const struct {
        const char *accept, *want;
    } t[] = {{"gzip, deflate, br", "br"},
             {"gzip;q=0.5, zstd", "zstd"},
             {"br;q=0, gzip", "gzip"},
             {"br; q=0.000,zstd;q=0", "identity"},
             {"x-gzip", "gzip"},
             {"identity", "identity"},
             {"", "identity"},
             {"GZIP ; q=1", "gzip"},
             {"br;q=0.001", "br"}};
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_true(slice_eq(vary_encoding(slice_str(t[i].accept)), slice_str(t[i].want)));
}

static struct exchange with(const struct field *fields, uint8_t n)
{
    return (struct exchange){.fields = fields, .n_fields = n};
}

static void variants(void **state)
{
    struct hash_key key = hash_key_from("k", 1);
    struct vary *v = vary_new(&key);
    struct field gzip = {SLICE("accept-encoding"), SLICE("gzip, deflate"), TOKEN_ACCEPT_ENCODING, false};
    struct field gzip2 = {SLICE("accept-encoding"), SLICE("deflate,gzip"), TOKEN_ACCEPT_ENCODING, false};
    struct field tenant = {SLICE("x-tenant"), SLICE("a"), TOKEN_OTHER, false};
    struct exchange none = with(NULL, 0), a = with(&gzip, 1), b = with(&gzip2, 1), t = with(&tenant, 1);
    (void)state;
    uint32_t list = vary_list(v, SLICE("Accept-Encoding")), other = vary_list(v, SLICE("x-tenant"));
    assert_int_equal(list, 1);
    assert_int_equal(vary_list(v, SLICE(" accept-encoding ,Accept-Encoding")), 1);
    assert_int_equal(vary_list(v, SLICE("X-Tenant, Accept-Encoding")), vary_list(v, SLICE("accept-encoding,x-tenant")));
    assert_int_equal(vary_list(v, SLICE("")), 0);
    assert_int_equal(vary_list(v, SLICE(" , ")), 0);
    assert_int_equal(vary_variant(v, 0, &a).hash, 0);
    assert_int_equal(vary_variant(v, list, &a).hash, vary_variant(v, list, &b).hash);
    assert_int_not_equal(vary_variant(v, list, &a).hash, vary_variant(v, list, &none).hash);
    assert_int_not_equal(vary_variant(v, other, &t).hash, vary_variant(v, other, &none).hash);
    tenant.value = SLICE(" a ");
    uint32_t trimmed = vary_variant(v, other, &t).hash;
    tenant.value = SLICE("a");
    assert_int_equal(trimmed, vary_variant(v, other, &t).hash);
    tenant.value = SLICE("");
    assert_int_not_equal(vary_variant(v, other, &t).hash, vary_variant(v, other, &none).hash);
    assert_int_equal(vary_variant(v, other, &t).accepts, 0);
    assert_false(vary_star(v, list));
    assert_true(vary_star(v, vary_list(v, SLICE("accept, *"))));
    assert_true(slice_eq(vary_text(v, other), SLICE("x-tenant")));
    vary_free(v);
}

static void tags_go_oldest_first(void **state)
{
    struct etags e;
    (void)state;
    assert_true(etags_init(&e, 100));
    for (uint32_t i = 1; i <= 150; i++)
        etags_learn(&e, 7, i, i * 3);
    etags_learn(&e, 7, 150, 1);
    assert_int_equal(e.evicted, 50);
    assert_int_equal(etags_content(&e, 7, 50), 0);
    assert_int_equal(etags_content(&e, 7, 51), 153);
    assert_int_equal(etags_content(&e, 7, 150), 1);
    assert_int_equal(etags_content(&e, 8, 150), 0);
    etags_fini(&e);
}

static uint32_t accepts_of(struct vary *v, const char *said)
{
    struct field f = {SLICE("accept-encoding"), slice_str(said), TOKEN_ACCEPT_ENCODING, false};
    struct exchange x = with(&f, said ? 1 : 0);
    return vary_variant(v, vary_list(v, SLICE("accept-encoding")), &x).accepts;
}

/* What products make of Accept-Encoding: nginx takes its members as they stand, Varnish nothing of it. */
static void accept_encoding_of_products(void **state)
{
    struct hash_key key = hash_key_from("k", 1);
    struct vary *v = vary_new(&key);
    struct field f[2] = {{SLICE("accept-encoding"), SLICE("gzip"), TOKEN_ACCEPT_ENCODING, false},
                         {SLICE("x-tenant"), SLICE("a"), TOKEN_OTHER, false}};
    (void)state;
    uint32_t both = vary_list(v, SLICE("Accept-Encoding, X-Tenant"));
    struct exchange x = with(f, 2), y;
    struct variant gzip = vary_variant(v, both, &x), other, none;
    f[0].value = SLICE("br, gzip");
    other = vary_variant(v, both, &x);
    y = with(f + 1, 1);
    none = vary_variant(v, both, &y);
    assert_true(gzip.hash != other.hash && gzip.hash != none.hash && other.hash != none.hash);
    for (int p = 0; p < TTLCACHE_PROFILES; p++) {
        bool apart = p == TTLCACHE_NGINX || p == TTLCACHE_EXACT;
        assert_int_equal(apart,
                         copies_variant(p, gzip.hash, gzip.accepts) != copies_variant(p, other.hash, other.accepts));
        assert_int_equal(apart,
                         copies_variant(p, gzip.hash, gzip.accepts) != copies_variant(p, none.hash, none.accepts));
        assert_int_equal(copies_variant(p, 77, 0), 77);
    }
    f[0].value = SLICE("gzip");
    f[1].value = SLICE("b");
    struct variant tenant = vary_variant(v, both, &x);
    for (int p = 0; p < TTLCACHE_PROFILES; p++)
        assert_true(copies_variant(p, gzip.hash, gzip.accepts) != copies_variant(p, tenant.hash, tenant.accepts));
    assert_int_equal(accepts_of(v, "gzip, br"), accepts_of(v, " gzip ,,br "));
    assert_true(accepts_of(v, "gzip, br") != accepts_of(v, "br, gzip"));
    assert_int_equal(accepts_of(v, "gzip, br") & 31, ACCEPTS_GZIP | ACCEPTS_BR | ACCEPTS_NAMED);
    assert_int_equal(accepts_of(v, "br;q=0, x-gzip, *") & 31, ACCEPTS_GZIP | ACCEPTS_NAMED | ACCEPTS_ANY);
    assert_int_equal(accepts_of(v, "identity, *;q=0") & 31, ACCEPTS_NAMED);
    assert_int_equal(accepts_of(v, NULL) & 31, ACCEPTS_NAMED | ACCEPTS_ANY);
    assert_true(copies_kept(TTLCACHE_HAPROXY, SLICE("accept-encoding, referer")));
    assert_false(copies_kept(TTLCACHE_HAPROXY, SLICE("accept-encoding, accept-language")));
    assert_true(copies_kept(TTLCACHE_NGINX, SLICE("accept-encoding, accept-language")));
    char names[129];
    memset(names, 'a', sizeof names);
    assert_true(copies_kept(TTLCACHE_NGINX, slice_of(names, 128)));
    assert_false(copies_kept(TTLCACHE_NGINX, slice_of(names, 129)));
    assert_true(copies_kept(TTLCACHE_VARNISH, slice_of(names, 129)));
    for (int p = 0; p < TTLCACHE_PROFILES; p++) {
        assert_true(copies_filled_by(p, 200, false));
        assert_int_equal(copies_filled_by(p, 404, false), p == TTLCACHE_EXACT);
        assert_int_equal(copies_filled_by(p, 304, false), p != TTLCACHE_HAPROXY);
        assert_int_equal(copies_filled_by(p, 200, true), p != TTLCACHE_HAPROXY);
        assert_int_equal(copies_asked_past(p, true), p == TTLCACHE_HAPROXY);
        assert_false(copies_asked_past(p, false));
    }
    vary_free(v);
}

/* HAProxy: one coded copy serves all who accept it, the oldest first; one that is old is dropped, and another that
 * would fit goes when a new one is kept. */
static void copies_of_haproxy(void **state)
{
    enum { S = 1000000, TTL = 5 * S, GZIP = ACCEPTS_NAMED | ACCEPTS_GZIP };
    struct ttlcache_slot s[COPIES_CODINGS] = {[0] = {.filled = true, .fresh_from = 3 * S}, [1] = {.filled = true}};
    struct ttlcache_slot *copy[COPIES_CODINGS] = {&s[0], &s[1], &s[2], NULL};
    (void)state;
    assert_ptr_equal(copies_choose(copy, GZIP, TTL, 4 * S), &s[1]);
    assert_ptr_equal(copies_choose(copy, ACCEPTS_NAMED, TTL, 4 * S), &s[0]);
    assert_ptr_equal(copies_choose(copy, ACCEPTS_NAMED | ACCEPTS_ANY, TTL, 4 * S), &s[1]);
    assert_null(copies_choose(copy, ACCEPTS_NAMED, TTL, 5 * S)); /* the oldest of all is old */
    assert_true(!s[1].filled && s[0].filled);
    copies_replace(copy, GZIP, TTL, 5 * S);
    assert_false(s[0].filled);
    assert_null(copies_choose(copy, GZIP, TTL, 5 * S));
    assert_int_equal(copies_coding(0, GZIP), 1);
    assert_int_equal(copies_coding(0, ACCEPTS_NAMED), 0);
    assert_int_equal(copies_coding(cacheable_content(5, SLICE("br")), GZIP), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(lifetimes),
        cmocka_unit_test(fills),
        cmocka_unit_test(contents),
        cmocka_unit_test(encodings),
        cmocka_unit_test(variants),
        cmocka_unit_test(accept_encoding_of_products),
        cmocka_unit_test(copies_of_haproxy),
        cmocka_unit_test(tags_go_oldest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
