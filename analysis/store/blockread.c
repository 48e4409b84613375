/* Blocks read back: every byte may be hostile. */
#include <zstd.h>

#include "analysis/store/block.h"
#include "base/cursor.h"

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Differences wrap around. */
static inline int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

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

/* Of a column that is left out. */
static inline bool is_absent(const struct cursor *c)
{
    return !c->p;
}

static inline uint64_t get_number(struct cursor *c)
{
    return is_absent(c) ? 0 : cursor_varint(c);
}

static inline uint32_t get_word(struct cursor *c)
{
    const uint8_t *p = is_absent(c) ? NULL : cursor_take(c, 4);
    return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

static inline uint32_t get_flags(struct cursor *c)
{
    uint32_t v = (uint32_t)get_number(c);
    return v >> 4 | v << 28;
}

#define GET_PLAIN(c, x, name) get_number(c)
#define GET_MIXED(c, x, name) get_number(c)
#define GET_SIGNED(c, x, name) unzigzag(get_number(c))
#define GET_DELTA(c, x, name) plus((x)->name, unzigzag(get_number(c)))
#define GET_AFTER(c, x, name) plus((x)->ttfb_us, unzigzag(get_number(c)))
#define GET_FLAGS(c, x, name) get_flags(c)
#define GET_WORD(c, x, name) get_word(c)
#define READ(c, x, name, type, how) (x)->name = (type)GET_##how(c, x, name)

/* The next column, after its length. */
static bool take_column(struct cursor *all, struct cursor *column)
{
    uint64_t length = cursor_varint(all);
    const uint8_t *p = cursor_take(all, length <= BLOCK_MAX_BYTES ? (size_t)length : SIZE_MAX);
    *column = cursor_of(p, p ? (size_t)length : 0);
    return p != NULL;
}

/* The next column, which may be left out. */
static bool take_given(struct cursor *all, struct cursor *column)
{
    if (!take_column(all, column))
        return false;
    if (!cursor_left(column))
        *column = (struct cursor){0};
    return true;
}

/* How many columns there are; 0: the bytes are no block. */
static int find_columns(struct slice raw, struct cursor column[BLOCK_COLUMNS])
{
    struct cursor all = cursor_of(raw.p, raw.n);
    int i = 0;
    for (; i < BLOCK_COLUMNS && !((i == BLOCK_COLUMNS_1 || i == BLOCK_COLUMNS_2) && cursor_left(&all) == 0); i++)
        if (!take_column(&all, &column[i]))
            return 0;
    return cursor_left(&all) == 0 ? i : 0;
}

static bool read_old(struct slice raw, uint32_t n, void (*each)(void *, const struct row_exchange *), void *context)
{
    struct cursor column[BLOCK_COLUMNS];
    struct row_exchange x = {0};
    int columns = find_columns(raw, column);
    bool bad = !columns;
    for (uint32_t r = 0; r < n && !bad; r++) {
#define FIELD(name, type, how, where)                                                                                  \
    if (BLOCK_##name < columns) {                                                                                      \
        READ(&column[BLOCK_##name], &x, name, type, how);                                                              \
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

/* A block of n records, opened: its columns; those of what is shared are read. */
struct opened {
    struct cursor column[BLOCK_COLUMNS], which[BLOCK_SHARED];
    const uint8_t *bits[BLOCK_COLUMNS]; /* of SPARSE ones; NULL: all are 0 */
    const struct row_exchange *shared[BLOCK_SHARED];
    uint32_t n, n_shared[BLOCK_SHARED], met[BLOCK_SHARED]; /* met: by the records so far */
};

/* One after the other. */
static bool read_shared(struct opened *o, enum block_where kind, uint32_t n, struct buf *out)
{
    struct row_exchange x = {0};
    bool bad = false;
    out->n = 0;
    out->failed = false;
    for (uint32_t i = 0; i < n && !bad; i++) {
#define FIELD(name, type, how, where)                                                                                  \
    if (BLOCK_##where == kind) {                                                                                       \
        READ(&o->column[BLOCK_##name], &x, name, type, how);                                                           \
        bad |= o->column[BLOCK_##name].bad;                                                                            \
    }
#include "analysis/store/block.def"
#undef FIELD
        buf_add(out, &x, sizeof x);
    }
    return !bad && !out->failed;
}

static bool open_block(struct block_tools *tools, struct slice raw, struct opened *o)
{
    struct cursor all = cursor_of(raw.p, raw.n);
    bool bad = false;
    for (int i = 0; i < BLOCK_SHARED; i++) {
        uint64_t n = cursor_varint(&all);
        bad |= n > o->n;
        o->n_shared[i] = bad ? 0 : (uint32_t)n;
    }
    for (int i = 0; i < BLOCK_SHARED; i++)
        bad |= !take_given(&all, &o->which[i]);
    for (int i = 0; i < BLOCK_COLUMNS && !bad; i++) {
        bad |= !take_given(&all, &o->column[i]);
        if (block_where[i] == BLOCK_SPARSE && !is_absent(&o->column[i]))
            bad |= !(o->bits[i] = cursor_take(&o->column[i], (o->n + 7) / 8));
    }
    for (int i = 0; i < BLOCK_SHARED && !bad; i++) {
        bad = !read_shared(o, (enum block_where)i, o->n_shared[i], &tools->shared[i]);
        o->shared[i] = (const struct row_exchange *)(const void *)tools->shared[i].p;
    }
    return !bad && cursor_left(&all) == 0;
}

/* What the next record shares. NULL: there is no such. */
static const struct row_exchange *next_shared(struct opened *o, enum block_where kind)
{
    uint64_t which = get_number(&o->which[kind]);
    if (!which)
        which = ++o->met[kind];
    return o->which[kind].bad || which > o->met[kind] || which > o->n_shared[kind] ? NULL : &o->shared[kind][which - 1];
}

/* The next record, number r, behind *x. False: there is none. */
static bool read_record(struct opened *o, uint32_t r, struct row_exchange *x)
{
    const struct row_exchange *shared[BLOCK_SHARED] = {next_shared(o, BLOCK_SHAPE), next_shared(o, BLOCK_PEER)};
    bool bad = !shared[BLOCK_SHAPE] || !shared[BLOCK_PEER];
    if (bad)
        return false;
#define FIELD(name, type, how, where)                                                                                  \
    if (BLOCK_##where < BLOCK_SHARED) {                                                                                \
        x->name = shared[BLOCK_##where % BLOCK_SHARED]->name;                                                          \
    } else if (BLOCK_##where == BLOCK_SPARSE &&                                                                        \
               !(o->bits[BLOCK_##name] && o->bits[BLOCK_##name][r / 8] >> r % 8 & 1)) {                                \
        x->name = 0;                                                                                                   \
    } else {                                                                                                           \
        READ(&o->column[BLOCK_##name], x, name, type, how);                                                            \
        bad |= o->column[BLOCK_##name].bad;                                                                            \
    }
#include "analysis/store/block.def"
#undef FIELD
    return !bad;
}

static bool read_block(struct block_tools *tools, struct slice raw, uint32_t n,
                       void (*each)(void *, const struct row_exchange *), void *context)
{
    struct opened o = {.n = n};
    struct row_exchange x = {0};
    bool bad = !open_block(tools, raw, &o);
    for (uint32_t r = 0; r < n && !bad; r++) {
        bad = !read_record(&o, r, &x);
        if (!bad)
            each(context, &x);
    }
    for (int i = 0; i < BLOCK_COLUMNS && !bad; i++)
        bad = cursor_left(&o.column[i]) != 0;
    for (int i = 0; i < BLOCK_SHARED && !bad; i++)
        bad = cursor_left(&o.which[i]) != 0 || o.met[i] != o.n_shared[i];
    return !bad;
}

bool block_read(struct block_tools *tools, int format, struct slice data, uint32_t n,
                void (*each)(void *context, const struct row_exchange *x), void *context)
{
    bool packed = format == BLOCK_ZSTD || format == BLOCK_OLD_ZSTD;
    if (n > BLOCK_RECORDS || format < BLOCK_OLD_RAW || format > BLOCK_ZSTD || (packed && !unpack(tools, data)))
        return false;
    struct slice raw = packed ? slice_of(tools->raw.p, tools->raw.n) : data;
    return format >= BLOCK_RAW ? read_block(tools, raw, n, each, context) : read_old(raw, n, each, context);
}
