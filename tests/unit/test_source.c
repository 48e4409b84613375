/* source: capture files of every make, cut at every byte, merged, compressed and damaged; and the loopback interface.
 */
#include "base/buf.h"
#include "capture/source.h"

#include <arpa/inet.h>
#include <lz4frame.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

/* Writers of bytes in either order. */

static bool swapped;

static void put16(struct buf *b, uint16_t v)
{
    v = swapped ? __builtin_bswap16(v) : v;
    buf_add(b, &v, 2);
}

static void put32(struct buf *b, uint32_t v)
{
    v = swapped ? __builtin_bswap32(v) : v;
    buf_add(b, &v, 4);
}

static void put_pcap(struct buf *b, uint32_t magic, uint32_t link)
{
    put32(b, magic);
    put16(b, 2);
    put16(b, 4);
    put32(b, 0);
    put32(b, 0);
    put32(b, 262144);
    put32(b, link);
}

/* Frame k of n bytes: 0xk repeated, so that a reader that is a byte off shows. */
static void put_bytes(struct buf *b, uint32_t k, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        buf_char(b, (char)k);
}

static void put_record(struct buf *b, uint32_t seconds, uint32_t part, uint32_t k, uint32_t n)
{
    put32(b, seconds);
    put32(b, part);
    put32(b, n);
    put32(b, n + 1);
    put_bytes(b, k, n);
}

static void put_section(struct buf *b)
{
    put32(b, 0x0a0d0d0a);
    put32(b, 28);
    put32(b, 0x1a2b3c4d);
    put16(b, 1);
    put16(b, 0);
    put32(b, 0xffffffff);
    put32(b, 0xffffffff);
    put32(b, 28);
}

/* An interface with a comment, a resolution and an offset (seconds). */
static void put_interface(struct buf *b, uint16_t link, uint32_t snaplen, uint8_t resolution, int64_t offset)
{
    uint32_t length = 20 + 8 + 8 + 12 + 4;
    uint32_t high = (uint32_t)((uint64_t)offset >> 32), low = (uint32_t)offset;
    put32(b, 1);
    put32(b, length);
    put16(b, link);
    put16(b, 0);
    put32(b, snaplen);
    put16(b, 1);
    put16(b, 3);
    buf_add(b, "abc", 4);
    put16(b, 9);
    put16(b, 1);
    buf_char(b, (char)resolution);
    buf_add(b, "\0\0", 3);
    put16(b, 14);
    put16(b, 8);
    put32(b, swapped ? high : low);
    put32(b, swapped ? low : high);
    put32(b, 0);
    put32(b, length);
}

static void put_packet(struct buf *b, uint32_t interface, uint64_t ticks, uint32_t k, uint32_t n, uint32_t options)
{
    uint32_t padded = (n + 3) & ~3u, length = 32 + padded + options;
    put32(b, 6);
    put32(b, length);
    put32(b, interface);
    put32(b, (uint32_t)(ticks >> 32));
    put32(b, (uint32_t)ticks);
    put32(b, n);
    put32(b, n + 1);
    put_bytes(b, k, n);
    put_bytes(b, 0, padded - n + options);
    put32(b, length);
}

static void put_old_packet(struct buf *b, uint16_t interface, uint64_t ticks, uint32_t k, uint32_t n)
{
    uint32_t padded = (n + 3) & ~3u, length = 32 + padded;
    put32(b, 2);
    put32(b, length);
    put16(b, interface);
    put16(b, 0xffff);
    put32(b, (uint32_t)(ticks >> 32));
    put32(b, (uint32_t)ticks);
    put32(b, n);
    put32(b, n + 1);
    put_bytes(b, k, n);
    put_bytes(b, 0, padded - n);
    put32(b, length);
}

static void put_simple_packet(struct buf *b, uint32_t k, uint32_t n, uint32_t wire)
{
    uint32_t padded = (n + 3) & ~3u, length = 16 + padded;
    put32(b, 3);
    put32(b, length);
    put32(b, wire);
    put_bytes(b, k, n);
    put_bytes(b, 0, padded - n);
    put32(b, length);
}

static void put_unknown(struct buf *b, uint32_t type, uint32_t n)
{
    put32(b, type);
    put32(b, 12 + n);
    put_bytes(b, 0xaa, n);
    put32(b, 12 + n);
}

static void put64(struct buf *b, uint64_t v)
{
    put32(b, swapped ? (uint32_t)(v >> 32) : (uint32_t)v);
    put32(b, swapped ? (uint32_t)v : (uint32_t)(v >> 32));
}

/* Interface statistics: isb_ifdrop, isb_osdrop. */
static void put_statistics(struct buf *b, uint32_t interface, uint64_t ifdrop, uint64_t osdrop)
{
    uint32_t length = 20 + 12 + 12 + 4 + 4;
    put32(b, 5);
    put32(b, length);
    put32(b, interface);
    put64(b, 0);
    put16(b, 5);
    put16(b, 8);
    put64(b, ifdrop);
    put16(b, 7);
    put16(b, 8);
    put64(b, osdrop);
    put32(b, 0);
    put32(b, length);
}

