/* h2stream: the streams of one HTTP/2 connection as exchanges (RFC 9113 section 8.1). Told by h2.c what the frames say.
 */
#ifndef CAPTURE_H2STREAM_H
#define CAPTURE_H2STREAM_H

#include "capture/h2.h"

/* When something was sent: first and last octet, and the packet that made it whole. */
struct h2_when {
    int64_t first_ts, last_ts;
    uint64_t order;
};

/* One direction of a stream. */
struct h2_message {
    struct body_state *body; /* running digest; NULL until DATA comes in pieces */
    uint64_t body_id, bytes, length;
    int64_t last_ts;
    uint64_t order;
    bool head, done;
    bool truncated;  /* octets of the body are missing */
    bool lost;       /* the direction lost octets since the head: whether they were of this message is not known */
    bool has_length; /* content-length */
};

struct h2_stream {
    uint32_t id;
    struct h2_stream *chain; /* of the bucket */
    struct h2_stream *older, *newer;
    struct slot *slot; /* NULL: it has left, or there never was one */
    struct h2_message message[2];
    int64_t touched;
    bool settled;   /* nothing is to come of it any more; kept so that late frames find it */
    bool websocket; /* the request asks for one (RFC 8441): what follows its head are frames of that */
    bool unknown;   /* its request's head has unknown parts without which there is no request */
};

struct h2_stream *h2stream_find(const struct h2 *h, uint32_t id);
/* A header block was read into env->list: request, answer, interim answer or trailers; `ends`: END_STREAM. */
void h2stream_head(struct h2_env *env, struct h2 *h, int role, uint32_t id, const struct h2_when *w, bool ends);
/* A header block that could not be read. */
void h2stream_head_lost(struct h2_env *env, struct h2 *h, int role, uint32_t id, const struct h2_when *w, bool ends);
/* A PUSH_PROMISE, its block in env->list, that the server will answer by itself. */
void h2stream_promise(struct h2_env *env, struct h2 *h, uint32_t promised, const struct h2_when *w);
/* Octets of DATA. `whole`: with them the message is complete and has no others. */
void h2stream_data(struct h2_env *env, struct h2_stream *s, int role, const char *p, size_t n, bool whole,
                   const struct chunk *c);
/* n octets of DATA, or of a head, were lost. */
void h2stream_gap(struct h2_stream *s, int role, uint64_t n);
/* END_STREAM on DATA. */
void h2stream_end(struct h2_env *env, struct h2 *h, struct h2_stream *s, int role, const struct h2_when *w);
void h2stream_reset(struct h2_env *env, struct h2 *h, int role, uint32_t id, int64_t ts);
/* The server will answer nothing above `last`. */
void h2stream_goaway(struct h2_env *env, struct h2 *h, uint32_t last);
/* Frames of this direction may have been lost. */
void h2stream_lost(struct h2 *h, int role);
/* The request of an upgrade. */
void h2stream_upgraded(struct h2_env *env, struct h2 *h, struct slot *request);
/* The connection is over. */
void h2stream_close(struct h2_env *env, struct h2 *h);

#endif
