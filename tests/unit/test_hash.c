/* Hashes of bodies: however one comes, and whatever the processor has, it is the same body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <xxhash.h>

#include "base/hash.h"
#include "base/hashwide.h"

enum { MOST = 9000 };

static uint64_t in_pieces(struct body_state *s, const char *p, size_t n)
{
    body_reset(s);
    for (size_t at = 0; at < n;) {
        size_t part = 1 + (size_t)rand() % (rand() % 4 ? 1460 : 20);
        part = part < n - at ? part : n - at;
        body_add(s, p + at, part);
        at += part;
    }
    return body_end(s);
}

static void whole_or_in_pieces(void **state)
{
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct body_key bodies;
    body_key_make(&bodies, &key);
    struct body_state *s = body_new(&bodies);
    char *p = malloc(MOST);
    (void)state;
    assert_non_null(s);
    srand(5);
    for (size_t i = 0; i < MOST; i++)
        p[i] = (char)rand();
    for (size_t n = 0; n < MOST; n += n < 700 ? 1 : 97) {
        uint64_t whole = body_hash(&bodies, p, n);
        uint64_t words[2] = {XXH3_64bits_withSeed(p, n, key.body_seed), n};
        assert_true(whole == hash_words(&key, words, 2));
        assert_true(whole == in_pieces(s, p, n));
        p[n / 2]++;
        assert_true(whole != in_pieces(s, p, n) || !n);
        p[n / 2]--;
    }
    free(p);
    body_free(s);
}

#ifdef HASHWIDE
typedef void add(struct hashwide *s, const unsigned char *secret, uint64_t before, const void *p, size_t n);

static uint64_t wide(const struct body_key *key, add *add_piece, const char *p, size_t n, size_t most)
{
    static struct hashwide s;
    for (size_t at = 0, part; at < n; at += part) {
        part = 1 + (size_t)rand() % most;
        part = part < n - at ? part : n - at;
        add_piece(&s, key->secret, at, p + at, part);
    }
    return hashwide_end(&s, key->secret, n);
}

/* Both ways of adding pieces, as far as the processor has them. */
static void wide_pieces(void **state)
{
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct body_key bodies;
    char *p = malloc(MOST);
    (void)state;
    body_key_make(&bodies, &key);
    srand(6);
    for (size_t i = 0; i < MOST; i++)
        p[i] = (char)rand();
    for (int i = 0; i < 3000; i++) {
        size_t n = HASHWIDE_HELD + 1 + (size_t)rand() % (MOST - HASHWIDE_HELD - 1),
               most = (size_t[]){30, 150, 1460}[i % 3];
        uint64_t want = XXH3_64bits_withSeed(p, n, key.body_seed);
        if (__builtin_cpu_supports("avx2"))
            assert_true(wide(&bodies, hashwide_add, p, n, most) == want);
        if (__builtin_cpu_supports("avx512vbmi2"))
            assert_true(wide(&bodies, hashwide_add512, p, n, most) == want);
    }
    free(p);
}
#endif

static uint64_t rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] = rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 as its paper has it, an octet after the other. */
static uint64_t sip13(uint64_t k0, uint64_t k1, const unsigned char *p, size_t n)
{
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                     k1 ^ 0x7465646279746573};
    for (size_t at = 0; at <= n; at += 8) {
        uint64_t m = at + 8 > n ? (uint64_t)n << 56 : 0;
        for (size_t i = 0; i < 8 && at + i < n; i++)
            m |= (uint64_t)p[at + i] << 8 * i;
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void siphash(void **state)
{
    struct hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908, 3};
    (void)state;
    srand(8);
    for (size_t n = 0; n < 200; n++) {
        unsigned char *p = malloc(n + !n); /* so that a sanitizer sees what is read beyond */
        for (size_t i = 0; i < n; i++)
            p[i] = (unsigned char)rand();
        assert_true(hash_bytes(&key, 0, p, n) == sip13(key.k0, key.k1, p, n));
        free(p);
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Texts that differ in length, and are as alike as can be otherwise, do not meet. */
static void memo(void **state)
{
    enum { FIRST = 64, OTHER = 32, LENGTHS = 40 };
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    static uint64_t seen[FIRST * OTHER * LENGTHS];
    char text[LENGTHS + 2];
    size_t n = 0;
    (void)state;
    for (int first = 0; first < FIRST; first++)
        for (int other = 0; other < OTHER; other++)
            for (size_t length = 2; length < LENGTHS + 2; length++) {
                memset(text, '-' ^ other, length);
                text[0] = (char)('-' ^ first);
                seen[n++] = hash_quick(&key, text, length);
            }
    qsort(seen, n, sizeof *seen, by_value);
    for (size_t i = 1; i < n; i++)
        assert_true(seen[i - 1] != seen[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash),
        cmocka_unit_test(memo),
        cmocka_unit_test(whole_or_in_pieces),
#ifdef HASHWIDE
        cmocka_unit_test(wide_pieces),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
