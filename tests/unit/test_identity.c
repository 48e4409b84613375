/* Who a client is: the order of evidence, and forwarding headers that may lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "capture/head.h"
#include "capture/identity.h"

static struct addr address(const char *text)
{
    struct addr a;
    assert_true(addr_parse(slice_str(text), &a));
    return a;
}

static struct idorder order; /* zeroed: the usual one */

static struct identity_of find(struct identifier *i, const struct rawhead *h, struct slice target,
                               const struct addr *peer, uint64_t certificate)
{
    static unsigned expected; /* every other one is asked for ahead */
    struct asking asks;
    uint64_t who = certificate ? identity_packed(IDENTITY_MTLS, certificate) : 0;
    if (!certificate && expected % 4 < 2)
        who = identity_packed(IDENTITY_ADDRESS, identifier_address(i, peer));
    asking_begin(&asks, h, peer, who, expected % 2 ? identifier_expect(i, h, 0) : 0);
    expected++;
    for (unsigned n = 0; n < h->n_fields; n++) {
        const struct rawfield *f = &h->fields[n];
        if (identifier_reads(i, f->token) && (f->token || identifier_named(i, raw_name(h, f))))
            asking_field(&asks, i, f->token, raw_value(h, f));
    }
    asking_query(&asks, i, slice_sub(target, slice_find(target, '?', 0) + 1, target.n));
    return identifier_find(i, &asks);
}

static struct identity_of who_shows(uint64_t certificate, const char *proxies, const char *peer, const char *target,
                                    const char *fields)
{
    static char raw[4096];
    static struct head head;
    static struct known known;
    char why[128];
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct identifier *i = identifier_new(&key, proxies, &order, why);
    struct addr from = address(peer);
    assert_non_null(i);
    snprintf(raw, sizeof raw, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, fields);
    assert_int_equal(head_request(&head, &known, slice_str(raw), false), HEAD_DONE);
    struct rawhead h = {raw, (uint32_t)head.raw.n, head.n_fields, false, head.fields};
    struct identity_of found = find(i, &h, head.target, &from, certificate);
    identifier_free(i);
    return found;
}

static struct identity_of who(const char *proxies, const char *peer, const char *target, const char *fields)
{
    return who_shows(0, proxies, peer, target, fields);
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
    assert_true(who(NULL, p, "/", "Authorization: Bearer  x\r\n").hash ==
                who(NULL, p, "/", "Authorization: bEARER x\r\n").hash);
    assert_true(who(NULL, p, "/", "Authorization: Bearer\r\n").hash !=
                who(NULL, p, "/", "Authorization: Bearer x\r\n").hash);
    assert_int_equal(who(NULL, p, "/", "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJqbyJ9.x\r\n").kind,
                     IDENTITY_JWT);
}

static struct identity_of authorized(const char *value)
{
    char field[512];
    snprintf(field, sizeof field, "Authorization: %s\r\n", value);
    return who(NULL, "10.0.0.9", "/", field);
}

