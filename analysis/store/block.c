#include "analysis/store/block.h"

#include <endian.h>
#include <zstd.h>

#include "base/cursor.h"

/* Level: a tenth larger than level 1, in half its time. */
enum { PACK_LEVEL = -3, VALUE_MAX = 10 /* bytes of one value at most */ };

static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Differences wrap around, so that any two values have one. */
static inline int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* ---- writing ---- */

static inline char *put(char *p, uint64_t v)
{
    while (v >= 128) {
        *p++ = (char)(v | 128);
        v >>= 7;
    }
    *p++ = (char)v;
    return p;
}

/* The same bytes without a branch on how many they are; writes up to 10. */
static inline char *put_mixed(char *p, uint64_t v)
{
    if (v >= 1u << 28)
        return put(p, v);
    uint32_t x = (uint32_t)v, more = (uint32_t)(x > 0x7f) + (x > 0x3fff) + (x > 0x1fffff);
    uint32_t spread = (x & 0x7f) | (x & 0x3f80) << 1 | (x & 0x1fc000) << 2 | (x & 0xfe00000) << 3;
    spread = htole32(spread | (0x808080 & ((1u << more * 8) - 1)));
    memcpy(p, &spread, sizeof spread);
    return p + more + 1;
}

static inline char *put_word(char *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

#define PUT_PLAIN(p, x, name) put(p, (uint64_t)(x)->name)
#define PUT_MIXED(p, x, name) put_mixed(p, (uint64_t)(x)->name)
#define PUT_SIGNED(p, x, name) put_mixed(p, zigzag((x)->name))
#define PUT_DELTA(p, x, name) put_mixed(p, zigzag(minus((x)->name, (x)[-1].name)))
#define PUT_AFTER(p, x, name) put_mixed(p, zigzag(minus((x)->name, (x)->ttfb_us)))
#define PUT_FLAGS(p, x, name) put(p, (x)->name << 4 | (x)->name >> 28)
#define PUT_WORD(p, x, name) put_word(p, (x)->name)

/* One column after the other, so that each loop stays with one kind of value. */
static void write_out(struct block *b)
{
    const struct row_exchange *first = b->stage + 1, *end = first + b->staged;
#define FIELD(name, type, how)                                                                                         \
    {                                                                                                                  \
        struct buf *c = &b->column[BLOCK_##name];                                                                      \
        if (buf_reserve(c, BLOCK_STAGED * VALUE_MAX)) {                                                                \
            char *p = c->p + c->n;                                                                                     \
            for (const struct row_exchange *x = first; x < end; x++)                                                   \
                p = PUT_##how(p, x, name);                                                                             \
            c->n = (size_t)(p - c->p);                                                                                 \
        }                                                                                                              \
    }
#include "analysis/store/block.def"
#undef FIELD
    b->stage[0] = b->stage[b->staged];
    b->staged = 0;
}

void block_add(struct block *b, const struct row_exchange *x)
{
    if (!b->n++) {
        b->first_us = b->last_us = x->arrival_us;
    } else {
        b->first_us = x->arrival_us < b->first_us ? x->arrival_us : b->first_us;
        b->last_us = x->arrival_us > b->last_us ? x->arrival_us : b->last_us;
    }
    b->stage[++b->staged] = *x;
    if (b->staged == BLOCK_STAGED)
        write_out(b);
}

bool block_raw(struct block *b, struct buf *out)
{
    size_t n = 0;
    write_out(b);
    for (int i = 0; i < BLOCK_COLUMNS; i++)
        n += b->column[i].n + VALUE_MAX;
    if (!buf_reserve(out, n))
        return false;
    for (int i = 0; i < BLOCK_COLUMNS; i++) {
        if (b->column[i].failed)
            return false;
        buf_varint(out, b->column[i].n);
        buf_add(out, b->column[i].p, b->column[i].n);
    }
    return true;
}

void block_clear(struct block *b)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++) {
        b->column[i].n = 0;
        b->column[i].failed = false;
    }
    b->n = b->staged = 0;
    b->stage[0] = (struct row_exchange){0};
}

void block_free(struct block *b)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++)
        buf_free(&b->column[i]);
}

