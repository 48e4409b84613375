/* HPACK: the examples of RFC 7541 appendix C; against the deflater and inflater of nghttp2, whole, after a late join at
 * every block and after losses: a field that is given out as known is the one that was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "capture/hpack.h"

enum { BLOCKS = 40, FIELDS = 24, BLOCK = 8192 };
static uint64_t memory;
static struct hpack_list list;

static int setup(void **state)
{
    (void)state;
    list.text = malloc(HPACK_SCRATCH);
    return list.text ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(list.text);
    return memory != 0;
}

/* "name: value\n" a field; ? what is unknown. */
static void print(struct buf *out)
{
    out->n = 0;
    for (unsigned i = 0; i < list.n_fields; i++) {
        const struct hpack_field *f = &list.field[i];
        buf_printf(out, "%.*s: %.*s\n", f->name_unknown ? 1 : (int)f->name_n,
                   f->name_unknown ? "?" : list.text + f->name, f->value_unknown ? 1 : (int)f->value_n,
                   f->value_unknown ? "?" : list.text + f->value);
    }
    buf_char(out, 0);
}

static size_t unhex(const char *text, char *out)
{
    size_t n = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        out[n++] = (char)(ascii_hex(text[0]) << 4 | ascii_hex(text[1]));
        text++;
    }
    return n;
}

struct example {
    const char *hex, *want;
    uint32_t size, n;
};

static void conversation(uint32_t max, const struct example *e, size_t count)
{
    struct hpack h;
    struct buf said = {0};
    char block[512];
    hpack_open(&h, true, &memory, UINT64_MAX);
    hpack_limit(&h, max);
    for (size_t i = 0; i < count; i++) {
        size_t n = unhex(e[i].hex, block);
        assert_true(hpack_decode(&h, slice_of(block, n), &list));
        print(&said);
        assert_string_equal(said.p, e[i].want);
        assert_int_equal(h.size, e[i].size);
        assert_int_equal(h.n, e[i].n);
        assert_false(list.unknown);
    }
    hpack_close(&h);
    buf_free(&said);
}

static void appendix_c(void **state)
{
    (void)state;
    static const struct example one[] = {
        {"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header\n", 55, 1},
        {"040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path\n", 55, 1},
        {"1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret\n", 55, 1},
        {"82", ":method: GET\n", 55, 1}};
#define FIRST ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define SECOND FIRST "cache-control: no-cache\n"
#define THIRD                                                                                                          \
    ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value\n"
    static const struct example plain[] = {
        {"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", FIRST, 57, 1},
        {"8286 84be 5808 6e6f 2d63 6163 6865", SECOND, 110, 2},
        {"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", THIRD, 164, 3}};
    static const struct example coded[] = {
        {"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", FIRST, 57, 1},
        {"8286 84be 5886 a8eb 1064 9cbf", SECOND, 110, 2},
        {"8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", THIRD, 164, 3}};
#define REST "cache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com\n"
#define LAST                                                                                                           \
    ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\nlocation: https://www.example.com\n"   \
    "content-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"
    static const struct example answers[] = {
        {"4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d"
         "546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
         ":status: 302\n" REST, 222, 4},
        {"4803 3330 37c1 c0bf", ":status: 307\n" REST, 222, 4},
        {"88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f"
         "6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b"
         "2076 6572 7369 6f6e 3d31",
         LAST, 215, 3}};
    static const struct example coded_answers[] = {
        {"4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7"
         "8f0b 97c8 e9ae 82ae 43d3",
         ":status: 302\n" REST, 222, 4},
        {"4883 640e ffc1 c0bf", ":status: 307\n" REST, 222, 4},
        {"88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335"
         "dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
         LAST, 215, 3}};
    conversation(4096, one, 4);
    conversation(4096, plain, 3);
    conversation(4096, coded, 3);
    conversation(256, answers, 3);
    conversation(256, coded_answers, 3);
}

/* ---- against nghttp2 ---- */

static uint32_t seed;
static uint32_t dice(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(seed >> 4) * n) >> 28);
}

struct connection {
    char block[BLOCKS][BLOCK];
    size_t n[BLOCKS];
    struct buf sent[BLOCKS][FIELDS]; /* "name: value\n" */
    unsigned fields[BLOCKS];
};

