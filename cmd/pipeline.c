#include "cmd/pipeline.h"

enum { IDLE_MS = 100, COMMIT_EVERY = 256 };

static void commit(struct pipeline *p, bool final)
{
    if (!final && !store_wants(p->store))
        return;
    if (p->threaded)
        pthread_mutex_lock(&p->lock);
    if (p->has_stats)
        analysis_stats(p->analysis, &p->stats);
    if (p->threaded)
        pthread_mutex_unlock(&p->lock);
    analysis_commit(p->analysis, final);
}

/* The analyzer's thread. */
static void *analyze(void *context)
{
    struct pipeline *p = context;
    bool closed = false;
    pthread_setname_np(pthread_self(), "analyzer");
    while (!closed) {
        struct exchange *x = queue_pop(&p->forward, IDLE_MS, &closed);
        if (x) {
            analysis_take(p->analysis, x);
            queue_push(&p->back, x);
            if (++p->taken % COMMIT_EVERY)
                continue;
        }
        queue_flush(&p->back);
        commit(p, false);
    }
    commit(p, true);
    return NULL;
}

bool pipeline_start(struct pipeline *p, struct analysis *a, struct store *s, bool threaded, size_t depth)
{
    p->analysis = a;
    p->store = s;
    p->threaded = threaded;
    p->out = 0;
    p->taken = 0;
    p->has_stats = false;
    if (!threaded)
        return true;
    pthread_mutex_init(&p->lock, NULL);
    if (!queue_init(&p->forward, depth))
        return false;
    if (!queue_init(&p->back, depth * 2)) {
        queue_fini(&p->forward);
        return false;
    }
    return pthread_create(&p->thread, NULL, analyze, p) == 0;
}

static bool bring_home(struct pipeline *p, unsigned timeout_ms)
{
    struct exchange *x = queue_pop(&p->back, timeout_ms, NULL);
    if (!x)
        return false;
    p->give_back(p->owner, x);
    p->out--;
    return true;
}

static void take_here(struct pipeline *p, struct exchange *x)
{
    analysis_take(p->analysis, x);
    p->give_back(p->owner, x);
    if (++p->taken % COMMIT_EVERY == 0)
        commit(p, false);
}

void pipeline_take(void *pipeline, struct exchange *x)
{
    struct pipeline *p = pipeline;
    if (!p->threaded) {
        take_here(p, x);
        return;
    }
    queue_push(&p->forward, x);
    if (++p->out % QUEUE_BATCH)
        return;
    while (bring_home(p, 0))
        ;
}

/* Live nothing waits: without a slot the capture side gives up what is least useful, and counts it. */
void pipeline_reclaim(void *pipeline, bool wait)
{
    struct pipeline *p = pipeline;
    (void)wait;
    while (p->threaded && bring_home(p, 0))
        ;
}

void pipeline_pulse(struct pipeline *p, const struct capture_stats *stats)
{
    if (p->threaded)
        pthread_mutex_lock(&p->lock);
    if (stats) {
        p->stats = *stats;
        p->has_stats = true;
    }
    if (p->threaded) {
        pthread_mutex_unlock(&p->lock);
        queue_flush(&p->forward);
    }
}

void pipeline_end(struct pipeline *p, const struct capture_stats *stats)
{
    pipeline_pulse(p, stats);
    if (!p->threaded) {
        commit(p, true);
        return;
    }
    queue_close(&p->forward);
    while (p->out)
        bring_home(p, IDLE_MS);
    pthread_join(p->thread, NULL);
    queue_fini(&p->forward);
    queue_fini(&p->back);
    pthread_mutex_destroy(&p->lock);
}