/* Who signs each request anew is one client all the same. */
static void signed_requests(void **state)
{
    static const struct {
        enum identity kind;
        const char *one, *same, *other;
    } cases[] = {
        {IDENTITY_BASIC,
         "Digest username=\"jo\", realm=\"a, b\", uri=\"/a,username=x\", response=\"00ff\", nc=00000001",
         "Digest response=\"11ee\",nc=00000002,username=\"jo\"", "digest username=\"jim\", response=\"00ff\""},
        {IDENTITY_BEARER,
         "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=aa",
         "AWS4-HMAC-SHA256 Credential=AKIA1/20260102/eu/s3/aws4_request,SignedHeaders=host,Signature=bb",
         "AWS4-HMAC-SHA256 Credential=AKIA2/20260102/eu/s3/aws4_request,SignedHeaders=host,Signature=bb"},
        {IDENTITY_BEARER, "AWS AKIA1:c2ln", "AWS AKIA1:b3RoZXI=", "AWS AKIA2:c2ln"},
        {IDENTITY_BEARER, "HMAC-SHA256 Credential=app&SignedHeaders=date;host&Signature=xx==",
         "HMAC-SHA256 Credential=app&SignedHeaders=date;host&Signature=yy==",
         "HMAC-SHA256 Credential=apq&SignedHeaders=date;host&Signature=yy=="},
        {IDENTITY_BEARER, "Hawk id=\"dh37\", ts=\"1\", nonce=\"j4\", mac=\"6R4=\"", "Hawk mac=\"7=\", id=\"dh37\"",
         "Hawk id=\"dh38\", mac=\"6R4=\""},
        {IDENTITY_BEARER, "Signature keyId=\"k\\\"1\",algorithm=\"hs2019\",signature=\"aa\"",
         "Signature signature=\"bb\",keyId=\"k\\\"1\"", "Signature keyId=\"k\\\"2\",signature=\"aa\""},
        {IDENTITY_BEARER, "OAuth oauth_consumer_key=\"app\", oauth_token=\"t1\", oauth_signature=\"s\"",
         "OAuth oauth_consumer_key=\"app\", oauth_token=\"t1\", oauth_signature=\"u\"",
         "OAuth oauth_consumer_key=\"app\", oauth_token=\"t2\", oauth_signature=\"s\""},
        /* Nothing in it signs, or names: the whole counts. */
        {IDENTITY_BEARER, "Token id=1", "Token id=1", "Token id=2"},
        {IDENTITY_BEARER, "Custom signature=aa", "Custom signature=aa", "Custom signature=bb"},
        {IDENTITY_BEARER, "Digest username=\"\", response=\"aa\"", "Digest username=\"\", response=\"aa\"",
         "Digest username=\"\", response=\"bb\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct identity_of one = authorized(cases[i].one), same = authorized(cases[i].same),
                           other = authorized(cases[i].other);
        assert_int_equal(one.kind, cases[i].kind);
        assert_int_equal(one.hash, same.hash);
        assert_int_not_equal(one.hash, other.hash);
    }
    assert_int_equal(authorized("Digest username=\"jo\", response=\"aa\"").hash,
                     authorized("Basic am86cGFzcw==").hash); /* jo:pass */
    assert_int_equal(authorized("DPoP eyJhbGciOiJub25lIn0.eyJzdWIiOiJqbyJ9.x").hash,
                     authorized("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJqbyJ9.y").hash);
    assert_int_equal(authorized("Negotiate YIIJ").kind, IDENTITY_ADDRESS);
    assert_int_equal(authorized("NTLM TlRM").kind, IDENTITY_ADDRESS);
    assert_true(authorized("NTLM TlRM").besides); /* it has a credential all the same */
    assert_false(authorized("AWS AKIA1:c2ln").besides);
    assert_int_equal(who(NULL, "10.0.0.9", "/", "Authorization: NTLM TlRM\r\nCookie: sid=0123456789\r\n").kind,
                     IDENTITY_COOKIE);
}

/* A key is found wherever it stands in a target, and nothing else is taken for one. */
static void keys_anywhere(void **state)
{
    static const char *const names[] = {"key", "KEY", "apikey", "api_key", "Api_Key", "monkey", "ky", "keys"};
    char target[256];
    (void)state;
    for (size_t name = 0; name < sizeof names / sizeof *names; name++)
        for (int before = 0; before < 40; before++)
            for (int behind = 0; behind < 20; behind++) {
                snprintf(target, sizeof target, "/%.*s?%s=x%.*s", before,
                         "a/b=c/d-ey/=abcdefghijklmnopqrstuvwxyz0123456789", names[name], behind,
                         "yzyzyzyzyzyzyzyzyzyzyz");
                assert_int_equal(who(NULL, "10.0.0.9", target, "").kind, name < 5 ? IDENTITY_APIKEY : IDENTITY_ADDRESS);
            }
}

/* A certificate stands between Authorization and the session cookie. */
static void order_of_certificates(void **state)
{
    (void)state;
    struct identity_of shown = who_shows(7, "10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: 203.0.113.7\r\n");
    assert_true(shown.kind == IDENTITY_MTLS && shown.hash == 7);
    assert_int_equal(who_shows(7, NULL, "10.0.0.9", "/", "Cookie: sid=0123456789\r\n").kind, IDENTITY_MTLS);
    assert_int_equal(who_shows(7, NULL, "10.0.0.9", "/", "Authorization: Bearer x\r\n").kind, IDENTITY_BEARER);
    assert_int_equal(who_shows(7, NULL, "10.0.0.9", "/?api_key=zz", "").kind, IDENTITY_APIKEY);
    struct hash_key key = hash_key_from("0123456789abcdef", 16), other = hash_key_from("0123456789abcdeg", 16);
    uint64_t a = identity_of_certificate(&key, SLICE("subject"));
    assert_true(a && a >> 48 == 0 && a != identity_of_certificate(&other, SLICE("subject")) &&
                a != identity_of_certificate(&key, SLICE("subject2")));
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

/* "{sub:12345}" with and without a time of issue, and others: a number names as a text does, as long as it is exact; an
 * empty text names nobody. */
static void odd_subjects(void **state)
{
#define JWT(claims) "eyJhbGciOiJub25lIn0." claims ".x"
    static const char *const same[][2] = {
        {"Bearer " JWT("eyJzdWIiOjEyMzQ1fQ"), "Bearer " JWT("eyJzdWIiOjEyMzQ1LCJpYXQiOjF9")}, /* 12345, its iat */
        {"Bearer " JWT("eyJhenAiOjd9"), "Bearer " JWT("eyJzdWIiOm51bGwsImF6cCI6N30")},        /* azp 7, sub null */
        {"Bearer " JWT("eyJjbGllbnRfaWQiOiJhcHAifQ"), "Bearer " JWT("eyJzdWIiOiIiLCJjbGllbnRfaWQiOiJhcHAifQ")},
        {"Bearer " JWT("eyJzdWIiOjEyMzQ1fQ"), "JWT " JWT("eyJzdWIiOjEyMzQ1LCJpYXQiOjF9")}, /* any scheme */
        {"Token " JWT("eyJzdWIiOjEyMzQ1fQ"), "jwt  " JWT("eyJzdWIiOjEyMzQ1LCJpYXQiOjF9")},
    };
    static const char *const other[][2] = {
        {"Bearer " JWT("eyJzdWIiOjEyMzQ1fQ"), "Bearer " JWT("eyJzdWIiOjEyMzQ2fQ")},
        {"Bearer " JWT("eyJzdWIiOjkwMDcxOTkyNTQ3NDA5OTN9"),
         "Bearer " JWT("eyJzdWIiOjkwMDcxOTkyNTQ3NDA5OTJ9")}, /* 2^53 */
        {"Bearer " JWT("eyJzdWIiOjEuNX0"), "Bearer " JWT("eyJzdWIiOjEuMjV9")},
    };
#undef JWT
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_int_equal(authorized(same[i][0]).kind, IDENTITY_JWT);
        assert_int_equal(authorized(same[i][0]).hash, authorized(same[i][1]).hash);
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_int_not_equal(authorized(other[i][0]).hash, authorized(other[i][1]).hash);
    assert_int_equal(authorized(other[1][0]).kind, IDENTITY_BEARER);
    /* ":pass", ":word", and what is no base64: no user is named, so they are not one client. */
    assert_int_equal(authorized("Basic OnBhc3M=").kind, IDENTITY_BASIC);
    assert_int_not_equal(authorized("Basic OnBhc3M=").hash, authorized("Basic Ondvcmq=").hash);
    assert_int_not_equal(authorized("Basic OnBhc3M=").hash, authorized("Basic !!!").hash);
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
    assert_int_equal(real.hash,
                     who("10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: ,203.0.113.7, ,10.0.0.5,\r\n").hash);
    /* A client that is in the proxies' networks itself: the outermost address, not the nearest proxy's. */
    struct identity_of inside = who("10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: 10.1.2.3, 10.0.0.5\r\n");
    assert_int_equal(inside.kind, IDENTITY_FORWARDED);
    assert_int_equal(inside.hash, who("10.0.0.0/8", "10.0.0.8", "/", "Forwarded: for=10.1.2.3\r\n").hash);
    assert_int_not_equal(inside.hash,
                         who("10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: 10.1.2.4, 10.0.0.5\r\n").hash);
    assert_int_equal(who("10.0.0.0/8", "10.0.0.9", "/", "X-Forwarded-For: unknown, 10.0.0.5\r\n").kind,
                     IDENTITY_ADDRESS);
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

/* Each order of each choice of words, of a request that has all and of those that lack what comes first: the first word
 * that is there tells, and a credential whose word is left out is told of. */
static void any_order(void **state)
{
    static const char *const fields[IDWORDS] = {[IDWORD_APIKEY] = "X-Api-Key: k\r\n",
                                                [IDWORD_AUTHORIZATION] = "Authorization: Basic dXNlcjpwYXNz\r\n",
                                                [IDWORD_COOKIE] = "Cookie: sid=0123456789\r\n",
                                                [IDWORD_FORWARDED] = "X-Forwarded-For: 203.0.113.7\r\n"};
    static const enum identity kinds[IDWORDS] = {IDENTITY_APIKEY, IDENTITY_BASIC,     IDENTITY_MTLS,
                                                 IDENTITY_COOKIE, IDENTITY_FORWARDED, IDENTITY_ADDRESS};
    unsigned orders = 0;
    (void)state;
    for (unsigned code = 0; code < 7776; code++) { /* five digits to the base of six; address: the end */
        unsigned n = 0, rest = code, had = 0;
        bool twice = false, ended = false;
        order = (struct idorder){0};
        for (int i = 0; i < 5; i++, rest /= IDWORDS) {
            unsigned w = rest % IDWORDS;
            twice |= (ended && w != IDWORD_ADDRESS) || (w != IDWORD_ADDRESS && had >> w & 1);
            ended |= w == IDWORD_ADDRESS;
            had |= 1u << w;
            if (w != IDWORD_ADDRESS && !twice)
                order.word[n++] = (uint8_t)w;
        }
        if (twice)
            continue;
        order.word[n++] = IDWORD_ADDRESS;
        order.n = (uint8_t)n;
        orders++;
        for (unsigned lacks = 0; lacks < n; lacks++) {
            char text[512] = "";
            bool besides = false;
            uint64_t certificate = 0;
            for (unsigned w = 0; w < IDWORDS; w++) {
                int place = idorder_place(&order, (enum idword)w);
                if ((!fields[w] && w != IDWORD_MTLS) || (place >= 0 && place < (int)lacks))
                    continue;
                strcat(text, fields[w] ? fields[w] : "");
                certificate = w == IDWORD_MTLS ? 7 : certificate;
                besides |= place < 0 && w != IDWORD_FORWARDED;
            }
            struct identity_of one = who_shows(certificate, "10.0.0.0/8", "10.0.0.9", "/", text);
            assert_int_equal(one.kind, kinds[order.word[lacks]]);
            assert_int_equal(one.besides, besides);
        }
    }
    order = (struct idorder){0};
    assert_int_equal(orders, 326); /* 5! (1 + 1 + 1/2 + 1/6 + 1/24 + 1/120) */
}

/* A key in the query names a client where keys do; else it is part of what is asked for, and no credential. */
static void keys_of_queries(void **state)
{
    char why[128];
    (void)state;
    assert_true(idorder_parse(SLICE("authorization,apikey"), &order, why));
    assert_int_equal(who(NULL, "10.0.0.1", "/?key=abc", "").kind, IDENTITY_APIKEY);
    assert_int_equal(who(NULL, "10.0.0.1", "/?key=abc", "Authorization: Bearer x\r\n").kind, IDENTITY_BEARER);
    assert_true(idorder_parse(SLICE("authorization"), &order, why));
    assert_int_equal(who(NULL, "10.0.0.1", "/?key=abc", "").kind, IDENTITY_ADDRESS);
    assert_false(who(NULL, "10.0.0.1", "/?key=abc", "Cookie: theme=0123456789\r\n").besides);
    order = (struct idorder){0};
}

/* Where the field of the key and the cookie of the session have names, no others are either, but credentials besides.
 */
static void names_of_ones_own(void **state)
{
    static const struct {
        const char *order, *target, *fields;
        enum identity kind;
        bool besides;
    } cases[] = {
        {"apikey=X-Acme-Key", "/", "x-acme-KEY: k\r\n", IDENTITY_APIKEY, false},
        {"apikey=x-acme-key", "/?key=k", "X-Acme-Keys: k\r\nX-Acme-Ke: k\r\n", IDENTITY_ADDRESS, false},
        {"apikey=x-acme-key", "/?api_key=k", "X-Api-Key: k\r\n", IDENTITY_ADDRESS, true},
        {"apikey=x-acme-key,authorization", "/", "Api-Key: k\r\nAuthorization: Bearer x\r\n", IDENTITY_BEARER, true},
        {"apikey=x-acme-key,authorization", "/", "X-Acme-Key: k\r\nAuthorization: Bearer x\r\n", IDENTITY_APIKEY,
         false},
        {"apikey=x-acme-key", "/", "X-Acme-Key: k\r\nX-Goog-Api-Key: l\r\n", IDENTITY_APIKEY, true},
        {"apikey=x-acme-key", "/", "X-Acme-Key:\r\n", IDENTITY_ADDRESS, false},
        {"apikey=x-api-key", "/?key=l", "Api-Key: l\r\nX-Api-Key: k\r\n", IDENTITY_APIKEY, true},
        {"apikey=x-request-id", "/", "X-Request-Id: k\r\n", IDENTITY_APIKEY, false},
        {"apikey=x-a-name-longer-than-any-that-is-known", "/", "X-A-Name-Longer-Than-Any-That-Is-Known: k\r\n",
         IDENTITY_APIKEY, false},
        {"cookie=login", "/", "Cookie: a=b; login=k; sid=0123456789\r\n", IDENTITY_COOKIE, false},
        {"cookie=login", "/", "Cookie: Login=k; sid=0123456789\r\n", IDENTITY_ADDRESS, true},
        {"cookie=login", "/", "Cookie: login=; theme=0123456789\r\n", IDENTITY_ADDRESS, false},
    };
    char why[128];
    (void)state;
    struct identity_of usual = who(NULL, "10.0.0.1", "/", "X-Api-Key: k\r\n");
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        assert_true(idorder_parse(slice_str(cases[n].order), &order, why));
        struct identity_of one = who(NULL, "10.0.0.1", cases[n].target, cases[n].fields);
        assert_int_equal(one.kind, cases[n].kind);
        assert_int_equal(one.besides, cases[n].besides);
        if (one.kind == IDENTITY_APIKEY)
            assert_int_equal(one.hash, usual.hash);
    }
    order = (struct idorder){0};
}

/* What is asked for twice is remembered, and must be the same then; what comes after has nothing of it. */
static void names_of_clients(void **state)
{
    static const struct {
        const char *fields, *name;
    } of[] = {
        {"Authorization: Bearer "
         "eyJhbGciOiJub25lIn0.eyJzdWIiOiJqbyIsImNsaWVudF9pZCI6ImFwcCIsImlzcyI6Imh0dHBzOi8vaSJ9.x\r\n",
         "jo"}, /* sub, without the issuer */
        {"Authorization: Bearer eyJhbGciOiJub25lIn0.eyJjbGllbnRfaWQiOiJhcHAiLCJhenAiOiJwIn0.x\r\n",
         "app"},                                                                                /* client_id */
        {"Authorization: Bearer eyJhbGciOiJub25lIn0.eyJhenAiOiJwYXJ0eSJ9.x\r\n", "party"},      /* azp */
        {"Authorization: bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJtQHgub3JnIn0.x\r\n", "m@x.org"}, /* an e-mail address */
        {"Authorization: Bearer eyJhbGciOiJub25lIn0.eyJlbWFpbCI6Im1AeC5vcmciLCJuYW1lIjoiTSJ9.x\r\n",
         ""},                                                                  /* no other claim */
        {"Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOjd9.x\r\n", "7"}, /* a number */
        {"Authorization: Bearer opaque\r\n", ""},                              /* a token */
        {"Authorization: Basic dXNlcjpwYXNz\r\n", "user"},                     /* the user */
        {"Authorization: Basic dXMgZXJAeC5vcmc6cDpx\r\n", "us er@x.org"},      /* the password may have colons */
        {"Authorization: Basic c2tfbGl2ZV80ZUMzOUhxTHlqV0Rhcmp0Og==\r\n", ""}, /* a user without a password is a key */
        {"Authorization: Basic bG9uZWx5\r\n", ""},                             /* so is one without a colon */
        {"Authorization: Basic MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzp4LW9hdXRoLWJhc2lj\r\n",
         ""},                                      /* a token as a user */
        {"Authorization: Basic OnBhc3M=\r\n", ""}, /* no user */
        {"Cookie: sid=0123456789\r\n", ""},
        {"X-Api-Key: alice_live_0123456789\r\n", ""},
    };
    char why[128];
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct idorder usual = {0};
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        struct identifier *i = identifier_new(&key, NULL, &usual, why);
        assert_non_null(i);
        if (asked)
            identifier_show_names(i);
        for (size_t n = 0; n < 3 * (sizeof of / sizeof *of); n++) {
            static char raw[4096];
            static struct head head;
            static struct known known;
            const char *want = of[n % (sizeof of / sizeof *of)].name;
            struct addr from = address("10.0.0.1");
            snprintf(raw, sizeof raw, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", of[n % (sizeof of / sizeof *of)].fields);
            assert_int_equal(head_request(&head, &known, slice_str(raw), false), HEAD_DONE);
            struct rawhead h = {raw, (uint32_t)head.raw.n, head.n_fields, false, head.fields};
            find(i, &h, head.target, &from, 0);
            assert_true(slice_eq(identifier_name(i), slice_str(asked ? want : "")));
        }
        identifier_free(i);
    }
}

static void bad_proxies(void **state)
{
    char why[128];
    struct hash_key key = {1, 2, 3};
    (void)state;
    assert_null(identifier_new(&key, "10.0.0.0/8,bad", &order, why));
    assert_null(identifier_new(&key, "10.0.0.0/33", &order, why));
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
        for (size_t i = 0; i < n; i++) { /* no other name is taken for it */
            upper[i] ^= 1;
            assert_int_not_equal(token_find(slice_of(upper, n)), t);
            upper[i] ^= 1;
        }
    }
    assert_int_equal(token_find(SLICE("x-unknown")), TOKEN_OTHER);
    assert_int_equal(token_find(SLICE("")), TOKEN_OTHER);
}

/* Addresses and clients are written as the C library writes them. */
static void texts_of_addresses(void **state)
{
    uint64_t random = 7;
    char text[56], want[128], ip[INET6_ADDRSTRLEN];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct addr a = {.known = ADDR_WHOLE};
        bool v4 = i % 2, port = i & 2;
        for (int k = 0; k < 16; k++)
            a.ip[k] = (uint8_t)((random = hash_mix(random)) & (i & 8 ? 255 : 1));
        if (v4)
            memcpy(a.ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
        a.port = (uint16_t)(random >> 8 >> random % 16);
        a.known = i & 4 ? ADDR_NETWORK : a.known;
        inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a.ip + 12 : a.ip, ip, sizeof ip);
        if (i & 4)
            snprintf(want, sizeof want, "%s%s", ip, v4 ? "/24" : "/48");
        else
            snprintf(want, sizeof want, !port ? "%s" : v4 ? "%s:%u" : "[%s]:%u", ip, a.port);
        assert_int_equal(addr_format(&a, port, text), strlen(want));
        assert_string_equal(text, want);
        snprintf(want, sizeof want, "%s:%012llx", identity_name((enum identity)(i % IDENTITY_COUNT)),
                 (unsigned long long)(random & 0xffffffffffffu));
        assert_int_equal(client_format((enum identity)(i % IDENTITY_COUNT), random, text), strlen(want));
        assert_string_equal(text, want);
    }
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

/* One that has seen many others says the same of a request as one that has seen none. */
static void as_if_first(void **state)
{
    static const char *const shapes[] = {"Authorization: Bearer t%d\r\n",
                                         "Authorization: Basic dXNlc%dpwYXNz\r\n",
                                         "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJqbyJ9.x%d\r\n",
                                         "X-API-Key: k%d\r\n",
                                         "Cookie: sid=012345678%d\r\n",
                                         "X: %d\r\n"};
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    static struct head head;
    static struct known known;
    char why[128], fields[128], raw[512], from[32];
    struct identifier *old = identifier_new(&key, NULL, &order, why);
    (void)state;
    srand(4);
    for (int i = 0; i < 6000; i++) {
        snprintf(fields, sizeof fields, shapes[rand() % 6], rand() % 2000);
        snprintf(from, sizeof from, "10.0.%d.%d", rand() % 16, rand() % 256);
        snprintf(raw, sizeof raw, "GET /%s%d HTTP/1.1\r\nHost: h\r\n%s\r\n", rand() % 8 ? "" : "?key=", rand() % 300,
                 fields);
        assert_int_equal(head_request(&head, &known, slice_str(raw), false), HEAD_DONE);
        struct rawhead h = {raw, (uint32_t)head.raw.n, head.n_fields, false, head.fields};
        struct addr peer = address(from);
        struct identity_of a = find(old, &h, head.target, &peer, 0);
        if (i % 6)
            continue;
        struct identifier *new = identifier_new(&key, NULL, &order, why);
        struct identity_of b = find(new, &h, head.target, &peer, 0);
        assert_int_equal(a.kind, b.kind);
        assert_true(a.hash == b.hash && a.besides == b.besides);
        identifier_free(new);
    }
    identifier_free(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(order_of_evidence),
                                       cmocka_unit_test(signed_requests),
                                       cmocka_unit_test(keys_anywhere),
                                       cmocka_unit_test(as_if_first),
                                       cmocka_unit_test(order_of_certificates),
                                       cmocka_unit_test(sameness),
                                       cmocka_unit_test(odd_subjects),
                                       cmocka_unit_test(forwarding),
                                       cmocka_unit_test(spoofed),
                                       cmocka_unit_test(bad_proxies),
                                       cmocka_unit_test(any_order),
                                       cmocka_unit_test(keys_of_queries),
                                       cmocka_unit_test(names_of_ones_own),
                                       cmocka_unit_test(names_of_clients),
                                       cmocka_unit_test(every_token_is_found),
                                       cmocka_unit_test(texts_of_addresses),
                                       cmocka_unit_test(networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