bool block_pack(struct block_tools *tools, struct slice raw, struct buf *out)
{
    size_t bound = ZSTD_compressBound(raw.n);
    if (!tools->packer)
        tools->packer = ZSTD_createCCtx();
    if (!tools->packer || !buf_reserve(out, bound))
        return false;
    size_t n = ZSTD_compressCCtx(tools->packer, out->p + out->n, bound, raw.p, raw.n, PACK_LEVEL);
    if (ZSTD_isError(n))
        return false;
    out->n += n;
    return true;
}

/* ---- reading: every byte may be hostile ---- */

static bool unpack(struct block_tools *tools, struct slice data)
{
    unsigned long long n = ZSTD_getFrameContentSize(data.p, data.n);
    tools->raw.n = 0;
    if (!tools->unpacker)
        tools->unpacker = ZSTD_createDCtx();
    if (n > BLOCK_MAX_BYTES || !tools->unpacker ||
        !buf_reserve(&tools->raw, (size_t)n)) /* unknown and error are above */
        return false;
    size_t got = ZSTD_decompressDCtx(tools->unpacker, tools->raw.p, (size_t)n, data.p, data.n);
    if (ZSTD_isError(got) || got != n)
        return false;
    tools->raw.n = got;
    return true;
}

static inline uint32_t get_word(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);
    return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

static inline uint32_t get_flags(struct cursor *c)
{
    uint32_t v = (uint32_t)cursor_varint(c);
    return v >> 4 | v << 28;
}

#define GET_PLAIN(c, x, name) cursor_varint(c)
#define GET_MIXED(c, x, name) cursor_varint(c)
#define GET_SIGNED(c, x, name) unzigzag(cursor_varint(c))
#define GET_DELTA(c, x, name) plus((x)->name, unzigzag(cursor_varint(c)))
#define GET_AFTER(c, x, name) plus((x)->ttfb_us, unzigzag(cursor_varint(c)))
#define GET_FLAGS(c, x, name) get_flags(c)
#define GET_WORD(c, x, name) get_word(c)

/* How many columns there are; 0: the bytes are no block. */
static int find_columns(struct slice raw, struct cursor column[BLOCK_COLUMNS])
{
    struct cursor all = cursor_of(raw.p, raw.n);
    int i = 0;
    for (; i < BLOCK_COLUMNS && !((i == BLOCK_COLUMNS_1 || i == BLOCK_COLUMNS_2) && cursor_left(&all) == 0); i++) {
        uint64_t length = cursor_varint(&all);
        const uint8_t *p = length <= raw.n ? cursor_take(&all, (size_t)length) : NULL;
        if (!p)
            return 0;
        column[i] = cursor_of(p, (size_t)length);
    }
    return cursor_left(&all) == 0 ? i : 0;
}

static bool read_columns(struct slice raw, uint32_t n, void (*each)(void *, const struct row_exchange *), void *context)
{
    struct cursor column[BLOCK_COLUMNS];
    struct row_exchange x = {0};
    int columns = find_columns(raw, column);
    bool bad = !columns;
    for (uint32_t r = 0; r < n && !bad; r++) {
#define FIELD(name, type, how)                                                                                         \
    if (BLOCK_##name < columns) {                                                                                      \
        x.name = (type)GET_##how(&column[BLOCK_##name], &x, name);                                                     \
        bad |= column[BLOCK_##name].bad;                                                                               \
    }
#include "analysis/store/block.def"
#undef FIELD
        if (!bad)
            each(context, &x);
    }
    for (int i = 0; i < columns && !bad; i++)
        bad = cursor_left(&column[i]) != 0;
    return !bad;
}

bool block_read(struct block_tools *tools, int format, struct slice data, uint32_t n,
                void (*each)(void *context, const struct row_exchange *x), void *context)
{
    if (n > BLOCK_RECORDS || (format != BLOCK_RAW && format != BLOCK_ZSTD))
        return false;
    if (format == BLOCK_RAW)
        return read_columns(data, n, each, context);
    return unpack(tools, data) && read_columns(slice_of(tools->raw.p, tools->raw.n), n, each, context);
}

void block_tools_free(struct block_tools *tools)
{
    ZSTD_freeCCtx(tools->packer);
    ZSTD_freeDCtx(tools->unpacker);
    buf_free(&tools->raw);
    *tools = (struct block_tools){0};
}
