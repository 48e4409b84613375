/* tlshandshake: what the handshake of a TLS connection says, as it passes: versions, suites, early data, whose
 * certificate the client shows, and when a direction goes over to other secrets. */
#ifndef CAPTURE_TLSHANDSHAKE_H
#define CAPTURE_TLSHANDSHAKE_H

#include "capture/tlsstate.h"

/* Octets of handshake messages, opened; they may be cut anywhere. */
void tlshandshake_feed(struct tls *t, const struct tls_env *env, int role, const uint8_t *p, size_t n);
/* What comes next is under another secret. */
void tlshandshake_forget_cipher(struct tls_side *s);

#endif
