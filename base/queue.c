#include "base/queue.h"

#include <time.h>

#include "base/pages.h"

bool queue_init(struct queue *q, size_t capacity)
{
    *q = (struct queue){.mask = capacity - 1, .worth = capacity / 4 < QUEUE_WORTH ? capacity / 4 : QUEUE_WORTH};
    q->ring = pages_reserve(capacity * sizeof *q->ring);
    if (!q->ring)
        return false;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&q->moved, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&q->lock, NULL);
    return true;
}

void queue_fini(struct queue *q)
{
    if (!q->ring)
        return;
    pthread_cond_destroy(&q->moved);
    pthread_mutex_destroy(&q->lock);
    pages_release(q->ring, (q->mask + 1) * sizeof *q->ring);
    q->ring = NULL;
}

/* Waking costs more than what a batch brings, so a sleeper is woken for a worthwhile amount; a consumer looks for less
 * by itself. */
static void wake(struct queue *q, size_t worth)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (worth < q->worth || !atomic_load_explicit(&q->sleeping, memory_order_relaxed))
        return;
    pthread_mutex_lock(&q->lock);
    pthread_cond_broadcast(&q->moved);
    pthread_mutex_unlock(&q->lock);
}

static bool full(struct queue *q)
{
    if (q->tail_mine - q->head_seen <= q->mask)
        return false;
    q->head_seen = atomic_load_explicit(&q->head, memory_order_acquire);
    return q->tail_mine - q->head_seen > q->mask;
}

static bool empty(struct queue *q)
{
    if (q->head_mine != q->tail_seen)
        return false;
    q->tail_seen = atomic_load_explicit(&q->tail, memory_order_acquire);
    return q->head_mine == q->tail_seen;
}

/* Sleeps until `blocked` says no, or the deadline (NULL: none) passes. False: the deadline passed, or closed. */
static bool sleep_while(struct queue *q, bool (*blocked)(struct queue *), const struct timespec *deadline)
{
    bool ok = true;
    pthread_mutex_lock(&q->lock);
    atomic_fetch_add(&q->sleeping, 1);
    atomic_thread_fence(memory_order_seq_cst);
    while (blocked(q) && ok) {
        if (atomic_load(&q->closed))
            ok = false;
        else if (deadline)
            ok = pthread_cond_timedwait(&q->moved, &q->lock, deadline) == 0;
        else
            pthread_cond_wait(&q->moved, &q->lock);
    }
    atomic_fetch_sub(&q->sleeping, 1);
    pthread_mutex_unlock(&q->lock);
    return !blocked(q);
}

void queue_flush(struct queue *q)
{
    if (atomic_load_explicit(&q->tail, memory_order_relaxed) == q->tail_mine)
        return;
    atomic_store_explicit(&q->tail, q->tail_mine, memory_order_release);
    wake(q, q->tail_mine - atomic_load_explicit(&q->head, memory_order_relaxed));
}

void queue_push(struct queue *q, void *p)
{
    if (full(q)) {
        queue_flush(q);
        sleep_while(q, full, NULL);
    }
    q->ring[q->tail_mine++ & q->mask] = p;
    if (q->tail_mine % QUEUE_BATCH == 0)
        queue_flush(q);
}

void queue_close(struct queue *q)
{
    queue_flush(q);
    atomic_store(&q->closed, true);
    pthread_mutex_lock(&q->lock);
    pthread_cond_broadcast(&q->moved);
    pthread_mutex_unlock(&q->lock);
}

/* Tells the producer how far we are: every batch, and whenever nothing is left. */
static void publish_head(struct queue *q)
{
    if (atomic_load_explicit(&q->head, memory_order_relaxed) == q->head_mine)
        return;
    atomic_store_explicit(&q->head, q->head_mine, memory_order_release);
    wake(q, q->mask + 1 - (atomic_load_explicit(&q->tail, memory_order_relaxed) - q->head_mine));
}

static struct timespec from_now(unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Waits for something to pop. False: nothing came. */
static bool await(struct queue *q, unsigned timeout_ms)
{
    publish_head(q);
    if (!timeout_ms)
        return false;
    for (unsigned waited = 0; waited < timeout_ms && !atomic_load(&q->closed); waited += QUEUE_LOOK_MS) {
        struct timespec deadline = from_now(QUEUE_LOOK_MS);
        if (sleep_while(q, empty, &deadline))
            return true;
    }
    return !empty(q);
}

void *queue_pop(struct queue *q, unsigned timeout_ms, bool *closed)
{
    if (empty(q) && !await(q, timeout_ms)) {
        bool over = atomic_load(&q->closed);
        if (!over || empty(q)) {
            if (closed)
                *closed = over;
            return NULL;
        }
    }
    void *p = q->ring[q->head_mine++ & q->mask];
    if (q->head_mine % QUEUE_BATCH == 0)
        publish_head(q);
    return p;
}
