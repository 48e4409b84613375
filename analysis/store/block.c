#include "analysis/store/block.h"

#include <endian.h>
#include <stddef.h>
#include <zstd.h>

#include "base/clones.h"
#include "base/prefetch.h"

/* Level: 8 % larger than level -1, in a quarter of its time: what repeats is shared already. */
enum { PACK_LEVEL = -40, VALUE_MAX = 10 /* bytes of one value at most */, WORD_BYTES = 4 };
enum { FEW = 8 /* records wait until there are more */ };
enum how { PLAIN, MIXED, SIGNED, DELTA, AFTER, FLAGS, WORD };

const uint8_t block_where[BLOCK_COLUMNS] = {
#define FIELD(name, type, how, where) BLOCK_##where,
#include "analysis/store/block.def"
#undef FIELD
};

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
    uint32_t spread[BLOCK_TOGETHER], length[BLOCK_TOGETHER];
    for (unsigned i = 0; i < n; i++) {
        int32_t x = (int32_t)v[i];
        int32_t two = -(x > 0x7f), three = -(x > 0x3fff), four = -(x > 0x1fffff); /* all bits: it has so many */
        spread[i] = (uint32_t)((x & 0x7f) | (x & 0x3f80) << 1 | (x & 0x1fc000) << 2 | (x & 0xfe00000) << 3 |
                               (two & 0x80) | (three & 0x8000) | (four & 0x800000));
        length[i] = (uint32_t)(1 - two - three - four);
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < n; i++) {
        uint32_t bytes = htole32(spread[i]);
        memcpy(p, &bytes, sizeof bytes);
        p += length[i];
    }
    return p;
}

/* The zeros that wait, of so many octets each, and room for n octets more. False: out of memory. */
static bool catch_up(struct block_values *c, unsigned width, size_t n)
{
    size_t zeros = (size_t)c->zeros * width;
    if (!buf_reserve(&c->values, zeros + n))
        return false;
    if (zeros)
        memset(c->values.p + c->values.n, 0, zeros);
    c->values.n += zeros;
    c->zeros = 0;
    return true;
}

/* n numbers, whose bits are all in `all`, to the end of a column. */
static void put_numbers(struct block_values *c, const uint64_t *v, unsigned n, uint64_t all)
{
    if (!catch_up(c, 1, BLOCK_TOGETHER * VALUE_MAX))
        return;
    char *p = c->values.p + c->values.n;
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
    c->values.n = (size_t)(p - c->values.p);
}

static inline char *put_word(char *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static void put_words(struct block_values *c, const uint64_t *v, unsigned n)
{
    if (!catch_up(c, WORD_BYTES, BLOCK_TOGETHER * WORD_BYTES))
        return;
    for (unsigned i = 0; i < n; i++)
        put_word(c->values.p + c->values.n + i * WORD_BYTES, (uint32_t)v[i]);
    c->values.n += n * WORD_BYTES;
}

/* At least n octets; those that were not there are 0. False: out of memory. */
static bool reach(struct buf *c, size_t n)
{
    if (c->n >= n)
        return true;
    if (!buf_reserve(c, n - c->n))
        return false;
    memset(c->p + c->n, 0, n - c->n);
    c->n = n;
    return true;
}

/* Those that are not 0, and a bit for each of the records behind the `before` first ones. */
static void put_sparse(struct block_values *c, uint32_t before, const uint64_t *v, unsigned n)
{
    uint64_t bits = 0, there;
    if (!buf_reserve(&c->values, BLOCK_TOGETHER * WORD_BYTES) || !reach(&c->bits, before / 8 + sizeof there))
        return;
    char *p = c->values.p + c->values.n, *at = c->bits.p + before / 8;
    for (unsigned i = 0; i < n; i++) {
        uint64_t is = v[i] != 0;
        put_word(p, (uint32_t)v[i]);
        p += is * WORD_BYTES;
        bits |= is << i;
    }
    c->values.n = (size_t)(p - c->values.p);
    memcpy(&there, at, sizeof there);
    there |= htole64(bits << before % 8);
    memcpy(at, &there, sizeof there);
}
_Static_assert(BLOCK_TOGETHER + 7 <= 64, "bits");

/* How a field lies in a record. A table and a loop for each kind of value: code for each field would be larger than the
 * processor's nearest memory for it, and run once in 32 records. */
static const struct field {
    uint8_t at, size, how, where;
} fields[BLOCK_COLUMNS] = {
#define FIELD(name, type, how, where) {offsetof(struct row_exchange, name), sizeof(type), how, BLOCK_##where},
#include "analysis/store/block.def"
#undef FIELD
};
_Static_assert(sizeof(struct row_exchange) <= UINT8_MAX, "offsets");

#define READ_AT(type)                                                                                                  \
    static inline type type##_at(const char *p)                                                                        \
    {                                                                                                                  \
        type v;                                                                                                        \
        memcpy(&v, p, sizeof v);                                                                                       \
        return v;                                                                                                      \
    }
READ_AT(uint8_t)
READ_AT(uint16_t)
READ_AT(uint32_t)
READ_AT(uint64_t)
#undef READ_AT

/* In the place of each; all their bits. */
CLONES static uint64_t zigzag(uint64_t *v, unsigned n)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < n; i++) {
        v[i] = v[i] << 1 ^ (uint64_t)((int64_t)v[i] >> 63);
        all |= v[i];
    }
    return all;
}

