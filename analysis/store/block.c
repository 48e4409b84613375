#include "analysis/store/block.h"

#include <endian.h>
#include <stddef.h>
#include <zstd.h>

#include "base/clones.h"

/* Level: 3 % larger than level -1, in half its time. */
enum { PACK_LEVEL = -7, VALUE_MAX = 10 /* bytes of one value at most */, WORD_BYTES = 4 };
enum how { PLAIN, MIXED, SIGNED, DELTA, AFTER, FLAGS, WORD };

const uint8_t block_where[BLOCK_COLUMNS] = {
#define FIELD(name, type, how, where) BLOCK_##where,
#include "analysis/store/block.def"
#undef FIELD
};

static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

/* Differences wrap around, so that any two values have one. */
static inline int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline char *put(char *p, uint64_t v)
{
    while (v >= 128) {
        *p++ = (char)(v | 128);
        v >>= 7;
    }
    *p++ = (char)v;
    return p;
}

/* As many as one to four bytes each, without a branch on how many. Writes three bytes too many at most. */
CLONES static char *put_short(char *p, const uint64_t *v, unsigned n)
{
    uint32_t spread[BLOCK_STAGED], length[BLOCK_STAGED];
    for (unsigned i = 0; i < n; i++) {
        int32_t x = (int32_t)v[i];
        int32_t two = -(x > 0x7f), three = -(x > 0x3fff), four = -(x > 0x1fffff); /* all bits: it has so many */
        spread[i] = (uint32_t)((x & 0x7f) | (x & 0x3f80) << 1 | (x & 0x1fc000) << 2 | (x & 0xfe00000) << 3 |
                               (two & 0x80) | (three & 0x8000) | (four & 0x800000));
        length[i] = (uint32_t)(1 - two - three - four);
    }
    for (unsigned i = 0; i < n; i++) {
        uint32_t bytes = htole32(spread[i]);
        memcpy(p, &bytes, sizeof bytes);
        p += length[i];
    }
    return p;
}

/* n numbers, whose bits are all in `all`, to the end of a column. */
static void put_numbers(struct buf *c, const uint64_t *v, unsigned n, uint64_t all)
{
    if (!buf_reserve(c, BLOCK_STAGED * VALUE_MAX))
        return;
    char *p = c->p + c->n;
    if (all < 128) {
        for (unsigned i = 0; i < n; i++)
            p[i] = (char)v[i];
        p += n;
    } else if (all < 1u << 28) {
        p = put_short(p, v, n);
    } else {
        for (unsigned i = 0; i < n; i++)
            p = put(p, v[i]);
    }
    c->n = (size_t)(p - c->p);
}

static inline char *put_word(char *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static void put_words(struct buf *c, const uint64_t *v, unsigned n)
{
    if (!buf_reserve(c, BLOCK_STAGED * WORD_BYTES))
        return;
    for (unsigned i = 0; i < n; i++)
        put_word(c->p + c->n + i * WORD_BYTES, (uint32_t)v[i]);
    c->n += n * WORD_BYTES;
}

/* n bits, the first one in the least bit, behind the `before` that are there. */
static void put_bits(struct buf *c, uint32_t before, uint64_t bits, unsigned n)
{
    unsigned used = before % 8, room = (8 - used) % 8;
    if (!buf_reserve(c, sizeof bits))
        return;
    if (used) {
        c->p[c->n - 1] = (char)(c->p[c->n - 1] | (int)(bits << used & 0xff));
        bits >>= room;
        n -= n < room ? n : room;
    }
    bits = htole64(bits);
    memcpy(c->p + c->n, &bits, sizeof bits);
    c->n += (n + 7) / 8;
}

static void put_sparse(struct block *b, int column, const uint64_t *v, unsigned n, uint64_t all)
{
    struct buf *c = &b->column[column];
    uint64_t bits = 0;
    if (all && buf_reserve(c, BLOCK_STAGED * WORD_BYTES)) {
        char *p = c->p + c->n;
        for (unsigned i = 0; i < n; i++) {
            uint64_t is = v[i] != 0;
            put_word(p, (uint32_t)v[i]);
            p += is * WORD_BYTES;
            bits |= is << i;
        }
        c->n = (size_t)(p - c->p);
    }
    put_bits(&b->bits[column], b->n - n, bits, n);
}

#define NUMBER_PLAIN(x, name) (uint64_t)(x)->name
#define NUMBER_MIXED(x, name) (uint64_t)(x)->name
#define NUMBER_WORD(x, name) (uint64_t)(x)->name
#define NUMBER_SIGNED(x, name) zigzag((x)->name)
#define NUMBER_DELTA(x, name) zigzag(minus((x)->name, (x)[-1].name))
#define NUMBER_AFTER(x, name) zigzag(minus((x)->name, (x)->ttfb_us))
#define NUMBER_FLAGS(x, name) ((x)->name << 4 | (x)->name >> 28)

/* The staged values of a field as numbers, and all their bits. */
#define GATHER(name, how)                                                                                              \
    all = 0;                                                                                                           \
    for (unsigned i = 0; i < n; i++)                                                                                   \
        all |= v[i] = NUMBER_##how(&x[i], name);

#define STAGE_SHAPE(name, how)
#define STAGE_NUMBER(name, how) GATHER(name, how) put_numbers(&b->column[BLOCK_##name], v, n, all);
#define STAGE_WORDS(name, how) GATHER(name, how) put_words(&b->column[BLOCK_##name], v, n);
#define STAGE_SPARSE(name, how) GATHER(name, how) put_sparse(b, BLOCK_##name, v, n, all);

/* One column after the other, so that each loop stays with one kind of value. */
static void write_out(struct block *b)
{
    const struct row_exchange *x = b->stage + 1;
    unsigned n = b->staged;
    uint64_t v[BLOCK_STAGED] = {0}, all = 0;
    for (unsigned i = 0; i < n; i++)
        all |= v[i] = b->staged_shape[i];
    put_numbers(&b->shape, v, n, all);
#define FIELD(name, type, how, where) STAGE_##where(name, how)
#include "analysis/store/block.def"
#undef FIELD
    b->stage[0] = b->stage[b->staged];
    b->staged = 0;
}

/* A shape as five words; the last two overlap. */
enum { SHAPE = offsetof(struct row_exchange, endpoint), SHAPE_WORDS = 5 };
_Static_assert(offsetof(struct row_exchange, unused) + 3 - SHAPE == 36, "the words cover a shape, which has no holes");

static inline uint64_t shape_word(const struct row_exchange *x, unsigned i)
{
    static const uint8_t at[SHAPE_WORDS] = {0, 8, 16, 24, 28};
    uint64_t v;
    memcpy(&v, (const char *)x + SHAPE + at[i], sizeof v);
    return v;
}

static bool same_shape(const struct row_exchange *a, const struct row_exchange *b)
{
    uint64_t differ = 0;
    for (unsigned i = 0; i < SHAPE_WORDS; i++)
        differ |= shape_word(a, i) ^ shape_word(b, i);
    return !differ;
}

static unsigned memo_place(const struct row_exchange *x)
{
    static const uint64_t odd[SHAPE_WORDS] = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9,
                                              0xd6e8feb86659fd93, 0xff51afd7ed558ccd};
    uint64_t h = 0;
    for (unsigned i = 0; i < SHAPE_WORDS; i++)
        h += shape_word(x, i) * odd[i];
    return (unsigned)(h >> (64 - BLOCK_MEMO_BITS));
}

