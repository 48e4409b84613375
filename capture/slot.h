/* slot: where exchanges live: a bounded pool of equal nodes, each with an arena of its own. The single place where
 * overload shows. One thread takes and frees; the analyzer gives finished ones back through whatever carries them. */
#ifndef CAPTURE_SLOT_H
#define CAPTURE_SLOT_H

#include "base/prefetch.h"
#include "capture/exchange.h"

enum { SLOT_INLINE = 1024, SLOT_TEXT_MAX = 256 * 1024 };

/* A header field as it came: offsets into the raw head, so that 64 KiB heads stay small. */
struct rawfield {
    uint16_t name, value, value_n;
    uint8_t name_n, token;
};

/* A head as it came, credentials and all; lives in the slot's arena and is wiped by seal. */
struct rawhead {
    char *p;
    uint32_t n;
    uint16_t n_fields;
    bool vary; /* there is such a field */
    struct rawfield *fields;
};

static inline struct slice raw_name(const struct rawhead *h, const struct rawfield *f)
{
    return slice_of(h->p + f->name, f->name_n);
}

static inline struct slice raw_value(const struct rawhead *h, const struct rawfield *f)
{
    return slice_of(h->p + f->value, f->value_n);
}

/* What the request says of its scheme; UNSAID: as the connection is. */
enum slot_scheme { SCHEME_UNSAID, SCHEME_HTTP, SCHEME_HTTPS };

/* What look.c knows of an answer from the heads; neither JSON nor coded: its body is of no interest. */
struct look_candidate {
    uint64_t target, path; /* hashes of the service with the target, and with its path; 0: not a GET */
    uint8_t coding;        /* class of its codings; 0: none */
    bool json;
};

/* What is found out of a target once. */
struct target_seen {
    uint64_t path, query; /* hash_quick of what stands before its `?`, and from there on */
    uint32_t mark;        /* offset of the `?`; where there is none, the length */
};

struct grpc;
struct operation;
struct websocket;
struct eventstream;
struct look;
struct slot_extra; /* arena blocks beyond the inline one */

/* The exchange; what sealing needs; pairing and its like; the arena. Each begins, or nearly so, where a cache line
 * does.
 */
struct slot {
    _Alignas(64) struct exchange x;
    struct rawhead request, response;
    struct slice method, target; /* in the request's */
    uint32_t used, extra_bytes;  /* of the arena */
    struct slot_extra *extra;    /* NULL: all of it is in text */
    uint64_t block;              /* which block of fields its request begins with (struct head); 0: none known */
    uint8_t n_block;             /* fields of it */
    uint8_t scheme;              /* enum slot_scheme */
    bool overflow;               /* something did not fit the arena's bounds */
    bool request_done, response_started, response_done, head_method, connect_method;
    uint64_t who;         /* of the connection when the request came (struct conn) */
    uint64_t token;       /* identifier_expect's */
    uint64_t target_hash; /* redact_expect's */
    struct target_seen seen;
    struct grpc *grpc;           /* in the arena; NULL: no gRPC */
    struct websocket *websocket; /* in the arena; NULL: none, or not yet */
    struct eventstream *events;  /* in the arena; NULL: no server-sent events */
    struct operation *operation; /* at the body that passes; NULL: none */
    struct look *look;           /* at the answer's body while it passes; NULL: none */
    struct look_candidate candidate;
    /* pair: place in the connection's queue of unanswered requests */
    struct slot *conn_next, *conn_prev;
    uint64_t had_offset;     /* how much of the answers the client had when it sent this, or ACK_UNKNOWN */
    uint64_t begin_offset;   /* request stream offset at or before its first byte */
    uint64_t end_offset;     /* request stream offset after its last byte; UINT64_MAX while unknown */
    struct pairing *pairing; /* NULL: no longer in a queue */
    struct slot **holder;    /* its decoder's pointer to this, cleared when it leaves; may be NULL */
    int64_t touched;         /* when something of it was seen last */
    uint32_t paced[2];       /* of the connection when the answer began (capture/pace.h) */
    bool lost_before;        /* a request may have been lost between the one before and this */
    uint8_t line;            /* enum line_state of line.c */
    /* line: place in the line of arrival */
    struct slot *line_next, *line_prev;
    _Alignas(64) char text[SLOT_INLINE];
};

struct slot_pool {
    struct slot *nodes;
    uint32_t capacity, touched, ready, taken, taken_peak; /* ready: slots whose memory was asked for */
    uint32_t n_free;
    struct slot **free; /* n_free of them, the one given last at the end: a list through them would wait for each */
    uint64_t extra_bytes, extra_limit;
};

/* Reserves address space for `capacity` slots; memory is touched as it fills. False: no address space. */
bool slot_pool_init(struct slot_pool *pool, uint32_t capacity, uint64_t extra_limit);
void slot_pool_fini(struct slot_pool *pool);
/* One that was never taken; NULL: there is none. */
struct slot *slot_fresh(struct slot_pool *pool);
/* A zeroed slot, or NULL when all are taken. */
static inline struct slot *slot_take(struct slot_pool *pool)
{
    struct slot *s = pool->n_free ? pool->free[--pool->n_free] : slot_fresh(pool);
    if (!s)
        return NULL;
    memset(s, 0, offsetof(struct slot, text));
    if (++pool->taken > pool->taken_peak)
        pool->taken_peak = pool->taken;
    return s;
}

void slot_give(struct slot_pool *pool, struct slot *s);
void *slot_alloc_beyond(struct slot_pool *pool, struct slot *s, size_t n);
/* n bytes that live as long as the slot, 8-aligned; NULL (and overflow, sticky) beyond the bounds. */
static inline void *slot_alloc(struct slot_pool *pool, struct slot *s, size_t n)
{
    size_t rounded = (n + 7) & ~(size_t)7;
    if (__builtin_expect(rounded > SLOT_INLINE - s->used, 0))
        return slot_alloc_beyond(pool, s, rounded);
    void *at = s->text + s->used;
    s->used += (uint32_t)rounded;
    return at;
}

/* Asks for what sealing will read, and write, of one that is filled. */
static inline void slot_near(const struct slot *s)
{
    prefetch_lines(s, offsetof(struct slot, conn_next));
    prefetch_lines(s->text, 640); /* both heads of most, and what comes of them */
}

/* Value of the first field with this token in a raw head, or NULL p. */
static inline struct slice slot_field(const struct rawhead *h, enum token t)
{
    for (unsigned i = 0; i < h->n_fields; i++)
        if (h->fields[i].token == t)
            return slice_of(h->p + h->fields[i].value, h->fields[i].value_n);
    return (struct slice){NULL, 0};
}

static inline struct slot *slot_of(const struct exchange *x)
{
    return (struct slot *)(uintptr_t)x; /* x is the first member */
}

#endif