/* Files in memory. */

enum { FILES = 64 };

static char paths[FILES][32];
static int fds[FILES];
static unsigned n_paths;

static const char *file_of(const void *p, size_t n)
{
    assert_true(n_paths < FILES);
    int fd = fds[n_paths] = memfd_create("capture", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), n);
    snprintf(paths[n_paths], sizeof *paths, "/proc/self/fd/%d", fd);
    return paths[n_paths++];
}

static int drop_files(void **state)
{
    (void)state;
    while (n_paths)
        close(fds[--n_paths]);
    swapped = false;
    return 0;
}

static struct source *open_one(const char *path, struct source_error *error)
{
    *error = (struct source_error){0};
    return source_open_files(&path, 1, NULL, error);
}

static struct source *open_bytes(const struct buf *b)
{
    struct source_error error;
    struct source *s = open_one(file_of(b->p, b->n), &error);
    if (!s)
        print_message("%s\n", error.text);
    assert_non_null(s);
    return s;
}

static void expect_frame(struct source *s, int64_t ts, uint16_t link, uint32_t k, uint32_t n)
{
    struct frame f;
    assert_int_equal(source_next(s, &f), SOURCE_FRAME);
    assert_int_equal(f.ts, ts);
    assert_int_equal(f.link, link);
    assert_int_equal(f.n, n);
    assert_int_equal(f.wire_n, n + 1);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(f.data[i], (uint8_t)k);
}

static void expect_end(struct source *s)
{
    struct frame f;
    assert_int_equal(source_next(s, &f), SOURCE_END);
    assert_int_equal(source_next(s, &f), SOURCE_END);
    source_close(s);
}

static void expect_damage(struct source *s, const char *words)
{
    struct frame f;
    assert_int_equal(source_next(s, &f), SOURCE_DAMAGE);
    if (!strstr(source_message(s), words))
        print_message("%s\n", source_message(s));
    assert_non_null(strstr(source_message(s), words));
}

static void expect_refused(const struct buf *b, const char *words)
{
    struct source_error error;
    assert_null(open_one(file_of(b->p, b->n), &error));
    if (!strstr(error.text, words))
        print_message("%s\n", error.text);
    assert_non_null(strstr(error.text, words));
    assert_int_equal(error.exit_code, 3);
}

static void test_pcap(void **state)
{
    (void)state;
    static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d};
    for (unsigned i = 0; i < 4; i++) {
        struct buf b = {0};
        bool nano = i & 1;
        swapped = i & 2;
        put_pcap(&b, magics[nano], 0x30000071); /* with a length of frame check sequence */
        put_record(&b, 1700000000, nano ? 999999999 : 999999, 1, 60);
        put_record(&b, 4000000000u, 1, 2, 0);
        put_record(&b, 4000000000u, 5, 3, 262144);
        struct source *s = open_bytes(&b);
        expect_frame(s, 1700000000999999, 113, 1, 60);
        expect_frame(s, 4000000000000000 + !nano, 113, 2, 0);
        expect_frame(s, 4000000000000000 + (nano ? 0 : 5), 113, 3, 262144);
        expect_end(s);
        buf_free(&b);
    }
}

/* Times in seconds as they stand in the file, and as they come out; ends with 0. */
static void expect_times(const uint32_t *in, const uint32_t *out, uint64_t mistimed)
{
    struct buf b[2] = {{0}, {0}};
    put_pcap(&b[0], 0xa1b2c3d4, 1);
    put_section(&b[1]);
    put_interface(&b[1], 1, 0, 6, 0);
    for (unsigned i = 0; in[i]; i++) {
        put_record(&b[0], in[i], 7, 1, 60);
        put_packet(&b[1], 0, in[i] * UINT64_C(1000000) + 7, 1, 60, 0);
    }
    for (unsigned k = 0; k < 4; k++) { /* of either format, one at a time and many */
        struct source *s = open_bytes(&b[k & 1]);
        struct frame f[8];
        for (unsigned i = 0, n = 0, at = 0; out[i]; i++, at++) {
            if (at == n) {
                assert_int_equal(source_next(s, f), SOURCE_FRAME);
                n = 1 + (k & 2 ? source_more(s, f + 1, 7) : 0);
                at = 0;
            }
            assert_int_equal(f[at].ts, out[i] * INT64_C(1000000) + 7);
        }
        assert_int_equal(source_mistimed(s), mistimed);
        expect_end(s);
    }
    buf_free(&b[0]);
    buf_free(&b[1]);
}

