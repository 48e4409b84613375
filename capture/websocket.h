/* websocket: frames of a WebSocket (RFC 6455 section 5.2), counted as they pass. Only counts, sizes and times are kept,
 * so that what permessage-deflate made of the content does not matter. State lives in the exchange's arena. */
#ifndef CAPTURE_WEBSOCKET_H
#define CAPTURE_WEBSOCKET_H

#include "capture/head.h"

enum { WEBSOCKET_HEAD_MAX = 14 };

struct websocket_side {
    uint64_t left; /* payload octets to go */
    uint8_t have;  /* octets of the frame's head */
    uint8_t head[WEBSOCKET_HEAD_MAX];
    bool control;    /* the payload is a control frame's */
    bool in_message; /* continuation frames may follow */
    bool lost;       /* what follows cannot be told apart */
};

struct websocket {
    struct websocket_facts facts;
    struct websocket_side side[2];
};

/* The answer's head opens one; s is its exchange, whose request is whole. NULL: it does not, or no memory. */
struct websocket *websocket_begin(struct slot_pool *pool, struct slot *s, const struct head *answer);
/* HTTP/2 opened one (RFC 8441). */
struct websocket *websocket_open(struct slot_pool *pool, struct slot *s);
/* Octets of one direction, in order; ts: their time. */
void websocket_data(struct websocket *w, int role, const char *p, size_t n, int64_t ts);
/* n octets were lost; inside one frame's payload counting goes on, else it ends there. */
void websocket_gap(struct websocket *w, int role, uint64_t n);
/* Nothing more is counted in this direction. */
void websocket_lose(struct websocket *w, int role);

#endif
