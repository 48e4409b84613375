#include "base/pages.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, STEP_LEAST = 4 * PAGE, STEP_MOST = 32 * PAGE, HEAP_ROOM = 48 << 20, REGIONS = 256, LOOK = 4096 };

/* Who holds what, to be asked about; what finds no place here is not counted. */
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static struct region {
    unsigned char *p;
    size_t n;
} regions[REGIONS];
static unsigned char *heap; /* where that of the C library begins; NULL: not made ours */

static void note(void *p, void *is, size_t n)
{
    pthread_mutex_lock(&held);
    for (unsigned i = 0; i < REGIONS; i++)
        if (regions[i].p == p) {
            regions[i] = (struct region){is, n};
            break;
        }
    pthread_mutex_unlock(&held);
}

static void *map(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Mapped with room to spare and cut, so that a border of huge pages lies `head` bytes behind the beginning: or the
 * kernel cannot use them from there on. */
static void *map_huge(size_t n, size_t head)
{
    char *p = map(n + PAGES_HUGE);
    if (!p)
        return NULL;
    size_t cut = (PAGES_HUGE - ((uintptr_t)p + head) % PAGES_HUGE) % PAGES_HUGE;
    if (cut)
        munmap(p, cut);
    munmap(p + cut + n, PAGES_HUGE - cut);
    madvise(p + cut + head, n - head, MADV_HUGEPAGE);
    return p + cut;
}

static size_t round_up(size_t n)
{
    n += !n;
    return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static bool is_large(size_t n)
{
    return n >= PAGES_HUGE + PAGES_HEAD;
}

/* Kernels before 5.14 do not know how: there each page is asked for when it is touched. */
static void populate(char *p, size_t n)
{
    madvise(p, n, MADV_POPULATE_WRITE);
}

void *pages_reserve(size_t n)
{
    n = round_up(n);
    void *p = is_large(n) ? map_huge(n, PAGES_HEAD) : map(n);
    if (p)
        note(NULL, p, n);
    return p;
}

void *pages_sparse(size_t n)
{
    n = round_up(n);
    void *p = map(n);
    if (p)
        note(NULL, p, n);
    return p;
}

void *pages_table(size_t n)
{
    n = round_up(n);
    void *p = n >= PAGES_HUGE ? map_huge(n, 0) : map(n);
    if (!p)
        return NULL;
    note(NULL, p, n);
    if (n < PAGES_HUGE)
        populate(p, n);
    return p;
}

size_t pages_ahead(void *p, size_t used, size_t most)
{
    size_t end = is_large(round_up(most)) ? PAGES_HEAD : round_up(most), from = round_up(used + 1) - PAGE;
    size_t step = from < STEP_LEAST ? STEP_LEAST : from < STEP_MOST ? from : STEP_MOST;
    if (from >= end)
        return most;
    if (step > end - from)
        step = end - from;
    populate((char *)p + from, step);
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
    note(p, NULL, 0);
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

void pages_heap(void)
{
#ifndef __SANITIZE_ADDRESS__ /* whose heap is another */
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 2 * HEAP_ROOM);
    mallopt(M_TRIM_THRESHOLD, 2 * HEAP_ROOM);
    char *p = malloc(HEAP_ROOM);
    if (!p)
        return;
    size_t cut = PAGES_HUGE - (uintptr_t)p % PAGES_HUGE;
    madvise(p + cut, (HEAP_ROOM - cut) / PAGES_HUGE * PAGES_HUGE, MADV_HUGEPAGE);
    free(p);
    mallopt(M_TOP_PAD, HEAP_ROOM);
    heap = (unsigned char *)(((uintptr_t)sbrk(0) - mallinfo2().arena) & ~(uintptr_t)(PAGE - 1));
#endif
}

uint64_t pages_resident(void)
{
    uint64_t n = 0;
    pthread_mutex_lock(&held);
    if (heap)
        n += resident(&(struct region){heap, round_up((size_t)((unsigned char *)sbrk(0) - heap))});
    for (unsigned i = 0; i < REGIONS; i++)
        if (regions[i].p)
            n += resident(&regions[i]);
    pthread_mutex_unlock(&held);
    return n;
}
