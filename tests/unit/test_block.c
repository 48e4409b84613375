/* Blocks of exchange records: every field comes back, any bytes may be read, a record stays small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/store/block.h"
#include "base/hash.h"

static struct row_exchange rows[BLOCK_RECORDS];

static uint64_t random_state;

static uint64_t any(void)
{
    return hash_mix(random_state += 0x9e3779b97f4a7c15u);
}

/* A value of any length: as many random bits as random. */
static uint64_t any_length(void)
{
    return any() >> any() % 64;
}

static struct row_exchange any_row(void)
{
    return (struct row_exchange){.arrival_us = (int64_t)any_length() * (any() % 2 ? 1 : -1),
                                 .key = (uint32_t)any_length(),
                                 .endpoint = (uint32_t)any_length(),
                                 .client = (uint32_t)any_length(),
                                 .address = (uint32_t)any_length(),
                                 .server = (uint32_t)any_length(),
                                 .variant = (uint32_t)any(),
                                 .content = (uint32_t)any(),
                                 .etag = (uint32_t)any_length(),
                                 .status = (uint16_t)any_length(),
                                 .end = (uint8_t)any(),
                                 .proto = (uint8_t)any(),
                                 .flags = (uint32_t)any_length(),
                                 .request_bytes = any_length(),
                                 .response_bytes = any_length(),
                                 .request_us = any() % 4 ? (int64_t)any_length() : -1,
                                 .ttfb_us = any() % 4 ? (int64_t)any_length() : -1,
                                 .duration_us = any() % 4 ? (int64_t)any_length() : -1,
                                 .server_us = any() % 4 ? (int64_t)any_length() : -1,
                                 .notes = (uint32_t)any(),
                                 .lifetime = (uint32_t)any_length(),
                                 .body = any() % 2 ? (uint32_t)any() : 0,
                                 .retry_after = (uint32_t)any_length(),
                                 .rtt = (uint32_t)any_length(),
                                 .conn = (uint32_t)any_length(),
                                 .managed = (uint8_t)any(),
                                 .quota = any() % 2 ? any_length() : 0,
                                 .version = any() % 2 ? (uint32_t)any_length() : 0,
                                 .trace = (uint32_t)any(),
                                 .request_id = any() % 2 ? (uint32_t)any() : 0,
                                 .window_us = any() % 2 ? (uint32_t)any_length() : 0,
                                 .loss_us = any() % 2 ? (uint32_t)any_length() : 0};
}

/* One of few shapes and peers, so that most are in the memo, and some had to leave it. */
static struct row_exchange alike_row(void)
{
    struct row_exchange x = any_row();
    uint32_t which = (uint32_t)(any() % 1500);
    x.endpoint = which % 300;
    x.status = (uint16_t)(200 + which % 2);
    x.server = x.flags = x.notes = x.lifetime = x.retry_after = x.version = 0;
    x.end = x.proto = x.managed = (uint8_t)(which % 3 == 0);
    x.conn = x.client = which * 7;
    x.address = x.rtt = any() % 8 == 0;
    return x;
}

/* As an API's traffic is: 60,000 keys of unequal popularity, a few servers, milliseconds. */
static struct row_exchange usual_row(int64_t *now)
{
    uint32_t key = 1 + (uint32_t)(60000 >> any() % 16) - (uint32_t)(any() % 2);
    uint64_t about = hash_mix(key), ttfb = 500 + any() % 20000;
    *now += (int64_t)(any() % 2000);
    return (struct row_exchange){.arrival_us = *now,
                                 .key = key,
                                 .endpoint = 1 + key % 200,
                                 .client = 1 + (uint32_t)(any() % 2000),
                                 .address = 1 + (uint32_t)(any() % 2000),
                                 .server = 1 + key % 4,
                                 .content = (uint32_t)(about + (uint64_t)*now / 30000000),
                                 .etag = about % 2 ? (uint32_t)about : 0,
                                 .status = any() % 20 ? 200 : 304,
                                 .proto = 1,
                                 .flags = ROW_ELIGIBLE | ROW_FILLABLE,
                                 .response_bytes = 200 + about % 20000,
                                 .ttfb_us = (int64_t)ttfb,
                                 .duration_us = (int64_t)(ttfb + any() % 3000),
                                 .server_us = (int64_t)ttfb - 200,
                                 .notes = 17 | (uint32_t)(about % 4) << 5 | 1u << 10,
                                 .lifetime = about % 3 ? 61 : 0,
                                 .rtt = 300 + (uint32_t)(any() % 64),
                                 .conn = 1 + (uint32_t)(any() % 2000)};
}

