/* redis: the decoder of a connection to Redis, RESP2 or RESP3, after both sides' framing (resp.h): which command is
 * what, which answer tells a hit, what is no answer at all: pushes, messages of subscriptions, what CLIENT REPLY leaves
 * out. Arguments that are no keys are looked at where they say a lifetime, and never kept; those of AUTH and HELLO are
 * passed by. A connection that becomes a replica's or a monitor's is read no further. */
#ifndef CAPTURE_REDIS_H
#define CAPTURE_REDIS_H

#include "capture/cacheops.h"
#include "capture/resp.h"

/* The command that is being read. */
struct redis_request {
    const struct cache_command *command;
    int64_t args, at; /* how many there are; which is next */
    int64_t last_key;
    uint8_t option; /* what the argument before was, enum of redis.c */
    uint8_t reply;  /* CLIENT REPLY: its mode */
    bool client_reply, inline_line, open;
};

enum redis_reply_kind { REDIS_ANSWER, REDIS_UNSURE, REDIS_PUSH, REDIS_CONFIRM, REDIS_EXEC };

struct redis_reply {
    enum redis_reply_kind kind;
    bool open, exec_fits, push;
    int64_t t0, elements; /* elements: of the whole answer, on its first level */
    uint64_t bytes, ack_offset;
    uint32_t element, any; /* of the command at hand; any: of its elements, how many are there */
    struct cacheops_answer result;
};

struct redis {
    struct cacheops ops;
    struct resp side[2];
    struct redis_request request;
    uint64_t begin; /* of the request: where, and when */
    int64_t begin_ts;
    struct redis_reply reply;
    bool subscribed, in_multi, mute, mute_next, ended;
};

void redis_open(struct redis *r, struct cache_env *e, struct conn *conn, bool sure);
void redis_feed(struct redis *r, struct cache_env *e, int role, const struct chunk *c);
void redis_gap(struct redis *r, struct cache_env *e, int role, uint64_t n);
void redis_close(struct redis *r, struct cache_env *e, enum end_state end);

enum cache_guess { CACHE_GUESS_NO, CACHE_GUESS_MAYBE, CACHE_GUESS_YES };
/* Whether these octets of a client begin with a command: an array of values. */
enum cache_guess redis_guess(struct slice bytes);
/* Whether a command stands on a line that Redis would take without framing. */
bool redis_knows_word(struct slice word);
/* Whether octets of a server may begin an answer. */
bool redis_answers(struct slice bytes);

#endif
