#include "analysis/runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/marks.h"
#include "base/table.h"

enum { RECENT = 64, OPEN = 8, KEYS = 64, WAYS = 4, TRIGGER_US = 1000000 };

/* One that goes on; n 0: none. */
struct run {
    struct runs_event event;
    int64_t end_us;     /* of the last call */
    uint32_t key[KEYS]; /* the latest */
};

struct recent {
    uint32_t endpoint;
    int64_t end_us;
};

struct caller {
    uint64_t id; /* of client and group; 0: free */
    uint32_t n;  /* calls */
    int64_t last_us;
    struct recent recent[RECENT];
    struct run run[OPEN];
};

struct runs {
    struct caller *caller;
    uint64_t used[MARKS(RUNS_CLIENTS)];
    void (*each)(void *context, const struct runs_event *e);
    void *context;
};

struct runs *runs_new(void (*each)(void *context, const struct runs_event *e), void *context)
{
    struct runs *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->each = each;
    r->context = context;
    r->caller = table_new(RUNS_CLIENTS, sizeof *r->caller);
    if (r->caller)
        return r;
    free(r);
    return NULL;
}

void runs_free(struct runs *r)
{
    if (r)
        table_free(r->caller);
    free(r);
}

static void end_run(struct runs *r, struct run *run)
{
    if (run->event.calls >= RUNS_EVENT)
        r->each(r->context, &run->event);
    run->event.calls = 0;
}

static void end_runs(struct runs *r, struct caller *c)
{
    for (int i = 0; i < OPEN; i++)
        end_run(r, &c->run[i]);
}

void runs_end(struct runs *r)
{
    for (size_t i = 0; (i = marks_next(r->used, RUNS_CLIENTS, i)) < RUNS_CLIENTS; i++)
        end_runs(r, &r->caller[i]);
}

static struct caller *caller_of(struct runs *r, uint64_t id)
{
    struct caller *set = &r->caller[(size_t)(id % (RUNS_CLIENTS / WAYS)) * WAYS], *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].id == id)
            return &set[i];
        if (oldest->id && (!set[i].id || set[i].last_us < oldest->last_us))
            oldest = &set[i];
    }
    end_runs(r, oldest);
    memset(oldest, 0, sizeof *oldest);
    oldest->id = id;
    marks_set(r->used, (size_t)(oldest - r->caller));
    return oldest;
}

static uint32_t find_trigger(const struct caller *c, const struct runs_call *call)
{
    int64_t latest = call->start_us - TRIGGER_US - 1;
    uint32_t trigger = 0, n = c->n < RECENT ? c->n : RECENT;
    for (uint32_t i = 1; i <= n; i++) {
        const struct recent *p = &c->recent[(c->n - i) % RECENT];
        if (p->endpoint != call->endpoint && p->end_us <= call->start_us && p->end_us > latest) {
            latest = p->end_us;
            trigger = p->endpoint;
        }
    }
    return trigger;
}

/* That of the endpoint; else one that is free, or the one that was silent longest, which is over then. */
static struct run *run_of(struct runs *r, struct caller *c, uint32_t endpoint)
{
    struct run *oldest = &c->run[0];
    for (int i = 0; i < OPEN; i++) {
        if (c->run[i].event.calls && c->run[i].event.child == endpoint)
            return &c->run[i];
        if (oldest->event.calls && (!c->run[i].event.calls || c->run[i].event.last_us < oldest->event.last_us))
            oldest = &c->run[i];
    }
    end_run(r, oldest);
    return oldest;
}

static bool has_key(const struct run *run, uint32_t key)
{
    uint32_t n = run->event.calls < KEYS ? run->event.calls : KEYS;
    for (uint32_t i = 0; i < n; i++)
        if (run->key[i] == key)
            return true;
    return false;
}

static bool follows(const struct run *run, const struct runs_call *c)
{
    int64_t most = c->rtt_us > 20000 ? 2 * c->rtt_us + 10000 : 50000;
    int64_t since = c->start_us >= run->end_us ? run->end_us : run->event.last_us;
    return c->start_us - since <= most && !has_key(run, c->key);
}

static void begin(const struct caller *at, struct run *run, const struct runs_call *c)
{
    uint32_t trigger = find_trigger(at, c);
    run->event = (struct runs_event){.client = c->client,
                                     .trigger = trigger ? trigger : c->within,
                                     .within = !trigger && c->within,
                                     .child = c->endpoint,
                                     .calls = 1,
                                     .start_us = c->start_us,
                                     .last_us = c->start_us,
                                     .rtt_us = c->rtt_us};
    run->key[0] = c->key;
    run->end_us = c->end_us;
}

static void go_on(struct run *run, const struct runs_call *c)
{
    struct runs_event *e = &run->event;
    run->key[e->calls++ % KEYS] = c->key;
    e->sequential += c->start_us >= run->end_us;
    e->last_us = c->start_us;
    e->rtt_us = c->rtt_us > e->rtt_us ? c->rtt_us : e->rtt_us;
    run->end_us = c->end_us;
}

void runs_add(struct runs *r, const struct runs_call *c)
{
    uint64_t whose = c->group ? hash_mix(c->group + c->client) | (uint64_t)1 << 63 : c->client;
    struct caller *at = caller_of(r, whose);
    if (c->safe) {
        struct run *run = run_of(r, at, c->endpoint);
        if (run->event.calls && follows(run, c)) {
            go_on(run, c);
        } else {
            end_run(r, run);
            begin(at, run, c);
        }
    }
    at->recent[at->n++ % RECENT] = (struct recent){c->endpoint, c->end_us};
    at->last_us = c->start_us;
}