/* The numbers of a field of n records, of which the first has it at p and each next one `apart` octets behind; all
 * their bits. `before`: the field of the record before these. Differences wrap around, so that any two values have
 * one. */
static uint64_t gather(const struct field *f, const char *p, size_t apart, unsigned n, uint64_t before, uint64_t *v)
{
    const size_t back = f->at - offsetof(struct row_exchange, ttfb_us);
    uint64_t all = 0;
#define EACH _Pragma("GCC unroll 4") for (unsigned i = 0; i < n; i++, p += apart)
    if (f->how == DELTA)
        EACH
        {
            uint64_t now = uint64_t_at(p);
            v[i] = now - before;
            before = now;
        }
    else if (f->how == AFTER)
        EACH v[i] = uint64_t_at(p) - uint64_t_at(p - back);
    else if (f->how == SIGNED)
        EACH v[i] = uint64_t_at(p);
    else if (f->how == FLAGS)
        EACH all |= v[i] = uint32_t_at(p) << 4 | uint32_t_at(p) >> 28;
    else if (f->size == sizeof(uint64_t))
        EACH all |= v[i] = uint64_t_at(p);
    else if (f->size == sizeof(uint32_t))
        EACH all |= v[i] = uint32_t_at(p);
    else if (f->size == sizeof(uint16_t))
        EACH all |= v[i] = uint16_t_at(p);
    else
        EACH all |= v[i] = uint8_t_at(p);
#undef EACH
    return f->how == DELTA || f->how == AFTER || f->how == SIGNED ? zigzag(v, n) : all;
}

/* The octets from one field to another: those that few records have (all of four or eight octets), and, without holes,
 * those that are shared. They are read as words, of which the last two may overlap. */
#define FROM(first) offsetof(struct row_exchange, first)
#define SIZE(first, last)                                                                                              \
    (offsetof(struct row_exchange, last) + sizeof(((struct row_exchange *)0)->last) -                                  \
     offsetof(struct row_exchange, first))
enum { RARE_SIZE = 48, PEER_SIZE = 16, SHAPE_SIZE = 37 };
_Static_assert(SIZE(variant, loss_us) <= RARE_SIZE && FROM(variant) + RARE_SIZE <= sizeof(struct row_exchange),
               "rare ones");
_Static_assert(SIZE(client, conn) == PEER_SIZE && SIZE(endpoint, managed) == SHAPE_SIZE, "no holes");
static const uint8_t shared_from[BLOCK_SHARED] = {[BLOCK_SHAPE] = FROM(endpoint), [BLOCK_PEER] = FROM(client)};
static const uint8_t shared_size[BLOCK_SHARED] = {[BLOCK_SHAPE] = SHAPE_SIZE, [BLOCK_PEER] = PEER_SIZE};

static inline uint64_t word(const char *p, size_t i, size_t size)
{
    uint64_t v;
    memcpy(&v, p + (i + sizeof v <= size ? i : size - sizeof v), sizeof v);
    return v;
}

/* All bits of what few of n records have, from `any` on as from variant on. */
static void join_rare(const char *p, size_t apart, unsigned n, char any[RARE_SIZE])
{
    uint64_t all[RARE_SIZE / sizeof(uint64_t)] = {0};
    p += FROM(variant);
    for (const char *end = p + n * apart; p < end; p += apart)
        for (size_t i = 0; i < RARE_SIZE; i += sizeof *all)
            all[i / sizeof *all] |= word(p, i, RARE_SIZE);
    memcpy(any, all, sizeof all);
}

