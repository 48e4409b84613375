/* tlswords: how messages of TLS are written: vectors behind their length, extensions behind their type (RFC 8446
 * section 3). */
#ifndef CAPTURE_TLSWORDS_H
#define CAPTURE_TLSWORDS_H

#include "base/cursor.h"
#include "base/slice.h"

/* A vector with a length of so many octets. */
static inline struct slice tls_vector(struct cursor *c, unsigned octets)
{
    size_t n = 0;
    for (unsigned i = 0; i < octets; i++)
        n = n << 8 | cursor_u8(c);
    const uint8_t *p = cursor_take(c, n);
    return p ? slice_of(p, n) : SLICE("");
}

/* The next extension. False: there is none, or it is malformed. */
static inline bool tls_extension(struct cursor *c, unsigned *type, struct slice *body)
{
    if (!cursor_left(c))
        return false;
    *type = cursor_be16(c);
    *body = tls_vector(c, 2);
    return !c->bad;
}

/* The number that an extension of two octets holds; `otherwise`: it is none of them. */
static inline unsigned tls_number(struct slice body, unsigned otherwise)
{
    return body.n == 2 ? (unsigned)(uint8_t)body.p[0] << 8 | (uint8_t)body.p[1] : otherwise;
}

#endif
