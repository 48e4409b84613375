#include "base/pages.h"

#include <pthread.h>
#include <sys/mman.h>

enum { HUGE = 2 << 20, PAGE = 4096, REGIONS = 256, LOOK = 4096 };

/* Who holds what, to be asked about; what finds no place here is not counted. */
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static struct region {
    unsigned char *p;
    size_t n;
} regions[REGIONS];

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

/* Mapped with room to spare and cut to a huge page's border, or the kernel cannot use them from the start. */
static void *reserve_aligned(size_t n)
{
    char *p = mmap(NULL, n + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t head = (HUGE - (uintptr_t)p % HUGE) % HUGE;
    if (head)
        munmap(p, head);
    munmap(p + head + n, HUGE - head);
    madvise(p + head, n, MADV_HUGEPAGE);
    return p + head;
}

static size_t round_up(size_t n)
{
    return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void *reserve(size_t n)
{
    if (n >= PAGES_HUGE_FROM)
        return reserve_aligned(n);
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void *pages_reserve(size_t n)
{
    n = round_up(n + !n);
    void *p = reserve(n);
    if (p)
        note(NULL, p, n);
    return p;
}

void pages_release(void *p, size_t n)
{
    if (!p)
        return;
    note(p, NULL, 0);
    munmap(p, round_up(n + !n));
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

uint64_t pages_resident(void)
{
    uint64_t n = 0;
    pthread_mutex_lock(&held);
    for (unsigned i = 0; i < REGIONS; i++)
        if (regions[i].p)
            n += resident(&regions[i]);
    pthread_mutex_unlock(&held);
    return n;
}
