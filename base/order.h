/* order: numbers in network order; and two numbers that lie behind each other, as one word. */
#ifndef BASE_ORDER_H
#define BASE_ORDER_H

#include <stdint.h>

enum { ORDER_LITTLE = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };

static inline uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t be64(const uint8_t *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}

/* Rotates by n bits, less than there are. */
static inline uint64_t order_turn64(uint64_t x, unsigned n)
{
    return x << n | x >> (-n & 63);
}

static inline uint32_t order_turn32(uint32_t x, unsigned n)
{
    return x << n | x >> (-n & 31);
}

/* Of two numbers, the first the upper half of x, the word that they are where they lie in memory one behind the other.
 */
static inline uint64_t order_pair32(uint64_t x)
{
    return order_turn64(x, ORDER_LITTLE * 32);
}

static inline uint32_t order_pair16(uint32_t x)
{
    return order_turn32(x, ORDER_LITTLE * 16);
}

#endif
