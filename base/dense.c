#include "base/dense.h"

#include <stdlib.h>
#include <string.h>

void *dense_room(void *list, size_t *n, uint32_t id, size_t size)
{
    size_t want = *n ? *n : 256;
    if (id < *n)
        return list;
    while (want <= id)
        want *= 2;
    void *p = want > DENSE_MOST ? NULL : realloc(list, want * size);
    if (!p)
        return NULL;
    memset((char *)p + *n * size, 0, (want - *n) * size);
    *n = want;
    return p;
}

bool dense_grow(void **list, size_t *n, uint32_t id, size_t size)
{
    void *grown = dense_room(*list, n, id, size);
    if (grown)
        *list = grown;
    return grown;
}
