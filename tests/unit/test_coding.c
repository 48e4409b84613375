/* Content-codings: each one and several stacked come off whatever the cuts; what is damaged, cut, longer than allowed
 * or not coded at all is told; the account of memory comes back to nothing. */
#include <brotli/encode.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "capture/coding.h"

static void collect(void *context, const char *p, size_t n)
{
    buf_add(context, p, n);
}

/* ---- encoders ---- */

/* bits: 16 + MAX_WBITS gzip, MAX_WBITS zlib, -MAX_WBITS raw. */
static void deflated(struct slice in, int bits, struct buf *out)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, in.n) + 64;
    assert_true(buf_reserve(out, room));
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.n;
    z.next_out = (Bytef *)out->p + out->n;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->n += room - z.avail_out;
    deflateEnd(&z);
}

static void brotlied(struct slice in, struct buf *out)
{
    size_t n = BrotliEncoderMaxCompressedSize(in.n) + 64;
    assert_true(buf_reserve(out, n));
    assert_true(
        BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, in.n, (const uint8_t *)in.p, &n, (uint8_t *)out->p + out->n));
    out->n += n;
}

static void zstded(struct slice in, struct buf *out)
{
    size_t room = ZSTD_compressBound(in.n);
    assert_true(buf_reserve(out, room));
    size_t n = ZSTD_compress(out->p + out->n, room, in.p, in.n, 3);
    assert_false(ZSTD_isError(n));
    out->n += n;
}

static struct slice bytes(const struct buf *b)
{
    return slice_of(b->p, b->n);
}

static void encode(const char *name, struct slice in, struct buf *out)
{
    if (!strcmp(name, "gzip") || !strcmp(name, "x-gzip"))
        deflated(in, 16 + MAX_WBITS, out);
    else if (!strcmp(name, "deflate"))
        deflated(in, MAX_WBITS, out);
    else if (!strcmp(name, "raw"))
        deflated(in, -MAX_WBITS, out);
    else if (!strcmp(name, "br"))
        brotlied(in, out);
    else
        zstded(in, out);
}

/* ---- decoding ---- */

static const size_t memory = 8 << 20;

/* Fed in two pieces, cut at `cut`, or octet by octet when that is SIZE_MAX. */
static enum coding_state decode(const char *field, struct slice coded, size_t cut, struct buf *out)
{
    struct codings all = {.limit = memory};
    struct coding *c = coding_open(&all, slice_str(field), collect, out);
    assert_non_null(c);
    out->n = 0;
    if (cut == SIZE_MAX) {
        for (size_t i = 0; i < coded.n; i++)
            coding_feed(c, coded.p + i, 1);
    } else {
        coding_feed(c, coded.p, cut);
        coding_feed(c, coded.p + cut, coded.n - cut);
    }
    enum coding_state state = coding_end(c);
    coding_close(&all, c);
    assert_true(all.memory == 0 && all.open == 0);
    return state;
}

static void text(struct buf *out, size_t lines)
{
    for (size_t i = 0; i < lines; i++)
        buf_printf(out, "{\"id\":%zu,\"name\":\"item %zu of many\",\"price\":%zu.%02zu}\n", i, i * 7919 % 1000,
                   i * 31 % 977, i % 100);
}

static const struct {
    const char *name, *field;
} codings[] = {{"gzip", "gzip"},   {"x-gzip", "X-GZip"}, {"deflate", "deflate"},
               {"raw", "deflate"}, {"br", "br"},         {"zstd", "zstd"}};

enum { CODINGS = sizeof codings / sizeof *codings };

