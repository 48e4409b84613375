#include "tui/kept.h"

#include <stdlib.h>

struct piece {
    struct piece *next;
    size_t used, size;
    char bytes[];
};

enum { PIECE = 1 << 16 };

struct slice kept_slice(struct kept *k, struct slice s)
{
    struct piece *p = k->first;
    if (!p || p->size - p->used < s.n) {
        size_t size = s.n > PIECE ? s.n : PIECE;
        p = malloc(sizeof *p + size);
        if (!p) {
            k->failed = true;
            return (struct slice){"", 0};
        }
        *p = (struct piece){.next = k->first, .size = size};
        k->first = p;
    }
    char *to = p->bytes + p->used;
    if (s.n)
        memcpy(to, s.p, s.n);
    p->used += s.n;
    return slice_of(to, s.n);
}

struct slice kept_buf(struct kept *k, struct buf *b)
{
    k->failed |= b->failed;
    struct slice kept = kept_slice(k, slice_of(b->p, b->n));
    b->n = 0;
    return kept;
}

void kept_free(struct kept *k)
{
    while (k->first) {
        struct piece *p = k->first;
        k->first = p->next;
        free(p);
    }
}
