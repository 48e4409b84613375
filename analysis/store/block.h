/* block: exchange records as columns (ALGORITHMS: store of exchanges). One open block grows at the analyzer's; closed ones are packed
 * by the writer. Every column is LEB128, prefixed by its length; signed values are zigzag; arrivals and ids are deltas. */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "analysis/store/rows.h"
#include "base/buf.h"

enum { BLOCK_RECORDS = 8192, BLOCK_RAW = 1, BLOCK_ZSTD = 2, BLOCK_MAX_BYTES = 32 << 20 };

enum block_column {
#define FIELD(name, type, how) BLOCK_##name,
#include "analysis/store/block.def"
#undef FIELD
    BLOCK_COLUMNS
};

struct block {
    struct buf column[BLOCK_COLUMNS];
    struct row_exchange last;
    uint32_t n;
    int64_t first_us, last_us;
};

void block_add(struct block *b, const struct row_exchange *x);
/* The columns one after the other, each after its length. */
void block_raw(const struct block *b, struct buf *out);
void block_clear(struct block *b);
void block_free(struct block *b);

/* Packs raw bytes; false: out of memory. */
bool block_pack(struct slice raw, struct buf *out);
/* Calls `each` for n records of a stored block. False: the bytes are no block of n records. */
bool block_read(int format, struct slice data, uint32_t n, void (*each)(void *context, const struct row_exchange *x), void *context);

#endif
