#include "analysis/spacesaving.h"

#include <stdlib.h>

/* Links are indices + 1; 0 is none. */
struct bucket {
    uint64_t count;
    uint32_t first, last;  /* items, least recently updated first */
    uint32_t lower, upper; /* buckets; `upper` chains the free ones */
};

struct spacesaving {
    struct heavy *item;
    struct bucket *bucket;
    struct map map;
    uint32_t n, most;
    uint32_t least; /* bucket with the smallest count */
    uint32_t free;
};

struct spacesaving *spacesaving_new(uint32_t most)
{
    struct spacesaving *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->most = most;
    s->item = calloc(most, sizeof *s->item);
    s->bucket =
        calloc((size_t)most + 1, sizeof *s->bucket); /* one more: an item leaves its bucket after entering the next */
    if (!s->item || !s->bucket || !map_init(&s->map, s->item, sizeof *s->item, most)) {
        spacesaving_free(s);
        return NULL;
    }
    for (uint32_t i = 0; i < most; i++)
        s->bucket[i].upper = i + 2;
    s->free = 1;
    return s;
}

void spacesaving_free(struct spacesaving *s)
{
    if (!s)
        return;
    map_free(&s->map);
    free(s->bucket);
    free(s->item);
    free(s);
}

static struct bucket *bucket_at(const struct spacesaving *s, uint32_t link)
{
    return &s->bucket[link - 1];
}

/* A bucket for `count` just above `below` (0: at the bottom). */
static uint32_t bucket_above(struct spacesaving *s, uint32_t below, uint64_t count)
{
    uint32_t above = below ? bucket_at(s, below)->upper : s->least;
    if (above && bucket_at(s, above)->count == count)
        return above;
    uint32_t b = s->free;
    s->free = bucket_at(s, b)->upper;
    *bucket_at(s, b) = (struct bucket){count, 0, 0, below, above};
    if (above)
        bucket_at(s, above)->lower = b;
    if (below)
        bucket_at(s, below)->upper = b;
    else
        s->least = b;
    return b;
}

static void drop_bucket(struct spacesaving *s, uint32_t b)
{
    struct bucket *at = bucket_at(s, b);
    if (at->lower)
        bucket_at(s, at->lower)->upper = at->upper;
    else
        s->least = at->upper;
    if (at->upper)
        bucket_at(s, at->upper)->lower = at->lower;
    at->upper = s->free;
    s->free = b;
}

static void unlink_item(struct spacesaving *s, struct heavy *h)
{
    struct bucket *b = bucket_at(s, h->bucket);
    if (h->before)
        s->item[h->before - 1].after = h->after;
    else
        b->first = h->after;
    if (h->after)
        s->item[h->after - 1].before = h->before;
    else
        b->last = h->before;
}

static void append_item(struct spacesaving *s, uint32_t item, uint32_t bucket)
{
    struct bucket *b = bucket_at(s, bucket);
    struct heavy *h = &s->item[item];
    h->bucket = bucket;
    h->before = b->last;
    h->after = 0;
    if (b->last)
        s->item[b->last - 1].after = item + 1;
    else
        b->first = item + 1;
    b->last = item + 1;
}

/* One more for an item that has a bucket. */
static void raise_item(struct spacesaving *s, uint32_t item)
{
    struct heavy *h = &s->item[item];
    uint32_t old = h->bucket, next = bucket_above(s, old, h->count + 1);
    unlink_item(s, h);
    h->count++;
    append_item(s, item, next);
    if (!bucket_at(s, old)->first)
        drop_bucket(s, old);
}

static uint32_t first_time(struct spacesaving *s, uint64_t hash)
{
    uint32_t item = s->n++;
    s->item[item] = (struct heavy){.hash = hash, .count = 1};
    append_item(s, item, bucket_above(s, 0, 1));
    return item;
}

const struct heavy *spacesaving_add(struct spacesaving *s, uint64_t hash)
{
    uint32_t item = map_find(&s->map, hash);
    if (item != MAP_NONE) {
        raise_item(s, item);
        return &s->item[item];
    }
    if (s->n < s->most) {
        item = first_time(s, hash);
    } else { /* the least one gives way; what it had counted is the newcomer's error */
        item = bucket_at(s, s->least)->first - 1;
        map_remove(&s->map, s->item[item].hash, item);
        s->item[item].hash = hash;
        s->item[item].error = s->item[item].count;
        raise_item(s, item);
    }
    map_insert(&s->map, hash, item);
    return &s->item[item];
}

void spacesaving_prefetch(const struct spacesaving *s, uint64_t hash)
{
    map_prefetch(&s->map, hash);
}

const struct heavy *spacesaving_find(const struct spacesaving *s, uint64_t hash)
{
    uint32_t item = map_find(&s->map, hash);
    return item == MAP_NONE ? NULL : &s->item[item];
}
