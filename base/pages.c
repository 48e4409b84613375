#include "base/pages.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    STEP_LEAST = 4 * PAGE,
    STEP_MOST = 32 * PAGE,
    HUGE = 2 << 20,
    HEAP_ROOM = 48 << 20,
    HEAP_FIRST = 10 << 18, /* what is allocated before the first packet */
    HEAP_SOON = 6 << 20,
    REGIONS = 256,
    LOOK = 4096
};

/* Who holds what, to be asked about; what finds no place here is not counted. */
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static struct region {
    unsigned char *p;
    size_t n;
} regions[REGIONS];
static unsigned char *heap; /* where that of the C library begins; NULL: not made ours */

static void note(const void *p, struct region is)
{
    pthread_mutex_lock(&held);
    for (unsigned i = 0; i < REGIONS; i++)
        if (regions[i].p == p) {
            regions[i] = is;
            break;
        }
    pthread_mutex_unlock(&held);
}

static void *map(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Mapped with room to spare and cut, so that it begins where a huge page does. */
static void *map_huge(size_t n)
{
    char *p = map(n + HUGE);
    if (!p)
        return NULL;
    size_t cut = (HUGE - (uintptr_t)p % HUGE) % HUGE;
    if (cut)
        munmap(p, cut);
    munmap(p + cut + n, HUGE - cut);
    madvise(p + cut, n, MADV_HUGEPAGE);
    return p + cut;
}

static size_t round_up(size_t n)
{
    n += !n;
    return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/* Kernels before 5.14 do not know how: there each page is asked for when it is touched. */
static void populate(unsigned char *p, size_t n)
{
    madvise(p, n, MADV_POPULATE_WRITE);
}

void *pages_reserve(size_t n)
{
    n = round_up(n);
    void *p = map(n);
    if (p)
        note(NULL, (struct region){p, n});
    return p;
}

void *pages_table(size_t n)
{
    n = round_up(n);
    void *p = n < HUGE ? map(n) : map_huge(n);
    if (!p)
        return NULL;
    note(NULL, (struct region){p, n});
    if (n < HUGE)
        populate(p, n);
    return p;
}

size_t pages_ahead(void *p, size_t used, size_t most)
{
    size_t end = round_up(most), from = round_up(used + 1) - PAGE;
    size_t step = from < STEP_LEAST ? STEP_LEAST : from < STEP_MOST ? from : STEP_MOST;
    if (from >= end)
        return most;
    if (step > end - from)
        step = end - from;
    populate((unsigned char *)p + from, step);
    return from + step;
}

uint32_t pages_rows(void *p, size_t unit, uint32_t ready, uint32_t row, uint32_t most)
{
    while (ready <= row) {
        uint32_t there = (uint32_t)(pages_ahead(p, unit * ready, unit * most) / unit);
        ready = there > ready ? there : ready + 1; /* or a row is larger than what is asked for at once */
    }
    return ready;
}

void pages_release(void *p, size_t n)
{
    if (!p)
        return;
    note(p, (struct region){0});
    munmap(p, round_up(n));
}

static uint64_t resident(const struct region *r)
{
    static unsigned char in[LOOK]; /* under the lock */
    uint64_t pages = 0;
    for (size_t at = 0; at < r->n; at += (size_t)LOOK * PAGE) {
        size_t n = r->n - at < (size_t)LOOK * PAGE ? r->n - at : (size_t)LOOK * PAGE;
        if (mincore(r->p + at, n, in) == 0)
            for (size_t i = 0; i < n / PAGE; i++)
                pages += in[i] & 1;
    }
    return pages * PAGE;
}

/* Asks for the next bytes of what is free at the heap's end. */
static void heap_ahead(size_t n)
{
    unsigned char *end = (unsigned char *)((uintptr_t)sbrk(0) & ~(uintptr_t)(PAGE - 1));
    size_t free_at_end = mallinfo2().keepcost & ~(size_t)(PAGE - 1);
    populate(end - free_at_end, free_at_end < n ? free_at_end : n);
}

void pages_heap(void)
{
#ifndef __SANITIZE_ADDRESS__ /* whose heap is another */
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 2 * HEAP_ROOM);
    mallopt(M_TRIM_THRESHOLD, 2 * HEAP_ROOM);
    char *p = malloc(HEAP_ROOM);
    if (!p)
        return;
    free(p);
    mallopt(M_TOP_PAD, HEAP_ROOM);
    heap = (unsigned char *)(((uintptr_t)sbrk(0) - mallinfo2().arena) & ~(uintptr_t)(PAGE - 1));
    heap_ahead(HEAP_FIRST);
#endif
}

void pages_heap_soon(void)
{
    static atomic_bool asked;
    if (!heap || atomic_exchange(&asked, true))
        return;
    heap_ahead(HEAP_SOON);
}

uint64_t pages_resident(void)
{
    uint64_t n = 0;
    pthread_mutex_lock(&held);
    if (heap)
        n += resident(&(struct region){.p = heap, .n = round_up((size_t)((unsigned char *)sbrk(0) - heap))});
    for (unsigned i = 0; i < REGIONS; i++)
        if (regions[i].p)
            n += resident(&regions[i]);
    pthread_mutex_unlock(&held);
    return n;
}
