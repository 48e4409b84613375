/* HTTP/1 that two parsers could read differently (RFC 9112 sections 2.2, 6.1, 6.3, 7.1): it is read, and flagged; what
 * only looks odd is not. However the octets are cut into segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/wire.inc"

/* One request that says this behind its Host, and its answer: whether it is flagged. */
static void expect(const char *version, const char *rest, unsigned octets, bool ambiguous)
{
    struct buf text = {0}, want = {0};
    buf_printf(&text, "POST / HTTP/%s\r\nHost: h.test\r\n%s", version, rest);
    buf_printf(&want, "POST / 204 complete req=%u rsp=0 body=known%s\n", octets, ambiguous ? " ambiguous" : "");
    buf_char(&want, 0);
    for (size_t piece = 1; piece <= text.n; piece++) {
        struct wire w;
        wire_open(&w);
        wire_handshake(&w);
        for (size_t at = 0; at < text.n; at += piece)
            wire_data(&w, 0, text.p + at, piece < text.n - at ? piece : text.n - at);
        wire_data(&w, 1, "HTTP/1.1 204 No Content\r\n\r\n", 27);
        wire_finish(&w);
        if (strcmp(w.log.p, want.p) != 0)
            printf("# in pieces of %zu: %s\n", piece, rest);
        assert_string_equal(w.log.p, want.p);
        wire_close(&w);
    }
    buf_free(&text);
    buf_free(&want);
}

#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static void chunks(void **state)
{
    (void)state;
    expect("1.1", CHUNKED "5\r\nhello\r\n0\r\n\r\n", 5, false);
    expect("1.1", CHUNKED "5  \r\nhello\r\n0 ; a=b; c=\"d e\"\r\nx: y\r\n\r\n", 5, false);
    expect("1.1", CHUNKED "5\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5;a\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5\r\r\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5 0\r\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5\r\nhello\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5\r\nhello\r\n0\r\n\n", 5, true);
    expect("1.1", CHUNKED "5\r\nhello\r\n0\r\nx: y\n\r\n", 5, true);
    expect("1.1", CHUNKED "5\r\nhello\r\n0\r\nx: y\rz: 0\r\n\r\n", 5, true);
}

static void heads(void **state)
{
    (void)state;
    expect("1.1", "Content-Length: 5\r\n\r\nhello", 5, false);
    expect("1.1", "Content-Length: 5,\r\n\r\nhello", 5, true);
    expect("1.1", "Content-Length: \r\n\r\n", 0, true);
    expect("1.0", CHUNKED "5\r\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", "Host: other.test\r\n\r\n", 0, true);
    expect("1.1", "X: a\rContent-Length: 5\r\n\r\n", 0, true);
    expect("1.1", "X: a\r\r\n\r\n", 0, true);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(chunks), cmocka_unit_test(heads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