/* A time that neither neighbour shares is damage; what later times share is a pause, or a clock that was set. */
static void test_mistimed(void **state)
{
    (void)state;
    enum { T = 1700000000, YEAR = 31536000 };
    expect_times((const uint32_t[]){T, T + YEAR, T + 1, T + 2, 0}, (const uint32_t[]){T, T, T + 1, T + 2, 0}, 1);
    expect_times((const uint32_t[]){T, T - YEAR, T + 1, T + 2, 0}, (const uint32_t[]){T, T, T + 1, T + 2, 0}, 1);
    expect_times((const uint32_t[]){T, T + 62, T + 1, 1, T + 2, 0}, (const uint32_t[]){T, T, T + 1, T + 1, T + 2, 0},
                 2);
    expect_times((const uint32_t[]){T + YEAR, T, T + 1, 0}, (const uint32_t[]){T, T, T + 1, 0}, 1); /* the first */
    static const uint32_t fine[][8] = {
        {T, T + 60, T + 1, 0},   {T, T + YEAR, T + YEAR + 1, 0},    {T, T + 1, T - YEAR, T - YEAR + 1, 0},
        {T, T + 1, T + YEAR, 0}, /* the last: nothing is known of it */
        {T - YEAR, T, T + 1, 0}, {T, T + 100, T + 200, T + 300, 0}, {T, 0}};
    for (unsigned i = 0; i < sizeof fine / sizeof *fine; i++)
        expect_times(fine[i], fine[i], 0);
}

/* Interfaces may have clocks that differ, in one file. */
static void test_two_clocks(void **state)
{
    (void)state;
    struct buf b = {0};
    put_section(&b);
    put_interface(&b, 1, 0, 6, 0);
    put_interface(&b, 1, 0, 6, 0);
    for (unsigned i = 0; i < 6; i++)
        put_packet(&b, i & 1, (i & 1 ? 5000000000 : 1000000000) + i, 1, 60, 0);
    struct source *s = open_bytes(&b);
    for (unsigned i = 0; i < 6; i++)
        expect_frame(s, (i & 1 ? 5000000000 : 1000000000) + i, 1, 1, 60);
    assert_int_equal(source_mistimed(s), 0);
    expect_end(s);
    buf_free(&b);
}

static void test_pcap_odd(void **state)
{
    (void)state;
    struct buf b = {0};
    put_pcap(&b, 0xa1b2cd34, 70000);
    put32(&b, 1);
    put32(&b, 2);
    put32(&b, 3);
    put32(&b, 4);
    put_bytes(&b, 0, 8); /* of the modified record header */
    put_bytes(&b, 9, 3);
    struct source *s = open_bytes(&b);
    expect_frame(s, 1000002, 0xffff, 9, 3);
    expect_end(s);
    buf_free(&b);
}

static void test_nothing(void **state)
{
    (void)state;
    struct buf b = {0};
    expect_refused(&b, "empty");
    buf_str(&b, "127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 2326\n");
    expect_refused(&b, "not a pcap or pcapng file");
    struct source_error error;
    assert_null(open_one("/nonexistent/file.pcap", &error));
    assert_int_equal(error.exit_code, 3);
    assert_string_equal(error.text, "/nonexistent/file.pcap: No such file or directory");
    assert_null(open_one("/proc/self", &error));
    assert_non_null(strstr(error.text, "directory"));
    b.n = 0;
    put_pcap(&b, 0xa1b2c3d4, 1);
    expect_end(open_bytes(&b));
    b.n = 0;
    put_section(&b);
    expect_end(open_bytes(&b));
    buf_free(&b);
}

/* Many at a time are the same frames as one at a time, and stay where they are until the next call of source_next.
 * Returns how many came so. */
static unsigned expect_many(const char *const *names, size_t n, unsigned most)
{
    struct source_error error;
    struct source *one = source_open_files(names, n, NULL, &error), *many = source_open_files(names, n, NULL, &error);
    struct frame f[65], want;
    unsigned more = 0;
    assert_true(one && many && most < 65);
    for (;;) {
        enum source_event event = source_next(many, f);
        unsigned got = event == SOURCE_FRAME ? 1 + source_more(many, f + 1, most) : 0;
        assert_true(got <= 1 + most);
        more += got ? got - 1 : 0;
        for (unsigned i = 0; i < got; i++) {
            assert_int_equal(source_next(one, &want), SOURCE_FRAME);
            assert_int_equal(f[i].ts, want.ts);
            assert_int_equal(f[i].n, want.n);
            assert_int_equal(f[i].wire_n, want.wire_n);
            assert_int_equal(f[i].link, want.link);
            assert_int_equal(f[i].input, 0);
            assert_memory_equal(f[i].data, want.data, want.n);
        }
        if (got)
            continue;
        assert_int_equal(source_next(one, &want), event);
        if (event == SOURCE_END)
            break;
        assert_string_equal(source_message(many), source_message(one));
    }
    source_close(one);
    source_close(many);
    return more;
}