struct seen {
    uint32_t n;
    bool wrong;
};

#define SAME(field) (a->field == b->field)

static void compare(void *context, const struct row_exchange *a)
{
    struct seen *s = context;
    const struct row_exchange *b = &rows[s->n++ % BLOCK_RECORDS];
#define FIELD(name, type, how, where) s->wrong |= !SAME(name);
#include "analysis/store/block.def"
#undef FIELD
}

static void ignore(void *context, const struct row_exchange *x)
{
    ((struct seen *)context)->n += (uint32_t)(x->status | 1);
}

/* Writes n rows and demands them back, raw and packed. */
static void round_trip(struct block_tools *tools, struct block *b, uint32_t n)
{
    struct buf raw = {0}, packed = {0};
    struct seen plain = {0}, zstd = {0};
    for (uint32_t i = 0; i < n; i++)
        block_add(b, &rows[i]);
    assert_int_equal(b->n, n);
    assert_true(block_raw(b, &raw));
    assert_true(block_pack(tools, slice_of(raw.p, raw.n), &packed));
    assert_true(block_read(tools, BLOCK_RAW, slice_of(raw.p, raw.n), n, compare, &plain));
    assert_true(block_read(tools, BLOCK_ZSTD, slice_of(packed.p, packed.n), n, compare, &zstd));
    assert_int_equal(plain.n, n);
    assert_int_equal(zstd.n, n);
    assert_false(plain.wrong || zstd.wrong);
    block_clear(b);
    buf_free(&raw);
    buf_free(&packed);
}

static void every_field_comes_back(void **state)
{
    static const uint32_t sizes[] = {
        0, 1, 2, BLOCK_TOGETHER - 1, BLOCK_TOGETHER, BLOCK_TOGETHER + 1, 1000, BLOCK_RECORDS};
    struct block_tools tools = {0};
    struct block *b = calloc(1, sizeof *b);
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (uint32_t i = 0; i < sizes[s]; i++)
            rows[i] = any_row();
        round_trip(&tools, b, sizes[s]);
        for (uint32_t i = 0; i < sizes[s]; i++)
            rows[i] = alike_row();
        round_trip(&tools, b, sizes[s]);
    }
    block_free(b);
    free(b);
    block_tools_free(&tools);
}

/* A record among others, as the analysis has them. */
struct apart {
    char before[24];
    struct row_exchange row;
    uint64_t behind;
};

