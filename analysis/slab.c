#include "analysis/slab.h"

#include <sys/mman.h>

/* Arrays of this size are asked for in large pages, since their rows are visited at random; smaller ones would be
 * mostly padding. */
enum { LARGE = 2 << 20 };

bool slab_init(struct slab *s, size_t unit, uint32_t most)
{
    *s = (struct slab){NULL, unit, 0, most};
    void *p = mmap(NULL, unit * most + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return false;
    s->base = p;
    if (unit * most >= LARGE)
        madvise(p, unit * most, MADV_HUGEPAGE); /* a wish: refused, it works as well */
    return true;
}

void slab_fini(struct slab *s)
{
    if (s->base)
        munmap(s->base, s->unit * s->most + 1);
    *s = (struct slab){0};
}
