/* spacesaving: the heaviest of a stream in bounded memory (Metwally et al. 2005; ALGORITHMS.md section 7.6). Every step
 * is O(1): counters of equal count share a bucket, buckets are linked by count. count - error <= true count <= count.
 * The one to go is the least count, among equals the least recently updated. */
#ifndef ANALYSIS_SPACESAVING_H
#define ANALYSIS_SPACESAVING_H

#include "base/map.h"

struct heavy {
    uint64_t hash;
    uint64_t count, error;
    uint32_t before, after, bucket; /* neighbours within the bucket, + 1 */
};

struct spacesaving;

struct spacesaving *spacesaving_new(uint32_t most); /* NULL: out of memory */
void spacesaving_free(struct spacesaving *s);
/* Counts one occurrence; the counter is good until the next call. */
const struct heavy *spacesaving_add(struct spacesaving *s, uint64_t hash);
/* Asks for the memory that a look for this one begins with. */
void spacesaving_prefetch(const struct spacesaving *s, uint64_t hash);
/* The counter, or NULL. */
const struct heavy *spacesaving_find(const struct spacesaving *s, uint64_t hash);

#endif
