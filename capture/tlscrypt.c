#include "capture/tlscrypt.h"

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509v3.h>
#include <limits.h>
#include <stdlib.h>

enum kind { GCM, CHACHA, CCM, CCM8, CBC };
enum { IV = 12, TAG = 16, BLOCK = 16, MAC_MAX = 48, KEY_MAX = 32, VERSION13 = 0x0304 };

struct tls_suite {
    uint16_t id;
    uint8_t kind, key, mac; /* bytes of the key, and of the MAC's key (CBC) */
    const char *hash;       /* of the PRF or HKDF */
};

#define SHA256 "SHA256"
#define SHA384 "SHA384"

static const struct tls_suite suites[] = {
    {0x1301, GCM, 16, 0, SHA256}, {0x1302, GCM, 32, 0, SHA384},  {0x1303, CHACHA, 32, 0, SHA256},
    {0x1304, CCM, 16, 0, SHA256}, {0x1305, CCM8, 16, 0, SHA256},
#define SUITE(id, kind, key, mac, hash) {id, kind, key, mac, hash},
#include "capture/tlssuites.def"
#undef SUITE
};

const struct tls_suite *tls_suite_find(uint16_t id)
{
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (suites[i].id == id)
            return &suites[i];
    return NULL;
}

bool tls_suite_is13(const struct tls_suite *s)
{
    return s->id >> 8 == 0x13;
}

static size_t tag_of(const struct tls_suite *s)
{
    return s->kind == CCM8 ? 8 : TAG;
}

/* TLS 1.2 sends eight bytes of the nonce along, but for ChaCha20. */
static size_t explicit_nonce(const struct tls_suite *s)
{
    return tls_suite_is13(s) || s->kind == CHACHA ? 0 : 8;
}

int tls_suite_overhead(const struct tls_suite *s)
{
    if (s->kind == CBC)
        return -1;
    return (int)(TLS_RECORD_HEAD + explicit_nonce(s) + tag_of(s) + tls_suite_is13(s));
}

struct tls_cipher {
    const struct tls_suite *suite;
    EVP_CIPHER_CTX *ctx;
    uint8_t key[KEY_MAX], iv[IV], mac_key[MAC_MAX];
    bool encrypt_then_mac;
};

/* ---- keys ---- */

static bool derive(const char *kdf_name, OSSL_PARAM params[], uint8_t *out, size_t n)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, kdf_name, NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    bool ok = ctx && EVP_KDF_derive(ctx, out, n, params) > 0;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok;
}

static OSSL_PARAM bytes(const char *name, const void *p, size_t n)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)p, n);
}

static OSSL_PARAM text(const char *name, const char *value)
{
    return OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)value, 0);
}

/* HKDF-Expand-Label with an empty context (RFC 8446 section 7.1). */
static bool expand_label(const struct tls_suite *s, const struct tls_secret *secret, const char *label, uint8_t *out,
                         size_t n)
{
    uint8_t info[32];
    size_t at = 0, length = strlen(label);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    info[at++] = (uint8_t)(n >> 8);
    info[at++] = (uint8_t)n;
    info[at++] = (uint8_t)(6 + length);
    memcpy(info + at, "tls13 ", 6);
    memcpy(info + at + 6, label, length);
    at += 6 + length;
    info[at++] = 0;
    OSSL_PARAM params[] = {text(OSSL_KDF_PARAM_DIGEST, s->hash), bytes(OSSL_KDF_PARAM_KEY, secret->bytes, secret->n),
                           bytes(OSSL_KDF_PARAM_INFO, info, at), OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                           OSSL_PARAM_construct_end()};
    return derive("HKDF", params, out, n);
}

static size_t hash_size(const struct tls_suite *s)
{
    return strcmp(s->hash, SHA384) == 0 ? 48 : 32;
}

bool tls_secret_update(const struct tls_suite *s, struct tls_secret *traffic)
{
    struct tls_secret next = {.n = traffic->n};
    if (traffic->n != hash_size(s) || !expand_label(s, traffic, "traffic upd", next.bytes, next.n))
        return false;
    *traffic = next;
    return true;
}

static const EVP_CIPHER *cipher_of(const struct tls_suite *s)
{
    bool big = s->key == 32;
    switch ((enum kind)s->kind) {
    case GCM:
        return big ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
    case CCM:
    case CCM8:
        return big ? EVP_aes_256_ccm() : EVP_aes_128_ccm();
    case CHACHA:
        return EVP_chacha20_poly1305();
    case CBC:
        return big ? EVP_aes_256_cbc() : EVP_aes_128_cbc();
    }
    return NULL;
}

