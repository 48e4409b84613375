/* coding: content-codings taken off a body while it passes (RFC 9110 section 8.4): gzip, deflate with and without
 * zlib's wrapping, br, zstd, and up to three of them stacked. Nothing is stored: what comes out is handed on in pieces.
 * Bounded: CODING_OUT octets, of which no more are made; in the end CODING_RATIO times what went in; memory by one
 * account for all that are open. */
#ifndef CAPTURE_CODING_H
#define CAPTURE_CODING_H

#include "base/slice.h"

enum {
    CODING_STAGES = 3,
    CODING_OUT = 1 << 20,
    CODING_RATIO = 100,
    CODING_SLACK = 8192, /* the ratio is held against what comes out beyond */
    CODING_OPEN = 16,    /* at once */
};

enum coding_state {
    CODING_GOOD,
    CODING_MISCODED, /* it is not what its field says, is damaged, or has something behind its end */
    CODING_EXCESS,   /* more came out than is allowed, or it needed more memory */
};

/* Those of one capture. */
struct codings {
    uint64_t memory, limit; /* bytes that decoders hold; what they may */
    unsigned open;
    uint64_t refused; /* bodies without a decoder, for want of room */
};

typedef void coding_sink(void *context, const char *p, size_t n);

struct coding;

/* Whether the field's value names codings, all of which are known. `identity` alone is none. */
bool coding_known(struct slice encoding);
/* NULL: not known, or no room (counted). */
struct coding *coding_open(struct codings *all, struct slice encoding, coding_sink *sink, void *context);
/* It may go on for ever: more than CODING_OUT octets may come out, as long as they are at most CODING_RATIO times what
 * went in. */
void coding_endless(struct coding *c);
/* Octets as they were sent. Anything but good is final. */
enum coding_state coding_feed(struct coding *c, const char *p, size_t n);
/* No more comes: good only if the coded body is whole. */
enum coding_state coding_end(const struct coding *c);
void coding_close(struct codings *all, struct coding *c);

#endif
