/* table: room for as many rows as a reading may ever need, of which a small audit uses a corner: pages that are zero,
 * and no memory before they are touched. What malloc gives may have been used before, and then calloc writes all of it.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stddef.h>

/* Zeroed rows, or NULL. Released with table_free, which takes NULL as well. */
void *table_new(size_t rows, size_t unit);
void table_free(void *table);

#endif
