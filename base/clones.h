/* clones: a function so marked is compiled for AVX2 as well, and the processor at hand decides. */
#ifndef BASE_CLONES_H
#define BASE_CLONES_H

/* clang 14 names the clones so that other files cannot find them. */
#if defined(NO_MULTIVERSION) || defined(__clang__)
#define CLONES
#else
#define CLONES __attribute__((target_clones("avx2", "default")))
#endif

#endif
