/* digits: whole numbers as decimal digits. */
#ifndef BASE_DIGITS_H
#define BASE_DIGITS_H

#include <stddef.h>
#include <stdint.h>

enum { DIGITS_MOST = 20 };

/* Writes the number at p, without an end, and says how many digits it has. */
size_t digits_put(char *p, uint64_t v);

#endif
