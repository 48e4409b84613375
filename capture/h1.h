/* h1: the HTTP/1.x decoder (RFC 9112) of one connection: both directions, pipelining, loss. Bodies become length and
 * digest. */
#ifndef CAPTURE_H1_H
#define CAPTURE_H1_H

#include "base/buf.h"
#include "capture/chunk.h"
#include "capture/pair.h"

enum h1_state {
    H1_HEAD,       /* a message may begin, or its head is being read */
    H1_LENGTH,     /* `left` body octets to go */
    H1_CHUNK_SIZE, /* in a chunk-size line */
    H1_CHUNK_DATA,
    H1_CHUNK_CRLF, /* after chunk data */
    H1_TRAILER,
    H1_CLOSE,  /* body until the connection closes */
    H1_LOST,   /* framing lost: waits for a segment that begins like a message */
    H1_TUNNEL, /* no longer HTTP/1 */
};

/* Two cache lines; messages that come whole look at the first alone. */
struct h1_side {
    enum h1_state state : 8;
    uint8_t digits;
    char tail; /* of the size or trailer line: its last character, or what stands behind the digits */
    bool in_message, truncated, ambiguous, counted;
    struct slot *slot;       /* the exchange whose message is being read; NULL: none wants it */
    struct buf carry;        /* a head, or the beginning of a stream, cut by segment borders */
    uint64_t left;           /* octets to go in the body or chunk */
    struct body_state *body; /* running digest; NULL until a body comes in pieces */
    uint64_t body_id, body_bytes;
    int64_t first_ts, last_ts; /* of the message being read */
    uint64_t order;
    uint64_t ack_offset; /* acknowledgement of the message's first packet */
    size_t scan;         /* head_end's memory */
    uint32_t line;       /* characters in the size or trailer line; trailer bytes in all */
};

struct h1 {
    struct pairing pairing;
    struct h1_side side[2];
};

/* What decoding needs of its surroundings. One per capture. */
struct h1_env {
    struct pair *pair;
    const struct hash_key *key;
    struct body_key bodies;
    uint64_t *memory, memory_limit; /* reassembly's account */
    struct known known;
    struct body_state *spare[32];
    unsigned n_spare;
    size_t rest; /* octets of the last chunk that were not read: they are another protocol's */
};

enum h1_event {
    H1_OK,
    H1_TUNNELLED, /* CONNECT: detect again */
    H1_UPGRADED,  /* websocket or another follows */
    H1_H2C,       /* HTTP/2 follows; side[1].slot: the request as its stream 1, or NULL */
};

void h1_open(struct h1 *h, struct conn *conn);
/* Keeps bytes whose meaning is not decided yet. False: no room. */
bool h1_stash(struct h1_env *env, struct h1 *h, int role, const struct chunk *c);
/* Drops what was stashed. */
void h1_forget(struct h1_env *env, struct h1 *h, int role);
/* What was stashed up to and including c begins a message: reads on from there. */
enum h1_event h1_resume(struct h1_env *env, struct h1 *h, int role, const struct chunk *c);
enum h1_event h1_feed(struct h1_env *env, struct h1 *h, int role, const struct chunk *c);
/* Its messages are counted now; to be told by nothing else. */
bool h1_is_websocket(const struct h1 *h);
/* n bytes of this direction will never be seen. `offset`: where they begin. */
void h1_gap(struct h1_env *env, struct h1 *h, int role, uint64_t n, uint64_t offset);
/* A direction ended. */
void h1_end(struct h1_env *env, struct h1 *h, int role, enum chunk_end how);
/* The connection is over: nothing waits any longer. `first`: the role that ended first, -1 neither. Frees what h holds.
 */
void h1_close(struct h1_env *env, struct h1 *h, enum chunk_end how, int first);

void h1_env_fini(struct h1_env *env);

/* Octets of a body that another decoder reads: a running digest, or the spare ones. */
struct body_state *h1_body_take(struct h1_env *env);
void h1_body_give(struct h1_env *env, struct body_state *b);

#endif
