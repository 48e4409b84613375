#include "analysis/gaptable.h"

#include "base/cold.h"
#include "base/prefetch.h"

enum { LEAST_CLASS = 4, MOST_CLASS = 9, ENTRY_CLASS = 2 }; /* words: 4 entries, 128 entries, one entry */

/* A word tells whose it is: the bucket's number + 1 stands above a count that 56 bits are enough for. */
enum { OWNER_SHIFT = 56 };

struct entry {
    uint64_t same;      /* owner and count of the unchanged gaps */
    uint64_t changed;   /* count of the changed ones */
    uint64_t sum_ms[2]; /* as of struct lifetime_bucket */
};

_Static_assert(sizeof(struct entry) == sizeof(uint64_t) << ENTRY_CLASS, "entries fill a block");
_Static_assert(LIFETIME_BUCKETS <= 1 << (MOST_CLASS - ENTRY_CLASS), "the largest table has a place for each bucket");

static struct entry *entries(const struct blocks *pool, uint32_t table)
{
    return (struct entry *)(void *)blocks_at(pool, table);
}

/* The entry of a bucket, or the free one where it would go; NULL when the table is full of others. */
static struct entry *find(struct entry *e, unsigned class, unsigned bucket)
{
    unsigned mask = (1u << (class - ENTRY_CLASS)) - 1;
    for (unsigned i = 0; i <= mask; i++) {
        struct entry *at = &e[(bucket + i) & mask];
        if (!at->same || at->same >> OWNER_SHIFT == bucket + 1)
            return at;
    }
    return NULL;
}

static bool grow(struct gaptable *t, struct blocks *pool)
{
    unsigned class = t->table ? t->class + 1u : LEAST_CLASS;
    uint32_t table = class <= MOST_CLASS ? blocks_take(pool, class) : 0;
    if (!table)
        return false;
    for (unsigned i = 0; t->table && i < 1u << (t->class - ENTRY_CLASS); i++) {
        const struct entry *old = &entries(pool, t->table)[i];
        if (old->same)
            *find(entries(pool, table), class, (unsigned)(old->same >> OWNER_SHIFT) - 1) = *old;
    }
    if (t->table)
        blocks_give(pool, t->table, t->class);
    t->table = table;
    t->class = (uint8_t) class;
    return true;
}

/* The entry of a bucket, made if need be; NULL: no room. */
static COLD struct entry *entry_of(struct gaptable *t, struct blocks *pool, unsigned bucket)
{
    struct entry *at = t->table ? find(entries(pool, t->table), t->class, bucket) : NULL;
    while (!at && grow(t, pool))
        at = find(entries(pool, t->table), t->class, bucket);
    if (at && !at->same)
        at->same = (uint64_t)(bucket + 1) << OWNER_SHIFT;
    return at;
}

/* Where a bucket's entry is, most often. */
static struct entry *first_of(const struct gaptable *t, const struct blocks *pool, unsigned bucket)
{
    return &entries(pool, t->table)[bucket & ((1u << t->class >> ENTRY_CLASS) - 1)];
}

void gaptable_prefetch(const struct gaptable *t, const struct blocks *pool, uint32_t gap_ms)
{
    if (t->table)
        prefetch(first_of(t, pool, lifetime_index(gap_ms)));
}

void gaptable_add(struct gaptable *t, struct blocks *pool, uint32_t gap_ms, bool changed)
{
    unsigned bucket = lifetime_index(gap_ms);
    struct entry *at = first_of(t, pool, bucket);
    if (!t->table || at->same >> OWNER_SHIFT != bucket + 1)
        at = entry_of(t, pool, bucket);
    if (!at) {
        t->lost++;
        return;
    }
    at->same += !changed;
    at->changed += changed;
    at->sum_ms[changed] += gap_ms;
}

static void add_bucket(struct gaptable *t, struct blocks *pool, unsigned bucket, const struct lifetime_bucket *b)
{
    struct entry *at = b->n[0] | b->n[1] ? entry_of(t, pool, bucket) : NULL;
    if (!at) {
        t->lost += b->n[0] + b->n[1];
        return;
    }
    at->same += b->n[0];
    at->changed += b->n[1];
    for (int z = 0; z < 2; z++)
        at->sum_ms[z] += b->sum_ms[z];
}

void gaptable_get(const struct gaptable *t, const struct blocks *pool, struct lifetime *out)
{
    *out = (struct lifetime){0};
    for (unsigned i = 0; t->table && i < 1u << (t->class - ENTRY_CLASS); i++) {
        const struct entry *e = &entries(pool, t->table)[i];
        if (e->same)
            out->bucket[(e->same >> OWNER_SHIFT) - 1] = (struct lifetime_bucket){
                {e->same & ((UINT64_C(1) << OWNER_SHIFT) - 1), e->changed}, {e->sum_ms[0], e->sum_ms[1]}};
    }
}

void gaptable_load(struct gaptable *t, struct blocks *pool, const struct lifetime *from)
{
    for (unsigned i = 0; i < LIFETIME_BUCKETS; i++)
        add_bucket(t, pool, i, &from->bucket[i]);
}

void gaptable_merge(struct gaptable *into, const struct gaptable *from, struct blocks *pool)
{
    struct lifetime all;
    gaptable_get(from, pool, &all);
    gaptable_load(into, pool, &all);
    into->lost += from->lost;
}

void gaptable_drop(struct gaptable *t, struct blocks *pool)
{
    if (t->table)
        blocks_give(pool, t->table, t->class);
    *t = (struct gaptable){0};
}
