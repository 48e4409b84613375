#include "cmd/pipeline.h"

enum { IDLE_MS = 100, COMMIT_EVERY = 256 };

static void commit(struct pipeline *p, bool final)
{
    if (!final && !store_wants(p->store))
        return;
    pthread_mutex_lock(&p->lock);
    if (p->has_stats)
        analysis_stats(p->analysis, &p->stats);
    pthread_mutex_unlock(&p->lock);
    analysis_commit(p->analysis, final);
}

static void *analyze(void *context)
{
    struct pipeline *p = context;
    bool closed = false;
    for (unsigned n = 1; !closed; n++) {
        struct exchange *x = queue_pop(&p->forward, IDLE_MS, &closed);
        if (x) {
            analysis_take(p->analysis, x);
            queue_push(&p->back, x);
            if (n % COMMIT_EVERY)
                continue;
        }
        queue_flush(&p->back);
        commit(p, false);
    }
    commit(p, true);
    return NULL;
}

bool pipeline_start(struct pipeline *p, struct analysis *a, struct store *s, bool live, size_t depth)
{
    p->analysis = a;
    p->store = s;
    p->live = live;
    p->out = 0;
    p->has_stats = false;
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

void pipeline_take(void *pipeline, struct exchange *x)
{
    struct pipeline *p = pipeline;
    queue_push(&p->forward, x);
    if (++p->out % QUEUE_BATCH)
        return;
    while (bring_home(p, 0))
        ;
}

void pipeline_reclaim(void *pipeline, bool wait)
{
    struct pipeline *p = pipeline;
    bool got = false;
    while (bring_home(p, 0))
        got = true;
    if (got || !wait || p->live)
        return;
    queue_flush(&p->forward);
    while (p->out && !got)
        got = bring_home(p, IDLE_MS);
    while (bring_home(p, 0))
        ;
}

void pipeline_pulse(struct pipeline *p, const struct capture_stats *stats)
{
    if (stats) {
        pthread_mutex_lock(&p->lock);
        p->stats = *stats;
        p->has_stats = true;
        pthread_mutex_unlock(&p->lock);
    }
    queue_flush(&p->forward);
}

void pipeline_end(struct pipeline *p, const struct capture_stats *stats)
{
    pipeline_pulse(p, stats);
    queue_close(&p->forward);
    while (p->out)
        bring_home(p, IDLE_MS);
    pthread_join(p->thread, NULL);
    queue_fini(&p->forward);
    queue_fini(&p->back);
    pthread_mutex_destroy(&p->lock);
}
