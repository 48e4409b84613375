/* hll: about how many different hashes were met (HyperLogLog, Flajolet et al. 2007; ALGORITHMS.md 2.3), by Ertl's
 * improved raw estimator (2017), which needs no correction for few. 2^bits registers of six bits, packed. Of two such
 * sets the union is the greater of each register, the same bytes as if one had met all. */
#ifndef BASE_HLL_H
#define BASE_HLL_H

#include <stddef.h>
#include <stdint.h>

enum { HLL_LEAST = 4, HLL_MOST = 16 }; /* bits */

static inline size_t hll_bytes(unsigned bits)
{
    return ((size_t)6 << bits) / 8;
}

/* Zeroed registers have met nothing. Hashes must be keyed and mixed. */
void hll_add(uint8_t *set, unsigned bits, uint64_t hash);
void hll_merge(uint8_t *into, const uint8_t *from, unsigned bits);
double hll_count(const uint8_t *set, unsigned bits);
/* The relative standard error of that. */
double hll_error(unsigned bits);

#endif
