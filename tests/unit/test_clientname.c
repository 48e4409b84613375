/* Names of clients: any octets in, harmless text out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/utf8.h"
#include "capture/clientname.h"

#define WRONG "\xef\xbf\xbd"

static void is(struct slice text, const char *want)
{
    char out[CLIENTNAME];
    assert_true(slice_eq(slice_of(out, clientname(text, out)), slice_str(want)));
}

static void names(void **state)
{
    (void)state;
    is(SLICE("alice"), "alice");
    is(SLICE("alice@example.org"), "alice@example.org");
    is(SLICE("  M\xc3\xbcller \xe6\x9d\x8e \xf0\x9f\x98\x80 "), "M\xc3\xbcller \xe6\x9d\x8e \xf0\x9f\x98\x80");
    is(SLICE("<b>|\"'&`=1+1"), "<b>|\"'&`=1+1"); /* each face has its own ways with these */
    is(SLICE(""), "");
    is(SLICE(" \t "), "");
    is((struct slice){NULL, 0}, "");
}

static void harmful(void **state)
{
    (void)state;
    is(SLICE("a\x1b[31mb\x07\x7f"), "a" WRONG "[31mb" WRONG WRONG);
    is(SLICE("a\0b"), "a" WRONG "b");
    is(SLICE("a\xff\xc3"), "a" WRONG WRONG);
    is(SLICE("\xc0\xaf\xed\xa0\x80"), WRONG WRONG WRONG WRONG WRONG); /* overlong, a surrogate */
    is(SLICE("a\xc2\x9b"
             "1mb"),
       "a" WRONG "1mb"); /* CSI of C1 */
    is(SLICE("a\xe2\x80\xae"
             "b\xe2\x81\xa6\xef\xbb\xbf\xe2\x80\x8b"),
       "a" WRONG "b" WRONG WRONG WRONG);
    is(SLICE("a\r\nb"), "a" WRONG WRONG "b");
}

/* Cut between characters, whatever stands at the end. */
static void long_ones(void **state)
{
    char text[200], out[CLIENTNAME];
    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(clientname(slice_of(text, sizeof text), out), CLIENTNAME);
    for (size_t at = CLIENTNAME - 6; at < CLIENTNAME + 2; at++) {
        memset(text, 'x', sizeof text);
        memcpy(text + at, "\xf0\x9f\x98\x80", 4);
        size_t n = clientname(slice_of(text, sizeof text), out);
        assert_int_equal(n, at + 4 <= CLIENTNAME || at >= CLIENTNAME ? CLIENTNAME : at);
    }
}

static void always_harmless(void **state)
{
    unsigned seed = 7;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char *text = malloc(120), out[CLIENTNAME], again[CLIENTNAME];
        size_t n = (seed = seed * 1103515245 + 12345) >> 16 & 127;
        n = n > 120 ? 120 : n;
        for (size_t i = 0; i < n; i++)
            text[i] = (char)((seed = seed * 1103515245 + 12345) >> 20);
        char *exact = malloc(n + !n);
        memcpy(exact, text, n);
        size_t made = clientname(slice_of(exact, n), out);
        assert_true(made <= CLIENTNAME);
        for (size_t at = 0, step; at < made; at += step) {
            step = utf8_length((const unsigned char *)out + at, made - at);
            assert_true(step && (unsigned char)out[at] >= 0x20 && out[at] != 0x7f);
        }
        assert_true(clientname(slice_of(out, made), again) == made && memcmp(out, again, made) == 0);
        free(exact);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(harmful), cmocka_unit_test(long_ones),
                                       cmocka_unit_test(always_harmless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
