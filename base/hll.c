#include "base/hll.h"

#include <math.h>

enum { WIDTH = 6, VALUES = 1 << WIDTH };

/* Four registers are three bytes. */
static unsigned get(const uint8_t *set, size_t i)
{
    size_t bit = i * WIDTH, at = bit / 8, shift = bit % 8;
    unsigned two = set[at] | (shift > 8 - WIDTH ? (unsigned)set[at + 1] << 8 : 0);
    return two >> shift & (VALUES - 1);
}

static void put(uint8_t *set, size_t i, unsigned value)
{
    size_t bit = i * WIDTH, at = bit / 8, shift = bit % 8;
    unsigned mask = (VALUES - 1u) << shift, two = value << shift;
    set[at] = (uint8_t)((set[at] & ~mask) | two);
    if (shift > 8 - WIDTH)
        set[at + 1] = (uint8_t)((set[at + 1] & ~(mask >> 8)) | two >> 8);
}

void hll_add(uint8_t *set, unsigned bits, uint64_t hash)
{
    size_t i = hash >> (64 - bits);
    uint64_t rest = hash << bits | UINT64_C(1) << (bits - 1); /* ends somewhere */
    unsigned rank = (unsigned)__builtin_clzll(rest) + 1;
    if (rank > get(set, i))
        put(set, i, rank);
}

void hll_merge(uint8_t *into, const uint8_t *from, unsigned bits)
{
    for (size_t i = 0; i < (size_t)1 << bits; i++)
        if (get(from, i) > get(into, i))
            put(into, i, get(from, i));
}

/* Ertl's sigma and tau: what the registers that are empty, and those that are full, stand for. */
static double sigma(double x)
{
    double y = 1, z = x, before;
    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, before;
    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = z;
        y /= 2;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

double hll_count(const uint8_t *set, unsigned bits)
{
    uint32_t with[VALUES] = {0};
    unsigned most = 64 - bits; /* the greatest rank is one more */
    double m = (double)((size_t)1 << bits);
    for (size_t i = 0; i < (size_t)1 << bits; i++)
        with[get(set, i)]++;
    double z = m * tau(1 - with[most + 1] / m);
    for (unsigned k = most; k >= 1; k--)
        z = (z + with[k]) / 2;
    z += m * sigma(with[0] / m);
    return m * m / (2 * log(2) * z);
}

double hll_error(unsigned bits)
{
    return 1.04 / sqrt((double)((size_t)1 << bits));
}
