/* What may be shown of a target, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "capture/redact.h"

static struct redact *fresh(bool clear, const char *more)
{
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct redact_options o = {clear, more};
    return redact_new(&key, &o);
}

/* The pattern's `~` stands for a hidden value. */
static void shows(struct redact *r, const char *target, const char *pattern)
{
    struct buf out = {0}, folded = {0};
    redact_target(r, slice_str(target), REDACT_UNKNOWN, &out);
    for (size_t i = 0; i < out.n; i++) {
        buf_char(&folded, out.p[i]);
        if (out.p[i] == '~')
            i += 12;
    }
    buf_char(&folded, 0);
    assert_string_equal(folded.p, pattern);
    buf_free(&out);
    buf_free(&folded);
}

static void targets(void **state)
{
    struct redact *r = fresh(false, "ssn");
    (void)state;
    shows(r, "/users/42?page=2&sort=name&from=2024-05-01", "/users/42?page=2&sort=name&from=2024-05-01");
    shows(r, "/a?token=5&api_key=x&SessionId=abc&code=1234", "/a?token=~&api_key=~&SessionId=~&code=~");
    shows(r, "/a?ssn=1&q=hello+world&empty=&flag", "/a?ssn=~&q=~&empty=&flag");
    shows(r, "/f/0123456789abcdef0123456789abcdef/x", "/f/~/x");
    shows(r, "/f/QwErTyUiOpAsDfGhJkLzXcVbNmQwErTy/x", "/f/~/x");
    shows(r, "/f/listMembersOfAnOrganizationByProject", "/f/listMembersOfAnOrganizationByProject");
    shows(r, "/f/550e8400-e29b-41d4-a716-446655440000", "/f/550e8400-e29b-41d4-a716-446655440000");
    shows(r, "/mail/jo@example.com", "/mail/~");
    shows(r, "/mail/jo%40example.com", "/mail/~");
    shows(r, "/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "/t/~");
    shows(r, "/blog/ten-ways-to-cook-an-egg-in-2024-and-more", "/blog/ten-ways-to-cook-an-egg-in-2024-and-more");
    shows(r, "/p;jsessionid=ABCDEF0123456789/x", "/p;jsessionid=~/x");
    shows(r, "http://me:pw@h.test/x?key=1", "http://~@h.test/x?key=~");
    redact_free(r);
}

static void sixteen_words(void **state)
{
    struct redact *r = fresh(false, NULL);
    char target[32];
    (void)state;
    for (char c = 'a'; c < 'a' + 16; c++) {
        snprintf(target, sizeof target, "/?w=%c", c);
        shows(r, target, target);
    }
    shows(r, "/?w=q", "/?w=~");
    shows(r, "/?w=a", "/?w=a");
    shows(r, "/?w=q", "/?w=~");
    shows(r, "/?other=q", "/?other=q");
    redact_free(r);
}

static void clear_targets(void **state)
{
    struct redact *r = fresh(true, NULL);
    (void)state;
    shows(r, "/f/0123456789abcdef0123456789abcdef?q=hello+world&token=x",
          "/f/0123456789abcdef0123456789abcdef?q=hello+world&token=~");
    redact_free(r);
}

static void classes(void **state)
{
    struct redact *r = fresh(false, NULL);
    struct buf out = {0};
    (void)state;
    redact_target(r, SLICE("/0123456789abcdef0123456789abcdef"), REDACT_UNKNOWN, &out);
    assert_int_equal(ascii_hex(out.p[13]) & 3, REDACT_HEX);
    out.n = 0;
    redact_target(r, SLICE("/jo@example.com"), REDACT_UNKNOWN, &out);
    assert_int_equal(ascii_hex(out.p[13]) & 3, REDACT_EMAIL);
    out.n = 0;
    redact_target(r, SLICE("/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"), REDACT_UNKNOWN, &out);
    assert_int_equal(ascii_hex(out.p[13]) & 3, REDACT_JWT);
    buf_free(&out);
    redact_free(r);
}

static void long_targets_are_bounded(void **state)
{
    struct redact *r = fresh(false, NULL);
    struct buf target = {0}, out = {0};
    (void)state;
    for (int i = 0; i < 20000; i++)
        buf_str(&target, "/abc");
    redact_target(r, slice_of(target.p, target.n), REDACT_UNKNOWN, &out);
    assert_int_equal(out.n, 16 * 1024);
    buf_free(&target);
    buf_free(&out);
    redact_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(targets), cmocka_unit_test(sixteen_words),
                                       cmocka_unit_test(clear_targets), cmocka_unit_test(classes),
                                       cmocka_unit_test(long_targets_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
