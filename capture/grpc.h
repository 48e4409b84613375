/* grpc: messages of a gRPC call (gRPC over HTTP/2, "Length-Prefixed-Message") and of gRPC-Web, counted as the body's
 * octets pass. Only counts, sizes, the deadline and the status are kept. State lives in the exchange's arena. */
#ifndef CAPTURE_GRPC_H
#define CAPTURE_GRPC_H

#include "capture/head.h"

enum { GRPC_TRAILER_MAX = 512 };

struct grpc_side {
    uint32_t left; /* octets of the message to go */
    uint8_t have;  /* octets of the prefix */
    uint8_t prefix[5];
    bool lost;            /* what follows cannot be told apart */
    bool begun, coded;    /* an octet came; it is base64 */
    uint8_t digits, pads; /* of the group of four being read */
    uint32_t group;
};

/* What framing needs between two pieces of body, and what it found. */
struct grpc {
    struct grpc_facts facts;
    struct grpc_side side[2];
    bool text;          /* grpc-web-text: base64 */
    uint16_t n_trailer; /* of a trailers frame in the body (gRPC-Web) */
    char trailer[GRPC_TRAILER_MAX];
};

/* The request's head is a call's: NULL when it is none, or without memory. */
struct grpc *grpc_begin(struct slot_pool *pool, struct slot *s, const struct head *h);
void grpc_data(struct grpc *g, int role, const char *p, size_t n);
/* Octets of the body were lost: messages after them are not counted. */
void grpc_gap(struct grpc *g, int role);
/* grpc-status as a field, in trailers or in a head that is trailers, too. */
void grpc_status(struct grpc *g, struct slice value);
/* No more octets of this direction. */
void grpc_end(struct grpc *g, int role);

#endif
