#include "base/hashwide.h"

#ifdef HASHWIDE
#pragma GCC target("avx2")
#define XXH_INLINE_ALL
#include <xxhash.h>

void hashwide_add(void *state, const void *p, size_t n)
{
    XXH3_64bits_update((XXH3_state_t *)state, p, n);
}

uint64_t hashwide_end(const void *state)
{
    return XXH3_64bits_digest((const XXH3_state_t *)state);
}

uint64_t hashwide_of(const void *p, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(p, n, seed);
}
#else
typedef int nothing_here; /* ISO C: no file is empty */
#endif
