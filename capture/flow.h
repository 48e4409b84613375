/* flow: the connections seen: finds or makes the node of a segment, reassembles both directions (reasm.h), ends the
 * idle ones. Bounded in nodes and in bytes held; what is given up is counted. */
#ifndef CAPTURE_FLOW_H
#define CAPTURE_FLOW_H

#include "base/order.h"
#include "base/prefetch.h"
#include "capture/decode.h"
#include "capture/dedup.h"
#include "capture/segment.h"
#include "capture/split.h"

enum { HOLE_ACKED_US = 250000, HOLE_ONEWAY_US = 2000000, HOLE_OPEN_US = 60000000, FLOW_HELD_MAX = 4 << 20 };
enum { FLOW_PIECES_MAX = 8192 }; /* that wait in one direction: each is looked for among them */
enum { FLOW_WAITING_MAX = 4096 };
enum { WHEEL_SLOTS = 128, WHEEL_STEP_US = 8000000, FLOW_LINGER_US = 16000000 };
#define FLOW_IDLE_US INT64_C(640000000)

/* A segment that waits for earlier bytes. */
struct held {
    struct held *next;
    int64_t ts;
    uint64_t order;
    uint32_t seq, ack, n;
    bool has_ack;
    char p[];
};

/* One direction, as long as all is in order: half a cache line. */
struct side {
    uint32_t next;    /* sequence number of the next byte to deliver */
    uint32_t acked;   /* greatest acknowledgement of the other side; valid when has_acked */
    uint64_t offset;  /* of `next` in the stream */
    int64_t rtt_ts;   /* start of the running round-trip sample; TIME_NONE: none runs */
    uint32_t rtt_seq; /* acknowledgement that ends it */
    bool init : 1, by_ack : 1, has_acked : 1, fin : 1, ended : 1, seen : 1;
};

/* What else there is of it. */
struct wanting {
    struct held *held, *last; /* by sequence number, without overlaps */
    int64_t since;            /* it lacks bytes; TIME_NONE: it lacks none */
    uint32_t at;              /* where the hole begins that there is since */
    uint32_t fin_seq;         /* valid when fin */
    bool acked;               /* the hole was, when last looked at */
};

/* In the order of cache lines: what each segment looks at; connection, pace; directions; decoding; the rest. */
struct flow {
    _Alignas(64) uint64_t pair[2]; /* as those of its segments (segment.h) */
    int64_t last;
    int64_t syn_ts, synack_ts;
    uint32_t hash, index;
    uint16_t window[2]; /* as client and server last said, not scaled */
    uint8_t client;     /* index of the client's endpoint and direction */
    bool settled;       /* see is_settled of flow.c */
    bool paced;         /* conn.pace is on, or was */
    bool client_known : 1, syn : 1, closed : 1, hole : 1, rst : 1;
    struct conn conn;
    struct side side[2];
    struct decoding decoding; /* what decoding keeps */
    struct wanting wanting[2];
    struct endpoints ends;
    int64_t deadline;
    struct flow *hole_next, *hole_prev;
    uint32_t held_bytes[2], held_pieces[2]; /* of each direction */
    int8_t first_end;                       /* role that ended first, -1 none */
    bool waits;                             /* it is in flow_table.waiting */
};

_Static_assert(sizeof(void *) != 8 || (offsetof(struct flow, conn.pace) == 128 && offsetof(struct flow, side) == 192 &&
                                       sizeof(struct side) == 32 && offsetof(struct flow, decoding) == 256),
               "cache lines, as flow_ask asks for them");

struct flow_slot {
    uint32_t node; /* index + 1; 0: free */
    uint32_t hash;
};

/* Of a connection, in a list of the wheel, or of free nodes: beside each other, since lists go anywhere in memory. */
struct flow_link {
    uint32_t next; /* index + 1; 0: none */
    uint32_t prev; /* index; or which list it is the first of */
};

/* A connection whose records wait for a secret. */
struct flow_waiting {
    uint32_t index;
    uint64_t conn; /* its number: the node may be another's by now */
};