/* The key stays in the context; what changes with each record is the nonce. */
static bool set_key(struct tls_cipher *c)
{
    const struct tls_suite *s = c->suite;
    c->ctx = EVP_CIPHER_CTX_new();
    if (!c->ctx || EVP_DecryptInit_ex(c->ctx, cipher_of(s), NULL, NULL, NULL) <= 0)
        return false;
    if (s->kind == CBC)
        return EVP_CIPHER_CTX_set_padding(c->ctx, 0) > 0;
    if (EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_IVLEN, IV, NULL) <= 0)
        return false;
    bool ccm = s->kind == CCM || s->kind == CCM8;
    return ccm || EVP_DecryptInit_ex(c->ctx, NULL, NULL, c->key, NULL) > 0;
}

static struct tls_cipher *cipher_new(const struct tls_suite *s, const uint8_t *key, const uint8_t *iv, size_t iv_n,
                                     const uint8_t *mac_key)
{
    struct tls_cipher *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->suite = s;
    memcpy(c->key, key, s->key);
    memcpy(c->iv, iv, iv_n);
    if (s->mac)
        memcpy(c->mac_key, mac_key, s->mac);
    if (set_key(c))
        return c;
    tls_cipher_free(c);
    return NULL;
}

void tls_cipher_free(struct tls_cipher *c)
{
    if (!c)
        return;
    EVP_CIPHER_CTX_free(c->ctx);
    explicit_bzero(c, sizeof *c);
    free(c);
}

bool tls_cipher_make12(const struct tls_suite *s, const struct tls_secret *master,
                       const uint8_t client_random[TLS_RANDOM], const uint8_t server_random[TLS_RANDOM],
                       bool encrypt_then_mac, struct tls_cipher *out[2])
{
    static const char label[] = "key expansion";
    uint8_t seed[sizeof label - 1 + 2 * TLS_RANDOM], block[2 * (MAC_MAX + KEY_MAX + IV)];
    size_t iv = s->kind == CBC ? 0 : s->kind == CHACHA ? IV : IV - 8, n = 2 * ((size_t)s->mac + s->key + iv);
    memcpy(seed, label, sizeof label - 1);
    memcpy(seed + sizeof label - 1, server_random, TLS_RANDOM);
    memcpy(seed + sizeof label - 1 + TLS_RANDOM, client_random, TLS_RANDOM);
    OSSL_PARAM params[] = {text(OSSL_KDF_PARAM_DIGEST, s->hash), bytes(OSSL_KDF_PARAM_SECRET, master->bytes, master->n),
                           bytes(OSSL_KDF_PARAM_SEED, seed, sizeof seed), OSSL_PARAM_construct_end()};
    out[0] = out[1] = NULL;
    if (tls_suite_is13(s) || !derive("TLS1-PRF", params, block, n))
        return false;
    const uint8_t *keys = block + 2 * s->mac, *ivs = keys + 2 * s->key;
    for (int i = 0; i < 2; i++) {
        out[i] = cipher_new(s, keys + i * s->key, ivs + (size_t)i * iv, iv, block + i * s->mac);
        if (out[i])
            out[i]->encrypt_then_mac = encrypt_then_mac;
    }
    explicit_bzero(block, sizeof block);
    if (out[0] && out[1])
        return true;
    tls_cipher_free(out[0]);
    tls_cipher_free(out[1]);
    out[0] = out[1] = NULL;
    return false;
}

struct tls_cipher *tls_cipher_make13(const struct tls_suite *s, const struct tls_secret *traffic)
{
    uint8_t key[KEY_MAX], iv[IV];
    if (!tls_suite_is13(s) || traffic->n != hash_size(s) || !expand_label(s, traffic, "key", key, s->key) ||
        !expand_label(s, traffic, "iv", iv, IV))
        return NULL;
    struct tls_cipher *c = cipher_new(s, key, iv, IV, NULL);
    explicit_bzero(key, sizeof key);
    return c;
}

/* ---- records ---- */

static void put_seq(uint64_t seq, uint8_t out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(seq >> (56 - 8 * i));
}

static void nonce_of(const struct tls_cipher *c, uint64_t seq, const uint8_t *sent, uint8_t nonce[IV])
{
    memcpy(nonce, c->iv, IV);
    if (explicit_nonce(c->suite)) {
        memcpy(nonce + 4, sent, 8);
        return;
    }
    uint8_t number[8];
    put_seq(seq, number);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] ^= number[i];
}

