/* hashwide: XXH3-64 with AVX2: half as many instructions an octet, the same values; of a body in pieces little is
 * copied. For base/hash.c alone. */
#ifndef BASE_HASHWIDE_H
#define BASE_HASHWIDE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(NO_MULTIVERSION)
#define HASHWIDE

enum { HASHWIDE_STRIPE = 64, HASHWIDE_HELD = 256 };

/* A body in pieces, 64-aligned; needs no beginning. Up to HASHWIDE_HELD octets are held as they are. Of a longer one
 * the last STRIPE are: they count otherwise than those before, once they are known to be the last. */
struct hashwide {
    uint64_t sum[8];
    uint32_t held, stripe; /* of a longer one: of the last octets those not in sum yet, 1 to STRIPE; of a block, which
                              stripe the next one is */
    unsigned char text[HASHWIDE_STRIPE + HASHWIDE_HELD]; /* with room for what comes next */
};

/* The processor must have AVX2. secret: XXH3's of that seed, 192 octets. */
void hashwide_add(struct hashwide *s, const unsigned char *secret, uint64_t before, const void *p,
                  size_t n); /* before: octets so far */
/* The same with AVX-512, which is a quarter faster. */
void hashwide_add512(struct hashwide *s, const unsigned char *secret, uint64_t before, const void *p, size_t n);
uint64_t hashwide_end(const struct hashwide *s, const unsigned char *secret,
                      uint64_t n);                                          /* n: octets in all, more than are held */
uint64_t hashwide_of(const unsigned char *secret, const void *p, size_t n); /* more than 240 octets */

#endif
#endif
