/* replay: what a fuzz target is fed without a fuzzer: every file named, and every file of every folder named, each in a
 * block of exactly its size, so that a read past the end is seen. Always feeds the empty input as well. */
#ifndef TESTS_FUZZ_REPLAY_H
#define TESTS_FUZZ_REPLAY_H

#include <stddef.h>
#include <stdint.h>

/* The exit code; prints one line of TAP. */
int replay(int (*target)(const uint8_t *data, size_t size), int n, char **paths);

#endif
