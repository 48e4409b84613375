/* tlscrypt: the cryptography of TLS records (RFC 5246, 8446, 7366), all of it by libcrypto: from a secret to the keys
 * of one direction, from a protected record to what it held. A record that does not verify is refused: a wrong secret
 * never gives bytes. The only file that names OpenSSL. */
#ifndef CAPTURE_TLSCRYPT_H
#define CAPTURE_TLSCRYPT_H

#include "base/buf.h"
#include "capture/tlskeys.h"

enum {
    TLS_SHA256 = 32, /* octets of a digest */
    TLS_RECORD_HEAD = 5,
    TLS_RECORD_MAX = 16384,                    /* of what a record holds */
    TLS_PROTECTED_MAX = TLS_RECORD_MAX + 2048, /* of a protected record, without its head */
};

struct tls_suite;

/* NULL: a suite that is not decrypted (anonymous ones without encryption, RC4, 3DES, ...). */
const struct tls_suite *tls_suite_find(uint16_t id);
bool tls_suite_is13(const struct tls_suite *s);
/* Bytes that protection adds to a record, head included; -1: it depends on the padding. TLS 1.3: the type, no padding.
 */
int tls_suite_overhead(const struct tls_suite *s);

/* One direction's keys. */
struct tls_cipher;

/* TLS 1.2: both directions from the master secret; `out[0]` the client's. */
bool tls_cipher_make12(const struct tls_suite *s, const struct tls_secret *master,
                       const uint8_t client_random[TLS_RANDOM], const uint8_t server_random[TLS_RANDOM],
                       bool encrypt_then_mac, struct tls_cipher *out[2]);
/* TLS 1.3: from a traffic secret. NULL: out of memory, or the secret is not of that suite. */
struct tls_cipher *tls_cipher_make13(const struct tls_suite *s, const struct tls_secret *traffic);
void tls_cipher_free(struct tls_cipher *c); /* NULL is allowed */

/* Opens a whole record (`head` and the n bytes after it) as the one numbered `seq`. Returns the length of what it held,
 * -1 when it does not verify. `out` holds TLS_PROTECTED_MAX. */
int tls_cipher_open(struct tls_cipher *c, uint64_t seq, const uint8_t head[TLS_RECORD_HEAD], const uint8_t *p, size_t n,
                    uint8_t *out);
/* False: libcrypto has no memory. */
bool tls_sha256(struct slice bytes, uint8_t out[TLS_SHA256]);
/* What a certificate of X.509 names its holder by is added to `out`, as it is coded: the subject; where that is empty
 * the alternative names (RFC 5280 section 4.2.1.6); without those the whole certificate. False: it is none. */
bool tls_certificate_name(struct slice der, struct buf *out);
/* The secret after a key update (RFC 8446 section 7.2). */
bool tls_secret_update(const struct tls_suite *s, struct tls_secret *traffic);

#endif
