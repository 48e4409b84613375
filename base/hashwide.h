/* hashwide: XXH3-64 with AVX2: half as many instructions an octet, the same values; of a body in pieces little is
 * copied. For base/hash.c alone. */
#ifndef BASE_HASHWIDE_H
#define BASE_HASHWIDE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(NO_MULTIVERSION)
#define HASHWIDE

enum { HASHWIDE_STRIPE = 64, HASHWIDE_HELD = 256, HASHWIDE_FEW = 128, HASHWIDE_SECRET = 192 };

/* A body in pieces, 64-aligned. Its last octets are held, at least one as soon as there is any: they count otherwise
 * than those before. */
struct hashwide {
    uint64_t sum[8];
    uint64_t seed;
    uint32_t held, stripe; /* stripe: of a block, which the next one is */
    unsigned char secret[HASHWIDE_SECRET];
    unsigned char text[HASHWIDE_STRIPE + HASHWIDE_HELD + HASHWIDE_FEW]; /* behind some of what was before */
};

/* The processor must have AVX2. */
void hashwide_begin(struct hashwide *s, uint64_t seed); /* the first time */
void hashwide_again(struct hashwide *s);                /* with the same seed */
void hashwide_add(struct hashwide *s, const void *p, size_t n);
uint64_t hashwide_end(struct hashwide *s, uint64_t n); /* n: octets in all; uses it up */
uint64_t hashwide_of(const void *p, size_t n, uint64_t seed);

#endif
#endif
