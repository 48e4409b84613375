/* Hellos of TLS: the fingerprint of a published example, what is left out of it, names and protocols; hellos that
 * segments and records cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "capture/tlsprofile.h"

/* ---- hellos made by hand ---- */

static void be16(struct buf *b, size_t v)
{
    buf_char(b, (char)(v >> 8));
    buf_char(b, (char)v);
}

static void extension(struct buf *b, unsigned type, const void *body, size_t n)
{
    be16(b, type);
    be16(b, n);
    buf_add(b, body, n);
}

/* The list of extensions that the published example is of, in another order. */
static void example_extensions(struct buf *e)
{
    static const char alpn[] = "\0\x0c\2h2\x08http/1.1", name[] = "\0\x10\0\0\rwww.Example.X";
    static const char versions[] = "\6\x7a\x7a\3\4\3\3";
    static const char signatures[] = "\0\x10\4\3\x08\4\4\1\5\3\x08\5\5\1\x08\6\6\1";
    static const uint16_t empty[] = {0x1b, 0x33, 0x4469, 0x2d, 0x0a, 0x0b, 0x05, 0x12, 0x17, 0x23, 0xff01, 0x15};
    extension(e, 0x3a3a, "", 0);
    extension(e, 0, name, sizeof name - 1);
    extension(e, 16, alpn, 14);
    extension(e, 43, versions, sizeof versions - 1);
    extension(e, 13, signatures, sizeof signatures - 1);
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        extension(e, empty[i], "", 0);
    extension(e, 0xdada, "\0", 1);
}

static void client_hello(struct buf *b, const uint16_t *ciphers, size_t n, const struct buf *extensions)
{
    be16(b, 0x0303);
    for (int i = 0; i < 32; i++)
        buf_char(b, (char)i);
    buf_add(b, "\4ABCD", 5);
    be16(b, 2 * n);
    for (size_t i = 0; i < n; i++)
        be16(b, ciphers[i]);
    buf_add(b, "\1\0", 2);
    if (!extensions)
        return;
    be16(b, extensions->n);
    buf_add(b, extensions->p, extensions->n);
}

