#include "base/hash.h"

#include "base/hashwide.h"

#include <stdlib.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { TINY = 16, SHORT = 128, MIDDLE = 240 }; /* XXH3 has ways of its own up to there */

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static inline struct sip sip_start(uint64_t k0, uint64_t k1)
{
    return (struct sip){k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                        k1 ^ 0x7465646279746573u};
}

static inline void sip_word(struct sip *s, uint64_t m)
{
    s->v3 ^= m;
    sip_round(s);
    s->v0 ^= m;
}

static inline uint64_t sip_finish(struct sip *s, uint64_t last)
{
    sip_word(s, last);
    s->v2 ^= 0xff;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* Up to seven octets, the first one lowest. */
static inline uint64_t few(const uint8_t *b, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, b, 4);
        memcpy(&last, b + n - 4, 4);
        return first | (uint64_t)last << 8 * (n - 4);
    }
#endif
    uint64_t m = 0;
    for (size_t i = 0; i < n; i++)
        m |= (uint64_t)b[i] << (8 * i);
    return m;
}

static inline uint64_t sip13(uint64_t k0, uint64_t k1, const void *p, size_t n)
{
    const uint8_t *b = p;
    struct sip s = sip_start(k0, k1);
    uint64_t m = 0;
    size_t left = n;
    for (; left >= 8; left -= 8, b += 8) {
        memcpy(&m, b, 8);
        sip_word(&s, m);
    }
    if (n >= 8) { /* the last eight, without those that were taken */
        memcpy(&m, b + left - 8, 8);
        m = left ? m >> (64 - 8 * left) : 0;
    } else {
        m = few(b, n);
    }
    return sip_finish(&s, m | (uint64_t)n << 56);
}

struct hash_key hash_key_from(const void *secret, size_t n)
{
    /* Three independent SipHash values under fixed keys; the secret carries the entropy. */
    return (struct hash_key){sip13(0x7370616e77697365u, 1, secret, n), sip13(0x7370616e77697365u, 2, secret, n),
                             sip13(0x7370616e77697365u, 3, secret, n)};
}

void hash_key_mark(const struct hash_key *key, char out[HASH_KEY_MARK])
{
    uint64_t h = hash_bytes(key, 'k', "key", 3);
    for (int i = 0; i < HASH_KEY_MARK - 1; i++)
        out[i] = "0123456789abcdef"[h >> 4 * i & 15];
    out[HASH_KEY_MARK - 1] = 0;
}

bool hash_key_random(struct hash_key *key)
{
    return getrandom(key, sizeof *key, 0) == (ssize_t)sizeof *key;
}

uint64_t hash_bytes(const struct hash_key *key, uint8_t tag, const void *p, size_t n)
{
    return sip13(key->k0 ^ (uint64_t)tag * 0x9e3779b97f4a7c15u, key->k1, p, n);
}

uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count)
{
    struct sip s = sip_start(key->k0, key->k1);
    for (size_t i = 0; i < count; i++)
        sip_word(&s, words[i]);
    return sip_finish(&s, (uint64_t)count << 56);
}

/* hash_words of the two; never 0. */
static inline uint64_t seal_digest(const struct hash_key *key, uint64_t digest, uint64_t length)
{
    struct sip s = sip_start(key->k0, key->k1);
    sip_word(&s, digest);
    sip_word(&s, length);
    uint64_t h = sip_finish(&s, (uint64_t)2 << 56);
    return h ? h : 1;
}

_Static_assert(sizeof((struct body_key *)0)->secret == XXH_SECRET_DEFAULT_SIZE, "as long as the library has it");

void body_key_make(struct body_key *b, const struct hash_key *key)
{
    b->key = *key;
    XXH3_generateSecret_fromSeed(b->secret, key->body_seed);
}

/* Sixteen octets under sixteen of a secret. */
static inline uint64_t mix(const uint8_t *p, const uint8_t *secret, uint64_t seed)
{
    uint64_t part[2], under[2];
    memcpy(part, p, sizeof part);
    memcpy(under, secret, sizeof under);
    return hash_fold(part[0] ^ (under[0] + seed), part[1] ^ (under[1] - seed));
}

