#include "capture/memcached.h"

#include "capture/memcachedbinary.h"
#include "capture/memcachedtext.h"

void memcached_open(struct memcached *m, struct cache_env *e, struct conn *conn, bool binary, bool sure)
{
    memset(m, 0, sizeof *m);
    m->binary = binary;
    cacheops_open(&m->ops, e, conn, PROTO_MEMCACHED, sure);
}

static void start_again(struct memcached *m)
{
    memset(m->side, 0, sizeof m->side);
    m->result = (struct cacheops_answer){0};
    m->bytes = 0;
    m->key_at = 0;
    m->blurred = m->whole_leaves = false;
}

static bool is_idle(const struct memcached_side *s)
{
    return !s->n && !s->skip && !s->body && !s->in_message;
}

static bool begins(const struct memcached *m, const struct chunk *c)
{
    struct slice b = slice_of(c->p, c->n);
    bool sure;
    return (m->binary ? memcachedbinary_guess(b) : memcachedtext_guess(b, &sure)) == CACHE_GUESS_YES;
}

void memcached_feed(struct memcached *m, struct cache_env *e, int role, const struct chunk *c)
{
    bool again, lost = m->ops.trust == CACHEOPS_LOST;
    bool starts = lost && role == 0 && begins(m, c), idle = is_idle(&m->side[0]) && is_idle(&m->side[1]);
    if (!m->ended && cacheops_heed(&m->ops, role, c, starts, idle, &again)) {
        if (again)
            start_again(m);
        bool good = m->binary ? (role ? memcachedbinary_replies(m, e, c) : memcachedbinary_commands(m, e, c))
                              : (role ? memcachedtext_replies(m, e, c) : memcachedtext_commands(m, e, c));
        if (!good || m->ended)
            cacheops_lose(&m->ops, e);
    }
    cacheops_heard(&m->ops, role, c);
}

void memcached_gap(struct memcached *m, struct cache_env *e, int role, uint64_t n)
{
    struct memcached_side *s = &m->side[role];
    if (m->ops.trust == CACHEOPS_LOST)
        return;
    if (s->skip > n + 2)
        s->skip -= n;
    else
        cacheops_lose(&m->ops, e);
}

void memcached_close(struct memcached *m, struct cache_env *e, enum end_state end)
{
    cacheops_close(&m->ops, e, end);
    explicit_bzero(m->side, sizeof m->side);
}
