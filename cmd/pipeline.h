/* pipeline: the analyzer's thread between capture and store. Exchanges go forward by one queue and come home by another;
 * the newest packet counters travel beside them. The store's writer is the third thread. */
#ifndef CMD_PIPELINE_H
#define CMD_PIPELINE_H

#include "analysis/analysis.h"
#include "analysis/store/store.h"
#include "base/queue.h"

struct pipeline {
    struct queue forward, back;
    struct analysis *analysis;
    struct store *store;
    void (*give_back)(void *owner, struct exchange *x); /* of whoever owns the slots */
    void *owner;
    bool live;            /* never wait for a slot: the capture side drops instead, counted */
    size_t out;           /* exchanges that have not come home */
    pthread_t thread;
    pthread_mutex_t lock; /* guards stats */
    struct capture_stats stats;
    bool has_stats;
};

/* depth: exchanges that may be under way; a power of two. False: out of memory. */
bool pipeline_start(struct pipeline *p, struct analysis *a, struct store *s, bool live, size_t depth);
/* The sink and the reclaim of the capture side; context: the pipeline. */
void pipeline_take(void *pipeline, struct exchange *x);
void pipeline_reclaim(void *pipeline, bool wait);
/* Now and then: hands on what waits for a full batch, and the counters (NULL: none). */
void pipeline_pulse(struct pipeline *p, const struct capture_stats *stats);
/* Waits until everything is analysed and the last batch is handed to the store. */
void pipeline_end(struct pipeline *p, const struct capture_stats *stats);

#endif
