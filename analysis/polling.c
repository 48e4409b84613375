#include "analysis/polling.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/marks.h"
#include "base/table.h"

#define EVEN (-0.7)

enum { WAYS = 4, FEW = 2, SETS = POLLING_MOST / WAYS };

/* A client at a key. */
struct place {
    uint64_t hash; /* 0: free */
    uint32_t endpoint, content;
    int64_t last_us;
    uint64_t gaps, idle, idle_us;
    double mean, squares; /* of the gaps, s; Welford */
};

struct polling {
    struct place *place;
    struct polling_sums *(*sums)(void *context, uint32_t endpoint);
    void *context;
    uint64_t lost;
    uint64_t used[MARKS(SETS)];
};

struct polling *polling_new(struct polling_sums *(*sums)(void *context, uint32_t endpoint), void *context)
{
    struct polling *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    *p = (struct polling){table_new(POLLING_MOST, sizeof *p->place), sums, context, 0, {0}};
    if (p->place)
        return p;
    polling_free(p);
    return NULL;
}

void polling_free(struct polling *p)
{
    if (p)
        table_free(p->place);
    free(p);
}

static bool is_even(const struct place *at)
{
    double deviation = sqrt(at->squares / (double)at->gaps);
    return at->gaps >= POLLING_GAPS && (deviation - at->mean) / (deviation + at->mean) < EVEN;
}

static void leave(struct polling *p, struct place *at)
{
    struct polling_sums *s = at->hash && at->mean > 0 && is_even(at) ? p->sums(p->context, at->endpoint) : NULL;
    if (s) {
        s->pollers++;
        s->polls += at->gaps + 1;
        s->idle += at->idle;
        s->idle_us += at->idle_us;
        if (at->gaps + 1 > s->most) {
            s->most = at->gaps + 1;
            s->period_s = at->mean;
        }
    }
    at->hash = 0;
}

/* Who came once or twice gives way to who comes; who is silent for long has ended. NULL: none of them. */
static struct place *make_room(struct polling *p, struct place *set, int64_t now_us)
{
    struct place *oldest = NULL;
    for (struct place *at = set; at < set + WAYS; at++) {
        bool over = !at->hash || at->gaps < FEW || now_us - at->last_us > (int64_t)POLLING_SILENT_S * 1000000;
        if (over && (!oldest || (oldest->hash && (!at->hash || at->last_us < oldest->last_us))))
            oldest = at;
    }
    if (oldest)
        leave(p, oldest);
    return oldest;
}

static void visit(struct place *at, const struct polling_read *r)
{
    double gap = (double)(r->at_us - at->last_us) / 1e6, off = gap - at->mean;
    at->gaps++;
    at->mean += off / (double)at->gaps;
    at->squares += off * (gap - at->mean);
    if (r->unmodified || (r->content && r->content == at->content)) {
        at->idle++;
        at->idle_us += r->server_us;
    }
}

void polling_read(struct polling *p, const struct polling_read *r)
{
    uint64_t hash = hash_mix(hash_mix((uint64_t)r->client << 32 | r->key) + r->endpoint) | 1;
    size_t number = (hash >> 32) % SETS;
    struct place *set = &p->place[number * WAYS], *at = set;
    while (at < set + WAYS && at->hash != hash)
        at++;
    if (at < set + WAYS) {
        visit(at, r);
    } else if ((at = make_room(p, set, r->at_us))) {
        *at = (struct place){.hash = hash, .endpoint = r->endpoint};
        marks_set(p->used, number);
    } else {
        p->lost++;
        return;
    }
    at->last_us = r->at_us;
    if (r->content)
        at->content = r->content;
}

void polling_end(struct polling *p)
{
    for (size_t set = 0; (set = marks_next(p->used, SETS, set)) < SETS; set++)
        for (struct place *at = &p->place[set * WAYS]; at < &p->place[(set + 1) * WAYS]; at++)
            leave(p, at);
}

uint64_t polling_lost(const struct polling *p)
{
    return p->lost;
}
