/* etags: the content each entity tag of a key stood for, so that a 304 has a content (CONTRACT: ttl[],
 * ALGORITHMS.md 4.1). A ring: beyond its bound the oldest entry goes. */
#ifndef ANALYSIS_ETAGS_H
#define ANALYSIS_ETAGS_H

#include "analysis/slab.h"
#include "base/map.h"

struct etag_row {
    uint64_t hash; /* of key and tag */
    uint32_t content;
};

struct etags {
    struct slab rows;
    struct map map;
    uint32_t next; /* the row to use next once all are taken */
    uint64_t evicted;
};

bool etags_init(struct etags *e, uint32_t most);
void etags_fini(struct etags *e);
/* The latest full answer of the key with this tag had this content. `key` is the key's hash, `tag` is not 0. */
void etags_learn(struct etags *e, uint64_t key, uint32_t tag, uint32_t content);
/* Asks for the memory where the tag is or would be. */
void etags_prefetch(const struct etags *e, uint64_t key, uint32_t tag);
/* What the tag stands for, 0 when that is not known. */
uint32_t etags_content(const struct etags *e, uint64_t key, uint32_t tag);

#endif
