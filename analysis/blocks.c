#include "analysis/blocks.h"

#include <string.h>

enum { LINE = 8 };

bool blocks_init(struct blocks *b, uint32_t words)
{
    memset(b->free, 0, sizeof b->free);
    if (!slab_init(&b->words, sizeof(uint64_t), words + LINE))
        return false;
    b->words.used = LINE; /* 0 is none; and blocks of a line begin at one */
    return true;
}

void blocks_fini(struct blocks *b)
{
    slab_fini(&b->words);
}

uint32_t blocks_take(struct blocks *b, unsigned class)
{
    uint32_t block = b->free[class], n = 1u << class;
    if (block) {
        b->free[class] = (uint32_t)*blocks_at(b, block);
        memset(blocks_at(b, block), 0, n * sizeof(uint64_t));
        return block;
    }
    if (b->words.most - b->words.used < n)
        return 0;
    block = b->words.used;
    b->words.used += n;
    slab_reach(&b->words, block + n - 1);
    return block;
}

void blocks_give(struct blocks *b, uint32_t block, unsigned class)
{
    *blocks_at(b, block) = b->free[class];
    b->free[class] = block;
}
