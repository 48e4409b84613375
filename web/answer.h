/* answer: what goes back to a client, before any HTTP library sees it. */
#ifndef WEB_ANSWER_H
#define WEB_ANSWER_H

#include "base/buf.h"

/* Bytes that several answers may share. */
struct body;

/* Takes the buffer over. NULL: out of memory, or the buffer had failed (it is freed then). */
struct body *body_take(struct buf *b);
/* Bytes that live for ever. */
struct body *body_static(struct slice s);
struct body *body_share(struct body *b); /* one more owner */
void body_release(struct body *b);       /* NULL is allowed */
struct slice body_bytes(const struct body *b);

struct answer {
    unsigned status;
    const char *type;  /* Content-Type */
    struct body *body; /* owned; NULL: empty */
    bool stream;       /* instead of a body: server-sent events */
    bool fixed;        /* may be kept by the browser, to be asked about with its ETag */
    char etag[24];     /* with its quotes; empty: none */
    char location[64], cookie[128], allow[16], retry[8], disposition[80];
    bool challenge; /* WWW-Authenticate */
};

void answer_text(struct answer *a, unsigned status, const char *text);
/* {"error": text, "allowed": [a, b]}; `allowed` is joined with ", ", NULL: none. 503 asks to come back in a second. */
void answer_error(struct answer *a, unsigned status, const char *text, const char *allowed);
void answer_buf(struct answer *a, unsigned status, const char *type, struct buf *b);

#endif
