/* pipeline: between capture and analysis. Live, the analyzer has a thread of its own, so that a burst never waits for
 * it: exchanges go forward by one queue and come home by another, the newest packet counters beside them. From files
 * the reader calls the analysis itself: nothing can be lost there, and handing every exchange to another processor
 * costs more than analysing it (docs/DECISIONS.md). The store's writer is a thread in both cases. */
#ifndef CMD_PIPELINE_H
#define CMD_PIPELINE_H

#include "analysis/analysis.h"
#include "analysis/store/store.h"
#include "base/queue.h"
#include "capture/opaque.h"

enum { PIPELINE_BATCH = ANALYSIS_TOGETHER };

struct pipeline {
    struct analysis *analysis;
    struct store *store;
    struct opaque *opaque; /* of the capture: what of it changed goes with each commit; NULL: none */
    void (*give_back)(void *owner, struct exchange *const *x, unsigned n); /* of whoever owns the slots */
    void *owner;
    bool threaded;
    unsigned taken;                         /* since the last look whether the store wants a commit */
    struct exchange *batch[PIPELINE_BATCH]; /* gathered, so that the analysis can look ahead */
    unsigned gathered;
    uint64_t seen; /* exchanges in all */
    /* threaded alone */
    struct queue forward, back;
    size_t out; /* exchanges that have not come home */
    pthread_t thread;
    pthread_mutex_t lock; /* guards stats */
    struct capture_stats stats;
    bool has_stats;
};

/* depth: exchanges that may be under way when threaded; a power of two. False: out of memory. */
bool pipeline_start(struct pipeline *p, struct analysis *a, struct store *s, bool threaded, size_t depth);
/* The sink and the reclaim of the capture side; context: the pipeline. */
void pipeline_take(void *pipeline, struct exchange *x);
void pipeline_take_all(void *pipeline, struct exchange *const *x, unsigned n);
void pipeline_reclaim(void *pipeline, bool wait);
/* Whether the next pulse commits what is there: the capture side should hold nothing back. */
static inline bool pipeline_due(const struct pipeline *p)
{
    return !p->threaded && store_wants(p->store);
}
/* Now and then: hands on what waits for a full batch, and the counters (NULL: none). */
void pipeline_pulse(struct pipeline *p, const struct capture_stats *stats);
/* Exchanges that were handed on and have not come home. */
static inline size_t pipeline_waiting(const struct pipeline *p)
{
    return p->out;
}
/* Waits until everything is analysed and the last batch is handed to the store. */
void pipeline_end(struct pipeline *p, const struct capture_stats *stats);

#endif