/* Number of the record's shape in this block. */
static uint16_t shape_of(struct block *b, const struct row_exchange *x)
{
    uint16_t *at = &b->memo[memo_place(x)];
    const struct row_exchange *shapes = (const struct row_exchange *)(const void *)b->shapes.p;
    if (*at < b->n_shapes && same_shape(&shapes[*at], x))
        return *at;
    buf_add(&b->shapes, x, sizeof *x);
    if (!b->shapes.failed)
        *at = (uint16_t)b->n_shapes++;
    return *at;
}

void block_add(struct block *b, const struct row_exchange *x)
{
    if (!b->n++) {
        b->first_us = b->last_us = x->arrival_us;
    } else {
        b->first_us = x->arrival_us < b->first_us ? x->arrival_us : b->first_us;
        b->last_us = x->arrival_us > b->last_us ? x->arrival_us : b->last_us;
    }
    b->staged_shape[b->staged] = shape_of(b, x);
    b->stage[++b->staged] = *x;
    if (b->staged == BLOCK_STAGED)
        write_out(b);
}

/* ---- a block's bytes ---- */

static void add_column(struct buf *out, const struct buf *bits, const struct buf *c)
{
    out->failed |= c->failed || bits->failed;
    buf_varint(out, bits->n + c->n);
    buf_add(out, bits->p, bits->n);
    buf_add(out, c->p, c->n);
}

static void add_number(struct buf *c, enum how how, uint64_t v)
{
    uint32_t bytes = htole32((uint32_t)v);
    if (how == WORD)
        buf_add(c, &bytes, sizeof bytes);
    else
        buf_varint(c, v);
}

#define SHAPES_NUMBER(name, how)
#define SHAPES_WORDS(name, how)
#define SHAPES_SPARSE(name, how)
#define SHAPES_SHAPE(name, how)                                                                                        \
    c.n = 0;                                                                                                           \
    for (const struct row_exchange *x = first; x < first + b->n_shapes; x++)                                           \
        add_number(&c, how, NUMBER_##how(x, name));                                                                    \
    add_column(out, &none, &c);

static void add_shapes(const struct block *b, struct buf *out)
{
    const struct row_exchange *first = (const struct row_exchange *)(const void *)b->shapes.p;
    struct buf c = {0}, none = {0};
    out->failed |= b->shapes.failed;
    buf_varint(out, b->n_shapes);
#define FIELD(name, type, how, where) SHAPES_##where(name, how)
#include "analysis/store/block.def"
#undef FIELD
    buf_free(&c);
}

bool block_raw(struct block *b, struct buf *out)
{
    struct buf none = {0};
    write_out(b);
    add_shapes(b, out);
    add_column(out, &none, &b->shape);
    for (int i = 0; i < BLOCK_COLUMNS; i++)
        if (block_where[i] != BLOCK_SHAPE)
            add_column(out, &b->bits[i], &b->column[i]);
    return !out->failed;
}

static void clear(struct buf *c)
{
    c->n = 0;
    c->failed = false;
}

void block_clear(struct block *b)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++) {
        clear(&b->column[i]);
        clear(&b->bits[i]);
    }
    clear(&b->shape);
    clear(&b->shapes);
    b->n = b->staged = b->n_shapes = 0;
    b->stage[0] = (struct row_exchange){0};
}

void block_free(struct block *b)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++) {
        buf_free(&b->column[i]);
        buf_free(&b->bits[i]);
    }
    buf_free(&b->shape);
    buf_free(&b->shapes);
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

void block_tools_free(struct block_tools *tools)
{
    ZSTD_freeCCtx(tools->packer);
    ZSTD_freeDCtx(tools->unpacker);
    buf_free(&tools->raw);
    *tools = (struct block_tools){0};
}
