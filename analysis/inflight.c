#include "analysis/inflight.h"

#include <stdlib.h>

#include "base/table.h"

/* Calls that are the same. */
struct same {
    uint64_t hash;
    uint32_t count, next_free; /* next_free: + 1 */
};

struct ending {
    int64_t us;
    struct inflight_group *group;
    uint32_t same; /* + 1; 0: none */
};

struct inflight {
    int64_t from_us, to_us;
    struct same *same;
    struct map map;
    uint32_t used, free; /* free: + 1 */
    struct ending *heap; /* the earliest first */
    uint32_t n;
    uint64_t untracked;
};

struct inflight *inflight_new(int64_t from_us, int64_t to_us)
{
    struct inflight *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->from_us = from_us;
    f->to_us = to_us;
    f->same = table_new(INFLIGHT_MOST, sizeof *f->same);
    f->heap = table_new(INFLIGHT_MOST, sizeof *f->heap);
    if (f->same && f->heap && map_init(&f->map, f->same, sizeof *f->same, INFLIGHT_MOST))
        return f;
    inflight_free(f);
    return NULL;
}

void inflight_free(struct inflight *f)
{
    if (!f)
        return;
    map_free(&f->map);
    table_free(f->same);
    table_free(f->heap);
    free(f);
}

static void push(struct inflight *f, struct ending e)
{
    uint32_t at = f->n++;
    for (; at && f->heap[(at - 1) / 2].us > e.us; at = (at - 1) / 2)
        f->heap[at] = f->heap[(at - 1) / 2];
    f->heap[at] = e;
}

static struct ending pop(struct inflight *f)
{
    struct ending first = f->heap[0], last = f->heap[--f->n];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < f->n; at = child) {
        child += child + 1 < f->n && f->heap[child + 1].us < f->heap[child].us;
        if (f->heap[child].us >= last.us)
            break;
        f->heap[at] = f->heap[child];
    }
    f->heap[at] = last;
    return first;
}

static void leave(struct inflight *f, const struct ending *e)
{
    e->group->now--;
    if (!e->same)
        return;
    struct same *s = &f->same[e->same - 1];
    if (--s->count)
        return;
    map_remove(&f->map, s->hash, e->same - 1);
    s->next_free = f->free;
    f->free = e->same;
}

/* + 1; 0: no room. */
static uint32_t same_row(struct inflight *f, uint64_t hash)
{
    uint32_t row = map_find(&f->map, hash);
    if (row != MAP_NONE)
        return row + 1;
    row = f->free ? f->free - 1 : f->used;
    if (row == INFLIGHT_MOST || !map_insert(&f->map, hash, row))
        return 0;
    if (f->free)
        f->free = f->same[row].next_free;
    else
        f->used++;
    f->same[row] = (struct same){.hash = hash};
    return row + 1;
}

static uint64_t inside(const struct inflight *f, int64_t start, int64_t end)
{
    start = start < f->from_us ? f->from_us : start;
    end = end > f->to_us ? f->to_us : end;
    return end > start ? (uint64_t)(end - start) : 0;
}

uint32_t inflight_add(struct inflight *f, struct inflight_group *group, uint64_t hash, int64_t start_us, int64_t end_us)
{
    struct ending e = {.us = end_us, .group = group};
    uint32_t before = 0;
    while (f->n && f->heap[0].us <= start_us) {
        struct ending over = pop(f);
        leave(f, &over);
    }
    group->area_us += inside(f, start_us, end_us);
    if (f->n == INFLIGHT_MOST) {
        f->untracked++;
        return 0;
    }
    if (hash && (e.same = same_row(f, hash)))
        before = f->same[e.same - 1].count++;
    group->now++;
    if (inside(f, start_us, end_us) && group->now > group->peak)
        group->peak = start_us < f->from_us ? (group->peak ? group->peak : 1) : group->now;
    push(f, e);
    return before;
}

uint64_t inflight_untracked(const struct inflight *f)
{
    return f->untracked;
}