/* Rare fields are set by chance, and in some stretches never, so that all kinds of columns come about. */
static struct row_exchange patchy_row(uint32_t i)
{
    struct row_exchange x = i / 700 % 2 ? alike_row() : any_row(), none = {.arrival_us = x.arrival_us, .key = x.key};
#define FIELD(name, type, how, where)                                                                                  \
    if (hash_mix(BLOCK_##name * 1000 + i / 300) % 2)                                                                   \
        x.name = none.name;
#include "analysis/store/block.def"
#undef FIELD
    return x;
}

/* Records that come many at once, few and alone make the bytes that they make one by one. */
static void records_come_many_at_once(void **state)
{
    static struct apart many[BLOCK_RECORDS];
    struct block_tools tools = {0};
    struct block *one = calloc(1, sizeof *one), *b = calloc(1, sizeof *b);
    (void)state;
    for (int round = 0; round < 20; round++) {
        uint32_t n = round == 19 ? BLOCK_RECORDS : (uint32_t)(any() % 3000);
        struct buf raw[2] = {{0}};
        struct seen seen = {0};
        for (uint32_t i = 0; i < n; i++) {
            many[i].row = rows[i] = patchy_row(i);
            block_add(one, &rows[i]);
        }
        for (uint32_t i = 0, now; i < n; i += now) {
            now = (uint32_t)(any() >> any() % 8 & 1 ? any() % 80 : any() % 5);
            now = now < n - i ? now : n - i;
            block_add_all(b, &many[i].row, sizeof *many, now);
        }
        assert_true(block_raw(one, &raw[0]) && block_raw(b, &raw[1]));
        assert_true(b->n == n && b->first_us == one->first_us && b->last_us == one->last_us);
        assert_int_equal(raw[0].n, raw[1].n);
        assert_memory_equal(raw[0].p, raw[1].p, raw[0].n);
        assert_true(block_read(&tools, BLOCK_RAW, slice_of(raw[1].p, raw[1].n), n, compare, &seen));
        assert_true(seen.n == n && !seen.wrong);
        for (int i = 0; i < 2; i++)
            buf_free(&raw[i]);
        block_clear(one);
        block_clear(b);
    }
    block_free(one);
    block_free(b);
    free(one);
    free(b);
    block_tools_free(&tools);
}

static void extremes_come_back(void **state)
{
    struct block_tools tools = {0};
    struct block *b = calloc(1, sizeof *b);
    (void)state;
    memset(rows, 0, sizeof rows[0]);
    memset(&rows[1], 0xff, sizeof rows[1]);
    memset(&rows[2], 0, sizeof rows[2]);
    rows[2].arrival_us = rows[2].ttfb_us = INT64_MIN;
    rows[2].duration_us = rows[2].server_us = INT64_MAX;
    rows[3] = rows[2];
    rows[3].arrival_us = rows[3].ttfb_us = INT64_MAX;
    rows[3].duration_us = rows[3].server_us = INT64_MIN;
    round_trip(&tools, b, 4);
    block_free(b);
    free(b);
    block_tools_free(&tools);
}

#define OLD_PLAIN(c, x, name) buf_varint(c, (uint64_t)(x)->name)
#define OLD_MIXED(c, x, name) OLD_PLAIN(c, x, name)
#define OLD_SIGNED(c, x, name) buf_varint(c, (uint64_t)(x)->name << 1 ^ (uint64_t)((int64_t)(x)->name >> 63))
#define OLD_BETWEEN(c, a, b)                                                                                           \
    buf_varint(c, ((uint64_t)(a) - (uint64_t)(b)) << 1 ^ (uint64_t)((int64_t)((uint64_t)(a) - (uint64_t)(b)) >> 63))
#define OLD_DELTA(c, x, name) OLD_BETWEEN(c, (x)->name, (x) == rows ? 0 : (x)[-1].name)
#define OLD_AFTER(c, x, name) OLD_BETWEEN(c, (x)->name, (x)->ttfb_us)
#define OLD_FLAGS(c, x, name) buf_varint(c, (x)->name << 4 | (x)->name >> 28)
#define OLD_WORD(c, x, name)                                                                                           \
    for (int byte = 0; byte < 4; byte++)                                                                               \
    buf_char(c, (char)((x)->name >> byte * 8))

/* The first n rows as formats 1 and 2 have them, and the first so many of their columns. */
static void old_block(uint32_t n, int columns, struct buf *out)
{
    struct buf c = {0};
#define FIELD(name, type, how, where)                                                                                  \
    c.n = 0;                                                                                                           \
    for (const struct row_exchange *x = rows; x < rows + n; x++)                                                       \
        OLD_##how(&c, x, name);                                                                                        \
    if (columns-- > 0) {                                                                                               \
        buf_varint(out, c.n);                                                                                          \
        buf_add(out, c.p, c.n);                                                                                        \
    }
#include "analysis/store/block.def"
#undef FIELD
    buf_free(&c);
}

static void old_blocks_are_read(void **state)
{
    struct block_tools tools = {0};
    struct buf raw = {0}, packed = {0};
    struct seen plain = {0}, zstd = {0};
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        rows[i] = any_row();
    old_block(1000, BLOCK_COLUMNS, &raw);
    assert_true(block_pack(&tools, slice_of(raw.p, raw.n), &packed));
    assert_true(block_read(&tools, BLOCK_OLD_RAW, slice_of(raw.p, raw.n), 1000, compare, &plain));
    assert_true(block_read(&tools, BLOCK_OLD_ZSTD, slice_of(packed.p, packed.n), 1000, compare, &zstd));
    assert_int_equal(plain.n, 1000);
    assert_int_equal(zstd.n, 1000);
    assert_false(plain.wrong || zstd.wrong);
    buf_free(&raw);
    buf_free(&packed);
    block_tools_free(&tools);
}

static void without_notes(void *context, const struct row_exchange *a)
{
    struct seen *s = context;
    s->wrong |= a->notes || a->lifetime || a->body || a->server_us != rows[s->n++].server_us;
}

static void without_body(void *context, const struct row_exchange *a)
{
    struct seen *s = context;
    s->wrong |= a->body || a->retry_after || a->rtt || a->conn || a->managed || a->quota || a->version ||
                a->lifetime != rows[s->n++].lifetime;
}

/* Blocks of schema 1 end before the notes, those of schema 2 before the bodies. */
static void columns_that_came_later_may_lack(void **state)
{
    struct block_tools tools = {0};
    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        rows[i] = any_row();
    for (int columns = 0; columns <= BLOCK_COLUMNS; columns++) {
        struct buf raw = {0};
        struct seen s = {0};
        bool first = columns == BLOCK_COLUMNS_1, second = columns == BLOCK_COLUMNS_2;
        old_block(100, columns, &raw);
        assert_int_equal(first || second || columns == BLOCK_COLUMNS,
                         block_read(&tools, BLOCK_OLD_RAW, slice_of(raw.p, raw.n), 100,
                                    first    ? without_notes
                                    : second ? without_body
                                             : ignore,
                                    &s));
        assert_false(s.wrong);
        buf_free(&raw);
    }
    block_tools_free(&tools);
}

/* The open block is written by every commit and goes on growing. */
static void an_open_block_can_be_read_again_and_again(void **state)
{
    struct block_tools tools = {0};
    struct block *b = calloc(1, sizeof *b);
    struct buf raw = {0};
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        struct seen s = {0};
        rows[i] = any_row();
        block_add(b, &rows[i]);
        raw.n = 0;
        assert_true(block_raw(b, &raw));
        assert_true(block_read(&tools, BLOCK_RAW, slice_of(raw.p, raw.n), i + 1, compare, &s));
        assert_int_equal(s.n, i + 1);
        assert_false(s.wrong);
    }
    buf_free(&raw);
    block_free(b);
    free(b);
    block_tools_free(&tools);
}

/* A shape and a peer are written once while the memo has them. */
static void what_is_shared_is_written_once(void **state)
{
    struct block *b = calloc(1, sizeof *b);
    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        struct row_exchange x = {.arrival_us = (int64_t)any(),
                                 .endpoint = i % 10,
                                 .server = 1,
                                 .status = 200,
                                 .client = i % 7,
                                 .conn = i % 7,
                                 .content = (uint32_t)any()};
        block_add(b, &x);
    }
    assert_in_range(b->shared[BLOCK_SHAPE].n, 10, 15);
    assert_in_range(b->shared[BLOCK_PEER].n, 7, 12);
    block_free(b);
    free(b);
}

