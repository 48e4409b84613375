#include "analysis/store/block.h"

#include <endian.h>
#include <stddef.h>
#include <zstd.h>

#include "base/clones.h"
#include "base/prefetch.h"

/* Level: 8 % larger than level -1, in a quarter of its time: what repeats is shared already. */
enum { PACK_LEVEL = -40, VALUE_MAX = 10 /* bytes of one value at most */, WORD_BYTES = 4 };
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
    if (!all) {
        memset(p, 0, n);
        p += n;
    } else if (all < 128) {
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

static void put_column(struct block *b, int column, enum how how, const uint64_t *v, unsigned n, uint64_t all)
{
    if (block_where[column] == BLOCK_SPARSE)
        put_sparse(b, column, v, n, all);
    else if (how == WORD)
        put_words(&b->column[column], v, n);
    else
        put_numbers(&b->column[column], v, n, all);
}

/* How a field lies in a record. A table and a loop for each kind of value: code for each field would be larger than the
 * processor's nearest memory for it, and run once in 64 records. */
static const struct field {
    uint8_t at, size, how, column;
} fields[BLOCK_COLUMNS] = {
#define FIELD(name, type, how, where) {offsetof(struct row_exchange, name), sizeof(type), how, BLOCK_##name},
#include "analysis/store/block.def"
#undef FIELD
};
_Static_assert(sizeof(struct row_exchange) <= UINT8_MAX, "offsets");

#define READ_AT(type)                                                                                                  \
    static inline type type##_at(const struct row_exchange *x, size_t at)                                              \
    {                                                                                                                  \
        type v;                                                                                                        \
        memcpy(&v, (const char *)x + at, sizeof v);                                                                    \
        return v;                                                                                                      \
    }
READ_AT(uint8_t)
READ_AT(uint16_t)
READ_AT(uint32_t)
READ_AT(uint64_t)
READ_AT(int64_t)
#undef READ_AT

/* The numbers of a field of n records; all their bits. */
static uint64_t gather(const struct field *f, const struct row_exchange *x, unsigned n, uint64_t *v)
{
    const struct row_exchange *end = x + n;
    const size_t at = f->at;
    uint64_t all = 0;
#define EACH(number) _Pragma("GCC unroll 4") for (; x < end; x++) all |= *v++ = (number);
    if (f->how == DELTA)
        EACH(zigzag(minus(int64_t_at(x, at), int64_t_at(x - 1, at))))
    else if (f->how == AFTER)
        EACH(zigzag(minus(int64_t_at(x, at), x->ttfb_us)))
    else if (f->how == SIGNED)
        EACH(zigzag(int64_t_at(x, at)))
    else if (f->how == FLAGS)
        EACH(uint32_t_at(x, at) << 4 | uint32_t_at(x, at) >> 28)
    else if (f->size == sizeof(uint64_t))
        EACH(uint64_t_at(x, at))
    else if (f->size == sizeof(uint32_t))
        EACH(uint32_t_at(x, at))
    else if (f->size == sizeof(uint16_t))
        EACH(uint16_t_at(x, at))
    else
        EACH(uint8_t_at(x, at))
#undef EACH
    return all;
}

/* Those fields of n rows that stand at `where` (OWN: SPARSE ones, too), one after the other, so that each loop stays
 * with one kind of value. */
static __attribute__((noinline)) void write_fields(struct block *b, enum block_where where,
                                                   const struct row_exchange *x, unsigned n)
{
    uint64_t v[BLOCK_STAGED] = {0};
    if (!n)
        return;
    for (const struct field *f = fields; f < fields + BLOCK_COLUMNS; f++) {
        uint8_t at = block_where[f->column];
        if (at != where && !(at == BLOCK_SPARSE && where == BLOCK_OWN))
            continue;
        uint64_t all = gather(f, x, n, v);
        put_column(b, f->column, f->how, v, n, all);
    }
}

/* The octets that are shared: without holes, read as words, of which the last two may overlap. */
#define FROM(first) offsetof(struct row_exchange, first)
#define SIZE(first, last) (offsetof(struct row_exchange, last) + 1 - offsetof(struct row_exchange, first))
enum { PEER_SIZE = 16, SHAPE_SIZE = 37 };
_Static_assert(FROM(endpoint) - FROM(client) == PEER_SIZE && SIZE(endpoint, managed) == SHAPE_SIZE, "no holes");

static inline uint64_t word(const char *p, size_t i, size_t size)
{
    uint64_t v;
    memcpy(&v, p + (i + sizeof v <= size ? i : size - sizeof v), sizeof v);
    return v;
}

static inline bool same(const char *a, const char *b, size_t size)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < size; i += sizeof differ)
        differ |= word(a, i, size) ^ word(b, i, size);
    return !differ;
}