/* What is authenticated along: of TLS 1.3 the head, before number, type, version and length of what it holds. */
static size_t associated(const struct tls_cipher *c, uint64_t seq, const uint8_t head[TLS_RECORD_HEAD], size_t held,
                         uint8_t out[13])
{
    if (tls_suite_is13(c->suite)) {
        memcpy(out, head, TLS_RECORD_HEAD);
        return TLS_RECORD_HEAD;
    }
    put_seq(seq, out);
    memcpy(out + 8, head, 3);
    out[11] = (uint8_t)(held >> 8);
    out[12] = (uint8_t)held;
    return 13;
}

static int open_aead(struct tls_cipher *c, uint64_t seq, const uint8_t *head, const uint8_t *p, size_t n, uint8_t *out)
{
    const struct tls_suite *s = c->suite;
    size_t before = explicit_nonce(s), tag = tag_of(s);
    uint8_t nonce[IV], aad[13];
    int got = 0, last = 0;
    if (n < before + tag || n - before - tag > TLS_RECORD_MAX + 1 + 255)
        return -1;
    size_t held = n - before - tag, aad_n = associated(c, seq, head, held, aad);
    nonce_of(c, seq, p, nonce);
    p += before;
    void *check = (void *)(uintptr_t)(p + held);
    if (s->kind == CCM || s->kind == CCM8) { /* tag first, then the length of all, and the key with each nonce */
        if (EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag, check) <= 0 ||
            EVP_DecryptInit_ex(c->ctx, NULL, NULL, c->key, nonce) <= 0 ||
            EVP_DecryptUpdate(c->ctx, NULL, &got, NULL, (int)held) <= 0 ||
            EVP_DecryptUpdate(c->ctx, NULL, &got, aad, (int)aad_n) <= 0)
            return -1;
        return EVP_DecryptUpdate(c->ctx, out, &got, p, (int)held) > 0 ? got : -1;
    }
    if (EVP_DecryptInit_ex(c->ctx, NULL, NULL, NULL, nonce) <= 0 ||
        EVP_DecryptUpdate(c->ctx, NULL, &got, aad, (int)aad_n) <= 0 ||
        EVP_DecryptUpdate(c->ctx, out, &got, p, (int)held) <= 0 ||
        EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag, check) <= 0 ||
        EVP_DecryptFinal_ex(c->ctx, out + got, &last) <= 0)
        return -1;
    return got + last;
}