/* Records and blocks of all kinds, with some that only source_next tells of, and damage at the end. */
static struct buf make_mixed(bool pcapng, uint32_t frames, uint32_t each)
{
    struct buf b = {0};
    if (!pcapng)
        put_pcap(&b, 0xa1b23c4d, 1);
    for (uint32_t i = 0; i < frames; i++) {
        uint32_t n = (i * 7919 >> 3) % (i % 100 ? 1500 : 300000);
        uint64_t ticks = (uint64_t)i * each;
        if (!pcapng) {
            put_record(&b, (uint32_t)(ticks / 1000000), (uint32_t)(ticks % 1000000) * 1000 + 999, i, n);
            continue;
        }
        if (i % 400 == 0) {
            put_section(&b);
            put_interface(&b, 1, 0, 6, 0);
            put_interface(&b, 113, 100, 9, 5);
        }
        if (i % 9 == 4)
            put_unknown(&b, 77, i % 7 * 4);
        if (i % 11 == 4)
            put_old_packet(&b, 0, ticks, i, n);
        else
            put_packet(&b, i % 5 == 0, i % 5 ? ticks : ticks * 1000, i, n, i % 3 * 4);
    }
    if (pcapng)
        put_packet(&b, 9, 0, 1, 100, 0);
    else
        put32(&b, 7);
    return b;
}

static void test_many(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        swapped = kind & 1;
        struct buf b = make_mixed(kind & 2, 3000, 1000);
        const char *name = file_of(b.p, b.n);
        assert_int_equal(expect_many(&name, 1, 0), 0);
        assert_in_range(expect_many(&name, 1, 1), 1000, 1500);
        assert_in_range(expect_many(&name, 1, 15), kind & 2 ? 2000 : 2700, 2850);
        expect_many(&name, 1, 64);
        buf_free(&b);
    }
}

/* As far as no other file has an earlier one. */
static void test_many_merged(void **state)
{
    (void)state;
    const char *names[4];
    for (unsigned i = 0; i < 4; i++) {
        struct buf b = make_mixed(i & 1, 500, 1000 + 900 * i);
        names[i] = file_of(b.p, b.n);
        buf_free(&b);
    }
    assert_in_range(expect_many(names, 4, 15), 200, 1990);
    assert_in_range(expect_many(names, 2, 64), 100, 990);
}

/* Cut before the first frame is whole: refused. Later: all before the cut, then the damage, once. */
static void cut_everywhere(const struct buf *b, const size_t *ends, unsigned n_ends)
{
    for (size_t n = 1; n < b->n; n++) {
        struct buf part = {.p = b->p, .n = n};
        unsigned whole = 0;
        struct frame f;
        if (n < ends[1] && n != ends[0]) {
            expect_refused(&part, "");
            drop_files(NULL);
            continue;
        }
        struct source *s = open_bytes(&part);
        while (whole + 1 < n_ends && ends[whole + 1] <= n)
            whole++;
        for (unsigned i = 0; i < whole; i++)
            assert_int_equal(source_next(s, &f), SOURCE_FRAME);
        if (ends[whole] != n)
            expect_damage(s, "cut in the ");
        expect_end(s);
        drop_files(NULL);
    }
}

static void test_pcap_cut(void **state)
{
    (void)state;
    struct buf b = {0};
    size_t ends[4] = {24, 24 + 36, 24 + 36 + 26, 24 + 36 + 26 + 56};
    put_pcap(&b, 0xa1b2c3d4, 1);
    put_record(&b, 1, 0, 1, 20);
    put_record(&b, 2, 0, 2, 10);
    put_record(&b, 3, 0, 3, 40);
    assert_int_equal(b.n, ends[3]);
    cut_everywhere(&b, ends, 4);
    buf_free(&b);
}

static void test_pcapng_cut(void **state)
{
    (void)state;
    struct buf b = {0};
    size_t ends[3];
    put_section(&b);
    put_interface(&b, 1, 0, 6, 0);
    ends[0] = b.n;
    put_packet(&b, 0, 1, 1, 17, 8);
    ends[1] = b.n;
    put_packet(&b, 0, 2, 2, 3, 0);
    ends[2] = b.n;
    /* a file that ends after the section header is whole, too */
    struct buf head = {.p = b.p, .n = 28};
    expect_end(open_bytes(&head));
    for (size_t n = 29; n < ends[0]; n++) {
        struct buf part = {.p = b.p, .n = n};
        expect_refused(&part, "cut in the ");
        drop_files(NULL);
    }
    struct source *s = open_bytes(&b);
    expect_frame(s, 1, 1, 1, 17);
    expect_frame(s, 2, 1, 2, 3);
    expect_end(s);
    for (size_t n = ends[0] + 1; n < b.n; n++) {
        struct buf part = {.p = b.p, .n = n};
        if (n < ends[1]) {
            expect_refused(&part, "cut in the ");
        } else {
            s = open_bytes(&part);
            expect_frame(s, 1, 1, 1, 17);
            if (n > ends[1])
                expect_damage(s, "cut in the ");
            expect_end(s);
        }
        drop_files(NULL);
    }
    buf_free(&b);
}

