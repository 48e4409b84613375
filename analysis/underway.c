#include "analysis/underway.h"

#include <stdlib.h>

#include "base/floor.h"
#include "base/table.h"

enum { SECOND_US = 1000000 };

struct ending {
    int64_t us;
    uint32_t group[UNDERWAY_GROUPS];
    uint8_t kind[UNDERWAY_GROUPS];
    bool failed;
    int64_t server_us;
};

struct underway {
    int64_t from_us, to_us;
    struct underway_group *group;
    underway_each *each;
    underway_ended *ended;
    void *context;
    struct ending *heap; /* the earliest first */
    uint32_t n;
    uint64_t untracked;
};

struct underway *underway_new(int64_t from_us, int64_t to_us, struct underway_group *groups, underway_each *each,
                              void *context)
{
    struct underway *u = calloc(1, sizeof *u);
    struct ending *heap = table_new(UNDERWAY_MOST, sizeof *heap);
    if (u && heap) {
        *u = (struct underway){from_us, to_us, groups, each, NULL, context, heap, 0, 0};
        return u;
    }
    table_free(heap);
    free(u);
    return NULL;
}

void underway_free(struct underway *u)
{
    if (u)
        table_free(u->heap);
    free(u);
}

void underway_tell(struct underway *u, underway_ended *ended)
{
    u->ended = ended;
}

static void push(struct underway *u, const struct ending *e)
{
    uint32_t at = u->n++;
    for (; at && u->heap[(at - 1) / 2].us > e->us; at = (at - 1) / 2)
        u->heap[at] = u->heap[(at - 1) / 2];
    u->heap[at] = *e;
}

static struct ending pop(struct underway *u)
{
    struct ending first = u->heap[0], last = u->heap[--u->n];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < u->n; at = child) {
        child += child + 1 < u->n && u->heap[child + 1].us < u->heap[child].us;
        if (u->heap[child].us >= last.us)
            break;
        u->heap[at] = u->heap[child];
    }
    u->heap[at] = last;
    return first;
}

static uint64_t inside(const struct underway *u, int64_t start, int64_t end)
{
    start = start < u->from_us ? u->from_us : start;
    end = end > u->to_us ? u->to_us : end;
    return end > start ? (uint64_t)(end - start) : 0;
}

static void hand_on(struct underway *u, uint32_t place)
{
    struct underway_second *s = &u->group[place].current;
    int64_t start = s->second * SECOND_US;
    s->damaged |= u->group[place].blind_until_us > start;
    if (s->done && start >= u->from_us && start + SECOND_US <= u->to_us)
        u->each(u->context, place, s);
}

/* Counts up to us. Of seconds in which nothing began or ended nobody asks. */
static void advance(struct underway *u, uint32_t place, int64_t us)
{
    struct underway_group *g = &u->group[place];
    int64_t second = floor_div(us, SECOND_US), start = second * SECOND_US;
    if (!g->any) {
        g->any = true;
        g->at_us = us;
        g->blind_until_us = INT64_MIN;
        g->current = (struct underway_second){.second = second};
    } else if (g->current.second < second) {
        g->current.area_us += g->now * (uint64_t)((g->current.second + 1) * SECOND_US - g->at_us);
        hand_on(u, place);
        g->at_us = start;
        g->current = (struct underway_second){.second = second};
    }
    g->current.area_us += g->now * (uint64_t)(us - g->at_us);
    g->at_us = us;
}

static void leave(struct underway *u, const struct ending *e)
{
    for (int i = 0; i < UNDERWAY_GROUPS; i++) {
        struct underway_group *g = e->group[i] ? &u->group[e->group[i] - 1] : NULL;
        if (!g)
            continue;
        advance(u, e->group[i] - 1, e->us);
        g->now--;
        g->current.done++;
        g->current.failed += e->failed;
        g->current.timed += e->server_us >= 0;
        g->current.server_us += e->server_us < 0 ? 0 : (uint64_t)e->server_us;
        g->done += e->us >= u->from_us && e->us < u->to_us;
        if (u->ended && e->server_us >= 0)
            u->ended(u->context, e->group[i] - 1, g->current.second, e->server_us);
        if (e->kind[i])
            g->current.kind[e->kind[i] - 1]++;
    }
}

static void leave_until(struct underway *u, int64_t us)
{
    while (u->n && u->heap[0].us <= us) {
        struct ending over = pop(u);
        leave(u, &over);
    }
}

void underway_add(struct underway *u, const struct underway_call *c)
{
    struct ending e = {.us = c->end_us, .failed = c->failed, .server_us = c->server_us};
    leave_until(u, c->start_us);
    bool room = u->n < UNDERWAY_MOST;
    u->untracked += !room;
    for (int i = 0; i < UNDERWAY_GROUPS; i++) {
        struct underway_group *g = c->group[i] ? &u->group[c->group[i] - 1] : NULL;
        e.group[i] = c->group[i];
        e.kind[i] = c->kind[i];
        if (!g)
            continue;
        advance(u, c->group[i] - 1, c->start_us);
        g->area_us += inside(u, c->start_us, c->end_us);
        if (!room && c->end_us > g->blind_until_us)
            g->blind_until_us = c->end_us;
        g->now += room;
        if (inside(u, c->start_us, c->end_us) && g->now > g->peak)
            g->peak = c->start_us < u->from_us ? (g->peak ? g->peak : 1) : g->now;
    }
    if (room)
        push(u, &e);
}

void underway_lost(struct underway *u, const struct underway_call *c, bool damaged)
{
    leave_until(u, c->start_us);
    for (int i = 0; i < UNDERWAY_GROUPS; i++)
        if (c->group[i]) {
            advance(u, c->group[i] - 1, c->start_us);
            u->group[c->group[i] - 1].current.lost++;
            u->group[c->group[i] - 1].current.damaged |= damaged;
        }
}

void underway_end(struct underway *u, uint32_t n)
{
    leave_until(u, u->to_us);
    for (uint32_t i = 0; i < n; i++)
        if (u->group[i].any && u->group[i].at_us < u->to_us)
            advance(u, i, u->to_us);
}

uint64_t underway_untracked(const struct underway *u)
{
    return u->untracked;
}
