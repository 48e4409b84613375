/* cacheops: the commands of a connection to a cache that wait for their answers, in order, and whether that order is
 * certain. What leaves is an exchange of its own kind (struct cache_facts); it waits for nothing that arrived earlier.
 *
 * Answers carry no number, so that pairing is counting. Where the connection was seen from its beginning, without loss,
 * it is certain. Else it is taken up again where a segment of the client begins with a command and acknowledges all
 * that the server had sent, and is believed after CACHEOPS_ROUNDS rounds in a row of so many answers as commands, each
 * acknowledging its own, or after a silence of both sides; until then commands count, and nothing is said of their
 * answers. An answer too many, one that does not acknowledge its command or is none to it ends belief at once. */
#ifndef CAPTURE_CACHEOPS_H
#define CAPTURE_CACHEOPS_H

#include "capture/cachekey.h"
#include "capture/chunk.h"
#include "capture/h1.h"

enum { CACHEOPS_ROUNDS = 8, CACHEOPS_WAITING = 16384, CACHEOPS_UNSEEN = 64, CACHEOPS_QUIET_US = 1000000 };

/* One per capture. */
struct cache_env {
    struct h1_env *h1;
    struct cachekeys *keys; /* made when the first such connection is */
};

/* What a command is, from the tables of redis.c and memcached.c. */
struct cache_command {
    const char *name;
    uint8_t kind; /* enum cache_kind */
    uint8_t rule, ttl, flags;
    int8_t first, last, step; /* of its arguments, which are keys; first 0: none; last < 0: from the end */
    int8_t value;             /* the argument that is the value; 0: all that are no keys */
};

struct cacheop {
    const struct cache_command *command;
    int64_t t0, t1;
    uint64_t order, begin, end; /* begin, end: in the client's stream; end UINT64_MAX: it is not whole yet */
    uint64_t value_bytes;
    int64_t ttl_us; /* as of struct cache_facts */
    uint32_t n_keys, named;
    uint32_t extra;  /* redis: answers to come; memcached: opcode */
    uint64_t opaque; /* memcached: what its answer repeats */
    bool lookup, silent, queued;
    bool quiet; /* answered only if there is something to say */
};

/* A key of one, packed. */
struct cacheop_key {
    uint64_t hash;
    uint32_t bytes;
    uint16_t pattern;
    uint8_t outcome; /* enum cache_outcome */
};

/* First in, first out; both rings grow, within the capture's account of memory. */
struct cacheops_queue {
    struct cacheop *op;
    struct cacheop_key *key;
    uint32_t head, n, cap, key_head, n_keys, key_cap;
};

/* What a queue needs for its first command and key. */
enum { CACHEOPS_FIRST = 8 };
#define CACHEOPS_FIRST_BYTES (CACHEOPS_FIRST * (sizeof(struct cacheop) + sizeof(struct cacheop_key)))

enum cacheops_trust { CACHEOPS_LOST, CACHEOPS_TRIED, CACHEOPS_SURE };

struct cacheops {
    struct conn *conn;
    struct cacheops_queue waiting, held; /* held: commands of a transaction */
    enum cacheops_trust trust;
    uint8_t rounds, proto;
    bool dry;         /* nothing leaves: it is looked whether answers fit */
    bool answered;    /* since the round was looked at */
    bool known;       /* some command left, or waits */
    uint64_t seen[2]; /* how far each stream was read */
    int64_t last_ts;
    uint64_t client_hash;
    uint8_t identity;
};

/* What came of the answer. */
struct cacheops_answer {
    int64_t t0, t1;
    uint64_t bytes, value_bytes;
    uint32_t hits, misses, untold;
    bool failed;
};

void cacheops_open(struct cacheops *o, struct cache_env *e, struct conn *conn, enum proto proto, bool sure);
/* Whether a chunk is to be read. `begins`: one of the client that begins with a command; `idle`: both directions are
 * between messages. *again: it is where reading begins anew, so that what either side's parser holds is void. */
bool cacheops_heed(struct cacheops *o, int role, const struct chunk *c, bool begins, bool idle, bool *again);
void cacheops_heard(struct cacheops *o, int role, const struct chunk *c);
/* The next command, whole but for its keys; NULL: no room, and order is lost. */
struct cacheop *cacheops_add(struct cacheops *o, struct cache_env *e, struct cacheops_queue *q);
void cacheops_add_key(struct cacheops *o, struct cache_env *e, struct cacheops_queue *q, struct slice key, bool whole);
static inline struct cacheop *cacheops_first(struct cacheops_queue *q)
{
    return q->n ? &q->op[q->head & (q->cap - 1)] : NULL;
}
static inline struct cacheop *cacheops_last(struct cacheops_queue *q)
{
    return q->n ? &q->op[(q->head + q->n - 1) & (q->cap - 1)] : NULL;
}
/* Key i of the first command, or NULL. */
static inline struct cacheop_key *cacheops_key(struct cacheops_queue *q, uint32_t i)
{
    const struct cacheop *op = cacheops_first(q);
    return op && i < op->n_keys ? &q->key[(q->key_head + i) & (q->key_cap - 1)] : NULL;
}
/* Whether an answer whose packet acknowledges so much may be one to this. */
static inline bool cacheops_acknowledges(const struct cacheop *op, uint64_t ack_offset)
{
    return op && op->end != UINT64_MAX && (ack_offset == ACK_UNKNOWN || ack_offset >= op->end);
}
/* An answer begins whose packet acknowledges so much of the client's stream. False: it cannot be the first command's,
 * and order is lost. */
bool cacheops_fits(struct cacheops *o, struct cache_env *e, uint64_t ack_offset);
/* The first command of q leaves. a NULL: nothing is known of an answer, and it ends so. */
void cacheops_leave(struct cacheops *o, struct cache_env *e, struct cacheops_queue *q, const struct cacheops_answer *a,
                    enum end_state end);
/* Silent commands at the front, to which there is no answer, leave. */
void cacheops_pass_silent(struct cacheops *o, struct cache_env *e);
/* The first command goes from one queue to the other. */
void cacheops_hold(struct cacheops *o, struct cache_env *e);
/* Order is lost: all that wait leave without an answer. */
void cacheops_lose(struct cacheops *o, struct cache_env *e);
void cacheops_close(struct cacheops *o, struct cache_env *e, enum end_state end);
/* All that wait leave; what they waited in stays, for who opens it again. */
void cacheops_end(struct cacheops *o, struct cache_env *e, enum end_state end);
/* To try answers on: *to has what waits in o, and lets nothing leave. False: no memory. Its queue is the caller's to
 * free with cacheops_untry. */
bool cacheops_try(const struct cacheops *o, struct cacheops *to);
void cacheops_untry(struct cacheops *to);

#endif
