/* credential: who asks, of an Authorization field that is made anew for every request (RFC 9110, 11.4; RFC 7616):
 * beside what signs that one request stands a name that stays. Basic and Bearer are not looked at here. */
#ifndef CAPTURE_CREDENTIAL_H
#define CAPTURE_CREDENTIAL_H

#include "base/slice.h"

enum credential_kind {
    CREDENTIAL_WHOLE,      /* nothing says that it changes: the whole of it tells who asks */
    CREDENTIAL_USER,       /* who: a user's name (Digest) */
    CREDENTIAL_KEY,        /* who: of an access key or consumer (AWS and its kin, Hawk, HTTP signatures, OAuth 1.0) */
    CREDENTIAL_CONNECTION, /* it belongs to the connection, and names nobody to who only listens (NTLM, Negotiate) */
};

/* rest: what follows the scheme. *who points into it, as sent. */
enum credential_kind credential_read(struct slice scheme, struct slice rest, struct slice *who);

#endif
