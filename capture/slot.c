#include "capture/slot.h"

#include <stdlib.h>

#include "base/pages.h"

struct slot_extra {
    struct slot_extra *next;
    size_t n;
    char p[];
};

bool slot_pool_init(struct slot_pool *pool, uint32_t capacity, uint64_t extra_limit)
{
    *pool = (struct slot_pool){.capacity = capacity, .extra_limit = extra_limit};
    pool->nodes = pages_reserve((size_t)capacity * sizeof(struct slot));
    pool->free = pages_reserve((size_t)capacity * sizeof *pool->free);
    if (pool->nodes && pool->free)
        return true;
    slot_pool_fini(pool);
    return false;
}

static void drop_extra(struct slot_pool *pool, struct slot *s)
{
    while (s->extra) {
        struct slot_extra *e = s->extra;
        s->extra = e->next;
        explicit_bzero(e->p, e->n);
        free(e);
    }
    pool->extra_bytes -= s->extra_bytes;
    s->extra_bytes = 0;
}

void slot_pool_fini(struct slot_pool *pool)
{
    for (uint32_t i = 0; i < pool->touched; i++)
        drop_extra(pool, &pool->nodes[i]);
    pages_release(pool->nodes, (size_t)pool->capacity * sizeof(struct slot));
    pages_release(pool->free, (size_t)pool->capacity * sizeof *pool->free);
    *pool = (struct slot_pool){0};
}

struct slot *slot_fresh(struct slot_pool *pool)
{
    if (pool->touched == pool->capacity)
        return NULL;
    pool->ready = pages_rows(pool->nodes, sizeof *pool->nodes, pool->ready, pool->touched, pool->capacity);
    return &pool->nodes[pool->touched++];
}

void slot_give(struct slot_pool *pool, struct slot *s)
{
    if (pool->extra_bytes && s->extra)
        drop_extra(pool, s);
    pool->free[pool->n_free++] = s;
    pool->taken--;
}

static void *alloc_extra(struct slot_pool *pool, struct slot *s, size_t n)
{
    if (s->extra_bytes + n > SLOT_TEXT_MAX || pool->extra_bytes + n > pool->extra_limit)
        return NULL;
    struct slot_extra *e = malloc(sizeof *e + n);
    if (!e)
        return NULL;
    e->next = s->extra;
    e->n = n;
    s->extra = e;
    s->extra_bytes += (uint32_t)n;
    pool->extra_bytes += n;
    return e->p;
}

/* What the inline arena has no room for; n is a multiple of 8. */
void *slot_alloc_beyond(struct slot_pool *pool, struct slot *s, size_t n)
{
    void *at = alloc_extra(pool, s, n);
    if (!at)
        s->overflow = true;
    return at;
}