struct flow_table {
    struct flow *nodes;
    struct flow_link *links; /* of each node */
    uint32_t capacity, touched, live;
    uint32_t free;           /* index + 1 of the first free node; 0: none */
    struct flow_slot *slots; /* open addressing, at most half full where memory allows; grows */
    uint32_t mask;
    uint32_t wheel[WHEEL_SLOTS]; /* index + 1 of the first in each list */
    struct flow *holes;
    int64_t wheel_at, wheel_due, holes_checked, now;
    uint64_t conn_id, order;
    uint64_t held_bytes, held_limit;
    struct decode_env *env;
    struct capture_stats *stats;
    struct hash_key key;
    struct dedup *dedup; /* NULL: second copies of packets are not looked for */
    struct split split;
    unsigned eased; /* capture/ease.h: which new connections are read */
    struct flow_waiting
        waiting[FLOW_WAITING_MAX]; /* for secrets; those beyond are tried at their next packet, or at the end */
    uint32_t n_waiting;
};

bool flow_init(struct flow_table *t, uint32_t capacity, uint64_t held_limit, struct decode_env *env,
               struct capture_stats *stats, const struct hash_key *key);
/* Whose segment it is: sets flow and pair. */
void flow_key(const struct flow_table *t, struct segment *s);
/* Looks for the connection of a segment that comes soon, most likely, and asks for its first line. Sets near. To be
 * called for many one after the other: each may wait for its page to be found, and they do so together. */
static inline void flow_near(const struct flow_table *t, struct segment *s)
{
    uint32_t i = s->flow & t->mask, node;
    while ((node = t->slots[i].node) != 0 && t->slots[i].hash != s->flow)
        i = (i + 1) & t->mask;
    s->near = node ? &t->nodes[node - 1] : NULL;
    prefetch(&t->nodes[node - (node != 0)]);
}

/* Asks for the rest of it: for all lines at once that the segment takes, since they are read one after the other, and
 * each would be waited for. */
static inline void flow_ask(const struct flow_table *t, struct segment *s)
{
    if (__builtin_expect(!s->near, 0))
        flow_near(t, s); /* it may have begun since */
    struct flow *f = s->near;
    if (!f)
        return;
    prefetch(f->side);
    /* Without data those of the first node, which are near: a jump guessed wrong costs more. */
    f = (struct flow *)((char *)t->nodes + (((char *)f - (char *)t->nodes) & -(ptrdiff_t)(s->n != 0)));
    prefetch(&f->conn.id);
    prefetch(&f->conn.pace);
    prefetch(&f->decoding);
    prefetch(&f->decoding.h1.side[0]);
    prefetch(&f->decoding.h1.side[1]);
}

/* Asks for what it has beyond that. */
static inline void flow_ask_all(const struct flow *f)
{
    prefetch_lines(&f->decoding, sizeof *f - offsetof(struct flow, decoding));
}

/* One TCP segment that flow_key was called for, in capture order. */
void flow_segment(struct flow_table *t, const struct segment *s);
/* Packet time moved on: overdue holes are declared lost, idle flows ended. */
void flow_tick(struct flow_table *t, int64_t now);
/* The same; most of the time nothing is due. */
static inline void flow_pass(struct flow_table *t, int64_t now)
{
    if (t->holes || now >= t->wheel_due)
        flow_tick(t, now);
    else
        t->now = now > t->now ? now : t->now;
}

/* Secrets came: what waits for some is tried again. */
void flow_secrets(struct flow_table *t);
/* The capture is over: every flow ends. */
void flow_finish(struct flow_table *t);
void flow_fini(struct flow_table *t);

/* For reasm.c: puts f on the list of flows with a hole, due at `deadline`; or takes it off. */
void flow_hole(struct flow_table *t, struct flow *f, int64_t deadline);
void flow_whole(struct flow_table *t, struct flow *f);

/* A segment of role whose acknowledgement is this segment's, if it is greater; where the answer is paced, or may be. */
void flow_pace(struct flow *f, int role, const struct segment *s);
/* What it carried was handed on: the connection may wait for secrets from now on. */
void flow_note_waiting(struct flow_table *t, struct flow *f);

static inline int flow_role(const struct flow *f, int dir)
{
    return dir ^ f->client;
}

#endif