static void first_and_last_are_least_and_greatest(void **state)
{
    struct block *b = calloc(1, sizeof *b);
    static const int64_t times[] = {50, 70, 40, 60};
    struct buf raw = {0};
    (void)state;
    for (int i = 0; i < 4; i++)
        block_add(b, &(struct row_exchange){.arrival_us = times[i]});
    assert_true(block_raw(b, &raw));
    buf_free(&raw);
    assert_int_equal(b->first_us, 40);
    assert_int_equal(b->last_us, 70);
    block_free(b);
    free(b);
}

/* A copy that ends at the end of an allocation, so that a sanitizer sees a byte too many. */
static bool read_exactly(struct block_tools *tools, int format, const char *p, size_t n, uint32_t records)
{
    struct seen s = {0};
    char *copy = malloc(n ? n : 1);
    memcpy(copy, p, n);
    bool ok = block_read(tools, format, slice_of(copy, n), records, ignore, &s);
    free(copy);
    return ok;
}

static void every_cut_is_refused(void **state)
{
    struct block_tools tools = {0};
    struct block *b = calloc(1, sizeof *b);
    struct buf raw = {0}, packed = {0};
    (void)state;
    for (int i = 0; i < 150; i++) {
        struct row_exchange x = any_row();
        block_add(b, &x);
    }
    assert_true(block_raw(b, &raw) && block_pack(&tools, slice_of(raw.p, raw.n), &packed));
    assert_true(read_exactly(&tools, BLOCK_RAW, raw.p, raw.n, 150));
    for (size_t n = 0; n < raw.n; n++)
        assert_false(read_exactly(&tools, BLOCK_RAW, raw.p, n, 150));
    for (size_t n = 0; n < packed.n; n++)
        assert_false(read_exactly(&tools, BLOCK_ZSTD, packed.p, n, 150));
    assert_false(read_exactly(&tools, BLOCK_RAW, raw.p, raw.n, 149));
    assert_false(read_exactly(&tools, BLOCK_RAW, raw.p, raw.n, 151));
    assert_false(read_exactly(&tools, BLOCK_RAW, raw.p, raw.n, BLOCK_RECORDS + 1));
    for (int format = -1; format <= BLOCK_ZSTD + 1; format++)
        assert_int_equal(read_exactly(&tools, format, raw.p, raw.n, 150), format == BLOCK_RAW);
    buf_free(&raw);
    buf_free(&packed);
    block_free(b);
    free(b);
    block_tools_free(&tools);
}

