#include "capture/memcachedbinary.h"

#include "capture/memcachedop.h"
#include "capture/walk.h"

enum { REQUEST = 0x80, RESPONSE = 0x81, NOT_FOUND = 1 };

static const struct cache_command binaries[256] = {
#define BINARY(opcode, name, kind, form, quiet)                                                                        \
    [opcode] = {#name, CACHE_##kind, FORM_##form, 0, quiet ? MEMCACHED_QUIET : 0, 0, 0, 0, 0},
#include "capture/memcached.def"
#undef BINARY
};

static bool head_possible(const uint8_t *p, unsigned magic)
{
    uint32_t key = be16(p + 2), extras = p[4], body = be32(p + 8);
    return p[0] == magic && binaries[p[1]].name && key <= MEMCACHED_KEY && p[5] == 0 && extras <= 20 &&
           body <= MEMCACHED_VALUE && key + extras <= body;
}

enum cache_guess memcachedbinary_guess(struct slice b)
{
    const uint8_t *p = (const uint8_t *)b.p;
    if (!b.n || p[0] != REQUEST || (b.n > 1 && !binaries[p[1]].name) || (b.n > 5 && p[5]))
        return CACHE_GUESS_NO;
    return b.n < MEMCACHED_HEAD ? CACHE_GUESS_MAYBE : head_possible(p, REQUEST) ? CACHE_GUESS_YES : CACHE_GUESS_NO;
}

/* Octets of a head, then of what of the body is looked at: extras and key. True: both are there. */
static bool collect(struct memcached_side *s, const char **p, size_t *n)
{
    uint32_t want = MEMCACHED_HEAD;
    const uint8_t *head = (const uint8_t *)s->text;
    for (;;) {
        if (s->n >= MEMCACHED_HEAD)
            want = MEMCACHED_HEAD + be16(head + 2) + head[4];
        if (s->n >= want || !*n)
            return s->n >= MEMCACHED_HEAD && s->n >= want;
        size_t take = want - s->n < *n ? want - s->n : *n;
        memcpy(s->text + s->n, *p, take);
        s->n += (uint32_t)take;
        *p += take;
        *n -= take;
        if (s->n == MEMCACHED_HEAD && !head_possible(head, head[0]))
            return true; /* the caller sees it */
    }
}

static bool binary_command(struct memcached *m, struct cache_env *e)
{
    struct memcached_side *s = &m->side[0];
    const uint8_t *head = (const uint8_t *)s->text;
    uint32_t key = be16(head + 2), extras = head[4];
    const struct cache_command *command = &binaries[head[1]];
    struct cacheop *op = head_possible(head, REQUEST) ? memcachedop_begin(m, e, command) : NULL;
    if (!op)
        return false;
    if (key && command->rule != FORM_STATS && command->rule != FORM_PLAIN)
        memcachedop_key(m, e, slice_of(s->text + MEMCACHED_HEAD + extras, key));
    op = cacheops_last(&m->ops.waiting);
    const uint8_t *x = head + MEMCACHED_HEAD;
    if (command->rule == FORM_STORE && extras >= 8)
        op->ttl_us = memcachedop_lifetime(be32(x + 4), m->begin_ts);
    if ((command->rule == FORM_GAT || command->rule == FORM_TOUCH) && extras >= 4)
        op->ttl_us = memcachedop_lifetime(be32(x), m->begin_ts);
    op->extra = head[1];
    m->quiet = command->flags & MEMCACHED_QUIET;
    m->opaque = be32(head + 12);
    m->size = be32(head + 8) - key - extras;
    s->skip = m->size;
    s->closes_line = false;
    s->body = 1;
    return true;
}

bool memcachedbinary_commands(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    struct memcached_side *s = &m->side[0];
    const char *p = c->p;
    size_t n = c->n;
    while (n) {
        if (!s->n) {
            m->begin = c->offset + (c->n - n);
            m->begin_ts = c->ts;
        }
        if (!s->body) {
            if (!collect(s, &p, &n))
                break;
            if (!binary_command(m, e))
                return false;
        }
        memcachedop_pass(s, &p, &n);
        if (s->skip)
            break;
        s->n = 0;
        s->body = 0;
        memcachedop_finish(m, e, c, c->offset + (c->n - n));
    }
    return true;
}

/* A whole answer but for its value. False: order is lost. */
static bool binary_answer(struct memcached *m, struct cache_env *e)
{
    struct memcached_side *s = &m->side[1];
    const uint8_t *head = (const uint8_t *)s->text;
    uint32_t key = be16(head + 2), extras = head[4], status = be16(head + 6);
    bool lost;
    if (!head_possible(head, RESPONSE))
        return false;
    const struct cache_command *command = &binaries[head[1]];
    bool repeats = key && command->kind == CACHE_READ;
    struct answer_to a = {.opcode = head[1],
                          .opaque = be32(head + 12),
                          .key =
                              repeats ? cachekeys_hash(e->keys, slice_of(s->text + MEMCACHED_HEAD + extras, key)) : 0};
    s->skip = be32(head + 8) - key - extras;
    s->closes_line = false;
    s->body = 1;
    m->whole_leaves = memcachedop_reach(m, e, &a, &lost);
    if (lost)
        return false;
    if (!m->whole_leaves)
        return true;
    const struct cacheop *op = cacheops_first(&m->ops.waiting);
    struct cacheop_key *k = cacheops_key(&m->ops.waiting, 0);
    m->result.failed = status > NOT_FOUND && status != 2 && status != 5; /* exists, not stored: no errors */
    if (op->lookup && !m->result.failed)
        memcachedop_tell(m, status == 0, status ? 0 : s->skip);
    else if (op->lookup)
        m->result.untold = 1;
    else if (k && !m->result.failed)
        k->outcome = status ? CACHE_MISS : CACHE_HIT;
    if (command->rule == FORM_STATS && (key || s->skip) && !status)
        m->whole_leaves = false; /* more of it follows */
    return true;
}

bool memcachedbinary_replies(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    struct memcached_side *s = &m->side[1];
    const char *p = c->p;
    size_t n = c->n;
    while (n) {
        size_t before = n;
        if (!s->n && !s->in_message) {
            m->t0 = c->ts;
            m->bytes = 0;
            s->in_message = true;
        }
        if (!s->n)
            m->ack_offset = c->ack_offset;
        if (!s->body) {
            bool whole = collect(s, &p, &n);
            m->bytes += before - n;
            before = n;
            if (!whole)
                break;
            if (!binary_answer(m, e))
                return false;
        }
        memcachedop_pass(s, &p, &n);
        m->bytes += before - n;
        if (s->skip)
            break;
        s->n = 0;
        s->body = 0;
        if (m->whole_leaves)
            memcachedop_answer(m, e, c);
        else if (m->blurred)
            s->in_message = false;
    }
    return true;
}
