/* pages: address space that is touched as it fills. What the kernel is asked for page by page is dear, most of all in
 * virtual machines (0.5 to 15 us a page, 0.3 to 4 us when many are asked for together): so memory is asked for ahead,
 * in steps that grow. In huge pages addresses are found sooner, but a machine that gets its memory from a host may wait
 * 2 to 5 ms for each: they are for what is hit at random, and nothing else. */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* n zeroed bytes, or NULL; they fill from the beginning. Released with pages_release(p, n). */
void *pages_reserve(size_t n);
/* The same for what is hit at random: in huge pages, or, below the size of one, all there at once. */
void *pages_table(size_t n);
void pages_release(void *p, size_t n);

/* Asks for the memory of the next bytes of a region of pages_reserve(most), of which `used` are: returns how many are
 * there, or need not be asked for. */
size_t pages_ahead(void *p, size_t used, size_t most);
/* The same for rows of a region of `most`, of which `ready` are there: until this one is. Returns how many are then. */
uint32_t pages_rows(void *p, size_t unit, uint32_t ready, uint32_t row, uint32_t most);

/* Once, before there are threads: the C library has one heap for all of them, and gives back only what is far too
 * much. */
void pages_heap(void);
/* There is much to do: what the heap will need is asked for. Any thread; does nothing the second time. */
void pages_heap_soon(void);

/* Bytes of all regions reserved and not released, and of the heap of pages_heap, that lie in memory now, whole pages,
 * huge ones too. Asks the kernel: a call a second is nothing, one a packet is not. Any thread. */
uint64_t pages_resident(void);

#endif