static void random_text(char *out, unsigned most, bool name)
{
    static const char *const usual[] = {":path", ":authority", "cookie", "x-request-id", "cache-control", "date",
                                        "etag",  "user-agent", "accept", "x-a",          "x-b",           "set-cookie"};
    unsigned n = 1 + dice(most);
    if (name && dice(4)) {
        strcpy(out, usual[dice(sizeof usual / sizeof *usual)]);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        out[i] = name ? (char)('a' + dice(26)) : dice(9) ? (char)(33 + dice(94)) : (char)(1 + dice(255));
    out[n] = 0;
}

/* Lists with much in common, so that the table is used. */
static void deflate(struct connection *c, bool changes)
{
    static char names[FIELDS * 3][300], values[FIELDS * 3][300];
    nghttp2_hd_deflater *d;
    nghttp2_nv nv[FIELDS];
    for (unsigned i = 0; i < FIELDS * 3; i++) {
        random_text(names[i], 20, true);
        random_text(values[i], dice(5) ? 30 : 250, false);
    }
    assert_int_equal(nghttp2_hd_deflate_new(&d, 16384), 0);
    nghttp2_hd_deflate_change_table_size(d, 4096);
    for (unsigned b = 0; b < BLOCKS; b++) {
        if (changes && dice(6) == 0)
            nghttp2_hd_deflate_change_table_size(d, dice(3) ? dice(5000) : dice(300));
        c->fields[b] = 1 + dice(FIELDS);
        for (unsigned i = 0; i < FIELDS * 3; i++)
            if (dice(16) == 0)
                random_text(values[i], 30, false);
        for (unsigned i = 0; i < c->fields[b]; i++) {
            unsigned at = dice(FIELDS * 3);
            nv[i] = (nghttp2_nv){(uint8_t *)names[at], (uint8_t *)values[at], strlen(names[at]), strlen(values[at]),
                                 dice(7) ? 0 : NGHTTP2_NV_FLAG_NO_INDEX};
            c->sent[b][i].n = 0;
            buf_printf(&c->sent[b][i], "%s: %s", names[at], values[at]);
        }
        ssize_t n = nghttp2_hd_deflate_hd(d, (uint8_t *)c->block[b], BLOCK, nv, c->fields[b]);
        assert_true(n >= 0);
        c->n[b] = (size_t)n;
    }
    nghttp2_hd_deflate_del(d);
}

/* The other inflater agrees that this is what was sent. */
static void inflate_all(const struct connection *c)
{
    nghttp2_hd_inflater *d;
    assert_int_equal(nghttp2_hd_inflate_new(&d), 0);
    nghttp2_hd_inflate_change_table_size(d, 16384);
    for (unsigned b = 0; b < BLOCKS; b++) {
        const uint8_t *p = (const uint8_t *)c->block[b];
        size_t left = c->n[b];
        unsigned field = 0;
        for (;;) {
            nghttp2_nv nv;
            int flags = 0;
            ssize_t n = nghttp2_hd_inflate_hd2(d, &nv, &flags, p, left, 1);
            assert_true(n >= 0);
            p += n;
            left -= (size_t)n;
            if (flags & NGHTTP2_HD_INFLATE_EMIT) {
                const struct buf *want = &c->sent[b][field++];
                assert_int_equal(nv.namelen + 2 + nv.valuelen, want->n);
                assert_memory_equal(nv.value, want->p + nv.namelen + 2, nv.valuelen);
            }
            if (flags & NGHTTP2_HD_INFLATE_FINAL)
                break;
        }
        nghttp2_hd_inflate_end_headers(d);
        assert_int_equal(field, c->fields[b]);
    }
    nghttp2_hd_inflate_del(d);
}

struct tally {
    uint64_t fields, known;
};

/* Every known name and value is the one sent. */
static void compare(const struct connection *c, unsigned b, struct tally *t)
{
    assert_int_equal(list.n_fields, c->fields[b]);
    for (unsigned i = 0; i < list.n_fields; i++) {
        const struct hpack_field *f = &list.field[i];
        const struct buf *want = &c->sent[b][i];
        size_t colon = 1;
        while (memcmp(want->p + colon, ": ", 2) != 0)
            colon++;
        if (!f->name_unknown) {
            assert_int_equal(f->name_n, colon);
            assert_memory_equal(list.text + f->name, want->p, colon);
        }
        if (!f->value_unknown) {
            assert_int_equal(f->value_n, want->n - colon - 2);
            assert_memory_equal(list.text + f->value, want->p + colon + 2, f->value_n);
        }
        t->fields++;
        t->known += !f->name_unknown && !f->value_unknown;
    }
}

/* From block `from` on; with `losing` one block in that many is not seen. */
static void read_from(const struct connection *c, unsigned from, unsigned losing, struct tally *t)
{
    struct hpack h;
    hpack_open(&h, from == 0, &memory, UINT64_MAX);
    for (unsigned b = from; b < BLOCKS; b++) {
        if (losing && dice(losing) == 0) {
            hpack_forget(&h);
            continue;
        }
        assert_true(hpack_decode(&h, slice_of(c->block[b], c->n[b]), &list));
        compare(c, b, t);
        if (!from && !losing)
            assert_false(list.unknown);
    }
    hpack_close(&h);
}

static void like_nghttp2(void **state)
{
    (void)state;
    static struct connection c;
    struct tally whole = {0}, late = {0}, lossy = {0};
    unsigned runs = getenv("PROOF") ? 3000 : 60;
    for (unsigned run = 0; run < runs; run++) {
        seed = run;
        deflate(&c, run & 1);
        inflate_all(&c);
        read_from(&c, 0, 0, &whole);
        for (unsigned from = 1; from < BLOCKS; from++)
            read_from(&c, from, 0, &late);
        read_from(&c, 0, 5, &lossy);
    }
    for (unsigned b = 0; b < BLOCKS; b++)
        for (unsigned i = 0; i < FIELDS; i++)
            buf_free(&c.sent[b][i]);
    printf("# known fields: whole %.4f of %llu, late joins %.4f of %llu, one block in five lost %.4f of %llu\n",
           (double)whole.known / (double)whole.fields, (unsigned long long)whole.fields,
           (double)late.known / (double)late.fields, (unsigned long long)late.fields,
           (double)lossy.known / (double)lossy.fields, (unsigned long long)lossy.fields);
    assert_int_equal(whole.known, whole.fields);
    assert_true(late.known * 2 > late.fields);
}

/* ---- bounds and nonsense ---- */

static bool decodes(const char *hex)
{
    struct hpack h;
    char block[256];
    hpack_open(&h, true, &memory, UINT64_MAX);
    bool good = hpack_decode(&h, slice_of(block, unhex(hex, block)), &list);
    hpack_close(&h);
    return good;
}

static void refuses(void **state)
{
    (void)state;
    assert_false(decodes("80"));                  /* index 0 */
    assert_false(decodes("be"));                  /* beyond the table */
    assert_false(decodes("ffffffffff7f"));        /* an integer beyond all bounds */
    assert_false(decodes("4005 6162"));           /* a string beyond the block */
    assert_false(decodes("82 20"));               /* a size update behind a field */
    assert_false(decodes("0001 6181 00"));        /* Huffman: padding that is no ones */
    assert_false(decodes("0001 6182 ffff"));      /* Huffman: padding of eight bits and more */
    assert_false(decodes("0001 6184 ffff ffff")); /* Huffman: the end of the string */
    assert_true(decodes(""));
    assert_true(decodes("3f e0ffffff0f 82"));  /* a table as large as can be said: 2^32 - 1 */
    assert_false(decodes("3f e1ffffff0f 82")); /* and one more */
    assert_true(decodes("20 3f e11f 82"));     /* two size updates in front */
}

/* A field of 60 KiB named again and again: the list is cut, the table stays right, memory stays bounded. */
static void bomb(void **state)
{
    (void)state;
    struct hpack h;
    struct buf block = {0};
    hpack_open(&h, true, &memory, UINT64_MAX);
    buf_add(&block, "\x3f\xe1\xff\x03", 4); /* 65536 */
    buf_add(&block,
            "\x40\x01"
            "a"
            "\x7f\xe1\xd3\x03",
            7);
    while (block.n < 11 + 60000)
        buf_char(&block, 'x');
    for (int i = 0; i < 20000; i++)
        buf_char(&block, (char)0xbe);
    assert_true(hpack_decode(&h, slice_of(block.p, block.n), &list));
    assert_true(list.overflow);
    assert_int_equal(list.n_fields, 1);
    assert_int_equal(h.n, 1);
    assert_true(memory < 400000);
    assert_true(hpack_decode(&h, slice_of("\xbe", 1), &list));
    assert_int_equal(list.field[0].value_n, 60000);
    hpack_close(&h);
    buf_free(&block);
}

/* Without memory entries become unknown; nothing else changes. */
static void no_memory(void **state)
{
    (void)state;
    struct hpack h;
    hpack_open(&h, true, &memory, 100);
    assert_true(hpack_decode(&h,
                             slice_of("\x40\x01"
                                      "a"
                                      "\x01"
                                      "b",
                                      5),
                             &list));
    assert_false(list.unknown);
    assert_true(hpack_decode(&h, slice_of("\xbe", 1), &list));
    assert_true(list.unknown && list.n_fields == 1 && list.field[0].name_unknown);
    hpack_close(&h);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(appendix_c), cmocka_unit_test(like_nghttp2),
                                              cmocka_unit_test(refuses), cmocka_unit_test(bomb),
                                              cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