static void test_absurd(void **state)
{
    (void)state;
    struct buf b = {0};
    put_pcap(&b, 0xa1b2c3d4, 1);
    put_record(&b, 1, 0, 1, 20);
    size_t good = b.n;
    put32(&b, 2);
    put32(&b, 0);
    put32(&b, 0x7fffffff);
    put32(&b, 0x7fffffff);
    put_bytes(&b, 7, 4000);
    struct source *s = open_bytes(&b);
    expect_frame(s, 1000000, 1, 1, 20);
    expect_damage(s, "a record of 2147483647 bytes at byte 60");
    expect_end(s);
    memset(b.p + good, 0, b.n - good); /* what a crash leaves */
    s = open_bytes(&b);
    expect_frame(s, 1000000, 1, 1, 20);
    expect_damage(s, "zeroes at byte 60");
    expect_end(s);
    buf_free(&b);
}

static void put_mixed_section(struct buf *b)
{
    put_section(b);
    put_unknown(b, 0xbad, 8);
    put_interface(b, 1, 0, 6, 0);
    put_interface(b, 113, 0, 9, 100);
    put_unknown(b, 5, 64);
    put_interface(b, 228, 0, 3, -1);
    put_interface(b, 229, 0, 128 + 10, 0);
    put_interface(b, 101, 0, 0, 0);
    put_packet(b, 0, 1700000000123456, 1, 60, 0);
    put_packet(b, 1, 1700000000123456789, 2, 61, 12);
    put_packet(b, 2, 1700000000123, 3, 62, 0);
    put_packet(b, 3, 1700000000 * UINT64_C(1024) + 512, 4, 63, 0);
    put_unknown(b, 0x40000bad, 3000000); /* larger than the window */
    put_packet(b, 4, 1700000000, 5, 64, 0);
    put_old_packet(b, 1, 1700000000123456789, 6, 5);
}

static void expect_mixed_section(struct source *s)
{
    expect_frame(s, 1700000000123456, 1, 1, 60);
    expect_frame(s, 1700000100123456, 113, 2, 61);
    expect_frame(s, 1699999999123000, 228, 3, 62);
    expect_frame(s, 1700000000500000, 229, 4, 63);
    expect_frame(s, 1700000000000000, 101, 5, 64);
    expect_frame(s, 1700000100123456, 113, 6, 5);
}

/* Interfaces, resolutions and offsets, and a second section in the other byte order. */
static void test_pcapng(void **state)
{
    (void)state;
    struct buf b = {0};
    put_mixed_section(&b);
    swapped = true;
    put_mixed_section(&b);
    struct source *s = open_bytes(&b);
    expect_mixed_section(s);
    expect_mixed_section(s);
    expect_end(s);
    buf_free(&b);
}

static void put_counted_section(struct buf *b)
{
    put_section(b);
    put_interface(b, 1, 0, 6, 0);
    put_interface(b, 1, 0, 6, 0);
    put_statistics(b, 0, 1, 3);
    put_packet(b, 1, 77, 1, 9, 0);
    put_statistics(b, 1, 0, 100);
    put_statistics(b, 0, 4, 7);                   /* since the beginning: 4 and 7, not 5 and 10 */
    put_statistics(b, 1, UINT64_MAX, UINT64_MAX); /* not known */
    put_statistics(b, 2, 5000, 5000);             /* of no interface */
}

/* What was dropped while they were captured, of both files, with what stands behind the last packet. */
static void counts_drops(void **state)
{
    (void)state;
    struct buf b = {0};
    uint64_t kernel = 1, interface = 1;
    put_counted_section(&b);
    swapped = true;
    put_counted_section(&b);
    struct source *s = open_bytes(&b);
    source_drops(s, &kernel, &interface);
    assert_true(kernel <= 3 && interface <= 1);
    expect_frame(s, 77, 1, 1, 9);
    expect_frame(s, 77, 1, 1, 9);
    assert_int_equal(source_next(s, &(struct frame){0}), SOURCE_END);
    source_drops(s, &kernel, &interface);
    assert_int_equal(kernel, 2 * 107);
    assert_int_equal(interface, 2 * 4);
    source_close(s);
    buf_free(&b);
}

static void test_simple_packets(void **state)
{
    (void)state;
    struct buf b = {0};
    struct frame f;
    put_section(&b);
    put_interface(&b, 1, 10, 6, 0);
    put_packet(&b, 0, 77, 1, 9, 0);
    put_simple_packet(&b, 2, 10, 1500);
    put_simple_packet(&b, 3, 5, 5);
    struct source *s = open_bytes(&b);
    expect_frame(s, 77, 1, 1, 9);
    assert_int_equal(source_next(s, &f), SOURCE_FRAME);
    assert_int_equal(f.n, 10);
    assert_int_equal(f.wire_n, 1500);
    assert_int_equal(f.ts, 77);
    assert_int_equal(source_next(s, &f), SOURCE_FRAME);
    assert_int_equal(f.n, 5);
    expect_end(s);
    buf_free(&b);
}

