#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

enum { HUGE = 2 << 20 };

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
    return (n + 4095) & ~(size_t)4095;
}

void *pages_reserve(size_t n)
{
    n = round_up(n + !n);
    if (n >= PAGES_HUGE_FROM)
        return reserve_aligned(n);
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void pages_release(void *p, size_t n)
{
    if (p)
        munmap(p, round_up(n + !n));
}
