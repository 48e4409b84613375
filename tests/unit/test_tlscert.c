/* Certificates that clients show: whom they name, lists that are malformed or cut, and messages that records and
 * segments cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "capture/identity.h"
#include "capture/tls.h"
#include "capture/tlscert.h"
#include "capture/tlssession.h"

static const struct hash_key key = {1, 2, 3};

/* ---- made by libcrypto ---- */

/* A certificate as it is coded. name, alternative: NULL: none; serial and padding make others of the same holder. */
static struct buf certificate(const char *name, const char *alternative, long serial, size_t padding)
{
    static EVP_PKEY *pair;
    struct buf out = {0};
    X509 *x = X509_new();
    unsigned char *der = NULL;
    if (!pair)
        pair = EVP_EC_gen("P-256");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 1000);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)"CA", -1, -1, 0);
    if (name)
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                                   0);
    X509_set_pubkey(x, pair);
    if (padding) {
        char *text = calloc(1, padding + 1);
        memset(text, 'c', padding);
        X509_EXTENSION *comment = X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, text);
        X509_add_ext(x, comment, -1);
        X509_EXTENSION_free(comment);
        free(text);
    }
    if (alternative) {
        X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
        X509_add_ext(x, names, -1);
        X509_EXTENSION_free(names);
    }
    X509_sign(x, pair, EVP_sha256());
    int n = i2d_X509(x, &der);
    assert_true(n > 0);
    buf_add(&out, der, (size_t)n);
    OPENSSL_free(der);
    X509_free(x);
    return out;
}

static void be24(struct buf *b, size_t v)
{
    buf_char(b, (char)(v >> 16));
    buf_char(b, (char)(v >> 8));
    buf_char(b, (char)v);
}

/* The message of a list of certificates; TLS 1.3: with a context, and each with an extension. */
static struct buf message(bool is13, const struct buf *list, size_t n)
{
    struct buf entries = {0}, out = {0};
    for (size_t i = 0; i < n; i++) {
        be24(&entries, list[i].n);
        buf_add(&entries, list[i].p, list[i].n);
        if (is13)
            buf_add(&entries, i ? "\0\0" : "\0\6\0\5\0\2ab", i ? 2 : 8);
    }
    if (is13)
        buf_add(&out, "\3xyz", 4);
    be24(&out, entries.n);
    buf_add(&out, entries.p, entries.n);
    buf_free(&entries);
    return out;
}

/* Read from a block of its own, so that a step behind it is seen. */
static enum tlscert read(const struct buf *m, size_t n, bool is13, struct buf *who)
{
    char *copy = malloc(n ? n : 1);
    if (n)
        memcpy(copy, m->p, n);
    who->n = 0;
    enum tlscert is = tlscert_read(slice_of(copy, n), is13, who);
    free(copy);
    return is;
}

static uint64_t named(struct buf cert)
{
    struct buf who = {0}, m = message(false, &cert, 1);
    assert_int_equal(read(&m, m.n, false, &who), TLSCERT_READ);
    uint64_t h = identity_of_certificate(&key, slice_of(who.p, who.n));
    buf_free(&who);
    buf_free(&m);
    buf_free(&cert);
    return h;
}

static void holders(void **state)
{
    (void)state;
    uint64_t ann = named(certificate("ann", NULL, 1, 0));
    assert_int_equal(ann, named(certificate("ann", "DNS:other.example", 2, 40)));
    assert_int_not_equal(ann, named(certificate("ben", NULL, 1, 0)));
    uint64_t one = named(certificate(NULL, "URI:spiffe://a/one", 1, 0));
    assert_int_equal(one, named(certificate(NULL, "URI:spiffe://a/one", 2, 300)));
    assert_int_not_equal(one, named(certificate(NULL, "URI:spiffe://a/two", 1, 0)));
    assert_int_not_equal(named(certificate(NULL, NULL, 1, 0)), named(certificate(NULL, NULL, 2, 0)));
}

