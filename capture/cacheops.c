#include "capture/cacheops.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/identity.h"

void cacheops_open(struct cacheops *o, struct cache_env *e, struct conn *conn, enum proto proto, bool sure)
{
    struct identity_of who = identity_of_address(e->h1->key, &conn->client);
    *o = (struct cacheops){.conn = conn,
                           .proto = (uint8_t)proto,
                           .trust = sure ? CACHEOPS_SURE : CACHEOPS_LOST,
                           .last_ts = TIME_NONE,
                           .client_hash = who.hash,
                           .identity = (uint8_t)who.kind};
}

/* ---- order ---- */

/* A round is over: as many answers as commands, and the client has them all. */
static void look_at_round(struct cacheops *o, const struct chunk *c, bool quiet)
{
    if (quiet)
        o->trust = CACHEOPS_SURE;
    else if (c->ack_offset != o->seen[1])
        o->rounds = 0;
    else if (o->answered && ++o->rounds >= CACHEOPS_ROUNDS)
        o->trust = CACHEOPS_SURE;
    o->answered = false;
}

bool cacheops_heed(struct cacheops *o, int role, const struct chunk *c, bool begins, bool idle, bool *again)
{
    bool quiet = o->last_ts != TIME_NONE && c->ts - o->last_ts >= CACHEOPS_QUIET_US;
    *again = false;
    if (o->trust == CACHEOPS_LOST) {
        bool all_had = c->ack_offset == o->seen[1] || !o->conn->seen[1];
        if (role != 0 || !begins || !all_had)
            return false;
        o->trust = quiet ? CACHEOPS_SURE : CACHEOPS_TRIED;
        o->rounds = 0;
        o->answered = false;
        *again = true;
    } else if (o->trust == CACHEOPS_TRIED && role == 0 && idle && !o->waiting.n) {
        look_at_round(o, c, quiet);
    }
    return true;
}

void cacheops_heard(struct cacheops *o, int role, const struct chunk *c)
{
    o->seen[role] = c->offset + c->n;
    o->last_ts = c->ts;
}

bool cacheops_fits(struct cacheops *o, struct cache_env *e, uint64_t ack_offset)
{
    if (cacheops_acknowledges(cacheops_first(&o->waiting), ack_offset))
        return true;
    cacheops_lose(o, e);
    return false;
}

/* ---- queues ---- */

static void *larger(struct cache_env *e, void *ring, uint32_t *cap, uint32_t head, size_t unit)
{
    uint32_t want = *cap ? *cap * 2 : CACHEOPS_FIRST, from = *cap ? head & (*cap - 1) : 0;
    if (*e->h1->memory + want * unit > e->h1->memory_limit)
        return NULL;
    char *p = malloc(want * unit);
    if (!p)
        return NULL;
    if (*cap) { /* so that places stay what they are, modulo the new size */
        for (uint32_t i = 0; i < *cap; i++)
            memcpy(p + (size_t)((head + i) & (want - 1)) * unit,
                   (char *)ring + (size_t)((from + i) & (*cap - 1)) * unit, unit);
    }
    *e->h1->memory += (want - *cap) * unit;
    free(ring);
    *cap = want;
    return p;
}

static void queue_free(struct cache_env *e, struct cacheops_queue *q)
{
    *e->h1->memory -= q->cap * sizeof *q->op + q->key_cap * sizeof *q->key;
    free(q->op);
    free(q->key);
    *q = (struct cacheops_queue){0};
}

struct cacheop *cacheops_add(struct cacheops *o, struct cache_env *e, struct cacheops_queue *q)
{
    if (q->n == q->cap && q->n < CACHEOPS_WAITING) {
        void *p = larger(e, q->op, &q->cap, q->head, sizeof *q->op);
        q->op = p ? p : q->op;
    }
    if (q->n == q->cap) {
        e->h1->pair->stats->heads_unread += !o->dry; /* this one; those that come until all are answered, too, unseen */
        cacheops_lose(o, e);
        return NULL;
    }
    struct cacheop *op = &q->op[(q->head + q->n++) & (q->cap - 1)];
    *op = (struct cacheop){.ttl_us = -1, .end = UINT64_MAX};
    o->known = true;
    return op;
}

