/* memcached: the decoder of a connection to memcached, in lines (also the meta commands) or binary. Quiet commands are
 * answered only if there is something to say: an answer is held against the commands by what it repeats of them, its
 * opaque or key; those before it that are quiet had none. Where nothing tells two of them apart, nothing is said. */
#ifndef CAPTURE_MEMCACHED_H
#define CAPTURE_MEMCACHED_H

#include "capture/cacheops.h"
#include "capture/redis.h"

enum { MEMCACHED_WORD = 256, MEMCACHED_LINE = 640, MEMCACHED_HEAD = 24, MEMCACHED_BODY = 288 };

/* One direction. */
struct memcached_side {
    uint32_t n;                            /* of the word, line or head at hand */
    uint32_t at;                           /* client: which word it is */
    uint64_t skip;                         /* octets of a value to pass by, then its end */
    uint64_t body;                         /* binary: octets of the body to come */
    bool in_word, in_message, closes_line; /* closes_line: a value is followed by a line end */
    char text[MEMCACHED_LINE];
};

struct memcached {
    struct cacheops ops;
    bool binary, ended;
    struct memcached_side side[2];
    const struct cache_command *command; /* on the line that is being read */
    uint64_t begin, size;
    int64_t begin_ts;
    bool noreply, quiet;
    uint64_t opaque;
    /* the answer */
    int64_t t0;
    uint64_t bytes, ack_offset;
    uint32_t key_at;   /* keys of the command that were told */
    bool whole_leaves; /* the answer at hand is that of the first command, which leaves with it */
    bool blurred;      /* until the next command that is not quiet nothing is told */
    struct cacheops_answer result;
};

void memcached_open(struct memcached *m, struct cache_env *e, struct conn *conn, bool binary, bool sure);
void memcached_feed(struct memcached *m, struct cache_env *e, int role, const struct chunk *c);
void memcached_gap(struct memcached *m, struct cache_env *e, int role, uint64_t n);
void memcached_close(struct memcached *m, struct cache_env *e, enum end_state end);

#endif
