/* pages: address space that is touched as it fills. Large regions ask for huge pages: tables that are hit at random
 * wait less for address translation, most of all in virtual machines. */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stddef.h>
#include <stdint.h>

enum { PAGES_HUGE_FROM = 2 << 20 };

/* n zeroed bytes, or NULL. Released with pages_release(p, n). */
void *pages_reserve(size_t n);
void pages_release(void *p, size_t n);

/* Bytes of all regions reserved and not released that lie in memory now, whole pages, huge ones too. Asks the kernel: a
 * call a second is nothing, one a packet is not. Any thread. */
uint64_t pages_resident(void);

#endif