/* Neither what is cut nor what has more at its end is read; an octet changed anywhere never reads too far. */
static void malformed(void **state)
{
    (void)state;
    struct buf certs[2] = {certificate("ann", "DNS:a.example", 1, 0), certificate("CA", NULL, 1, 0)}, who = {0};
    for (int is13 = 0; is13 < 2; is13++) {
        struct buf m = message(is13, certs, 2), none = message(is13, certs, 0);
        assert_int_equal(read(&m, m.n, is13, &who), TLSCERT_READ);
        struct buf right = {0};
        buf_add(&right, who.p, who.n);
        assert_int_equal(read(&none, none.n, is13, &who), TLSCERT_NONE);
        assert_int_equal(read(&m, m.n, !is13, &who), TLSCERT_UNREAD);
        for (size_t n = 0; n < m.n; n++)
            assert_int_equal(read(&m, n, is13, &who), TLSCERT_UNREAD);
        for (size_t i = 0; i < m.n; i++)
            for (int bit = 1; bit < 256; bit <<= 1) {
                m.p[i] = (char)(m.p[i] ^ bit);
                read(&m, m.n, is13, &who);
                m.p[i] = (char)(m.p[i] ^ bit);
            }
        buf_char(&m, 0);
        assert_int_equal(read(&m, m.n, is13, &who), TLSCERT_UNREAD);
        assert_int_equal(read(&m, m.n - 1, is13, &who), TLSCERT_READ);
        assert_true(who.n == right.n && memcmp(who.p, right.p, right.n) == 0);
        buf_free(&m);
        buf_free(&none);
        buf_free(&right);
    }
    struct buf empty = {0}, nothing = message(false, &empty, 1);
    assert_int_equal(read(&nothing, nothing.n, false, &who), TLSCERT_UNREAD);
    certs[0].n -= 1; /* the list is good, its first certificate is not whole */
    struct buf m = message(false, certs, 1);
    assert_int_equal(read(&m, m.n, false, &who), TLSCERT_UNREAD);
    buf_free(&nothing);
    buf_free(&m);
    buf_free(&certs[0]);
    buf_free(&certs[1]);
    buf_free(&who);
}

/* ---- on the wire, in the clear as in TLS 1.2 ---- */

static uint64_t memory;
static const struct tls_env env = {.memory = &memory, .memory_limit = 4 << 20, .key = &key};

static void nothing_inside(void *context, int role, const struct chunk *c)
{
    (void)context, (void)role, (void)c;
    fail();
}

static void nothing_lost(void *context, int role, uint64_t n, uint64_t offset)
{
    (void)context, (void)role, (void)n, (void)offset;
}

static const struct tls_sink sink = {NULL, nothing_inside, nothing_lost};

/* A handshake message in records of at most `piece` octets. */
static void records(struct buf *out, char type, const struct buf *body, size_t piece)
{
    struct buf m = {0};
    buf_char(&m, type);
    be24(&m, body->n);
    buf_add(&m, body->p, body->n);
    for (size_t at = 0; at < m.n; at += piece) {
        size_t n = piece < m.n - at ? piece : m.n - at;
        buf_add(out, "\x16\3\3", 3);
        buf_char(out, (char)(n >> 8));
        buf_char(out, (char)n);
        buf_add(out, m.p + at, n);
    }
    buf_free(&m);
}

static struct buf hello(void)
{
    struct buf b = {0};
    buf_add(&b, "\3\3", 2);
    for (int i = 0; i < 32; i++)
        buf_char(&b, 'r');
    buf_add(&b, "\0\0\2\xc0\x2b\1\0", 7);
    return b;
}

static void feed(struct tls *t, const struct buf *b, size_t from, size_t piece)
{
    for (size_t at = from; at < b->n; at += piece) {
        struct chunk c = {.p = b->p + at, .n = piece < b->n - at ? piece : b->n - at, .offset = at};
        tls_feed(t, &env, 0, &c, &sink);
    }
}

static uint64_t shown_by(const struct buf *body, char type, size_t piece, size_t segment)
{
    struct buf up = {0}, h = hello();
    struct tls *t = tls_open(&env);
    records(&up, 1, &h, 9999);
    records(&up, type, body, piece);
    feed(t, &up, 0, segment);
    uint64_t shown = tls_certificate(t);
    tls_close(t, &env);
    assert_int_equal(memory, 0);
    buf_free(&up);
    buf_free(&h);
    return shown;
}

static void cut_anywhere(void **state)
{
    (void)state;
    struct buf cert = certificate("ann", NULL, 1, 0), m = message(false, &cert, 1), none = message(false, &cert, 0);
    uint64_t ann = named(certificate("ann", NULL, 2, 0));
    for (size_t piece = 1; piece < m.n + 4; piece += piece < 40 ? 1 : 53)
        for (size_t segment = 1; segment < 900; segment = segment * 2 + 1)
            assert_int_equal(shown_by(&m, 11, piece, segment), ann);
    for (size_t piece = 1; piece < m.n + 4; piece++)
        assert_int_equal(shown_by(&m, 11, piece, 9999), ann);
    assert_int_equal(shown_by(&none, 11, 9999, 9999), 0);
    assert_int_equal(shown_by(&m, 25, 9999, 9999), 0); /* compressed */
    buf_free(&cert);
    buf_free(&m);
    buf_free(&none);
}