static void cut_anywhere(void **state)
{
    (void)state;
    for (unsigned k = 0; k < CODINGS; k++) {
        struct buf plain = {0}, coded = {0}, out = {0};
        text(&plain, 40);
        encode(codings[k].name, bytes(&plain), &coded);
        for (size_t cut = 0; cut <= coded.n; cut++) {
            assert_int_equal(decode(codings[k].field, bytes(&coded), cut, &out), CODING_GOOD);
            assert_true(slice_eq(bytes(&out), bytes(&plain)));
        }
        assert_int_equal(decode(codings[k].field, bytes(&coded), SIZE_MAX, &out), CODING_GOOD);
        assert_true(slice_eq(bytes(&out), bytes(&plain)));
        buf_free(&plain);
        buf_free(&coded);
        buf_free(&out);
    }
}

/* A body that is not whole is never taken for one, wherever it ends. */
static void truncated(void **state)
{
    (void)state;
    for (unsigned k = 0; k < CODINGS; k++) {
        struct buf plain = {0}, coded = {0}, out = {0};
        text(&plain, 10);
        encode(codings[k].name, bytes(&plain), &coded);
        for (size_t n = 0; n < coded.n; n++)
            assert_int_not_equal(decode(codings[k].field, slice_of(coded.p, n), n, &out), CODING_GOOD);
        buf_char(&coded, 'x');
        assert_int_not_equal(decode(codings[k].field, bytes(&coded), coded.n, &out), CODING_GOOD);
        buf_free(&plain);
        buf_free(&coded);
        buf_free(&out);
    }
}

static void stacked(void **state)
{
    struct buf plain = {0}, one = {0}, two = {0}, out = {0};
    (void)state;
    text(&plain, 200);
    for (unsigned a = 0; a < CODINGS; a++)
        for (unsigned b = 0; b < CODINGS; b++) {
            char field[64];
            one.n = two.n = 0;
            encode(codings[a].name, bytes(&plain), &one);
            encode(codings[b].name, bytes(&one), &two);
            snprintf(field, sizeof field, "%s , identity,%s", codings[a].field, codings[b].field);
            assert_int_equal(decode(field, bytes(&two), two.n / 2, &out), CODING_GOOD);
            assert_true(slice_eq(bytes(&out), bytes(&plain)));
        }
    buf_free(&plain);
    buf_free(&one);
    buf_free(&two);
    buf_free(&out);
}

/* Several members, several frames: one body (RFC 1952 section 2.2, RFC 8878 section 3.1). */
static void members(void **state)
{
    (void)state;
    for (unsigned k = 0; k < CODINGS; k++) {
        if (strcmp(codings[k].name, "gzip") && strcmp(codings[k].name, "zstd"))
            continue;
        struct buf plain = {0}, coded = {0}, out = {0};
        text(&plain, 5);
        encode(codings[k].name, bytes(&plain), &coded);
        encode(codings[k].name, bytes(&plain), &coded);
        for (size_t cut = 0; cut <= coded.n; cut++) {
            assert_int_equal(decode(codings[k].field, bytes(&coded), cut, &out), CODING_GOOD);
            assert_true(out.n == 2 * plain.n);
        }
        buf_free(&plain);
        buf_free(&coded);
        buf_free(&out);
    }
}

/* What is no frame of RFC 8878 is none, though libzstd took it once; skippable ones are. */
static void frames_of_zstd(void **state)
{
    static const char skippable[] = "\x5a\x2a\x4d\x18\3\0\0\0abc", mixed[] = "\x50\xb5\x2f\xfd\3\0\0\0abc";
    struct buf plain = {0}, coded = {0}, out = {0};
    (void)state;
    text(&plain, 5);
    encode("zstd", bytes(&plain), &coded);
    buf_add(&coded, skippable, sizeof skippable - 1);
    encode("zstd", bytes(&plain), &coded);
    for (size_t cut = 0; cut <= coded.n; cut++) {
        assert_int_equal(decode("zstd", bytes(&coded), cut, &out), CODING_GOOD);
        assert_true(out.n == 2 * plain.n);
    }
    for (char version = 0x22; version < 0x28; version++) /* v0.2 to v0.7 */
        for (size_t cut = 0; cut < 9; cut++) {
            char old[] = "v\xb5\x2f\xfd\x04\xcd\x05\0";
            old[0] = version;
            assert_int_equal(decode("zstd", slice_of(old, 8), cut, &out), CODING_MISCODED);
        }
    for (size_t cut = 0; cut < sizeof mixed; cut++)
        assert_int_equal(decode("zstd", slice_of(mixed, sizeof mixed - 1), cut, &out), CODING_MISCODED);
    buf_free(&plain);
    buf_free(&coded);
    buf_free(&out);
}

