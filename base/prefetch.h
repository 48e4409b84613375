/* prefetch: asks for a cache line that will be read or written soon. Not __builtin_prefetch: gcc takes a function that
 * holds nothing else for one without effects and drops its calls (gcc 12, -O3: those for a key's slot were not there).
 */
#ifndef BASE_PREFETCH_H
#define BASE_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

static inline void prefetch(const void *p)
{
#if defined __x86_64__ || defined __i386__
    __asm__ volatile("prefetcht0 %0" : : "m"(*(const char *)p));
#elif defined __aarch64__
    __asm__ volatile("prfm pldl1keep, %a0" : : "p"(p));
#else
    __builtin_prefetch(p);
#endif
}

/* The lines of n bytes that begin where a line does; p may be NULL, which is no address to reckon with. */
static inline void prefetch_lines(const void *p, size_t n)
{
    for (size_t at = 0; at < n; at += 64)
        prefetch((const void *)((uintptr_t)p + at));
}

#endif
