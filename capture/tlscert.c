#include "capture/tlscert.h"

#include "capture/tlscrypt.h"
#include "capture/tlswords.h"

/* The first certificate. False: the list is malformed, be it behind the first. */
static bool first_of(struct slice list, bool is13, struct slice *first)
{
    struct cursor c = cursor_of(list.p, list.n);
    *first = SLICE("");
    while (cursor_left(&c)) {
        struct slice one = tls_vector(&c, 3);
        if (is13)
            tls_vector(&c, 2); /* extensions */
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
        tls_vector(&c, 1); /* what a request after the handshake is answered by */
    struct slice list = tls_vector(&c, 3);
    if (c.bad || cursor_left(&c) || message.n > TLSCERT_MAX || !first_of(list, is13, &first))
        return TLSCERT_UNREAD;
    if (!first.n)
        return TLSCERT_NONE;
    return tls_certificate_name(first, who) && !who->failed ? TLSCERT_READ : TLSCERT_UNREAD;
}
