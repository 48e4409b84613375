/* block: exchange records as columns (ALGORITHMS: store of exchanges; fields: block.def). One open block grows at the
 * analyzer's; the writer packs closed ones where that pays. A stored block is: how many shapes and how many peers there
 * are; which of them each record has (0: the next new one; else its number, from 1), a column each; and the columns of
 * the fields in their order, those of shapes and peers with a value for each of these. Numbers are LEB128, each column
 * stands after its length, and has none if all its numbers are 0. That is format 3; 4 is the same under zstd. 1 and 2,
 * also under zstd, were columns of all fields; they are read. */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "analysis/store/rows.h"
#include "base/buf.h"

enum { BLOCK_RECORDS = 16384, BLOCK_TOGETHER = 32, BLOCK_MEMO_BITS = 13, BLOCK_MAX_BYTES = 4 << 20 };
enum block_format { BLOCK_OLD_RAW = 1, BLOCK_OLD_ZSTD, BLOCK_RAW, BLOCK_ZSTD };

enum block_column {
#define FIELD(name, type, how, where) BLOCK_##name,
#include "analysis/store/block.def"
#undef FIELD
    BLOCK_COLUMNS,
    BLOCK_COLUMNS_1 = BLOCK_notes, /* of schema 1 */
    BLOCK_COLUMNS_2 = BLOCK_body,  /* of schema 2 */
};

/* Where a field stands (block.def). */
enum block_where { BLOCK_SHAPE, BLOCK_PEER, BLOCK_OWN, BLOCK_SPARSE, BLOCK_SHARED = BLOCK_OWN /* kinds before it */ };
extern const uint8_t block_where[BLOCK_COLUMNS];

/* A column while it grows. */
struct block_values {
    struct buf values, bits; /* bits: of SPARSE ones */
    uint32_t zeros;          /* behind the values, not written yet: most columns of few records have others */
};

/* What records share, of one kind. One that is not where the memo has its hash is written again, so that none is looked
 * for. */
struct block_shared {
    struct block_values which;           /* of each record */
    struct buf known;                    /* the octets of all */
    uint32_t n;                          /* of them */
    uint16_t memo[1 << BLOCK_MEMO_BITS]; /* numbers, from 0 */
};

/* Zero-initialise. Records are written out many at a time, column by column; those that come alone wait in `stage`. */
struct block {
    struct block_values column[BLOCK_COLUMNS];
    struct block_shared shared[BLOCK_SHARED]; /* by enum block_where */
    struct row_exchange stage[BLOCK_TOGETHER];
    uint32_t n, staged;                   /* records in all; of those still staged */
    int64_t before_us, first_us, last_us; /* arrival of the last one, least and greatest, of those that are not */
};

void block_add(struct block *b, const struct row_exchange *x);
/* n records, each `apart` octets behind the one before. */
void block_add_all(struct block *b, const struct row_exchange *x, size_t apart, unsigned n);
/* Appends the block's bytes to `out`; the block stays open, none is staged. False: out of memory, the records are not
 * whole. */
bool block_raw(struct block *b, struct buf *out);
void block_clear(struct block *b);
void block_free(struct block *b);

/* What packing and unpacking take memory for once. Zero-initialise. */
struct block_tools {
    struct ZSTD_CCtx_s *packer;
    struct ZSTD_DCtx_s *unpacker;
    struct buf raw, shared[BLOCK_SHARED];
};

/* Appends the packed bytes to `out`. False: out of memory. */
bool block_pack(struct block_tools *tools, struct slice raw, struct buf *out);
/* Calls `each` for the n records of a stored block. False: the bytes are no block of n records; nothing or some of it
 * was given out then. */
bool block_read(struct block_tools *tools, int format, struct slice data, uint32_t n,
                void (*each)(void *context, const struct row_exchange *x), void *context);
void block_tools_free(struct block_tools *tools);

#endif