static const uint16_t example_ciphers[] = {0x8a8a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                                           0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
#define EXAMPLE "t13d1516h2_8daaf6152771_e5627efa2ab1"

static struct buf example(void)
{
    struct buf e = {0}, b = {0};
    example_extensions(&e);
    client_hello(&b, example_ciphers, sizeof example_ciphers / sizeof *example_ciphers, &e);
    buf_free(&e);
    return b;
}

static struct tls_client_hello read_client(const struct buf *b)
{
    struct tls_client_hello h;
    assert_true(tlshello_client(slice_of(b->p, b->n), &h));
    return h;
}

static void the_published_example(void **state)
{
    (void)state;
    struct buf b = example();
    struct tls_client_hello h = read_client(&b);
    assert_string_equal(h.ja4, EXAMPLE);
    assert_string_equal(h.name, "www.example.x");
    assert_string_equal(h.alpn, "h2,http/1.1");
    for (size_t n = 0; n < b.n; n++) { /* cut short, up to the end of its block */
        char *copy = malloc(n + !n);
        memcpy(copy, b.p, n);
        tlshello_client(slice_of(copy, n), &h);
        free(copy);
    }
    buf_free(&b);
}

static void ja4_is(const uint16_t *ciphers, size_t n, const struct buf *extensions, const char *want)
{
    struct buf b = {0};
    client_hello(&b, ciphers, n, extensions);
    assert_string_equal(read_client(&b).ja4, want);
    buf_free(&b);
}

static void little_is_offered(void **state)
{
    (void)state;
    static const uint16_t one[] = {0x1301}, grease[] = {0x0a0a};
    struct buf e = {0};
    ja4_is(one, 1, NULL, "t12i010000_0f2cb44170f4_000000000000");
    ja4_is(grease, 1, &e, "t12i000000_000000000000_000000000000");
    extension(&e, 16, "\0\2\1\xab", 4);
    ja4_is(grease, 1, &e, "t12i0001ab_000000000000_000000000000");
    e.n = 0;
    extension(&e, 16, "\0\3\2\x30\xab", 5);
    extension(&e, 0, "", 0);
    ja4_is(grease, 1, &e, "t12d00023b_000000000000_000000000000");
    e.n = 0;
    extension(&e, 16, "\0\2\1x", 4);
    ja4_is(grease, 1, &e, "t12i0001xx_000000000000_000000000000");
    buf_free(&e);
}

/* What is no host name is not shown; protocols that cannot be shown are left out. */
static void names_that_are_none(void **state)
{
    (void)state;
    struct buf e = {0}, b = {0};
    extension(&e, 0, "\0\7\0\0\4a b.", 9);
    extension(&e, 16, "\0\x0b\2h2\3a,b\3\1\2\3", 13);
    client_hello(&b, example_ciphers, 3, &e);
    struct tls_client_hello h = read_client(&b);
    assert_string_equal(h.name, "");
    assert_string_equal(h.alpn, "h2");
    assert_int_equal(strncmp(h.ja4, "t12d0202h2_", 11), 0);
    buf_free(&e);
    buf_free(&b);
}

static void server_hello(struct buf *b, bool retry)
{
    static const uint8_t again[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                      0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                      0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    be16(b, 0x0303);
    if (retry)
        buf_add(b, again, 32);
    else
        for (int i = 0; i < 32; i++)
            buf_char(b, 'r');
    buf_add(b, "\0", 1);
    be16(b, 0x1302);
    buf_add(b, "\0", 1);
    be16(b, 6);
    extension(b, 43, "\3\4", 2);
}

/* ---- on the wire ---- */

/* A handshake message in records of at most `piece` octets. */
static void records(struct buf *out, unsigned type, const struct buf *body, size_t piece)
{
    struct buf m = {0};
    buf_char(&m, (char)type);
    buf_char(&m, 0);
    be16(&m, body->n);
    buf_add(&m, body->p, body->n);
    for (size_t at = 0; at < m.n; at += piece) {
        size_t n = piece < m.n - at ? piece : m.n - at;
        buf_add(out, "\x16\3\1", 3);
        be16(out, n);
        buf_add(out, m.p + at, n);
    }
    buf_free(&m);
}

static uint64_t memory;
static const struct tls_env env = {.memory = &memory, .memory_limit = 1 << 20};

static void feed(struct tlsprofile *p, int role, const struct buf *b, size_t piece, int64_t ts)
{
    for (size_t at = 0; at < b->n; at += piece) {
        struct chunk c = {.p = b->p + at, .n = piece < b->n - at ? piece : b->n - at, .ts = ts, .offset = 7 + at};
        tlsprofile_feed(p, &env, role, &c);
    }
}

static struct opaque_row told;
static unsigned rows;

static void keep(void *context, uint32_t id, const struct opaque_row *row)
{
    (void)context;
    assert_int_equal(id, 2);
    told = *row;
    rows++;
}

static void finish(struct tlsprofile *p, struct opaque *o, uint64_t sent, uint64_t received)
{
    static const struct conn conn = {.client = {.port = 4000, .known = 1}, .server = {.port = 443, .known = 1}};
    rows = 0;
    tlsprofile_tell(p, o, &conn, OPAQUE_WHY_NO_KEYS);
    opaque_changed(o, keep, NULL);
    assert_int_equal(rows, 1);
    assert_true(told.sums.bytes[0] == sent && told.sums.bytes[1] == received && told.sums.connections == 1);
}

static void cut_anywhere(void **state)
{
    (void)state;
    const struct hash_key key = {1, 2, 3};
    struct buf hello = example(), again = {0}, chosen = {0};
    server_hello(&again, true);
    server_hello(&chosen, false);
    for (size_t piece = 1; piece < hello.n + 4; piece += piece < 40 ? 1 : 53)
        for (size_t segment = 1; segment < 900; segment = segment * 2 + 1) {
            struct buf up = {0}, down = {0};
            struct opaque *o = opaque_new(&key, 16, false);
            struct tlsprofile *p = tlsprofile_new(&env, false);
            records(&up, 1, &hello, piece);
            records(&down, 2, &again, piece);
            buf_add(&down, "\x14\3\3\0\1\1", 6);
            records(&down, 2, &chosen, piece);
            buf_add(&down, "\x17\3\3\0\4abcd", 9);
            feed(p, 0, &up, segment, 1000);
            feed(p, 1, &down, segment, 1400);
            finish(p, o, up.n, down.n);
            assert_string_equal(told.key.hello.ja4, EXAMPLE);
            assert_true(told.key.chosen.version == 0x0304 && told.key.chosen.cipher == 0x1302);
            assert_true(told.sums.hellos == 1 && told.sums.hello_us == 400 && told.sums.open_us == 400);
            assert_true(told.key.client.port == 0 && told.key.server.port == 443);
            tlsprofile_free(p, &env);
            opaque_free(o);
            buf_free(&up);
            buf_free(&down);
        }
    assert_int_equal(memory, 0);
    buf_free(&hello);
    buf_free(&again);
    buf_free(&chosen);
}

/* After a loss nothing of a hello is guessed; lost octets count as sent. */
static void a_loss_in_the_hello(void **state)
{
    (void)state;
    const struct hash_key key = {1, 2, 3};
    struct buf hello = example(), up = {0};
    struct opaque *o = opaque_new(&key, 16, false);
    struct tlsprofile *p = tlsprofile_new(&env, false);
    records(&up, 1, &hello, 4000);
    size_t all = up.n;
    up.n = 100;
    feed(p, 0, &up, 100, 0);
    tlsprofile_gap(p, &env, 0, all - 100, 107);
    finish(p, o, all, 0);
    assert_true(!told.key.hello.ja4[0] && tlsprofile_begins(p));
    tlsprofile_free(p, &env);
    opaque_free(o);
    buf_free(&hello);
    buf_free(&up);
    assert_int_equal(memory, 0);
}

/* Strict: the client's network alone; the server's address, too, where only ports say who is who. */
static void who_is_hidden(void **state)
{
    (void)state;
    const struct hash_key key = {1, 2, 3};
    for (int sure = 0; sure < 2; sure++) {
        struct conn conn = {.sure = sure};
        struct opaque *o = opaque_new(&key, 16, true);
        struct tlsprofile *p = tlsprofile_new(&env, false);
        char text[56];
        assert_true(addr_parse(SLICE("203.0.113.7:4000"), &conn.client) &&
                    addr_parse(SLICE("10.0.0.9:443"), &conn.server));
        tlsprofile_tell(p, o, &conn, OPAQUE_WHY_NOT_RECOGNISED);
        opaque_changed(o, keep, NULL);
        assert_true(slice_eq(slice_of(text, addr_format(&told.key.client, true, text)), SLICE("203.0.113.0/24")));
        assert_true(slice_eq(slice_of(text, addr_format(&told.key.server, true, text)),
                             sure ? SLICE("10.0.0.9:443") : SLICE("10.0.0.0/24")));
        tlsprofile_free(p, &env);
        opaque_free(o);
    }
}

/* ---- the table ---- */

static void count_rows(void *context, uint32_t id, const struct opaque_row *row)
{
    uint64_t *seen = context;
    seen[id == 1] += row->sums.connections;
}

static void full_tables_count_on(void **state)
{
    (void)state;
    const struct hash_key key = {1, 2, 3};
    const struct opaque_sums one = {.connections = 1, .bytes = {10, 20}, .first_us = 5, .last_us = 9};
    struct opaque *o = opaque_new(&key, 8, false);
    uint64_t seen[2] = {0, 0};
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 100; i++) {
            struct opaque_key k;
            memset(&k, 0, sizeof k);
            k.server.port = (uint16_t)i;
            opaque_add(o, opaque_find(o, &k), &one);
        }
    opaque_changed(o, count_rows, seen);
    assert_true(seen[0] == 14 && seen[1] == 186);
    seen[0] = seen[1] = 0;
    opaque_changed(o, count_rows, seen);
    assert_true(seen[0] == 0 && seen[1] == 0);
    opaque_free(o);
}

static void texts_come_back(void **state)
{
    (void)state;
    char text[64];
    for (unsigned v = 0; v < 65536; v++) {
        size_t n = opaque_cipher_text((uint16_t)v, text);
        assert_int_equal(opaque_cipher_of(slice_of(text, n)), v);
        n = opaque_version_text((uint16_t)v, text);
        assert_int_equal(opaque_version_of(slice_of(text, n)), v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_example), cmocka_unit_test(little_is_offered),
        cmocka_unit_test(names_that_are_none),   cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(a_loss_in_the_hello),   cmocka_unit_test(who_is_hidden),
        cmocka_unit_test(full_tables_count_on),  cmocka_unit_test(texts_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