/* A good frame, then the block under test. */
static void expect_block_damage(struct buf *block, const char *words)
{
    struct buf b = {0};
    put_section(&b);
    put_interface(&b, 1, 0, 6, 0);
    put_packet(&b, 0, 1, 1, 1, 0);
    buf_add(&b, block->p, block->n);
    struct source *s = open_bytes(&b);
    expect_frame(s, 1, 1, 1, 1);
    expect_damage(s, words);
    expect_end(s);
    buf_free(&b);
    block->n = 0;
}

static void test_pcapng_damage(void **state)
{
    (void)state;
    struct buf b = {0};
    put_packet(&b, 7, 0, 0, 4, 0);
    expect_block_damage(&b, "an interface that was not described");
    put_packet(&b, 0, 0, 0, 4, 0);
    b.p[b.n - 1] = 1;
    expect_block_damage(&b, "two lengths");
    put_packet(&b, 0, 0, 0, 4, 0);
    b.p[20] = 5;
    b.p[22] = 1;
    expect_block_damage(&b, "a packet of 65541 bytes in a block of 36");
    put_packet(&b, 0, 0, 0, 4, 0);
    b.p[4] = 20;
    expect_block_damage(&b, "a packet block of 20 bytes");
    put_unknown(&b, 0xbad, 1);
    expect_block_damage(&b, "a block of 13 bytes");
    put_unknown(&b, 0xbad, 0);
    b.p[4] = 8;
    expect_block_damage(&b, "a block of 8 bytes");
    put_section(&b);
    b.p[8] = 0;
    expect_block_damage(&b, "without byte order");
    put_section(&b);
    b.p[12] = 2;
    expect_block_damage(&b, "pcapng version 2");
    buf_free(&b);
}

/* A packet block with options larger than the window: the frame is handed out, the options are passed over. */
static void test_pcapng_huge_block(void **state)
{
    (void)state;
    struct buf b = {0};
    put_section(&b);
    put_interface(&b, 1, 0, 6, 0);
    put_packet(&b, 0, 1, 1, 200000, 2000000);
    put_packet(&b, 0, 2, 2, 100, 0);
    struct source *s = open_bytes(&b);
    expect_frame(s, 1, 1, 1, 200000);
    expect_frame(s, 2, 1, 2, 100);
    expect_end(s);
    buf_free(&b);
}

static uint32_t size_of_frame(uint32_t k)
{
    return k * 7919 % (k % 50 ? 1500 : 200000);
}

/* Enough to fill the window many times. */
static struct buf make_long(uint32_t frames)
{
    struct buf b = {0};
    put_pcap(&b, 0xa1b2c3d4, 1);
    for (uint32_t k = 0; k < frames; k++)
        put_record(&b, k, 0, k, size_of_frame(k));
    assert_false(b.failed);
    return b;
}

static void expect_long(struct source *s, uint32_t frames)
{
    struct frame f;
    for (uint32_t k = 0; k < frames; k++) {
        uint32_t n = size_of_frame(k);
        assert_int_equal(source_next(s, &f), SOURCE_FRAME);
        assert_int_equal(f.ts, k * INT64_C(1000000));
        assert_int_equal(f.n, n);
        assert_true(!n || (f.data[0] == (uint8_t)k && f.data[n - 1] == (uint8_t)k));
    }
}

static void test_long(void **state)
{
    (void)state;
    struct buf b = make_long(5000);
    uint64_t done, total;
    struct source *s = open_bytes(&b);
    source_progress(s, &done, &total);
    assert_true(done > 0 && done < total);
    expect_long(s, 5000);
    source_progress(s, &done, &total);
    assert_int_equal(total, b.n);
    assert_int_equal(done, b.n);
    expect_end(s);
    buf_free(&b);
}

static struct buf gzip_of(const char *p, size_t n)
{
    struct buf out = {0};
    z_stream z = {.next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n};
    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(&out, deflateBound(&z, n)));
    z.next_out = (Bytef *)out.p;
    z.avail_out = (uInt)out.cap;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.n = z.total_out;
    deflateEnd(&z);
    return out;
}

static struct buf zstd_of(const char *p, size_t n)
{
    struct buf out = {0};
    assert_true(buf_reserve(&out, ZSTD_compressBound(n)));
    out.n = ZSTD_compress(out.p, out.cap, p, n, 1);
    assert_false(ZSTD_isError(out.n));
    return out;
}

static struct buf lz4_of(const char *p, size_t n)
{
    struct buf out = {0};
    assert_true(buf_reserve(&out, LZ4F_compressFrameBound(n, NULL)));
    out.n = LZ4F_compressFrame(out.p, out.cap, p, n, NULL);
    assert_false(LZ4F_isError(out.n));
    return out;
}

static struct buf (*const codecs[])(const char *p, size_t n) = {gzip_of, zstd_of, lz4_of};

