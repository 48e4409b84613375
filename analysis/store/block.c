#include "analysis/store/block.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/cursor.h"

static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#define PUT_DELTA(x, last, name) zigzag((int64_t)((uint64_t)(x)->name - (uint64_t)(last)->name))
#define PUT_PLAIN(x, last, name) (uint64_t)(x)->name
#define PUT_SIGNED(x, last, name) zigzag((x)->name)
#define GET_DELTA(v, last, name) (int64_t)((uint64_t)(last)->name + (uint64_t)unzigzag(v))
#define GET_PLAIN(v, last, name) (v)
#define GET_SIGNED(v, last, name) unzigzag(v)

/* Room for a whole column is made at its first record, so that adding is a store and an increment. */
static inline void put(struct buf *b, uint64_t v)
{
    if (b->cap - b->n < 10 && !buf_reserve(b, BLOCK_RECORDS * 3))
        return;
    char *p = b->p + b->n;
    while (v >= 128) {
        *p++ = (char)(v | 128);
        v >>= 7;
    }
    *p++ = (char)v;
    b->n = (size_t)(p - b->p);
}

void block_add(struct block *b, const struct row_exchange *x)
{
    if (!b->n) {
        b->first_us = x->arrival_us;
        b->last = (struct row_exchange){0};
    }
#define FIELD(name, type, how) put(&b->column[BLOCK_##name], PUT_##how(x, &b->last, name));
#include "analysis/store/block.def"
#undef FIELD
    b->last.arrival_us = x->arrival_us;
    b->last_us = x->arrival_us;
    b->n++;
}

void block_raw(const struct block *b, struct buf *out)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++) {
        buf_varint(out, b->column[i].n);
        buf_add(out, b->column[i].p, b->column[i].n);
    }
}

void block_clear(struct block *b)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++)
        b->column[i].n = 0;
    b->n = 0;
}

void block_free(struct block *b)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++)
        buf_free(&b->column[i]);
}

bool block_pack(struct slice raw, struct buf *out)
{
    size_t bound = ZSTD_compressBound(raw.n);
    if (!buf_reserve(out, bound))
        return false;
    size_t n = ZSTD_compress(out->p + out->n, bound, raw.p, raw.n, 1);
    if (ZSTD_isError(n))
        return false;
    out->n += n;
    return true;
}

static bool unpack(struct slice data, struct buf *out)
{
    unsigned long long n = ZSTD_getFrameContentSize(data.p, data.n);
    if (n == ZSTD_CONTENTSIZE_ERROR || n == ZSTD_CONTENTSIZE_UNKNOWN || n > BLOCK_MAX_BYTES || !buf_reserve(out, (size_t)n))
        return false;
    size_t got = ZSTD_decompress(out->p, (size_t)n, data.p, data.n);
    if (ZSTD_isError(got) || got != n)
        return false;
    out->n = got;
    return true;
}

static bool read_raw(struct slice raw, uint32_t n, void (*each)(void *, const struct row_exchange *), void *context)
{
    struct cursor all = cursor_of(raw.p, raw.n), column[BLOCK_COLUMNS];
    struct row_exchange x = {0};
    for (int i = 0; i < BLOCK_COLUMNS; i++) {
        size_t length = (size_t)cursor_varint(&all);
        const uint8_t *p = cursor_take(&all, length);
        if (!p)
            return false;
        column[i] = cursor_of(p, length);
    }
    for (uint32_t r = 0; r < n; r++) {
        bool bad = false;
#define FIELD(name, type, how) \
    x.name = (type)GET_##how(cursor_varint(&column[BLOCK_##name]), &x, name); \
    bad |= column[BLOCK_##name].bad;
#include "analysis/store/block.def"
#undef FIELD
        if (bad)
            return false;
        each(context, &x);
    }
    return true;
}

bool block_read(int format, struct slice data, uint32_t n, void (*each)(void *context, const struct row_exchange *x), void *context)
{
    struct buf raw = {0};
    if (n > BLOCK_RECORDS || (format != BLOCK_RAW && format != BLOCK_ZSTD))
        return false;
    if (format == BLOCK_RAW)
        return read_raw(data, n, each, context);
    bool ok = unpack(data, &raw) && read_raw(slice_of(raw.p, raw.n), n, each, context);
    buf_free(&raw);
    return ok;
}
