/* dense: lists by id, for ids that are counted up from 1: room for the id at hand, doubled when it is short. */
#ifndef BASE_DENSE_H
#define BASE_DENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DENSE_MOST = 1 << 26 }; /* ids beyond are taken for damage */

/* The list with an entry for `id`, of *n entries of `size` bytes; new ones are zero. NULL: no memory, or an id that is
 * too large; then `list` is as it was. */
void *dense_room(void *list, size_t *n, uint32_t id, size_t size);
/* The same in place: *list has an entry for `id` afterwards. False: it is as it was. */
bool dense_grow(void **list, size_t *n, uint32_t id, size_t size);

#endif