static inline unsigned memo_place(const char *p, size_t size)
{
    static const uint64_t odd[] = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0xd6e8feb86659fd93,
                                   0xff51afd7ed558ccd};
    uint64_t h = 0;
    for (size_t i = 0; i < size; i += sizeof h)
        h += word(p, i, size) * odd[i / sizeof h];
    return (unsigned)(h >> (64 - BLOCK_MEMO_BITS));
}

/* What the record shares, of which the memo has the place: 0: it is new; else its number, from 1. */
static inline uint16_t which_of(struct block_shared *s, uint16_t *memo, const struct row_exchange *x, size_t from,
                                size_t size)
{
    const char *p = (const char *)x + from;
    if (*memo < s->n && !s->known.failed && same(s->known.p + *memo * size, p, size))
        return (uint16_t)(*memo + 1);
    buf_add(&s->known, p, size);
    s->fresh[s->n_fresh++] = *x;
    *memo = (uint16_t)s->n++;
    return 0;
}

/* What n records share, which begins at `from`. Few of these lines are near, so they are asked for together. */
static inline __attribute__((always_inline)) void write_which(struct block_shared *s, const struct row_exchange *x,
                                                              unsigned n, size_t from, size_t size)
{
    uint64_t v[BLOCK_STAGED] = {0}, all = 0;
    uint16_t *memo[BLOCK_STAGED];
    for (unsigned i = 0; i < n; i++) {
        memo[i] = &s->memo[memo_place((const char *)&x[i] + from, size)];
        prefetch(memo[i]);
    }
    for (unsigned i = 0; i < n; i++)
        if (*memo[i] < s->n)
            prefetch(s->known.p + *memo[i] * size);
    for (unsigned i = 0; i < n; i++)
        all |= v[i] = which_of(s, memo[i], &x[i], from, size);
    put_numbers(&s->which, v, n, all);
}

static void write_out(struct block *b)
{
    struct block_shared *shape = &b->shared[BLOCK_SHAPE], *peer = &b->shared[BLOCK_PEER];
    const struct row_exchange *first = b->stage + 1;
    write_which(shape, first, b->staged, FROM(endpoint), SHAPE_SIZE);
    write_fields(b, BLOCK_SHAPE, shape->fresh, shape->n_fresh);
    write_which(peer, first, b->staged, FROM(client), PEER_SIZE);
    write_fields(b, BLOCK_PEER, peer->fresh, peer->n_fresh);
    write_fields(b, BLOCK_OWN, first, b->staged);
    b->stage[0] = b->stage[b->staged];
    shape->n_fresh = peer->n_fresh = b->staged = 0;
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

/* ---- a block's bytes ---- */

static void add_column(struct buf *out, const struct buf *bits, const struct buf *c)
{
    out->failed |= c->failed || bits->failed;
    buf_varint(out, bits->n + c->n);
    buf_add(out, bits->p, bits->n);
    buf_add(out, c->p, c->n);
}

bool block_raw(struct block *b, struct buf *out)
{
    struct buf none = {0};
    write_out(b);
    for (int i = 0; i < BLOCK_SHARED; i++)
        buf_varint(out, b->shared[i].n);
    for (int i = 0; i < BLOCK_SHARED; i++)
        add_column(out, &none, &b->shared[i].which);
    for (int i = 0; i < BLOCK_COLUMNS; i++)
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
    for (int i = 0; i < BLOCK_SHARED; i++) {
        clear(&b->shared[i].which);
        clear(&b->shared[i].known);
        b->shared[i].n = b->shared[i].n_fresh = 0;
    }
    b->n = b->staged = 0;
    b->stage[0] = (struct row_exchange){0};
}

void block_free(struct block *b)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++) {
        buf_free(&b->column[i]);
        buf_free(&b->bits[i]);
    }
    for (int i = 0; i < BLOCK_SHARED; i++) {
        buf_free(&b->shared[i].which);
        buf_free(&b->shared[i].known);
    }
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
    for (int i = 0; i < BLOCK_SHARED; i++)
        buf_free(&tools->shared[i]);
    *tools = (struct block_tools){0};
}
