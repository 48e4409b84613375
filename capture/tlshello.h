/* tlshello: what the hellos of TLS say in the clear (RFC 8446 sections 4.1.2 and 4.1.3, RFC 6066, RFC 7301): the name
 * that the client asks for, the protocols it offers, its fingerprint JA4, and what the server chose. */
#ifndef CAPTURE_TLSHELLO_H
#define CAPTURE_TLSHELLO_H

#include "base/slice.h"

enum { TLS_NAME_MAX = 253, TLS_ALPN_MAX = 63, TLS_JA4 = 36, TLS_HELLO_MAX = 1 << 14 };

/* Texts end with a 0 and are empty where the hello says nothing. */
struct tls_client_hello {
    char name[TLS_NAME_MAX + 1]; /* lower case; empty, too, for what is no host name */
    char alpn[TLS_ALPN_MAX + 1]; /* protocols joined with ',', as many as fit */
    char ja4[TLS_JA4 + 1];       /* of a TCP connection: t13d1516h2_8daaf6152771_e5627efa2ab1 */
};

struct tls_server_hello {
    uint16_t version, cipher;
    bool retry;                  /* the client is to say hello again: nothing is chosen yet */
    char alpn[TLS_ALPN_MAX + 1]; /* TLS 1.3 does not show it */
};

/* The body of a handshake message, without type and length. False: it cannot be read. */
bool tlshello_client(struct slice message, struct tls_client_hello *out);
bool tlshello_server(struct slice message, struct tls_server_hello *out);
/* Of a server's hello: it is HelloRetryRequest. */
bool tlshello_is_retry(const uint8_t random[32]);

#endif
