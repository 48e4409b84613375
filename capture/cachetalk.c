#include "capture/cachetalk.h"

#include <stdlib.h>

#include "capture/memcachedbinary.h"
#include "capture/memcachedtext.h"

struct cachetalk {
    enum cachetalk_kind kind;
    union {
        struct redis redis;
        struct memcached memcached;
    };
};

/* A word on a line, as both take them: the server's answer tells whose it is. */
static enum cachetalk_kind tell_line(struct slice client, struct slice server)
{
    bool sure;
    enum cache_guess line = memcachedtext_guess(client, &sure);
    size_t end = slice_find(client, '\n', 0), word = 0;
    while (word < client.n && (ascii_alpha(client.p[word]) || client.p[word] == '_'))
        word++;
    bool whole = end < client.n;
    bool inlined = word && word < client.n && strchr(" \r\n", client.p[word]) && client.p[word] &&
                   redis_knows_word(slice_sub(client, 0, word));
    if (line == CACHE_GUESS_YES && sure)
        return CACHETALK_LINES;
    if (line == CACHE_GUESS_NO && !inlined)
        return CACHETALK_NONE;
    if (!server.n || !whole)
        return CACHETALK_UNSURE;
    if (line == CACHE_GUESS_YES && memcachedtext_may_answer(server))
        return CACHETALK_LINES;
    return inlined && redis_answers(server) && server.n > 2 ? CACHETALK_REDIS : CACHETALK_NONE;
}

enum cachetalk_kind cachetalk_tell(struct slice client, struct slice server)
{
    enum cache_guess guess = redis_guess(client);
    if (guess != CACHE_GUESS_NO)
        return guess == CACHE_GUESS_YES ? CACHETALK_REDIS : CACHETALK_UNSURE;
    guess = memcachedbinary_guess(client);
    if (guess != CACHE_GUESS_NO)
        return guess == CACHE_GUESS_YES ? CACHETALK_BINARY : CACHETALK_UNSURE;
    return client.n ? tell_line(client, server) : CACHETALK_NONE;
}

bool cache_env_open(struct cache_env *e)
{
    if (!e->keys)
        e->keys = cachekeys_new(e->h1->key, seal_names(e->h1->pair->seal));
    return e->keys != NULL;
}

struct cachetalk *cachetalk_open(struct cache_env *e, struct conn *conn, enum cachetalk_kind kind, bool whole)
{
    bool room = cache_env_open(e) && *e->h1->memory + sizeof(struct cachetalk) <= e->h1->memory_limit;
    struct cachetalk *t = room ? malloc(sizeof *t) : NULL;
    if (!t)
        return NULL;
    *e->h1->memory += sizeof *t;
    t->kind = kind;
    if (kind == CACHETALK_REDIS)
        redis_open(&t->redis, e, conn, whole);
    else
        memcached_open(&t->memcached, e, conn, kind == CACHETALK_BINARY, whole);
    return t;
}

void cachetalk_feed(struct cachetalk *t, struct cache_env *e, int role, const struct chunk *c)
{
    if (t->kind == CACHETALK_REDIS)
        redis_feed(&t->redis, e, role, c);
    else
        memcached_feed(&t->memcached, e, role, c);
}

static struct cacheops *ops_of(struct cachetalk *t)
{
    return t->kind == CACHETALK_REDIS ? &t->redis.ops : &t->memcached.ops;
}

void cachetalk_gap(struct cachetalk *t, struct cache_env *e, int role, uint64_t n, uint64_t offset)
{
    if (t->kind == CACHETALK_REDIS)
        redis_gap(&t->redis, e, role, n);
    else
        memcached_gap(&t->memcached, e, role, n);
    ops_of(t)->seen[role] = offset + n;
}

bool cachetalk_close(struct cachetalk *t, struct cache_env *e, enum end_state end, enum cachetalk_kind *kind)
{
    bool known = ops_of(t)->known;
    *kind = t->kind;
    if (t->kind == CACHETALK_REDIS)
        redis_close(&t->redis, e, end);
    else
        memcached_close(&t->memcached, e, end);
    *e->h1->memory -= sizeof *t;
    free(t);
    return known;
}

void cache_env_fini(struct cache_env *e)
{
    cachekeys_free(e->keys);
    e->keys = NULL;
}