/* In two members each, as rotated and concatenated logs are. */
static void test_compressed(void **state)
{
    (void)state;
    struct buf b = make_long(3000);
    for (unsigned i = 0; i < 3; i++) {
        struct buf one = codecs[i](b.p, b.n / 3), two = codecs[i](b.p + b.n / 3, b.n - b.n / 3);
        uint64_t done, total;
        buf_add(&one, two.p, two.n);
        struct source *s = open_bytes(&one);
        expect_long(s, 3000);
        source_progress(s, &done, &total);
        assert_int_equal(done, one.n);
        assert_int_equal(total, one.n);
        expect_end(s);
        buf_free(&one);
        buf_free(&two);
    }
    buf_free(&b);
}

/* Counts what comes before and after the one damage. */
static unsigned frames_before_damage(struct source *s)
{
    struct frame f;
    unsigned n = 0;
    while (source_next(s, &f) == SOURCE_FRAME)
        n++;
    assert_int_not_equal(source_message(s)[0], 0);
    expect_end(s);
    return n;
}

static void test_compressed_damage(void **state)
{
    (void)state;
    struct buf b = make_long(3000);
    for (unsigned i = 0; i < 3; i++) {
        struct buf packed = codecs[i](b.p, b.n);
        struct buf cut = {.p = packed.p, .n = packed.n / 2};
        assert_in_range(frames_before_damage(open_bytes(&cut)), 100, 2999);
        memset(packed.p + packed.n / 2, 0xff, 64);
        unsigned n = frames_before_damage(open_bytes(&packed));
        assert_in_range(n, i == 2 ? 0 : 100, 3000);
        cut.n = 9;
        expect_refused(&cut, "");
        buf_free(&packed);
    }
    buf_free(&b);
}

/* Three files that overlap and two that do not; ties go to the file named first. */
static void test_merge(void **state)
{
    (void)state;
    static const uint32_t times[5][4] = {{5, 6, 9, 9}, {1, 5, 7, 9}, {2, 2, 2, 20}, {30, 31, 32, 33}, {40, 41, 42, 43}};
    static const uint8_t want[20] = {1, 2, 2, 2, 0, 1, 0, 1, 0, 0, 1, 2, 3, 3, 3, 3, 4, 4, 4, 4};
    const char *names[5];
    struct source_error error;
    struct frame f;
    for (unsigned i = 0; i < 5; i++) {
        struct buf b = {0};
        put_pcap(&b, 0xa1b2c3d4, 1);
        for (unsigned k = 0; k < 4; k++)
            put_record(&b, times[i][k], 0, i, 1);
        names[i] = file_of(b.p, b.n);
        buf_free(&b);
    }
    struct source *s = source_open_files(names, 5, NULL, &error);
    assert_non_null(s);
    int64_t last = 0;
    for (unsigned k = 0; k < 20; k++) {
        assert_int_equal(source_next(s, &f), SOURCE_FRAME);
        assert_int_equal(f.data[0], want[k]);
        assert_true(f.ts >= last);
        last = f.ts;
    }
    expect_end(s);
}

/* One file of several is cut, one is empty: the others go on. */
static void test_merge_damage(void **state)
{
    (void)state;
    struct buf b = {0};
    const char *names[3];
    struct source_error error;
    put_pcap(&b, 0xa1b2c3d4, 1);
    names[0] = file_of(b.p, b.n);
    put_record(&b, 1, 0, 1, 1);
    put_record(&b, 4, 0, 4, 1);
    names[1] = file_of(b.p, b.n);
    names[2] = file_of(b.p, b.n - 1);
    struct source *s = source_open_files(names, 3, NULL, &error);
    expect_frame(s, 1000000, 1, 1, 1);
    expect_frame(s, 1000000, 1, 1, 1);
    expect_damage(s, names[2]);
    expect_frame(s, 4000000, 1, 4, 1);
    expect_end(s);
    names[1] = file_of(b.p, 30);
    assert_null(source_open_files(names, 3, NULL, &error));
    assert_int_equal(error.exit_code, 3);
    assert_non_null(strstr(error.text, names[1]));
    buf_free(&b);
}

static struct source *to_stop;

static void on_alarm(int signal)
{
    (void)signal;
    source_stop(to_stop);
}

static void stop_in(struct source *s, unsigned ms)
{
    struct itimerval timer = {.it_value = {.tv_usec = (suseconds_t)ms * 1000}};
    to_stop = s;
    signal(SIGALRM, on_alarm); /* with SA_RESTART, as signal() does: the wait must end all the same */
    setitimer(ITIMER_REAL, &timer, NULL);
}

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Standard input, byte by byte, and a stop while the writer is silent. */
static void test_pipe(void **state)
{
    (void)state;
    struct buf b = {0};
    struct source_error error;
    struct frame f;
    int ends[2], saved = dup(STDIN_FILENO);
    put_pcap(&b, 0xa1b2c3d4, 1);
    put_record(&b, 1, 0, 1, 5);
    put_record(&b, 2, 0, 2, 5);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    assert_int_equal(write(ends[1], b.p, b.n - 1), b.n - 1);
    struct source *s = open_one("-", &error);
    assert_non_null(s);
    expect_frame(s, 1000000, 1, 1, 5);
    int64_t start = milliseconds();
    stop_in(s, 30);
    assert_int_equal(source_next(s, &f), SOURCE_END);
    assert_in_range(milliseconds() - start, 0, 2000);
    expect_end(s);
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
    buf_free(&b);
}

