/* floor: division that rounds down, for times before 1970 as well. */
#ifndef BASE_FLOOR_H
#define BASE_FLOOR_H

#include <stdint.h>

/* a / b, rounded down; b is above 0. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

#endif
