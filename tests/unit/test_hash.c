/* Hashes of bodies: however one comes, and whatever the processor has, it is the same body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/hash.h"

enum { MOST = 9000 };

static uint64_t in_pieces(const struct hash_key *key, struct body_state *s, const char *p, size_t n)
{
    body_reset(s, key);
    for (size_t at = 0; at < n;) {
        size_t part = 1 + (size_t)rand() % (rand() % 4 ? 1460 : 20);
        part = part < n - at ? part : n - at;
        body_add(s, p + at, part);
        at += part;
    }
    return body_end(s, key);
}

static void whole_or_in_pieces(void **state)
{
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct body_state *s = body_new(&key);
    char *p = malloc(MOST);
    (void)state;
    assert_non_null(s);
    srand(5);
    for (size_t i = 0; i < MOST; i++)
        p[i] = (char)rand();
    for (size_t n = 0; n < MOST; n += n < 700 ? 1 : 97) {
        uint64_t whole = body_hash(&key, p, n);
        assert_true(whole == in_pieces(&key, s, p, n));
        p[n / 2]++;
        assert_true(whole != in_pieces(&key, s, p, n) || !n);
        p[n / 2]--;
    }
    free(p);
    body_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole_or_in_pieces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
