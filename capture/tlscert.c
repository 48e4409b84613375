#include "capture/tlscert.h"

#include "base/cursor.h"
#include "capture/tlscrypt.h"

/* A vector with a length of so many octets. */
static struct slice vector(struct cursor *c, unsigned octets)
{
    size_t n = 0;
    for (unsigned i = 0; i < octets; i++)
        n = n << 8 | cursor_u8(c);
    const uint8_t *p = cursor_take(c, n);
    return p ? slice_of(p, n) : SLICE("");
}

/* The first certificate. False: the list is malformed, be it behind the first. */
static bool first_of(struct slice list, bool is13, struct slice *first)
{
    struct cursor c = cursor_of(list.p, list.n);
    *first = SLICE("");
    while (cursor_left(&c)) {
        struct slice one = vector(&c, 3);
        if (is13)
            vector(&c, 2); /* extensions */
        if (c.bad || !one.n)
            return false;
        if (!first->n)
            *first = one;
    }
    return true;
}

enum tlscert tlscert_read(struct slice message, bool is13, struct buf *who)
{
    struct slice first;
    if (!message.n)
        return TLSCERT_UNREAD;
    struct cursor c = cursor_of(message.p, message.n);
    if (is13)
        vector(&c, 1); /* what a request after the handshake is answered by */
    struct slice list = vector(&c, 3);
    if (c.bad || cursor_left(&c) || message.n > TLSCERT_MAX || !first_of(list, is13, &first))
        return TLSCERT_UNREAD;
    if (!first.n)
        return TLSCERT_NONE;
    return tls_certificate_name(first, who) && !who->failed ? TLSCERT_READ : TLSCERT_UNREAD;
}