/* Whether the field is one that few records have, and none of these does. */
static bool has_none(const struct field *f, const char any[RARE_SIZE])
{
    size_t at = f->at - FROM(variant);
    if (f->at < FROM(variant) || f->at > FROM(loss_us))
        return false;
    return f->size == sizeof(uint64_t) ? !uint64_t_at(any + at) : !uint32_t_at(any + at);
}

/* The fields of n records that they do not share, behind the `before` first ones of the block. */
static __attribute__((noinline)) void write_own(struct block *b, const char *x, size_t apart, unsigned n,
                                                uint32_t before)
{
    uint64_t v[BLOCK_TOGETHER];
    char any[RARE_SIZE];
    join_rare(x, apart, n, any);
    for (int i = 0; i < BLOCK_COLUMNS; i++) {
        const struct field *f = &fields[i];
        struct block_values *c = &b->column[i];
        if (f->where < BLOCK_SHARED)
            continue;
        uint64_t all = has_none(f, any) ? 0 : gather(f, x + f->at, apart, n, (uint64_t)b->before_us, v);
        if (!all)
            c->zeros += n;
        else if (f->where == BLOCK_SPARSE)
            put_sparse(c, before, v, n);
        else if (f->how == WORD)
            put_words(c, v, n);
        else
            put_numbers(c, v, n, all);
    }
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
static inline uint64_t which_of(struct block_shared *s, uint16_t *memo, const char *p, size_t size)
{
    uint32_t number = *memo;
    if (number < s->n && same(s->known.p + number * size, p, size))
        return number + 1;
    memcpy(s->known.p + s->n * size, p, size);
    *memo = (uint16_t)s->n++;
    return 0;
}

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Where the memo has what n records share, which the first has at p. Few of these lines are near, so they are asked for
 * together, and read later. */
static ALWAYS_INLINE void find_places(struct block_shared *s, const char *p, size_t apart, unsigned n, size_t size,
                                      uint16_t **memo)
{
    for (unsigned i = 0; i < n; i++) {
        memo[i] = &s->memo[memo_place(p + i * apart, size)];
        prefetch(memo[i]);
    }
}

/* The same for what is known there. */
static ALWAYS_INLINE void expect_known(const struct block_shared *s, unsigned n, size_t size, uint16_t *const *memo)
{
    for (unsigned i = 0; i < n; i++)
        if (*memo[i] < s->n)
            prefetch(s->known.p + *memo[i] * size);
}

static ALWAYS_INLINE void write_which(struct block_shared *s, const char *p, size_t apart, unsigned n, size_t size,
                                      uint16_t *const *memo)
{
    uint64_t v[BLOCK_TOGETHER], all = 0;
    if (!buf_reserve(&s->known, n * size))
        return;
    for (unsigned i = 0; i < n; i++)
        all |= v[i] = which_of(s, memo[i], p + i * apart, size);
    s->known.n = s->n * size;
    if (all)
        put_numbers(&s->which, v, n, all);
    else
        s->which.zeros += n;
}

static void note_times(struct block *b, const char *us, size_t apart, unsigned n, bool begins)
{
    int64_t first = begins ? INT64_MAX : b->first_us, last = begins ? INT64_MIN : b->last_us;
    for (unsigned i = 0; i < n; i++, us += apart) {
        int64_t now = (int64_t)uint64_t_at(us);
        first = now < first ? now : first;
        last = now > last ? now : last;
    }
    b->first_us = first;
    b->last_us = last;
}

/* n records, at most BLOCK_TOGETHER, behind the `before` first ones. */
static void write_out(struct block *b, const char *x, size_t apart, unsigned n, uint32_t before)
{
    struct block_shared *shape = &b->shared[BLOCK_SHAPE], *peer = &b->shared[BLOCK_PEER];
    const char *shapes = x + FROM(endpoint), *peers = x + FROM(client), *times = x + FROM(arrival_us);
    uint16_t *shape_at[BLOCK_TOGETHER], *peer_at[BLOCK_TOGETHER];
    find_places(shape, shapes, apart, n, SHAPE_SIZE, shape_at);
    find_places(peer, peers, apart, n, PEER_SIZE, peer_at);
    note_times(b, times, apart, n, !before);
    expect_known(shape, n, SHAPE_SIZE, shape_at);
    expect_known(peer, n, PEER_SIZE, peer_at);
    write_own(b, x, apart, n, before);
    b->before_us = (int64_t)uint64_t_at(times + (n - 1) * apart);
    write_which(shape, shapes, apart, n, SHAPE_SIZE, shape_at);
    write_which(peer, peers, apart, n, PEER_SIZE, peer_at);
}

static void write_staged(struct block *b)
{
    unsigned n = b->staged;
    b->staged = 0;
    if (n)
        write_out(b, (const char *)b->stage, sizeof *b->stage, n, b->n - n);
}

void block_add(struct block *b, const struct row_exchange *x)
{
    b->stage[b->staged++] = *x;
    b->n++;
    if (b->staged == BLOCK_TOGETHER)
        write_staged(b);
}

void block_add_all(struct block *b, const struct row_exchange *x, size_t apart, unsigned n)
{
    const char *p = (const char *)x, *end = p + n * apart;
    while ((size_t)(end - p) >= FEW * apart) {
        size_t left = (size_t)(end - p) / apart;
        unsigned now = left < BLOCK_TOGETHER ? (unsigned)left : BLOCK_TOGETHER;
        write_staged(b);
        write_out(b, p, apart, now, b->n);
        b->n += now;
        p += now * apart;
    }
    for (; p < end; p += apart)
        block_add(b, (const struct row_exchange *)(const void *)p);
}

/* ---- a block's bytes ---- */

/* After their length: bits and values, of each of n records; nothing where all are 0. */
static void add_column(struct buf *out, struct block_values *c, unsigned width, uint32_t n)
{
    size_t bits = c->bits.n ? (n + 7) / 8 : 0;
    bool ok = !c->values.failed && !c->bits.failed && (!bits || reach(&c->bits, bits)) &&
              (bits || !c->values.n || catch_up(c, width, 0));
    out->failed |= !ok;
    buf_varint(out, ok ? bits + c->values.n : 0);
    buf_add(out, c->bits.p, ok ? bits : 0);
    buf_add(out, c->values.p, ok ? c->values.n : 0);
}

static void clear(struct block_values *c)
{
    c->values.n = c->bits.n = c->zeros = 0;
    c->values.failed = c->bits.failed = false;
}

/* A field of what is shared, of each. */
static void write_shared(struct block_values *c, const struct field *f, const struct block_shared *s)
{
    uint64_t v[BLOCK_TOGETHER];
    size_t size = shared_size[f->where], at = f->at - shared_from[f->where];
    clear(c);
    for (uint32_t i = 0; i < s->n; i += BLOCK_TOGETHER) {
        unsigned n = s->n - i < BLOCK_TOGETHER ? s->n - i : BLOCK_TOGETHER;
        uint64_t all = gather(f, s->known.p + i * size + at, size, n, 0, v);
        if (!all)
            c->zeros += n;
        else if (f->how == WORD)
            put_words(c, v, n);
        else
            put_numbers(c, v, n, all);
    }
}

bool block_raw(struct block *b, struct buf *out)
{
    write_staged(b);
    for (int i = 0; i < BLOCK_SHARED; i++) {
        out->failed |= b->shared[i].known.failed;
        buf_varint(out, b->shared[i].n);
    }
    for (int i = 0; i < BLOCK_SHARED; i++)
        add_column(out, &b->shared[i].which, 1, b->n);
    for (int i = 0; i < BLOCK_COLUMNS; i++) {
        const struct field *f = &fields[i];
        if (f->where < BLOCK_SHARED && !out->failed)
            write_shared(&b->column[i], f, &b->shared[f->where]);
        add_column(out, &b->column[i], f->how == WORD ? WORD_BYTES : 1, b->n);
    }
    return !out->failed;
}

void block_clear(struct block *b)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++)
        clear(&b->column[i]);
    for (int i = 0; i < BLOCK_SHARED; i++) {
        clear(&b->shared[i].which);
        b->shared[i].known.n = b->shared[i].n = 0;
        b->shared[i].known.failed = false;
    }
    b->n = b->staged = 0;
    b->before_us = 0;
}

static void free_column(struct block_values *c)
{
    buf_free(&c->values);
    buf_free(&c->bits);
}

void block_free(struct block *b)
{
    for (int i = 0; i < BLOCK_COLUMNS; i++)
        free_column(&b->column[i]);
    for (int i = 0; i < BLOCK_SHARED; i++) {
        free_column(&b->shared[i].which);
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
