#include "capture/memcachedop.h"

/* Below 30 days from now, above a date (memcached's protocol.txt). */
int64_t memcachedop_lifetime(int64_t seconds, int64_t now_us)
{
    if (seconds <= 0)
        return seconds ? 1 : 0;
    if (seconds <= 60 * 60 * 24 * 30)
        return seconds * 1000000;
    int64_t at = seconds < INT64_C(100000000000) ? seconds * 1000000 : INT64_C(100000000000) * 1000000;
    return at > now_us ? at - now_us : 1;
}

struct cacheop *memcachedop_begin(struct memcached *m, struct cache_env *e, const struct cache_command *c)
{
    struct cacheop *op = cacheops_add(&m->ops, e, &m->ops.waiting);
    if (!op)
        return NULL;
    op->command = m->command = c;
    op->t0 = m->begin_ts;
    op->begin = m->begin;
    op->lookup = c->kind == CACHE_READ;
    m->noreply = m->quiet = false;
    m->opaque = m->size = 0;
    return op;
}

void memcachedop_finish(struct memcached *m, struct cache_env *e, const struct chunk *c, uint64_t end)
{
    struct cacheop *op = cacheops_last(&m->ops.waiting);
    op->t1 = c->ts;
    op->order = c->order;
    op->end = end;
    op->silent = m->noreply || (!m->binary && m->command->rule == FORM_QUIT);
    op->quiet = m->quiet;
    op->opaque = m->opaque;
    if (m->command->kind == CACHE_WRITE)
        op->value_bytes = m->size;
    m->ended |= m->command->rule == FORM_WATCH && !m->binary;
    cacheops_pass_silent(&m->ops, e);
}

void memcachedop_key(struct memcached *m, struct cache_env *e, struct slice key)
{
    cacheops_add_key(&m->ops, e, &m->ops.waiting, key, key.n <= MEMCACHED_KEY);
}

bool memcachedop_pass(struct memcached_side *s, const char **p, size_t *n)
{
    while (*n && s->skip > (s->closes_line ? 2 : 0)) {
        uint64_t body = s->skip - (s->closes_line ? 2 : 0);
        size_t take = body < *n ? (size_t)body : *n;
        s->skip -= take;
        *p += take;
        *n -= take;
    }
    for (; *n && s->skip; (*p)++, (*n)--, s->skip--)
        if (**p != (s->skip == 2 ? '\r' : '\n'))
            return false;
    return true;
}

/* ---- which command an answer is of ---- */

static bool fits(const struct memcached *m, const struct cacheop *op, const struct cacheop_key *key,
                 const struct answer_to *a)
{
    if (m->binary)
        return op->extra == a->opcode && op->opaque == a->opaque && (!a->key || (key && key->hash == a->key));
    if (op->command->rule == FORM_META_END)
        return slice_eq(a->word, SLICE("MN"));
    bool meta = op->command->rule == FORM_META || op->command->rule == FORM_META_STORE;
    if (!meta || slice_eq(a->word, SLICE("MN")) || op->opaque != a->opaque)
        return false;
    return !a->key || (key && key->hash == a->key);
}

static struct cacheop *op_at(struct cacheops_queue *q, uint32_t i)
{
    return &q->op[(q->head + i) & (q->cap - 1)];
}

/* The first of the commands that may have this answer, no farther than the first that is not quiet; *last: the last
 * such. q->n: none. */
static uint32_t find_command(struct memcached *m, const struct answer_to *a, uint32_t *last)
{
    struct cacheops_queue *q = &m->ops.waiting;
    uint32_t found = q->n, key = 0;
    *last = 0;
    for (uint32_t i = 0; i < q->n; i++) {
        const struct cacheop *op = op_at(q, i);
        if (fits(m, op, op->n_keys ? &q->key[(q->key_head + key) & (q->key_cap - 1)] : NULL, a)) {
            found = found == q->n ? i : found;
            *last = i;
        }
        key += op->n_keys;
        if (!op->quiet)
            break;
    }
    return found;
}

/* The first command had no answer, being quiet: a read found nothing, the rest was done. */
static void leave_quiet(struct memcached *m, struct cache_env *e)
{
    const struct cacheop *op = cacheops_first(&m->ops.waiting);
    struct cacheops_answer a = {.t0 = TIME_NONE, .t1 = TIME_NONE};
    struct cacheop_key *k = cacheops_key(&m->ops.waiting, 0);
    a.misses = op->lookup && !m->blurred;
    a.untold = op->lookup && m->blurred;
    if (k)
        k->outcome = m->blurred ? CACHE_UNTOLD : op->command->kind == CACHE_READ ? CACHE_MISS : CACHE_HIT;
    cacheops_leave(&m->ops, e, &m->ops.waiting, &a, END_COMPLETE);
}

bool memcachedop_reach(struct memcached *m, struct cache_env *e, const struct answer_to *a, bool *lost)
{
    struct cacheops_queue *q = &m->ops.waiting;
    uint32_t last, at = find_command(m, a, &last);
    *lost = at == q->n || !cacheops_acknowledges(op_at(q, at), m->ack_offset) || (last > at && !op_at(q, last)->quiet);
    if (*lost)
        return false;
    bool quiet = op_at(q, at)->quiet;
    m->blurred |= last > at;
    if (m->blurred && quiet)
        return false;
    for (; at; at--)
        leave_quiet(m, e);
    m->blurred = false;
    return true;
}

/* ---- leaving ---- */

void memcachedop_answer(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    m->result.t0 = m->t0;
    m->result.t1 = c->ts;
    m->result.bytes = m->bytes;
    cacheops_leave(&m->ops, e, &m->ops.waiting, &m->result, END_COMPLETE);
    m->result = (struct cacheops_answer){0};
    m->bytes = 0;
    m->key_at = 0;
    m->side[1].in_message = false;
    cacheops_pass_silent(&m->ops, e);
}

void memcachedop_tell(struct memcached *m, bool hit, uint64_t bytes)
{
    struct cacheop_key *k = cacheops_key(&m->ops.waiting, m->key_at);
    *(hit ? &m->result.hits : &m->result.misses) += 1;
    m->key_at++;
    m->result.value_bytes += bytes;
    if (!k)
        return;
    k->outcome = hit ? CACHE_HIT : CACHE_MISS;
    k->bytes = (uint32_t)bytes;
}
