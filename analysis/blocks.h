/* blocks: arrays of 64-bit words that grow by doubling, out of one bounded pool; what a growing one leaves is given to
 * the next. Sizes are powers of two up to 2^(BLOCKS_CLASSES - 1) words; where none below a cache line's is taken, each
 * begins at a line. A block is named by its first word; 0 is none. */
#ifndef ANALYSIS_BLOCKS_H
#define ANALYSIS_BLOCKS_H

#include "analysis/slab.h"

enum { BLOCKS_CLASSES = 16 };

struct blocks {
    struct slab words;
    uint32_t free[BLOCKS_CLASSES]; /* chained through their first words */
};

bool blocks_init(struct blocks *b, uint32_t words);
void blocks_fini(struct blocks *b);
/* A zeroed block of 2^class words; 0: the pool is empty. */
uint32_t blocks_take(struct blocks *b, unsigned class);
void blocks_give(struct blocks *b, uint32_t block, unsigned class);

static inline uint64_t *blocks_at(const struct blocks *b, uint32_t block)
{
    return (uint64_t *)(void *)b->words.base + block;
}

#endif
