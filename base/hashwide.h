/* hashwide: XXH3-64 with AVX2: half as many instructions an octet, the same values. For
 * base/hash.c alone. */
#ifndef BASE_HASHWIDE_H
#define BASE_HASHWIDE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(NO_MULTIVERSION)
#define HASHWIDE

/* state: an XXH3_state_t. The processor must have AVX2. */
void hashwide_add(void *state, const void *p, size_t n);
uint64_t hashwide_end(const void *state);
uint64_t hashwide_of(const void *p, size_t n, uint64_t seed);

#endif
#endif
