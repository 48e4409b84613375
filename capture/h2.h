/* h2: HTTP/2 (RFC 9113) of one connection, read from outside: frames of both directions, their header blocks, and
 * streams as exchanges. Begins with the preface, after an upgrade, or anywhere; after a loss it goes on at the next
 * place where frames can be told. Which answer belongs to which request is said by the stream alone. */
#ifndef CAPTURE_H2_H
#define CAPTURE_H2_H

#include "capture/h1.h"
#include "capture/hpack.h"

enum {
    H2_FRAME_HEAD = 9,
    H2_BLOCK_MAX = 128 * 1024, /* octets of a header block, coded: what is longer is not read */
    H2_STREAMS_MAX = 1024,     /* open at once in one connection: beyond, the least useful goes */
    H2_BUCKETS = 64,
    H2_SETTINGS = 8, /* not acknowledged yet */
};
#define H2_STALE_US INT64_C(60000000) /* a stream whose end may have been lost is over after that much silence */

enum h2_state {
    H2_PREFACE, /* in the client's first 24 octets */
    H2_HEAD,    /* a frame begins */
    H2_PADDING, /* the octet before padded DATA that says how much padding there is */
    H2_DATA,    /* in DATA */
    H2_COLLECT, /* in a frame that is read as a whole */
    H2_SKIP,    /* in a frame of no interest, or padding */
    H2_LOST,    /* framing lost */
};

/* A header block, or the frame being collected. */
struct h2_block {
    struct buf carry; /* fragments so far */
    uint32_t stream, promised;
    int64_t first_ts, last_ts;
    uint64_t order;
    uint8_t flags;
    bool open, bad; /* CONTINUATION follows; it cannot be read */
};

/* Values of SETTINGS_HEADER_TABLE_SIZE that wait for their acknowledgement, oldest first. */
struct h2_settings {
    uint32_t size[H2_SETTINGS]; /* UINT32_MAX: left as it is */
    uint8_t n;
    bool off; /* some may have been missed: size updates alone are believed */
};

struct h2_side {
    uint8_t state; /* enum h2_state */
    uint8_t head[H2_FRAME_HEAD], have;
    uint8_t type, flags, padding;
    bool resynced;
    uint32_t stream, left;      /* of the frame being read; octets to go, without padding in H2_DATA */
    uint32_t greatest, longest; /* stream and frame so far */
    int64_t first_ts, last_ts;  /* of the frame */
    uint64_t order;
    struct buf carry; /* the frame being collected */
    struct h2_block block;
    struct h2_settings settings;
    struct hpack hpack; /* reads what this side sends */
};

struct h2_stream;

struct h2 {
    struct pairing *pairing;
    struct h2_side side[2];
    struct h2_stream *bucket[H2_BUCKETS];
    struct h2_stream *oldest, *newest;
    unsigned n_streams;
};

/* What all HTTP/2 connections share. */
struct h2_env {
    struct h1_env *h1;
    struct hpack_list *list; /* made with the first connection */
    struct head *head;
    struct h2_stream *spare;
    unsigned n_spare;
};

/* Whether frames of HTTP/2 begin here: *speaker is 0 for the client's, 1 for the server's, -1 when they do not say.
 * `begins`: this is the beginning of the direction. */
bool h2_guess(struct slice bytes, bool begins, int *speaker);
/* False where it cannot be: a frame of usual length begins with 0, the preface with P. */
static inline bool h2_possible(struct slice s)
{
    return s.n && (s.p[0] == 0 || (s.p[0] == 'P' && (s.n == 1 || s.p[1] == 'R')));
}
bool h2_is_preface(struct slice bytes);

/* preface: the beginning was seen. NULL: no memory for it. */
struct h2 *h2_open(struct h2_env *env, struct pairing *pairing, bool preface);
/* The request of the upgrade is stream 1 (RFC 7540 section 3.2). NULL: it was not seen. */
void h2_upgraded(struct h2_env *env, struct h2 *h, struct slot *request);
void h2_feed(struct h2_env *env, struct h2 *h, int role, const struct chunk *c);
void h2_gap(struct h2_env *env, struct h2 *h, int role, uint64_t n);
/* Two copies of the same octets differed. */
void h2_ambiguous(struct h2 *h);
/* The connection is over; h is freed. */
void h2_close(struct h2_env *env, struct h2 *h, enum chunk_end how, int first);
void h2_env_fini(struct h2_env *env);

#endif