static void damaged_bytes_are_read_without_harm(void **state)
{
    struct block_tools tools = {0};
    struct block *b = calloc(1, sizeof *b);
    struct buf raw = {0}, packed = {0}, old = {0};
    (void)state;
    for (int i = 0; i < 100; i++) {
        rows[i] = any_row();
        block_add(b, &rows[i]);
    }
    assert_true(block_raw(b, &raw) && block_pack(&tools, slice_of(raw.p, raw.n), &packed));
    old_block(100, BLOCK_COLUMNS, &old);
    for (int round = 0; round < 30000; round++) {
        static const int formats[] = {BLOCK_RAW, BLOCK_ZSTD, BLOCK_OLD_RAW};
        struct buf *one = round % 3 == 0 ? &raw : round % 3 == 1 ? &packed : &old;
        size_t at = any() % one->n;
        char was = one->p[at];
        one->p[at] = (char)any();
        read_exactly(&tools, formats[round % 3], one->p, one->n, 100);
        if (round % 4)
            one->p[at] = was;
    }
    buf_free(&raw);
    buf_free(&packed);
    buf_free(&old);
    block_free(b);
    free(b);
    block_tools_free(&tools);
}

static void a_usual_record_takes_few_bytes(void **state)
{
    struct block_tools tools = {0};
    struct block *b = calloc(1, sizeof *b);
    struct buf raw = {0}, packed = {0};
    int64_t now = 1700000000000000;
    (void)state;
    for (uint32_t i = 0; i < BLOCK_RECORDS; i++) {
        struct row_exchange x = usual_row(&now);
        block_add(b, &x);
    }
    assert_true(block_raw(b, &raw) && block_pack(&tools, slice_of(raw.p, raw.n), &packed));
    print_message("# %.1f bytes a record, %.1f packed\n", (double)raw.n / BLOCK_RECORDS,
                  (double)packed.n / BLOCK_RECORDS);
    assert_true(packed.n <= 30u * BLOCK_RECORDS);
    buf_free(&raw);
    buf_free(&packed);
    block_free(b);
    free(b);
    block_tools_free(&tools);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(records_come_many_at_once),
        cmocka_unit_test(extremes_come_back),
        cmocka_unit_test(old_blocks_are_read),
        cmocka_unit_test(what_is_shared_is_written_once),
        cmocka_unit_test(columns_that_came_later_may_lack),
        cmocka_unit_test(an_open_block_can_be_read_again_and_again),
        cmocka_unit_test(first_and_last_are_least_and_greatest),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(damaged_bytes_are_read_without_harm),
        cmocka_unit_test(a_usual_record_takes_few_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