/* 17 to 128 octets: from both ends. XXH3 adds the seed to the secret each time, which here it is in. */
static inline uint64_t short_digest(const struct body_key *b, const uint8_t *p, size_t n)
{
    const uint8_t *end = p + n, *secret = b->secret, *stop = secret + 32 * ((n - 1) / 32);
    uint64_t h = n * XXH_PRIME64_1;
    for (; secret <= stop; p += 16, secret += 32)
        h += mix(p, secret, 0) + mix(end -= 16, secret + 16, 0);
    return XXH3_avalanche(h);
}

/* 129 to 240: of what is behind the first 128 the secret stands elsewhere, and without the seed. */
static uint64_t middle_digest(const struct body_key *b, const uint8_t *p, size_t n)
{
    uint64_t h = n * XXH_PRIME64_1;
    for (size_t i = 0; i < SHORT; i += 16)
        h += mix(p + i, b->secret + i, 0);
    h = XXH3_avalanche(h);
    for (size_t i = SHORT; i + 16 <= n; i += 16)
        h += mix(p + i, XXH3_kSecret + i - SHORT + XXH3_MIDSIZE_STARTOFFSET, b->key.body_seed);
    h += mix(p + n - 16, XXH3_kSecret + XXH3_SECRET_SIZE_MIN - XXH3_MIDSIZE_LASTOFFSET, b->key.body_seed);
    return XXH3_avalanche(h);
}

static __attribute__((noinline)) uint64_t long_digest(const struct body_key *b, const void *p, size_t n)
{
#ifdef HASHWIDE
    if (__builtin_cpu_supports("avx2"))
        return hashwide_of(b->secret, p, n);
#endif
    return XXH3_64bits_withSeed(p, n, b->key.body_seed);
}

static inline uint64_t digest_of(const struct body_key *b, const void *p, size_t n)
{
    if (n > MIDDLE)
        return long_digest(b, p, n);
    if (n > SHORT)
        return middle_digest(b, p, n);
    return n > TINY ? short_digest(b, p, n) : XXH3_64bits_withSeed(p, n, b->key.body_seed);
}

uint64_t body_hash(const struct body_key *b, const void *p, size_t n)
{
    return seal_digest(&b->key, digest_of(b, p, n), n);
}

struct body_state {
    union {
#ifdef HASHWIDE
        struct hashwide wide; /* where the processor has AVX2 */
#endif
        XXH3_state_t xxh;
    };
    uint64_t n;
    const struct body_key *key;
};

struct body_state *body_new(const struct body_key *key)
{
    struct body_state *s = aligned_alloc(64, (sizeof *s + 63) & ~(size_t)63);
    if (!s)
        return NULL;
    s->key = key;
    XXH3_INITSTATE(&s->xxh);
    body_reset(s);
    return s;
}

void body_reset(struct body_state *s)
{
    s->n = 0;
#ifdef HASHWIDE
    if (__builtin_cpu_supports("avx2"))
        return;
#endif
    XXH3_64bits_reset_withSeed(&s->xxh, s->key->key.body_seed);
}

/* Apart, so that the registers it takes are not saved for those who do without. */
static __attribute__((noinline)) void add_slowly(struct body_state *s, const void *p, size_t n)
{
    XXH3_64bits_update(&s->xxh, p, n);
}

void body_add(struct body_state *s, const void *p, size_t n)
{
    s->n += n;
#ifdef HASHWIDE
    if (__builtin_cpu_supports("avx512vbmi2")) { /* those before it run slower for a while after such instructions */
        hashwide_add512(&s->wide, s->key->secret, s->n - n, p, n);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        hashwide_add(&s->wide, s->key->secret, s->n - n, p, n);
        return;
    }
#endif
    add_slowly(s, p, n);
}

uint64_t body_end(struct body_state *s)
{
#ifdef HASHWIDE
    if (__builtin_cpu_supports("avx2")) {
        if (s->n <= HASHWIDE_HELD)
            return body_hash(s->key, s->wide.text, s->n);
        return seal_digest(&s->key->key, hashwide_end(&s->wide, s->key->secret, s->n), s->n);
    }
#endif
    return seal_digest(&s->key->key, XXH3_64bits_digest(&s->xxh), s->n);
}

void body_free(struct body_state *s)
{
    free(s);
}