/* A field that lies, and damage: every octet in turn is changed, and nothing may be read but what was written. */
static void lies(void **state)
{
    struct buf plain = {0}, coded = {0}, out = {0};
    (void)state;
    text(&plain, 20);
    for (unsigned k = 0; k < CODINGS; k++)
        if (strcmp(codings[k].name, "raw"))
            assert_int_equal(decode(codings[k].field, bytes(&plain), 7, &out), CODING_MISCODED);
    encode("gzip", bytes(&plain), &coded);
    for (size_t i = 10; i < coded.n; i++) {
        coded.p[i] ^= 0x55;
        if (decode("gzip", bytes(&coded), i, &out) == CODING_GOOD)
            assert_true(slice_eq(bytes(&out), bytes(&plain)));
        coded.p[i] ^= 0x55;
    }
    buf_free(&plain);
    buf_free(&coded);
    buf_free(&out);
}

/* A megabyte of one letter is more than a hundredfold; two of anything are too many. */
static void bombs(void **state)
{
    struct buf same = {0}, random_text = {0}, out = {0};
    (void)state;
    for (unsigned i = 0; i < 1 << 20; i++)
        buf_char(&same, 'a');
    for (unsigned i = 0; i < 2 << 20; i++)
        buf_char(&random_text, (char)('a' + random() % 16));
    for (unsigned k = 0; k < CODINGS; k++) {
        struct buf coded = {0};
        encode(codings[k].name, bytes(&same), &coded);
        assert_int_equal(decode(codings[k].field, bytes(&coded), coded.n, &out), CODING_EXCESS);
        assert_true(out.n <= CODING_OUT + 8192);
        coded.n = 0;
        encode(codings[k].name, bytes(&random_text), &coded);
        assert_int_equal(decode(codings[k].field, bytes(&coded), coded.n, &out), CODING_EXCESS);
        assert_true(out.n <= CODING_OUT + 8192);
        buf_free(&coded);
    }
    buf_free(&same);
    buf_free(&random_text);
    buf_free(&out);
}

static void bounds(void **state)
{
    struct codings all = {.limit = 1000};
    struct coding *open[CODING_OPEN + 1];
    struct buf out = {0}, coded = {0};
    (void)state;
    encode("gzip", SLICE("{}"), &coded);
    struct coding *c = coding_open(&all, SLICE("gzip"), collect, &out);
    assert_int_equal(coding_feed(c, coded.p, coded.n), CODING_EXCESS); /* no memory for it */
    coding_close(&all, c);
    for (unsigned i = 0; i < CODING_OPEN; i++)
        assert_non_null(open[i] = coding_open(&all, SLICE("br"), collect, &out));
    assert_null(coding_open(&all, SLICE("br"), collect, &out));
    assert_int_equal(all.refused, 1);
    for (unsigned i = 0; i < CODING_OPEN; i++)
        coding_close(&all, open[i]);
    assert_true(!all.memory && !all.open);
    assert_false(coding_known(SLICE("identity")));
    assert_false(coding_known(SLICE("gzip, compress")));
    assert_false(coding_known(SLICE("gzip, gzip, gzip, gzip")));
    assert_true(coding_known(SLICE("br,gzip")));
    buf_free(&out);
    buf_free(&coded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere), cmocka_unit_test(truncated),      cmocka_unit_test(stacked),
        cmocka_unit_test(members),      cmocka_unit_test(frames_of_zstd), cmocka_unit_test(lies),
        cmocka_unit_test(bombs),        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