static bool verify(const struct tls_cipher *c, uint64_t seq, const uint8_t *head, const uint8_t *first, size_t first_n,
                   const uint8_t *mac)
{
    const struct tls_suite *s = c->suite;
    uint8_t message[13 + TLS_PROTECTED_MAX], result[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (first_n > TLS_PROTECTED_MAX)
        return false;
    associated(c, seq, head, first_n, message);
    memcpy(message + 13, first, first_n);
    const EVP_MD *md = s->mac == 20 ? EVP_sha1() : s->mac == 32 ? EVP_sha256() : EVP_sha384();
    return HMAC(md, c->mac_key, s->mac, message, 13 + first_n, result, &size) && size == s->mac &&
           CRYPTO_memcmp(result, mac, size) == 0;
}

/* An explicit IV, then blocks; the MAC is within them or, by RFC 7366, behind. */
static int open_cbc(struct tls_cipher *c, uint64_t seq, const uint8_t *head, const uint8_t *p, size_t n, uint8_t *out)
{
    const struct tls_suite *s = c->suite;
    size_t mac = s->mac, behind = c->encrypt_then_mac ? mac : 0;
    int got = 0;
    if (n < BLOCK + BLOCK + behind || (n - behind) % BLOCK || n > TLS_PROTECTED_MAX)
        return -1;
    if (behind && !verify(c, seq, head, p, n - mac, p + n - mac))
        return -1;
    size_t coded = n - behind - BLOCK;
    if (EVP_DecryptInit_ex(c->ctx, NULL, NULL, c->key, p) <= 0 ||
        EVP_DecryptUpdate(c->ctx, out, &got, p + BLOCK, (int)coded) <= 0 || (size_t)got != coded)
        return -1;
    size_t padding = out[coded - 1];
    if (padding + 1 + (behind ? 0 : mac) > coded)
        return -1;
    for (size_t i = 0; i <= padding; i++)
        if (out[coded - 1 - i] != padding)
            return -1;
    size_t held = coded - padding - 1 - (behind ? 0 : mac);
    if (!behind && !verify(c, seq, head, out, held, out + held))
        return -1;
    return (int)held;
}

int tls_cipher_open(struct tls_cipher *c, uint64_t seq, const uint8_t head[TLS_RECORD_HEAD], const uint8_t *p, size_t n,
                    uint8_t *out)
{
    if (n > TLS_PROTECTED_MAX)
        return -1;
    return c->suite->kind == CBC ? open_cbc(c, seq, head, p, n, out) : open_aead(c, seq, head, p, n, out);
}

bool tls_sha256(struct slice bytes, uint8_t out[TLS_SHA256])
{
    unsigned n = 0;
    return EVP_Digest(bytes.p, bytes.n, out, &n, EVP_sha256(), NULL) == 1 && n == TLS_SHA256;
}

/* ---- certificates ---- */

/* One value of DER off the front: all of it, and what is inside. */
static bool der_value(struct slice *rest, int tag, int class, struct slice *whole, struct slice *inside)
{
    const unsigned char *begin = (const unsigned char *)rest->p, *p = begin;
    long n = 0;
    int is_tag = 0, is_class = 0;
    if (!rest->n || rest->n > LONG_MAX)
        return false;
    int form = ASN1_get_object(&p, &n, &is_tag, &is_class, (long)rest->n);
    if (form & (0x80 | 1) || is_tag != tag || is_class != class) /* an error; a length that is not said */
        return false;
    size_t head = (size_t)(p - begin);
    *inside = slice_sub(*rest, head, head + (size_t)n);
    *whole = slice_sub(*rest, 0, head + (size_t)n);
    *rest = slice_sub(*rest, head + (size_t)n, rest->n);
    return true;
}

static bool der_plain(struct slice *rest, int tag, struct slice *whole, struct slice *inside)
{
    return der_value(rest, tag, V_ASN1_UNIVERSAL, whole, inside);
}

/* Adds the alternative names. False: there are none. */
static bool add_alternative_names(struct slice extensions, struct buf *out)
{
    const unsigned char *p = (const unsigned char *)extensions.p;
    X509_EXTENSIONS *list = d2i_X509_EXTENSIONS(NULL, &p, (long)extensions.n);
    int at = X509v3_get_ext_by_NID(list, NID_subject_alt_name, -1);
    const ASN1_OCTET_STRING *names = at < 0 ? NULL : X509_EXTENSION_get_data(X509v3_get_ext(list, at));
    bool has = names && ASN1_STRING_length(names) > 2; /* not an empty list */
    if (has)
        buf_add(out, ASN1_STRING_get0_data(names), (size_t)ASN1_STRING_length(names));
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    return has;
}

/* TBSCertificate up to the subject (RFC 5280 section 4.1). */
static bool find_subject(struct slice *rest, struct slice *subject, struct slice *inside)
{
    static const int before[] = {V_ASN1_INTEGER, V_ASN1_SEQUENCE, V_ASN1_SEQUENCE, V_ASN1_SEQUENCE};
    struct slice skip, body;
    der_value(rest, 0, V_ASN1_CONTEXT_SPECIFIC, &skip, &body); /* the version may be left out */
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (!der_plain(rest, before[i], &skip, &body))
            return false;
    return der_plain(rest, V_ASN1_SEQUENCE, subject, inside);
}

/* Not by d2i_X509: that decodes the public key as well, whoever sends it, which takes some hundred times as long. */
static bool certificate_name(struct slice der, struct buf *out)
{
    struct slice rest = der, whole, certificate, tbs, subject, inside, body;
    if (!der_plain(&rest, V_ASN1_SEQUENCE, &whole, &certificate) || rest.n ||
        !der_plain(&certificate, V_ASN1_SEQUENCE, &whole, &tbs) || !find_subject(&tbs, &subject, &inside) ||
        !der_plain(&tbs, V_ASN1_SEQUENCE, &whole, &body)) /* the public key */
        return false;
    if (inside.n) {
        buf_slice(out, subject);
        return true;
    }
    der_value(&tbs, 1, V_ASN1_CONTEXT_SPECIFIC, &whole, &body); /* identifiers of old */
    der_value(&tbs, 2, V_ASN1_CONTEXT_SPECIFIC, &whole, &body);
    if (!der_value(&tbs, 3, V_ASN1_CONTEXT_SPECIFIC, &whole, &body) || !add_alternative_names(body, out))
        buf_slice(out, der);
    return true;
}

bool tls_certificate_name(struct slice der, struct buf *out)
{
    bool is = certificate_name(der, out);
    ERR_clear_error(); /* what is odd in the traffic is no error of ours */
    return is;
}