/* As long as it may be, and longer; what was put together around a loss is not read. */
static void bounds(void **state)
{
    (void)state;
    struct buf certs[2] = {certificate("ann", NULL, 1, 0), certificate("CA", NULL, 1, 60000)}, h = hello(), up = {0};
    uint64_t ann = named(certificate("ann", NULL, 1, 0));
    struct buf m = message(false, certs, 2);
    assert_true(m.n > 60000 && m.n < TLSCERT_MAX);
    assert_int_equal(shown_by(&m, 11, 16384, 1400), ann);
    buf_free(&m);
    buf_free(&certs[1]);
    certs[1] = certificate("CA", NULL, 1, 70000);
    m = message(false, certs, 2);
    assert_int_equal(shown_by(&m, 11, 16384, 1400), 0);
    buf_free(&m);
    m = message(false, certs, 1);
    records(&up, 1, &h, 9999);
    size_t lost = up.n;
    records(&up, 11, &m, 100);
    for (int twice = 0; twice < 2; twice++) { /* after a loss of a whole record; then of none */
        struct tls *t = tls_open(&env);
        struct chunk c = {.p = up.p, .n = lost};
        tls_feed(t, &env, 0, &c, &sink);
        if (!twice)
            tls_gap(t, &env, 0, 105);
        feed(t, &up, twice ? lost : lost + 105, 9999);
        assert_int_equal(tls_certificate(t), twice ? ann : 0);
        tls_close(t, &env);
    }
    buf_free(&up);
    buf_free(&h);
    buf_free(&m);
    buf_free(&certs[0]);
    buf_free(&certs[1]);
}

/* A second handshake: another certificate takes the first one's place, none does not, one that cannot be read does. */
static void again(void **state)
{
    (void)state;
    struct buf cert[2] = {certificate("ann", NULL, 1, 0), certificate("ben", NULL, 1, 0)}, h = hello(), up = {0};
    struct buf m[3] = {message(false, &cert[0], 1), message(false, &cert[1], 1), message(false, cert, 0)};
    uint64_t expected[] = {named(certificate("ann", NULL, 1, 0)), named(certificate("ben", NULL, 1, 0)), 0, 0};
    expected[2] = expected[1];
    struct tls *t = tls_open(&env);
    for (int i = 0; i < 4; i++) {
        size_t from = up.n;
        records(&up, 1, &h, 9999);
        if (i == 3)
            m[0].n -= 2;
        records(&up, 11, &m[i % 3], 9999);
        feed(t, &up, from, 9999);
        assert_int_equal(tls_certificate(t), expected[i]);
    }
    tls_close(t, &env);
    for (int i = 0; i < 3; i++)
        buf_free(&m[i]);
    buf_free(&cert[0]);
    buf_free(&cert[1]);
    buf_free(&h);
    buf_free(&up);
}

/* ---- sessions that are taken up again ---- */

static void sessions(void **state)
{
    (void)state;
    struct tlssessions *s = tlssession_new(&key);
    static const char ticket[] = "\0\0\1\0abcd\2no\0\6ticket\0\0", offer[] = "\0\x17\0\5other0000\0\6ticket0000\0";
    uint64_t id = tlssession_of_ticket(s, slice_of(ticket, sizeof ticket - 1)), offered[TLSSESSION_OFFERED];
    assert_true(id && !tlssession_find(s, id) && !tlssession_find(s, 0));
    tlssession_keep(s, id, 77);
    for (size_t n = 0; n < sizeof ticket - 1; n++) {
        char *cut = malloc(n + 1); /* the octet behind is not its own */
        memcpy(cut, ticket, n);
        assert_int_equal(tlssession_of_ticket(s, slice_of(cut, n)), 0);
        free(cut);
    }
    tlssession_offered(s, slice_of(offer, sizeof offer - 1), offered);
    assert_int_equal(tlssession_find(s, offered[0]), 0);
    assert_int_equal(tlssession_find(s, offered[1]), 77);
    assert_true(!offered[2] && !offered[3]);
    for (size_t n = 0; n < sizeof offer - 2; n++) {
        char *cut = malloc(n ? n : 1);
        memcpy(cut, offer, n);
        tlssession_offered(s, slice_of(cut, n), offered);
        assert_true(!offered[1]);
        free(cut);
    }
    /* A secret is no ticket; what is in the same place is not mistaken for it. */
    assert_int_equal(tlssession_find(s, tlssession_of_secret(s, SLICE("ticket"))), 0);
    assert_int_equal(tlssession_find(s, id + TLSSESSION_PLACES), 0);
    tlssession_keep(s, id + TLSSESSION_PLACES, 78);
    assert_int_equal(tlssession_find(s, id), 0);
    tlssession_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(holders),      cmocka_unit_test(malformed),
                                       cmocka_unit_test(cut_anywhere), cmocka_unit_test(bounds),
                                       cmocka_unit_test(again),        cmocka_unit_test(sessions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
