/* marks: which parts of a large table were ever used, so that going over it at the end leaves the rest of its memory
 * untouched. */
#ifndef BASE_MARKS_H
#define BASE_MARKS_H

#include <stddef.h>
#include <stdint.h>

/* Words for n parts, zero at first. */
#define MARKS(n) (((n) + 63) / 64)

static inline void marks_set(uint64_t *marks, size_t part)
{
    marks[part / 64] |= (uint64_t)1 << part % 64;
}

/* The first part from `part` on that is marked; n: none. */
static inline size_t marks_next(const uint64_t *marks, size_t n, size_t part)
{
    while (part < n) {
        uint64_t rest = marks[part / 64] >> part % 64;
        if (rest)
            return part + (size_t)__builtin_ctzll(rest);
        part = (part / 64 + 1) * 64;
    }
    return n;
}

#endif
