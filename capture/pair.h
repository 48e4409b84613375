/* pair: joins requests and responses into exchanges: in order, and after a loss by acknowledgement (CONTRACT: pairing).
 * Owns the slots from the request's head to the line of arrival. */
#ifndef CAPTURE_PAIR_H
#define CAPTURE_PAIR_H

#include "capture/chunk.h"
#include "capture/coding.h"
#include "capture/head.h"
#include "capture/line.h"
#include "capture/look.h"
#include "capture/operation.h"
#include "capture/seal.h"
#include "capture/slot.h"

/* A connection's requests that wait for their answers, oldest first. */
struct pairing {
    struct conn *conn;
    struct slot *first, *last;
    uint64_t read_to;        /* of the request stream, requests or losses */
    bool lost, answers_lost; /* bytes of requests after the last one read; of answers after the last one begun */
    bool pipelined;          /* the client has sent requests without waiting for answers */
};

/* So many leave together at most. */
enum { PAIR_TOGETHER = 32 };

struct pair {
    struct slot_pool slots;
    struct line line;
    struct exchange_sink sink;
    void (*take_all)(void *context, struct exchange *const *x, unsigned n); /* of the sink, many at once; may be NULL */
    struct exchange *leaving[PAIR_TOGETHER];                                /* in order, not sealed yet */
    unsigned n_leaving, together; /* they leave when there are so many of them */
    struct seal *seal;
    struct looks *looks;           /* NULL: bodies are not looked into */
    struct operations *operations; /* NULL: operations are not told apart */
    struct codings event_codings;
    struct capture_stats *stats;
    uint64_t in_flight;                        /* slots between their request's head and the line's end */
    void (*reclaim)(void *context, bool wait); /* asks for finished slots back; may be NULL */
    void *context;
};

/* A request's head was read. NULL: no memory for it (counted). ack_offset: of its first packet. `body`: all
 * h->length octets of its body, where they are here and any; else NULL. */
struct slot *pair_request(struct pair *p, struct pairing *q, const struct head *h, int64_t first_ts,
                          uint64_t ack_offset, const char *body);
/* The request is whole (or as whole as it will get). */
void pair_request_done(struct pair *p, struct slot *s, int64_t last_ts, uint64_t order, uint64_t end_offset);
/* A final answer's head was read: the exchange it belongs to, an orphan made for it, or NULL without memory. c: the
 * chunk it begins in, or what matters of that: its time, order and acknowledgement; offset: of its first byte, or
 * ACK_UNKNOWN. */
struct slot *pair_response(struct pair *p, struct pairing *q, const struct head *h, const struct chunk *c,
                           uint64_t offset);
/* The answer is whole, or as whole as it will get. */
void pair_response_done(struct pair *p, struct slot *s, int64_t last_ts);
/* The holder is told when the slot leaves, which it may do before its answer is whole: without memory the exchange of
 * which nothing was seen for longest goes. NULL: it is held no longer. */
static inline void pair_hold(struct slot *s, struct slot **holder)
{
    s->holder = holder;
}
/* The answer's head is that of a body: events are counted if it carries any. */
void pair_events(struct pair *p, struct slot *s, const struct head *h);
/* HTTP/2, where the stream says which request is answered. */
void pair_answer(struct pair *p, struct slot *s, const struct head *h, int64_t first_ts);
/* An answer without its request. NULL: no memory. */
struct slot *pair_orphan(struct pair *p, struct pairing *q, int64_t first_ts, uint64_t order);
/* Another exchange with the same whole request, which must not have left yet (RFC 7540 section 3.2). NULL: that was not
 * seen, or no memory. */
struct slot *pair_copy(struct pair *p, const struct slot *s);
/* The exchange ends as it is. */
void pair_end(struct pair *p, struct slot *s, enum end_state end);

/* A slot for what is no HTTP, and what lets it leave, filled: it has no place in the line of arrival, so it waits for
 * nothing. NULL: all are taken; no exchange is given up for it. */
struct slot *pair_apart(struct pair *p, const struct conn *conn);
void pair_leave_apart(struct pair *p, struct slot *s);

/* Request (role 0) or answer bytes were lost, up to offset. */
void pair_gap(struct pairing *q, int role, uint64_t offset);
/* No message was read yet, and what was lost is the other role's. */
void pair_swap(struct pairing *q);
/* Whether bytes were lost since order was last certain. */
static inline bool pair_lossy(const struct pairing *q)
{
    return q->lost || q->answers_lost;
}

/* The connection is over, and so is whatever waits; first: the role that ended it. */
void pair_close(struct pair *p, struct pairing *q, enum chunk_end how, int first);

/* Ends requests older than the answer timeout and lets the line move. */
void pair_tick(struct pair *p, int64_t now, int64_t answer_timeout);
/* What waits for others to leave with leaves. */
void pair_flush(struct pair *p);
/* Where the line of arrival ends; context: the pair. */
void pair_leave(void *context, struct exchange *x);
/* The capture is over. */
void pair_finish(struct pair *p);

#endif