static struct cacheop_key *add_key(struct cache_env *e, struct cacheops_queue *q)
{
    if (q->n_keys == q->key_cap) {
        void *p = larger(e, q->key, &q->key_cap, q->key_head, sizeof *q->key);
        if (!p)
            return NULL;
        q->key = p;
    }
    return &q->key[(q->key_head + q->n_keys++) & (q->key_cap - 1)];
}

void cacheops_add_key(struct cacheops *o, struct cache_env *e, struct cacheops_queue *q, struct slice key, bool whole)
{
    struct cacheop *op = cacheops_last(q);
    (void)o;
    if (!op)
        return;
    op->named++;
    struct cacheop_key *k = op->n_keys < CACHE_KEYS_MOST ? add_key(e, q) : NULL;
    if (!k)
        return;
    *k = (struct cacheop_key){cachekeys_hash(e->keys, key), 0, whole ? cachekeys_pattern(e->keys, key) : CACHEKEY_OTHER,
                              CACHE_UNTOLD};
    op->n_keys++;
}

static void drop_first(struct cacheops_queue *q)
{
    const struct cacheop *op = cacheops_first(q);
    q->key_head += op->n_keys;
    q->n_keys -= op->n_keys;
    q->head++;
    q->n--;
}

void cacheops_hold(struct cacheops *o, struct cache_env *e)
{
    struct cacheop first = *cacheops_first(&o->waiting);
    struct cacheop *op = cacheops_add(o, e, &o->held);
    if (!op)
        return; /* nothing waits any longer */
    *op = first;
    op->n_keys = 0;
    op->queued = true;
    for (uint32_t i = 0; i < first.n_keys; i++) {
        struct cacheop_key *k = add_key(e, &o->held);
        if (!k)
            break;
        *k = *cacheops_key(&o->waiting, i);
        op->n_keys++;
    }
    drop_first(&o->waiting);
}

/* ---- leaving ---- */

static struct slice service_of(struct slot_pool *pool, struct slot *s, const struct cacheops *o)
{
    char text[80];
    char address[56];
    size_t n = addr_format(&o->conn->server, true, address);
    const char *scheme = o->proto == PROTO_REDIS ? (o->conn->tls ? "rediss" : "redis") : "memcached";
    int length = snprintf(text, sizeof text, "%s://%.*s", scheme, (int)n, address);
    char *at = slot_alloc(pool, s, (size_t)length);
    if (!at)
        return (struct slice){NULL, 0};
    memcpy(at, text, (size_t)length);
    return slice_of(at, (size_t)length);
}

static struct cache_facts *facts_of(struct cacheops *o, struct cache_env *e, struct cacheops_queue *q, struct slot *s,
                                    const struct cacheops_answer *a)
{
    const struct cacheop *op = cacheops_first(q);
    bool told = a && o->trust == CACHEOPS_SURE && !op->silent;
    struct slot_pool *pool = &e->h1->pair->slots;
    struct cache_facts *f = slot_alloc(pool, s, sizeof *f + op->n_keys * sizeof *f->key);
    if (!f)
        return NULL;
    *f = (struct cache_facts){.kind = op->command->kind,
                              .lookup = op->lookup,
                              .answered = told,
                              .failed = told && a->failed,
                              .blocks = op->command->flags & 1,
                              .queued = op->queued,
                              .named = op->named,
                              .ttl_us = op->ttl_us,
                              .n = op->n_keys,
                              .value_bytes = op->value_bytes + (told ? a->value_bytes : 0)};
    f->hits = told && op->lookup ? a->hits : 0;
    f->misses = told && op->lookup ? a->misses : 0;
    f->untold = !op->lookup ? 0 : told ? a->untold : op->named;
    for (uint32_t i = 0; i < f->n; i++) {
        const struct cacheop_key *k = cacheops_key(q, i);
        f->key[i] = (struct cache_key){k->hash, cachekeys_text(e->keys, k->pattern), k->bytes,
                                       told ? k->outcome : (uint8_t)CACHE_UNTOLD};
    }
    if (f->n == 1 && f->named == 1)
        f->key[0].bytes = f->value_bytes;
    return f;
}

