/* cold: a function that hardly ever runs stands apart, so that the code around its call fits into fewer cache lines. */
#ifndef BASE_COLD_H
#define BASE_COLD_H

#define COLD __attribute__((noinline, cold))

#endif
