/* queue: a bounded ring of pointers between one producing and one consuming thread. What is pushed becomes visible in
 * batches (queue_flush), so that the two processors do not fight over every pointer. Sleeping sides are woken, none
 * spins. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue {
    void **ring;
    size_t mask, worth;
    _Alignas(64) _Atomic size_t tail;  /* published by the producer */
    size_t tail_mine, head_seen;       /* producer's own */
    _Alignas(64) _Atomic size_t head;  /* published by the consumer */
    size_t head_mine, tail_seen;       /* consumer's own */
    _Alignas(64) _Atomic int sleeping; /* somebody waits */
    _Atomic bool closed;
    pthread_mutex_t lock;
    pthread_cond_t moved;
};

enum { QUEUE_BATCH = 64, QUEUE_WORTH = 1024, QUEUE_LOOK_MS = 5 };

/* capacity: a power of two. False: out of memory. */
bool queue_init(struct queue *q, size_t capacity);
void queue_fini(struct queue *q);

/* Producer. Waits while the ring is full. */
void queue_push(struct queue *q, void *p);
/* Producer. Makes everything pushed visible. */
void queue_flush(struct queue *q);
/* Producer. Nothing more comes; flushes. */
void queue_close(struct queue *q);
/* Consumer. NULL: nothing within timeout_ms (0: do not wait), or closed and empty (then *closed, if given, is set). */
void *queue_pop(struct queue *q, unsigned timeout_ms, bool *closed);

#endif
