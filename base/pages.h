/* pages: address space that is touched as it fills. What the kernel is asked for page by page is dear, most of all in
 * virtual machines (some 15 us a page, 4 us when many are asked for together): so memory is asked for ahead, in steps
 * that grow; and of large regions all but the beginning lies in huge pages. */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stddef.h>
#include <stdint.h>

enum { PAGES_HUGE = 2 << 20, PAGES_HEAD = 2 << 20 };

/* n zeroed bytes, or NULL; they fill from the beginning. Released with pages_release(p, n). */
void *pages_reserve(size_t n);
/* The same for what is soon hit everywhere. */
void *pages_table(size_t n);
/* The same for what is hit here and there only: nothing is asked for ahead, and no huge pages. */
void *pages_sparse(size_t n);
void pages_release(void *p, size_t n);

/* Asks for the memory of the next bytes of a region of pages_reserve(most), of which `used` are: returns how many are
 * there, or need not be asked for. */
size_t pages_ahead(void *p, size_t used, size_t most);
/* The same for rows of a region of `most`, of which `ready` are there: until this one is. Returns how many are then. */
uint32_t pages_rows(void *p, size_t unit, uint32_t ready, uint32_t row, uint32_t most);

/* Once, before there are threads: the C library has one heap for all of them, in huge pages at first, and gives back
 * only what is far too much. */
void pages_heap(void);

/* Bytes of all regions reserved and not released, and of the heap of pages_heap, that lie in memory now, whole pages,
 * huge ones too. Asks the kernel: a call a second is nothing, one a packet is not. Any thread. */
uint64_t pages_resident(void);

#endif