static struct source *open_live(const char *const names[], size_t n, const char *filter, struct source_error *error)
{
    struct source_live live = {.interfaces = names, .n = n, .filter = filter, .buffer = 4 << 20};
    *error = (struct source_error){0};
    return source_open_live(&live, error);
}

static void test_live_errors(void **state)
{
    (void)state;
    static const char *const none[] = {"nosuch0"}, *const twice[] = {"lo", "lo"}, *const lo[] = {"lo"};
    struct source_error error;
    assert_null(open_live(none, 1, NULL, &error));
    assert_true(strstr(error.text, "lo") || strstr(error.text, "setcap"));
    assert_null(open_live(twice, 2, NULL, &error));
    assert_int_equal(error.exit_code, 2);
    assert_null(open_live(lo, 1, "tcp prot 80", &error));
    assert_true(error.exit_code == 2 || strstr(error.text, "setcap"));
    assert_null(strchr(error.text, '\n'));
}

static void send_datagrams(unsigned n)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (unsigned i = 0; i < n; i++)
        sendto(fd, "spanwise", 8, 0, (const struct sockaddr *)&to, sizeof to);
    close(fd);
}

/* Frames, then ticks of the silent wire, then the stop. */
static void test_live(void **state)
{
    (void)state;
    static const char *const lo[] = {"lo"};
    struct source_error error;
    struct frame f;
    enum source_event event;
    unsigned frames = 0;
    uint64_t kernel, interface;
    int64_t last = 0, start;
    struct source *s = open_live(lo, 1, "udp port 9", &error);
    if (!s) {
        print_message("%s\n", error.text);
        skip();
    }
    send_datagrams(100);
    while ((event = source_next(s, &f)) == SOURCE_FRAME) {
        assert_int_equal(f.link, 1);
        assert_true(f.ts >= last);
        last = f.ts;
        frames++;
    }
    assert_int_equal(frames, 100);
    assert_int_equal(event, SOURCE_TICK);
    assert_true(f.ts > last);
    stop_in(s, 20);
    start = milliseconds();
    assert_int_equal(source_next(s, &f), SOURCE_END);
    assert_in_range(milliseconds() - start, 0, 90);
    source_drops(s, &kernel, &interface);
    assert_int_equal(kernel, 0);
    source_close(s);
}

/* Two interfaces: "any" sees what lo sees, and both come in one order of time. */
static void test_live_two(void **state)
{
    (void)state;
    static const char *const names[] = {"lo", "any"};
    struct source_error error;
    struct frame f;
    unsigned frames = 0;
    int64_t last = 0;
    struct source *s = open_live(names, 2, "udp port 9", &error);
    if (!s)
        skip();
    send_datagrams(200);
    while (source_next(s, &f) == SOURCE_FRAME) {
        assert_true(f.ts >= last);
        last = f.ts;
        frames++;
    }
    assert_int_equal(frames, 400);
    source_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_pcap, drop_files),
        cmocka_unit_test_teardown(test_mistimed, drop_files),
        cmocka_unit_test_teardown(test_two_clocks, drop_files),
        cmocka_unit_test_teardown(test_pcap_odd, drop_files),
        cmocka_unit_test_teardown(test_nothing, drop_files),
        cmocka_unit_test_teardown(test_pcap_cut, drop_files),
        cmocka_unit_test_teardown(test_many, drop_files),
        cmocka_unit_test_teardown(test_many_merged, drop_files),
        cmocka_unit_test_teardown(test_pcapng_cut, drop_files),
        cmocka_unit_test_teardown(test_absurd, drop_files),
        cmocka_unit_test_teardown(test_pcapng, drop_files),
        cmocka_unit_test_teardown(counts_drops, drop_files),
        cmocka_unit_test_teardown(test_simple_packets, drop_files),
        cmocka_unit_test_teardown(test_pcapng_damage, drop_files),
        cmocka_unit_test_teardown(test_pcapng_huge_block, drop_files),
        cmocka_unit_test_teardown(test_long, drop_files),
        cmocka_unit_test_teardown(test_compressed, drop_files),
        cmocka_unit_test_teardown(test_compressed_damage, drop_files),
        cmocka_unit_test_teardown(test_merge, drop_files),
        cmocka_unit_test_teardown(test_merge_damage, drop_files),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_live_errors),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_live_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
