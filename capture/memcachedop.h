/* memcachedop: a command of memcached from its first octet to its answer, as lines and binary messages have in common;
 * for memcachedtext.c and memcachedbinary.c alone. */
#ifndef CAPTURE_MEMCACHEDOP_H
#define CAPTURE_MEMCACHEDOP_H

#include "capture/memcached.h"

enum memcached_form { /* of a command, by its arguments and its answer */
                      FORM_GET,
                      FORM_GAT,    /* as GET; a lifetime comes first */
                      FORM_STORE,  /* key, flags, lifetime, octets */
                      FORM_EXTEND, /* the same, but the lifetime stays what it was */
                      FORM_DELETE,
                      FORM_COUNT,
                      FORM_TOUCH,
                      FORM_META,
                      FORM_META_STORE,
                      FORM_META_END,
                      FORM_STATS,
                      FORM_PLAIN, /* one line, whatever it says */
                      FORM_QUIT,  /* no answer */
                      FORM_WATCH, /* the connection is a log from then on */
};

/* Octets of a key, of a value; MEMCACHED_QUIET: among the flags of a command. */
enum { MEMCACHED_KEY = 250, MEMCACHED_VALUE = 1 << 30, MEMCACHED_QUIET = 2 };

/* What an answer repeats of its command. */
struct answer_to {
    uint8_t opcode;       /* binary */
    uint64_t opaque, key; /* 0: not repeated */
    struct slice word;    /* meta: what it says */
};

/* A lifetime as the protocol has it, in us from now_us on; 0: for ever. */
int64_t memcachedop_lifetime(int64_t seconds, int64_t now_us);
/* The command that begins at m->begin; NULL: no room, and order is lost. */
struct cacheop *memcachedop_begin(struct memcached *m, struct cache_env *e, const struct cache_command *c);
void memcachedop_key(struct memcached *m, struct cache_env *e, struct slice key);
/* It is whole; `end`: in the client's stream. */
void memcachedop_finish(struct memcached *m, struct cache_env *e, const struct chunk *c, uint64_t end);
/* Passes by octets of a value and its line end. False: that is none. */
bool memcachedop_pass(struct memcached_side *s, const char **p, size_t *n);
/* Commands before the one that is answered leave. False: it cannot be told which that is, and nothing is said of it;
 * *lost: there is none. */
bool memcachedop_reach(struct memcached *m, struct cache_env *e, const struct answer_to *a, bool *lost);
/* The next key of the first command is there, or is not. */
void memcachedop_tell(struct memcached *m, bool hit, uint64_t bytes);
/* The answer to the first command is whole. */
void memcachedop_answer(struct memcached *m, struct cache_env *e, const struct chunk *c);

#endif
