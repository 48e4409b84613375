/* tlscert: who a client says it is in a handshake of TLS: its Certificate message (RFC 5246 section 7.4.6, RFC 8446
 * section 4.4.2), of which the first certificate is its own. Nothing is verified: that is the server's to do, and where
 * it refuses, no exchange follows. */
#ifndef CAPTURE_TLSCERT_H
#define CAPTURE_TLSCERT_H

#include "base/buf.h"

enum { TLSCERT_MAX = 1 << 16 }; /* octets of a message; longer ones are not read */

enum tlscert {
    TLSCERT_NONE,   /* a good message without a certificate: the client has none, or shows none */
    TLSCERT_UNREAD, /* malformed, or the certificate is none of X.509 */
    TLSCERT_READ,   /* `who` holds what it is known by */
};

/* The body of the message, without type and length. `who`: the subject as it is coded; of a certificate without one its
 * alternative names; where there are none the whole certificate. */
enum tlscert tlscert_read(struct slice message, bool is13, struct buf *who);

#endif