static void fill(struct cacheops *o, const struct cacheop *op, struct exchange *x, const struct cacheops_answer *a,
                 enum end_state end)
{
    bool told = a && o->trust == CACHEOPS_SURE, whole = op->end != UINT64_MAX;
    x->proto = o->proto;
    x->identity = o->identity;
    x->client_hash = o->client_hash;
    x->arrival = x->t_req1 = whole ? op->t1 : op->t0;
    x->t_req0 = op->t0;
    x->order = op->order;
    x->method = slice_str(op->command->name);
    x->request_bytes = whole ? op->end - op->begin : 0;
    x->flags |= whole ? 0 : FLAG_REQUEST_TRUNCATED;
    x->end = (uint8_t)(told || op->silent ? END_COMPLETE : a ? END_GAP : end);
    if (!told || op->silent)
        return;
    x->t_rsp0 = a->t0;
    x->t_rsp1 = a->t1;
    x->response_bytes = a->bytes;
}

void cacheops_leave(struct cacheops *o, struct cache_env *e, struct cacheops_queue *q, const struct cacheops_answer *a,
                    enum end_state end)
{
    const struct cacheop *op = cacheops_first(q);
    struct pair *p = e->h1->pair;
    struct slot *s = o->dry ? NULL : pair_apart(p, o->conn);
    struct cache_facts *f = NULL;
    o->answered |= a != NULL;
    if (s) {
        struct exchange *x = &s->x;
        fill(o, op, x, a, end);
        x->service = service_of(&p->slots, s, o);
        x->cache = f = facts_of(o, e, q, s, a);
        x->target = f && f->n ? f->key[0].pattern : SLICE("");
    }
    if (f)
        pair_leave_apart(p, s);
    else if (s)
        slot_give(&p->slots, s);
    if (!f && !o->dry)
        p->stats->heads_unread++;
    drop_first(q);
}

void cacheops_pass_silent(struct cacheops *o, struct cache_env *e)
{
    while (o->waiting.n && cacheops_first(&o->waiting)->silent)
        cacheops_leave(o, e, &o->waiting, NULL, END_COMPLETE);
    while (!o->conn->seen[1] && o->waiting.n > CACHEOPS_UNSEEN)
        cacheops_leave(o, e, &o->waiting, NULL, END_TIMEOUT);
}

static void all_leave(struct cacheops *o, struct cache_env *e, enum end_state end)
{
    while (o->held.n)
        cacheops_leave(o, e, &o->held, NULL, end);
    while (o->waiting.n)
        cacheops_leave(o, e, &o->waiting, NULL, end);
}

void cacheops_lose(struct cacheops *o, struct cache_env *e)
{
    all_leave(o, e, END_GAP);
    o->trust = CACHEOPS_LOST;
}

void cacheops_end(struct cacheops *o, struct cache_env *e, enum end_state end)
{
    all_leave(o, e, end);
}

void cacheops_close(struct cacheops *o, struct cache_env *e, enum end_state end)
{
    all_leave(o, e, end);
    queue_free(e, &o->waiting);
    queue_free(e, &o->held);
}

bool cacheops_try(const struct cacheops *o, struct cacheops *to)
{
    *to = *o;
    to->dry = true;
    to->held = (struct cacheops_queue){0};
    to->waiting.op = malloc(o->waiting.cap * sizeof *o->waiting.op + 1);
    to->waiting.key = malloc(o->waiting.key_cap * sizeof *o->waiting.key + 1);
    if (!to->waiting.op || !to->waiting.key) {
        cacheops_untry(to);
        return false;
    }
    if (o->waiting.cap)
        memcpy(to->waiting.op, o->waiting.op, o->waiting.cap * sizeof *o->waiting.op);
    if (o->waiting.key_cap)
        memcpy(to->waiting.key, o->waiting.key, o->waiting.key_cap * sizeof *o->waiting.key);
    return true;
}

void cacheops_untry(struct cacheops *to)
{
    free(to->waiting.op);
    free(to->waiting.key);
}
